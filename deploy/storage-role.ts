/**
 * A storage process: the store and the files, and the keepers of settings and layout upon them.
 *
 * Owns:          the order in which they are opened and closed.
 * Knows:         all of actors/.
 * Must not know: HTTP, the gateway.
 */
import { hostname } from 'node:os';
import { join } from 'node:path';
import { newBlockStats, type BlockStats } from '../actors/block/block-stats.ts';
import { ResyncQueue } from '../actors/block/resync-queue.ts';
import type { ResyncWorker } from '../actors/block/resync-worker.ts';
import type { NodeFacts } from '../actors/cluster/cluster-actor.ts';
import { NodeUpkeep } from '../actors/cluster/node-upkeep.ts';
import { WorkerRegistry } from '../actors/runtime/worker-registry.ts';
import { BlockFiles } from '../actors/storage/block-files.ts';
import { DataDirectories } from '../actors/storage/data-directories.ts';
import { LevelStore, type LevelStoreOptions } from '../actors/storage/level-store.ts';
import type { Bus } from '../bus/bus.ts';
import { serveGuarded } from '../bus/guarded.ts';
import type { Subjects } from '../bus/subjects.ts';
import type { Config } from '../schemas/config.ts';
import type { Environment, Files } from '../schemas/environment.ts';
import type { NodeId } from '../schemas/ids.ts';
import type { LifecycleCalendar } from '../schemas/lifecycle-calendar.ts';
import type { Stamper } from '../schemas/stamper.ts';
import type { Log } from '../schemas/telemetry.ts';
import { makeClients, type Clients } from './clients.ts';
import type { ClusterKnowledge } from './cluster-knowledge.ts';
import { makeLayoutRole, type LayoutRole } from './layout-role.ts';
import { nodeFacts } from './node-facts.ts';
import { serveSettings, type SettingsKeeper } from './settings-keeper.ts';
import { startStorageActors } from './storage-actors.ts';

/** What the store and the blocks lie on. */
export type StorageDisk = Pick<LevelStoreOptions, 'makeDatabase' | 'sizes'> & {
  readonly files: Files;
  /** Directories of blocks are made before they are needed, or not: there are thousands. */
  readonly directories: 'ahead' | 'as-needed';
};

export type StorageRoleOptions = {
  readonly config: Config;
  readonly nodeId: NodeId;
  readonly rpcSecret: string;
  readonly environment: Environment;
  readonly bus: Bus;
  readonly subjects: Subjects;
  readonly stamper: Stamper;
  readonly log: Log;
  readonly calendar: LifecycleCalendar;
  readonly knowledge: ClusterKnowledge;
  readonly disk: StorageDisk;
  readonly isAlone?: boolean;
};

export type StorageRole = {
  readonly clients: Clients;
  readonly store: LevelStore;
  readonly blockStats: BlockStats;
  readonly facts: NodeFacts;
  /** What is left to fetch from other nodes. */
  readonly resync: Pick<ResyncWorker, 'status'>;
  /** Ends the workers, flushes, closes the store. */
  stop(): Promise<void>;
};

/** Opens the store and serves this node's subjects; throws what keeps it from serving. */
export async function startStorage(options: StorageRoleOptions): Promise<StorageRole> {
  const { config, environment, nodeId, log, disk } = options;
  const { clock, random } = environment;
  const { minFreeBytes } = config;
  const { files } = disk;
  const store = await LevelStore.open({
    ...{ ...disk, directory: join(config.metadataDir, 'store-0'), environment, log, minFreeBytes },
    sync: config.metadataFsync,
  });
  const roots = config.dataDirs;
  const directories = new DataDirectories({
    ...{ files, clock, directories: roots, minFreeBytes, log },
  });
  const blockFiles = new BlockFiles({ files, random, directories, sync: config.dataFsync });
  const blockStats = newBlockStats();
  const resyncQueue = new ResyncQueue(store);
  const facts = nodeFacts({
    ...{ config, nodeId, hostname: hostname(), directories, files, store, resyncQueue },
  });
  const registry = new WorkerRegistry(clock);
  const keepers = serveKeepers({ ...options, registry }, store, facts);
  const { clients, layout, settings } = keepers;
  let isStopped = false;
  const prepared = blockFiles
    .prepare(() => isStopped || disk.directories === 'as-needed')
    .catch((error: unknown) => {
      log.warn({ error }, 'directories for blocks are made as they are needed');
    });
  const actors = startStorageActors({
    ...{ ...options, store, files, directories, blockFiles, blockStats, clients },
    ...{ resyncQueue, registry, fence: layout.fence, isBehind: layout.isBehind },
    ...{ missedRound: layout.missedRound, takesWrites: layout.takesWrites },
  });
  layout.begin({ transfer: actors.transfer, resync: actors.resync, settings });
  return {
    ...{ clients, store, blockStats, facts, resync: actors.resync },
    stop: async () => {
      isStopped = true;
      await prepared;
      await layout.stop();
      await actors.stop();
      await settings.stop();
      await store.close();
    },
  };
}

type Keepers = {
  readonly clients: Clients;
  readonly layout: LayoutRole;
  readonly settings: SettingsKeeper;
};

/** The keepers of layout and settings; the clients need the layout that is in force. */
function serveKeepers(
  options: StorageRoleOptions & { readonly registry: WorkerRegistry },
  store: LevelStore,
  facts: NodeFacts,
): Keepers {
  const { bus, subjects, nodeId, knowledge } = options;
  const layout = makeLayoutRole(options, store, facts);
  const { cluster, fence } = layout;
  const settings = serveSettings({
    ...{ ...options, store },
    // On the embedded bus nobody else decides.
    ...(fence && { fence: fence.guard.bind(fence), mayVote: () => !layout.isBehind() }),
  });
  const upkeep = new NodeUpkeep(options.registry, cluster.receive.bind(cluster));
  serveGuarded(bus, subjects.cluster(nodeId), upkeep.receive.bind(upkeep));
  const clients = makeClients({ ...options, node: nodeId, view: knowledge.view });
  settings.start(clients);
  return { clients, layout, settings };
}
