// A foreign Minecraft server and a foreign client (npm minecraft-protocol), for the edge between them.
//
// node peer.mjs server BOTS HOST MOTD VERSION             prints {"port"}, then {"player","serverHost"} for each login
// node peer.mjs client BOTS HOST PORT FAKE_HOST VERSION   joins; prints {"event":"joined"} or {"event":"refused","reason"}
import { createRequire } from 'node:module'

const [role, bots, host, ...rest] = process.argv.slice(2)
const protocol = createRequire(bots + '/package.json')('minecraft-protocol')
const tell = facts => process.stdout.write(JSON.stringify(facts) + '\n')

function serve ([motd, version]) {
  const server = protocol.createServer({ host, port: 0, 'online-mode': false, version, motd, maxPlayers: 3 })
  server.on('listening', () => tell({ port: server.socketServer.address().port }))
  server.on('playerJoin', client => {
    tell({ player: client.username, serverHost: client.serverHost })
    client.end('seen by ' + motd)
  })
  process.on('SIGTERM', () => process.exit(0))
}

function join ([port, fakeHost, version]) {
  const client = protocol.createClient({ host, port: Number(port), fakeHost, username: 'Visitor', version, auth: 'offline' })
  const end = facts => { tell(facts); process.stdout.write('', () => process.exit(0)) }
  client.on('disconnect', packet => end({ event: 'refused', reason: JSON.stringify(packet.reason) }))
  let joined = false
  client.on('success', () => { joined = true })
  client.on('end', reason => end({ event: joined ? 'joined' : 'ended', reason })) // the server ends every visit
  client.on('error', error => end({ event: 'error', reason: error.message }))
}

if (role === 'server') serve(rest)
else join(rest)
