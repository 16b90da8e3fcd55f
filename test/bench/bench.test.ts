// Method: every row of the bench is run for a moment against real processes, so that it cannot rot.
// No figure is judged here: the machine is shared, and a moment proves nothing.
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import test from 'ava';
import { runBench, TINY } from './bench-plan.ts';
import { CLUSTER_TINY, runClusterBench } from './cluster-rows.ts';
import { newestRecord, withTable } from './readme-table.ts';

const project = fileURLToPath(new URL('../../../', import.meta.url));

test('every row of the bench runs and has a figure', async t => {
  t.timeout(120_000);
  const directory = await mkdtemp(join(tmpdir(), 'garage-bench-'));
  t.teardown(() => rm(directory, { recursive: true, force: true }));
  const rows = await runBench({ directory, size: TINY, done: () => undefined });
  t.is(rows.length, 19);
  for (const row of rows) t.true(Number.isFinite(row.ratio), `${row.work}: ${row.figure}`);
});

test('every row of a cluster runs and has a figure', async t => {
  t.timeout(240_000);
  const directory = await mkdtemp(join(tmpdir(), 'garage-bench-'));
  t.teardown(() => rm(directory, { recursive: true, force: true }));
  const rows = await runClusterBench({ directory, size: CLUSTER_TINY, done: () => undefined });
  t.is(rows.length, 19);
  for (const row of rows) t.true(Number.isFinite(row.ratio), `${row.work}: ${row.figure}`);
});

test('the bench table of README is that of the newest record', async t => {
  const readme = await readFile(join(project, 'README.md'), 'utf8');
  const newest = await newestRecord(join(project, 'test/bench/results'));
  if (newest === undefined) return t.pass('nothing was recorded yet');
  return t.is(readme, withTable(readme, newest));
});
