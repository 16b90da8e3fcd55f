/**
 * A storage process: the store, the files, and every actor and worker that keeps them true.
 *
 * Owns:          the wiring of the storage role, one page.
 * Knows:         all of actors/.
 * Must not know: HTTP, the gateway.
 */
import { hostname } from 'node:os';
import { join } from 'node:path';
import { BlockCollector } from '../actors/block/block-collector.ts';
import { BlockLoad } from '../actors/block/block-load.ts';
import { BlockPartition } from '../actors/block/block-partition.ts';
import { newBlockStats, type BlockStats } from '../actors/block/block-stats.ts';
import { FileWalker } from '../actors/block/file-walker.ts';
import { ClusterActor, type NodeFacts } from '../actors/cluster/cluster-actor.ts';
import { TablePartition } from '../actors/partition/table-partition.ts';
import { SettingsActor } from '../actors/settings/settings-actor.ts';
import { BlockFiles } from '../actors/storage/block-files.ts';
import { DataDirectories } from '../actors/storage/data-directories.ts';
import { DiskFiles } from '../actors/storage/disk-files.ts';
import { LevelStore } from '../actors/storage/level-store.ts';
import type { Bus } from '../bus/bus.ts';
import type { Subjects } from '../bus/subjects.ts';
import type { Config } from '../schemas/config.ts';
import type { Environment } from '../schemas/environment.ts';
import type { NodeId } from '../schemas/ids.ts';
import { PARTITION_COUNT, partitionId } from '../schemas/ids.ts';
import type { Stamper } from '../schemas/stamper.ts';
import type { Log } from '../schemas/telemetry.ts';
import { makeClients, type Clients } from './clients.ts';
import { nodeFacts } from './node-facts.ts';

export type StorageRoleOptions = {
  readonly config: Config;
  readonly nodeId: NodeId;
  readonly environment: Environment;
  readonly bus: Bus;
  readonly subjects: Subjects;
  readonly stamper: Stamper;
  readonly log: Log;
};

export type StorageRole = {
  readonly clients: Clients;
  readonly store: LevelStore;
  readonly blockStats: BlockStats;
  readonly facts: NodeFacts;
  /** Ends the workers, flushes, closes the store. */
  stop(): Promise<void>;
};

/** Opens the store and serves this node's subjects; throws what keeps it from serving. */
export async function startStorage(options: StorageRoleOptions): Promise<StorageRole> {
  const { config, environment, bus, subjects, nodeId, log } = options;
  const { clock, timers, random } = environment;
  const files = new DiskFiles();
  const store = await LevelStore.open({
    directory: join(config.metadataDir, 'store-0'),
    files,
    environment,
    log,
    sync: config.metadataFsync,
    minFreeBytes: config.minFreeBytes,
  });
  const { minFreeBytes } = config;
  const directories = new DataDirectories({
    files,
    clock,
    directories: config.dataDirs,
    minFreeBytes,
  });
  const blockFiles = new BlockFiles({ files, random, directories, sync: config.dataFsync });
  const blockStats = newBlockStats();
  const load = new BlockLoad({
    concurrentReadsMax: config.blockConcurrentReadsMax,
    bufferedBytesMax: config.blockRamBufferBytesMax,
  });
  const partitions = Array.from({ length: PARTITION_COUNT }, (_, index) => partitionId(index));
  const blockPartitions = partitions.map(
    partition =>
      new BlockPartition({
        ...{ partition, store, files: blockFiles, load, stats: blockStats, clock, log },
        deleteDelayMs: config.debug.blockDeleteDelaySeconds * 1000,
      }),
  );
  const tablePartitions = partitions.map(
    partition =>
      new TablePartition({
        ...{ partition, store, clock, log, soleReplica: true },
        space: () => true,
        kickRelease: () => undefined,
        isLiveStamper: stamper => stamper === options.stamper.id,
      }),
  );
  const facts = nodeFacts({
    ...{ config, nodeId, hostname: hostname(), directories, files, store },
  });
  const cluster = new ClusterActor({
    ...{ nodeId, replicationFactor: config.replicationFactor, store, facts },
    layoutChanged: layout => {
      bus.publish(subjects.layoutChanged(), layout);
    },
  });
  const settings = new SettingsActor({
    store,
    clock,
    changed: change => {
      bus.publish(subjects.settingsChanged(), change);
    },
  });
  bus.serve(subjects.cluster(nodeId), cluster.receive.bind(cluster));
  bus.serve(subjects.settings(nodeId), settings.receive.bind(settings));
  partitions.forEach((partition, index) => {
    const table = tablePartitions[index];
    const block = blockPartitions[index];
    if (table) bus.serve(subjects.replica(nodeId, 'table', partition), table.receive.bind(table));
    if (block) bus.serve(subjects.replica(nodeId, 'block', partition), block.receive.bind(block));
  });
  const clients = makeClients({ ...options, node: nodeId, layout: cluster.layout });
  const collector = new BlockCollector({ partitions: blockPartitions, clock, timers, log });
  const walker = new FileWalker({
    ...{ files, directories, partitions: blockPartitions, tag: blockFiles.tag },
    ...{ clock, timers, log, stats: blockStats },
  });
  collector.start();
  walker.start();
  return {
    clients,
    store,
    blockStats,
    facts,
    stop: async () => {
      await Promise.all([collector.stop(), walker.stop()]);
      await store.close();
    },
  };
}
