/**
 * The keeper of the layout in a storage process, and what takes the node through its versions.
 *
 * Owns:          their wiring.
 * Knows:         actors/cluster, what the process knows of its cluster.
 * Must not know: rows, blocks; how a partition is pulled it is told.
 */
import type { ResyncWorker } from '../actors/block/resync-worker.ts';
import { ClusterActor, type NodeFacts } from '../actors/cluster/cluster-actor.ts';
import { LayoutFence } from '../actors/cluster/layout-fence.ts';
import { LayoutKeeper } from '../actors/cluster/layout-keeper.ts';
import {
  LayoutProgress,
  NOTHING_TO_BRING,
  type PartitionSync,
} from '../actors/cluster/layout-progress.ts';
import { LayoutSync, type PartitionTransfer } from '../actors/cluster/layout-sync.ts';
import type { Store } from '../actors/storage/store.ts';
import type { Config } from '../schemas/config.ts';
import type { Environment } from '../schemas/environment.ts';
import type { NodeId } from '../schemas/ids.ts';
import type { NodeWork } from '../schemas/node-work.ts';
import type { Stamper } from '../schemas/stamper.ts';
import type { Log } from '../schemas/telemetry.ts';
import type { KnownLayout } from '../bus/known-layout.ts';
import { measuredSpace, type ClusterKnowledge } from './cluster-knowledge.ts';
import type { SettingsKeeper } from './settings-keeper.ts';

export type LayoutRoleOptions = {
  readonly config: Config;
  readonly nodeId: NodeId;
  readonly environment: Environment;
  readonly stamper: Stamper;
  readonly log: Log;
  readonly knowledge: ClusterKnowledge;
};

/** What the process has once its partitions are there. */
export type Partitions = {
  readonly transfer: PartitionTransfer;
  readonly resync: Pick<ResyncWorker, 'status'>;
  readonly settings: Pick<SettingsKeeper, 'bringIn'>;
};

export type LayoutRole = {
  readonly cluster: ClusterActor;
  /** On the embedded bus everyone knows the same layout: nothing is to be refused. */
  readonly fence: LayoutFence | undefined;
  /** The partitions are served: versions may be acknowledged, and brought in. */
  begin(partitions: Partitions): void;
  stop(): Promise<void>;
};

export function makeLayoutRole(
  options: LayoutRoleOptions,
  store: Store,
  facts: NodeFacts,
): LayoutRole {
  const { config, nodeId, environment, stamper, log, knowledge } = options;
  const { known, clock, offsets, process, members, view } = knowledge;
  const keeper = new LayoutKeeper(store, known);
  const fence = new LayoutFence(nodeId, known);
  const hasPeers = config.nats !== undefined;
  const begun: { progress?: LayoutProgress; sync?: LayoutSync; work?: () => NodeWork } = {};
  return {
    cluster: new ClusterActor({
      ...{ nodeId, known, keeper, stamper, facts, clock, offsets, process, members },
      work: () => begun.work?.(),
    }),
    fence: hasPeers ? fence : undefined,
    begin: ({ transfer, resync, settings }) => {
      const sync = new LayoutSync({
        ...{ nodeId, known, transfer, clock, isUp: node => view.isUp(node) },
      });
      const { timers } = environment;
      const progress = new LayoutProgress({
        ...{ nodeId, known, keeper, fence, log, timers },
        sync: hasPeers ? withSettings(sync, settings, known) : NOTHING_TO_BRING,
      });
      const work = (): NodeWork => workLeft(sync, resync);
      Object.assign(begun, { sync, progress, work });
      const space = measuredSpace(clock, () => facts.space());
      knowledge.describe(() => ({ ...space(), work: work() }));
      progress.kick();
    },
    stop: async () => {
      begun.sync?.stop();
      await begun.progress?.stop();
    },
  };
}

/** The full copies first: what is decided from then on is decided with this node. */
function withSettings(
  sync: LayoutSync,
  settings: Pick<SettingsKeeper, 'bringIn'>,
  known: KnownLayout,
): PartitionSync {
  return {
    prepare: () => sync.prepare(),
    bringIn: async (version, gained) =>
      (await settings.bringIn(known.read)) === 'done' ? sync.bringIn(version, gained) : 'later',
  };
}

function workLeft(sync: LayoutSync, { status }: Pick<ResyncWorker, 'status'>): NodeWork {
  const { queueLength, bytesLeft, erroredBlocks, etaMs } = status;
  return {
    syncPartitions: sync.partitionsLeft,
    resyncBlocks: queueLength,
    resyncBytes: bytesLeft,
    resyncErrors: erroredBlocks,
    secondsLeft: etaMs === undefined ? null : Math.ceil(etaMs / 1000),
  };
}
