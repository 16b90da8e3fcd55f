// Method: a table that LevelDB wrote itself; damage is done to it, the check runs, and LevelDB
// reads and merges what is left: it must neither end the process nor show what was never put.
import { cpSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import test from 'ava';
import type { ExecutionContext } from 'ava';
import { entriesOf } from '../../../actors/storage/level-block.ts';
import { flipBit } from '../../../actors/storage/level-checksum.ts';
import { checkLevelTable } from '../../../actors/storage/level-table-check.ts';
import { readVarint } from '../../../actors/storage/level-varint.ts';
import { openValue } from '../../../actors/storage/row-checksum.ts';
import { SeededChoices, seededBytes } from '../../support/seeded-bytes.ts';
import { openRaw, temporaryDirectory } from './level-fixture.ts';
import { directoryOfRows, fileOf, keyOfRow, valueOfRow } from './level-files.ts';

test('a table as LevelDB wrote it is whole, and one that is being written is none', async t => {
  const { bytes } = fileOf(await directoryOfRows(t, 3000, 'table'), 'table');
  t.deepEqual(checkLevelTable(Buffer.from(bytes)), { kind: 'whole' });
  for (const length of [0, 20, 4096, bytes.length - 1]) {
    const part = Buffer.from(bytes.subarray(0, length));
    t.deepEqual(checkLevelTable(part), { kind: 'unreadable' });
  }
});

test('any one flipped bit is put right: of rows, filters, lists, checksums and the footer', async t => {
  const { bytes } = fileOf(await directoryOfRows(t, 60, 'table'), 'table');
  for (let bit = 0; bit < bytes.length * 8; bit += 1) {
    const damaged = Buffer.from(bytes);
    flipBit(damaged, bit);
    const finding = checkLevelTable(damaged);
    const isRepaired = finding.kind === 'repaired' && finding.brokenBlocks === 0;
    if (!isRepaired || !damaged.equals(bytes)) t.fail(`bit ${bit}: ${finding.kind}`);
  }
  t.true(bytes.length > 2000);
});

test('a flipped bit in every block is put right', async t => {
  const { bytes } = fileOf(await directoryOfRows(t, 3000, 'table'), 'table');
  const damaged = Buffer.from(bytes);
  for (let at = 2000; at < bytes.length - 20_000; at += 4200) flipBit(damaged, at * 8 + (at % 8));
  t.is(checkLevelTable(damaged).kind, 'repaired');
  t.true(damaged.equals(bytes));
});

/** Of the shortest keys and values here, in 4 KiB. */
const ROWS_IN_BLOCK_MAX = 100;

/** The blocks of a table, as LevelDB comes by them. */
function blocksOf(table: Buffer) {
  const place = (bytes: Buffer, at: number) => {
    const offset = readVarint(bytes, at);
    const size = readVarint(bytes, offset?.end ?? 0);
    const [from, length] = [offset?.value ?? 0, size?.value ?? 0];
    return { from, to: from + length, end: size?.end ?? 0 };
  };
  const footer = table.subarray(-48);
  const list = place(footer, place(footer, 0).end);
  return (entriesOf(table.subarray(list.from, list.to)) ?? []).map(({ value }) => {
    const { from, to } = place(value, 0);
    return { end: to, entries: entriesOf(table.subarray(from, to)) };
  });
}

/** The keys of its rows, in the order of the blocks. */
function keysOf(table: Buffer): Buffer[] {
  const entries = blocksOf(table).flatMap(block => block.entries ?? []);
  return entries.map(({ key }) => key.subarray(0, -8));
}

test('damage over the end of a block is that of two blocks, and no more', async t => {
  const { bytes } = fileOf(await directoryOfRows(t, 3000, 'table'), 'table');
  const ends = blocksOf(bytes).map(({ end }) => end);
  for (const [round, end] of ends.slice(0, -1).entries()) {
    const damaged = Buffer.from(bytes);
    seededBytes(round + 1, 200).copy(damaged, end - 100);
    t.is(checkLevelTable(damaged).kind, 'repaired');
    t.true(blocksOf(damaged).every(({ entries }) => entries !== undefined));
    t.true(keysOf(damaged).length > 3000 - 2 * ROWS_IN_BLOCK_MAX);
  }
});

test('whatever is damaged, keys stay in order over the ends of blocks', async t => {
  const { bytes } = fileOf(await directoryOfRows(t, 3000, 'table'), 'table');
  t.is(keysOf(bytes).length, 3000);
  const choices = new SeededChoices(3);
  let broken = 0;
  for (let round = 0; round < 400; round += 1) {
    const damaged = Buffer.from(bytes);
    const at = 4500 + choices.below(bytes.length - 40_000);
    // A key that begins with what stands far from here, and some noise.
    damaged.fill(choices.of([0x00, 0x7f, 0xff]), at, at + choices.of([2, 6, 30]));
    seededBytes(round, 8).copy(damaged, at + choices.below(300));
    const finding = checkLevelTable(damaged);
    if (finding.kind === 'repaired') broken += finding.brokenBlocks;
    const keys = keysOf(damaged);
    const isOrdered = keys.every((key, index) => {
      const before = keys[index - 1];
      return before === undefined || Buffer.compare(before, key) < 0;
    });
    if (!isOrdered) t.fail(`round ${round}`);
  }
  t.true(broken > 100);
});

const COUNT = 1000;

/** What LevelDB shows of the rows after it has merged its tables. */
async function readAll(
  t: ExecutionContext,
  directory: string,
): Promise<{ right: number; damaged: number; absent: number }> {
  const raw = await openRaw(directory, { compression: false });
  // A merge needs something to merge with.
  await raw.put(keyOfRow(0), Buffer.alloc(1));
  await raw.compactRange(Buffer.of(0), Buffer.of(0xff));
  const counts = { right: 0, damaged: 0, absent: 0 };
  for (let index = 1; index < COUNT; index += 1) {
    const key = keyOfRow(index);
    const sealed = raw.getSync(key);
    const value = sealed && openValue(key, sealed);
    if (sealed === undefined) counts.absent += 1;
    else if (value === undefined) counts.damaged += 1;
    else {
      t.true(value.equals(valueOfRow(index)));
      counts.right += 1;
    }
  }
  await raw.close();
  return counts;
}

test('of a block with more damage what can be read is kept, and LevelDB merges it', async t => {
  const directory = await directoryOfRows(t, COUNT, 'table');
  const { path, bytes } = fileOf(directory, 'table');
  const choices = new SeededChoices(7);
  const sum = { lost: 0, right: 0, damaged: 0, absent: 0 };
  const rounds = 40;
  for (let round = 0; round < rounds; round += 1) {
    const damaged = Buffer.from(bytes);
    const size = choices.of([2, 8, 64, 512]);
    const at = choices.below(bytes.length - 6000);
    seededBytes(round, size).copy(damaged, at);
    const finding = checkLevelTable(damaged);
    if (finding.kind !== 'repaired') {
      t.fail(`round ${round}: ${finding.kind}`);
      continue;
    }
    t.deepEqual(checkLevelTable(Buffer.from(damaged)), { kind: 'whole' });
    sum.lost += finding.brokenBlocks;
    const copy = temporaryDirectory(t);
    cpSync(directory, copy, { recursive: true });
    writeFileSync(join(copy, basename(path)), damaged);
    const counts = await readAll(t, copy);
    sum.right += counts.right;
    sum.damaged += counts.damaged;
    sum.absent += counts.absent;
  }
  t.log(sum);
  t.true(sum.right > rounds * (COUNT - 30), 'damage stays in its block');
  t.true(sum.absent <= sum.lost * ROWS_IN_BLOCK_MAX);
});
