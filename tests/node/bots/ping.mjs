// Asks a server for its status as a player's server list does; prints the answer as one JSON line.
//
// node ping.mjs --host 127.0.0.1 --port 25565 [--fake-host NAME] [--version 1.21.4] [--timeout SECONDS]
import { parseArgs } from 'node:util'
import net from 'node:net'
import protocol from 'minecraft-protocol'

const { values: options } = parseArgs({
  options: {
    host: { type: 'string', default: '127.0.0.1' },
    port: { type: 'string', default: '25565' },
    'fake-host': { type: 'string' },
    version: { type: 'string', default: '1.21.4' },
    timeout: { type: 'string', default: '10' }
  }
})

try {
  const answer = await protocol.ping({
    // The handshake carries `host`; where the connection goes is decided below.
    host: options['fake-host'] ?? options.host,
    port: Number(options.port),
    version: options.version,
    closeTimeout: Number(options.timeout) * 1000,
    noPongTimeout: 2000,
    connect: client => {
      client.setSocket(net.connect({ host: options.host, port: Number(options.port) }))
    }
  })
  process.stdout.write(JSON.stringify({ event: 'status', ...answer }) + '\n', () => process.exit(0))
} catch (error) {
  process.stdout.write(JSON.stringify({ event: 'error', message: error.message, code: error.code }) + '\n', () => process.exit(1))
}
