// Method: README is compared with what would be written into it, and the tables of cases with the
// route table of the S3 door, so that no operation is there without a case.
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import test from 'ava';
import { s3Operations } from '../../gateway/s3/s3-operations.ts';
import { withCompatibility } from './readme-table.ts';
import { refused, tables } from './tables.ts';

const CASES_MIN = 600;

test('the compatibility table of README is that of the cases (npm run readme)', async t => {
  const path = fileURLToPath(new URL('../../../README.md', import.meta.url));
  const readme = await readFile(path, 'utf8');
  t.is(readme, withCompatibility(readme));
});

test('there are as many cases as were promised', t => {
  const count = tables.reduce((sum, { cases }) => sum + Object.keys(cases).length, 0);
  t.true(count >= CASES_MIN, `${count} cases`);
});

test('every operation of the route table has its cases', t => {
  const titles = tables
    .map(({ operation }) => operation)
    .join(', ')
    .split(', ');
  const known = new Set([...titles, ...Object.keys(refused.cases)]);
  const names = s3Operations({ punycode: 'refused' }).map(({ name }) => name);
  t.deepEqual(
    [...new Set(names)].filter(name => !known.has(name)),
    [],
  );
});
