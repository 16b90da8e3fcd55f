/**
 * What goes wrong in a run: faults that begin, last for a while, and end.
 *
 * Owns:          which fault comes when; that all of them are over at the end.
 * Knows:         what can be done to the simulated cluster.
 * Must not know: workloads.
 */
import { pause } from '../../schemas/pause.ts';
import type { SeededRandom } from '../support/seeded-random.ts';
import { FAIR } from './simulated-network.ts';
import type { SimulatedCluster } from './simulated-cluster.ts';
import type { SimulatedGateway } from './simulated-gateway.ts';
import type { SimulatedNode } from './simulated-node.ts';

/** Begins it; what comes back ends it. undefined: it cannot be now. */
type Fault = (nemesis: Nemesis) => (() => void) | undefined;

export type FaultName =
  | 'kill'
  | 'power'
  | 'dark'
  | 'freeze'
  | 'gateway-kill'
  | 'gateway-freeze'
  | 'cut'
  | 'one-way'
  | 'isolate'
  | 'gateway-cut'
  | 'weather'
  | 'clock'
  | 'append-error'
  | 'sync-error'
  | 'file-error'
  | 'layout';

export type NemesisOptions = {
  readonly cluster: SimulatedCluster;
  readonly random: SeededRandom;
  /** How often each comes, beside the others. */
  readonly weights: Partial<Record<FaultName, number>>;
  /** How many may last at a time. */
  readonly atOnce: number;
  /** One node loses its disk, or what it wrote there lately, if chance will. */
  readonly losesDisk: boolean;
};

const GAP_MS_MAX = 800;
const LAST_MS_MIN = 50;
const LAST_MS_MAX = 3000;
const STRAY_MS_MAX = 3000;
const JUMP_MS_MAX = 7_200_000;
/** Peers have heard by then how far a store was. */
const ROLL_BACK_AGE_MS = 1500;
/** Every peer has heard of every store. */
const HEARD_MS = 600;
/** A store that lost its memory has asked its peers by then. */
const RECALL_MS = 1500;
const LOSS_MS_MAX = 2500;
const AWAY_MS_MAX = 1000;
/** All but one of so many runs lose a disk. */
const LOSS_OF = 3;
const FILE_OPERATIONS = ['create', 'write', 'datasync', 'rename', 'unlink', 'syncDirectory'];

export class Nemesis {
  readonly #options: NemesisOptions;
  readonly #ends = new Set<() => void>();
  readonly #running: Promise<void>[] = [];
  #isOver = false;
  #isQuiet = false;

  constructor(options: NemesisOptions) {
    this.#options = options;
  }

  get cluster(): SimulatedCluster {
    return this.#options.cluster;
  }

  get random(): SeededRandom {
    return this.#options.random;
  }

  start(): void {
    for (let index = 0; index < this.#options.atOnce; index += 1) this.#running.push(this.#live());
    const losesDisk = this.#options.losesDisk && this.random.below(LOSS_OF) > 0;
    if (losesDisk) this.#running.push(this.#loseDisk());
  }

  /** Nothing begins any more, and what began ends. */
  stop(): void {
    this.#isOver = true;
    this.#endAll();
  }

  /** All is well from now on. */
  heal(): void {
    this.stop();
    const { network, nodes, gateways, trace } = this.cluster;
    network.heal();
    network.weather = FAIR;
    for (const node of nodes) if (!node.isRunning) node.start();
    for (const { services } of gateways) services.process.thaw();
    trace.tell('all is healed');
  }

  async #live(): Promise<void> {
    for (;;) {
      await this.#pass(this.random.fraction() * GAP_MS_MAX);
      if (this.#isOver) return;
      if (this.#isQuiet) continue;
      const name = this.#draw();
      const end = FAULTS[name](this);
      if (end === undefined) continue;
      this.#ends.add(end);
      // Short ones are as telling as long ones: each step of what follows may be hit.
      const spread = (LAST_MS_MAX / LAST_MS_MIN) ** this.random.fraction();
      await this.#pass(LAST_MS_MIN * spread);
      if (this.#ends.delete(end)) end();
    }
  }

  #pass(ms: number): Promise<void> {
    return pause(this.cluster.time.timers, ms);
  }

  #draw(): FaultName {
    const weights = Object.entries(this.#options.weights) as [FaultName, number][];
    let left = this.random.fraction() * weights.reduce((sum, [, weight]) => sum + weight, 0);
    for (const [name, weight] of weights) {
      left -= weight;
      if (left < 0) return name;
    }
    return weights[0]![0];
  }

  // ---- who is hit -------------------------------------------------------------------------------

  tell(what: string): void {
    this.cluster.trace.tell(what);
  }

  node(): SimulatedNode | undefined {
    const running = this.cluster.nodes.filter(({ isRunning }) => isRunning);
    return running[this.random.below(running.length)];
  }

  gateway(): SimulatedGateway {
    const { gateways } = this.cluster;
    return gateways[this.random.below(gateways.length)]!;
  }

  zones(): readonly [string, string] {
    const { zones } = this.cluster;
    const first = this.random.below(zones.length);
    const second = (first + 1 + this.random.below(zones.length - 1)) % zones.length;
    return [zones[first]!, zones[second]!];
  }

  // ---- a disk that is lost ----------------------------------------------------------------------

  /**
   * What a store forgets its peers must not forget at the same time: they have heard of it in the
   * last seconds, and written some of that down. So all else is well while it happens; but a node
   * may have been away until then, so that of three copies one is old and one is gone.
   */
  async #loseDisk(): Promise<void> {
    await this.#pass(this.random.fraction() * LOSS_MS_MAX);
    const node = this.node();
    if (node === undefined || this.#isOver) return;
    const rollBack = node.disk.snapshot();
    await this.#pass(ROLL_BACK_AGE_MS);
    if (this.#isOver) return;
    this.#isQuiet = true;
    this.#endAll();
    while (this.cluster.nodes.some(({ role }) => role === undefined)) await this.#pass(HEARD_MS);
    await this.#pass(HEARD_MS);
    const isWiped = this.random.below(2) === 0;
    const away = isWiped ? await this.#sendAway(node) : undefined;
    node.kill();
    this.tell(`the disk of ${node.name} is ${isWiped ? 'wiped' : 'what it was a while ago'}`);
    if (isWiped) node.disk.wipe();
    else rollBack();
    await this.#pass(this.random.fraction() * HEARD_MS);
    for (const one of [node, away]) if (one?.isRunning === false) one.start();
    await this.#pass(RECALL_MS);
    this.#isQuiet = false;
  }

  /** Another node misses what is written for a while. */
  async #sendAway(node: SimulatedNode): Promise<SimulatedNode> {
    const others = this.cluster.nodes.filter(other => other !== node);
    const away = others[this.random.below(others.length)]!;
    away.kill();
    await this.#pass(this.random.fraction() * AWAY_MS_MAX);
    return away;
  }

  #endAll(): void {
    for (const end of [...this.#ends]) end();
    this.#ends.clear();
  }
}

function restartLater(node: SimulatedNode): () => void {
  return () => {
    if (!node.isRunning) node.start();
  };
}

const FAULTS: Readonly<Record<FaultName, Fault>> = {
  kill: nemesis => {
    const node = nemesis.node();
    node?.kill();
    return node && restartLater(node);
  },
  power: nemesis => {
    const node = nemesis.node();
    node?.cutPower();
    return node && restartLater(node);
  },
  // Everything at once, gateways included.
  dark: nemesis => {
    const { nodes, gateways } = nemesis.cluster;
    for (const node of nodes) node.cutPower();
    for (const gateway of gateways) gateway.restart();
    return () => {
      for (const node of nodes) if (!node.isRunning) node.start();
    };
  },
  freeze: nemesis => {
    const node = nemesis.node();
    const process = node?.process;
    if (node === undefined || process === undefined) return undefined;
    nemesis.tell(`${node.name} is frozen`);
    process.freeze();
    return () => {
      nemesis.tell(`${node.name} goes on`);
      process.thaw();
    };
  },
  'gateway-kill': nemesis => {
    nemesis.gateway().restart();
    return () => undefined;
  },
  'gateway-freeze': nemesis => {
    const { process } = nemesis.gateway().services;
    nemesis.tell(`${process.name} is frozen`);
    process.freeze();
    return () => {
      nemesis.tell(`${process.name} goes on`);
      process.thaw();
    };
  },
  cut: nemesis => {
    const [one, other] = nemesis.zones();
    return cutBetween(nemesis, [
      [one, other],
      [other, one],
    ]);
  },
  'one-way': nemesis => cutBetween(nemesis, [nemesis.zones()]),
  isolate: nemesis => {
    const { zones } = nemesis.cluster;
    const [alone] = nemesis.zones();
    const others = zones.filter(zone => zone !== alone);
    return cutBetween(
      nemesis,
      others.flatMap(zone => [[alone, zone] as const, [zone, alone] as const]),
    );
  },
  // What it sends reaches one site alone.
  'gateway-cut': nemesis => {
    const { name } = nemesis.gateway().services.process;
    return cutBetween(
      nemesis,
      nemesis.zones().map(zone => [name, zone] as const),
    );
  },
  weather: nemesis => {
    const { network } = nemesis.cluster;
    const { random } = nemesis;
    network.weather = {
      lostOfThousand: random.below(60),
      doubledOfThousand: random.below(100),
      strayOfThousand: random.below(100),
      strayMsMax: STRAY_MS_MAX,
    };
    nemesis.tell(`weather ${JSON.stringify(network.weather)}`);
    return () => {
      network.weather = FAIR;
    };
  },
  clock: nemesis => {
    const { random, cluster } = nemesis;
    const machines = [...cluster.nodes, ...cluster.gateways];
    const { clock } = machines[random.below(machines.length)]!;
    const before = clock.wallOffsetMs;
    clock.wallOffsetMs += Math.floor((random.fraction() * 2 - 1) * JUMP_MS_MAX);
    nemesis.tell(`a clock jumps from ${String(before)} to ${String(clock.wallOffsetMs)}`);
    return () => {
      clock.wallOffsetMs = before;
    };
  },
  'append-error': nemesis => failDatabase(nemesis, 'append'),
  'sync-error': nemesis => failDatabase(nemesis, 'sync'),
  'file-error': nemesis => {
    const node = nemesis.node();
    const operation = FILE_OPERATIONS[nemesis.random.below(FILE_OPERATIONS.length)]!;
    if (node === undefined) return undefined;
    nemesis.tell(`${node.name} fails the next ${operation} of a block file`);
    node.disk.failFiles(operation);
    return () => undefined;
  },
  // No fault, but it comes at any time as they do.
  layout: ({ cluster, random }) => (cluster.changeSomeLayout(random) ? () => undefined : undefined),
};

function cutBetween(
  nemesis: Nemesis,
  ways: readonly (readonly [string, string])[],
): (() => void) | undefined {
  const { network } = nemesis.cluster;
  nemesis.tell(`cut ${ways.map(([from, to]) => `${from} → ${to}`).join(', ')}`);
  for (const [from, to] of ways) network.cut(from, to);
  return () => {
    nemesis.tell(`mended ${ways.map(([from, to]) => `${from} → ${to}`).join(', ')}`);
    for (const [from, to] of ways) network.mend(from, to);
  };
}

function failDatabase(nemesis: Nemesis, how: 'append' | 'sync'): (() => void) | undefined {
  const node = nemesis.node();
  if (node === undefined) return undefined;
  nemesis.tell(`${node.name} fails the next ${how} of its store`);
  node.disk.failDatabase(how);
  return () => undefined;
}
