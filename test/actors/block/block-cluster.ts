/**
 * Several nodes with block partitions on one bus in memory, some of which may be away.
 *
 * Owns:          the wiring, who can be reached, the workers of each node.
 * Knows:         block-world.ts, which is one node.
 * Must not know: what is tested.
 */
import { BlockLeaver } from '../../../actors/block/block-leaver.ts';
import { MissingWalker } from '../../../actors/block/missing-walker.ts';
import { ReferenceSync } from '../../../actors/block/reference-sync.ts';
import { ResyncPace } from '../../../actors/block/resync-pace.ts';
import { ResyncWorker } from '../../../actors/block/resync-worker.ts';
import { BlockClient } from '../../../bus/block-client.ts';
import { BlockPeers } from '../../../bus/block-peers.ts';
import { PeerCalls } from '../../../bus/peer-calls.ts';
import type { Address, Bus, NoAnswer, RequestOptions, Subscription } from '../../../bus/bus.ts';
import type { ClusterView } from '../../../bus/cluster-view.ts';
import { MemoryBus } from '../../../bus/memory-bus.ts';
import { ReplicaCalls } from '../../../bus/replica-calls.ts';
import { Subjects } from '../../../bus/subjects.ts';
import type { LayoutVersion } from '../../../schemas/cluster-layout.ts';
import type { NodeId } from '../../../schemas/ids.ts';
import { PARTITION_COUNT } from '../../../schemas/ids.ts';
import type { Soon } from '../../../schemas/soon.ts';
import type { Kinded } from '../../../schemas/wire.ts';
import type { FaultyFiles } from '../../support/faulty-files.ts';
import { manualEnvironment } from '../../support/manual-environment.ts';
import type { MemoryStore } from '../../support/memory-store.ts';
import { QuietLog } from '../../support/quiet-log.ts';
import { BlockWorld } from './block-world.ts';

export type BlockNode = {
  readonly id: NodeId;
  readonly world: BlockWorld;
  readonly peers: BlockPeers;
  readonly resync: ResyncWorker;
  readonly sync: ReferenceSync;
  readonly missing: MissingWalker;
  readonly leaver: BlockLeaver;
};

const SUBJECTS = new Subjects('test');

function nodeId(index: number): NodeId {
  return (index + 10).toString(16).repeat(64).slice(0, 64) as NodeId;
}

function layoutOf(version: number, nodes: readonly NodeId[]): LayoutVersion {
  const role = { zone: 'z', tags: [], capacityBytes: 1 };
  return {
    ...{ version, replicationFactor: Math.min(3, nodes.length), zoneRedundancy: 1 },
    roles: new Map(nodes.map(node => [node, { ...role, zone: node.slice(0, 1) }])),
    replicas: Array.from({ length: PARTITION_COUNT }, () => nodes.slice(0, 3)),
    partitionBytes: 1,
  };
}

export class BlockCluster {
  readonly environment = manualEnvironment();
  readonly log = new QuietLog();
  /** Nodes that nobody reaches, and that reach nobody. */
  readonly away = new Set<NodeId>();
  readonly nodes: BlockNode[] = [];
  /** As a gateway would ask. */
  readonly client: BlockClient;
  live: readonly LayoutVersion[];
  /** Told of each request of a node to another one. */
  onRequest: (request: Kinded) => void = () => undefined;
  readonly #bus: MemoryBus;
  readonly #served = new Map<NodeId, Subscription[]>();

  constructor(count: number) {
    const ids = Array.from({ length: count }, (_, index) => nodeId(index));
    this.live = [layoutOf(1, ids)];
    const failed = (subject: string, failure: unknown): void => {
      throw new Error(subject, { cause: failure });
    };
    this.#bus = new MemoryBus({
      ...{ ...this.environment, onServerFailure: failed, codecs: 'exercised' },
    });
    for (const id of ids) this.nodes.push(this.#makeNode(id, {}));
    const calls = new ReplicaCalls({
      ...{ ...this.environment, bus: new CutBus(this.#bus, this.away, undefined) },
      ...{ view: this.view(), address: SUBJECTS.block.bind(SUBJECTS) },
    });
    this.client = new BlockClient(calls);
  }

  /** Only these hold partitions from now on; with the earlier versions, or instead of them. */
  relayout(indexes: readonly number[], how: 'besides' | 'instead'): void {
    const ids = indexes.map(nodeId);
    for (const index of indexes) {
      this.nodes[index] ??= this.#makeNode(nodeId(index), {});
    }
    const next = layoutOf(this.live.length + 1, ids);
    this.live = how === 'instead' ? [next] : [...this.live, next];
  }

  /** The node starts again with what it has, or with an empty disk or store. */
  restart(index: number, lost: { files?: boolean; store?: boolean } = {}): BlockNode {
    const old = this.nodes[index]!;
    for (const subscription of this.#served.get(old.id) ?? []) subscription.close();
    const next = old.world.restart('unsynced');
    const kept = {
      ...(lost.files === true ? {} : { files: next.files }),
      ...(lost.store === true ? {} : { store: next.store }),
    };
    const made = this.#makeNode(old.id, kept);
    this.nodes[index] = made;
    return made;
  }

  /** Moves the clock on until the work has ended. */
  async drive<Result>(work: Promise<Result>): Promise<Result> {
    const state = { isOver: false };
    const watched = work.finally(() => {
      state.isOver = true;
    });
    while (!state.isOver) {
      await new Promise(resolve => setImmediate(resolve));
      this.environment.advance(5);
    }
    return watched;
  }

  view(): ClusterView {
    const now = (): readonly LayoutVersion[] => this.live;
    const { away } = this;
    return {
      get current() {
        return now().at(-1)!;
      },
      get live() {
        return now();
      },
      get read() {
        return now()[0]!;
      },
      liveIds: '',
      isUp: node => !away.has(node),
      nearest: nodes => nodes,
      onDown: () => ({ close: () => undefined }),
      takeOver: () => undefined,
    };
  }

  #makeNode(id: NodeId, kept: { files?: FaultyFiles; store?: MemoryStore }): BlockNode {
    const { environment, log } = this;
    const { clock, timers } = environment;
    const world = new BlockWorld({ ...kept, environment, isReplicated: true });
    const view = this.view();
    const told = (request: Kinded): void => {
      this.onRequest(request);
    };
    const calls = new PeerCalls({ bus: new CutBus(this.#bus, this.away, id, told), view });
    const peers = new BlockPeers({
      ...{ calls, view, node: id },
      address: SUBJECTS.block.bind(SUBJECTS),
    });
    const { partitions, queue, stats, files, directories, blockFiles } = world;
    this.#served.set(
      id,
      partitions.map(partition =>
        this.#bus.serve(SUBJECTS.block(id, partition.partition), partition.receive.bind(partition)),
      ),
    );
    const isBehind = (): boolean => world.isBehind;
    const common = { partitions, queue, peers, stats, clock, timers, log, isBehind };
    const isReplicated = peers.isReplicated.bind(peers);
    return {
      ...{ id, world, peers },
      resync: new ResyncWorker({ ...common, pace: new ResyncPace(world.store) }),
      sync: new ReferenceSync(common),
      missing: new MissingWalker({
        ...{ ...common, files, directories, tag: blockFiles.tag, isReplicated },
      }),
      leaver: new BlockLeaver(common),
    };
  }
}

/** The bus as one process sees it: who is away is not reached, and reaches nobody. */
class CutBus implements Bus {
  readonly #bus: MemoryBus;
  readonly #away: ReadonlySet<NodeId>;
  readonly #self: NodeId | undefined;
  readonly #told: (request: Kinded) => void;

  constructor(
    bus: MemoryBus,
    away: ReadonlySet<NodeId>,
    self: NodeId | undefined,
    told: (request: Kinded) => void = () => undefined,
  ) {
    this.#told = told;
    this.#bus = bus;
    this.#away = away;
    this.#self = self;
  }

  request<Request extends Kinded, Reply extends Kinded>(
    address: Address<Request, Reply>,
    request: NoInfer<Request>,
    options: RequestOptions,
  ): Soon<Reply | NoAnswer> {
    const isCut =
      this.#away.has(address.node) || (this.#self !== undefined && this.#away.has(this.#self));
    if (isCut) return Promise.resolve({ kind: 'no-responders' });
    this.#told(request);
    return this.#bus.request(address, request, options);
  }

  serve(): never {
    throw new Error('nodes are served by the cluster');
  }

  publish(): void {
    // Nobody listens.
  }

  listen(): never {
    throw new Error('there are no events');
  }
}
