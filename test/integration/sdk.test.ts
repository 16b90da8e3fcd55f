// Method: the official SDK with its defaults against a real server; every download is compared with
// what was uploaded. Sizes lie on both sides of what is stored in a row, in one block, in several.
import {
  CopyObjectCommand,
  DeleteObjectCommand,
  DeleteObjectsCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  type PutObjectCommandInput,
} from '@aws-sdk/client-s3';
import test from 'ava';
import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import { seededBytes } from '../support/seeded-bytes.ts';
import { bytesOf, refusal, sdkWorlds, type SdkWorld } from './sdk-fixture.ts';

const KIB = 1024;
const MIB = 1024 * KIB;
const SIZES = [0, 1, 4 * KIB, 4 * KIB + 1, 64 * KIB, 64 * KIB + 1, MIB, MIB + 1, 5 * MIB + 77];

const world = sdkWorlds();

function put(
  { client, Bucket }: SdkWorld,
  Key: string,
  Body: Uint8Array | string,
  extra: Partial<PutObjectCommandInput> = {},
) {
  return client.send(new PutObjectCommand({ Bucket, Key, Body, ...extra }));
}

function md5(bytes: Uint8Array): string {
  return createHash('md5').update(bytes).digest('hex');
}

async function body({ client, Bucket }: SdkWorld, Key: string): Promise<Buffer> {
  return bytesOf((await client.send(new GetObjectCommand({ Bucket, Key }))).Body);
}

test('objects of every size class come back byte for byte, with MD5 as ETag', async t => {
  const { client, Bucket, ...rest } = await world(t);
  for (const size of SIZES) {
    const Key = `size/${String(size)}`;
    const bytes = seededBytes(size + 1, size);
    const stored = await put({ client, Bucket, ...rest }, Key, bytes);
    t.is(stored.ETag, `"${md5(bytes)}"`);
    const found = await client.send(new GetObjectCommand({ Bucket, Key }));
    t.is(found.ContentLength, size);
    t.is(found.ETag, stored.ETag);
    t.true(bytes.equals(await bytesOf(found.Body)), `${String(size)} bytes`);
    const head = await client.send(new HeadObjectCommand({ Bucket, Key }));
    t.is(head.ContentLength, size);
    t.is(head.ETag, stored.ETag);
    t.deepEqual(head.LastModified, found.LastModified);
  }
});

test('a stream of unknown content is stored with a checksum in its trailer', async t => {
  const { client, Bucket } = await world(t);
  const bytes = seededBytes(7, 3 * MIB + 5);
  const Body = Readable.from(
    (function* () {
      for (let at = 0; at < bytes.length; at += 100_000) yield bytes.subarray(at, at + 100_000);
    })(),
    { objectMode: false },
  );
  const seen: Record<string, string>[] = [];
  client.middlewareStack.add(
    next => async args => {
      seen.push((args.request as { headers: Record<string, string> }).headers);
      return next(args);
    },
    { step: 'finalizeRequest', priority: 'low' },
  );
  const sent = { Bucket, Key: 'stream', Body, ContentLength: bytes.length };
  const stored = await client.send(new PutObjectCommand(sent));
  t.is(seen[0]?.['x-amz-trailer'], 'x-amz-checksum-crc32', 'the SDK sent a trailer');
  t.is(stored.ETag, `"${md5(bytes)}"`);
  const found = await client.send(
    new GetObjectCommand({ Bucket, Key: 'stream', ChecksumMode: 'ENABLED' }),
  );
  t.truthy(found.ChecksumCRC32);
  t.is(found.ContentEncoding, undefined, 'aws-chunked is not stored');
  t.true(bytes.equals(await bytesOf(found.Body)));
});

test('an overwritten object is the new one, a deleted one is gone', async t => {
  const here = await world(t);
  const { client, Bucket } = here;
  const small = seededBytes(1, 100);
  const large = seededBytes(2, 2 * MIB);
  for (const bytes of [small, large, small]) {
    await put(here, 'one', bytes);
    t.true(bytes.equals(await body(here, 'one')));
  }
  await client.send(new DeleteObjectCommand({ Bucket, Key: 'one' }));
  t.is(await refusal(client.send(new GetObjectCommand({ Bucket, Key: 'one' }))), '404 NoSuchKey');
  t.is(await refusal(client.send(new HeadObjectCommand({ Bucket, Key: 'one' }))), '404 NotFound');
  const again = await client.send(new DeleteObjectCommand({ Bucket, Key: 'one' }));
  t.is(again.$metadata.httpStatusCode, 204, 'deleting what is not there succeeds');
});

test('a range is exactly the bytes it names', async t => {
  const here = await world(t);
  const { client, Bucket } = here;
  for (const size of [1000, 2 * MIB + 333]) {
    const Key = `of-${String(size)}`;
    const bytes = seededBytes(size, size);
    await put(here, Key, bytes);
    const ranges: readonly (readonly [Range: string, from: number, to: number])[] = [
      ['bytes=0-0', 0, 1],
      ['bytes=1-99', 1, 100],
      [`bytes=${String(size - 10)}-`, size - 10, size],
      ['bytes=-7', size - 7, size],
      [`bytes=-${String(size * 2)}`, 0, size],
      [`bytes=500-${String(size * 2)}`, 500, size],
      [`bytes=${String(size >> 1)}-${String((size >> 1) + 300)}`, size >> 1, (size >> 1) + 301],
    ];
    for (const [Range, from, to] of ranges) {
      const found = await client.send(new GetObjectCommand({ Bucket, Key, Range }));
      t.is(found.$metadata.httpStatusCode, 206, Range);
      t.is(found.ContentRange, `bytes ${from}-${to - 1}/${size}`);
      t.is(found.ContentLength, to - from);
      t.true(bytes.subarray(from, to).equals(await bytesOf(found.Body)), Range);
    }
    const head = await client.send(new HeadObjectCommand({ Bucket, Key, Range: 'bytes=5-9' }));
    t.is(head.ContentLength, 5);
    const beyond = { Bucket, Key, Range: `bytes=${String(size)}-` };
    t.is(await refusal(client.send(new GetObjectCommand(beyond))), '416 InvalidRange');
  }
});

test('conditions of a read are decided in the order of RFC 9110', async t => {
  const here = await world(t);
  const { client, Bucket } = here;
  const { ETag = '' } = await put(here, 'k', 'content');
  const get = (extra: object) =>
    refusal(client.send(new GetObjectCommand({ Bucket, Key: 'k', ...extra })));
  const head = (extra: object) =>
    refusal(client.send(new HeadObjectCommand({ Bucket, Key: 'k', ...extra })));
  const past = new Date(Date.now() - 3_600_000);
  const future = new Date(Date.now() + 3_600_000);
  t.is(await get({ IfMatch: ETag }), 'no refusal');
  t.is(await get({ IfMatch: '"other"' }), '412 PreconditionFailed');
  t.is(await get({ IfMatch: '*' }), 'no refusal');
  t.regex(await get({ IfNoneMatch: ETag }), /^304 /);
  t.is(await get({ IfNoneMatch: '"other"' }), 'no refusal');
  t.regex(await get({ IfModifiedSince: new Date() }), /^304 /);
  t.is(await get({ IfModifiedSince: past }), 'no refusal');
  t.is(await get({ IfUnmodifiedSince: past }), '412 PreconditionFailed');
  t.is(await get({ IfUnmodifiedSince: future }), 'no refusal');
  t.is(await get({ IfMatch: ETag, IfUnmodifiedSince: past }), 'no refusal');
  t.regex(await get({ IfNoneMatch: ETag, IfModifiedSince: past }), /^304 /);
  t.regex(await head({ IfNoneMatch: ETag }), /^304 /);
  t.regex(await head({ IfMatch: '"other"' }), /^412 /);
});

test('response parameters replace headers of the answer', async t => {
  const here = await world(t);
  const { client, Bucket } = here;
  await put(here, 'k', 'content', { ContentType: 'text/plain', CacheControl: 'max-age=5' });
  const expires = new Date('2031-02-03T04:05:06Z');
  const found = await client.send(
    new GetObjectCommand({
      ...{ Bucket, Key: 'k' },
      ResponseContentType: 'image/x; q="e"',
      ResponseContentDisposition: 'attachment; filename="a b.txt"',
      ResponseCacheControl: 'no-store',
      ResponseContentEncoding: 'identity',
      ResponseContentLanguage: 'fr',
      ResponseExpires: expires,
    }),
  );
  t.is(found.ContentType, 'image/x; q="e"');
  t.is(found.ContentDisposition, 'attachment; filename="a b.txt"');
  t.is(found.CacheControl, 'no-store');
  t.is(found.ContentEncoding, 'identity');
  t.is(found.ContentLanguage, 'fr');
  t.is(found.ExpiresString, expires.toUTCString());
  t.is((await bytesOf(found.Body)).toString(), 'content');
});

test('system headers and user metadata are stored and told again', async t => {
  const here = await world(t);
  const { client, Bucket } = here;
  const headers = {
    ContentType: 'text/html; charset=utf-8',
    CacheControl: 'public, max-age=60',
    ContentDisposition: 'inline; filename="x.html"',
    ContentEncoding: 'gzip',
    ContentLanguage: 'de, en',
    Expires: new Date('2033-01-01T00:00:00Z'),
    WebsiteRedirectLocation: '/elsewhere',
  };
  // Other bytes than ASCII cannot be sent by this SDK; raw sockets test them.
  const Metadata = { plain: 'value', 'with-dash': 'a "b" c', empty: '' };
  await put(here, 'k', 'content', { ...headers, Metadata });
  for (const Command of [HeadObjectCommand, GetObjectCommand]) {
    const found = await client.send(new Command({ Bucket, Key: 'k' }));
    t.is(found.ContentType, headers.ContentType);
    t.is(found.CacheControl, headers.CacheControl);
    t.is(found.ContentDisposition, headers.ContentDisposition);
    t.is(found.ContentEncoding, headers.ContentEncoding);
    t.is(found.ContentLanguage, headers.ContentLanguage);
    t.is(found.ExpiresString, headers.Expires.toUTCString());
    t.is(found.WebsiteRedirectLocation, '/elsewhere');
    t.deepEqual(found.Metadata, Metadata);
  }
});

const ODD_KEYS = [
  'a b',
  'plus+plus',
  "tilde~!*()'",
  'per%cent%2Fencoded',
  'ünïcødé/日本語/🦀',
  'slash//double',
  '/leading',
  'trailing/',
  'dots/../up',
  '.',
  '..',
  './x',
  'q?uery=a&b=c#hash',
  'semi;colon:comma,at@=',
  '"quotes"<tag>&amp;',
  'new\nline',
  'carriage\rreturn',
  'tab\there',
  'back\\slash',
  'control\u0001char',
  'nbsp\u00a0',
  'combining\u0301 and \u00e9',
  'x'.repeat(1024),
  '__proto__',
  'constructor',
];

test('keys with odd characters are stored, listed, read and deleted as they are', async t => {
  const here = await world(t);
  const { client, Bucket } = here;
  for (const [index, key] of ODD_KEYS.entries()) await put(here, key, `of ${String(index)}`);
  for (const [index, key] of ODD_KEYS.entries()) {
    t.is((await body(here, key)).toString(), `of ${String(index)}`, JSON.stringify(key));
  }
  const listed = await client.send(new ListObjectsV2Command({ Bucket, EncodingType: 'url' }));
  const keys = (listed.Contents ?? []).map(({ Key = '' }) => decodeURIComponent(Key));
  const inOrder = [...ODD_KEYS].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
  t.deepEqual(keys, inOrder, 'all of them, in the order of their UTF-8 bytes');
  // XML 1.0 has no such character, and the SDK writes it as it is.
  const alone = ODD_KEYS.filter(key => key.includes('\u0001'));
  for (const Key of alone) await client.send(new DeleteObjectCommand({ Bucket, Key }));
  const Objects = ODD_KEYS.filter(key => !alone.includes(key)).map(Key => ({ Key }));
  const gone = await client.send(new DeleteObjectsCommand({ Bucket, Delete: { Objects } }));
  t.deepEqual(gone.Errors ?? [], []);
  t.deepEqual(gone.Deleted, Objects);
  t.is((await client.send(new ListObjectsV2Command({ Bucket }))).KeyCount, 0);
});

test('many objects are deleted in one request, quietly or not', async t => {
  const here = await world(t);
  const { client, Bucket } = here;
  const keys = Array.from({ length: 30 }, (_, index) => `k${String(index)}`);
  await Promise.all(keys.map(key => put(here, key, key)));
  const Objects = [...keys, 'never-there'].map(Key => ({ Key }));
  const told = await client.send(
    new DeleteObjectsCommand({ Bucket, Delete: { Objects: Objects.slice(0, 10) } }),
  );
  t.is(told.Deleted?.length, 10);
  const quiet = await client.send(
    new DeleteObjectsCommand({ Bucket, Delete: { Objects: Objects.slice(10), Quiet: true } }),
  );
  t.is(quiet.Deleted, undefined);
  t.is(quiet.Errors, undefined);
  t.is((await client.send(new ListObjectsV2Command({ Bucket }))).KeyCount, 0);
});

test('a copy has the bytes of its source, and its headers or new ones as told', async t => {
  const here = await world(t);
  const { client, Bucket } = here;
  const bytes = seededBytes(3, 3 * MIB + 1);
  const Key = 'a b/ü+source';
  await put(here, Key, bytes, { ContentType: 'text/x', Metadata: { from: 'source' } });
  const CopySource = `${Bucket}/${Key.split('/').map(encodeURIComponent).join('/')}`;
  const plain = await client.send(new CopyObjectCommand({ Bucket, Key: 'copy', CopySource }));
  t.is(plain.CopyObjectResult?.ETag, `"${md5(bytes)}"`);
  t.true(plain.CopyObjectResult?.LastModified instanceof Date);
  const copied = await client.send(new GetObjectCommand({ Bucket, Key: 'copy' }));
  t.is(copied.ContentType, 'text/x');
  t.deepEqual(copied.Metadata, { from: 'source' });
  t.true(bytes.equals(await bytesOf(copied.Body)));

  const replaced = { ContentType: 'text/y', Metadata: { to: 'copy' } };
  await client.send(
    new CopyObjectCommand({
      ...{ Bucket, Key: 'other', CopySource, MetadataDirective: 'REPLACE' },
      ...replaced,
    }),
  );
  const other = await client.send(new GetObjectCommand({ Bucket, Key: 'other' }));
  t.is(other.ContentType, 'text/y');
  t.deepEqual(other.Metadata, { to: 'copy' });
  t.true(bytes.equals(await bytesOf(other.Body)));

  await client.send(new DeleteObjectCommand({ Bucket, Key }));
  t.true(bytes.equals(await body(here, 'copy')), 'a copy outlives its source');
});

test('a copy onto itself needs a change', async t => {
  const here = await world(t);
  const { client, Bucket } = here;
  await put(here, 'k', 'content', { Metadata: { old: '1' } });
  const CopySource = `${Bucket}/k`;
  const copy = (extra: object) =>
    client.send(new CopyObjectCommand({ Bucket, Key: 'k', CopySource, ...extra }));
  t.is(await refusal(copy({})), '400 InvalidRequest');
  await copy({ MetadataDirective: 'REPLACE', Metadata: { new: '2' } });
  const found = await client.send(new HeadObjectCommand({ Bucket, Key: 'k' }));
  t.deepEqual(found.Metadata, { new: '2' });
  t.is((await body(here, 'k')).toString(), 'content');
});

test('the conditions on the source of a copy are held', async t => {
  const here = await world(t);
  const { client, Bucket } = here;
  const { ETag } = await put(here, 'k', 'content');
  const CopySource = `${Bucket}/k`;
  const past = new Date(Date.now() - 3_600_000);
  const copy = (extra: object) =>
    refusal(client.send(new CopyObjectCommand({ Bucket, Key: 'to', CopySource, ...extra })));
  t.is(await copy({ CopySourceIfMatch: '"other"' }), '412 PreconditionFailed');
  t.is(await copy({ CopySourceIfNoneMatch: ETag }), '412 PreconditionFailed');
  t.is(await copy({ CopySourceIfUnmodifiedSince: past }), '412 PreconditionFailed');
  t.is(await copy({ CopySourceIfModifiedSince: new Date() }), '412 PreconditionFailed');
  const gone = client.send(new HeadObjectCommand({ Bucket, Key: 'to' }));
  t.is(await refusal(gone), '404 NotFound', 'a refused copy stores nothing');
  t.is(await copy({ CopySourceIfMatch: ETag, CopySourceIfUnmodifiedSince: past }), 'no refusal');
  t.is(await refusal(copy2()), '404 NoSuchKey');

  function copy2(): Promise<unknown> {
    const missing = { Bucket, Key: 'to', CopySource: `${Bucket}/missing` };
    return client.send(new CopyObjectCommand(missing));
  }
});

test('of 64 racing creators of one key exactly one is answered 200', async t => {
  const here = await world(t, { requestHandler: { httpAgent: { maxSockets: 64 } } });
  const { client, Bucket } = here;
  const attempts = await Promise.all(
    Array.from({ length: 64 }, async (_, index) => {
      const Body = seededBytes(index, index % 2 === 0 ? 100 : 100_000);
      const sent = { Bucket, Key: 'race', Body, IfNoneMatch: '*' };
      return { index, Body, answer: await refusal(client.send(new PutObjectCommand(sent))) };
    }),
  );
  const winners = attempts.filter(({ answer }) => answer === 'no refusal');
  t.is(winners.length, 1);
  const losers = new Set(attempts.map(({ answer }) => answer));
  t.deepEqual(losers, new Set(['no refusal', '412 PreconditionFailed']));
  t.true((await body(here, 'race')).equals(winners[0]?.Body ?? Buffer.alloc(0)));
});

test('a write or deletion with If-Match goes through only onto what it names', async t => {
  const here = await world(t);
  const { client, Bucket } = here;
  const first = await put(here, 'k', 'one');
  const second = await put(here, 'k', 'two', { IfMatch: first.ETag ?? '' });
  t.is(await refusal(put(here, 'k', 'three', { IfMatch: first.ETag })), '412 PreconditionFailed');
  t.is((await body(here, 'k')).toString(), 'two');
  t.is(await refusal(put(here, 'none', 'x', { IfMatch: first.ETag })), '404 NoSuchKey');
  const remove = (IfMatch: string | undefined) =>
    refusal(client.send(new DeleteObjectCommand({ Bucket, Key: 'k', IfMatch })));
  t.is(await remove(first.ETag), '412 PreconditionFailed');
  const { LastModified } = await client.send(new HeadObjectCommand({ Bucket, Key: 'k' }));
  const IfMatchLastModifiedTime = LastModified ?? new Date(0);
  const described = { Bucket, Key: 'k', IfMatchSize: 4, IfMatchLastModifiedTime };
  t.is(await refusal(client.send(new DeleteObjectCommand(described))), '412 PreconditionFailed');
  const Objects = [{ Key: 'k', Size: 3, LastModifiedTime: new Date(0) }];
  const several = await client.send(new DeleteObjectsCommand({ Bucket, Delete: { Objects } }));
  t.deepEqual(
    several.Errors?.map(({ Code }) => Code),
    ['PreconditionFailed'],
  );
  t.is(await remove(second.ETag), 'no refusal');
  t.is(await refusal(client.send(new HeadObjectCommand({ Bucket, Key: 'k' }))), '404 NotFound');
});

test('readers of a key that is overwritten get one version or another, whole', async t => {
  const here = await world(t);
  const versions = [seededBytes(11, 1_500_000), seededBytes(12, 3000), seededBytes(13, 700_000)];
  await put(here, 'k', versions[0] ?? '');
  let writes = 0;
  const write = async (): Promise<void> => {
    for (; writes < 30; writes += 1) await put(here, 'k', versions[writes % 3] ?? '');
  };
  let reads = 0;
  const read = async (): Promise<void> => {
    for (let seen = writes; seen < 30; seen = writes) {
      const found = await body(here, 'k');
      t.true(versions.some(bytes => bytes.equals(found)));
      reads += 1;
    }
  };
  await Promise.all([write(), read(), read(), read()]);
  t.true(reads > 10);
});
