import test from 'ava';
import type { ExecutionContext } from 'ava';
import { hash } from 'node:crypto';
import { getObject, headObject } from '../../../gateway/s3/get-object.ts';
import { putObject } from '../../../gateway/s3/put-object.ts';
import type { AttemptId, UploadId, VersionId } from '../../../schemas/ids.ts';
import type { ObjectContent, ObjectVersion, PartRef } from '../../../schemas/records/object-row.ts';
import type { Timestamp } from '../../../schemas/timestamp.ts';
import { BytePayload } from '../../support/byte-payload.ts';
import { answerOf, callOf, servicesOf } from '../../support/object-calls.ts';
import { BUCKET, objectWorld, placeNamed, type ObjectWorld } from '../../support/object-world.ts';
import { seededBytes } from '../../support/seeded-bytes.ts';

const KIB = 1024;

/** An object of each kind of content: within its row, in blocks. */
async function worldWith(t: ExecutionContext, bytes: Buffer): Promise<ObjectWorld> {
  const world = objectWorld(t, { blockBytes: 64 * KIB });
  const put = await answerOf(putObject, world, { body: bytes, headers: { 'content-type': 'a/b' } });
  t.is(put.status, 200);
  return world;
}

for (const size of [3000, 300 * KIB]) {
  test(`ranges of ${String(size)} bytes are told and sent exactly`, async t => {
    const bytes = seededBytes(1, size);
    const world = await worldWith(t, bytes);
    const cases = [
      ['bytes=0-0', 0, 1],
      ['bytes=5-99', 5, 95],
      [`bytes=${String(size - 1)}-`, size - 1, 1],
      ['bytes=-7', size - 7, 7],
      [`bytes=0-${String(size * 2)}`, 0, size],
    ] as const;
    for (const [range, first, length] of cases) {
      for (const handler of [getObject, headObject]) {
        const answer = await answerOf(handler, world, { headers: { range } });
        t.is(answer.status, 206);
        const last = first + length - 1;
        t.is(
          answer.headers.get('content-range'),
          `bytes ${String(first)}-${String(last)}/${String(size)}`,
        );
        t.is(answer.sizeBytes, length);
        if (handler === getObject) {
          t.true(answer.body.equals(bytes.subarray(first, first + length)));
        }
      }
    }
    const beyond = await answerOf(getObject, world, {
      headers: { range: `bytes=${String(size)}-` },
    });
    t.is(beyond.code, 'InvalidRange');
    t.is(beyond.headers.get('content-range'), `bytes */${String(size)}`);
    const ignored = await answerOf(getObject, world, { headers: { range: 'bytes=10-5' } });
    t.is(ignored.status, 200);
    t.true(ignored.body.equals(bytes));
  });
}

test('If-Range with another version gives the whole object', async t => {
  const bytes = seededBytes(1, 100);
  const world = await worldWith(t, bytes);
  const range = 'bytes=0-9';
  const etag = `"${hash('md5', bytes)}"`;
  const same = await answerOf(getObject, world, { headers: { range, 'if-range': etag } });
  t.is(same.status, 206);
  const other = await answerOf(getObject, world, { headers: { range, 'if-range': '"x"' } });
  t.is(other.status, 200);
  t.is(other.body.length, 100);
});

test('a 304 has the validators and no body', async t => {
  const bytes = seededBytes(1, 100);
  const world = await worldWith(t, bytes);
  const etag = `"${hash('md5', bytes)}"`;
  for (const handler of [getObject, headObject]) {
    const answer = await answerOf(handler, world, { headers: { 'if-none-match': etag } });
    t.is(answer.status, 304);
    t.is(answer.headers.get('etag'), etag);
    t.true(answer.headers.has('last-modified'));
    t.is(answer.body.length, 0);
  }
  const failed = await answerOf(getObject, world, { headers: { 'if-match': '"x"' } });
  t.is(failed.code, 'PreconditionFailed');
  t.is(failed.fields?.['Condition'], 'If-Match');
});

test('headers of the answer are chosen by signed requests only', async t => {
  const world = await worldWith(t, seededBytes(1, 100));
  const query = {
    'response-content-type': 'text/html',
    'response-content-disposition': 'inline',
    'response-cache-control': 'no-store',
    'response-content-language': 'fr',
    'response-content-encoding': 'br',
    'response-expires': 'never',
  };
  const answer = await answerOf(getObject, world, { query });
  t.is(answer.status, 200);
  for (const [name, value] of Object.entries(query)) {
    t.is(answer.headers.get(name.slice('response-'.length)), value);
  }
  const anonymous = await answerOf(getObject, world, { query, isAnonymous: true });
  t.is(anonymous.code, 'InvalidRequest');
  const split = { 'response-content-type': 'a\r\nset-cookie: b' };
  t.is((await answerOf(getObject, world, { query: split })).code, 'InvalidArgument');
});

test('what is not there is NoSuchKey, and no version but null is there', async t => {
  const world = await worldWith(t, seededBytes(1, 100));
  t.is((await answerOf(getObject, world, { key: 'other' })).code, 'NoSuchKey');
  t.is((await answerOf(getObject, world, { query: { versionId: 'null' } })).status, 200);
  t.is((await answerOf(getObject, world, { query: { versionId: 'x' } })).code, 'InvalidArgument');
});

test('an object that was not uploaded in parts has one part', async t => {
  const bytes = seededBytes(1, 100);
  const world = await worldWith(t, bytes);
  const one = await answerOf(getObject, world, { query: { partNumber: '1' } });
  t.is(one.status, 206);
  t.is(one.headers.get('content-range'), 'bytes 0-99/100');
  t.false(one.headers.has('x-amz-mp-parts-count'));
  const two = await answerOf(getObject, world, { query: { partNumber: '2' } });
  t.is(two.code, 'InvalidPartNumber');
  for (const partNumber of ['0', '10001', '-1', 'abc', '']) {
    t.is((await answerOf(getObject, world, { query: { partNumber } })).code, 'InvalidArgument');
  }
  const both = { query: { partNumber: '1' }, headers: { range: 'bytes=0-1' } };
  t.is((await answerOf(getObject, world, both)).code, 'InvalidRequest');
});

/** Completes an upload by hand: `sizes` of its parts. */
async function completed(
  world: ObjectWorld,
  sizes: readonly number[],
  how: 'inline' | 'rows',
): Promise<Buffer> {
  const { tables, stamper, writer } = world;
  const uploadId = stamper.now() as string as UploadId;
  tables.uploads.set(uploadId, {
    ...{ uploadId, timestamp: uploadId, state: { kind: 'open' }, headers: [], initiator: '' },
  });
  const parts: PartRef[] = [];
  const bodies: Buffer[] = [];
  for (const [index, sizeBytes] of sizes.entries()) {
    const bytes = seededBytes(index + 100, sizeBytes);
    const partNumber = index * 2 + 1;
    const target = { kind: 'part', place: placeNamed('key'), uploadId, partNumber } as const;
    const plan = { sha256: false, checksum: 'CRC32C' } as const;
    await writer.write(new BytePayload({ bytes, plan }), target);
    const attemptId = [...tables.parts.keys()].at(-1) as AttemptId;
    parts.push({ partNumber, attemptId, sizeBytes });
    bodies.push(bytes);
  }
  const stamp: Timestamp = stamper.now();
  const names = { kind: 'parts', uploadId, partCount: parts.length } as const;
  const content: ObjectContent = how === 'inline' ? { ...names, parts } : names;
  for (let index = 0; index * 512 < parts.length; index += 1) {
    tables.partLists.set(`${stamp}/${String(index)}`, parts.slice(index * 512, index * 512 + 512));
  }
  const whole = Buffer.concat(bodies);
  const row: ObjectVersion = {
    ...{ kind: 'version', timestamp: stamp, versionId: stamp as string as VersionId },
    ...{ sizeBytes: whole.length, etag: `x-${String(parts.length)}`, content, headers: [] },
  };
  tables.objects.set(`${BUCKET}/key`, { row, inline: undefined });
  return whole;
}

for (const how of ['inline', 'rows'] as const) {
  test(`parts are read as one object, by range and by part, with their list in ${how}`, async t => {
    const world = objectWorld(t, { blockBytes: 4 * KIB, slabs: 16 });
    const sizes = [10 * KIB, 300 * KIB, 1, 0, 70 * KIB];
    const whole = await completed(world, sizes, how);
    const got = await answerOf(getObject, world, {});
    t.true(got.body.equals(whole));
    let first = 0;
    for (const [index, size] of sizes.entries()) {
      if (size > 0) {
        const answer = await answerOf(getObject, world, {
          query: { partNumber: String(index + 1) },
          headers: { 'x-amz-checksum-mode': 'ENABLED' },
        });
        t.is(answer.status, 206);
        t.is(answer.headers.get('x-amz-mp-parts-count'), '5');
        t.true(answer.headers.has('x-amz-checksum-crc32c'));
        t.true(answer.body.equals(whole.subarray(first, first + size)));
      }
      first += size;
    }
    const missing = await answerOf(getObject, world, { query: { partNumber: '6' } });
    t.is(missing.code, 'InvalidPartNumber');
    for (const [from, to] of [
      [0, 0],
      [10 * KIB - 1, 10 * KIB],
      [200_000, 350_000],
      [310 * KIB - 1, 310 * KIB + 1],
      [whole.length - 5, whole.length - 1],
    ] as const) {
      const headers = { range: `bytes=${String(from)}-${String(to)}` };
      const answer = await answerOf(getObject, world, { headers });
      t.true(answer.body.equals(whole.subarray(from, to + 1)), headers.range);
    }
    t.is(world.reader.readerCount, 0);
  });
}

test('600 parts are found through rows of their list', async t => {
  const world = objectWorld(t);
  const sizes = Array.from({ length: 600 }, (_, index) => index % 7);
  const whole = await completed(world, sizes, 'rows');
  t.true((await answerOf(getObject, world, {})).body.equals(whole));
  const part = await answerOf(getObject, world, { query: { partNumber: '560' } });
  t.is(part.body.length, 559 % 7);
});

test('a damaged first block is an error, not a broken success', async t => {
  const world = await worldWith(t, seededBytes(1, 300 * KIB));
  const cases = [
    ['damaged', 'InternalError'],
    ['unavailable', 'ServiceUnavailable'],
    ['overloaded', 'SlowDown'],
    ['absent', 'InternalError'],
  ] as const;
  for (const [kind, code] of cases) {
    world.blocks.interfere = () => ({ kind }) as never;
    t.is((await answerOf(getObject, world, {})).code, code);
    t.is(world.reader.readerCount, 0);
  }
});

test('damage in the middle ends the body with a failure, never with other bytes', async t => {
  const world = await worldWith(t, seededBytes(1, 300 * KIB));
  let reads = 0;
  world.blocks.interfere = () => {
    reads += 1;
    return reads > 2 ? { kind: 'damaged' } : undefined;
  };
  const reply = await getObject(callOf({}), servicesOf(world));
  t.is(reply.status, 200);
  const source = reply.body?.kind === 'stream' ? reply.body.source : undefined;
  const readAll = async (): Promise<void> => {
    while ((await source?.next()) !== undefined);
  };
  await t.throwsAsync(readAll);
  t.is(world.reader.readerCount, 0);
});

test('an object that is overwritten before its first byte is looked up again', async t => {
  const world = await worldWith(t, seededBytes(1, 300 * KIB));
  const second = seededBytes(2, 200 * KIB);
  const firstBlock = [...world.blocks.blocks.keys()][0];
  let isFirst = true;
  await world.writer.write(new BytePayload({ bytes: second }), {
    ...{ kind: 'version', place: placeNamed('next'), headers: [] },
  });
  world.blocks.interfere = request => {
    if (!isFirst || request.kind !== 'block-read' || request.hash !== firstBlock) return undefined;
    isFirst = false;
    const next = world.tables.objects.get(`${BUCKET}/next`);
    if (next !== undefined) world.tables.objects.set(`${BUCKET}/key`, next);
    return { kind: 'absent' };
  };
  const got = await answerOf(getObject, world, {});
  t.is(got.status, 200);
  t.true(got.body.equals(second));
});
