// Method: owners in every standing are asked about on one partition; those that were reported dead
// must be refused from then on, after a crash too.
import test from 'ava';
import {
  objectRowKey,
  openUploadRowKey,
  partListRowKey,
} from '../../../actors/partition/row-keys.ts';
import { PART_LIST_INLINE_MAX } from '../../../schemas/limits.ts';
import type { TableReply } from '../../../schemas/messages/table.ts';
import type { BlockOwner } from '../../../schemas/records/block-owner.ts';
import type { PartRow } from '../../../schemas/records/upload-row.ts';
import { TABLE } from '../../../schemas/row-tables.ts';
import type { Fixture } from './partition-fixture.ts';
import {
  at,
  complete,
  createUpload,
  DEAD_STAMPER,
  partition,
  partOf,
  put,
  putBlocks,
  refOf,
  stamp,
  tablePartition,
  uploadId,
  versionId,
  writePart,
} from './partition-fixture.ts';

const id = uploadId(1);

function version(key: string, tick: number, stamper?: string): BlockOwner {
  return { kind: 'version', ...at(key), versionId: versionId(tick, stamper) };
}

function attempt(key: string, { uploadId: of, partNumber, attemptId }: PartRow): BlockOwner {
  return { kind: 'part', ...at(key), uploadId: of, partNumber, attemptId };
}

async function check(
  f: Fixture,
  owners: readonly BlockOwner[],
  mayBeUnderWay = false,
): Promise<readonly string[]> {
  const asked = owners.map(owner => ({ owner, mayBeUnderWay }));
  const reply = await f.ask({ kind: 'owners-check', owners: asked });
  if (reply.kind !== 'owners') throw new Error(reply.kind);
  return reply.states;
}

function abort(f: Fixture, owner: BlockOwner): Promise<TableReply> {
  return f.ask({ kind: 'owner-abort', owner });
}

test('the version that stands there lives, and one that may be under way is left alone', async t => {
  const f = tablePartition();
  await f.ask(putBlocks('a', 5));
  t.deepEqual(await check(f, [version('a', 5)]), ['live']);
  t.deepEqual(await check(f, [version('a', 6), version('b', 7)], true), ['under-way', 'under-way']);
  t.is(f.rows(TABLE.abortedMark).length, 0);
});

test('a version that is reported dead can never be stored, after a crash either', async t => {
  const f = tablePartition();
  t.deepEqual(await check(f, [version('a', 5)]), ['dead']);
  t.deepEqual(await f.ask(putBlocks('a', 5)), { kind: 'aborted' });
  const after = f.crash();
  t.deepEqual(await after.ask(putBlocks('a', 5)), { kind: 'aborted' });
  t.deepEqual(await check(after, [version('a', 5)], true), ['dead'], 'dead stays dead');
  t.is(after.rows(TABLE.abortedMark).length, 1);
});

test('a mark is durable before anybody is told', async t => {
  const f = tablePartition();
  f.store.failNext('lost');
  const reply = await f.ask({
    kind: 'owners-check',
    owners: [{ owner: version('a', 5), mayBeUnderWay: false }],
  });
  t.deepEqual(reply, { kind: 'unknown' });
  await f.store.whenOpen();
  t.is((await f.ask(putBlocks('a', 5))).kind, 'written');
});

test('a write and the question whether it lives are decided in the order they came', async t => {
  const f = tablePartition();
  const first = await Promise.all([f.ask(putBlocks('a', 5)), check(f, [version('a', 5)])]);
  t.deepEqual(first, [{ kind: 'written' }, ['live']]);
  const second = await Promise.all([check(f, [version('b', 6)]), f.ask(putBlocks('b', 6))]);
  t.deepEqual(second, [['dead'], { kind: 'aborted' }]);
});

test('a writer that gives up is told when its version was stored all the same', async t => {
  const f = tablePartition();
  await f.ask(putBlocks('a', 5));
  t.deepEqual(await abort(f, version('a', 5)), { kind: 'owners', states: ['live'] });
  t.deepEqual(await abort(f, version('a', 6)), { kind: 'aborted' });
  t.deepEqual(await abort(f, version('a', 6)), { kind: 'aborted' });
  t.deepEqual(await f.ask(putBlocks('a', 6)), { kind: 'aborted' });
  t.is(f.rows(TABLE.abortedMark).length, 1);
});

test('versions whose bytes are inline are never stopped by a mark', async t => {
  const f = tablePartition();
  await abort(f, version('a', 5));
  t.is((await f.ask(put('a', 5))).kind, 'written');
});

test('an attempt lives while its upload is open, and then only if it was chosen', async t => {
  const f = tablePartition();
  const chosen = partOf(id, 1, 10);
  const other = partOf(id, 1, 11);
  const never = partOf(id, 2, 12);
  await f.ask(createUpload('a', id));
  await f.ask(writePart('a', chosen));
  await f.ask(writePart('a', other));
  const owners = [chosen, other, never].map(part => attempt('a', part));
  t.deepEqual(await check(f, owners, true), ['live', 'live', 'under-way']);
  t.deepEqual(await check(f, owners), ['live', 'live', 'dead']);
  t.deepEqual(await f.ask(writePart('a', never)), { kind: 'aborted' });
  await f.ask(complete('a', id, { tick: 20, parts: [refOf(chosen)] }));
  t.deepEqual(await check(f, owners), ['live', 'dead', 'dead']);
  await f.ask(put('a', 30));
  t.deepEqual(await check(f, owners), ['dead', 'dead', 'dead']);
});

test('attempts of a long list are found in its rows, and a hole in them is not taken for death', async t => {
  const f = tablePartition();
  await f.ask(createUpload('a', id));
  const parts: PartRow[] = [];
  for (let number = 1; number <= PART_LIST_INLINE_MAX + 1; number += 1) {
    const part = partOf(id, number, 100 + number);
    parts.push(part);
    await f.ask(writePart('a', part));
  }
  await f.ask(complete('a', id, { tick: 999, parts: parts.map(refOf) }));
  const owners = [parts[0]!, parts[parts.length - 1]!].map(part => attempt('a', part));
  t.deepEqual(await check(f, owners), ['live', 'live']);
  f.store.damage(partListRowKey(partition, versionId(999), 0));
  t.deepEqual(await check(f, owners), ['under-way', 'under-way']);
  await f.store.commit([{ kind: 'delete', key: partListRowKey(partition, versionId(999), 0) }]);
  t.deepEqual(await check(f, owners), ['under-way', 'under-way']);
});

test('attempts of an upload that was aborted, or that nobody knows, are dead', async t => {
  const f = tablePartition();
  const part = partOf(id, 1, 10);
  await f.ask(createUpload('a', id));
  await f.ask(writePart('a', part));
  await f.ask({ kind: 'upload-abort', place: at('a'), uploadId: id, timestamp: stamp(20) });
  const unknown = attempt('b', partOf(uploadId(2), 1, 11));
  t.deepEqual(await check(f, [attempt('a', part), unknown], true), ['dead', 'dead']);
});

test('where a row is damaged nobody is declared dead', async t => {
  const f = tablePartition();
  const part = partOf(id, 1, 10);
  await f.ask(putBlocks('a', 5));
  await f.ask(createUpload('a', id));
  await f.ask(writePart('a', part));
  f.store.damage(objectRowKey(partition, at('a')));
  f.store.damage(openUploadRowKey(partition, at('a'), id));
  t.deepEqual(await check(f, [version('a', 5), version('a', 6)]), ['under-way', 'under-way']);
  t.deepEqual(await check(f, [attempt('a', part)]), ['live']);
  t.deepEqual(await abort(f, version('a', 5)), { kind: 'damaged' });
});

test('what a damaged and overwritten version had completed is given back when it is met', async t => {
  const f = tablePartition();
  const part = partOf(id, 1, 10);
  await f.ask(createUpload('a', id));
  await f.ask(writePart('a', part));
  await f.ask(complete('a', id, { tick: 20, parts: [refOf(part)] }));
  f.store.damage(objectRowKey(partition, at('a')));
  await f.ask(put('a', 30));
  t.is(f.rows(TABLE.release).length, 0);
  t.deepEqual(await check(f, [attempt('a', part)]), ['dead']);
  t.is(f.rows(TABLE.release).length, 1);
  await check(f, [attempt('a', part)]);
  t.is(f.rows(TABLE.release).length, 1);
});

test('owners of a process that is no more die though nobody marked them before', async t => {
  const f = tablePartition();
  t.deepEqual(await check(f, [version('a', 5, DEAD_STAMPER)]), ['dead']);
});
