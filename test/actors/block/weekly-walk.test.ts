// Method: time is moved by hand; a walk is a promise that the test resolves.
import { setImmediate } from 'node:timers/promises';
import test from 'ava';
import { WeeklyWalk } from '../../../actors/block/weekly-walk.ts';
import { manualEnvironment } from '../../support/manual-environment.ts';
import { QuietLog } from '../../support/quiet-log.ts';

const FIRST_MS = 5000;
const WEEK_MS = 7 * 24 * 3600 * 1000;
const RETRY_MS = 10 * 60 * 1000;

function world() {
  const environment = manualEnvironment();
  const log = new QuietLog();
  const begun: string[] = [];
  const ends: { resolve: (seen: number) => void; reject: (error: Error) => void }[] = [];
  const walks = new WeeklyWalk<number>({
    ...{ timers: environment.timers, log, firstMs: FIRST_MS, failed: 'the walk failed' },
    run(pace) {
      begun.push(pace);
      return new Promise((resolve, reject) => {
        ends.push({ resolve, reject });
      });
    },
  });
  return { environment, log, walks, begun, ends };
}

test('it walks after the start, then weekly', async t => {
  const { environment, walks, begun, ends } = world();
  walks.start();
  environment.advance(FIRST_MS - 1);
  t.is(begun.length, 0);
  environment.advance(1);
  t.deepEqual(begun, ['gentle']);
  t.true(walks.isRunning);
  ends[0]?.resolve(1);
  await setImmediate();
  t.false(walks.isRunning);
  environment.advance(WEEK_MS - 1);
  t.is(begun.length, 1);
  environment.advance(1);
  t.is(begun.length, 2);
});

test('a walk that failed is logged, and tried again soon', async t => {
  const { environment, log, walks, begun, ends } = world();
  walks.start();
  environment.advance(FIRST_MS);
  ends[0]?.reject(new Error('the disk is away'));
  await setImmediate();
  t.deepEqual(
    log.lines.map(({ message }) => message),
    ['the walk failed'],
  );
  environment.advance(RETRY_MS);
  t.is(begun.length, 2);
});

test('a walk that goes on failing is tried later and later, up to a week', async t => {
  const { environment, walks, begun, ends } = world();
  walks.start();
  environment.advance(FIRST_MS);
  for (let failed = 1; failed <= 12; failed += 1) {
    ends.at(-1)?.reject(new Error('the disk is away'));
    await setImmediate();
    const ms = Math.min(WEEK_MS, RETRY_MS * 2 ** (failed - 1));
    environment.advance(ms - 1);
    t.is(begun.length, failed);
    environment.advance(1);
    t.is(begun.length, failed + 1);
  }
  ends.at(-1)?.resolve(1);
  await setImmediate();
  environment.advance(WEEK_MS);
  ends.at(-1)?.reject(new Error('the disk is away again'));
  await setImmediate();
  environment.advance(RETRY_MS);
  t.is(begun.length, 15, 'soon, the first time');
});

test('one walk runs at a time, and whoever asks for another gets that one', async t => {
  const { walks, begun, ends } = world();
  const one = walks.walk('fast');
  walks.walkNow();
  const other = walks.walk('gentle');
  t.deepEqual(begun, ['fast']);
  ends[0]?.resolve(7);
  t.deepEqual(await Promise.all([one, other]), [7, 7]);
});

test('once it is stopped it walks no more; the walk that runs is waited for', async t => {
  const { environment, walks, begun, ends } = world();
  walks.start();
  environment.advance(FIRST_MS);
  let isStopped = false;
  const stopped = walks.stop().then(() => {
    isStopped = true;
  });
  t.true(walks.isStopped);
  await setImmediate();
  t.false(isStopped);
  await walks.rest(1000);
  ends[0]?.resolve(1);
  await stopped;
  environment.advance(2 * WEEK_MS);
  t.is(begun.length, 1);
});

test('it rests for a second at most', async t => {
  const { environment, walks } = world();
  const rest = walks.rest(60_000);
  environment.advance(1000);
  await t.notThrowsAsync(rest);
});
