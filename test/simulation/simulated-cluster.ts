/**
 * Storage nodes and gateways in several sites, on one simulated network, from one seed.
 *
 * Owns:          who there is, where, with what clocks; the layout that they begin with.
 * Knows:         the simulated parts.
 * Must not know: workloads, faults.
 */
import type { ClusterView } from '../../bus/cluster-view.ts';
import { Subjects } from '../../bus/subjects.ts';
import type { BucketId, NodeId } from '../../schemas/ids.ts';
import { versionChange, type NamedVersion } from '../../schemas/layout-state.ts';
import { encodeLayoutState } from '../../schemas/records/layout-state-row.ts';
import { SeededRandom } from '../support/seeded-random.ts';
import { SimulatedTime } from '../support/simulated-time.ts';
import { NO_PLANTS, type Plants } from './plants.ts';
import { SimulatedGateway } from './simulated-gateway.ts';
import { RestNode } from './rest-node.ts';
import { bucketIdInUse, nextVersion, REPLICATION_FACTOR } from './simulated-layout.ts';
import { SimulatedNetwork } from './simulated-network.ts';
import { SimulatedNode, type Place, type SimulatedWorld } from './simulated-node.ts';
import { Trace } from './trace.ts';

export type SimulatedClusterOptions = {
  readonly seed: number;
  readonly keeps: 'hash' | 'lines';
  readonly plants?: Plants | undefined;
  /** Nodes in each zone that hold partitions from the beginning, and others that may. */
  readonly nodes: number;
  readonly spares: number;
  readonly gateways: number;
};

export type Bug = { readonly what: string; readonly error: unknown };

const ZONES = ['north', 'south', 'west'];
const DISTANCE_MS_MIN = 3;
const DISTANCE_MS_MAX = 40;
const SKEW_MS_MAX = 3000;
/** A clock in so many is very wrong. */
const WRONG_CLOCK_OF = 8;
const WRONG_MS_MAX = 3_600_000;
const ID_BYTES = 32;
/** Beside the next one. */
const LIVE_VERSIONS_MAX = 2;
const STEP_MS = 250;
const PATIENCE_MS = 60_000;
/** One change of so many is for all. */
const OTHERS_OF = 3;

export class SimulatedCluster {
  readonly time = new SimulatedTime();
  readonly random: SeededRandom;
  readonly trace: Trace;
  readonly network: SimulatedNetwork;
  readonly nodes: readonly SimulatedNode[];
  readonly gateways: readonly SimulatedGateway[];
  readonly bugs: Bug[] = [];
  readonly #names = new Map<NodeId, string>();
  readonly #world: SimulatedWorld;
  readonly #membersAtFirst: number;
  /** Holds the partitions that are not in use. */
  readonly rest: RestNode;
  #head: NamedVersion | undefined;
  /** By the last version. */
  #members: readonly SimulatedNode[] = [];
  #bucketIds = 0;

  constructor({ seed, keeps, plants, nodes, spares, gateways }: SimulatedClusterOptions) {
    const { time } = this;
    this.random = new SeededRandom(seed);
    this.trace = new Trace(time, keeps);
    const distances = this.#distances();
    this.network = new SimulatedNetwork({
      ...{ time, random: new SeededRandom(this.random.below(2 ** 31)), trace: this.trace },
      distanceMs: (from, to) => distances.get(`${from} ${to}`) ?? DISTANCE_MS_MAX,
    });
    this.#world = {
      ...{ time, random: this.random, trace: this.trace, network: this.network },
      ...{ subjects: new Subjects('simulated'), plants: plants ?? NO_PLANTS },
      replicationFactor: REPLICATION_FACTOR,
      nameOf: node => this.#names.get(node) ?? node.slice(0, 8),
      onBug: (what, error) => {
        this.trace.tell(`BUG ${what}: ${String(error)}`);
        this.bugs.push({ what, error });
      },
    };
    this.#membersAtFirst = nodes;
    this.nodes = Array.from(
      { length: nodes + spares },
      (_, index) => new SimulatedNode(this.#world, this.#place('n', index), this.#skewMs()),
    );
    this.rest = new RestNode(this.#world, this.#place('r', 0));
    this.gateways = Array.from(
      { length: gateways },
      (_, index) =>
        new SimulatedGateway(this.#world, this.#place('g', index), {
          wallOffsetMs: this.#skewMs(),
          bucketIds: () => this.#nextBucketId(),
        }),
    );
  }

  #nextBucketId(): BucketId {
    const id = bucketIdInUse(this.#bucketIds);
    this.#bucketIds += 1;
    return id;
  }

  get zones(): readonly string[] {
    return ZONES;
  }

  /** Those that hold partitions from the beginning. */
  get members(): readonly SimulatedNode[] {
    return this.nodes.slice(0, this.#membersAtFirst);
  }

  #distances(): ReadonlyMap<string, number> {
    const distances = new Map<string, number>();
    for (const [index, from] of ZONES.entries()) {
      for (const to of ZONES.slice(index + 1)) {
        const spread = DISTANCE_MS_MAX - DISTANCE_MS_MIN;
        const ms = DISTANCE_MS_MIN + this.random.fraction() * spread;
        distances.set(`${from} ${to}`, ms);
        distances.set(`${to} ${from}`, ms);
      }
    }
    return distances;
  }

  #place(letter: 'n' | 'g' | 'r', index: number): Place {
    const id = this.random.bytes(ID_BYTES).toString('hex') as NodeId;
    const name = `${letter}${String(index + 1)}`;
    this.#names.set(id, name);
    return { id, name, zone: ZONES[index % ZONES.length] as string };
  }

  #skewMs(): number {
    const isWrong = this.random.below(WRONG_CLOCK_OF) === 0;
    const range = isWrong ? WRONG_MS_MAX : SKEW_MS_MAX;
    return Math.floor((this.random.fraction() * 2 - 1) * range);
  }

  // ---- the beginning ----------------------------------------------------------------------------

  /** All nodes run, and the members among them hold the partitions in use. */
  async begin(): Promise<void> {
    for (const node of this.nodes) node.start();
    await this.until('every node serves', () => this.nodes.every(({ role }) => role !== undefined));
    this.changeLayout(this.nodes[0]!, this.members);
    await this.until('the first layout is in force', () => this.isLayoutSettled(1));
  }

  /** Some of the nodes are members from now on, at least one in each zone, or those who were not;
   *  false: not now. */
  changeSomeLayout(
    random: SeededRandom,
    areOthers: boolean = random.below(OTHERS_OF) === 0,
  ): boolean {
    const members = this.nodes.filter(node =>
      areOthers ? !this.#members.includes(node) : random.below(3) > 0,
    );
    for (const zone of ZONES) {
      if (members.some(node => node.zone === zone)) continue;
      const there = this.nodes.filter(node => node.zone === zone);
      members.push(there[random.below(there.length)]!);
    }
    const running = this.nodes.filter(({ isRunning }) => isRunning);
    const at = running[random.below(running.length)];
    return at !== undefined && this.changeLayout(at, members);
  }

  /** One node takes up the next version, as if an operator had applied it there; false: it does
   *  not know the last one, or too many are under way. */
  changeLayout(at: SimulatedNode, members: readonly SimulatedNode[]): boolean {
    const view = at.role?.clients.view;
    const isBehind = view?.current.version !== (this.#head?.layout.version ?? 0);
    if (view === undefined || isBehind || view.live.length > LIVE_VERSIONS_MAX) return false;
    const others = this.nodes.filter(node => !members.includes(node));
    const version = nextVersion(
      { members, others, rest: this.rest.place },
      this.#head,
      this.random,
    );
    this.#head = version;
    this.#members = members;
    const names = members.map(({ name }) => name).join(' ');
    this.trace.tell(`layout ${version.name} at ${at.name}: ${names}`);
    view.takeOver(encodeLayoutState(versionChange(version)));
    return true;
  }

  get layoutVersion(): number {
    return this.#head?.layout.version ?? 0;
  }

  /** Everybody knows this version or a later one, and no other is live. */
  isLayoutSettled(version: number): boolean {
    return this.#views().every(
      ({ live, current }) => live.length === 1 && current.version >= version,
    );
  }

  /** Somebody reads by this version or a later one. */
  isReadBy(version: number): boolean {
    return this.#views().some(({ read }) => read.version >= version);
  }

  #views(): readonly ClusterView[] {
    return [
      ...this.gateways.map(({ services }) => services.clients.view),
      ...this.nodes.flatMap(({ role }) => (role === undefined ? [] : [role.clients.view])),
      this.rest.view,
    ];
  }

  /** Lets time pass until it is so. */
  async until(what: string, isSo: () => boolean, patienceMs = PATIENCE_MS): Promise<void> {
    const endMs = this.time.nowMs + patienceMs;
    while (!isSo()) {
      if (this.time.nowMs >= endMs) throw new NotInTimeError(what);
      await this.time.pass(STEP_MS);
    }
  }
}

/** What was to happen within a time did not. */
export class NotInTimeError extends Error {
  override readonly name = 'NotInTimeError';

  constructor(what: string) {
    super(`not in time: ${what}`);
  }
}
