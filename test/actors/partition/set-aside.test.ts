import test from 'ava';
import { holdsRows } from '../../../actors/partition/set-aside.ts';
import { enterRound, readRound } from '../../../actors/partition/rounds.ts';
import { YOUNG_ROWS_MS } from '../../../schemas/limits.ts';
import { TABLE } from '../../../schemas/row-tables.ts';
import type { Fixture } from './partition-fixture.ts';
import {
  at,
  bucket,
  createUpload,
  partition,
  partOf,
  put,
  putBlocks,
  remove,
  stamp,
  tablePartition,
  uploadId,
  writePart,
} from './partition-fixture.ts';

const TABLES = [TABLE.object, TABLE.inline, TABLE.openUpload, TABLE.part, TABLE.counters] as const;

async function filled(): Promise<Fixture> {
  const fixture = tablePartition({ soleReplica: false, digestKey: Buffer.alloc(32, 7) });
  for (let tick = 1; tick <= 600; tick += 1) await fixture.ask(put(`key ${String(tick)}`, tick));
  await fixture.ask(putBlocks('large', 700));
  await fixture.ask(putBlocks('large', 701));
  await fixture.ask(remove('key 1', 702));
  await fixture.ask(createUpload('up', uploadId(703)));
  await fixture.ask(writePart('up', partOf(uploadId(703), 1, 704)));
  await fixture.ask({ kind: 'bucket-fence', bucket, token: 'f'.repeat(32) });
  await fixture.table.change(step => {
    enterRound(step, { round: 4, collected: stamp(9) });
  });
  return fixture;
}

test('everything goes, with its counts, its fences and its round', async t => {
  const { table, ask, rows, store, environment } = await filled();
  t.is(await table.setAside(), 'dropped');
  t.false(await holdsRows(table));
  for (const name of [...TABLES, TABLE.fence, TABLE.release, TABLE.tombstone] as const) {
    t.deepEqual(rows(name), []);
  }
  t.is(readRound(store, partition).round, 0);
  const counted = await ask({ kind: 'counters-read', bucket });
  t.is(counted.kind === 'counters' ? counted.counters.objects : undefined, 0);
  t.is((await ask(put('anew', 800))).kind, 'written');
  const again = await ask({ kind: 'counters-read', bucket });
  t.is(again.kind === 'counters' ? again.counters.objects : undefined, 1);
  t.is(await table.setAside(), 'nothing', 'what came since is young');
  environment.advance(YOUNG_ROWS_MS);
  t.is(await table.setAside(), 'dropped');
  t.is(await table.setAside(), 'nothing');
});

test('a node that held nothing keeps what came just now', async t => {
  const fixture = tablePartition({ soleReplica: false });
  const { table, ask, environment } = fixture;
  await table.noteEmpty();
  environment.advance(YOUNG_ROWS_MS);
  await ask(put('a', 1));
  environment.advance(YOUNG_ROWS_MS - 1);
  await ask(put('b', 2));
  t.is(await table.setAside(), 'nothing');
  environment.advance(1);
  t.is(await table.setAside(), 'dropped', 'it is the oldest that counts');
  await ask(put('c', 3));
  const { table: started, ask: askAgain } = fixture.crash();
  await started.noteEmpty();
  await askAgain(put('d', 4));
  t.is(await started.setAside(), 'dropped', 'it held something when it looked');
  const looking = started.noteEmpty();
  await askAgain(put('e', 5));
  await looking;
  t.is(await started.setAside(), 'dropped', 'something came while it looked');
});

test('what is under way is stored before, and what comes meanwhile is not taken', async t => {
  const { table, ask, rows } = await filled();
  const before = ask(put('before', 900));
  const aside = table.setAside();
  const meanwhile = await ask(put('meanwhile', 901));
  t.is(meanwhile.kind, 'unknown');
  t.is((await ask({ kind: 'object-read', place: at('key 2'), want: 'row' })).kind, 'unknown');
  t.is(await table.change(() => undefined), 'failed', 'workers try again later');
  t.is((await before).kind, 'bucket-closed', 'it was in time, and is answered');
  t.is(await aside, 'dropped');
  t.deepEqual(rows(TABLE.object), []);
});

test('a crash half-way leaves rows, or a round, by which it is begun again', async t => {
  const fixture = await filled();
  const { store, table } = fixture;
  const commit = store.commit.bind(store);
  let left = 2;
  store.commit = async operations => {
    left -= 1;
    if (left < 0) throw new Error('the machine stops');
    return commit(operations);
  };
  t.is(await table.setAside(), 'failed');
  const found = fixture.crash();
  t.true(await holdsRows(found.table));
  t.is(readRound(found.store, partition).round, 4, 'it goes last');
  t.is(await found.table.setAside(), 'dropped');
  t.is(readRound(found.store, partition).round, 0);
});
