import test from 'ava';
import { AdminUnavailableError } from '../../../schemas/admin-types.ts';
import type {
  ClusterHealth,
  ClusterStatus,
  LayoutHistory,
  LayoutView,
} from '../../../schemas/admin-types.ts';
import type { AppliedAnswer, PreviewAnswer } from '../../../deploy/cli/api-answers.ts';
import { adminWorld, NODE, refusal } from './admin-world.ts';

const role = { id: NODE, zone: 'dc1', tags: ['x'], capacity: 100_000_000_000 };

test('a node is given a role, which is seen before it is enacted', async t => {
  const { call } = adminWorld();
  t.is((await call<LayoutView>('GetClusterLayout')).version, 0);
  t.is((await call<ClusterHealth>('GetClusterHealth')).status, 'unavailable');

  const staged = await call<LayoutView>('UpdateClusterLayout', { roles: [role] });
  t.deepEqual(staged.stagedRoleChanges, [role]);
  t.deepEqual(staged.roles, []);
  const preview = await call<PreviewAnswer>('PreviewClusterLayoutChanges');
  if ('error' in preview) return t.fail(preview.error);
  t.is(preview.newLayout.version, 1);
  t.is(preview.message[0], '==== COMPUTATION OF A NEW PARTITION ASSIGNATION ====');
  t.is((await call<LayoutView>('GetClusterLayout')).version, 0, 'a preview changes nothing');

  t.is(await refusal(call('ApplyClusterLayout', { version: 7 })), 'InternalError');
  const applied = await call<AppliedAnswer>('ApplyClusterLayout', { version: 1 });
  t.like(applied.layout, { version: 1, stagedRoleChanges: [], partitionSize: 390_625_000 });
  t.like(applied.layout.roles[0], { ...role, storedPartitions: 256, usableCapacity: 1e11 });
  t.deepEqual(await call<ClusterHealth>('GetClusterHealth'), {
    status: 'healthy',
    knownNodes: 1,
    connectedNodes: 1,
    storageNodes: 1,
    storageNodesUp: 1,
    partitions: 256,
    partitionsQuorum: 256,
    partitionsAllOk: 256,
  });
  const history = await call<LayoutHistory>('GetClusterLayoutHistory');
  t.deepEqual(history.versions, [
    { version: 1, status: 'Current', storageNodes: 1, gatewayNodes: 0 },
  ]);
  const status = await call<ClusterStatus>('GetClusterStatus');
  t.like(status.nodes[0], { id: NODE, isUp: true, role: { zone: 'dc1', capacity: 1e11 } });
});

test('what is staged can be dropped', async t => {
  const { call } = adminWorld();
  await call('UpdateClusterLayout', { roles: [role] });
  t.deepEqual((await call<LayoutView>('RevertClusterLayout')).stagedRoleChanges, []);
  t.true('error' in (await call<PreviewAnswer>('PreviewClusterLayoutChanges')));
});

test('roles that cannot be are refused', async t => {
  const { call } = adminWorld();
  const stage = (change: unknown): Promise<string> =>
    refusal(call('UpdateClusterLayout', { roles: [{ ...role, ...(change as object) }] }));
  t.is(await stage({ capacity: 1023 }), 'InvalidRequest');
  t.is(await stage({ capacity: 'much' }), 'InvalidRequest');
  t.is(await stage({ id: 'abc' }), 'InvalidRequest');
  t.is(await stage({ id: 'b'.repeat(64) }), 'InvalidRequest', 'nobody knows this node');
  t.is(await stage({ zone: 'two words' }), 'InvalidRequest');
  t.is(await stage({ tags: ['a,b'] }), 'InvalidRequest');
  const parameters = { zoneRedundancy: { atLeast: 0 } };
  t.is(await refusal(call('UpdateClusterLayout', { parameters })), 'InvalidRequest');
  t.is(await refusal(call('UpdateClusterLayout', null)), 'InvalidRequest');
});

test('nodes answer one by one, chosen by id, by self and all together', async t => {
  const { call } = adminWorld();
  for (const node of ['self', '*', 'aaaa', NODE]) {
    const { success, error } = await call<{ success: object; error: object }>('GetNodeInfo', {
      node,
    });
    t.deepEqual(error, {});
    t.like(success, { [NODE]: { nodeId: NODE, garageVersion: '1.2.3', isUp: true } });
  }
  t.is(await refusal(call('GetNodeInfo', { node: 'bbb' })), 'InvalidRequest');
  t.is(await refusal(call('GetNodeInfo', { node: '' })), 'InvalidRequest');
  t.is(await refusal(call('GetNodeInfo', null)), 'InvalidRequest');
  const statistics = await call<{ success: Record<string, { tableStats: unknown[] }> }>(
    'GetNodeStatistics',
    { node: 'self' },
  );
  t.like(statistics.success[NODE]?.tableStats[0], { tableName: 'object', items: 3 });
});

test('the statistics of the cluster add up its buckets', async t => {
  const { call, inspector } = adminWorld();
  await call('UpdateClusterLayout', { roles: [role] });
  await call('ApplyClusterLayout', { version: 1 });
  await call('CreateBucket', { globalAlias: 'one' });
  await call('CreateBucket', { globalAlias: 'two' });
  inspector.usage = { ...inspector.usage, objects: 3, bytes: 1024 };
  const statistics = await call('GetClusterStatistics');
  t.like(statistics, {
    bucketCount: 2,
    totalObjectCount: 6,
    totalObjectBytes: 2048,
    dataAvail: 72_367_050_752,
    incompleteAvailInfo: false,
  });
  const text = String(statistics['freeform']);
  t.regex(text, / {2}aaaaaaaaaaaaaaaa {2}vm {8}dc1 {3}93\.1 GiB {2}256 {4}67\.4 GiB\/252\.0 GiB/);
  t.regex(text, /Total size of objects: {4}2\.0 KiB/);
});

test('nodes are not connected one by one, and the answer says how they meet', async t => {
  const { call } = adminWorld();
  const [answer] = await call<{ success: boolean; error: string }[]>('ConnectClusterNodes', ['x']);
  t.false(answer?.success);
  t.regex(answer?.error ?? '', /\[nats\]/);
});

test('an object is shown with its versions, and what is not there is not found', async t => {
  const { call, inspector } = adminWorld();
  const { id: bucketId } = await call<{ id: string }>('CreateBucket', { globalAlias: 'web' });
  inspector.versions.set('k', [
    {
      uuid: 'u1',
      timestampMs: 1_700_000_000_000,
      encrypted: false,
      uploading: false,
      aborted: false,
      deleteMarker: false,
      inline: true,
      sizeBytes: 3,
      etag: 'e',
      headers: [['content-type', 'text/plain']],
      blocks: [],
    },
  ]);
  t.deepEqual(await call('InspectObject', { bucketId, key: 'k' }), {
    bucketId,
    key: 'k',
    versions: [
      {
        uuid: 'u1',
        timestamp: '2023-11-14T22:13:20.000Z',
        encrypted: false,
        uploading: false,
        aborted: false,
        deleteMarker: false,
        inline: true,
        size: 3,
        etag: 'e',
        headers: [['content-type', 'text/plain']],
      },
    ],
  });
  t.is(await refusal(call('InspectObject', { bucketId, key: 'no' })), 'NoSuchKey');
  const nowhere = 'f'.repeat(64);
  t.is(await refusal(call('InspectObject', { bucketId: nowhere, key: 'k' })), 'NoSuchBucket');
  const cleanup = { bucketId, olderThanSecs: 60 };
  t.deepEqual(await call('CleanupIncompleteUploads', cleanup), { uploadsDeleted: 1 });
  t.deepEqual(inspector.cleanups, [{ bucketId, olderThanMs: 60_000 }]);
});

test('what nobody can answer now is 503, and a fault stays in the log', async t => {
  const { call, inspector, log } = adminWorld();
  await call('CreateBucket', { globalAlias: 'web' });
  inspector.failure = new AdminUnavailableError('no quorum');
  const ask = (): Promise<string> => refusal(call('GetBucketInfo', { search: 'web' }));
  t.is(await ask(), 'ServiceUnavailable');
  t.is(log.count('error'), 0);
  inspector.failure = new Error('with a secret');
  t.is(await ask(), 'InternalError');
  t.is(log.count('error'), 1);
});
