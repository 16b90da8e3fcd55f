/**
 * One row of the cluster's fault tests: load from every site, something breaks and is mended, and
 * everything is read back from each site.
 *
 * Owns:          the order of a row, its figures, what they must be.
 * Knows:         the trial cluster, the load, the model.
 * Must not know: what breaks.
 */
import { setTimeout as pause } from 'node:timers/promises';
import type { ExecutionContext } from 'ava';
import type { TrialCluster } from '../cluster/trial-cluster.ts';
import { checkList, readBack } from './fault-checks.ts';
import { ClusterLoad } from './cluster-load.ts';
import { FaultModel } from './fault-model.ts';
import { faultSeed, isLongRun } from './fault-verdict.ts';
import type { WorkMix } from './fault-workload.ts';
import { SeededChoices } from './seeded-bytes.ts';

export type FaultWorld = {
  readonly t: ExecutionContext;
  readonly cluster: TrialCluster;
  readonly choices: SeededChoices;
  /** Counts acknowledged writes: says whether the cluster serves. */
  readonly model: FaultModel;
};

export type ClusterFault = {
  /** Load before something breaks, and after it was mended. */
  readonly loadMs?: number;
  /** Breaks something under load, and mends it. */
  readonly disturb: (world: FaultWorld) => Promise<void>;
  /** Requests may be cut by the fault itself: a gateway died. */
  readonly mix?: WorkMix;
};

const LOAD_MS = 1000;
/** Everything must be right again within this after the heal. */
const HEAL_MS = 60_000;
/** `npm test` runs on machines that have much else to do. */
const HANG_MS = isLongRun() ? 10_000 : 30_000;
/** Small and large, uploads in parts and deletions; less of what is large than on one node. */
const MIX: WorkMix = {
  'put-inline': 30,
  'put-block': 20,
  'put-blocks': 2,
  multipart: 1,
  delete: 10,
  get: 15,
};

let rows = 0;

export async function runFault(
  t: ExecutionContext,
  cluster: TrialCluster,
  fault: ClusterFault,
): Promise<void> {
  rows += 1;
  const seed = faultSeed(t);
  const choices = new SeededChoices(seed);
  const model = new FaultModel();
  const targets = cluster.sites.map(({ target }) => target);
  const { loadMs = LOAD_MS, mix = MIX } = fault;
  const load = new ClusterLoad({ targets, model, seed, mix, prefix: `row-${rows}` });
  load.start();
  try {
    await pause(loadMs);
    await fault.disturb({ t, cluster, choices, model });
    await pause(loadMs);
  } finally {
    await load.stop();
  }
  const healMs = await timed(() => cluster.untilHealthy(HEAL_MS));
  let differing = 0;
  // Before anything is read: reading repairs.
  const equalMs = await timed(async () => {
    differing = await cluster.untilEqual(HEAL_MS);
  });
  const { stale, wrong, silent, broken, slowest, answers } = load.figures;
  const sums = { lost: 0, wrong, unreadable: 0, reads: 0, missing: 0 };
  for (const target of targets) {
    const read = await readBack(target, model);
    sums.lost += read.lost.length;
    sums.wrong += read.wrong.length;
    sums.unreadable += read.unreadable.length;
    sums.reads += read.keys;
    for (const key of [...read.lost, ...read.wrong, ...read.unreadable].slice(0, 5)) {
      t.log(`port ${target.port}: ${key}`);
    }
  }
  if (sums.lost + sums.wrong + sums.unreadable === 0) {
    for (const target of targets) {
      const list = await checkList(target, model, `row-${rows}/`);
      sums.missing += list.missing.length + list.ghosts.length + list.misshapen.length;
    }
  }
  t.log(
    `acknowledged ${model.acknowledgedWrites}, lost ${sums.lost}, stale ${stale}, ` +
      `wrong ${sums.wrong}, unreadable ${sums.unreadable} of ${sums.reads}, ` +
      `listed wrongly ${sums.missing}; broken ${broken}, silent ${silent}, ` +
      `slowest ${seconds(slowest.ms)} (${slowest.what})`,
  );
  const damaged = isLongRun() ? await cluster.scrub() : 0;
  t.log(
    `healthy after ${seconds(healMs)}, replicas equal after ${seconds(healMs + equalMs)}, ` +
      `partitions that differ still ${differing}, damaged blocks ${damaged}`,
  );
  t.log(
    [...answers]
      .sort()
      .map(([name, times]) => `${name}: ${times}`)
      .join(', '),
  );
  t.is(sums.lost, 0, 'acknowledged writes lost');
  t.is(stale, 0, 'stale reads');
  t.is(sums.wrong, 0, 'wrong bytes');
  t.is(sums.unreadable, 0, 'keys that could not be read back');
  t.is(sums.missing, 0, 'lists that differ from what is stored');
  t.is(silent, 0, 'requests that were never answered');
  t.is(differing, 0, 'partitions whose replicas differ');
  t.is(damaged, 0, 'blocks that the scrub found damaged');
  t.true(slowest.ms < HANG_MS, `a request took ${seconds(slowest.ms)}: ${slowest.what}`);
  t.true(model.acknowledgedWrites > 0, 'nothing was written');
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`;
}

async function timed(work: () => Promise<void>): Promise<number> {
  const startedMs = performance.now();
  await work();
  return performance.now() - startedMs;
}
