/**
 * One run: a cluster, a workload and its faults from one seed, and what is judged at the end.
 *
 * Owns:          the order of a run; which workloads there are.
 * Knows:         the simulated cluster, the nemesis, the workloads.
 * Must not know: how results are shown.
 */
import { SeededRandom } from '../support/seeded-random.ts';
import { Contents } from './contents.ts';
import { Nemesis, type NemesisOptions } from './nemesis.ts';
import { ObjectsWorkload } from './objects-workload.ts';
import type { Plants } from './plants.ts';
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
};

const OBJECT_FAULTS: NemesisOptions['weights'] = {
  ...{ kill: 4, power: 4, dark: 1, freeze: 3, 'gateway-kill': 2, 'gateway-freeze': 1 },
  ...{ cut: 3, 'one-way': 2, isolate: 3, weather: 3, clock: 2 },
};

const WORKLOADS = {
  objects: {
    ...{ nodes: 3, spares: 0, gateways: 3, lastsMs: 5000 },
    make: run => new ObjectsWorkload(run),
    weights: OBJECT_FAULTS,
  },
} as const satisfies Record<string, Kind>;

export type WorkloadName = keyof typeof WORKLOADS;
export const WORKLOAD_NAMES = Object.keys(WORKLOADS) as WorkloadName[];

const FAULTS_AT_ONCE = 2;

export async function simulate(options: SimulationOptions): Promise<SimulationResult> {
  const { seed, workload, plants, keeps = 'hash' } = options;
  const kind: Kind = WORKLOADS[workload];
  const cluster = new SimulatedCluster({ ...kind, seed, plants, keeps });
  const { random, trace, time } = cluster;
  const run: Run = {
    ...{ cluster, violations: [] },
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
  const nemesis = new Nemesis({ cluster, random, weights: kind.weights, atOnce: FAULTS_AT_ONCE });
  workload.start();
  nemesis.start();
  await cluster.time.pass(kind.lastsMs);
  nemesis.stop();
  await workload.stop();
  await cluster.until('every node serves', () =>
    cluster.nodes.every(({ role }) => role !== undefined),
  );
  await workload.verify();
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
