/**
 * The conversation about roles, layout and health as bytes.
 *
 * Owns:          the numbers of its kinds, the order of their fields.
 * Knows:         the messages, and the shapes of administration that they carry.
 * Must not know: how they travel.
 */
import type {
  ApplyLayoutResult,
  AssignedNode,
  AssignedZone,
  AssignmentStatistics,
  ClusterStatus,
  DiskSpace,
  LayoutHistory,
  LayoutParameters,
  LayoutRole,
  LayoutVersionStatus,
  LayoutView,
  NodeInfo,
  NodeRole,
  NodeStatistics,
  NodeStatus,
  PreviewLayoutResult,
  RoleChange,
  SkipDeadResult,
  StageLayoutResult,
  TableStatistics,
} from '../admin-types.ts';
import type { LayoutVersion } from '../cluster-layout.ts';
import { conversation } from '../conversation.ts';
import { REPAIRS, type NodeWork, type WorkerState, type WorkerView } from '../node-work.ts';
import type { NodeId } from '../ids.ts';
import { decodeLayout, encodeLayout } from '../records/layout-row.ts';
import {
  bytes,
  choice,
  flag,
  hex,
  integer,
  list,
  nullable,
  optional,
  record,
  row,
  shape,
  text,
  union,
  wordOr,
  type Codec,
} from '../wire.ts';
import type { ClusterReply, ClusterRequest } from './cluster.ts';
import type { StoreMark } from './heartbeat.ts';

/** As it is stored, with nothing staged. */
export const layoutVersion: Codec<LayoutVersion> = row(
  current => encodeLayout({ current, staged: { roles: new Map() } }),
  bytes => decodeLayout(bytes).current,
);

const texts = list(text);
export const diskSpace = shape<DiskSpace>({ available: integer, total: integer });
const nodeRole = shape<NodeRole>({ zone: text, tags: texts, capacity: nullable(integer) });

export const storeMark = shape<StoreMark>({ incarnation: hex(8), durable: integer });

export const nodeWork = shape<NodeWork>({
  syncPartitions: integer,
  resyncBlocks: integer,
  resyncBytes: nullable(integer),
  resyncErrors: integer,
  secondsLeft: nullable(integer),
});

const nodeStatus = shape<NodeStatus>({
  id: text,
  garageVersion: nullable(text),
  addr: nullable(text),
  hostname: nullable(text),
  isUp: flag,
  lastSeenSecsAgo: nullable(integer),
  role: nullable(nodeRole),
  draining: flag,
  dataPartition: optional(diskSpace),
  metadataPartition: optional(diskSpace),
  work: optional(nodeWork),
});
const clusterStatus = shape<ClusterStatus>({ layoutVersion: integer, nodes: list(nodeStatus) });

const parameters = shape<LayoutParameters>({
  zoneRedundancy: wordOr('maximum', shape({ atLeast: integer })),
  replicationFactor: optional(integer),
});
const changedRole = shape<{ readonly id: string; readonly role?: NodeRole }>({
  id: text,
  role: optional(nodeRole),
});
/** Without a role: the node is to leave. */
const roleChange: Codec<RoleChange> = {
  pack(change, payloads) {
    const { id } = change;
    if ('remove' in change) return changedRole.pack({ id }, payloads);
    const { zone, tags, capacity } = change;
    return changedRole.pack({ id, role: { zone, tags, capacity } }, payloads);
  },
  read(fields, payloads) {
    const { id, role } = changedRole.read(fields, payloads);
    return role === undefined ? { id, remove: true } : { id, ...role };
  },
};
const layoutRole = shape<LayoutRole>({
  id: text,
  zone: text,
  tags: texts,
  capacity: nullable(integer),
  storedPartitions: nullable(integer),
  usableCapacity: nullable(integer),
});
const layoutView = shape<LayoutView>({
  version: integer,
  roles: list(layoutRole),
  parameters,
  partitionSize: integer,
  stagedRoleChanges: list(roleChange),
  stagedParameters: nullable(parameters),
});

const versionStatus = shape<LayoutVersionStatus>({
  version: integer,
  status: choice('Current', 'Draining', 'Historical'),
  storageNodes: integer,
  gatewayNodes: integer,
});
const layoutHistory = shape<LayoutHistory>({
  currentVersion: integer,
  minAck: integer,
  versions: list(versionStatus),
  updateTrackers: nullable(record(shape({ ack: integer, sync: integer, syncAck: integer }))),
});

const assignedNode = shape<AssignedNode>({
  id: text,
  tags: texts,
  storedPartitions: integer,
  newPartitions: integer,
  totalCapacity: integer,
  usableCapacity: integer,
});
const assignedZone = shape<AssignedZone>({
  name: text,
  nodes: list(assignedNode),
  totalReplicatedPartitions: integer,
  uniquePartitions: integer,
  totalCapacity: integer,
  usableCapacity: integer,
});
const statistics = shape<AssignmentStatistics>({
  replicationFactor: integer,
  effectiveZoneRedundancy: integer,
  partitionSize: integer,
  previousPartitionSize: nullable(integer),
  lowPartitionSize: flag,
  usableCapacity: integer,
  totalCapacity: integer,
  effectiveCapacity: integer,
  lowUsableCapacity: flag,
  totalMovedPartitions: nullable(integer),
  zones: list(assignedZone),
});
const stageResult = union<StageLayoutResult>({
  staged: [1, { layout: layoutView }],
  refused: [2, { reason: text }],
});
const previewResult = union<PreviewLayoutResult>({
  computed: [1, { statistics, layout: layoutView }],
  impossible: [2, { reason: text }],
});
const applyResult = union<ApplyLayoutResult>({
  applied: [1, { statistics, layout: layoutView }],
  'wrong-version': [2, { expected: integer }],
  impossible: [3, { reason: text }],
});

const nodeInfo = shape<NodeInfo>({
  nodeId: text,
  hostname: nullable(text),
  garageVersion: text,
  garageFeatures: texts,
  rustVersion: text,
  dbEngine: text,
});
const nodeStatistics = shape<NodeStatistics>({
  tables: list(shape<TableStatistics>({ tableName: text, items: integer })),
  rcEntries: integer,
  resyncQueueLength: integer,
  resyncErrors: integer,
});

const skipResult = union<SkipDeadResult>({
  skipped: [1, { ackUpdated: texts, syncUpdated: texts }],
  refused: [2, { reason: text }],
});

const stateFields = shape<{ readonly word: string; readonly durationSecs: number }>({
  word: choice('busy', 'idle', 'done', 'throttled'),
  durationSecs: integer,
});
const workerState: Codec<WorkerState> = {
  pack(state, payloads) {
    if (typeof state === 'string')
      return stateFields.pack({ word: state, durationSecs: 0 }, payloads);
    return stateFields.pack({ word: 'throttled', ...state.throttled }, payloads);
  },
  read(fields, payloads) {
    const { word, durationSecs } = stateFields.read(fields, payloads);
    return word === 'throttled' ? { throttled: { durationSecs } } : (word as 'busy');
  },
};
const workerView = shape<WorkerView>({
  id: integer,
  name: text,
  state: workerState,
  errors: integer,
  consecutiveErrors: integer,
  lastError: nullable(shape({ message: text, secsAgo: integer })),
  tranquility: nullable(integer),
  progress: nullable(text),
  queueLength: nullable(integer),
  persistentErrors: nullable(integer),
  freeform: texts,
});

export const clusterConversation = conversation<ClusterRequest, ClusterReply>({
  name: 'cluster',
  traffic: 'control',
  replyBytes: () => 0,
  request: union<ClusterRequest>({
    'layout-current': [1, {}],
    'layout-show': [2, {}],
    'layout-history': [3, {}],
    'layout-stage': [4, { roles: list(roleChange), parameters: optional(parameters) }],
    'layout-preview': [5, {}],
    'layout-apply': [6, { version: integer }],
    'layout-revert': [7, {}],
    'cluster-status': [8, {}],
    'node-info': [9, {}],
    'node-statistics': [10, {}],
    ping: [
      40,
      {
        process: integer,
        mineMs: optional(integer),
        yoursMs: optional(integer),
        yourProcess: optional(integer),
      },
    ],
    'layout-pull': [41, {}],
    'mark-recall': [42, { node: hex<NodeId>(32) }],
    'layout-skip-dead': [11, { version: integer, allowMissingData: flag }],
    'layout-replace': [12, { old: text, by: text, allowMissingData: flag }],
    workers: [13, {}],
    'worker-variables': [14, {}],
    'worker-variable-set': [15, { variable: text, value: text }],
    'repair-launch': [16, { repair: choice(...REPAIRS) }],
  }),
  reply: union<ClusterReply>({
    'layout-version': [1, { layout: layoutVersion }],
    'layout-view': [2, { view: layoutView }],
    'layout-history': [3, { history: layoutHistory }],
    'layout-staged': [4, { result: stageResult }],
    'layout-previewed': [5, { result: previewResult }],
    'layout-applied': [6, { result: applyResult }],
    status: [7, { status: clusterStatus }],
    info: [8, { info: nodeInfo }],
    statistics: [9, { statistics: nodeStatistics }],
    unknown: [10, {}],
    'not-understood': [11, {}],
    pong: [40, { process: integer, monotonicMs: integer, wallMs: integer }],
    'layout-state': [41, { state: bytes }],
    mark: [42, { mark: optional(storeMark) }],
    'layout-skipped': [12, { result: skipResult }],
    workers: [13, { workers: list(workerView) }],
    'worker-variables': [14, { variables: record(text) }],
    launched: [15, {}],
    refused: [16, { reason: text }],
  }),
});
