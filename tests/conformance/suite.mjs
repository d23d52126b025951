// Runs tests of the suite and prints its results as JSON: node suite.mjs PACKAGE BASE_URL [TEST_ID...]
//
// A process of its own: the suite remembers what it has run.
import { createRequire } from 'node:module'
import { join } from 'node:path'

const [home, base, ...ids] = process.argv.slice(2)
const fetch = createRequire(join(home, 'package.json'))('node-fetch')
const { runTests, getResults } = await import(join(home, 'client/runner.mjs'))
const { default: suites } = await import(join(home, 'tests/index.mjs'))

const wanted = test => ids.length === 0 || ids.includes(test.id)
await runTests(suites.map(suite => ({ ...suite, tests: suite.tests.filter(wanted) })), fetch, false, base)
console.log(JSON.stringify(getResults()))
