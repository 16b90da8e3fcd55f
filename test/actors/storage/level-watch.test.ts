// Method: a real store whose files are damaged while it is closed, or while it runs. Its timers are
// the machine's own where something has to come by itself, and stand still where nothing may.
import { existsSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import type { ExecutionContext } from 'ava';
import { flipBit } from '../../../actors/storage/level-checksum.ts';
import type { LevelStore } from '../../../actors/storage/level-store.ts';
import { DamagedRowError, StoreUnavailableError } from '../../../actors/storage/store.ts';
import { QuietLog } from '../../support/quiet-log.ts';
import { openLevelStore, openRaw, realEnvironment, temporaryDirectory } from './level-fixture.ts';
import { keyOfRow, valueOfRow } from './level-files.ts';

const COUNT = 3000;
const AFTERWARDS = { sizes: { checkedAtOnceBytes: 0 } };
const MARK = 'unchecked';
const WAIT_MS_MAX = 20_000;

/** Rows in tables, and, `inLog` of them, in the log alone. */
async function filledDirectory(t: ExecutionContext, inLog = 0): Promise<string> {
  const directory = temporaryDirectory(t);
  const first = await openLevelStore(t, directory);
  await put(first, 0, COUNT - inLog);
  await first.close();
  const raw = await openRaw(directory, { compression: false });
  await raw.compactRange(Buffer.of(0), Buffer.of(0xff));
  await raw.close();
  if (inLog > 0) {
    const second = await openLevelStore(t, directory);
    await put(second, COUNT - inLog, COUNT);
    await second.close();
  }
  return directory;
}

async function put(store: LevelStore, from: number, to: number): Promise<void> {
  for (let index = from; index < to; index += 10) {
    const rows = Array.from({ length: Math.min(10, to - index) }, (_, row) => index + row);
    await store.commit(
      rows.map(row => ({ kind: 'put', key: keyOfRow(row), value: valueOfRow(row) })),
    );
  }
}

/**
 * One bit in every 5000 bytes: none of LevelDB's blocks is hit twice. While LevelDB has a table
 * open, only values: it ends the process when the length of a key makes no sense.
 */
function damage(
  directory: string,
  ending: string,
  where: 'anywhere' | 'values' = 'anywhere',
): number {
  let flips = 0;
  for (const name of readdirSync(directory).filter(file => file.endsWith(ending))) {
    const path = join(directory, name);
    const bytes = readFileSync(path);
    for (let at = 40; at < bytes.length; at += 5000) {
      const value = bytes.indexOf('row ', at);
      if (where === 'values' && value < 0) break;
      flipBit(bytes, (where === 'values' ? value : at) * 8 + (flips % 8));
      flips += 1;
    }
    // In place: an open database sees it.
    writeFileSync(path, bytes, { flag: 'r+' });
  }
  return flips;
}

type Counts = { right: number; damaged: number; absent: number; away: number };

function readAll(t: ExecutionContext, store: LevelStore): Counts {
  const counts = { right: 0, damaged: 0, absent: 0, away: 0 };
  for (let index = 0; index < COUNT; index += 1) {
    try {
      const value = store.get(keyOfRow(index));
      if (value === undefined) counts.absent += 1;
      else if (value.equals(valueOfRow(index))) counts.right += 1;
      else t.fail('wrong bytes are never served');
    } catch (error) {
      if (error instanceof DamagedRowError) counts.damaged += 1;
      else if (error instanceof StoreUnavailableError) counts.away += 1;
      else throw error;
    }
  }
  return counts;
}

const ALL_RIGHT: Counts = { right: COUNT, damaged: 0, absent: 0, away: 0 };

test('flipped bits in the tables and the log of a small store are gone before it is opened', async t => {
  const directory = await filledDirectory(t, 600);
  const flips = damage(directory, '.ldb') + damage(directory, '.log');
  const store = await openLevelStore(t, directory);
  t.deepEqual(readAll(t, store), ALL_RIGHT);
  t.is(store.correctedBits, flips);
  t.is(store.brokenBlocks, 0);
  t.true(flips > 30);
});

test('a flipped bit in the MANIFEST costs nothing either', async t => {
  const directory = await filledDirectory(t);
  const name = readdirSync(directory).find(file => file.startsWith('MANIFEST'))!;
  const path = join(directory, name);
  const bytes = readFileSync(path);
  flipBit(bytes, Math.floor(bytes.length / 2) * 8);
  writeFileSync(path, bytes);
  const log = new QuietLog();
  t.deepEqual(readAll(t, await openLevelStore(t, directory, { log })), ALL_RIGHT);
  t.false(log.lines.some(({ message }) => message.includes('what can be read is kept')));
});

test('the tables of a large store are checked after it was opened, without anyone’s help', async t => {
  const directory = await filledDirectory(t);
  const flips = damage(directory, '.ldb', 'values');
  const store = await openLevelStore(t, directory, AFTERWARDS);
  t.true(existsSync(join(directory, MARK)));
  await until(() => store.reopenings > 0 && isOpen(store));
  t.deepEqual(readAll(t, store), ALL_RIGHT);
  t.is(store.correctedBits, flips);
  t.false(existsSync(join(directory, MARK)));
});

test('they are checked before when the last process died before they had been', async t => {
  const directory = await filledDirectory(t);
  damage(directory, '.ldb');
  writeFileSync(join(directory, MARK), '');
  const store = await openLevelStore(t, directory, AFTERWARDS);
  t.deepEqual(readAll(t, store), ALL_RIGHT);
  t.false(existsSync(join(directory, MARK)));
});

test('a damaged row that is read makes all tables suspect: they are put right under load', async t => {
  const directory = await filledDirectory(t);
  const store = await openLevelStore(t, directory);
  damage(directory, '.ldb', 'values');
  const met = readAll(t, store);
  t.true(met.damaged > 0, 'the damage was met');
  const acknowledged: number[] = [];
  let index = COUNT;
  await until(async () => {
    const row = index;
    index += 1;
    const put = { kind: 'put', key: keyOfRow(row), value: valueOfRow(row) } as const;
    await store.commit([put]).then(
      () => acknowledged.push(row),
      (error: unknown) => t.true(error instanceof StoreUnavailableError),
    );
    return store.reopenings > 0 && isOpen(store);
  });
  t.deepEqual(readAll(t, store), ALL_RIGHT);
  for (const row of acknowledged) t.deepEqual(store.get(keyOfRow(row)), valueOfRow(row));
  t.log({ met, corrected: store.correctedBits, acknowledgedMeanwhile: acknowledged.length });
});

test('suspicion has its bounds: damage that stays does not make the store read itself for ever', async t => {
  const directory = await filledDirectory(t);
  const name = readdirSync(directory).find(file => file.endsWith('.ldb'))!;
  const path = join(directory, name);
  const bytes = readFileSync(path);
  // Two bits of a value: the block is sealed anew, the row stays damaged.
  bytes[2000]! ^= 0x11;
  writeFileSync(path, bytes);
  let timers = 0;
  const environment = {
    ...realEnvironment,
    timers: {
      after: () => {
        timers += 1;
        return { cancel: () => undefined };
      },
    },
  };
  const store = await openLevelStore(t, directory, { environment });
  const before = timers;
  for (let time = 0; time < 5; time += 1) {
    t.is(readAll(t, store).damaged, 1);
    await rest(50);
  }
  t.is(timers - before, 1, 'one pass was made, and the next day’s is waited for');
  t.is(store.reopenings, 0);
});

function isOpen(store: LevelStore): boolean {
  try {
    store.get(keyOfRow(0));
    return true;
  } catch (error) {
    return error instanceof DamagedRowError;
  }
}

async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  const endMs = performance.now() + WAIT_MS_MAX;
  while (!(await condition())) {
    if (performance.now() > endMs) throw new Error('what was waited for did not happen');
    await rest(5);
  }
}

function rest(ms: number): Promise<void> {
  return new Promise(resolve => {
    setTimeout(resolve, ms);
  });
}
