// Method: one partition on a store in memory; what is durable is looked at beside what was
// answered.
import test from 'ava';
import { INLINE_BYTES_MAX } from '../../../schemas/limits.ts';
import type { ObjectWrite, TableReply, WriteCondition } from '../../../schemas/messages/table.ts';
import { SEAL_TAG_BYTES } from '../../../schemas/records/customer-encryption.ts';
import { decodeReleaseEntry } from '../../../schemas/records/release-entry.ts';
import { TABLE } from '../../../schemas/row-tables.ts';
import { STAMP_AHEAD_MS_MAX } from '../../../actors/partition/object-writes.ts';
import { countersRowKey, objectRowKey, roundRowKey } from '../../../actors/partition/row-keys.ts';
import type { Timestamp } from '../../../schemas/timestamp.ts';
import { makeTimestamp, timestampMs } from '../../../schemas/timestamp.ts';
import { StoreUnavailableError } from '../../../actors/storage/store.ts';
import type { Fixture } from './partition-fixture.ts';
import {
  at,
  bucket,
  etag,
  inlineVersion,
  LIVE_STAMPER,
  partition,
  put,
  putBlocks,
  remove,
  stamp,
  tablePartition,
  versionId,
} from './partition-fixture.ts';

async function read(f: Fixture, key: string): Promise<Extract<TableReply, { kind: 'object' }>> {
  const reply = await f.ask({ kind: 'object-read', place: at(key), want: 'content' });
  if (reply.kind !== 'object') throw new Error(reply.kind);
  return reply;
}

async function counters(f: Fixture): Promise<readonly [objects: number, bytes: number]> {
  const reply = await f.ask({ kind: 'counters-read', bucket });
  if (reply.kind !== 'counters') throw new Error(reply.kind);
  return [reply.counters.objects, reply.counters.bytes];
}

test('what was written is read back with its bytes, in one answer without a promise', async t => {
  const f = tablePartition();
  const write = put('a', 1, 5);
  t.deepEqual(await f.ask(write), { kind: 'written' });
  const context = { deadlineAtMs: Number.POSITIVE_INFINITY };
  const request = { kind: 'object-read', place: at('a'), want: 'content' } as const;
  const reply = f.table.receive(request, context);
  t.deepEqual(reply, { kind: 'object', row: write.row, inline: write.inline });
  const row = await f.ask({ kind: 'object-read', place: at('a'), want: 'row' });
  t.deepEqual(row, { kind: 'object', row: write.row });
  t.deepEqual(await read(f, 'absent'), { kind: 'object' });
});

test('a write that arrives at an idle partition is committed in the same tick', async t => {
  const f = tablePartition();
  let commits = 0;
  const { commit } = f.store;
  f.store.commit = operations => {
    commits += 1;
    return commit.call(f.store, operations);
  };
  const answers = [f.ask(put('a', 1)), f.ask(put('b', 2)), f.ask(put('c', 3))];
  t.is(commits, 1);
  await Promise.all(answers);
  t.is(commits, 2, 'the two that came meanwhile went together');
});

test('nothing is visible before it is durable', async t => {
  const f = tablePartition();
  f.store.hold();
  const answer = f.ask(put('a', 1));
  t.deepEqual(await read(f, 'a'), { kind: 'object' });
  t.deepEqual(await counters(f), [0, 0]);
  f.store.release();
  await answer;
  t.is((await read(f, 'a')).row?.timestamp, stamp(1));
  t.deepEqual(await counters(f), [1, 3]);
});

test('a write at or below the stored stamp is told the newest, and that of a deletion', async t => {
  const f = tablePartition();
  await f.ask(put('a', 5));
  t.deepEqual(await f.ask(put('a', 4)), { kind: 'older', newest: stamp(5) });
  t.deepEqual(await f.ask(remove('a', 4)), { kind: 'older', newest: stamp(5) });
  t.deepEqual(await f.ask(remove('a', 6)), { kind: 'written', replaced: { sizeBytes: 3 } });
  const forgotten = { kind: 'older', newest: stamp(6), isForgotten: true } as const;
  t.deepEqual(await f.ask(put('a', 5)), forgotten);
  t.deepEqual(await f.ask(put('b', 6)), forgotten, 'nobody knows any more which keys there were');
  t.deepEqual(await f.ask(put('a', 7)), { kind: 'written' });
});

test('who is alone deletes without a trace but the mark, and knows it after a restart', async t => {
  const f = tablePartition();
  await f.ask(put('a', 1));
  await f.ask(putBlocks('b', 2));
  await f.ask(remove('a', 5));
  await f.ask(remove('b', 4));
  t.is(f.rows(TABLE.object).length, 0);
  t.is(f.rows(TABLE.inline).length, 0);
  t.is(f.rows(TABLE.tombstone).length, 0);
  const after = f.crash();
  const forgotten = { kind: 'older', newest: stamp(5), isForgotten: true } as const;
  t.deepEqual(await after.ask(put('b', 3)), forgotten);
  t.deepEqual(await after.ask(put('b', 6)), { kind: 'written' });
});

test('a write that is raised above a deletion of the far future is taken', async t => {
  const f = tablePartition();
  const ahead = f.environment.clock.wallMs() + STAMP_AHEAD_MS_MAX;
  const far = (ms: number): Timestamp => makeTimestamp(ms, 0, LIVE_STAMPER);
  const stored = put('a', 1);
  await f.ask({ ...stored, row: { ...stored.row, timestamp: far(ahead) } });
  const removal = remove('a', 2);
  const removed = { ...removal, row: { ...removal.row, timestamp: far(ahead + 1) } };
  t.is((await f.ask(removed)).kind, 'written');
  const later = put('b', 3);
  const raised = { ...later, row: { ...later.row, timestamp: far(ahead + 2) } };
  t.is((await f.ask(raised)).kind, 'written');
  const alone = { ...later, row: { ...later.row, timestamp: far(ahead + 9000) } };
  t.is((await f.ask({ ...alone, place: at('c') })).kind, 'stamp-ahead');
});

test('where the mark is damaged, what was sent before is raised', async t => {
  const f = tablePartition();
  await f.ask(put('a', 1));
  await f.ask(remove('a', 2));
  f.store.damage(roundRowKey(partition));
  const after = f.crash();
  const reply = await after.ask(put('b', 0));
  t.true(reply.kind === 'older' && reply.isForgotten === true && reply.newest > stamp(0));
});

test('the same write told twice is stored once', async t => {
  const f = tablePartition();
  const write = put('a', 1);
  t.deepEqual(await Promise.all([f.ask(write), f.ask(write)]), [
    { kind: 'written' },
    { kind: 'written' },
  ]);
  t.deepEqual(await counters(f), [1, 3]);
});

test('replacing and deleting take the old bytes and their count along', async t => {
  const f = tablePartition();
  await f.ask(put('a', 1, 10));
  t.deepEqual(await f.ask(put('a', 2, 4)), { kind: 'written', replaced: { sizeBytes: 10 } });
  t.is(f.rows(TABLE.inline).length, 1);
  t.deepEqual(await counters(f), [1, 4]);
  await f.ask(put('a', 3, 0));
  t.is(f.rows(TABLE.inline).length, 0);
  await f.ask(remove('a', 4));
  t.deepEqual(await counters(f), [0, 0]);
  t.is(f.rows(TABLE.counters).length, 0, 'a bucket without anything has no row');
});

test('deleting what is absent writes nothing where this is the only replica', async t => {
  const alone = tablePartition();
  t.deepEqual(await alone.ask(remove('a', 1)), { kind: 'written' });
  t.is(alone.store.rowCount, 0);
  const one = tablePartition({ soleReplica: false });
  t.deepEqual(await one.ask(remove('a', 1)), { kind: 'written' });
  t.is(one.rows(TABLE.object).length, 1);
});

test('a version with blocks is queued for release in the batch that supersedes it', async t => {
  const f = tablePartition();
  await f.ask(putBlocks('a', 1));
  t.is(f.kicks.count, 0);
  await f.ask(put('a', 2));
  const [entry] = f.rows(TABLE.release);
  t.deepEqual(entry && decodeReleaseEntry(entry.value), {
    kind: 'version',
    place: at('a'),
    versionId: versionId(1),
    content: contentOf(putBlocks('a', 1)),
  });
  t.is(f.kicks.count, 1);
});

test('a version that is written again under a raised stamp keeps what it holds', async t => {
  const f = tablePartition();
  const write = putBlocks('a', 1);
  await f.ask(write);
  const raised = { ...write, row: { ...write.row, timestamp: stamp(9) } };
  t.deepEqual(await f.ask(raised), { kind: 'written' });
  t.is(f.rows(TABLE.release).length, 0);
  t.deepEqual(await counters(f), [1, 5000]);
});

test('If-Match and If-None-Match are decided in the step that writes', async t => {
  const f = tablePartition();
  const ifNew = { condition: { ifNoneMatch: 'any' } } as const;
  const both = await Promise.all([
    f.ask({ ...put('a', 1), ...ifNew }),
    f.ask({ ...put('a', 2), ...ifNew }),
  ]);
  t.deepEqual(
    both.map(reply => reply.kind),
    ['written', 'condition-failed'],
  );
  const failed = (because: string) => ({ kind: 'condition-failed', because });
  const ifMatch = (key: string, tick: number, tags: readonly string[] | 'any') =>
    f.ask({ ...put(key, tick), condition: { ifMatch: tags } });
  t.deepEqual(await ifMatch('a', 3, [etag(99)]), failed('mismatch'));
  t.deepEqual(await ifMatch('b', 3, 'any'), failed('absent'));
  t.is((await ifMatch('a', 3, [etag(99), etag(1)])).kind, 'written');
  const none = { ...put('a', 4), condition: { ifNoneMatch: [etag(3)] } };
  t.deepEqual(await f.ask(none), failed('mismatch'));
  await f.ask(remove('a', 5));
  t.deepEqual(await ifMatch('a', 6, 'any'), failed('absent'));
  t.is((await f.ask({ ...put('a', 7), ...ifNew })).kind, 'written');
  const removal: ObjectWrite = { ...remove('a', 8), condition: { ifMatch: [etag(1)] } };
  t.deepEqual(await f.ask(removal), failed('mismatch'));
});

test('a deletion may name the second and the size of what it deletes', async t => {
  const f = tablePartition();
  const ms = timestampMs(stamp(678));
  const delete_ = (key: string, tick: number, condition: WriteCondition) =>
    f.ask({ ...remove(key, tick), condition });
  const failed = { kind: 'condition-failed', because: 'mismatch' };
  await f.ask(put('a', 678, 5));
  t.deepEqual(await delete_('a', 700, { ifSizeBytes: 4 }), failed);
  t.deepEqual(await delete_('a', 700, { ifModifiedMs: ms + 1000 }), failed);
  t.deepEqual(await delete_('a', 700, { ifModifiedMs: ms - 678 - 1 }), failed);
  t.deepEqual(await delete_('a', 700, { ifModifiedMs: ms, ifSizeBytes: 4 }), failed);
  t.deepEqual(await delete_('a', 700, { ifMatch: [etag(1)], ifSizeBytes: 5 }), failed);
  t.is((await read(f, 'a')).row?.timestamp, stamp(678));
  // Last-Modified tells 0 ms.
  const right = { ifModifiedMs: ms - 678, ifSizeBytes: 5, ifMatch: [etag(678)] };
  t.is((await delete_('a', 700, right)).kind, 'written');
  t.is((await read(f, 'a')).row, undefined);
});

test('conditions of time and size hold where there is nothing to delete', async t => {
  const f = tablePartition();
  const condition = { ifModifiedMs: 1000, ifSizeBytes: 1 };
  t.is((await f.ask({ ...remove('a', 1), condition })).kind, 'written');
  const reply = await f.ask({ ...remove('a', 1), condition: { ...condition, ifMatch: 'any' } });
  t.deepEqual(reply, { kind: 'condition-failed', because: 'absent' });
});

test('a closed bucket takes nothing until its token opens it, and no earlier one', async t => {
  const f = tablePartition();
  await f.ask(put('a', 1));
  t.deepEqual(await f.ask({ kind: 'bucket-fence', bucket, token: 'two' }), {
    kind: 'fenced',
    token: 'two',
  });
  t.deepEqual(await f.ask({ kind: 'bucket-fence', bucket, token: 'one' }), {
    kind: 'fenced',
    token: 'two',
  });
  t.deepEqual(await f.ask(put('a', 2)), { kind: 'bucket-closed' });
  t.deepEqual(await f.ask(remove('a', 2)), { kind: 'bucket-closed' });
  t.is((await read(f, 'a')).row?.timestamp, stamp(1));
  const after = f.crash();
  t.deepEqual(await after.ask(put('a', 2)), { kind: 'bucket-closed' });
  t.is((await after.ask({ kind: 'bucket-unfence', bucket, token: 'one' })).kind, 'fenced');
  t.is((await after.ask({ kind: 'bucket-unfence', bucket, token: 'two' })).kind, 'written');
  t.is((await after.ask(put('a', 2))).kind, 'written');
});

test('without space nothing grows, and everything can still be deleted', async t => {
  let space = true;
  const f = tablePartition({ space: () => space });
  await f.ask(put('a', 1));
  space = false;
  t.deepEqual(await f.ask(put('a', 2)), { kind: 'no-space' });
  t.is((await f.ask(remove('a', 2))).kind, 'written');
});

test('a write whose deadline passed while it waited is not executed', async t => {
  const f = tablePartition();
  f.store.hold();
  const first = f.ask(put('a', 1));
  const chore = f.table.change(() => undefined);
  const behindIt = f.ask(put('b', 2));
  f.environment.advance(30_001);
  f.store.release();
  t.deepEqual(await first, { kind: 'written' });
  t.is(await chore, 'done');
  t.deepEqual(await behindIt, { kind: 'deadline-passed' });
  t.deepEqual(await read(f, 'b'), { kind: 'object' });
});

test('a stamp far ahead of the clock is refused, but not one raised above a stored row', async t => {
  const f = tablePartition();
  const nowMs = f.environment.clock.wallMs();
  const farAhead = nowMs + STAMP_AHEAD_MS_MAX + 1 - 1_700_000_000_000;
  t.deepEqual(await f.ask(put('a', farAhead)), { kind: 'stamp-ahead' });
  t.is((await f.ask(put('a', farAhead - 1))).kind, 'written');
  f.environment.jumpTo(nowMs - 10_000);
  t.deepEqual(await f.ask(put('b', farAhead - 1)), { kind: 'stamp-ahead' });
  t.is((await f.ask(put('a', farAhead))).kind, 'written');
});

test('encrypted bytes of a small object are longer than the object, by its tag', async t => {
  const f = tablePartition();
  const encryption = { salt: '5a'.repeat(32), check: 'c4'.repeat(16) };
  const row = { ...inlineVersion(1, INLINE_BYTES_MAX), encryption };
  const write = { kind: 'object-write', place: at('a'), row } as const;
  const inline = Buffer.alloc(INLINE_BYTES_MAX + SEAL_TAG_BYTES);
  const plain = { ...write, inline: inline.subarray(SEAL_TAG_BYTES) };
  t.deepEqual(await f.ask(plain), { kind: 'not-understood' });
  t.deepEqual(await f.ask({ ...write, inline }), { kind: 'written' });
  t.deepEqual(await read(f, 'a'), { kind: 'object', row, inline });
  t.deepEqual(await counters(f), [1, INLINE_BYTES_MAX]);
});

test('messages that no sender of this release makes are refused', async t => {
  const f = tablePartition();
  const short = { ...put('a', 1), inline: Buffer.alloc(2) };
  t.deepEqual(await f.ask(short), { kind: 'not-understood' });
  const large = { ...put('a', 1, 5000) };
  t.deepEqual(await f.ask(large), { kind: 'not-understood' });
  const stolen: ObjectWrite = {
    kind: 'object-write',
    place: at('a'),
    row: {
      ...inlineVersion(1, 3),
      content: { kind: 'parts', uploadId: versionId(0) as never, partCount: 1 },
    },
  };
  t.deepEqual(await f.ask(stolen), { kind: 'not-understood' });
  const later = { kind: 'of-a-later-release', place: at('a') } as never;
  t.deepEqual(await f.ask(later), { kind: 'not-understood' });
  t.is(f.store.rowCount, 0);
});

for (const residue of ['lost', 'kept'] as const) {
  test(`a failed batch (${residue}) is answered unknown, and what follows builds on the rows`, async t => {
    const f = tablePartition();
    await f.ask(put('a', 1, 10));
    f.store.failNext(residue);
    t.deepEqual(await f.ask(put('a', 2, 7)), { kind: 'unknown' });
    t.deepEqual(await f.ask(put('b', 3)), { kind: 'unknown' }, 'the store is being reopened');
    await reopened(f);
    t.deepEqual(await counters(f), [1, residue === 'kept' ? 7 : 10]);
    await f.ask(put('b', 4, 1));
    t.deepEqual(await counters(f), [2, residue === 'kept' ? 8 : 11]);
    const first = await read(f, 'a');
    t.is(first.row?.timestamp, stamp(residue === 'kept' ? 2 : 1));
    t.is(f.rows(TABLE.inline).length, 2);
  });
}

test('a full store fails what grows, and carries out the deletions of the same batch', async t => {
  const f = tablePartition();
  await f.ask(put('a', 1, 10));
  await f.ask(put('b', 2, 10));
  f.store.hold();
  const first = f.ask(remove('a', 3));
  const mixed = [f.ask(put('c', 4)), f.ask(remove('b', 5)), f.ask(put('d', 6))];
  f.store.fill();
  f.store.release();
  t.is((await first).kind, 'written');
  const kinds = (await Promise.all(mixed)).map(reply => reply.kind);
  t.deepEqual(kinds, ['no-space', 'written', 'no-space']);
  t.deepEqual(await counters(f), [0, 0]);
});

test('a damaged row is never served, and overwriting repairs it', async t => {
  const f = tablePartition();
  await f.ask(put('a', 1, 10));
  await f.ask(put('b', 2, 5));
  f.store.damage(objectRowKey(partition, at('a')));
  t.deepEqual(await f.ask({ kind: 'object-read', place: at('a'), want: 'row' }), {
    kind: 'damaged',
  });
  const conditional = { ...put('a', 3), condition: { ifMatch: 'any' } } as const;
  t.deepEqual(await f.ask(conditional), { kind: 'damaged' });
  t.deepEqual(await f.ask(put('a', 4, 2)), { kind: 'written' });
  t.is((await read(f, 'a')).row?.timestamp, stamp(4));
  await f.table.change(() => undefined);
  await recounted(f);
  t.deepEqual(await counters(f), [2, 7]);
});

test('damaged counters are counted again while writes go on', async t => {
  const f = tablePartition();
  await f.ask(put('a', 1, 10));
  await f.ask(put('b', 2, 5));
  f.store.damage(countersRowKey(partition, bucket));
  const after = f.crash();
  await Promise.all([
    after.ask(put('c', 3, 1)),
    after.ask(put('d', 4, 1)),
    after.ask(remove('b', 5)),
  ]);
  await recounted(after);
  t.deepEqual(await counters(after), [3, 12]);
  t.deepEqual(await counters(after.crash()), [3, 12]);
});

test('bytes that do not fit their row are damage', async t => {
  const f = tablePartition();
  await f.ask(put('a', 1, 10));
  const [inline] = f.rows(TABLE.inline);
  await f.store.commit([{ kind: 'put', key: inline!.key, value: Buffer.alloc(9) }]);
  const reply = await f.ask({ kind: 'object-read', place: at('a'), want: 'content' });
  t.deepEqual(reply, { kind: 'damaged' });
  await f.store.commit([{ kind: 'delete', key: inline!.key }]);
  const again = await f.ask({ kind: 'object-read', place: at('a'), want: 'content' });
  t.deepEqual(again, { kind: 'damaged' });
});

test('a bucket is empty when neither objects nor uploads are there, tombstones or not', async t => {
  const f = tablePartition();
  const probe = { kind: 'bucket-probe', bucket, shard: 0 } as const;
  t.deepEqual(await f.ask(probe), { kind: 'probed', empty: true });
  await f.ask(put('a', 1));
  t.deepEqual(await f.ask(probe), { kind: 'probed', empty: false });
  await f.ask(remove('a', 2));
  t.deepEqual(await f.ask(probe), { kind: 'probed', empty: true });
});

test('a deletion of one version leaves another that stands there', async t => {
  const f = tablePartition();
  const failed = (because: string) => ({ kind: 'condition-failed', because });
  const removal = (tick: number, seen: number): ObjectWrite => ({
    ...remove('a', tick),
    condition: { ifVersion: versionId(seen) },
  });
  t.deepEqual(await f.ask(removal(5, 1)), failed('absent'));
  await f.ask(put('a', 2));
  t.deepEqual(await f.ask(removal(6, 1)), failed('mismatch'));
  t.is((await f.ask(removal(7, 2))).kind, 'written');
  t.deepEqual(await f.ask(removal(8, 2)), failed('absent'));
});

test('more writes than batch and mailbox hold are refused, and each is answered', async t => {
  const f = tablePartition();
  f.store.hold();
  const answers = Array.from({ length: 20_000 }, (_, index) =>
    f.ask(put(`k${String(index)}`, index + 1)),
  );
  f.store.release();
  const kinds = (await Promise.all(answers)).map(reply => reply.kind);
  const written = kinds.filter(kind => kind === 'written').length;
  t.is(written + kinds.filter(kind => kind === 'overloaded').length, 20_000);
  t.true(written >= 8000 && written < 20_000);
  t.is((await counters(f))[0], written);
});

function contentOf({ row }: ObjectWrite): unknown {
  return row.kind === 'version' ? row.content : undefined;
}

async function reopened(f: Fixture): Promise<void> {
  await new Promise<void>(resolve => f.store.onReopened(resolve));
}

/** The recount runs in steps of the partition's own queue. */
async function recounted(f: Fixture): Promise<void> {
  for (let turns = 0; turns < 20; turns += 1) await f.table.change(() => undefined);
}

test('a store that cannot be read when a batch is put together fails that batch alone', async t => {
  const f = tablePartition();
  await f.ask(put('a', 1));
  const { get } = f.store;
  f.store.get = key => {
    if (roundRowKey(partition).equals(key)) throw new StoreUnavailableError('it is reopened');
    return get.call(f.store, key);
  };
  const [removed, written] = [f.ask(remove('a', 2)), f.ask(put('b', 3))];
  t.deepEqual(await removed, { kind: 'unknown' });
  t.is((await written).kind, 'unknown');
  f.store.get = get;
  t.is((await f.ask(remove('a', 4))).kind, 'written');
  t.deepEqual(await counters(f), [0, 0]);
});
