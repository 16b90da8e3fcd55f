// Method: the npm client `minio`, whose signer, chunking and XML are its own, against a real
// server.
import test from 'ava';
import { Client } from 'minio';
import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { REGION } from '../support/garage-process.ts';
import { seededBytes } from '../support/seeded-bytes.ts';
import { sharedGarage } from '../support/shared-garage.ts';

const MIB = 1024 * 1024;
const shared = sharedGarage();

let buckets = 0;

async function world(): Promise<{ client: Client; bucket: string }> {
  const { ports, credentials } = await shared();
  const client = new Client({
    endPoint: '127.0.0.1',
    port: ports.s3,
    useSSL: false,
    accessKey: credentials.accessKeyId,
    secretKey: credentials.secretKey,
    region: REGION,
    partSize: 5 * MIB,
  });
  buckets += 1;
  const bucket = `minio-${String(buckets)}`;
  await client.makeBucket(bucket, REGION);
  return { client, bucket };
}

async function list(client: Client, bucket: string, prefix: string, recursive: boolean) {
  const names: string[] = [];
  for await (const item of client.listObjectsV2(bucket, prefix, recursive)) {
    const { name, prefix: folder } = item as { name?: string; prefix?: string };
    names.push(name ?? folder ?? '');
  }
  return names;
}

test('minio stores and reads objects of every size', async t => {
  const { client, bucket } = await world();
  for (const size of [0, 1000, 100_000, 3 * MIB]) {
    const bytes = seededBytes(size, size);
    const name = `ü b/${String(size)}`;
    const meta = { 'Content-Type': 'x/y', 'X-Amz-Meta-Some': 'thing' };
    const { etag } = await client.putObject(bucket, name, bytes, size, meta);
    t.is(etag, createHash('md5').update(bytes).digest('hex'));
    t.true(bytes.equals(await buffer(await client.getObject(bucket, name))));
    const stat = await client.statObject(bucket, name);
    t.is(stat.size, size);
    t.is(stat.etag, etag);
    t.is(stat.metaData['content-type'], 'x/y');
    t.is(stat.metaData['some'], 'thing');
  }
  const part = await buffer(await client.getPartialObject(bucket, 'ü b/100000', 10, 20));
  t.true(seededBytes(100_000, 100_000).subarray(10, 30).equals(part));
});

test('minio uploads a large stream in parts', async t => {
  const { client, bucket } = await world();
  const bytes = seededBytes(1, 12 * MIB + 5);
  const stream = Readable.from(
    (function* () {
      for (let at = 0; at < bytes.length; at += 65_000) yield bytes.subarray(at, at + 65_000);
    })(),
    { objectMode: false },
  );
  const { etag } = await client.putObject(bucket, 'large', stream, bytes.length);
  t.regex(etag, /-3$/);
  t.true(bytes.equals(await buffer(await client.getObject(bucket, 'large'))));
});

test('minio lists, copies and removes', async t => {
  const { client, bucket } = await world();
  const names = ['a', 'b/1', 'b/2', 'c d', 'é/1'];
  for (const name of names) await client.putObject(bucket, name, `of ${name}`);
  t.deepEqual(await list(client, bucket, '', true), names);
  t.deepEqual((await list(client, bucket, '', false)).sort(), ['a', 'b/', 'c d', 'é/'].sort());
  await client.copyObject(bucket, 'copy', `/${bucket}/c d`);
  t.is((await buffer(await client.getObject(bucket, 'copy'))).toString(), 'of c d');
  await client.removeObject(bucket, 'copy');
  await client.removeObjects(bucket, names);
  t.deepEqual(await list(client, bucket, '', true), []);
  t.true(await client.bucketExists(bucket));
  await client.removeBucket(bucket);
  t.false(await client.bucketExists(bucket));
});

test('URLs that minio presigned work', async t => {
  const { client, bucket } = await world();
  const bytes = seededBytes(2, 50_000);
  const put = await client.presignedPutObject(bucket, 'p q', 60);
  const stored = await fetch(put, { method: 'PUT', body: new Uint8Array(bytes) });
  t.is(stored.status, 200);
  const found = await fetch(await client.presignedGetObject(bucket, 'p q', 60));
  t.true(bytes.equals(Buffer.from(await found.arrayBuffer())));
});
