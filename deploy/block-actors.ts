/**
 * The block partitions of a storage process, and everything that looks after its blocks.
 *
 * Owns:          their wiring.
 * Knows:         actors/block.
 * Must not know: rows of objects, HTTP.
 */
import { BlockCollector } from '../actors/block/block-collector.ts';
import { BlockLeaver } from '../actors/block/block-leaver.ts';
import { BlockLoad } from '../actors/block/block-load.ts';
import { BlockPartition } from '../actors/block/block-partition.ts';
import { BlockScrub } from '../actors/block/block-scrub.ts';
import type { BlockStats } from '../actors/block/block-stats.ts';
import { FileWalker } from '../actors/block/file-walker.ts';
import { MissingWalker } from '../actors/block/missing-walker.ts';
import { ReferenceSync } from '../actors/block/reference-sync.ts';
import { ResyncPace } from '../actors/block/resync-pace.ts';
import type { ResyncQueue } from '../actors/block/resync-queue.ts';
import { ResyncWorker } from '../actors/block/resync-worker.ts';
import type { BlockFiles } from '../actors/storage/block-files.ts';
import type { PurposefulStore } from '../actors/storage/commit-purpose.ts';
import type { DataDirectories } from '../actors/storage/data-directories.ts';
import { BlockPeers } from '../bus/block-peers.ts';
import type { PeerCalls } from '../bus/peer-calls.ts';
import type { Subjects } from '../bus/subjects.ts';
import type { Config } from '../schemas/config.ts';
import type { Environment, Files } from '../schemas/environment.ts';
import type { NodeId } from '../schemas/ids.ts';
import { partitionOfBlock, PARTITIONS } from '../schemas/ids.ts';
import type { Log } from '../schemas/telemetry.ts';
import type { Clients } from './clients.ts';

export type BlockActorsOptions = {
  readonly config: Config;
  readonly nodeId: NodeId;
  readonly environment: Environment;
  readonly calls: PeerCalls;
  readonly subjects: Subjects;
  readonly log: Log;
  readonly store: PurposefulStore;
  readonly files: Files;
  readonly directories: DataDirectories;
  readonly blockFiles: BlockFiles;
  readonly blockStats: BlockStats;
  readonly resyncQueue: ResyncQueue;
  readonly clients: Pick<Clients, 'view'>;
  readonly isBehind: () => boolean;
};

type Worker = { start(): void; stop(): Promise<void> };

export type BlockActors = {
  /** By partition id. */
  readonly partitions: readonly BlockPartition[];
  readonly resync: ResyncWorker;
  readonly pace: ResyncPace;
  readonly sync: ReferenceSync;
  readonly missing: MissingWalker;
  readonly scrub: BlockScrub;
  readonly files: FileWalker;
  readonly collector: BlockCollector;
  /** None of them is started yet. */
  readonly workers: readonly Worker[];
};

export function makeBlockActors(options: BlockActorsOptions): BlockActors {
  const { calls, subjects, nodeId, clients, environment, log, store } = options;
  const { files, directories, blockFiles, blockStats: stats, resyncQueue: queue } = options;
  const address = subjects.block.bind(subjects);
  const peers = new BlockPeers({ calls, view: clients.view, node: nodeId, address });
  const isReplicated = peers.isReplicated.bind(peers);
  const partitions = makePartitions(options, { queue, isReplicated });
  const { clock, timers } = environment;
  const { isBehind } = options;
  const common = { partitions, peers, queue, stats, clock, timers, log, isBehind };
  const onDisk = { files, directories, tag: blockFiles.tag };
  const pace = new ResyncPace(store);
  const resync = new ResyncWorker({ ...common, pace });
  const sync = new ReferenceSync(common);
  const collector = new BlockCollector(common);
  const walker = new FileWalker({ ...common, ...onDisk });
  const scrub = new BlockScrub({
    ...{ ...common, ...onDisk, store, blockFiles },
    onDamaged: hash => {
      partitions[partitionOfBlock(hash)]?.lookAfter(hash);
    },
  });
  const missing = new MissingWalker({ ...common, ...onDisk, isReplicated });
  const workers: Worker[] = [
    ...[resync, sync, missing],
    new BlockLeaver(common),
    ...[collector, walker, scrub],
  ];
  const walkers = { missing, files: walker };
  return { partitions, resync, pace, sync, ...walkers, scrub, collector, workers };
}

function makePartitions(
  { config, store, log, environment, blockFiles, blockStats }: BlockActorsOptions,
  resync: NonNullable<ConstructorParameters<typeof BlockPartition>[0]['resync']>,
): BlockPartition[] {
  const load = new BlockLoad({
    concurrentReadsMax: config.blockConcurrentReadsMax,
    bufferedBytesMax: config.blockRamBufferBytesMax,
  });
  return PARTITIONS.map(
    partition =>
      new BlockPartition({
        ...{ partition, store, files: blockFiles, load, resync, log },
        ...{ stats: blockStats, clock: environment.clock },
        deleteDelayMs: config.debug.blockDeleteDelaySeconds * 1000,
      }),
  );
}
