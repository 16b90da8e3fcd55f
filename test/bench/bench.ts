/**
 * `npm run bench`: every figure beside its limit from the same run, recorded with its date.
 *
 * Owns:          nothing.
 * Knows:         the plan and the report.
 * Must not know: how a row is measured.
 *
 * `--tiny` runs every row for a moment and records nothing; `--short` takes some minutes.
 * `--dir PATH` says where the data go; `--cluster` runs the rows of a cluster alone, and records
 * nothing either.
 */
import { execFileSync } from 'node:child_process';
import { mkdtemp, readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { FULL, runBench, SHORT, TINY } from './bench-plan.ts';
import { CLUSTER_FULL, CLUSTER_TINY, runClusterBench } from './cluster-rows.ts';
import { newestRecord, withTable } from './readme-table.ts';
import { formatRows, record, type BenchRow } from './report.ts';

const isTiny = process.argv.includes('--tiny');
const home = process.argv[process.argv.indexOf('--dir') + 1];
const parent = process.argv.includes('--dir') && home !== undefined ? home : tmpdir();
const size = isTiny ? TINY : process.argv.includes('--short') ? SHORT : FULL;

function done(row: BenchRow): void {
  const verdict = row.isMet ? 'met' : 'MISSED';
  console.log(`${row.work}: ${row.figure} (${row.limit}), ${row.ratio.toFixed(2)} ${row.target}`);
  console.log(`  ${verdict}${row.note === undefined ? '' : `; ${row.note}`}`);
}

const directory = await mkdtemp(join(parent, 'garage-bench-'));
const onlyCluster = process.argv.includes('--cluster');
const rows = onlyCluster ? [] : await runBench({ directory, size, done });
const clusterSize = isTiny ? CLUSTER_TINY : CLUSTER_FULL;
// A cluster that does not come up must not cost what was measured before.
const failure = await runClusterBench({ directory, size: clusterSize, done }).then(
  clusterRows => void rows.push(...clusterRows),
  (error: unknown) => ({ error }),
);
console.log(`\n${formatRows(rows)}`);
if (!isTiny && !onlyCluster) {
  const project = fileURLToPath(new URL('../../../', import.meta.url));
  const commit = execFileSync('git', ['-C', project, 'rev-parse', '--short', 'HEAD']);
  const path = await record(join(project, 'test/bench/results'), {
    at: new Date().toISOString(),
    commit: commit.toString().trim(),
    parameters: size,
    rows,
  });
  const readme = join(project, 'README.md');
  const newest = await newestRecord(join(project, 'test/bench/results'));
  if (newest) await writeFile(readme, withTable(await readFile(readme, 'utf8'), newest));
  console.log(`\nrecorded in ${path}, and shown in README`);
}
if (failure !== undefined) throw failure.error;
