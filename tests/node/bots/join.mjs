// A player that joins a server, says something and leaves; one JSON line on stdout for each thing that happens.
//
// node join.mjs --host 127.0.0.1 --port 25565 --fake-host NAME --username U --version 1.21.4
//               [--message TEXT] [--stay SECONDS] [--timeout SECONDS]
//
// Exit: 0 joined and left, 2 kicked, 3 not joined in time, 1 any other error. SIGTERM leaves the game cleanly.
import { parseArgs } from 'node:util'
import mineflayer from 'mineflayer'

const { values: options } = parseArgs({
  options: {
    host: { type: 'string', default: '127.0.0.1' },
    port: { type: 'string', default: '25565' },
    'fake-host': { type: 'string' },
    username: { type: 'string', default: 'bot' },
    version: { type: 'string' },
    message: { type: 'string' },
    stay: { type: 'string', default: '0' },
    timeout: { type: 'string', default: '30' }
  }
})

let joined = false
let leaving = false

function tell (event, facts = {}) {
  process.stdout.write(JSON.stringify({ event, username: options.username, ...facts }) + '\n')
}

function finish (code) {
  process.stdout.write('', () => process.exit(code))
}

const bot = mineflayer.createBot({
  host: options.host,
  port: Number(options.port),
  fakeHost: options['fake-host'],
  username: options.username,
  version: options.version ?? false,
  auth: 'offline',
  hideErrors: true
})

function leave () {
  if (leaving) return
  leaving = true
  bot.quit()
  setTimeout(() => finish(0), 3000).unref()
}

async function heardSelf () {
  const heard = new Promise(resolve => bot.on('messagestr', text => {
    if (!text.includes(options.message)) return
    tell('chat', { text })
    resolve()
  }))
  bot.chat(options.message)
  await Promise.race([heard, new Promise(resolve => setTimeout(resolve, 5000))])
}

bot.once('spawn', async () => {
  joined = true
  const { x, y, z } = bot.entity.position
  tell('spawn', { version: bot.version, position: [x, y, z], players: Object.keys(bot.players) })
  if (options.message) await heardSelf()
  setTimeout(leave, Number(options.stay) * 1000)
})
bot.on('kicked', reason => {
  tell('kicked', { reason: typeof reason === 'string' ? reason : JSON.stringify(reason) })
  finish(2)
})
bot.on('error', error => {
  if (leaving) return
  tell('error', { message: error.message, code: error.code })
  finish(1)
})
bot.on('end', reason => {
  tell('end', { reason, joined })
  finish(joined && leaving ? 0 : 1)
})
process.on('SIGTERM', leave)
setTimeout(() => {
  if (joined) return
  tell('timeout', { message: `no spawn within ${options.timeout} s` })
  finish(3)
}, Number(options.timeout) * 1000).unref()
