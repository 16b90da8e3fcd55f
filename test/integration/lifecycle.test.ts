// Method: a real server whose days are a second long; what is due goes by itself.
import {
  CreateMultipartUploadCommand,
  GetObjectCommand,
  ListMultipartUploadsCommand,
  ListObjectsV2Command,
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
