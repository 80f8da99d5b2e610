// npm's minecraft-protocol at both ends: `server <address> <port>`, `ping <address> <port>`.
import { createRequire } from 'node:module'

const [folder, mode, host, port] = process.argv.slice(2)
const protocol = createRequire(`${folder}/package.json`)('minecraft-protocol')
const say = (fact) => process.stdout.write(JSON.stringify(fact) + '\n')

if (mode === 'server') {
  const options = { host, port: Number(port), version: '1.21.4', 'online-mode': false, motd: 'behind a door' }
  protocol.createServer(options).on('listening', () => say({ listening: true }))
} else {
  const found = await protocol.ping({ host, port: Number(port), version: '1.21.4' })
  say({ motd: found.description?.text ?? found.description })
  process.exit(0)
}
