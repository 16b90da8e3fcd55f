// Method: one replica is sent rows as another one stored them, where a row of its own is damaged.
import test from 'ava';
import {
  abortedMarkRowKey,
  historyRowKey,
  manifestRowKey,
  objectRowKey,
} from '../../../actors/partition/row-keys.ts';
import type { ObjectWrite } from '../../../schemas/messages/table.ts';
import type { StoredRow } from '../../../schemas/messages/table-replicas.ts';
import { encodeAbortedMark } from '../../../schemas/records/aborted-mark.ts';
import { encodeManifestRow } from '../../../schemas/records/manifest-row.ts';
import { encodeObjectRow } from '../../../schemas/records/object-row.ts';
import { nameOfKey } from '../../../schemas/row-tables.ts';
import type { Fixture } from './partition-fixture.ts';
import {
  at,
  blocksOf,
  bucket,
  inlineVersion,
  partition,
  put,
  stamp,
  tablePartition,
  versionId,
} from './partition-fixture.ts';

async function countersOf(f: Fixture): Promise<readonly [objects: number, bytes: number]> {
  const reply = await f.ask({ kind: 'counters-read', bucket });
  if (reply.kind !== 'counters') throw new Error(reply.kind);
  return [reply.counters.objects, reply.counters.bytes];
}

function rowOf(key: string, tick: number, sizeBytes: number): StoredRow {
  const value = encodeObjectRow(inlineVersion(tick, sizeBytes));
  const name = nameOfKey(objectRowKey(partition, at(key)));
  return { name, value, inline: Buffer.alloc(sizeBytes) };
}

test('rows that fail half-way are not counted, and what shares their batch is', async t => {
  const f = tablePartition({ soleReplica: false });
  t.is((await f.ask(put('seed', 1, 5))).kind, 'written');
  // It is read when an object of the same message is counted already.
  const id = versionId(9);
  const mark = abortedMarkRowKey(partition, id);
  await f.store.commit([{ kind: 'put', key: mark, value: encodeAbortedMark('given-up') }]);
  f.store.damage(mark);
  const owner = { kind: 'version', ...at('x'), versionId: id } as const;
  const manifest = encodeManifestRow({ owner, blocks: blocksOf(1) });
  const rows = [
    rowOf('x', 5, 1000),
    { name: nameOfKey(manifestRowKey(partition, id, 0)), value: manifest },
  ];
  const merge = { kind: 'rows-merge', rows, round: { round: 0 } } as const;
  for (const [index, key] of ['a', 'b', 'c'].entries()) {
    const [before, failed, behind] = await Promise.all([
      f.ask(put(`${key} before`, 10, 1)),
      f.ask(merge),
      f.ask(put(`${key} behind`, 11, 1)),
    ]);
    t.deepEqual([before.kind, failed.kind, behind.kind], ['written', 'damaged', 'written']);
    t.deepEqual(await countersOf(f), [3 + 2 * index, 7 + 2 * index]);
  }
  t.deepEqual(await countersOf(f.crash()), [7, 11]);
});

test('a damaged current row is put right though the end of another version comes with it', async t => {
  const f = tablePartition({ soleReplica: false });
  const write = (tick: number): ObjectWrite => {
    return { ...put('k', tick, 5), row: { ...inlineVersion(tick, 5), versioned: true } };
  };
  for (const tick of [1, 2]) t.is((await f.ask(write(tick))).kind, 'written');
  const key = objectRowKey(partition, at('k'));
  f.store.damage(key);
  const current = { name: nameOfKey(key), value: encodeObjectRow(write(2).row) };
  const end = encodeObjectRow({ kind: 'tombstone', timestamp: stamp(1), ends: 'version' });
  const rows = [
    { ...current, inline: Buffer.alloc(5, 2) },
    { name: nameOfKey(historyRowKey(partition, at('k'), stamp(1))), value: end },
    rowOf('other', 3, 7),
  ];
  const merge = { kind: 'rows-merge', rows, round: { round: 0 } } as const;
  t.deepEqual(await f.ask(merge), { kind: 'merged', changed: 3 });
  const read = { kind: 'object-read', place: at('k'), want: 'row' } as const;
  t.like(await f.ask(read), { row: { kind: 'version', timestamp: stamp(2) } });
  t.like(await f.ask({ ...read, version: stamp(1) }), { row: { kind: 'tombstone' } });
  t.is((await f.ask({ ...read, place: at('other') })).kind, 'object');
});
