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
import { LayoutKeeper, type LostLayout } from '../actors/cluster/layout-keeper.ts';
import {
  LayoutProgress,
  NOTHING_TO_BRING,
  type PartitionSync,
} from '../actors/cluster/layout-progress.ts';
import { LayoutSync, type PartitionTransfer } from '../actors/cluster/layout-sync.ts';
import { hadPeers, StoreMarks } from '../actors/cluster/store-marks.ts';
import type { Store } from '../actors/storage/store.ts';
import type { Bus, NoAnswer } from '../bus/bus.ts';
import { askGuarded } from '../bus/guarded.ts';
import { readState } from '../bus/layout-pull.ts';
import type { Config } from '../schemas/config.ts';
import type { Environment } from '../schemas/environment.ts';
import { replicasOf } from '../schemas/cluster-layout.ts';
import type { NodeId, PartitionId } from '../schemas/ids.ts';
import { readVersionOf, sourcesOf, trackerOf } from '../schemas/layout-liveness.ts';
import type { ClusterReply, ClusterRequest } from '../schemas/messages/cluster.ts';
import type { NodeWork } from '../schemas/node-work.ts';
import type { Soon } from '../schemas/soon.ts';
import type { Stamper } from '../schemas/stamper.ts';
import type { Log } from '../schemas/telemetry.ts';
import type { KnownLayout } from '../bus/known-layout.ts';
import type { Subjects } from '../bus/subjects.ts';
import { measuredSpace, type ClusterKnowledge } from './cluster-knowledge.ts';
import type { SettingsKeeper } from './settings-keeper.ts';

export type LayoutRoleOptions = {
  readonly config: Config;
  readonly nodeId: NodeId;
  readonly environment: Environment;
  readonly stamper: Stamper;
  readonly log: Log;
  readonly bus: Bus;
  readonly subjects: Subjects;
  readonly knowledge: ClusterKnowledge;
  /** `--single-node`: the operator says that there is no other node. */
  readonly isAlone?: boolean;
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
  /** Whether this store may lack what was acknowledged here: it answers nothing then. */
  readonly isBehind: () => boolean;
  /** Whether it is certain to keep to what it promised when it acknowledged a layout version. */
  readonly takesWrites: (partition: PartitionId) => boolean;
  /** The other replicas of a partition forgot something without this node. */
  readonly missedRound: (partition: PartitionId) => void;
  /** The partitions are served: versions may be acknowledged, and brought in. */
  begin(partitions: Partitions): void;
  stop(): Promise<void>;
};

export function makeLayoutRole(
  options: LayoutRoleOptions,
  store: Store & { readonly batchCount: number },
  facts: NodeFacts,
): LayoutRole {
  const { config, nodeId, environment, stamper, log, knowledge } = options;
  const { known, clock, offsets, process, members, view } = knowledge;
  const keeper = new LayoutKeeper(store, known, lostLayout(options, store));
  if (keeper.beginsAnew) {
    log.warn(
      {},
      'the row of the layout and its copy are damaged: the node has always been alone, and makes them anew',
    );
  }
  const fence = new LayoutFence(nodeId, known);
  const hasPeers = config.nats !== undefined;
  const begun: Begun = {};
  const marks = hasPeers ? makeMarks(options, store, begun) : undefined;
  const isBehind = (): boolean =>
    marks !== undefined && (marks.state !== 'active' || isSkipped(known, nodeId));
  return {
    cluster: new ClusterActor({
      ...{ nodeId, known, keeper, stamper, facts, clock, offsets, process, members },
      work: () => begun.work?.(),
      remembered: node => marks?.remembered(node),
    }),
    fence: hasPeers ? fence : undefined,
    isBehind,
    takesWrites: partition => marks?.takesWrites(partition) ?? true,
    missedRound: partition => {
      // Of what it is still to be given it may miss a round; what it is read by it was given.
      if (isBehind() || !replicasOf(known.read, partition).includes(nodeId)) return;
      marks?.fallBehind();
    },
    begin: ({ transfer, resync, settings }) => {
      const { timers } = environment;
      const sync = new LayoutSync({
        ...{ nodeId, known, transfer, clock, timers, isUp: node => view.isUp(node) },
      });
      const progress = new LayoutProgress({
        ...{ nodeId, known, keeper, fence, log, timers },
        sync: hasPeers ? withSettings(sync, settings, known) : NOTHING_TO_BRING,
      });
      const work = (): NodeWork => workLeft(sync, resync);
      Object.assign(begun, { sync, progress, work, settings });
      const space = measuredSpace(clock, () => facts.space());
      knowledge.describe(() => {
        const mark = marks?.mark;
        return { ...space(), work: work(), ...(mark && { mark }) };
      });
      void sync.begin().catch((error: unknown) => {
        log.warn({ error }, 'whether partitions are empty could not be seen');
      });
      progress.kick();
      marks?.start();
    },
    stop: async () => {
      begun.sync?.stop();
      await marks?.stop();
      await begun.progress?.stop();
    },
  };
}

type Begun = {
  progress?: LayoutProgress;
  sync?: LayoutSync;
  settings?: Pick<SettingsKeeper, 'bringIn'>;
  work?: () => NodeWork;
};

const RECALL_MS = 1000;

/** What the store forgot, as far as others can say. */
function makeMarks(
  options: LayoutRoleOptions,
  store: Store & { readonly batchCount: number },
  begun: Begun,
): StoreMarks {
  const { nodeId, environment, log, knowledge, bus, subjects } = options;
  const { known } = knowledge;
  const marks = new StoreMarks({
    ...{ nodeId, store, known, log, random: environment.random, timers: environment.timers },
    batchCount: () => store.batchCount,
    recall: async peer => {
      const ask = (request: ClusterRequest): Soon<ClusterReply | NoAnswer> =>
        askGuarded(bus, subjects.cluster(peer), [request, { timeoutMs: RECALL_MS }]);
      const told = await ask({ kind: 'layout-pull' });
      const state = told.kind === 'layout-state' ? readState(told.state) : undefined;
      if (state === undefined) return undefined;
      known.learn(state);
      const reply = await ask({ kind: 'mark-recall', node: nodeId });
      return reply.kind === 'mark' ? reply : undefined;
    },
    bringInAll: async () =>
      (await begun.settings?.bringIn(known.read)) === 'done' &&
      ((await begun.sync?.bringInAgain()) ?? false),
  });
  bus.listen(subjects.heartbeat(), ({ node, mark }) => {
    if (mark !== undefined && node !== nodeId) marks.heard(node, mark);
  });
  return marks;
}

/** The layout of a node that always was alone is made anew as at its first start. */
function lostLayout({ config, isAlone }: LayoutRoleOptions, store: Store): LostLayout {
  const isSingle = isAlone === true && config.nats === undefined && config.replicationFactor === 1;
  return isSingle && !hadPeers(store) ? 'begin-anew' : 'refuse';
}

/** The version that is read by went on without this node, which has not caught up since. */
function isSkipped({ state }: KnownLayout, node: NodeId): boolean {
  const { skipped, synced } = trackerOf(state, node);
  if (skipped.size === 0) return false;
  const read = readVersionOf(state)?.name;
  return read !== undefined && skipped.has(read) && !synced.has(read);
}

/** The full copies last, and beside nothing: those who are asked have acknowledged the version by
 *  then, and what is decided from then on is decided with this node. */
function withSettings(
  sync: LayoutSync,
  settings: Pick<SettingsKeeper, 'bringIn'>,
  known: KnownLayout,
): PartitionSync {
  return {
    prepare: names => sync.prepare(names),
    bringIn: async (version, gained) => {
      if ((await sync.bringIn(version, gained)) !== 'done') return 'later';
      const { state } = known;
      const isLeftOut = (node: NodeId): boolean => trackerOf(state, node).skipped.has(version.name);
      for (const { layout } of sourcesOf(state, version)) {
        if ((await settings.bringIn(layout, isLeftOut)) !== 'done') return 'later';
      }
      return 'done';
    },
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
