// A player that joins a server, looks at one block, digs it when asked to, and leaves; one JSON line for each.
//
// node block.mjs --host 127.0.0.1 --port 25565 --fake-host NAME --username U --version 1.21.4
//                [--at X,Y,Z] [--dig] [--timeout SECONDS]
//
// Without --at it is the ground beside the player. Exit: 0 seen (and dug), 3 not in time, 1 any other error.
import { parseArgs } from 'node:util'
import mineflayer from 'mineflayer'
import { Vec3 } from 'vec3'

const { values: options } = parseArgs({
  options: {
    host: { type: 'string', default: '127.0.0.1' },
    port: { type: 'string', default: '25565' },
    'fake-host': { type: 'string' },
    username: { type: 'string', default: 'bot' },
    version: { type: 'string' },
    at: { type: 'string' },
    dig: { type: 'boolean', default: false },
    timeout: { type: 'string', default: '60' }
  }
})

function finish (code, facts) {
  process.stdout.write(JSON.stringify(facts) + '\n', () => process.exit(code))
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

function ground () {
  const beside = bot.entity.position.floored().offset(1, 0, 0)
  for (let down = 3; down > -4; down--) {
    const block = bot.blockAt(beside.offset(0, down, 0))
    if (block && block.boundingBox === 'block' && block.diggable) return block // no plant: half of one comes off
  }
  throw new Error('there is no ground beside the player')
}

bot.once('spawn', async () => {
  try {
    await bot.waitForChunksToLoad()
    const at = options.at ? new Vec3(...options.at.split(',').map(Number)) : ground().position
    const seen = bot.blockAt(at)?.name
    if (options.dig) {
      await bot.dig(bot.blockAt(at), true)
      await bot.waitForTicks(20)
    }
    const facts = { at: [at.x, at.y, at.z], seen, now: bot.blockAt(at)?.name }
    bot.quit()
    setTimeout(() => finish(0, facts), 500)
  } catch (error) {
    finish(1, { error: error.message })
  }
})
bot.on('kicked', reason => finish(1, { error: JSON.stringify(reason) }))
bot.on('error', error => finish(1, { error: error.message }))
setTimeout(() => finish(3, { error: 'not in time' }), Number(options.timeout) * 1000).unref()
