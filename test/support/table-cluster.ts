/**
 * Several replicas of one table partition, and a client of them, over a flaky bus.
 *
 * Owns:          the nodes, their stores, what fails.
 * Knows:         the partition's actor, the client.
 * Must not know: what is tested.
 */
import type { ReleasePorts } from '../../actors/partition/release.ts';
import { ReleaseWorker } from '../../actors/partition/release-worker.ts';
import { TablePartition } from '../../actors/partition/table-partition.ts';
import type { Subscription } from '../../bus/bus.ts';
import { fixedView } from '../../bus/cluster-view.ts';
import { MemoryBus } from '../../bus/memory-bus.ts';
import type { ConsistencyMode } from '../../bus/quorums.ts';
import { ReplicaCalls } from '../../bus/replica-calls.ts';
import { Subjects } from '../../bus/subjects.ts';
import { TableClient } from '../../bus/table-client.ts';
import type { LayoutVersion } from '../../schemas/cluster-layout.ts';
import type { NodeId, PartitionId } from '../../schemas/ids.ts';
import { PARTITION_COUNT } from '../../schemas/ids.ts';
import type { TableReply, TableRequest } from '../../schemas/messages/table.ts';
import { Stamper } from '../../schemas/stamper.ts';
import { FlakyBus } from './flaky-bus.ts';
import { MemoryStore } from './memory-store.ts';
import { QuietLog } from './quiet-log.ts';
import { SeededRandom } from './seeded-random.ts';
import { SimulatedTime } from './simulated-time.ts';

/** With which the nodes compare what they hold. */
export const DIGEST_KEY: Uint8Array = Buffer.alloc(32, 7);

export type TableClusterOptions = {
  readonly partition: PartitionId;
  readonly nodes?: number;
  readonly seed?: number;
  readonly mode?: ConsistencyMode;
  readonly isLiveStamper?: (stamper: string) => boolean;
  /** By how much the clock of each gateway is ahead. */
  readonly skewMs?: (nearest: number) => number;
  /** References that the nodes release; without them nothing is released. */
  readonly blocks?: ReleasePorts['blocks'];
};

export class TableNode {
  readonly id: NodeId;
  readonly #cluster: TableCluster;
  store = new MemoryStore();
  table: TablePartition;
  #releases: ReleaseWorker | undefined;
  #served: Subscription | undefined;

  constructor(id: NodeId, cluster: TableCluster) {
    this.id = id;
    this.#cluster = cluster;
    this.table = this.#start();
  }

  #start(): TablePartition {
    const { partition, time, inner, subjects, options } = this.#cluster;
    const table = new TablePartition({
      ...{ partition, store: this.store, clock: time.clock, space: () => true },
      ...{ kickRelease: () => this.#releases?.kick(partition), soleReplica: false },
      isLiveStamper: options.isLiveStamper ?? (() => true),
      digestKey: DIGEST_KEY,
    });
    this.#served = inner.serve(subjects.table(this.id, partition), table.receive.bind(table));
    return table;
  }

  /** Works off its queue from now on. */
  startReleasing(blocks: ReleasePorts['blocks']): void {
    const { nodes, time } = this.#cluster;
    this.#releases = new ReleaseWorker({
      ...{ tables: this.#cluster.client(nodes.indexOf(this)), blocks, partitions: [this.table] },
      ...{ clock: time.clock, timers: time.timers, log: new QuietLog() },
    });
    this.#releases.start();
  }

  /** The process dies; what was durable is found when it starts again. */
  restart(): void {
    this.#served?.close();
    void this.#releases?.stop();
    this.store = this.store.crash();
    this.table = this.#start();
    const { blocks } = this.#cluster.options;
    if (blocks !== undefined) this.startReleasing(blocks);
  }

  /** Without a bus: what this replica says by itself. */
  ask(request: TableRequest): Promise<TableReply> {
    const deadlineAtMs = this.#cluster.time.clock.monotonicMs() + 30_000;
    return this.#cluster.time.until(Promise.resolve(this.table.receive(request, { deadlineAtMs })));
  }
}

export class TableCluster {
  readonly options: TableClusterOptions;
  readonly partition: PartitionId;
  readonly time = new SimulatedTime();
  readonly random: SeededRandom;
  readonly inner: MemoryBus;
  readonly bus: FlakyBus;
  readonly subjects = new Subjects('test');
  readonly nodes: readonly TableNode[];
  readonly layout: LayoutVersion;
  readonly #down = new Set<NodeId>();

  constructor(options: TableClusterOptions) {
    this.options = options;
    this.partition = options.partition;
    this.random = new SeededRandom(options.seed ?? 1);
    const { clock, timers } = this.time;
    this.inner = new MemoryBus({
      ...{ clock, timers, codecs: 'exercised' },
      onServerFailure: (subject, failure) => {
        throw new Error(subject, { cause: failure });
      },
    });
    const fraction = (): number => this.random.fraction();
    this.bus = new FlakyBus({ bus: this.inner, clock, timers, fraction });
    const ids = Array.from(
      { length: options.nodes ?? 3 },
      (_, index) => (index + 10).toString(16).repeat(64) as NodeId,
    );
    this.layout = {
      ...{ version: 1, replicationFactor: ids.length, zoneRedundancy: 'maximum' },
      roles: new Map(ids.map(id => [id, { zone: id.slice(0, 1), tags: [], capacityBytes: 1 }])),
      ...{ replicas: Array.from({ length: PARTITION_COUNT }, () => ids), partitionBytes: 1 },
    };
    this.nodes = ids.map(id => new TableNode(id, this));
    for (const node of this.nodes) if (options.blocks) node.startReleasing(options.blocks);
  }

  client(nearest = 0): TableClient {
    return this.gateway(nearest).tables;
  }

  /** `nearest` is the node that it asks first. */
  gateway(nearest: number): { readonly tables: TableClient; readonly stamper: Stamper } {
    const { clock, timers } = this.time;
    const view = {
      ...fixedView({ current: this.layout }),
      isUp: (node: NodeId) => !this.#down.has(node),
      nearest: (nodes: readonly NodeId[]) => [...nodes.slice(nearest), ...nodes.slice(0, nearest)],
    };
    const calls = new ReplicaCalls<TableRequest, TableReply>({
      ...{ bus: this.bus, view, clock, timers, mode: this.options.mode },
      address: this.subjects.table.bind(this.subjects),
    });
    const skewMs = this.options.skewMs?.(nearest) ?? 0;
    const own = { ...clock, wallMs: () => clock.wallMs() + skewMs };
    const stamper = new Stamper(own, this.random);
    return { tables: new TableClient(calls, stamper), stamper };
  }

  node(index: number): TableNode {
    return this.nodes[index] as TableNode;
  }

  /** Nothing reaches it, and its peers have given it up. */
  takeAway(index: number): void {
    this.bus.away.add(this.node(index).id);
    this.#down.add(this.node(index).id);
  }

  bringBack(index: number): void {
    this.bus.away.delete(this.node(index).id);
    this.#down.delete(this.node(index).id);
  }

  until<Value>(promise: Value | Promise<Value>): Promise<Value> {
    return this.time.until(Promise.resolve(promise));
  }
}
