import test from 'ava';
import { hash } from 'node:crypto';
import { copyObject } from '../../../gateway/s3/copy-object.ts';
import { parseCopySource } from '../../../gateway/s3/copy-source.ts';
import { getObject } from '../../../gateway/s3/get-object.ts';
import { putObject } from '../../../gateway/s3/put-object.ts';
import type { S3Error } from '../../../gateway/s3/s3-error.ts';
import { HeaderList } from '../../../gateway/http/request-headers.ts';
import type { BucketId } from '../../../schemas/ids.ts';
import type { BucketRow } from '../../../schemas/records/bucket-row.ts';
import { answerOf, bucketRow, type Answer, type CallOptions } from '../../support/object-calls.ts';
import { BUCKET, objectWorld, type ObjectWorld } from '../../support/object-world.ts';
import { seededBytes } from '../../support/seeded-bytes.ts';

const KIB = 1024;
const OTHER = 'c'.repeat(64) as BucketId;

const buckets: ReadonlyMap<string, BucketRow> = new Map([
  ['bucket', bucketRow(BUCKET)],
  ['other', bucketRow(OTHER)],
  ['closed', bucketRow('d'.repeat(64) as BucketId, { grants: [] })],
]);
const directory = { resolveBucket: (name: string): BucketRow | undefined => buckets.get(name) };

function copyTo(world: ObjectWorld, key: string, headers: CallOptions['headers']): Promise<Answer> {
  return answerOf(copyObject, world, { key, ...(headers && { headers }) }, directory);
}

async function putSource(world: ObjectWorld, size: number): Promise<Buffer> {
  const body = seededBytes(size, size);
  await answerOf(putObject, world, {
    body,
    headers: {
      'content-type': 'a/b',
      'x-amz-meta-colour': 'blue',
      'x-amz-website-redirect-location': '/x',
      'x-amz-checksum-sha256': hash('sha256', body, 'base64'),
    },
  });
  return body;
}

for (const size of [0, 2000, 500 * KIB]) {
  test(`${String(size)} bytes are copied with their metadata, without moving them`, async t => {
    const world = objectWorld(t, { blockBytes: 64 * KIB });
    const body = await putSource(world, size);
    const stores = world.blocks.count('block-store');
    const copied = await copyTo(world, 'copy', { 'x-amz-copy-source': '/bucket/key' });
    t.is(copied.status, 200);
    const document = copied.body.toString();
    t.regex(document, /<CopyObjectResult xmlns="[^"]+"><LastModified>2023-11-14T22:13:20.000Z</);
    t.true(document.includes(`<ETag>&quot;${hash('md5', body)}&quot;</ETag>`));
    t.true(document.includes('<ChecksumSHA256>'));
    t.is(world.blocks.count('block-store'), stores);
    const got = await answerOf(getObject, world, { key: 'copy' });
    t.true(got.body.equals(body));
    t.is(got.headers.get('content-type'), 'a/b');
    t.is(got.headers.get('x-amz-meta-colour'), 'blue');
    t.false(got.headers.has('x-amz-website-redirect-location'));
  });
}

test('REPLACE takes the headers of the request and none of the source', async t => {
  const world = objectWorld(t);
  await putSource(world, 100);
  const replaced = await copyTo(world, 'key', {
    'x-amz-copy-source': 'bucket/key',
    'x-amz-metadata-directive': 'REPLACE',
    'x-amz-meta-shape': 'round',
    'x-amz-website-redirect-location': '/y',
  });
  t.is(replaced.status, 200);
  const got = await answerOf(getObject, world, {});
  t.is(got.headers.get('content-type'), 'binary/octet-stream');
  t.is(got.headers.get('x-amz-meta-colour'), undefined);
  t.is(got.headers.get('x-amz-meta-shape'), 'round');
  t.is(got.headers.get('x-amz-website-redirect-location'), '/y');
});

test('a checksum that the source has not is computed from its bytes', async t => {
  const world = objectWorld(t, { blockBytes: 64 * KIB });
  const body = await putSource(world, 300 * KIB);
  const stores = world.blocks.count('block-store');
  const copied = await copyTo(world, 'copy', {
    'x-amz-copy-source': 'bucket/key',
    'x-amz-checksum-algorithm': 'SHA1',
  });
  const sha1 = hash('sha1', body, 'base64');
  t.true(copied.body.toString().includes(`<ChecksumSHA1>${sha1}</ChecksumSHA1>`));
  t.is(world.blocks.count('block-store'), stores);
  const headers = { 'x-amz-checksum-mode': 'ENABLED' };
  const got = await answerOf(getObject, world, { key: 'copy', headers });
  t.is(got.headers.get('x-amz-checksum-sha1'), sha1);
  t.true(got.body.equals(body));
});

test('a block that is not where it should be is sent again', async t => {
  const world = objectWorld(t, { blockBytes: 64 * KIB });
  const body = await putSource(world, 300 * KIB);
  world.blocks.interfere = request =>
    request.kind === 'reference-add' ? { kind: 'send-it' } : undefined;
  const copied = await copyTo(world, 'copy', { 'x-amz-copy-source': 'bucket/key' });
  t.is(copied.status, 200);
  t.true((await answerOf(getObject, world, { key: 'copy' })).body.equals(body));
});

test('a copy that fails leaves no reference', async t => {
  const world = objectWorld(t, { blockBytes: 64 * KIB });
  await putSource(world, 500 * KIB);
  const before = world.blocks.references.size;
  let adds = 0;
  world.blocks.interfere = request => {
    if (request.kind !== 'reference-add') return undefined;
    adds += 1;
    return adds === 4 ? { after: { kind: 'unknown' } } : undefined;
  };
  const copied = await copyTo(world, 'copy', { 'x-amz-copy-source': 'bucket/key' });
  t.is(copied.code, 'ServiceUnavailable');
  await world.writer.idle();
  t.is(world.blocks.references.size, before);
  t.is((await answerOf(getObject, world, { key: 'copy' })).code, 'NoSuchKey');
});

const REFUSALS: readonly (readonly [
  name: string,
  headers: Record<string, string>,
  code: string,
])[] = [
  ['a source that is not there', { 'x-amz-copy-source': 'bucket/none' }, 'NoSuchKey'],
  ['a bucket that is not there', { 'x-amz-copy-source': 'none/key' }, 'NoSuchBucket'],
  ['a bucket without the right to read', { 'x-amz-copy-source': 'closed/k' }, 'AccessDenied'],
  ['a source without a slash', { 'x-amz-copy-source': 'bucket' }, 'InvalidArgument'],
  ['a source without a key', { 'x-amz-copy-source': 'bucket/' }, 'InvalidArgument'],
  ['a source that does not decode', { 'x-amz-copy-source': 'bucket/%zz' }, 'InvalidArgument'],
  ['a source that is not UTF-8', { 'x-amz-copy-source': 'bucket/%ff' }, 'InvalidArgument'],
  ['a version', { 'x-amz-copy-source': 'bucket/key?versionId=x' }, 'InvalidArgument'],
  ['nothing that changes', { 'x-amz-copy-source': 'bucket/key' }, 'InvalidRequest'],
  [
    'an unknown directive',
    { 'x-amz-copy-source': 'bucket/key', 'x-amz-metadata-directive': 'MERGE' },
    'InvalidArgument',
  ],
  [
    'a condition that fails',
    { 'x-amz-copy-source': 'bucket/other', 'x-amz-copy-source-if-match': '"x"' },
    'PreconditionFailed',
  ],
  [
    'another tagging directive',
    { 'x-amz-copy-source': 'bucket/other', 'x-amz-tagging-directive': 'MERGE' },
    'InvalidArgument',
  ],
];

for (const [name, headers, code] of REFUSALS) {
  test(`a copy with ${name} is refused`, async t => {
    const world = objectWorld(t);
    await answerOf(putObject, world, { body: Buffer.from('a') });
    await answerOf(putObject, world, { body: Buffer.from('b'), key: 'other' });
    t.is((await copyTo(world, 'key', headers)).code, code);
  });
}

test('an object is renewed by a copy onto itself that names its storage class', async t => {
  const world = objectWorld(t);
  const body = await putSource(world, 2000);
  const source = { 'x-amz-copy-source': 'bucket/key' };
  t.is((await copyTo(world, 'key', { ...source, 'x-amz-storage-class': 'STANDARD' })).status, 200);
  const got = await answerOf(getObject, world, {});
  t.true(got.body.equals(body));
  t.is(got.headers.get('x-amz-meta-colour'), 'blue');
});

test('a source larger than one request may copy is refused', async t => {
  const world = objectWorld(t);
  await answerOf(putObject, world, { body: Buffer.from('a') });
  const stored = world.tables.objects.get(`${BUCKET}/key`);
  if (stored?.row.kind !== 'version') throw new Error('no version');
  const row = { ...stored.row, sizeBytes: 5 * 1024 ** 3 + 1 };
  world.tables.objects.set(`${BUCKET}/key`, { row, inline: undefined });
  const copied = await copyTo(world, 'copy', { 'x-amz-copy-source': 'bucket/key' });
  t.is(copied.code, 'InvalidRequest');
});

test('the destination of a copy has conditions of its own', async t => {
  const world = objectWorld(t);
  await answerOf(putObject, world, { body: Buffer.from('a') });
  const headers = { 'x-amz-copy-source': 'bucket/key', 'if-none-match': '*' };
  t.is((await copyTo(world, 'copy', headers)).status, 200);
  t.is((await copyTo(world, 'copy', headers)).code, 'PreconditionFailed');
});

test('the source is named with or without a slash, encoded once', t => {
  const parse = (text: string): unknown => {
    const headers = new HeaderList();
    headers.add('x-amz-copy-source', text);
    try {
      return parseCopySource(headers);
    } catch (error) {
      return (error as S3Error).code;
    }
  };
  const current = { version: undefined };
  t.deepEqual(parse('b/k'), { bucketName: 'b', key: 'k', ...current });
  t.deepEqual(parse('/b/k/l'), { bucketName: 'b', key: 'k/l', ...current });
  t.deepEqual(parse('b//k'), { bucketName: 'b', key: '/k', ...current });
  t.deepEqual(parse('/b/%2e%2e/%C3%A9%2525'), { bucketName: 'b', key: '../é%25', ...current });
  t.deepEqual(parse('b%2Fk'), { bucketName: 'b', key: 'k', ...current });
  t.deepEqual(parse('b/k?versionId=null'), { bucketName: 'b', key: 'k', version: 'null' });
  t.deepEqual(parse('b/k%3FversionId=1'), { bucketName: 'b', key: 'k?versionId=1', ...current });
  t.is(parse('b/k?versionId=1'), 'InvalidArgument');
  t.is(parse(`b/${'k'.repeat(1025)}`), 'InvalidArgument');
  t.is(parse('//k'), 'InvalidArgument');
});
