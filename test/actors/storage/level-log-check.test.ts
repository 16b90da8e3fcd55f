// Method: logs that LevelDB wrote itself; damage is done to them byte by byte.
import test from 'ava';
import { flipBit } from '../../../actors/storage/level-checksum.ts';
import { checkLevelLog } from '../../../actors/storage/level-log-check.ts';
import { directoryOfRows, fileOf } from './level-files.ts';

const NOTHING = { corrected: 0, lostBytes: 0 };

test('a log as LevelDB wrote it is right, with records over the end of a block too', async t => {
  const { bytes } = fileOf(await directoryOfRows(t, 1500, 'log'), 'log');
  t.true(bytes.length > 2 * 32 * 1024);
  t.deepEqual(checkLevelLog(Buffer.from(bytes)), NOTHING);
});

test('any one flipped bit is put right', async t => {
  const { bytes } = fileOf(await directoryOfRows(t, 20, 'log'), 'log');
  for (let bit = 0; bit < bytes.length * 8; bit += 1) {
    const damaged = Buffer.from(bytes);
    flipBit(damaged, bit);
    const { corrected, lostBytes } = checkLevelLog(damaged);
    if (corrected !== 1 || lostBytes !== 0 || !damaged.equals(bytes)) t.fail(`bit ${bit}`);
  }
  t.true(bytes.length > 1000);
});

test('a flipped bit in each of many records is put right', async t => {
  const { bytes } = fileOf(await directoryOfRows(t, 1500, 'log'), 'log');
  const damaged = Buffer.from(bytes);
  for (let at = 50; at < damaged.length; at += 997) flipBit(damaged, at * 8 + (at % 8));
  t.true(checkLevelLog(damaged).corrected > 50);
  t.true(damaged.equals(bytes));
});

test('the torn end that a crash leaves is no damage, wherever it is torn', async t => {
  const { bytes } = fileOf(await directoryOfRows(t, 20, 'log'), 'log');
  for (let length = 0; length <= bytes.length; length += 1) {
    t.deepEqual(checkLevelLog(Buffer.from(bytes.subarray(0, length))), NOTHING);
  }
  const zeros = Buffer.concat([bytes, Buffer.alloc(70_000)]);
  t.deepEqual(checkLevelLog(zeros), NOTHING);
});

test('more than a bit in the middle is told, and nothing else is changed', async t => {
  const { bytes } = fileOf(await directoryOfRows(t, 1500, 'log'), 'log');
  const damaged = Buffer.from(bytes);
  damaged.fill(0x5a, 1000, 1064);
  const copy = Buffer.from(damaged);
  const { corrected, lostBytes } = checkLevelLog(damaged);
  t.is(corrected, 0);
  t.true(lostBytes > 30_000 && lostBytes < 32 * 1024, String(lostBytes));
  t.true(damaged.equals(copy));
});
