// Method: URLs made by the SDK's presigner, used by plain fetch, which adds nothing to them.
import { GetObjectCommand, HeadObjectCommand, PutObjectCommand } from '@aws-sdk/client-s3';
import { getSignedUrl } from '@aws-sdk/s3-request-presigner';
import test from 'ava';
import { seededBytes } from '../support/seeded-bytes.ts';
import { sdkWorlds } from './sdk-fixture.ts';

const world = sdkWorlds();

test('a presigned URL reads an object, and nothing else', async t => {
  const { client, Bucket } = await world(t);
  const Body = seededBytes(1, 100_000);
  const Key = 'a b/ü+(1).txt';
  await client.send(new PutObjectCommand({ Bucket, Key, Body }));
  const command = new GetObjectCommand({ Bucket, Key, ResponseContentType: 'x/y' });
  const url = await getSignedUrl(client, command, { expiresIn: 60 });
  const found = await fetch(url);
  t.is(found.status, 200);
  t.is(found.headers.get('content-type'), 'x/y');
  t.true(Body.equals(Buffer.from(await found.arrayBuffer())));
  const ranged = await fetch(url, { headers: { range: 'bytes=10-19' } });
  t.is(ranged.status, 206);
  t.true(Body.subarray(10, 20).equals(Buffer.from(await ranged.arrayBuffer())));
  for (const method of ['PUT', 'DELETE']) {
    const refused = await fetch(url, { method });
    t.is(refused.status, 403, method);
    t.regex(await refused.text(), /<Code>SignatureDoesNotMatch</);
  }
  const other = await fetch(url.replace('.txt', '.tx'));
  t.is(other.status, 403);
  await other.arrayBuffer();
});

test('a presigned URL stores what is sent to it, with the headers that were signed', async t => {
  const { client, Bucket } = await world(t);
  const body = seededBytes(2, 300_000);
  const command = new PutObjectCommand({
    ...{ Bucket, Key: 'put', ContentType: 'image/x' },
    Metadata: { from: 'presigner' },
  });
  const url = await getSignedUrl(client, command, { expiresIn: 60 });
  const stored = await fetch(url, {
    method: 'PUT',
    body: new Uint8Array(body),
    headers: { 'content-type': 'image/x' },
  });
  t.is(stored.status, 200, await stored.text());
  const head = await client.send(new HeadObjectCommand({ Bucket, Key: 'put' }));
  t.is(head.ContentLength, body.length);
  t.deepEqual(head.Metadata, { from: 'presigner' });
  t.is(head.ContentType, 'image/x');
});

test('a presigned URL that has expired is refused', async t => {
  const { client, Bucket } = await world(t);
  await client.send(new PutObjectCommand({ Bucket, Key: 'k', Body: 'content' }));
  const url = await getSignedUrl(client, new GetObjectCommand({ Bucket, Key: 'k' }), {
    expiresIn: 60,
    signingDate: new Date(Date.now() - 61_000),
  });
  const refused = await fetch(url);
  t.is(refused.status, 403);
  t.regex(await refused.text(), /<Code>AccessDenied</);
});

test('a presigned URL with a very long query still works', async t => {
  const { client, Bucket } = await world(t);
  await client.send(new PutObjectCommand({ Bucket, Key: 'k', Body: 'content' }));
  const long = `attachment; filename="${'n'.repeat(1800)}"`;
  const command = new GetObjectCommand({ Bucket, Key: 'k', ResponseContentDisposition: long });
  const found = await fetch(await getSignedUrl(client, command));
  t.is(found.status, 200);
  t.is(found.headers.get('content-disposition'), long);
  t.is(await found.text(), 'content');
});
