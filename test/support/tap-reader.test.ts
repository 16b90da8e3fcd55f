// Method: text as ava 7.0 prints it with --tap, shortened, goes in line by line.
import test from 'ava';
import { TapReader } from './tap-reader.ts';
import type { TestResult } from './tap-reader.ts';

const router = 'dist/test/gateway/http/router.test.js';
const ids = 'dist/test/schemas/ids.test.js';

function read(files: readonly string[], text: string): TestResult[] {
  const results: TestResult[] = [];
  const reader = new TapReader(files, result => results.push(result));
  for (const line of text.split('\n')) reader.line(line);
  reader.end();
  return results;
}

test('results are given to the files whose words precede their titles', t => {
  const results = read(
    [router, ids],
    [
      'TAP version 13',
      'ok 1 - gateway › http › router › a path is split',
      'ok 2 - schemas › ids › an id › with a separator is kept',
      '',
      '1..2',
      '# tests 2',
      '# pass 2',
      '# fail 0',
    ].join('\n'),
  );
  t.deepEqual(
    results.map(({ file, title, outcome }) => ({ file, title, outcome })),
    [
      { file: router, title: 'a path is split', outcome: 'passed' },
      { file: ids, title: 'an id › with a separator is kept', outcome: 'passed' },
    ],
  );
});

test('the only file of a run needs no words', t => {
  const [result] = read([ids], 'ok 1 - an id › is parsed');
  t.is(result?.file, ids);
  t.is(result?.title, 'an id › is parsed');
});

test('the folder that all files share is not among the words', t => {
  const other = 'dist/test/schemas/records/row.test.js';
  const results = read([ids, other], 'ok 1 - ids › one\nok 2 - records › row › two');
  t.deepEqual(
    results.map(({ file }) => file),
    [ids, other],
  );
});

test('a file is known although ava leaves "test-" out of its name', t => {
  const other = 'dist/test/support/latest-test-report.test.js';
  const results = read([ids, other], 'ok 1 - support › latest-report › one');
  t.is(results[0]?.file, other);
});

test('a failure carries its detail, a test its logs', t => {
  const [failed, passed] = read(
    [ids],
    [
      'not ok 1 - a value is the other',
      '#   looked at 3 values',
      '  ---',
      '    name: AssertionError',
      '    details:',
      "      'Difference': |-",
      '        - 1',
      '        + 2',
      '  ...',
      'ok 2 - figures are printed',
      '#   lost = 0',
      '#   wrong = 0',
    ].join('\n'),
  );
  t.is(failed?.outcome, 'failed');
  t.deepEqual(failed?.logs, ['looked at 3 values']);
  t.deepEqual(failed?.detail, [
    'name: AssertionError',
    'details:',
    "  'Difference': |-",
    '    - 1',
    '    + 2',
  ]);
  t.deepEqual(passed?.logs, ['lost = 0', 'wrong = 0']);
});

test('lines inside a detail are not taken for results', t => {
  const text = ['not ok 1 - a', '  ---', 'ok 2 - not a result', '  ...', 'ok 3 - b'].join('\n');
  t.deepEqual(
    read([ids], text).map(({ title }) => title),
    ['a', 'b'],
  );
});

test('a skipped test is skipped, one still to be written is failed', t => {
  const results = read([ids], 'ok 1 - a (skipped: needs root) # SKIP\nnot ok 2 - b # TODO');
  t.deepEqual(
    results.map(({ title, outcome }) => [title, outcome]),
    [
      ['a (skipped: needs root)', 'skipped'],
      ['b', 'failed'],
    ],
  );
});

test('tests that never ran because their process ended are failures', t => {
  const results = read([ids, router], `ok 1 - schemas › ids › a\n# 2 tests remaining in ${router}`);
  t.deepEqual(
    results.map(({ file, outcome }) => [file, outcome]),
    [
      [ids, 'passed'],
      [router, 'failed'],
      [router, 'failed'],
    ],
  );
});

test('a report that stops in the middle is not complete', t => {
  const reader = new TapReader([ids], () => undefined);
  reader.line('ok 1 - a');
  t.false(reader.isComplete);
  reader.line('1..1');
  t.true(reader.isComplete);
});

test('what befell a whole file is given to it', t => {
  const [result] = read([ids, router], `not ok 1 - ${router} exited due to SIGKILL`);
  t.is(result?.file, router);
});

test('a crash that names no known file is still a failure', t => {
  const [result] = read([ids, router], 'not ok 1 - Error: out of luck');
  t.is(result?.file, undefined);
  t.is(result?.outcome, 'failed');
});
