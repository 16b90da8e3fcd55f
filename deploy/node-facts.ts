/**
 * What this machine says of itself to `garage status` and `garage stats`.
 *
 * Owns:          the version that is shown.
 * Knows:         directories and partitions of the storage role.
 * Must not know: who asks.
 */
import type { NodeFacts } from '../actors/cluster/cluster-actor.ts';
import { countRows } from '../actors/cluster/row-statistics.ts';
import type { ResyncQueue } from '../actors/block/resync-queue.ts';
import type { DataDirectories } from '../actors/storage/data-directories.ts';
import type { Store } from '../actors/storage/store.ts';
import type { Config } from '../schemas/config.ts';
import type { Files } from '../schemas/environment.ts';
import type { NodeId } from '../schemas/ids.ts';
import { GARAGE_VERSION } from './version.ts';

export type NodeFactsOptions = {
  readonly config: Config;
  readonly nodeId: NodeId;
  readonly hostname: string;
  readonly directories: DataDirectories;
  readonly files: Files;
  readonly store: Store;
  readonly resyncQueue: ResyncQueue;
};

export function nodeFacts(options: NodeFactsOptions): NodeFacts {
  const { config, nodeId, hostname, directories, files, store, resyncQueue } = options;
  return {
    hostname,
    address: config.rpcPublicAddress ?? bindAddress(config),
    info: () => ({
      nodeId,
      hostname,
      garageVersion: GARAGE_VERSION,
      garageFeatures: ['s3', 'web', 'admin'],
      rustVersion: `node ${process.version}`,
      dbEngine: 'LevelDB (classic-level)',
    }),
    statistics: async () => {
      const { tables, blocks, deletions } = await countRows(store);
      // What waits is to be deleted, or to be fetched from another node.
      const { length, errored } = resyncQueue;
      const resyncQueueLength = deletions + length;
      return { tables, rcEntries: blocks, resyncQueueLength, resyncErrors: errored };
    },
    space: async () => {
      const [metadata, states] = await Promise.all([
        files.space(config.metadataDir),
        directories.measure(),
      ]);
      return {
        metadata: { available: metadata.availableBytes, total: metadata.totalBytes },
        data: {
          available: states.reduce((sum, state) => sum + state.availableBytes, 0),
          total: states.reduce((sum, state) => sum + state.totalBytes, 0),
        },
      };
    },
  };
}

function bindAddress({ controlBind }: Config): string {
  if (controlBind.kind === 'unix') return controlBind.path;
  return `${controlBind.host}:${String(controlBind.port)}`;
}
