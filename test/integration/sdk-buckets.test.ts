// Method: the SDK against a real server; a second key plays the other tenant.
import {
  CreateBucketCommand,
  DeleteBucketCommand,
  DeleteObjectCommand,
  GetBucketLocationCommand,
  GetObjectCommand,
  HeadBucketCommand,
  ListBucketsCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  type S3Client,
} from '@aws-sdk/client-s3';
import test from 'ava';
import { REGION, type GarageProcess } from '../support/garage-process.ts';
import { sdkClient } from '../support/sdk-client.ts';
import { refusal, sdkWorlds } from './sdk-fixture.ts';

const world = sdkWorlds();

/** A key made with the garage command. */
async function otherTenant(server: GarageProcess, canCreate: boolean): Promise<S3Client> {
  const made = await server.command('key', 'create', `tenant-${String(canCreate)}`);
  const accessKeyId = /Key ID: +(\S+)/.exec(made.stdout)?.[1] ?? '';
  const secretAccessKey = /Secret key: +(\S+)/.exec(made.stdout)?.[1] ?? '';
  if (canCreate) await server.command('key', 'allow', '--create-bucket', accessKeyId);
  return sdkClient(server, { credentials: { accessKeyId, secretAccessKey } });
}

test('a bucket is made, seen, and taken away', async t => {
  const { client } = await world(t);
  const Bucket = 'made-and.taken';
  const made = await client.send(new CreateBucketCommand({ Bucket }));
  t.is(made.Location, `/${Bucket}`);
  t.is(
    await refusal(client.send(new CreateBucketCommand({ Bucket }))),
    '409 BucketAlreadyOwnedByYou',
  );
  const head = await client.send(new HeadBucketCommand({ Bucket }));
  t.is(head.BucketRegion, REGION);
  const location = await client.send(new GetBucketLocationCommand({ Bucket }));
  t.is(String(location.LocationConstraint), REGION);
  const listed = await client.send(new ListBucketsCommand({}));
  const mine = listed.Buckets?.find(({ Name }) => Name === Bucket);
  t.true(mine?.CreationDate instanceof Date);
  t.true(Math.abs(Date.now() - (mine?.CreationDate?.getTime() ?? 0)) < 60_000);
  await client.send(new DeleteBucketCommand({ Bucket }));
  t.is(await refusal(client.send(new HeadBucketCommand({ Bucket }))), '404 NotFound');
  t.is(await refusal(client.send(new DeleteBucketCommand({ Bucket }))), '404 NoSuchBucket');
  t.is(await refusal(client.send(new ListObjectsV2Command({ Bucket }))), '404 NoSuchBucket');
  t.is(
    await refusal(client.send(new PutObjectCommand({ Bucket, Key: 'k', Body: 'x' }))),
    '404 NoSuchBucket',
  );
});

test('a bucket with an object in it is not deleted', async t => {
  const { client, Bucket } = await world(t);
  await client.send(new PutObjectCommand({ Bucket, Key: 'k', Body: 'x' }));
  t.is(await refusal(client.send(new DeleteBucketCommand({ Bucket }))), '409 BucketNotEmpty');
  await client.send(new DeleteObjectCommand({ Bucket, Key: 'k' }));
  await client.send(new DeleteBucketCommand({ Bucket }));
  t.is(await refusal(client.send(new HeadBucketCommand({ Bucket }))), '404 NotFound');
});

test('attempts to delete a bucket with objects turn no other request away', async t => {
  const { client, Bucket } = await world(t);
  await client.send(new PutObjectCommand({ Bucket, Key: 'stays', Body: 'x' }));
  let attempts = 0;
  const remove = async (): Promise<void> => {
    for (; attempts < 40; attempts += 1) {
      const refused = await refusal(client.send(new DeleteBucketCommand({ Bucket })));
      t.is(refused, '409 BucketNotEmpty');
    }
  };
  const write = async (Key: string): Promise<void> => {
    for (let seen = attempts; seen < 40; seen = attempts) {
      await t.notThrowsAsync(client.send(new PutObjectCommand({ Bucket, Key, Body: 'y' })));
    }
  };
  await Promise.all([remove(), write('a'), write('b'), write('c')]);
});

test('a name that was deleted can be taken again and is empty', async t => {
  const { client } = await world(t);
  const Bucket = 'comes-back';
  for (let turn = 0; turn < 3; turn += 1) {
    await client.send(new CreateBucketCommand({ Bucket }));
    t.is((await client.send(new ListObjectsV2Command({ Bucket }))).KeyCount, 0);
    await client.send(new PutObjectCommand({ Bucket, Key: `k${String(turn)}`, Body: 'x' }));
    await client.send(new DeleteObjectCommand({ Bucket, Key: `k${String(turn)}` }));
    await client.send(new DeleteBucketCommand({ Bucket }));
  }
});

test('the location constraint must be this region', async t => {
  const { client } = await world(t);
  const create = (Bucket: string, LocationConstraint: string) =>
    client.send(
      new CreateBucketCommand({
        Bucket,
        CreateBucketConfiguration: { LocationConstraint: LocationConstraint as 'eu-west-1' },
      }),
    );
  t.is(await refusal(create('right-region', REGION)), 'no refusal');
  t.is(
    await refusal(create('wrong-region', 'eu-west-1')),
    '400 IllegalLocationConstraintException',
  );
  t.is(
    await refusal(client.send(new HeadBucketCommand({ Bucket: 'wrong-region' }))),
    '404 NotFound',
  );
});

test('buckets are listed in pages and by prefix', async t => {
  const { client } = await world(t);
  const names = ['page-a', 'page-b', 'page-c', 'page-d', 'page-e'];
  for (const Bucket of names) await client.send(new CreateBucketCommand({ Bucket }));
  const seen: string[] = [];
  let ContinuationToken: string | undefined;
  let pages = 0;
  do {
    const page = await client.send(
      new ListBucketsCommand({
        ...{ Prefix: 'page-', MaxBuckets: 2 },
        ...(ContinuationToken === undefined ? {} : { ContinuationToken }),
      }),
    );
    seen.push(...(page.Buckets ?? []).map(({ Name = '' }) => Name));
    ({ ContinuationToken } = page);
    pages += 1;
  } while (ContinuationToken !== undefined);
  t.deepEqual(seen, names);
  t.is(pages, 3);
});

test('another tenant sees and takes nothing', async t => {
  const { server, client, Bucket } = await world(t);
  await client.send(new PutObjectCommand({ Bucket, Key: 'k', Body: 'x' }));
  const other = await otherTenant(server, true);
  t.teardown(() => {
    other.destroy();
  });
  t.deepEqual((await other.send(new ListBucketsCommand({}))).Buckets ?? [], []);
  t.is(await refusal(other.send(new CreateBucketCommand({ Bucket }))), '409 BucketAlreadyExists');
  const denied = [
    other.send(new GetObjectCommand({ Bucket, Key: 'k' })),
    other.send(new GetObjectCommand({ Bucket, Key: 'missing' })),
    other.send(new PutObjectCommand({ Bucket, Key: 'k', Body: 'y' })),
    other.send(new DeleteObjectCommand({ Bucket, Key: 'k' })),
    other.send(new ListObjectsV2Command({ Bucket })),
    other.send(new DeleteBucketCommand({ Bucket })),
  ];
  for (const sent of denied) t.is(await refusal(sent), '403 AccessDenied');
  t.is((await client.send(new ListObjectsV2Command({ Bucket }))).KeyCount, 1);
  await other.send(new CreateBucketCommand({ Bucket: 'of-the-other' }));
  const mine = (await client.send(new ListBucketsCommand({}))).Buckets ?? [];
  t.false(mine.some(({ Name }) => Name === 'of-the-other'));
});

test('a key without the right to create buckets creates none', async t => {
  const { server } = await world(t);
  const other = await otherTenant(server, false);
  t.teardown(() => {
    other.destroy();
  });
  const create = new CreateBucketCommand({ Bucket: 'not-allowed-here' });
  t.is(await refusal(other.send(create)), '403 AccessDenied');
});

test('the rights that the command gives and takes decide at once', async t => {
  const { server, client, Bucket } = await world(t);
  await client.send(new PutObjectCommand({ Bucket, Key: 'k', Body: 'x' }));
  const made = await server.command('key', 'create', 'reader');
  const accessKeyId = /Key ID: +(\S+)/.exec(made.stdout)?.[1] ?? '';
  const secretAccessKey = /Secret key: +(\S+)/.exec(made.stdout)?.[1] ?? '';
  const reader = sdkClient(server, { credentials: { accessKeyId, secretAccessKey } });
  t.teardown(() => {
    reader.destroy();
  });
  const read = () => refusal(reader.send(new GetObjectCommand({ Bucket, Key: 'k' })));
  t.is(await read(), '403 AccessDenied');
  const allowed = await server.command('bucket', 'allow', '--read', Bucket, '--key', accessKeyId);
  t.is(allowed.exitCode, 0, allowed.stderr);
  t.is(await read(), 'no refusal');
  const write = reader.send(new PutObjectCommand({ Bucket, Key: 'k', Body: 'y' }));
  t.is(await refusal(write), '403 AccessDenied');
  await server.command('bucket', 'deny', '--read', Bucket, '--key', accessKeyId);
  t.is(await read(), '403 AccessDenied');
});
