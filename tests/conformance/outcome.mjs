// What results of the suite mean, counted as the suite's own pages count them.
import { join } from 'node:path'

/// The suite's symbols in words. `not-run`: a test that this one depends on did not pass.
const WORDS = {
  '-': 'untested',
  '✅': 'pass',
  '⛔️': 'fail',
  '⚠️': 'fail',
  Y: 'yes',
  N: 'no',
  '🔹': 'setup-failed',
  '⁉️': 'harness-failed',
  '⚪️': 'not-run',
  '↻': 'retried'
}

/// Every test that applies to a proxy, in the suite's order: its id, its kind, what it came to and why.
export async function outcomes (home, results) {
  const { default: suites } = await import(join(home, 'tests/index.mjs'))
  const { determineTestResult } = await import(join(home, 'lib/display.mjs'))
  return suites.flatMap(suite => suite.tests
    .filter(test => test.browser_only !== true)
    .map(test => ({
      id: test.id,
      name: `${suite.id}/${test.id}`,
      kind: { optimal: 'optional', check: 'check' }[test.kind] ?? 'required',
      outcome: WORDS[determineTestResult(suites, test.id, results)[2]],
      why: Array.isArray(results[test.id]) ? results[test.id][1] : ''
    })))
}

/// "required: 157 of 157", and the same for what is optional.
export function tally (outcomes) {
  return ['required', 'optional'].map(kind => {
    const all = outcomes.filter(test => test.kind === kind)
    return `${kind}: ${all.filter(test => test.outcome === 'pass').length} of ${all.length}`
  })
}

/// One line a test.
export function line ({ kind, outcome, name }) {
  return `${kind.padEnd(8)} ${outcome.padEnd(14)} ${name}`
}
