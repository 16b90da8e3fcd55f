/**
 * Keepers of the layout on several nodes of one simulated network, which can be cut.
 *
 * Owns:          the wiring, the cuts, starts and stops.
 * Knows:         the cluster actor and its parts, the membership, the bus within a process.
 * Must not know: what is tested.
 *
 * Time moves when a test says so, in small steps, and everything that is due is done in each.
 */
import { ClusterActor } from '../../actors/cluster/cluster-actor.ts';
import { LayoutFence } from '../../actors/cluster/layout-fence.ts';
import { LayoutKeeper } from '../../actors/cluster/layout-keeper.ts';
import {
  LayoutProgress,
  NOTHING_TO_BRING,
  type PartitionSync,
} from '../../actors/cluster/layout-progress.ts';
import type {
  Address,
  Bus,
  NoAnswer,
  RequestOptions,
  Server,
  Subscription,
  Topic,
} from '../../bus/bus.ts';
import { ClusterClock } from '../../bus/cluster-clock.ts';
import { askGuarded, serveGuarded } from '../../bus/guarded.ts';
import { KnownLayout } from '../../bus/known-layout.ts';
import { LivingView } from '../../bus/living-view.ts';
import { MemoryBus } from '../../bus/memory-bus.ts';
import { Membership } from '../../bus/membership.ts';
import { PeerOffsets } from '../../bus/peer-offsets.ts';
import { Subjects } from '../../bus/subjects.ts';
import type { NodeId } from '../../schemas/ids.ts';
import type { ClusterReply, ClusterRequest } from '../../schemas/messages/cluster.ts';
import { layoutDigest } from '../../schemas/records/layout-state-row.ts';
import type { Soon } from '../../schemas/soon.ts';
import { Stamper } from '../../schemas/stamper.ts';
import type { Kinded } from '../../schemas/wire.ts';
import { manualEnvironment, type ManualEnvironment } from './manual-environment.ts';
import { MemoryStore } from './memory-store.ts';
import { QuietLog } from './quiet-log.ts';

/** `a`, `b`, … as node ids. */
export function nodeOf(letter: string): NodeId {
  return letter.charCodeAt(0).toString(16).padStart(64, '0') as NodeId;
}

type Envelope = { readonly from: NodeId; readonly event: unknown };

/** Events travel with their sender, whom a cut may keep from their listeners. */
function enveloped<Event>(topic: Topic<Event>): Topic<Envelope> {
  return topic as Topic<unknown> as Topic<Envelope>;
}

export class Network {
  readonly environment: ManualEnvironment = manualEnvironment();
  readonly failures: unknown[] = [];
  readonly bus = new MemoryBus({
    ...this.environment,
    onServerFailure: (_, failure) => this.failures.push(failure),
  });
  #sides: readonly string[] = [];
  #oneWay: readonly [from: NodeId, to: NodeId] | undefined;

  /** Nodes of different groups do not hear each other; one group: all do. */
  cut(...sides: readonly string[]): void {
    this.#sides = sides;
    this.#oneWay = undefined;
  }

  /** Nothing goes from one to the other; the other way round all does. */
  cutOneWay(from: NodeId, to: NodeId): void {
    this.#oneWay = [from, to];
  }

  reaches(from: NodeId, to: NodeId): boolean {
    if (from === this.#oneWay?.[0] && to === this.#oneWay[1]) return false;
    const sideOf = (node: NodeId): number =>
      this.#sides.findIndex(side => Array.from(side).some(letter => nodeOf(letter) === node));
    return this.#sides.length < 2 || sideOf(from) === sideOf(to);
  }

  /** Time passes in steps, in each of which everything that is due is done. */
  async pass(ms: number): Promise<void> {
    for (let left = ms; left > 0; left -= STEP_MS) {
      this.environment.advance(Math.min(STEP_MS, left));
      for (let turn = 0; turn < TURNS; turn += 1) {
        await new Promise<void>(resolve => setImmediate(resolve));
      }
    }
  }
}

const STEP_MS = 50;
const TURNS = 4;

/** The network as one node sees it. */
class NodeBus implements Bus {
  readonly #network: Network;
  readonly #node: NodeId;

  constructor(network: Network, node: NodeId) {
    this.#network = network;
    this.#node = node;
  }

  request<Request extends Kinded, Reply extends Kinded>(
    address: Address<Request, Reply>,
    request: Request,
    options: RequestOptions,
  ): Soon<Reply | NoAnswer> {
    const network = this.#network;
    const { bus, environment } = network;
    if (network.reaches(this.#node, address.node) && network.reaches(address.node, this.#node)) {
      return bus.request(address, request, options);
    }
    return new Promise(resolve => {
      environment.timers.after(options.timeoutMs, () => {
        resolve({ kind: 'timed-out' });
      });
    });
  }

  serve<Request extends Kinded, Reply extends Kinded>(
    address: Address<Request, Reply>,
    server: Server<Request, Reply>,
  ): Subscription {
    return this.#network.bus.serve(address, server);
  }

  publish<Event>(topic: Topic<Event>, event: Event): void {
    const envelope: Envelope = { from: this.#node, event };
    this.#network.bus.publish(enveloped(topic), envelope);
  }

  listen<Event>(topic: Topic<Event>, listener: (event: Event) => void): Subscription {
    return this.#network.bus.listen(enveloped(topic), ({ from, event }) => {
      if (this.#network.reaches(from, this.#node)) listener(event as Event);
    });
  }
}

const subjects = new Subjects('test');
let processes = 0;

export class KeeperNode {
  readonly id: NodeId;
  readonly store: MemoryStore;
  readonly known: KnownLayout;
  readonly fence: LayoutFence;
  readonly membership: Membership;
  readonly view: LivingView;
  readonly clock: ClusterClock;
  readonly offsets: PeerOffsets;
  readonly process: number;
  readonly bus: Bus;
  readonly #actor: ClusterActor;
  readonly #progress: LayoutProgress;
  readonly #served: Subscription;

  constructor(
    network: Network,
    letter: string,
    { store = new MemoryStore(), sync = NOTHING_TO_BRING }: NodeOptions = {},
  ) {
    const { environment } = network;
    const nodeId = nodeOf(letter);
    const bus = new NodeBus(network, nodeId);
    processes += 1;
    this.process = processes;
    this.id = nodeId;
    this.store = store;
    this.bus = bus;
    const known = new KnownLayout(3);
    this.known = known;
    const keeper = new LayoutKeeper(store, known);
    this.fence = new LayoutFence(nodeId, known);
    this.clock = new ClusterClock(environment.clock);
    this.offsets = new PeerOffsets(environment.clock);
    this.membership = new Membership({
      ...{ bus, subjects, environment, nodeId, known, process: this.process },
      ...{ roles: ['storage'], offsets: this.offsets, clock: this.clock },
      facts: () => ({ hostname: letter, address: `${letter}:3901`, garageVersion: '1' }),
    });
    this.view = new LivingView(nodeId, known, this.membership);
    const { clock, random, timers } = environment;
    this.#actor = new ClusterActor({
      ...{ nodeId, known, keeper, clock, process: this.process },
      ...{ members: this.membership, offsets: this.offsets },
      stamper: new Stamper(clock, random),
      facts: {
        ...{ hostname: letter, address: `${letter}:3901`, space: async () => undefined },
        info: () => ({
          ...{ nodeId, hostname: letter, garageVersion: '1', garageFeatures: [] },
          ...{ rustVersion: '', dbEngine: '' },
        }),
        statistics: () => Promise.reject(new Error('not asked')),
      },
    });
    const progress = { nodeId, known, keeper, fence: this.fence, sync, timers };
    this.#progress = new LayoutProgress({ ...progress, log: new QuietLog() });
    this.#served = serveGuarded(
      bus,
      subjects.cluster(nodeId),
      this.#actor.receive.bind(this.#actor),
    );
    this.membership.start();
    this.#progress.kick();
  }

  ask(request: ClusterRequest): Promise<ClusterReply> {
    return this.#actor.receive(request);
  }

  async askOther(node: NodeId, request: ClusterRequest): Promise<ClusterReply | NoAnswer> {
    return askGuarded(this.bus, subjects.cluster(node), [request, { timeoutMs: 1000 }]);
  }

  get digest(): string {
    return layoutDigest(this.known.state);
  }

  get live(): readonly number[] {
    return this.known.live.map(({ version }) => version);
  }

  /** The process dies: what is not durable is gone. Answers what the next start finds. */
  kill(): MemoryStore {
    void this.#progress.stop();
    this.#served.close();
    this.membership.stop('silent');
    return this.store.crash();
  }
}

export type NodeOptions = { readonly store?: MemoryStore; readonly sync?: PartitionSync };

/** Gives these nodes a zone of their own each, and applies the next version, at one node. */
export async function applyAt(
  at: KeeperNode,
  letters: string,
  removed = '',
): Promise<ClusterReply> {
  const roles = Array.from(letters).map(letter => ({
    ...{ id: nodeOf(letter), zone: `z-${letter}`, tags: [], capacity: 1e12 },
  }));
  const gone = Array.from(removed).map(letter => ({ id: nodeOf(letter), remove: true as const }));
  const staged = await at.ask({ kind: 'layout-stage', roles: [...roles, ...gone] });
  if (staged.kind !== 'layout-staged' || staged.result.kind !== 'staged') return staged;
  return at.ask({ kind: 'layout-apply', version: at.known.current.version + 1 });
}
