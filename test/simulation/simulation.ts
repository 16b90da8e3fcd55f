/**
 * One run: a cluster, a workload and its faults from one seed, and what is judged at the end.
 *
 * Owns:          the order of a run; which workloads there are.
 * Knows:         the simulated cluster, the nemesis, the workloads.
 * Must not know: how results are shown.
 */
import { SeededRandom } from '../support/seeded-random.ts';
import { BucketsWorkload } from './buckets-workload.ts';
import { CollectionWorkload } from './collection-workload.ts';
import { Contents } from './contents.ts';
import { DurabilityCheck } from './durability-check.ts';
import { LayoutWorkload } from './layout-workload.ts';
import { ListsWorkload } from './lists-workload.ts';
import { MultipartWorkload } from './multipart-workload.ts';
import { Nemesis, type NemesisOptions } from './nemesis.ts';
import { ObjectsWorkload } from './objects-workload.ts';
import type { Plants } from './plants.ts';
import { differenceIn } from './replica-check.ts';
import { NotInTimeError, SimulatedCluster } from './simulated-cluster.ts';
import { violate, type Run, type Workload } from './workload.ts';

export type SimulationOptions = {
  readonly seed: number;
  readonly workload: WorkloadName;
  readonly plants?: Plants | undefined;
  readonly keeps?: 'hash' | 'lines';
};

export type SimulationResult = {
  readonly seed: number;
  readonly workload: WorkloadName;
  readonly violations: readonly string[];
  readonly hash: string;
  readonly lines: readonly string[];
  readonly simulatedMs: number;
};

type Kind = {
  readonly nodes: number;
  readonly spares: number;
  readonly gateways: number;
  readonly lastsMs: number;
  readonly make: (run: Run) => Workload;
  readonly weights: NemesisOptions['weights'];
  /** After so long no fault begins any more. */
  readonly faultsMs?: number;
  readonly losesDisk?: boolean;
  /** Three nodes hold everything, and keep their disks. */
  readonly isDurable?: boolean;
};

const OBJECT_FAULTS: NemesisOptions['weights'] = {
  ...{ kill: 4, power: 4, dark: 1, freeze: 3, 'gateway-kill': 2, 'gateway-freeze': 1 },
  ...{ cut: 3, 'one-way': 2, isolate: 3, 'gateway-cut': 3, weather: 3, clock: 2 },
};

const DISK_FAULTS: NemesisOptions['weights'] = {
  ...{ kill: 3, power: 4, dark: 1, cut: 2, isolate: 2, weather: 1 },
  ...{ 'append-error': 4, 'sync-error': 3, 'file-error': 2 },
};

const LAYOUT_FAULTS: NemesisOptions['weights'] = {
  ...{ layout: 4, kill: 2, power: 2, freeze: 2, 'gateway-freeze': 2 },
  ...{ cut: 2, isolate: 2, weather: 2 },
};

/** Mostly quiet: all replicas must be there for something to be forgotten, and who leads them
 *  counts the time from its start. */
const COLLECTION_FAULTS: NemesisOptions['weights'] = { cut: 3, isolate: 3, freeze: 1, weather: 1 };

const WORKLOADS = {
  objects: {
    ...{ nodes: 3, spares: 0, gateways: 3, lastsMs: 5000 },
    make: run => new ObjectsWorkload(run),
    ...{ weights: OBJECT_FAULTS, isDurable: true },
  },
  lists: {
    ...{ nodes: 3, spares: 0, gateways: 2, lastsMs: 5000 },
    make: run => new ListsWorkload(run),
    weights: OBJECT_FAULTS,
  },
  multipart: {
    ...{ nodes: 3, spares: 0, gateways: 2, lastsMs: 5000 },
    make: run => new MultipartWorkload(run),
    ...{ weights: OBJECT_FAULTS, isDurable: true },
  },
  buckets: {
    ...{ nodes: 3, spares: 0, gateways: 2, lastsMs: 5000 },
    make: run => new BucketsWorkload(run),
    weights: OBJECT_FAULTS,
  },
  collection: {
    ...{ nodes: 3, spares: 0, gateways: 2, lastsMs: CollectionWorkload.LASTS_MS, faultsMs: 20_000 },
    make: run => new CollectionWorkload(run),
    weights: COLLECTION_FAULTS,
  },
  disks: {
    ...{ nodes: 3, spares: 0, gateways: 2, lastsMs: 5000 },
    make: run => new ObjectsWorkload(run),
    ...{ weights: DISK_FAULTS, losesDisk: true },
  },
  layout: {
    ...{ nodes: 3, spares: 3, gateways: 3, lastsMs: 6000 },
    make: run => new LayoutWorkload(run),
    weights: LAYOUT_FAULTS,
  },
} as const satisfies Record<string, Kind>;

export type WorkloadName = keyof typeof WORKLOADS;
export const WORKLOAD_NAMES = Object.keys(WORKLOADS) as WorkloadName[];

const FAULTS_AT_ONCE = 2;
const CONVERGE_MS = 120_000;
/** One run of so many waits until all replicas are the same. */
const LIVENESS_EACH = 4;

export async function simulate(options: SimulationOptions): Promise<SimulationResult> {
  const { seed, workload, plants, keeps = 'hash' } = options;
  const kind: Kind = WORKLOADS[workload];
  const cluster = new SimulatedCluster({ ...kind, seed, plants, keeps });
  const { random, trace, time } = cluster;
  const run: Run = {
    ...{ cluster, violations: [], mode: seed % LIVENESS_EACH === 0 ? 'liveness' : 'safety' },
    random: new SeededRandom(random.below(2 ** 31)),
    contents: new Contents(new SeededRandom(random.below(2 ** 31))),
  };
  try {
    await play(run, kind);
  } catch (error) {
    if (!(error instanceof NotInTimeError)) throw error;
    violate(run, error.message);
  }
  for (const { what, error } of cluster.bugs) {
    run.violations.push(`${what}: ${error instanceof Error ? String(error.stack) : String(error)}`);
  }
  const { violations } = run;
  const { hash, lines } = trace;
  return { seed, workload, violations, hash, lines, simulatedMs: time.nowMs };
}

async function play(run: Run, kind: Kind): Promise<void> {
  const { cluster, random } = run;
  await cluster.begin();
  const workload = kind.make(run);
  const { weights, losesDisk = false } = kind;
  const nemesis = new Nemesis({ cluster, random, weights, losesDisk, atOnce: FAULTS_AT_ONCE });
  const durability = new DurabilityCheck(run, kind.isDurable ? (workload.places ?? []) : []);
  workload.start();
  nemesis.start();
  durability.start();
  const faultsMs = kind.faultsMs ?? kind.lastsMs;
  await cluster.time.pass(faultsMs);
  nemesis.stop();
  await cluster.time.pass(kind.lastsMs - faultsMs);
  durability.stop();
  await workload.settle?.();
  nemesis.heal();
  await workload.stop();
  await cluster.until('every node serves', () =>
    cluster.nodes.every(({ role }) => role !== undefined),
  );
  await workload.verify();
  if (run.mode === 'liveness') await converge(run);
}

/** Replicas become the same again without anybody's help, and stay readable. */
async function converge({ cluster }: Run): Promise<void> {
  const isSettled = (): boolean => cluster.isLayoutSettled(cluster.layoutVersion);
  await cluster.until('one layout is in force', isSettled, CONVERGE_MS);
  let difference: string | undefined;
  const areSame = (): boolean => {
    difference = differenceIn(cluster);
    return difference === undefined;
  };
  try {
    await cluster.until('replicas are the same', areSame, CONVERGE_MS);
  } catch (error) {
    throw error instanceof NotInTimeError ? new NotInTimeError(difference ?? '') : error;
  }
}

/** The first of so many seeds that violates something; undefined: none does. */
export async function firstViolation(
  from: number,
  seeds: number,
  options: Omit<SimulationOptions, 'seed'>,
): Promise<SimulationResult | undefined> {
  for (let seed = from; seed < from + seeds; seed += 1) {
    const result = await simulate({ ...options, seed });
    if (result.violations.length > 0) return result;
  }
  return undefined;
}
