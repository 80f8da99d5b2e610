'use strict'
/**
 * Runs one flying-squid Minecraft server the way zpack's agent expects a game to behave.
 *
 * Reads ./settings.json, keeps its world and logs below the working directory, binds only to the given host,
 * takes console commands on stdin, says everything (join, leave, chat) on stdout in plain lines, ends with 0 on
 * SIGTERM, SIGINT or `stop`, and with 1 on any error that leaves its state unknown.
 */

const fs = require('fs')
const path = require('path')
const readline = require('readline')

const DEFAULTS = {
  host: '127.0.0.1',
  port: 25565,
  version: '1.21.4',
  motd: 'A zpack server',
  maxPlayers: 20,
  onlineMode: false,
  worldFolder: 'world',
  viewDistance: 6,
  gameMode: 0,
  difficulty: 1
}
const STOP_SECONDS = 8
const SAMPLE = 12
const COLOURS = /\x1b\[[0-9;]*m/g
const STAMPED = /^.*? \[(INFO|WARN|ERROR)\]: ([^]*)$/

function say (level, message) {
  process.stdout.write(`[${new Date().toISOString().slice(11, 19)} ${level}]: ${message}\n`)
}

function end (code, message) {
  if (message) say('ERROR', message)
  // Written last and flushed through the callback, so that the reason of an exit is never lost in a pipe.
  process.stdout.write('', () => process.exit(code))
}

function readSettings () {
  const given = JSON.parse(fs.readFileSync('settings.json', 'utf8'))
  const settings = { ...DEFAULTS, ...given }
  for (const [key, example] of Object.entries(DEFAULTS)) {
    if (typeof settings[key] !== typeof example) throw new TypeError(`settings.json: ${key} must be a ${typeof example}`)
  }
  return settings
}

/**
 * flying-squid draws a prompt with cursor codes on stdout; in a pipe that is noise inside every log line.
 * It must be quietened before flying-squid is loaded, because its log module opens stdin while loading.
 */
function quietPrompt () {
  const createInterface = readline.createInterface
  readline.cursorTo = () => true
  readline.createInterface = ({ input }) => {
    const lines = createInterface({ input, terminal: false })
    lines.prompt = () => {}
    return lines
  }
}

/** flying-squid's exit hook ends with 143 before players are saved; take its place. */
function ownSignals (stop) {
  require('exit-hook')(() => {})
  for (const signal of ['SIGINT', 'SIGTERM']) {
    process.removeAllListeners(signal)
    process.on(signal, () => stop(signal))
  }
}

function engineOptions (settings, answerPing) {
  return {
    host: settings.host,
    port: settings.port,
    version: settings.version,
    motd: settings.motd,
    'max-players': settings.maxPlayers,
    'online-mode': settings.onlineMode,
    worldFolder: settings.worldFolder,
    'view-distance': settings.viewDistance,
    gameMode: settings.gameMode,
    difficulty: settings.difficulty,
    generation: { name: 'diamond_square', options: { worldHeight: 80 } },
    'player-list-text': { header: { text: settings.motd }, footer: { text: '' } },
    'everybody-op': false,
    'max-entities': 100,
    kickTimeout: 30000,
    plugins: {},
    modpe: false,
    beforePing: answerPing,
    // One connection's trouble is one line, said by flying-squid's own `clientError` below.
    errorHandler: (client, error) => client.end(error.message),
    logging: true,
    // Lines are printed by us: without flying-squid's own clock and cursor codes.
    noConsoleOutput: true,
    // Set, so that flying-squid leaves uncaught errors to us (it adds process listeners for every player).
    debug: () => {}
  }
}

function main () {
  const started = process.hrtime.bigint()
  const settings = readSettings()
  fs.mkdirSync('logs', { recursive: true })
  quietPrompt()

  let server = null
  let stopping = false
  let listening = false
  async function stop (reason) {
    if (stopping) return
    stopping = true
    say('INFO', `Stopping the server (${reason})`)
    setTimeout(() => end(0), STOP_SECONDS * 1000).unref()
    try {
      await server?.quit('Server closed')
    } catch (error) {
      say('WARN', `While stopping: ${error.message}`)
    }
    end(0)
  }
  ownSignals(stop)
  process.on('uncaughtException', error => end(1, `Uncaught error: ${error.stack}`))
  process.on('unhandledRejection', reason => {
    const text = `Unhandled rejection: ${reason?.stack ?? reason}`
    // Before it is ready a failed part means that nobody can ever join; later it is one player's or one chunk's.
    if (server?.isReady) say('WARN', text)
    else end(1, text)
  })
  function answerPing (response, client, answer) {
    // Silent until a player could really join, because platforms take an answered ping for readiness.
    if (!server?.isReady) return answer(null, false)
    response.players.sample = server.players.slice(0, SAMPLE).map(({ username, uuid }) => ({ name: username, id: uuid }))
    answer(null, response)
  }

  const flyingSquid = require('flying-squid')
  server = flyingSquid.createMCServer(engineOptions(settings, answerPing))
  server.formatMessage = line => {
    // "November 23rd 2026, 16:40:00 [INFO]: text", with colours, becomes our own form, one for all lines.
    const plain = line.replace(COLOURS, '')
    const [, level, text] = STAMPED.exec(plain) ?? [null, 'INFO', plain]
    const lines = text.split('\n')
    for (const part of text.startsWith('Client ') ? lines.slice(0, 1) : lines) say(level, part)
    return plain
  }
  server.on('listening', () => { listening = true })
  server.on('error', error => { if (!listening) end(1, `Cannot listen on ${settings.host}:${settings.port}: ${error.message}`) })
  server.on('ready', () => {
    const seconds = Number(process.hrtime.bigint() - started) / 1e9
    say('INFO', `Done (${seconds.toFixed(2)}s)! ${settings.version} on ${settings.host}:${server.listeningPort}, ` +
      `world ${path.resolve(settings.worldFolder)}`)
  })
  server.commands.add({
    base: 'stop',
    info: 'Stops the server',
    usage: '/stop',
    op: true,
    action () { stop('console') }
  })
  server.commands.add({
    base: 'list',
    info: 'Names the players',
    usage: '/list',
    action (_, { player } = {}) {
      const names = server.players.map(each => each.username)
      const text = `There are ${names.length} of a max of ${settings.maxPlayers} players online: ${names.join(', ')}`
      if (player) player.chat(text)
      else say('INFO', text)
    }
  })
}

try {
  main()
} catch (error) {
  end(1, error.code === 'ENOENT' && error.path === 'settings.json' ? 'settings.json is missing' : error.stack)
}
