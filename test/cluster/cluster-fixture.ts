/**
 * A trial cluster for one test file, started when the first test asks for it.
 *
 * Owns:          its directory, its end, and putting it right between two tests.
 * Knows:         the trial cluster.
 * Must not know: what is tested.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import type { ExecutionContext } from 'ava';
import { scratchDirectory } from '../support/shared-garage.ts';
import { TrialCluster, type TrialOptions } from './trial-cluster.ts';

export type FixtureOptions = Omit<TrialOptions, 'directory'>;

/** Blocks that nobody refers to are deleted after one second instead of ten minutes. */
export const COLLECT_SOON = ['[debug]', 'block_delete_delay_seconds = 1'];

/** A cluster of its own, healthy, killed when the test ends. */
export async function startTrial(
  t: ExecutionContext,
  options: FixtureOptions,
): Promise<TrialCluster> {
  const directory = await scratchDirectory(t);
  const cluster = await TrialCluster.start({ directory, ...options });
  t.teardown(() => cluster.stop('SIGKILL'));
  return cluster;
}

/** Answers the cluster, which the first call starts. To be called at the top of a test file. */
export function sharedTrial(options: FixtureOptions): () => Promise<TrialCluster> {
  let started: Promise<TrialCluster> | undefined;
  const directory = mkdtemp(join(tmpdir(), 'garage-trial-'));
  test.after.always('the shared cluster ends', async t => {
    const cluster = await started?.catch(() => undefined);
    await cluster?.stop('SIGKILL');
    await rm(await directory, { recursive: true, force: true });
    t.pass();
  });
  return async () => {
    started ??= directory.then(path => TrialCluster.start({ directory: path, ...options }));
    const cluster = await started;
    await putRight(cluster);
    return cluster;
  };
}

/** Whatever the last test has left broken. */
async function putRight(cluster: TrialCluster): Promise<void> {
  cluster.links.heal();
  for (const child of cluster.sites.flatMap(({ children }) => children)) {
    child.signal('SIGCONT');
    if (!child.isRunning) cluster.startAgain(child);
  }
  await cluster.untilHealthy();
}
