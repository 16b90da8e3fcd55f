/**
 * Every actor and worker of a storage process, on one page.
 *
 * Owns:          their wiring, their start and their end.
 * Knows:         actors/.
 * Must not know: HTTP, the gateway.
 */
import type { BlockPartition } from '../actors/block/block-partition.ts';
import type { BlockStats } from '../actors/block/block-stats.ts';
import type { ResyncQueue } from '../actors/block/resync-queue.ts';
import type { ResyncWorker } from '../actors/block/resync-worker.ts';
import type { LayoutFence } from '../actors/cluster/layout-fence.ts';
import type { PartitionTransfer } from '../actors/cluster/layout-sync.ts';
import { unlessBehind, unlessForgetful } from '../actors/cluster/unless-behind.ts';
import { digestKey as digestKeyOf } from '../actors/entropy/digest-key.ts';
import { EntropyWorker } from '../actors/entropy/entropy-worker.ts';
import { RoundWorker } from '../actors/entropy/round-worker.ts';
import type { RowPullPorts } from '../actors/entropy/row-pull.ts';
import { BucketHoldings } from '../actors/partition/bucket-holdings.ts';
import { FenceWorker } from '../actors/partition/fence-worker.ts';
import { LifecycleWorker } from '../actors/partition/lifecycle-worker.ts';
import { ReferenceWalker } from '../actors/partition/reference-walker.ts';
import { ReleaseWorker } from '../actors/partition/release-worker.ts';
import { TablePartition } from '../actors/partition/table-partition.ts';
import { TombstoneCollector } from '../actors/partition/tombstone-collector.ts';
import type { ReportingWorker, WorkerRegistry } from '../actors/runtime/worker-registry.ts';
import type { BlockFiles } from '../actors/storage/block-files.ts';
import type { DataDirectories } from '../actors/storage/data-directories.ts';
import type { PurposefulStore } from '../actors/storage/commit-purpose.ts';
import type { Bus } from '../bus/bus.ts';
import { PeerCalls } from '../bus/peer-calls.ts';
import type { Subjects } from '../bus/subjects.ts';
import type { Config } from '../schemas/config.ts';
import type { Environment, Files } from '../schemas/environment.ts';
import type { NodeId, PartitionId } from '../schemas/ids.ts';
import { partitionId, PARTITIONS } from '../schemas/ids.ts';
import type { LifecycleCalendar } from '../schemas/lifecycle-calendar.ts';
import type { Stamper } from '../schemas/stamper.ts';
import type { Log } from '../schemas/telemetry.ts';
import { makeBlockActors } from './block-actors.ts';
import type { Clients } from './clients.ts';
import { registerChecks, registerResync, registerScrub } from './node-workers.ts';

export type StorageActorsOptions = {
  readonly config: Config;
  readonly nodeId: NodeId;
  readonly rpcSecret: string;
  readonly environment: Environment;
  readonly bus: Bus;
  readonly subjects: Subjects;
  readonly stamper: Stamper;
  readonly log: Log;
  readonly store: PurposefulStore;
  readonly files: Files;
  readonly directories: DataDirectories;
  readonly blockFiles: BlockFiles;
  readonly blockStats: BlockStats;
  readonly resyncQueue: ResyncQueue;
  readonly clients: Clients;
  readonly calendar: LifecycleCalendar;
  /** Gets every worker, as administration sees it. */
  readonly registry: WorkerRegistry;
  /** Refuses who does not know a layout version that this node has acknowledged. */
  readonly fence: LayoutFence | undefined;
  /** Whether the store may have forgotten something; asked for each request behind a fence. */
  readonly isBehind: () => boolean;
  /** Whether what is written here may count; asked for each write behind a fence. */
  readonly takesWrites: (partition: PartitionId) => boolean;
  /** Told that other replicas of a partition forgot something without this node. */
  readonly missedRound: (partition: PartitionId) => void;
};

type Worker = { start(): void; stop(): Promise<void> };
export type StorageActors = {
  readonly resync: ResyncWorker;
  readonly transfer: PartitionTransfer;
  stop(): Promise<void>;
};

export function startStorageActors(options: StorageActorsOptions): StorageActors {
  const calls = new PeerCalls({ bus: options.bus, view: options.clients.view });
  const blockActors = makeBlockActors({ ...options, calls });
  const blocks = blockActors.partitions;
  // Partitions tell the worker of what they queue, and the worker is made of partitions.
  const queue: { releases?: ReleaseWorker } = {};
  const holdings = new BucketHoldings();
  // On the embedded bus there is nobody to compare with.
  const digestKey = options.config.nats && digestKeyOf(options.rpcSecret);
  // Which gateways of a cluster are alive is not known here: what they began may be under way.
  const isLiveStamper = (stamper: string): boolean =>
    digestKey !== undefined || stamper === options.stamper.id;
  const tables = PARTITIONS.map(
    partition =>
      new TablePartition({
        ...{ partition, store: options.store, clock: options.environment.clock },
        ...{ log: options.log, soleReplica: digestKey === undefined, isLiveStamper, digestKey },
        // The store itself refuses what grows when its disk is too full.
        space: () => true,
        kickRelease: () => queue.releases?.kick(partition),
        missedRound: () => options.missedRound(partition),
        heldElsewhere: (bucket, shards) => holdings.elsewhere(partition, bucket, shards),
      }),
  );
  for (const table of tables) holdings.add(table.partition, table);
  serve(options, tables, blocks);
  const releases = new ReleaseWorker({ partitions: tables, ...workerPorts(options) });
  queue.releases = releases;
  const references = new ReferenceWalker({
    ...{ partitions: tables, isLiveStamper, ...workerPorts(options) },
    listReferences: async (partition, after, limit) =>
      (await blocks[partition]?.listReferences(after, limit)) ?? { references: [] },
  });
  const lifecycle = new LifecycleWorker({
    ...{ partitions: tables, settings: options.clients.settings, stamper: options.stamper },
    ...{ calendar: options.calendar, ...workerPorts(options) },
  });
  const tombstones = new TombstoneCollector({ partitions: tables, ...workerPorts(options) });
  const fences = new FenceWorker({
    ...{ partitions: tables, settings: options.clients.settings, ...workerPorts(options) },
  });
  const workers: Worker[] = [
    ...[releases, tombstones, references, lifecycle, fences],
    ...blockActors.workers,
  ];
  const replicated = digestKey && replicaWorkers({ ...options, calls }, tables, digestKey);
  if (replicated !== undefined) workers.push(...replicated.workers);
  for (const worker of workers) worker.start();
  const { resync, pace, missing, scrub, files, collector } = blockActors;
  options.registry.add(resync, scrub, files, collector, references, releases, tombstones);
  options.registry.add(lifecycle);
  if (replicated !== undefined) options.registry.add(...replicated.workers, blockActors.sync);
  registerResync(options.registry, { resync, pace, missing });
  registerScrub(options.registry, scrub);
  registerChecks(options.registry, { references, files, lifecycle });
  return {
    resync: blockActors.resync,
    transfer: {
      pullRows: async (partition, source) =>
        (await replicated?.entropy.pullAll(partition, source)) ?? 'failed',
      noteEmpty: async partition => replicated?.entropy.noteEmpty(partition),
      setAside: async partition => (await replicated?.entropy.setAside(partition)) ?? 'failed',
      meetRound: async (partition, source) =>
        (await replicated?.entropy.meetRound(partition, source)) ?? 'failed',
      pullReferences: (partition, sinceMs) => blockActors.sync.bringIn(partition, sinceMs),
      blocksInStep: partition => blockActors.sync.inStep(partition),
    },
    stop: async () => {
      calls.close();
      await Promise.all(workers.map(worker => worker.stop()));
    },
  };
}

/** What keeps the replicas of this node's partitions equal to those of others. */
function replicaWorkers(
  { calls, ...options }: StorageActorsOptions & { readonly calls: PeerCalls },
  partitions: readonly TablePartition[],
  clusterKey: Uint8Array,
): { readonly entropy: EntropyWorker; readonly workers: readonly (Worker & ReportingWorker)[] } {
  const { bus, subjects, clients, nodeId, stamper } = options;
  const { view } = clients;
  const ask: RowPullPorts['ask'] = async (node, partition, request) =>
    (await calls.ask(subjects.table(node, partition), request)) ?? { kind: 'unavailable' };
  const common = { ...workerPorts(options), partitions, view, ask, self: nodeId };
  const entropy = new EntropyWorker({ ...common, bus, subjects, clusterKey });
  return { entropy, workers: [entropy, new RoundWorker({ ...common, stamper })] };
}

function workerPorts({ environment, log, clients, isBehind }: StorageActorsOptions) {
  const { clock, timers } = environment;
  return { clock, timers, log, isBehind, tables: clients.tables, blocks: clients.blocks };
}

function serve(
  { bus, subjects, nodeId, fence, isBehind, takesWrites }: StorageActorsOptions,
  tables: readonly TablePartition[],
  blocks: readonly BlockPartition[],
): void {
  for (const table of tables) {
    const server = table.receive.bind(table);
    const memory = { isBehind, takesWrites: () => takesWrites(table.partition) };
    const guarded = fence?.guard(unlessBehind(server, memory)) ?? server;
    bus.serve(subjects.table(nodeId, table.partition), guarded);
  }
  blocks.forEach((block, index) => {
    const server = block.receive.bind(block);
    const partition = partitionId(index);
    const guarded = fence?.guard(unlessForgetful(server, () => takesWrites(partition))) ?? server;
    bus.serve(subjects.block(nodeId, partition), guarded);
  });
}
