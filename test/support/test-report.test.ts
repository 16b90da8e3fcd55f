import test from 'ava';
import type { TestResult } from './tap-reader.ts';
import { TestReport } from './test-report.ts';

function report(): { lines: string[]; report: TestReport } {
  const lines: string[] = [];
  return { lines, report: new TestReport(line => lines.push(line)) };
}

function result(
  name: string,
  outcome: TestResult['outcome'],
  rest?: Partial<TestResult>,
): TestResult {
  const file = `dist/test/${name}.test.js`;
  return { file, title: `${name} works`, outcome, logs: [], detail: [], ...rest };
}

test('the last line is the count, and a run without failures passes', t => {
  const { lines, report: run } = report();
  run.checkPassed('types');
  run.result(result('one', 'passed'));
  run.result(result('two', 'skipped'));
  t.is(run.finish(), 'passed');
  t.is(lines.at(-1), '2 passed, 0 failed, 1 skipped');
  t.true(lines.includes('skipped  test/two.test.ts: two works'));
});

test('a failed test and a failed check fail the run and are named at its end', t => {
  const { lines, report: run } = report();
  run.checkFailed('lint: bus/bus.ts', ['1:1 error']);
  run.result(result('one', 'failed', { detail: ['expected 1'] }));
  t.is(run.failedCount, 2);
  t.is(run.finish(), 'failed');
  t.deepEqual(lines.slice(-3), [
    'failed  lint: bus/bus.ts',
    'failed  test/one.test.ts: one works',
    '0 passed, 2 failed, 0 skipped',
  ]);
});

test('a failure is printed at once, with its logs and its detail', t => {
  const { lines, report: run } = report();
  run.result(result('one', 'failed', { logs: ['seed 7'], detail: ['expected 1', '  got 2'] }));
  t.deepEqual(lines, [
    'FAILED  test/one.test.ts: one works',
    '          seed 7',
    '          expected 1',
    '            got 2',
  ]);
});

test('a run in which nothing ran has failed', t => {
  const { lines, report: run } = report();
  t.is(run.finish(), 'failed');
  t.is(lines.at(-1), '0 passed, 1 failed, 0 skipped');
});

test('a run in which everything was skipped has failed', t => {
  const { report: run } = report();
  run.result(result('one', 'skipped'));
  t.is(run.finish(), 'failed');
});

test('a file gets its line, with its logs, once two others have reported', t => {
  const { lines, report: run } = report();
  run.result(result('one', 'passed', { logs: ['lost = 0'] }));
  run.result(result('two', 'passed'));
  t.deepEqual(lines, []);
  run.result(result('three', 'passed'));
  t.deepEqual(lines, ['passed  test/one.test.ts (1 passed)', '          one works: lost = 0']);
});

test('a file that reports in between stays open', t => {
  const { lines, report: run } = report();
  run.result(result('slow', 'passed'));
  run.result(result('two', 'passed'));
  run.result(result('slow', 'passed'));
  run.result(result('two', 'passed'));
  t.deepEqual(lines, []);
  run.finish();
  t.true(lines.includes('passed  test/slow.test.ts (2 passed)'));
});
