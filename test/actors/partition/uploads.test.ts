// Method: uploads from beginning to end on one partition; rows and counters are looked at beside
// the answers. Listings are compared with the naive twin.
import test from 'ava';
import fc from 'fast-check';
import type { AttemptId, ObjectKey, UploadId } from '../../../schemas/ids.ts';
import { PART_LIST_INLINE_MAX, PART_LIST_ROW_PARTS } from '../../../schemas/limits.ts';
import type { TableReply } from '../../../schemas/messages/table.ts';
import type { BucketCounters } from '../../../schemas/records/bucket-counters.ts';
import type { PartRef } from '../../../schemas/records/object-row.ts';
import { decodeReleaseEntry } from '../../../schemas/records/release-entry.ts';
import { TABLE } from '../../../schemas/row-tables.ts';
import { openUploadRowKey } from '../../../actors/partition/row-keys.ts';
import { byBytes, listNaively } from './naive-listing.ts';
import type { Fixture } from './partition-fixture.ts';
import {
  at,
  attemptId,
  bucket,
  complete,
  createUpload,
  partition,
  partOf,
  put,
  refOf,
  remove,
  stamp,
  tablePartition,
  uploadId,
  versionId,
  writePart,
} from './partition-fixture.ts';

const id = uploadId(1);

async function counters(f: Fixture): Promise<BucketCounters> {
  const reply = await f.ask({ kind: 'counters-read', bucket });
  if (reply.kind !== 'counters') throw new Error(reply.kind);
  return reply.counters;
}

function listParts(f: Fixture, after = 0, limit = 1000): Promise<TableReply> {
  return f.ask({ kind: 'part-list', place: at('a'), uploadId: id, after, limit });
}

test('an upload lives from its beginning to its completion, and its object after that', async t => {
  const f = tablePartition();
  t.is((await f.ask(createUpload('a', id))).kind, 'written');
  t.is((await f.ask(createUpload('a', id))).kind, 'written', 'told twice');
  const one = partOf(id, 1, 2, 100);
  const two = partOf(id, 2, 3, 50);
  t.is((await f.ask(writePart('a', one))).kind, 'written');
  t.is((await f.ask(writePart('a', one))).kind, 'written', 'told twice');
  t.is((await f.ask(writePart('a', two))).kind, 'written');
  const open = { objects: 0, bytes: 0, uploads: 1, uploadParts: 2, uploadBytes: 150 };
  t.deepEqual(await counters(f), open);
  const write = complete('a', id, { tick: 4, parts: [refOf(one), refOf(two)] });
  t.deepEqual(await f.ask(write), { kind: 'written' });
  const done = { objects: 1, bytes: 150, uploads: 0, uploadParts: 0, uploadBytes: 0 };
  t.deepEqual(await counters(f), done);
  t.is(f.rows(TABLE.release).length, 0, 'nothing was left over');
  const read = { kind: 'part-read', place: at('a'), uploadId: id } as const;
  const { partNumber, attemptId: attempt } = two;
  t.deepEqual(await f.ask({ ...read, partNumber, attemptId: attempt }), {
    kind: 'part',
    part: two,
  });
  t.deepEqual(await f.ask({ ...read, partNumber: 9, attemptId: attempt }), { kind: 'part' });
  const object = await f.ask({ kind: 'object-read', place: at('a'), want: 'content' });
  t.true(object.kind === 'object' && object.row?.kind === 'version');
  t.deepEqual(await listParts(f), { kind: 'no-such-upload' });
});

test('completing is done once: a repetition is told so, another upload is not found', async t => {
  const f = tablePartition();
  await f.ask(createUpload('a', id));
  const part = partOf(id, 1, 2);
  await f.ask(writePart('a', part));
  const parts = [refOf(part)];
  const write = complete('a', id, { tick: 4, parts });
  await f.ask(write);
  t.deepEqual(await f.ask(write), { kind: 'written' }, 'the same message');
  const again = await f.ask(complete('a', id, { tick: 5, parts }));
  const etag = write.row.kind === 'version' ? write.row.etag : '';
  t.deepEqual(again, { kind: 'completed-before', versionId: versionId(4), etag });
  const otherEtag = complete('a', id, {
    tick: 6,
    parts: [...parts, { ...parts[0]!, partNumber: 2 }],
  });
  t.deepEqual(await f.ask(otherEtag), { kind: 'no-such-upload' });
  t.deepEqual(await f.ask(writePart('a', partOf(id, 2, 7))), { kind: 'no-such-upload' });
  await f.ask(put('a', 8));
  t.deepEqual(await f.ask(complete('a', id, { tick: 9, parts })), { kind: 'no-such-upload' });
  const unknown = complete('a', uploadId(99), { tick: 9, parts });
  t.deepEqual(await f.ask(unknown), { kind: 'no-such-upload' });
});

test('a completion that a condition or a newer row stops leaves the upload open', async t => {
  const f = tablePartition();
  await f.ask(put('a', 9));
  await f.ask(createUpload('a', id));
  const part = partOf(id, 1, 2);
  await f.ask(writePart('a', part));
  const parts = [refOf(part)];
  const older = await f.ask(complete('a', id, { tick: 5, parts }));
  t.deepEqual(older, { kind: 'older', newest: stamp(9) });
  const ifNew = { ...complete('a', id, { tick: 10, parts }), condition: { ifNoneMatch: 'any' } };
  t.is((await f.ask(ifNew as ReturnType<typeof complete>)).kind, 'condition-failed');
  t.is((await listParts(f)).kind, 'parts');
  const done = await f.ask(complete('a', id, { tick: 11, parts }));
  t.deepEqual(done, { kind: 'written', replaced: { sizeBytes: 3 } });
});

test('attempts that were not chosen are queued for release with the completion', async t => {
  const f = tablePartition();
  await f.ask(createUpload('a', id));
  const first = partOf(id, 1, 2);
  const second = partOf(id, 1, 3);
  await Promise.all([f.ask(writePart('a', first)), f.ask(writePart('a', second))]);
  await f.ask(complete('a', id, { tick: 4, parts: [refOf(second)] }));
  const [entry] = f.rows(TABLE.release);
  t.deepEqual(entry && decodeReleaseEntry(entry.value), {
    kind: 'leftovers',
    place: at('a'),
    uploadId: id,
    versionId: versionId(4),
  });
  t.is(f.kicks.count, 1);
});

for (const count of [PART_LIST_INLINE_MAX, PART_LIST_INLINE_MAX + 1, PART_LIST_ROW_PARTS + 7]) {
  test(`all ${String(count)} parts of a version are found again`, async t => {
    const f = tablePartition();
    await f.ask(createUpload('a', id));
    const parts: PartRef[] = [];
    for (let number = 1; number <= count; number += 1) {
      const part = partOf(id, number, number + 10, 5);
      parts.push(refOf(part));
      await f.ask(writePart('a', part));
    }
    await f.ask(complete('a', id, { tick: 99_999, parts }));
    const object = await f.ask({ kind: 'object-read', place: at('a'), want: 'row' });
    const row = object.kind === 'object' ? object.row : undefined;
    const content = row?.kind === 'version' ? row.content : undefined;
    if (content?.kind !== 'parts') {
      t.fail();
      return;
    }
    t.is(content.partCount, count);
    t.is(content.parts === undefined, count > PART_LIST_INLINE_MAX);
    const listed = [...(content.parts ?? [])];
    for (let index = 0; listed.length < count; index += 1) {
      const reply = await f.ask({
        kind: 'version-parts-read',
        place: at('a'),
        versionId: versionId(99_999),
        index,
      });
      if (reply.kind !== 'version-parts' || reply.parts.length === 0) break;
      listed.push(...reply.parts);
    }
    t.deepEqual(listed, parts);
  });
}

test('an aborted upload takes no more parts, and its parts no longer count', async t => {
  const f = tablePartition();
  await f.ask(createUpload('a', id));
  await f.ask(writePart('a', partOf(id, 1, 2)));
  const abort = {
    kind: 'upload-abort',
    place: at('a'),
    uploadId: id,
    timestamp: stamp(3),
  } as const;
  t.is((await f.ask(abort)).kind, 'written');
  t.is((await f.ask(abort)).kind, 'written', 'told twice');
  t.is((await f.ask({ ...abort, timestamp: stamp(4) })).kind, 'no-such-upload');
  t.is((await f.ask(createUpload('a', id))).kind, 'no-such-upload', 'it stays ended');
  t.is((await f.ask(writePart('a', partOf(id, 1, 5)))).kind, 'no-such-upload');
  t.deepEqual(await counters(f), {
    objects: 0,
    bytes: 0,
    uploads: 0,
    uploadParts: 0,
    uploadBytes: 0,
  });
  t.is(f.kicks.count, 1);
  const read = await f.ask({ kind: 'upload-read', place: at('a'), uploadId: id });
  t.true(read.kind === 'upload' && read.upload.state.kind === 'aborted');
});

test('an upload whose row is damaged can be given up, and its bucket is counted again', async t => {
  const f = tablePartition();
  await f.ask(createUpload('a', id));
  await f.ask(createUpload('b', uploadId(2)));
  await f.ask(writePart('a', partOf(id, 1, 3)));
  f.store.damage(openUploadRowKey(partition, at('a'), id));
  t.is((await f.ask(writePart('a', partOf(id, 2, 4)))).kind, 'damaged');
  const abort = {
    kind: 'upload-abort',
    place: at('a'),
    uploadId: id,
    timestamp: stamp(5),
  } as const;
  t.is((await f.ask(abort)).kind, 'written');
  for (let turns = 0; turns < 20; turns += 1) await f.table.change(() => undefined);
  const { uploads, uploadParts, uploadBytes } = await counters(f);
  t.deepEqual([uploads, uploadParts, uploadBytes], [1, 0, 0]);
});

test('a closed bucket takes neither uploads nor parts', async t => {
  const f = tablePartition();
  await f.ask(createUpload('a', id));
  await f.ask({ kind: 'bucket-fence', bucket, token: 'x' });
  t.is((await f.ask(createUpload('b', uploadId(2)))).kind, 'bucket-closed');
  t.is((await f.ask(writePart('a', partOf(id, 1, 2)))).kind, 'bucket-closed');
  const probe = await f.ask({ kind: 'bucket-probe', bucket, shard: 0 });
  t.deepEqual(probe, { kind: 'probed', empty: false });
});

test('the newest attempt at each part is listed, page by page', async t => {
  const f = tablePartition();
  const attempts = fc.array(
    fc.record({ number: fc.integer({ min: 1, max: 12 }), at: fc.nat(50) }),
    {
      maxLength: 30,
    },
  );
  const property = fc.asyncProperty(
    attempts,
    fc.integer({ min: 1, max: 5 }),
    async (made, limit) => {
      const g = tablePartition();
      await g.ask(createUpload('a', id));
      const newest = new Map<number, AttemptId>();
      const best = new Map<number, number>();
      for (const [index, { number, at: tick }] of made.entries()) {
        const part = { ...partOf(id, number, tick + 10), attemptId: attemptId(100 + index) };
        await g.ask(writePart('a', part));
        if (tick >= (best.get(number) ?? -1)) {
          best.set(number, tick);
          newest.set(number, part.attemptId);
        }
      }
      const listed: [number, AttemptId][] = [];
      for (let after = 0; ;) {
        const page = await listParts(g, after, limit);
        if (page.kind !== 'parts') throw new Error(page.kind);
        listed.push(
          ...page.parts.map(part => [part.partNumber, part.attemptId] as [number, AttemptId]),
        );
        t.is(page.truncated, listed.length < newest.size);
        if (!page.truncated) break;
        after = listed[listed.length - 1]![0];
      }
      t.deepEqual(
        listed,
        [...newest].sort(([a], [b]) => a - b),
      );
    },
  );
  await fc.assert(property, { numRuns: 60 });
  t.is((await listParts(f)).kind, 'no-such-upload');
});

const characters = fc.constantFrom('a', 'b', '/', '-', '\0', '\u0001', '\uffee', '😀');
const texts = (min: number, max: number) =>
  fc.string({ unit: characters, minLength: min, maxLength: max });

test('listing uploads agrees with the naive twin: by key, then in the order they began', async t => {
  const worlds = fc.record({
    keys: fc.array(texts(1, 5), { maxLength: 25 }),
    prefix: texts(0, 2),
    delimiter: fc.oneof(fc.constantFrom('', '/', '/-'), texts(0, 2)),
    limit: fc.integer({ min: 1, max: 6 }),
  });
  const property = fc.asyncProperty(worlds, async ({ keys, prefix, delimiter, limit }) => {
    const f = tablePartition();
    const uploads = keys.map((key, index) => ({ key, id: uploadId(index + 1) }));
    await Promise.all(uploads.map(({ key, id: made }) => f.ask(createUpload(key, made))));
    const sorted = [...uploads].sort((a, b) => byBytes(a.key, b.key) || (a.id < b.id ? -1 : 1));
    const expected = listNaively(keys, { prefix, delimiter }).flatMap(entry =>
      entry.kind === 'prefix'
        ? [entry.name]
        : sorted
            .filter(({ key }) => key === entry.name)
            .map(({ key, id: made }) => `${key} ${made}`),
    );
    const found: string[] = [];
    let after: { key: string; uploadId?: UploadId } | undefined;
    for (;;) {
      const base = { kind: 'upload-list', bucket, shard: 0, prefix, delimiter, limit } as const;
      const page = await f.ask(after === undefined ? base : { ...base, after });
      if (page.kind !== 'upload-page') throw new Error(page.kind);
      for (const entry of page.entries) {
        if (entry.kind === 'prefix') after = { key: entry.prefix };
        else after = { key: entry.key, uploadId: entry.upload.uploadId };
        found.push(
          entry.kind === 'prefix' ? entry.prefix : `${entry.key} ${entry.upload.uploadId}`,
        );
      }
      t.is(page.truncated, found.length < expected.length);
      if (!page.truncated) break;
    }
    t.deepEqual(found, expected);
  });
  await fc.assert(property, { numRuns: 200 });
});

test('behind a key without an upload id, the next key follows', async t => {
  const f = tablePartition();
  await f.ask(createUpload('a', uploadId(1)));
  await f.ask(createUpload('a', uploadId(2)));
  await f.ask(createUpload('a\0', uploadId(3)));
  const list = {
    kind: 'upload-list',
    bucket,
    shard: 0,
    prefix: '',
    delimiter: '',
    limit: 9,
  } as const;
  const reply = await f.ask({ ...list, after: { key: 'a' } });
  t.true(reply.kind === 'upload-page');
  const entries = reply.kind === 'upload-page' ? reply.entries : [];
  const key = 'a\0' as ObjectKey;
  t.deepEqual(
    entries.map(entry => (entry.kind === 'upload' ? entry.key : '')),
    [key],
  );
});

test('an object is deleted beside its open uploads, which stay', async t => {
  const f = tablePartition();
  await f.ask(put('a', 1));
  await f.ask(createUpload('a', uploadId(2)));
  await f.ask(remove('a', 3));
  t.is((await counters(f)).uploads, 1);
});
