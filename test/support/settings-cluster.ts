/**
 * Several nodes that decide on settings together, and processes that ask them, on a flaky network.
 *
 * Owns:          the nodes' stores, their crashes and restarts.
 * Knows:         the settings actor and client.
 * Must not know: what is tested.
 */
import { SettingsActor } from '../../actors/settings/settings-actor.ts';
import { FenceWorker } from '../../actors/partition/fence-worker.ts';
import { TablePartition } from '../../actors/partition/table-partition.ts';
import { SettingsSpread } from '../../actors/settings/settings-spread.ts';
import type { ClusterView } from '../../bus/cluster-view.ts';
import { fixedView } from '../../bus/cluster-view.ts';
import { serveGuarded } from '../../bus/guarded.ts';
import { ReplicaCalls } from '../../bus/replica-calls.ts';
import { SettingsClient } from '../../bus/settings-client.ts';
import { Subjects } from '../../bus/subjects.ts';
import { TableClient } from '../../bus/table-client.ts';
import type { LayoutVersion } from '../../schemas/cluster-layout.ts';
import type { NodeId, PartitionId } from '../../schemas/ids.ts';
import { PARTITION_COUNT } from '../../schemas/ids.ts';
import type { TableReply, TableRequest } from '../../schemas/messages/table.ts';
import { Stamper } from '../../schemas/stamper.ts';
import { FlakyNetwork, nodeName, type FlakyProcess } from './flaky-network.ts';
import { QuietLog } from './quiet-log.ts';
import { MemoryStore } from './memory-store.ts';

/** All nodes hold all partitions, each in a zone of its own. */
export function layoutOf(nodes: readonly NodeId[], version = 1): LayoutVersion {
  return {
    version,
    replicationFactor: nodes.length,
    zoneRedundancy: 'maximum',
    roles: new Map(nodes.map(node => [node, { zone: node, tags: [], capacityBytes: 1 }])),
    replicas: Array.from({ length: PARTITION_COUNT }, () => nodes),
    partitionBytes: 1,
  };
}

/** Several live versions; nothing else is known of the cluster. */
export function viewOf(live: readonly LayoutVersion[], reader?: NodeId): ClusterView {
  const current = live.at(-1) as LayoutVersion;
  return {
    ...fixedView({ current }),
    current,
    live,
    read: live[0] ?? current,
    liveIds: live.map(({ version }) => String(version)).join(' '),
    nearest: nodes =>
      reader !== undefined && nodes.includes(reader)
        ? [reader, ...nodes.filter(node => node !== reader)]
        : nodes,
  };
}

export type SettingsAsker = {
  readonly settings: SettingsClient;
  readonly process: FlakyProcess;
  readonly stamper: Stamper;
  readonly tables: TableClient;
};

export class SettingsCluster {
  readonly network: FlakyNetwork;
  readonly subjects = new Subjects('test');
  readonly nodes: readonly NodeId[];
  readonly #stores = new Map<NodeId, MemoryStore>();
  readonly #processes = new Map<NodeId, FlakyProcess>();
  readonly #actors = new Map<NodeId, SettingsActor>();
  readonly #spreads = new Map<NodeId, SettingsSpread>();
  readonly #isSpread: boolean;
  readonly #partition: PartitionId | undefined;
  readonly #fences = new Map<NodeId, FenceWorker>();
  readonly layout: LayoutVersion;

  /** `spread`: nodes compare their copies. `partition`: they hold the rows of that one, too. */
  constructor(options: {
    readonly nodes: number;
    readonly seed: number;
    readonly spread?: boolean;
    readonly partition?: PartitionId;
  }) {
    this.#partition = options.partition;
    this.#isSpread = options.spread ?? false;
    this.network = new FlakyNetwork(options.seed);
    this.nodes = Array.from({ length: options.nodes }, (_, index) => nodeName(index));
    this.layout = layoutOf(this.nodes);
    for (const node of this.nodes) this.start(node);
  }

  store(node: NodeId): MemoryStore {
    return this.#stores.get(node) as MemoryStore;
  }

  isUp(node: NodeId): boolean {
    return this.#processes.get(node)?.isAlive ?? false;
  }

  /** A node starts with what was durable when it stopped. */
  start(node: NodeId): void {
    const store = this.#stores.get(node) ?? new MemoryStore();
    const process = this.network.process(node);
    const { environment } = this.network;
    const actor = new SettingsActor({
      ...{ store, clock: environment.clock, changed: () => undefined },
      isInSync: () => this.#spreads.get(node)?.isInSync() ?? true,
    });
    serveGuarded(process, this.subjects.settings(node), actor.receive.bind(actor));
    this.#stores.set(node, store);
    this.#processes.set(node, process);
    this.#actors.set(node, actor);
    if (this.#isSpread) this.#compare(node, process, actor);
    if (this.#partition !== undefined) this.#holdRows(node, process, this.#partition);
  }

  #holdRows(node: NodeId, process: FlakyProcess, partition: PartitionId): void {
    const { environment } = this.network;
    const table = new TablePartition({
      ...{ partition, store: this.store(node), clock: environment.clock, space: () => true },
      ...{ kickRelease: () => undefined, soleReplica: false, isLiveStamper: () => true },
    });
    process.serve(this.subjects.table(node, partition), table.receive.bind(table));
    const { settings } = this.#clientOf(process, viewOf([this.layout], node));
    const { timers } = environment;
    const fences = new FenceWorker({
      ...{ partitions: [table], settings, timers, log: new QuietLog() },
    });
    this.#fences.set(node, fences);
    fences.start();
  }

  #compare(node: NodeId, process: FlakyProcess, actor: SettingsActor): void {
    const view = viewOf([this.layout], node);
    const { environment } = this.network;
    const common = { bus: process, subjects: this.subjects, environment };
    const stamper = new Stamper(environment.clock, environment.random);
    const settings = new SettingsClient({
      ...common,
      node,
      stamper,
      cluster: { view, environment },
    });
    const spread = new SettingsSpread({
      ...common,
      nodeId: node,
      actor,
      settings,
      view,
      log: new QuietLog(),
    });
    this.#spreads.set(node, spread);
    spread.start();
  }

  actor(node: NodeId): SettingsActor {
    return this.#actors.get(node) as SettingsActor;
  }

  /** kill -9 and the loss of what was not durable. */
  crash(node: NodeId): void {
    this.#processes.get(node)?.kill();
    void this.#spreads.get(node)?.stop();
    void this.#fences.get(node)?.stop();
    this.#stores.set(node, this.store(node).crash());
  }

  /** As `crash`, and its disk is lost as well. */
  wipe(node: NodeId): void {
    this.crash(node);
    this.#stores.set(node, new MemoryStore());
  }

  /** A process that asks; `view`: what it knows of the cluster. */
  client(name: string, view: ClusterView = viewOf([this.layout])): SettingsAsker {
    return this.#clientOf(this.network.process(name), view);
  }

  #clientOf(process: FlakyProcess, view: ClusterView): SettingsAsker {
    const { environment } = this.network;
    const { clock, timers, random } = environment;
    const stamper = new Stamper(clock, random);
    const settings = new SettingsClient({
      ...{ bus: process, subjects: this.subjects, node: this.nodes[0] as NodeId },
      ...{ stamper, cluster: { view, environment } },
    });
    const address = this.subjects.table.bind(this.subjects);
    const calls = new ReplicaCalls<TableRequest, TableReply>({
      ...{ bus: process, view, clock, timers, address },
    });
    return { settings, process, stamper, tables: new TableClient(calls, stamper) };
  }
}
