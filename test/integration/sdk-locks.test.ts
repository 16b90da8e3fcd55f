// Method: the SDK locks versions on a real server; every way to take one away is tried.
import {
  AbortMultipartUploadCommand,
  CompleteMultipartUploadCommand,
  CopyObjectCommand,
  CreateBucketCommand,
  CreateMultipartUploadCommand,
  DeleteBucketCommand,
  DeleteObjectCommand,
  DeleteObjectsCommand,
  GetObjectCommand,
  GetObjectLegalHoldCommand,
  GetObjectLockConfigurationCommand,
  GetObjectRetentionCommand,
  HeadObjectCommand,
  PutBucketVersioningCommand,
  PutObjectCommand,
  PutObjectLegalHoldCommand,
  PutObjectLockConfigurationCommand,
  PutObjectRetentionCommand,
  UploadPartCommand,
  type ObjectLockRetentionMode,
  type S3Client,
} from '@aws-sdk/client-s3';
import test, { type ExecutionContext } from 'ava';
import { bytesOf, refusal, sdkWorlds } from './sdk-fixture.ts';

const world = sdkWorlds();
const DENIED = '403 AccessDenied';
const NONE = 'no refusal';
const DAY_MS = 86_400_000;

type World = {
  readonly client: S3Client;
  readonly Bucket: string;
  /** The version id. */
  put(Key: string, Body: string, more?: object): Promise<string>;
  get(Key: string, VersionId: string): Promise<string>;
  delete(Key: string, VersionId: string | undefined, bypass?: boolean): Promise<string>;
  retain(
    version: { readonly Key: string; readonly VersionId?: string },
    retention: { readonly Mode: ObjectLockRetentionMode; readonly RetainUntilDate: Date },
    bypass?: boolean,
  ): Promise<string>;
  hold(Key: string, VersionId: string, Status: 'ON' | 'OFF'): Promise<string>;
};

async function lockedWorld(t: ExecutionContext): Promise<World> {
  const { client, Bucket: name } = await world(t);
  const Bucket = `${name}-locked`;
  await client.send(new CreateBucketCommand({ Bucket, ObjectLockEnabledForBucket: true }));
  const BypassGovernanceRetention = true;
  return {
    ...{ client, Bucket },
    put: async (Key, Body, more = {}) => {
      const put = await client.send(new PutObjectCommand({ Bucket, Key, Body, ...more }));
      return put.VersionId ?? '';
    },
    get: async (Key, VersionId) => {
      const got = await client.send(new GetObjectCommand({ Bucket, Key, VersionId }));
      return (await bytesOf(got.Body)).toString();
    },
    delete: (Key, VersionId, bypass = false) => {
      const deletion = { Bucket, Key, VersionId, ...(bypass ? { BypassGovernanceRetention } : {}) };
      return refusal(client.send(new DeleteObjectCommand(deletion)));
    },
    retain: (version, Retention, bypass = false) => {
      const asked = { Bucket, ...version, Retention };
      const how = bypass ? { BypassGovernanceRetention } : {};
      return refusal(client.send(new PutObjectRetentionCommand({ ...asked, ...how })));
    },
    hold: (Key, VersionId, Status) => {
      const asked = { Bucket, Key, VersionId, LegalHold: { Status } };
      return refusal(client.send(new PutObjectLegalHoldCommand(asked)));
    },
  };
}

function inDays(days: number): Date {
  return new Date(Date.now() + days * DAY_MS);
}

test('a retention in compliance is never shortened, and its version never deleted', async t => {
  const { client, Bucket, ...s3 } = await lockedWorld(t);
  const ObjectLockRetainUntilDate = inDays(10);
  const lock = { ObjectLockMode: 'COMPLIANCE', ObjectLockRetainUntilDate };
  const VersionId = await s3.put('a', 'held', lock);
  const version = { Key: 'a', VersionId };
  t.is(await s3.delete('a', VersionId), DENIED);
  t.is(await s3.delete('a', VersionId, true), DENIED);
  const Mode = 'COMPLIANCE';
  t.is(await s3.retain(version, { Mode, RetainUntilDate: inDays(5) }, true), DENIED);
  const governance = { Mode: 'GOVERNANCE', RetainUntilDate: inDays(20) } as const;
  t.is(await s3.retain(version, governance, true), DENIED);
  const RetainUntilDate = inDays(20);
  t.is(await s3.retain(version, { Mode, RetainUntilDate }), NONE);
  const { Retention } = await client.send(new GetObjectRetentionCommand({ Bucket, ...version }));
  t.deepEqual(Retention, { Mode, RetainUntilDate });
  // What hides it leaves it.
  t.is(await s3.delete('a', undefined), NONE);
  await s3.put('a', 'newer');
  t.is(await s3.get('a', VersionId), 'held');
  t.is(await refusal(client.send(new DeleteBucketCommand({ Bucket }))), '409 BucketNotEmpty');
});

test('governance is bypassed by who asks for it, alone and among several', async t => {
  const { client, Bucket, ...s3 } = await lockedWorld(t);
  const lock = { ObjectLockMode: 'GOVERNANCE', ObjectLockRetainUntilDate: inDays(10) };
  const one = await s3.put('a', 'one', lock);
  const two = await s3.put('a', 'two', lock);
  const free = await s3.put('a', 'free');
  t.is(await s3.delete('a', one), DENIED);
  const Objects = [one, two, free].map(VersionId => ({ Key: 'a', VersionId }));
  const several = (bypass: boolean) =>
    client.send(
      new DeleteObjectsCommand({
        ...{ Bucket, Delete: { Objects } },
        ...(bypass ? { BypassGovernanceRetention: true } : {}),
      }),
    );
  const refused = await several(false);
  t.deepEqual(
    refused.Errors?.map(({ VersionId, Code }) => [VersionId, Code]),
    [
      [one, 'AccessDenied'],
      [two, 'AccessDenied'],
    ],
  );
  t.deepEqual(
    refused.Deleted?.map(({ VersionId }) => VersionId),
    [free],
  );
  const shorter = { Mode: 'GOVERNANCE', RetainUntilDate: inDays(5) } as const;
  t.is(await s3.retain({ Key: 'a', VersionId: one }, shorter), DENIED);
  t.is(await s3.retain({ Key: 'a', VersionId: one }, shorter, true), NONE);
  t.is((await several(true)).Errors, undefined);
  t.is(await refusal(client.send(new DeleteBucketCommand({ Bucket }))), NONE);
});

test('a retention ends by itself', async t => {
  const { put, get, delete: remove } = await lockedWorld(t);
  const ObjectLockRetainUntilDate = new Date(Date.now() + 1500);
  const lock = { ObjectLockMode: 'COMPLIANCE', ObjectLockRetainUntilDate };
  const version = await put('a', 'held', lock);
  t.is(await remove('a', version), DENIED);
  t.is(await get('a', version), 'held');
  // The end is a time of the wall clock: there is nothing else to wait for.
  while (Date.now() <= ObjectLockRetainUntilDate.getTime()) {
    await new Promise(resolve => setTimeout(resolve, 50));
  }
  t.is(await remove('a', version), NONE);
});

test('a hold keeps a version until it is taken off', async t => {
  const { client, Bucket, ...s3 } = await lockedWorld(t);
  const VersionId = await s3.put('a', 'held', { ObjectLockLegalHoldStatus: 'ON' });
  t.is(await s3.delete('a', VersionId, true), DENIED);
  const head = await client.send(new HeadObjectCommand({ Bucket, Key: 'a' }));
  t.is(head.ObjectLockLegalHoldStatus, 'ON');
  t.is(head.ObjectLockMode, undefined);
  t.is(await s3.hold('a', VersionId, 'OFF'), NONE);
  const told = await client.send(new GetObjectLegalHoldCommand({ Bucket, Key: 'a', VersionId }));
  t.is(told.LegalHold?.Status, 'OFF');
  t.is(await s3.hold('a', VersionId, 'ON'), NONE);
  t.is(await s3.delete('a', VersionId), DENIED);
  t.is(await s3.hold('a', VersionId, 'OFF'), NONE);
  t.is(await s3.delete('a', VersionId), NONE);
  t.is(await s3.hold('a', VersionId, 'ON'), '404 NoSuchVersion');
});

test('the default of a bucket holds uploads, copies and objects in parts', async t => {
  const { client, Bucket, ...s3 } = await lockedWorld(t);
  const DefaultRetention = { Mode: 'GOVERNANCE', Days: 2 } as const;
  const ObjectLockConfiguration = {
    ...{ ObjectLockEnabled: 'Enabled' as const, Rule: { DefaultRetention } },
  };
  await client.send(new PutObjectLockConfigurationCommand({ Bucket, ObjectLockConfiguration }));
  const told = await client.send(new GetObjectLockConfigurationCommand({ Bucket }));
  t.deepEqual(told.ObjectLockConfiguration, ObjectLockConfiguration);
  await s3.put('put', 'x'.repeat(100_000));
  await client.send(new CopyObjectCommand({ Bucket, Key: 'copy', CopySource: `${Bucket}/put` }));
  const upload = { Bucket, Key: 'parts' };
  const ObjectLockLegalHoldStatus = 'ON';
  const { UploadId } = await client.send(
    new CreateMultipartUploadCommand({ ...upload, ObjectLockLegalHoldStatus }),
  );
  const part = { ...upload, UploadId, PartNumber: 1, Body: 'part' };
  const { ETag } = await client.send(new UploadPartCommand(part));
  const MultipartUpload = { Parts: [{ PartNumber: 1, ETag }] };
  await client.send(new CompleteMultipartUploadCommand({ ...upload, UploadId, MultipartUpload }));
  for (const Key of ['put', 'copy', 'parts']) {
    const head = await client.send(new HeadObjectCommand({ Bucket, Key }));
    t.is(head.ObjectLockMode, 'GOVERNANCE');
    const untilMs = head.ObjectLockRetainUntilDate?.getTime() ?? 0;
    t.true(Math.abs(untilMs - inDays(2).getTime()) < 60_000);
    t.is(head.ObjectLockLegalHoldStatus, Key === 'parts' ? 'ON' : undefined);
    t.is(await s3.delete(Key, head.VersionId), DENIED);
    t.is(await s3.delete(Key, head.VersionId, true), Key === 'parts' ? DENIED : NONE);
  }
});

test('an upload that is given up was never a version', async t => {
  const { client, Bucket } = await lockedWorld(t);
  const upload = { Bucket, Key: 'parts' };
  const lock = { ObjectLockMode: 'COMPLIANCE' as const, ObjectLockRetainUntilDate: inDays(1) };
  const { UploadId } = await client.send(new CreateMultipartUploadCommand({ ...upload, ...lock }));
  t.is(await refusal(client.send(new AbortMultipartUploadCommand({ ...upload, UploadId }))), NONE);
  t.is(await refusal(client.send(new DeleteBucketCommand({ Bucket }))), NONE);
});

test('locks stay where versions are kept, and nowhere else', async t => {
  const { client, Bucket, ...s3 } = await lockedWorld(t);
  const { Bucket: plain } = await world(t);
  const suspend = { VersioningConfiguration: { Status: 'Suspended' as const } };
  const suspended = client.send(new PutBucketVersioningCommand({ Bucket, ...suspend }));
  t.is(await refusal(suspended), '409 InvalidBucketState');
  const version = await s3.put('a', 'x');
  const missing = client.send(new GetObjectRetentionCommand({ Bucket, Key: 'a' }));
  t.is(await refusal(missing), '404 NoSuchObjectLockConfiguration');
  const past = { Mode: 'GOVERNANCE', RetainUntilDate: inDays(-1) } as const;
  t.is(await s3.retain({ Key: 'a', VersionId: version }, past), '400 InvalidArgument');
  const unlocked = client.send(
    new PutObjectCommand({ Bucket: plain, Key: 'a', ObjectLockLegalHoldStatus: 'ON' }),
  );
  t.is(await refusal(unlocked), '400 InvalidRequest');
  const configured = client.send(new GetObjectLockConfigurationCommand({ Bucket: plain }));
  t.is(await refusal(configured), '404 ObjectLockConfigurationNotFoundError');
  const ObjectLockConfiguration = { ObjectLockEnabled: 'Enabled' as const };
  const enable = () =>
    client.send(new PutObjectLockConfigurationCommand({ Bucket: plain, ObjectLockConfiguration }));
  t.is(await refusal(enable()), '409 InvalidBucketState');
  await client.send(new PutObjectCommand({ Bucket: plain, Key: 'null', Body: 'before' }));
  const enabled = { VersioningConfiguration: { Status: 'Enabled' as const } };
  await client.send(new PutBucketVersioningCommand({ Bucket: plain, ...enabled }));
  t.is(await refusal(enable()), NONE);
  const VersionId = 'null';
  const Retention = { Mode: 'GOVERNANCE' as const, RetainUntilDate: inDays(1) };
  const retained = { Bucket: plain, Key: 'null', VersionId, Retention };
  t.is(await refusal(client.send(new PutObjectRetentionCommand(retained))), NONE);
  await client.send(new PutObjectCommand({ Bucket: plain, Key: 'null', Body: 'after' }));
  const deletion = { Bucket: plain, Key: 'null', VersionId };
  t.is(await refusal(client.send(new DeleteObjectCommand(deletion))), DENIED);
});
