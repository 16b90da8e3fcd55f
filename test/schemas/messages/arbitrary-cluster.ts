/**
 * Random messages of the conversation about the cluster.
 *
 * Owns:          the generators: one for each kind, which the compiler holds complete.
 * Knows:         the messages.
 * Must not know: how they are encoded.
 */
import fc from 'fast-check';
import type {
  AssignmentStatistics,
  LayoutView,
  NodeRole,
  NodeStatus,
  SkipDeadResult,
} from '../../../schemas/admin-types.ts';
import type { LayoutRole, LayoutVersion } from '../../../schemas/cluster-layout.ts';
import type { NodeId } from '../../../schemas/ids.ts';
import { PARTITION_COUNT } from '../../../schemas/ids.ts';
import type { ClusterReply, ClusterRequest } from '../../../schemas/messages/cluster.ts';
import { REPAIRS, type WorkerView } from '../../../schemas/node-work.ts';
import {
  counts,
  flags,
  hexes,
  nothing,
  oneOfAll,
  payloads,
  withOptional,
  words,
} from './arbitrary-messages.ts';

const orNull = fc.option;
const nodeIds = hexes<NodeId>(32);
const tags = fc.array(words, { maxLength: 3 });

const layoutRoles: fc.Arbitrary<LayoutRole> = fc.record({
  zone: words,
  tags,
  capacityBytes: orNull(counts),
});

export const layoutVersions: fc.Arbitrary<LayoutVersion> = fc
  .record({
    version: counts,
    replicationFactor: fc.integer({ min: 1, max: 7 }),
    zoneRedundancy: fc.oneof(fc.integer({ min: 1, max: 7 }), fc.constant('maximum' as const)),
    roles: fc.array(fc.tuple(nodeIds, layoutRoles), { minLength: 1, maxLength: 5 }),
    seed: fc.nat(),
    isApplied: flags,
    partitionBytes: counts,
  })
  .map(({ roles, seed, isApplied, ...version }) => {
    const all = new Map(roles);
    const names = [...all.keys()];
    const replicas = Array.from({ length: PARTITION_COUNT }, (_, partition) =>
      Array.from({ length: version.replicationFactor }, (__, replica) => {
        const index = (partition * seed + replica) % names.length;
        return names[Math.abs(index)] as NodeId;
      }),
    );
    return { ...version, roles: all, replicas: isApplied ? replicas : [] };
  });

const nodeRoles: fc.Arbitrary<NodeRole> = fc.record({
  zone: words,
  tags,
  capacity: orNull(counts),
});
const spaces = fc.record({ available: counts, total: counts });
const parameters = fc.record(
  {
    zoneRedundancy: fc.oneof(
      fc.constant('maximum' as const),
      fc.record({ atLeast: fc.integer({ min: 1, max: 7 }) }),
    ),
    replicationFactor: fc.integer({ min: 1, max: 7 }),
  },
  { requiredKeys: ['zoneRedundancy'] },
);
const roleChanges = fc.oneof(
  fc.record({ id: words, remove: fc.constant(true as const) }),
  fc.record({ id: words, zone: words, tags, capacity: orNull(counts) }),
);

const nodeStatuses: fc.Arbitrary<NodeStatus> = withOptional(
  {
    id: words,
    garageVersion: orNull(words),
    addr: orNull(words),
    hostname: orNull(words),
    isUp: flags,
    lastSeenSecsAgo: orNull(counts),
    role: orNull(nodeRoles),
    draining: flags,
  },
  {
    dataPartition: spaces,
    metadataPartition: spaces,
    work: fc.record({
      syncPartitions: counts,
      resyncBlocks: counts,
      resyncBytes: orNull(counts),
      resyncErrors: counts,
      secondsLeft: orNull(counts),
    }),
  },
);

const workerViews: fc.Arbitrary<WorkerView> = fc.record({
  id: counts,
  name: words,
  state: fc.oneof(
    fc.constantFrom('busy' as const, 'idle' as const, 'done' as const),
    fc.record({ throttled: fc.record({ durationSecs: counts }) }),
  ),
  errors: counts,
  consecutiveErrors: counts,
  lastError: orNull(fc.record({ message: words, secsAgo: counts })),
  tranquility: orNull(counts),
  progress: orNull(words),
  queueLength: orNull(counts),
  persistentErrors: orNull(counts),
  freeform: fc.array(words, { maxLength: 3 }),
});

const layoutViews: fc.Arbitrary<LayoutView> = fc.record({
  version: counts,
  roles: fc.array(
    fc.record({
      id: words,
      zone: words,
      tags,
      capacity: orNull(counts),
      storedPartitions: orNull(counts),
      usableCapacity: orNull(counts),
    }),
    { maxLength: 3 },
  ),
  parameters,
  partitionSize: counts,
  stagedRoleChanges: fc.array(roleChanges, { maxLength: 3 }),
  stagedParameters: orNull(parameters),
});

const histories = fc.record({
  currentVersion: counts,
  minAck: counts,
  versions: fc.array(
    fc.record({
      version: counts,
      status: fc.constantFrom('Current' as const, 'Draining' as const, 'Historical' as const),
      storageNodes: counts,
      gatewayNodes: counts,
    }),
    { maxLength: 3 },
  ),
  updateTrackers: orNull(
    fc
      .array(fc.tuple(words, fc.record({ ack: counts, sync: counts, syncAck: counts })), {
        maxLength: 3,
      })
      .map(entries => Object.fromEntries(entries)),
  ),
});

const assignedNodes = fc.record({
  id: words,
  tags,
  storedPartitions: counts,
  newPartitions: counts,
  totalCapacity: counts,
  usableCapacity: counts,
});
const statistics: fc.Arbitrary<AssignmentStatistics> = fc.record({
  replicationFactor: counts,
  effectiveZoneRedundancy: counts,
  partitionSize: counts,
  previousPartitionSize: orNull(counts),
  lowPartitionSize: flags,
  usableCapacity: counts,
  totalCapacity: counts,
  effectiveCapacity: counts,
  lowUsableCapacity: flags,
  totalMovedPartitions: orNull(counts),
  zones: fc.array(
    fc.record({
      name: words,
      nodes: fc.array(assignedNodes, { maxLength: 2 }),
      totalReplicatedPartitions: counts,
      uniquePartitions: counts,
      totalCapacity: counts,
      usableCapacity: counts,
    }),
    { maxLength: 2 },
  ),
});
const computed = { statistics, layout: layoutViews };
const reasons = fc.record({ reason: words });

export const clusterRequests = oneOfAll<ClusterRequest>({
  'layout-current': nothing,
  'layout-show': nothing,
  'layout-history': nothing,
  'layout-stage': withOptional({ roles: fc.array(roleChanges, { maxLength: 3 }) }, { parameters }),
  'layout-preview': nothing,
  'layout-apply': fc.record({ version: counts }),
  'layout-revert': nothing,
  'cluster-status': nothing,
  'node-info': nothing,
  'node-statistics': nothing,
  ping: withOptional({ process: counts }, { mineMs: counts, yoursMs: counts, yourProcess: counts }),
  'layout-pull': nothing,
  'mark-recall': fc.record({ node: nodeIds }),
  'layout-skip-dead': fc.record({ version: counts, allowMissingData: flags }),
  'layout-replace': fc.record({ old: words, by: words, allowMissingData: flags }),
  workers: nothing,
  'worker-variables': nothing,
  'worker-variable-set': fc.record({ variable: words, value: words }),
  'repair-launch': fc.record({ repair: fc.constantFrom(...REPAIRS) }),
});

export const clusterReplies = oneOfAll<ClusterReply>({
  pong: fc.record({ process: counts, monotonicMs: counts, wallMs: counts }),
  'layout-state': fc.record({ state: payloads }),
  mark: withOptional({}, { mark: fc.record({ incarnation: hexes<string>(8), durable: counts }) }),
  'layout-version': fc.record({ layout: layoutVersions }),
  'layout-view': fc.record({ view: layoutViews }),
  'layout-history': fc.record({ history: histories }),
  'layout-staged': fc.record({
    result: oneOfAll({ staged: fc.record({ layout: layoutViews }), refused: reasons }),
  }),
  'layout-previewed': fc.record({
    result: oneOfAll({ computed: fc.record(computed), impossible: reasons }),
  }),
  'layout-applied': fc.record({
    result: oneOfAll({
      applied: fc.record(computed),
      'wrong-version': fc.record({ expected: counts }),
      impossible: reasons,
    }),
  }),
  status: fc.record({
    status: fc.record({ layoutVersion: counts, nodes: fc.array(nodeStatuses, { maxLength: 3 }) }),
  }),
  info: fc.record({
    info: fc.record({
      nodeId: words,
      hostname: orNull(words),
      garageVersion: words,
      garageFeatures: tags,
      rustVersion: words,
      dbEngine: words,
    }),
  }),
  statistics: fc.record({
    statistics: fc.record({
      tables: fc.array(fc.record({ tableName: words, items: counts }), { maxLength: 3 }),
      rcEntries: counts,
      resyncQueueLength: counts,
      resyncErrors: counts,
    }),
  }),
  unknown: nothing,
  'not-understood': nothing,
  'layout-skipped': fc.record({
    result: oneOfAll<SkipDeadResult>({
      skipped: fc.record({ ackUpdated: tags, syncUpdated: tags }),
      refused: reasons,
    }),
  }),
  workers: fc.record({ workers: fc.array(workerViews, { maxLength: 3 }) }),
  'worker-variables': fc.record({
    variables: fc
      .array(fc.tuple(words, words), { maxLength: 3 })
      .map(entries => Object.fromEntries(entries)),
  }),
  launched: nothing,
  refused: reasons,
});
