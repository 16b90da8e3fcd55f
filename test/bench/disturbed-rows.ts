/**
 * The rows of the bench about a cluster that has something else to do: a node stands still, a disk
 * was wiped, the layout changes.
 *
 * Owns:          what is done to the cluster, and what is counted meanwhile.
 * Knows:         the trial cluster, the bench client.
 * Must not know: how results are shown.
 */
import { readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import type { Child } from '../cluster/child.ts';
import { roleOf, type TrialCluster, type TrialSite } from '../cluster/trial-cluster.ts';
import { closedLoop, type BenchTarget } from './bench-client.ts';
import { putStream } from './large-rows.ts';
import { atLeast, atMost, type BenchRow } from './report.ts';
import { deleteSmall, getSmall, median, putSmall, warmUp, type Step } from './small-rows.ts';

export type DisturbedSize = {
  /** Of load before something happens, and meanwhile. */
  readonly quietMs: number;
  readonly disturbedMs: number;
  /** What a wiped disk has to fetch again. */
  readonly blocks: number;
};

const MIB = 1024 * 1024;
const CONNECTIONS = 64;
/** Of load, for one figure of its speed. */
const SLICE_MS = 500;
const FALLEN = 0.7;
const LOOK_MS = 250;
const SETTLED_MS = 300_000;

type Done = (row: BenchRow) => void;

const whole = (value: number): string => String(Math.round(value));

/** Runs every row on a cluster without delay between its sites. */
export async function disturbedRows(
  cluster: TrialCluster,
  size: DisturbedSize,
  done: Done,
): Promise<void> {
  const [first, second] = cluster.sites;
  if (first === undefined || second === undefined) throw new Error('a cluster of two sites');
  await frozenRows(cluster, [first, second], size, done);
  await resyncRow(cluster, [first, second], size, done);
  await layoutRow(cluster, first, size, done);
}

type Slices = {
  /** Per second, in each slice. */
  readonly speeds: readonly number[];
  readonly failures: number;
};

/** Asks for `durationMs`; only what succeeds counts. */
async function slices(target: BenchTarget, durationMs: number, step: Step): Promise<Slices> {
  let answered = 0;
  const counting: Step = async (connection, index) => {
    const isGood = await step(connection, index);
    if (isGood) answered += 1;
    return isGood;
  };
  const speeds: number[] = [];
  let [before, atMs] = [0, performance.now()];
  const watch = setInterval(() => {
    const now = performance.now();
    speeds.push(((answered - before) / (now - atMs)) * 1000);
    [before, atMs] = [answered, now];
  }, SLICE_MS);
  const { port } = target;
  const loop = { port, connections: CONNECTIONS, durationMs, step: counting };
  const { failures } = await closedLoop(loop).finally(() => {
    clearInterval(watch);
  });
  return { speeds, failures };
}

/** The longest time without a break in which it was below a part of what it was before. */
function fallenMs(speeds: readonly number[], usual: number): number {
  let [longest, current] = [0, 0];
  for (const speed of speeds) {
    current = speed < usual * FALLEN ? current + SLICE_MS : 0;
    longest = Math.max(longest, current);
  }
  return longest;
}

async function anonymousMib(child: Child): Promise<number> {
  const status = await readFile(`/proc/${child.pid}/status`, 'utf8').catch(() => '');
  return Number(/RssAnon:\s+(\d+)/.exec(status)?.[1] ?? 0) / 1024;
}

/** The most that each of some processes has of its own, from the start to the end of the watch. */
class MemoryWatch {
  readonly #children: readonly Child[];
  readonly #peaks = new Map<Child, number>();
  readonly #timer = setInterval(() => void this.#look(), LOOK_MS);

  constructor(children: readonly Child[]) {
    this.#children = children;
  }

  async #look(): Promise<void> {
    for (const child of this.#children) {
      const peakMib = this.#peaks.get(child) ?? 0;
      this.#peaks.set(child, Math.max(peakMib, await anonymousMib(child)));
    }
  }

  async end(): Promise<ReadonlyMap<Child, number>> {
    clearInterval(this.#timer);
    await this.#look();
    return this.#peaks;
  }
}

/** How much the process grew that grew most. */
function growthMib(before: ReadonlyMap<Child, number>, then: ReadonlyMap<Child, number>): number {
  const grown = [...then].map(([child, peakMib]) => peakMib - (before.get(child) ?? 0));
  return Math.max(0, ...grown);
}

async function frozenRows(
  cluster: TrialCluster,
  [first, second]: readonly [TrialSite, TrialSite],
  { quietMs, disturbedMs }: DisturbedSize,
  done: Done,
): Promise<void> {
  const { target } = first;
  const others = cluster.sites
    .flatMap(({ children }) => children)
    .filter(child => child !== second.storage);
  const { stored, deleted } = await warmUp(target, {
    ...{ connections: CONNECTIONS, durationMs: quietMs },
  });
  const keys = { quiet: 1e8, disturbed: 2e8 };
  const steps: readonly [work: string, step: (from: number) => Step][] = [
    ['1 KiB PUT', from => putSmall(target, from)],
    ['1 KiB GET', () => getSmall(target, stored, deleted)],
    ['DELETE', from => deleteSmall(target, from)],
  ];
  let grownMib = 0;
  for (const [work, step] of steps) {
    const quiet = new MemoryWatch(others);
    const usual = median((await slices(target, quietMs, step(keys.quiet))).speeds);
    const before = await quiet.end();
    const disturbed = new MemoryWatch(others);
    second.storage.signal('SIGSTOP');
    const load = slices(target, disturbedMs, step(keys.disturbed));
    const { speeds, failures } = await load.finally(() => {
      second.storage.signal('SIGCONT');
    });
    grownMib = Math.max(grownMib, growthMib(before, await disturbed.end()));
    const low = fallenMs(speeds, usual);
    done(
      atMost(1, {
        work: `a node stands still: how long ${work} falls below 70 %`,
        figure: `${(low / 1000).toFixed(1)} s`,
        limit: '3 s',
        ratio: low / 3000,
        note: `${whole(usual)}/s before, ${whole(median(speeds))}/s meanwhile, ${failures} failed`,
      }),
    );
    await cluster.untilHealthy();
  }
  done(
    atMost(1, {
      work: 'a node stands still: how much any other process grows',
      figure: `${grownMib.toFixed(0)} MiB`,
      limit: '64 MiB',
      ratio: grownMib / 64,
    }),
  );
}

/** Files of blocks under a data directory. */
async function blockCount(directory: string): Promise<number> {
  const branches = await readdir(directory).catch(() => []);
  let count = 0;
  for (const branch of branches.filter(name => name.length === 2)) {
    const leaves = await readdir(join(directory, branch)).catch(() => []);
    const files = leaves.map(leaf => readdir(join(directory, branch, leaf)).catch(() => []));
    for (const names of await Promise.all(files)) {
      count += names.filter(name => /^[0-9a-f]{64}$/.test(name)).length;
    }
  }
  return count;
}

async function resyncRow(
  cluster: TrialCluster,
  [first, second]: readonly [TrialSite, TrialSite],
  { blocks }: DisturbedSize,
  done: Done,
): Promise<void> {
  await putStream(first.target, blocks, 'resync/0');
  const [, data] = second.files.storageDirs;
  await second.storage.end('SIGKILL');
  await rm(data, { recursive: true, force: true });
  cluster.startAgain(second.storage, ['--accept-empty', data]);
  let [count, begun] = [0, { count: 0, atMs: 0 }];
  while (count < blocks) {
    await pause(LOOK_MS);
    count = await blockCount(data);
    if (begun.count === 0) begun = { count, atMs: performance.now() };
  }
  const seconds = (performance.now() - begun.atMs) / 1000;
  const speed = ((count - begun.count) * MIB) / Math.max(seconds, 0.001);
  done(
    atLeast(1, {
      work: `a data disk was wiped: ${blocks} MiB come back from the other sites`,
      figure: `${(speed / 1e6).toFixed(0)} MB/s`,
      limit: '100 MB/s',
      ratio: speed / 100e6,
    }),
  );
  await cluster.untilHealthy();
}

async function layoutRow(
  cluster: TrialCluster,
  site: TrialSite,
  { quietMs, disturbedMs }: DisturbedSize,
  done: Done,
): Promise<void> {
  const { target } = site;
  cluster.startAgain(site.spare);
  await cluster.untilKnown(() => site.spareId);
  const usual = median((await slices(target, quietMs, putSmall(target, 3e8))).speeds);
  const startedMs = performance.now();
  await cluster.changeLayout(() => [roleOf(site.spareId, site.name)]);
  const settling = cluster.untilSettled(SETTLED_MS).then(() => 'settled' as const);
  const speeds: number[] = [];
  let failures = 0;
  for (let round = 1; ; round += 1) {
    const load = await slices(target, disturbedMs / 4, putSmall(target, 3e8 + round * 1e6));
    speeds.push(...load.speeds);
    failures += load.failures;
    if ((await Promise.race([settling, Promise.resolve('moving' as const)])) === 'settled') break;
  }
  const during = median(speeds);
  const seconds = ((performance.now() - startedMs) / 1000).toFixed(0);
  done(
    atLeast(0.67, {
      work: 'a node is added: 1 KiB PUT while data move',
      figure: `${whole(during)}/s`,
      limit: `${whole(usual)}/s before`,
      ratio: during / usual,
      note: `settled after ${seconds} s, ${failures} failed`,
    }),
  );
}
