// Method: a real server whose days are a second long; what is due goes by itself.
import {
  CreateBucketCommand,
  CreateMultipartUploadCommand,
  GetObjectCommand,
  ListMultipartUploadsCommand,
  ListObjectsV2Command,
  ListObjectVersionsCommand,
  PutBucketLifecycleConfigurationCommand,
  PutObjectCommand,
  type S3Client,
} from '@aws-sdk/client-s3';
import { setTimeout as delay } from 'node:timers/promises';
import test from 'ava';
import { BUCKET } from '../support/garage-process.ts';
import { ownGarage, scratchDirectory } from '../support/shared-garage.ts';
import { sdkClient } from '../support/sdk-client.ts';
import { refusal } from './sdk-fixture.ts';

const Bucket = BUCKET;
const WAIT_MS_MAX = 30_000;

async function until(isTrue: () => Promise<boolean>): Promise<boolean> {
  const started = performance.now();
  while (performance.now() - started < WAIT_MS_MAX) {
    if (await isTrue()) return true;
    await delay(100);
  }
  return false;
}

async function keysOf(client: S3Client): Promise<string[]> {
  const { Contents = [] } = await client.send(new ListObjectsV2Command({ Bucket }));
  return Contents.map(({ Key }) => Key ?? '');
}

test('objects and uploads go when their days are over, and others stay', async t => {
  const directory = await scratchDirectory(t);
  const end = ['[debug]', 'lifecycle_day_seconds = 1'];
  const server = await ownGarage(t, { directory, end });
  const client = sdkClient(server);
  t.teardown(() => {
    client.destroy();
  });
  await client.send(
    new PutBucketLifecycleConfigurationCommand({
      Bucket,
      LifecycleConfiguration: {
        Rules: [
          { ID: 'tmp', Status: 'Enabled', Filter: { Prefix: 'tmp/' }, Expiration: { Days: 1 } },
          {
            ID: 'past',
            Status: 'Enabled',
            Filter: { Prefix: 'dated/' },
            Expiration: { Date: new Date('2020-01-01T00:00:00Z') },
          },
          {
            ID: 'uploads',
            Status: 'Enabled',
            Filter: { Prefix: 'tmp/' },
            AbortIncompleteMultipartUpload: { DaysAfterInitiation: 1 },
          },
        ],
      },
    }),
  );
  for (const Key of ['kept', 'tmp/small', 'dated/x']) {
    await client.send(new PutObjectCommand({ Bucket, Key, Body: 'x' }));
  }
  const large = { Bucket, Key: 'tmp/large', Body: Buffer.alloc(2 * 1024 * 1024, 1) };
  await client.send(new PutObjectCommand(large));
  for (const Key of ['tmp/upload', 'kept-upload']) {
    await client.send(new CreateMultipartUploadCommand({ Bucket, Key }));
  }
  t.true(await until(async () => (await keysOf(client)).length === 1));
  t.deepEqual(await keysOf(client), ['kept']);
  t.is(
    await refusal(client.send(new GetObjectCommand({ Bucket, Key: 'tmp/large' }))),
    '404 NoSuchKey',
  );
  t.true(
    await until(async () => {
      const { Uploads = [] } = await client.send(new ListMultipartUploadsCommand({ Bucket }));
      return Uploads.length === 1 && Uploads[0]?.Key === 'kept-upload';
    }),
  );
  t.regex(server.log(), /lifecycle rules were carried out/);
  const again = new PutObjectCommand({ Bucket, Key: 'tmp/again', Body: 'x' });
  const { Expiration } = await client.send(again);
  t.regex(Expiration ?? '', /rule-id="tmp"/);
  t.true(await until(async () => (await keysOf(client)).length === 1));
  t.is(await server.end(), 0);
});

test('old versions and lone delete markers go, and what is locked stays', async t => {
  const directory = await scratchDirectory(t);
  const end = ['[debug]', 'lifecycle_day_seconds = 1'];
  const server = await ownGarage(t, { directory, end });
  const client = sdkClient(server);
  t.teardown(() => {
    client.destroy();
  });
  const vault = { Bucket: 'vault' };
  await client.send(new CreateBucketCommand({ ...vault, ObjectLockEnabledForBucket: true }));
  const put = async (Key: string, Body: string, more: object = {}): Promise<void> => {
    await client.send(new PutObjectCommand({ ...vault, Key, Body, ...more }));
  };
  await put('kept', 'one', { ObjectLockLegalHoldStatus: 'ON' });
  await put('kept', 'two');
  await put('kept', 'x'.repeat(100_000));
  await put('kept', 'four');
  await put('tmp/a', 'one');
  await put('other', 'one');
  const rule = (ID: string, Prefix: string) => ({
    ID,
    Filter: { Prefix },
    Status: 'Enabled' as const,
  });
  const NoncurrentVersionExpiration = { NoncurrentDays: 1 };
  const Rules = [
    { ...rule('old', ''), NoncurrentVersionExpiration },
    { ...rule('tmp', 'tmp/'), Expiration: { Days: 1 } },
  ];
  await client.send(
    new PutBucketLifecycleConfigurationCommand({ ...vault, LifecycleConfiguration: { Rules } }),
  );
  const standing = async (): Promise<string[]> => {
    const listed = await client.send(new ListObjectVersionsCommand(vault));
    const { Versions = [], DeleteMarkers = [] } = listed;
    return [...Versions, ...DeleteMarkers].map(
      ({ Key, IsLatest }) => `${Key ?? ''} ${String(IsLatest)}`,
    );
  };
  // The marker of `tmp/a` goes when the version below it is gone.
  t.true(await until(async () => (await standing()).length === 3));
  t.deepEqual(await standing(), ['kept true', 'kept false', 'other true']);
  t.is(await server.end(), 0);
});
