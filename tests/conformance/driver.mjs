// Puts Forebay before the suite's origin server, runs the suite, compares: node driver.mjs PACKAGE FOREBAY [--bless]
import { spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { line, outcomes, tally } from './outcome.mjs'

const here = import.meta.dirname ?? new URL('.', import.meta.url).pathname
const baseline = join(here, 'baseline.txt')
const [home, forebay, option, file] = process.argv.slice(2)

/// Seconds that a server may take to start, and the suite to run: it takes some twenty.
const START = 20
const RUN = 240
/// A result that differs is believed when it has differed so often: the suite measures lifetimes in seconds.
const TRIES = 3

if (option === '--results') {
  const theirs = await outcomes(home, JSON.parse(readFileSync(file, 'utf8')))
  console.log(tally(theirs).join('\n'))
  process.exit(0)
}

const children = new Set()
const scratch = mkdtempSync(join(tmpdir(), 'forebay-conformance-'))
process.on('exit', () => {
  for (const child of children) child.kill('SIGKILL')
  rmSync(scratch, { recursive: true, force: true })
})
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => process.exit(130))

/// A program that runs until this one ends. `output`: told each line it writes. The promise is kept when it has ended.
function run (program, args, options, output) {
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'], ...options })
  children.add(child)
  for (const stream of [child.stdout, child.stderr]) createInterface({ input: stream }).on('line', output)
  return new Promise((resolve, reject) => {
    child.on('error', reject)
    child.on('close', code => {
      children.delete(child)
      resolve(code)
    })
  })
}

/// Starts a server, and waits for the line in which it says where it listens: the port.
function server (name, program, args, options) {
  return new Promise((resolve, reject) => {
    const said = []
    const failed = how => reject(new Error(`${name} ${how}\n${said.join('\n')}`))
    const timer = setTimeout(failed, START * 1000, `did not listen within ${START} s`)
    const ended = run(program, args, options, text => {
      said.push(text)
      const listens = /listening on \S*:(\d+)/i.exec(text)
      if (!listens) return
      clearTimeout(timer)
      resolve(listens[1])
    })
    ended.then(code => failed(`ended with ${code}`), reject)
  })
}

/// Runs the tests named, or all: the suite's results by id.
async function suite (base, ids) {
  const lines = []
  const timer = setTimeout(() => {
    console.error(`the suite did not end within ${RUN} s`)
    process.exit(1)
  }, RUN * 1000)
  const code = await run(process.execPath, ['--no-warnings', join(here, 'suite.mjs'), home, base, ...ids], {}, text => lines.push(text))
  clearTimeout(timer)
  if (code !== 0) throw new Error(`the suite ended with ${code}\n${lines.join('\n')}`)
  return JSON.parse(lines.at(-1))
}

const origin = await server('the origin', process.execPath, ['server/server.mjs'], {
  cwd: home,
  env: {
    ...process.env,
    npm_config_protocol: 'http',
    npm_config_port: '0',
    npm_config_pidfile: join(scratch, 'origin.pid')
  }
})
const proxy = await server('forebay', forebay, ['--config', join(here, 'config.toml')], {
  env: { CONFORMANCE_ORIGIN: `http://127.0.0.1:${origin}` }
})
const base = `http://127.0.0.1:${proxy}`
const results = await suite(base, [])

const known = new Map(read().map(text => [text.split(/\s+/)[2], text]))
let now = await outcomes(home, results)
const differing = () => now.filter(test => known.get(test.name) !== line(test))
for (let tries = 1; tries < TRIES && known.size > 0 && differing().length > 0; tries++) {
  Object.assign(results, await suite(base, differing().map(test => test.id)))
  now = await outcomes(home, results)
}
console.log(`${now.length} tests of http-cache-tests; ${tally(now).join(', ')}`)

if (option === '--bless') {
  const head = readFileSync(baseline, 'utf8').split('\n').filter(text => text.startsWith('#'))
  writeFileSync(baseline, [...head, ...now.map(line), ''].join('\n'))
  console.log(`written: ${baseline}`)
  process.exit(0)
}
const gone = [...known.keys()].filter(name => !now.some(test => test.name === name))
for (const name of gone) console.error(`- ${known.get(name)}`)
for (const test of differing()) {
  if (known.has(test.name)) console.error(`- ${known.get(test.name)}`)
  console.error(`+ ${line(test)}${test.why && `   ${test.why}`}`)
}
if (gone.length > 0 || differing().length > 0) {
  console.error('not what the baseline says; if it is right: tests/conformance/run --bless')
  process.exit(1)
}
process.exit(0)

/// The lines of the baseline that tell of a test.
function read () {
  return readFileSync(baseline, 'utf8').split('\n').filter(text => text !== '' && !text.startsWith('#'))
}
