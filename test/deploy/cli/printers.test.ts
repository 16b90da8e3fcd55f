// Method: answers of the admin API are printed and compared with what Garage's command prints for
// them, character by character. The zone is set to UTC, in which those samples were taken.
import test from 'ava';
import type {
  BucketAnswer,
  BucketLine,
  KeyAnswer,
  ObjectVersionAnswer,
} from '../../../deploy/cli/api-answers.ts';
import { bucketInfo, bucketList } from '../../../deploy/cli/bucket-printer.ts';
import { keyInfo, keyList } from '../../../deploy/cli/key-printer.ts';
import { layoutHistory, layoutShow } from '../../../deploy/cli/layout-printer.ts';
import { localDate, localTime, utcTime } from '../../../deploy/cli/local-time.ts';
import { objectInfo } from '../../../deploy/cli/object-printer.ts';
import { clusterHealth, clusterStatus } from '../../../deploy/cli/status-printer.ts';
import {
  nodeResults,
  variableTable,
  workerInfo,
  workerList,
} from '../../../deploy/cli/worker-printer.ts';
import type { LayoutView, NodeStatus } from '../../../schemas/admin-types.ts';
import type { WorkerView } from '../../../schemas/node-work.ts';

process.env['TZ'] = 'UTC';

/** The lines of a sample, without the line breaks that frame it here. */
function sample(text: string): string[] {
  return text.split('\n').slice(1, -1);
}

const bucket: BucketAnswer = {
  id: '2c43916db86b097300d2eec003eb46cb5d9c19001b1e11ceed5d75a51879ea45',
  created: '2026-11-23T09:34:05.995Z',
  globalAliases: ['web'],
  websiteAccess: false,
  keys: [],
  objects: 0,
  bytes: 0,
  unfinishedUploads: 0,
  unfinishedMultipartUploads: 0,
  unfinishedMultipartUploadBytes: 0,
  quotas: { maxSize: null, maxObjects: null },
  indexShards: 1,
};
const accessKeyId = 'GK31c2f218a2e44f485b94239e';

test('a new bucket', t => {
  t.deepEqual(
    bucketInfo(bucket),
    sample(`
==== BUCKET INFORMATION ====
Bucket:          2c43916db86b097300d2eec003eb46cb5d9c19001b1e11ceed5d75a51879ea45
Created:         2026-11-23 09:34:05.995 +00:00
Size:            0 B (0 B)
Objects:         0
Website access:  false
Global alias:    web
==== KEYS FOR THIS BUCKET ====
Permissions  Access key    Local aliases
`),
  );
});

test('a bucket with names, documents, quotas and a key', t => {
  const full: BucketAnswer = {
    ...bucket,
    globalAliases: ['site.example', 'web'],
    websiteAccess: true,
    websiteConfig: { indexDocument: 'index.html', errorDocument: 'err.html' },
    quotas: { maxSize: 1024 ** 3, maxObjects: 10 },
    keys: [
      {
        accessKeyId,
        name: 'k',
        permissions: { read: true, write: false, owner: true },
        bucketLocalAliases: ['mine'],
      },
    ],
  };
  t.deepEqual(
    bucketInfo(full),
    sample(`
==== BUCKET INFORMATION ====
Bucket:                       2c43916db86b097300d2eec003eb46cb5d9c19001b1e11ceed5d75a51879ea45
Created:                      2026-11-23 09:34:05.995 +00:00
Size:                         0 B (0 B)
Objects:                      0
Website access:               true
  index document:             index.html
  error document:             err.html
Quotas:                       enabled
  maximum size:               1.1 GB (1.0 GiB)
  maximum number of objects:  10
Global aliases:               site.example
                              web
==== KEYS FOR THIS BUCKET ====
Permissions  Access key                     Local aliases
R O          GK31c2f218a2e44f485b94239e  k  mine
`),
  );
});

test('a bucket with objects and unfinished uploads', t => {
  const id = '58b3ba5dd3a77f08347d0fff429c9c5ef92be8421f86138f7d49132787815bd5';
  const busy: BucketAnswer = {
    ...bucket,
    id,
    created: '2026-11-23T09:34:03.933Z',
    globalAliases: ['bench'],
    bytes: 10_300_000,
    objects: 302,
    unfinishedUploads: 1,
    unfinishedMultipartUploads: 1,
    keys: [
      {
        accessKeyId,
        name: 'k',
        permissions: { read: true, write: true, owner: true },
        bucketLocalAliases: [],
      },
    ],
  };
  t.deepEqual(
    bucketInfo(busy),
    sample(`
==== BUCKET INFORMATION ====
Bucket:                                ${id}
Created:                               2026-11-23 09:34:03.933 +00:00
Size:                                  10.3 MB (9.8 MiB)
Objects:                               302
Unfinished uploads:                    1 multipart uploads
                                       1 including regular uploads
Size of unfinished multipart uploads:  0 B (0 B)
Website access:                        false
Global alias:                          bench
==== KEYS FOR THIS BUCKET ====
Permissions  Access key                     Local aliases
RWO          GK31c2f218a2e44f485b94239e  k
`),
  );
});

test('the list of buckets', t => {
  const line: BucketLine = {
    id: bucket.id,
    created: bucket.created,
    globalAliases: ['bench'],
    localAliases: [],
  };
  t.deepEqual(
    bucketList([line]),
    sample(`
ID                Created     Global aliases  Local aliases
2c43916db86b0973  2026-11-23  bench
`),
  );
  const many = {
    ...line,
    globalAliases: ['a', 'b', 'c'],
    localAliases: [{ accessKeyId, alias: 'mine' }],
  };
  t.deepEqual(
    bucketList([many]),
    sample(`
ID                Created     Global aliases  Local aliases
2c43916db86b0973  2026-11-23  a, ... (3)      GK31c2f218a2e44f485b94239e:mine
`),
  );
});

const key: KeyAnswer = {
  accessKeyId,
  name: 'k',
  created: '2026-11-23T09:34:03.796Z',
  expiration: null,
  expired: false,
  permissions: { createBucket: true },
  buckets: [
    {
      id: '58b3ba5dd3a77f08347d0fff429c9c5ef92be8421f86138f7d49132787815bd5',
      globalAliases: ['bench'],
      localAliases: [],
      permissions: { read: true, write: true, owner: true },
    },
    {
      id: bucket.id,
      globalAliases: ['web'],
      localAliases: ['mine'],
      permissions: { read: true, write: false, owner: false },
    },
  ],
};

test('a key with its buckets', t => {
  // Garage fills up the line of a bucket without local aliases with blanks; the sample shows where.
  const lines = sample(`
==== ACCESS KEY INFORMATION ====
Key ID:              GK31c2f218a2e44f485b94239e
Key name:            k
Secret key:          (redacted)
Created:             2026-11-23 09:34:03.796 +00:00
Validity:            valid
Expiration:          never
Can create buckets:  true
==== BUCKETS FOR THIS KEY ====
Permissions  ID                Global aliases  Local aliases
RWO          58b3ba5dd3a77f08  bench           |
R            2c43916db86b0973  web             mine
`).map(line => line.replace('|', ''));
  t.deepEqual(keyInfo(key), lines);
});

test('a new key with its secret, and one whose time is over', t => {
  const fresh = { ...key, secretAccessKey: 's3cret', buckets: [] };
  t.deepEqual(keyInfo(fresh).slice(-2), [
    '==== BUCKETS FOR THIS KEY ====',
    'Permissions  ID  Global aliases  Local aliases',
  ]);
  t.true(keyInfo(fresh).includes('Secret key:          s3cret'));
  const over = keyInfo({ ...key, expiration: '2026-01-01T00:00:00Z', expired: true });
  t.true(over.includes('Validity:            EXPIRED'));
  t.true(over.includes('Expiration:          2026-01-01 00:00:00.000 +00:00'));
});

test('the list of keys', t => {
  const { created } = key;
  const line = { id: accessKeyId, name: 'k', created, expiration: null, expired: false };
  const newer = { ...line, id: 'GKdef6329c538d9149584eb49b', name: 'new' };
  t.deepEqual(
    keyList([line, newer]),
    sample(`
ID                          Created     Name  Expiration
GK31c2f218a2e44f485b94239e  2026-11-23  k     never
GKdef6329c538d9149584eb49b  2026-11-23  new   never
`),
  );
});

const version: ObjectVersionAnswer = {
  uuid: '84e462203435cb764538b1fe1e2c9eaca2eb7ca2c2824d39479f715b02224601',
  timestamp: '2026-11-23T09:34:04.233Z',
  encrypted: false,
  uploading: false,
  aborted: false,
  deleteMarker: false,
  inline: true,
  size: 1024,
  etag: '92851a689e15589257d731f119cb1ee3',
};

test('a small object', t => {
  t.deepEqual(
    objectInfo({ bucketId: bucket.id, key: 'k/00000001', versions: [version] }),
    sample(`
==== OBJECT VERSION ====
Bucket ID:      2c43916db86b097300d2eec003eb46cb5d9c19001b1e11ceed5d75a51879ea45
Key:            k/00000001
Version ID:     84e462203435cb764538b1fe1e2c9eaca2eb7ca2c2824d39479f715b02224601
Timestamp:      2026-11-23 09:34:04.233 UTC
Size:           1.0 kB (1.0 KiB)
Size (exact):   1024
Etag:           92851a689e15589257d731f119cb1ee3
Encrypted:      false
Uploading:      false
Aborted:        false
Delete marker:  false
Inline data:    true
`),
  );
});

test('an object in blocks', t => {
  const hash = 'b34738ab668cd2b574ac37f41ef80af2de1f6316f2a99603c93cb949382a0e15';
  const blocks = [
    { partNumber: 1, offset: 0, hash, size: 1_048_576 },
    { partNumber: 1, offset: 1_048_576, hash, size: 805_696 },
  ];
  const large = { ...version, inline: false, blocks };
  const lines = objectInfo({ bucketId: bucket.id, key: 'b', versions: [large] });
  t.true(lines.includes('Number of blocks:  2'));
  t.deepEqual(
    lines.slice(-3),
    sample(`
Part#  Offset     Block hash                                                        Size
   1           0  b34738ab668cd2b574ac37f41ef80af2de1f6316f2a99603c93cb949382a0e15    1048576
   1     1048576  b34738ab668cd2b574ac37f41ef80af2de1f6316f2a99603c93cb949382a0e15     805696
`),
  );
});

const layout: LayoutView = {
  version: 1,
  roles: [
    {
      id: `a07f5a2c53bf374f${'0'.repeat(48)}`,
      zone: 'z3',
      tags: [],
      capacity: 1e11,
      storedPartitions: 256,
      usableCapacity: 1e11,
    },
  ],
  parameters: { zoneRedundancy: 'maximum' },
  partitionSize: 390_625_000,
  stagedRoleChanges: [],
  stagedParameters: null,
};
const node: NodeStatus = {
  id: `a07f5a2c53bf374f${'0'.repeat(48)}`,
  garageVersion: 'cargo:2.3.0',
  addr: '127.0.0.1:5035',
  hostname: 'vm',
  isUp: true,
  lastSeenSecsAgo: null,
  role: { zone: 'z3', tags: [], capacity: 1e11 },
  draining: false,
  dataPartition: { available: 72_367_050_752, total: 270_553_174_016 },
};

test('the status of a healthy node', t => {
  t.deepEqual(
    clusterStatus({ layoutVersion: 1, nodes: [node] }, layout),
    sample(`
==== HEALTHY NODES ====
ID                Hostname  Address         Tags  Zone  Capacity  DataAvail         Version
a07f5a2c53bf374f  vm        127.0.0.1:5035  []    z3    93.1 GiB  67.4 GiB (26.7%)  cargo:2.3.0
`),
  );
});

test('nodes without a role, with one to come, that are gateways, and that are gone', t => {
  const { dataPartition: _, ...bare } = node;
  const change = { id: `b${'0'.repeat(63)}`, zone: 'z', tags: ['x'], capacity: null };
  const lines = clusterStatus(
    {
      layoutVersion: 1,
      nodes: [
        { ...bare, role: null },
        { ...bare, id: change.id, role: null },
        { ...node, role: { zone: 'z', tags: ['a', 'b'], capacity: null } },
        { ...node, isUp: false, lastSeenSecsAgo: 180 },
        { ...node, isUp: false },
      ],
    },
    { ...layout, stagedRoleChanges: [change] },
  );
  t.regex(lines[2] ?? '', /^a07f5a2c53bf374f {2}vm .* NO ROLE ASSIGNED .*cargo:2\.3\.0$/);
  t.regex(lines[3] ?? '', / pending\.\.\. /);
  t.regex(lines[4] ?? '', / \[a,b\] {2}z .* gateway .* N\/A /);
  t.is(lines[6], '==== FAILED NODES ====');
  t.regex(lines[8] ?? '', /3 minutes ago$/);
  t.regex(lines[9] ?? '', /never seen$/);
  t.true(lines.includes('==== STAGED ROLE CHANGES ===='));
});

test('a layout with nothing staged', t => {
  t.deepEqual(
    layoutShow(layout, undefined),
    sample(`
==== CURRENT CLUSTER LAYOUT ====
ID                Tags  Zone  Capacity  Usable capacity
a07f5a2c53bf374f  []    z3    93.1 GiB  93.1 GiB (100.0%)
Zone redundancy: maximum
Current cluster layout version: 1
`),
  );
});

test('a layout with changes tells how to enact them, or why they cannot be', t => {
  const id = `b${'0'.repeat(63)}`;
  const staged: LayoutView = {
    ...layout,
    stagedRoleChanges: [
      { id, remove: true },
      { id, zone: 'z', tags: ['t'], capacity: 1024 },
    ],
    stagedParameters: { zoneRedundancy: { atLeast: 2 } },
  };
  const lines = layoutShow(staged, {
    message: ['the report'],
    newLayout: { ...layout, version: 2 },
  });
  t.true(lines.includes('b000000000000000  REMOVED'));
  t.true(lines.includes('b000000000000000  [t]      z     1.0 KiB'));
  t.true(lines.includes('Zone redundancy: 2'));
  t.true(lines.includes('the report'));
  t.true(lines.includes('    garage layout apply --version 2'));
  t.regex(layoutShow(staged, { error: 'too few zones' }).join('\n'), /too few zones/);
});

test('the history of layouts', t => {
  const versions = [{ version: 1, status: 'Current', storageNodes: 3, gatewayNodes: 0 }] as const;
  const history = { currentVersion: 1, minAck: 1, versions, updateTrackers: null };
  t.deepEqual(
    layoutHistory(history).slice(0, 3),
    sample(`
==== LAYOUT HISTORY ====
Version  Status   Storage nodes  Gateway nodes
#1       Current  3              0
`),
  );
  const updateTrackers = { [layout.roles[0]?.id ?? '']: { ack: 2, sync: 1, syncAck: 1 } };
  const lines = layoutHistory({ ...history, updateTrackers });
  t.true(lines.includes('Node              Ack  Sync  Sync_ack'));
  t.true(lines.includes('a07f5a2c53bf374f  #2   #1    #1'));
});

test('health is told by a word and seven figures', t => {
  const lines = clusterHealth({
    status: 'degraded',
    knownNodes: 3,
    connectedNodes: 2,
    storageNodes: 3,
    storageNodesUp: 2,
    partitions: 256,
    partitionsQuorum: 256,
    partitionsAllOk: 0,
  });
  t.is(lines[0], 'DEGRADED');
  t.is(lines.length, 8);
});

test('times are those of the zone one is in', t => {
  const time = '2026-11-23T23:34:05.095Z';
  t.is(localTime(time), '2026-11-23 23:34:05.095 +00:00');
  process.env['TZ'] = 'Asia/Kolkata';
  t.is(localTime(time), '2026-11-24 05:04:05.095 +05:30');
  t.is(localDate(time), '2026-11-24');
  process.env['TZ'] = 'America/St_Johns';
  t.is(localTime(time), '2026-11-23 20:04:05.095 -03:30');
  process.env['TZ'] = 'UTC';
  t.is(utcTime(time), '2026-11-23 23:34:05.095 UTC');
});

const worker: WorkerView = {
  ...{ id: 1, name: 'Block resync worker #1', state: 'idle', errors: 0, consecutiveErrors: 0 },
  ...{ lastError: null, tranquility: 2, progress: null, queueLength: 10, persistentErrors: 0 },
  freeform: [],
};

test('the list of workers, and one of them', t => {
  const scrub: WorkerView = {
    ...worker,
    ...{ id: 9, name: 'Block scrub worker', state: { throttled: { durationSecs: 5 } } },
    ...{ errors: 3, consecutiveErrors: 1, lastError: { message: 'EIO', secsAgo: 60 } },
    ...{ tranquility: 4, progress: '12.50%', queueLength: null },
  };
  // Garage fills up cells before an empty last one; the sample shows where.
  const lines = sample(`
TID  State  Name                    Tranq  Done    Queue  Errors  Consec  Last
1    Idle   Block resync worker #1  2      -       10     -       -       |
9    Busy*  Block scrub worker      4      12.50%  -      3       1       1 minute ago
`).map(line => line.replace('|', ''));
  t.deepEqual(workerList([worker, scrub]), lines);
  t.deepEqual(
    workerInfo(worker),
    sample(`
Task id:            1
Worker name:        Block resync worker #1
Worker state:       Idle
Tranquility:        2
Total errors:       0
Consecutive errs:   0
Queue length:       10
Persistent errors:  0
`),
  );
  t.true(workerInfo(scrub).includes('Last error:         EIO'));
});

test('variables, and what nodes answered', t => {
  const id = 'e00b33528a3acdf72dd7e782b76e85c036b7fb89a2b4dc57dc77b140e04cbfe0';
  const values = { 'scrub-last-completed': 'never', 'resync-worker-count': '1' };
  t.deepEqual(
    variableTable({ success: { [id]: values }, error: {} }),
    sample(`
e00b33528a3acdf7  scrub-last-completed  never
e00b33528a3acdf7  resync-worker-count   1
`),
  );
  const answers = { success: { [id]: null }, error: { ['f'.repeat(64)]: 'It is away.' } };
  t.deepEqual(
    nodeResults(answers, 'Repair launched'),
    sample(`
e00b33528a3acdf7  Repair launched
ffffffffffffffff  Error: It is away.
`),
  );
});
