import test from 'ava';
import { hash } from 'node:crypto';
import { putObject } from '../../../gateway/s3/put-object.ts';
import { uploadPart, uploadPartCopy } from '../../../gateway/s3/upload-part.ts';
import type { UploadId } from '../../../schemas/ids.ts';
import type { PartRow, UploadRow } from '../../../schemas/records/upload-row.ts';
import { unpackBlocks } from '../../../schemas/records/block-list.ts';
import { answerOf, bucketRow } from '../../support/object-calls.ts';
import { BUCKET, objectWorld, type ObjectWorld } from '../../support/object-world.ts';
import { seededBytes } from '../../support/seeded-bytes.ts';

const KIB = 1024;
const directory = {
  resolveBucket: (name: string) =>
    name === 'bucket' ? bucketRow(BUCKET) : bucketRow(BUCKET, { grants: [] }),
};

function openUpload(world: ObjectWorld, checksum?: UploadRow['checksum']): UploadId {
  const uploadId = world.stamper.now() as string as UploadId;
  const row: UploadRow = {
    ...{ uploadId, timestamp: world.stamper.now(), state: { kind: 'open' }, headers: [] },
    ...{ initiator: 'GK', ...(checksum && { checksum }) },
  };
  world.tables.uploads.set(uploadId, row);
  return uploadId;
}

function lastPart(world: ObjectWorld): PartRow | undefined {
  return [...world.tables.parts.values()].at(-1);
}

function bytesOfPart(world: ObjectWorld): Buffer {
  const part = lastPart(world);
  if (part?.content.kind !== 'blocks') throw new Error('no short part');
  const blocks = unpackBlocks(part.content.blocks);
  return Buffer.concat(blocks.map(block => world.blocks.blocks.get(block.hash) ?? Buffer.alloc(0)));
}

test('a part is stored and its ETag told', async t => {
  const world = objectWorld(t, { blockBytes: 64 * KIB });
  const uploadId = openUpload(world);
  for (const size of [0, 1000, 300 * KIB]) {
    const body = seededBytes(1, size);
    const query = { uploadId, partNumber: '7' };
    const answer = await answerOf(uploadPart, world, { body, query });
    t.is(answer.status, 200);
    t.is(answer.headers.get('etag'), `"${hash('md5', body)}"`);
    t.is(lastPart(world)?.partNumber, 7);
    t.true(bytesOfPart(world).equals(body));
  }
});

test('a part needs an open upload and a number from 1 to 10,000', async t => {
  const world = objectWorld(t);
  const uploadId = openUpload(world);
  const body = Buffer.from('a');
  const part = async (query: Record<string, string>): Promise<string | undefined> =>
    (await answerOf(uploadPart, world, { body, query })).code;
  t.is(await part({ uploadId, partNumber: '0' }), 'InvalidArgument');
  t.is(await part({ uploadId, partNumber: '10001' }), 'InvalidArgument');
  t.is(await part({ uploadId, partNumber: 'x' }), 'InvalidArgument');
  t.is(await part({ uploadId }), 'InvalidArgument');
  t.is(await part({ uploadId: 'x', partNumber: '1' }), 'NoSuchUpload');
  t.is(await part({ uploadId: 'f'.repeat(32), partNumber: '1' }), 'NoSuchUpload');
  t.is(await part({ uploadId, partNumber: '10000' }), undefined);
  const row = world.tables.uploads.get(uploadId);
  if (row !== undefined) world.tables.uploads.set(uploadId, { ...row, state: { kind: 'aborted' } });
  t.is(await part({ uploadId, partNumber: '1' }), 'NoSuchUpload');
});

test('a declared checksum is that of every part', async t => {
  const world = objectWorld(t);
  const uploadId = openUpload(world, { algorithm: 'SHA256', type: 'COMPOSITE' });
  const body = Buffer.from('hello');
  const query = { uploadId, partNumber: '1' };
  const sha256 = hash('sha256', body, 'base64');
  const right = { 'x-amz-checksum-sha256': sha256 };
  const answer = await answerOf(uploadPart, world, { body, query, headers: right });
  t.is(answer.headers.get('x-amz-checksum-sha256'), sha256);
  t.deepEqual(lastPart(world)?.checksum, {
    algorithm: 'SHA256',
    type: 'FULL_OBJECT',
    value: sha256,
  });
  t.is((await answerOf(uploadPart, world, { body, query })).code, 'InvalidRequest');
  const other = { 'x-amz-checksum-sha1': hash('sha1', body, 'base64') };
  t.is((await answerOf(uploadPart, world, { body, query, headers: other })).code, 'InvalidRequest');
  const wrong = { 'x-amz-checksum-sha256': hash('sha256', 'x', 'base64') };
  t.is((await answerOf(uploadPart, world, { body, query, headers: wrong })).code, 'BadDigest');
});

test('a range of an object becomes a part; aligned blocks are not sent again', async t => {
  const world = objectWorld(t, { blockBytes: 64 * KIB });
  const source = seededBytes(5, 500 * KIB);
  await answerOf(putObject, world, { body: source });
  const uploadId = openUpload(world, { algorithm: 'CRC32C', type: 'COMPOSITE' });
  const query = { uploadId, partNumber: '2' };
  const ranges = [
    [0, 500 * KIB - 1],
    [64 * KIB, 256 * KIB - 1],
    [1000, 200_000],
    [0, 0],
  ] as const;
  for (const [first, last] of ranges) {
    const stores = world.blocks.count('block-store');
    const headers = {
      'x-amz-copy-source': '/bucket/key',
      'x-amz-copy-source-range': `bytes=${String(first)}-${String(last)}`,
    };
    const answer = await answerOf(uploadPartCopy, world, { query, headers }, directory);
    t.is(answer.status, 200);
    const expected = source.subarray(first, last + 1);
    t.true(answer.body.toString().includes(`&quot;${hash('md5', expected)}&quot;`));
    t.true(answer.body.toString().includes('<CopyPartResult'));
    t.is(lastPart(world)?.checksum?.algorithm, 'CRC32C');
    t.true(bytesOfPart(world).equals(expected));
    const isAligned = first % (64 * KIB) === 0 && last > 0;
    t.is(world.blocks.count('block-store') === stores, isAligned, String(first));
  }
  t.is(world.reader.readerCount, 0);
});

test('a copied part refuses bad ranges, bad sources and buckets that may not be read', async t => {
  const world = objectWorld(t);
  await answerOf(putObject, world, { body: Buffer.from('hello') });
  const query = { uploadId: openUpload(world), partNumber: '2' };
  const codeOf = async (headers: Record<string, string>): Promise<string | undefined> =>
    (await answerOf(uploadPartCopy, world, { query, headers }, directory)).code;
  const source = { 'x-amz-copy-source': 'bucket/key' };
  t.is(await codeOf({ ...source, 'x-amz-copy-source-range': 'bytes=0-5' }), 'InvalidArgument');
  t.is(await codeOf({ ...source, 'x-amz-copy-source-range': 'bytes=3-2' }), 'InvalidArgument');
  t.is(await codeOf({ ...source, 'x-amz-copy-source-if-none-match': '*' }), 'PreconditionFailed');
  t.is(await codeOf({ 'x-amz-copy-source': 'bucket/none' }), 'NoSuchKey');
  t.is(await codeOf({ 'x-amz-copy-source': 'closed/key' }), 'AccessDenied');
  t.is(await codeOf(source), undefined);
});
