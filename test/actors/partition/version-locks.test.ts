// Method: the rules alone on random histories, then one partition on a store in memory that is
// asked to take away what is held, by every way there is.
import test from 'ava';
import fc from 'fast-check';
import type { Clock } from '../../../schemas/environment.ts';
import type {
  ObjectChange,
  ObjectWrite,
  RetentionChange,
  TableReply,
  TableRequest,
} from '../../../schemas/messages/table.ts';
import type { LockMode } from '../../../schemas/records/bucket-settings/access-settings.ts';
import type { ObjectLock, Retention } from '../../../schemas/records/object-lock.ts';
import { mergeLocks } from '../../../schemas/records/object-lock.ts';
import type { VersionRef } from '../../../schemas/records/object-row.ts';
import { TABLE } from '../../../schemas/row-tables.ts';
import { lockAfter } from '../../../actors/partition/version-locks.ts';
import type { Fixture } from './partition-fixture.ts';
import {
  at,
  bucket,
  complete,
  createUpload,
  partOf,
  put,
  refOf,
  remove,
  stamp,
  tablePartition,
  uploadId,
  writePart,
} from './partition-fixture.ts';
import { versionDelete, writeOf } from './version-fixture.ts';

const START_MS = 1_700_000_000_000;
const DAY_MS = 86_400_000;
const HELD = { kind: 'version-locked', because: 'held' } as const;

function clockAt(nowMs: number): Clock {
  return { wallMs: () => nowMs, monotonicMs: () => 0 };
}

const days = fc.integer({ min: 0, max: 6 });
const change = fc.oneof(
  fc.record({ kind: fc.constant('hold' as const), legalHold: fc.boolean() }),
  fc.record({
    kind: fc.constant('retention' as const),
    mode: fc.constantFrom<(LockMode | 'none')[]>('GOVERNANCE', 'COMPLIANCE', 'none'),
    days,
    mayBypass: fc.boolean(),
  }),
  fc.record({ kind: fc.constant('wait' as const), days }),
);
type Change = typeof change extends fc.Arbitrary<infer Value> ? Value : never;

const RANK = { GOVERNANCE: 1, COMPLIANCE: 2 } as const;

/** Of the retention alone. */
function strictness(lock: ObjectLock | undefined, atMs: number): number {
  const { retention } = lock ?? {};
  return retention !== undefined && retention.untilMs > atMs ? RANK[retention.mode] : 0;
}

function requestOf(step: Exclude<Change, { kind: 'wait' }>, tick: number, nowMs: number) {
  if (step.kind === 'hold') return { hold: { stamp: stamp(tick), legalHold: step.legalHold } };
  const { mode, mayBypass } = step;
  const retention: Retention | undefined =
    mode === 'none' ? undefined : { mode, untilMs: nowMs + (step.days + 1) * DAY_MS };
  return { retention: { stamp: stamp(tick), retention, mayBypass } };
}

/** Every state that a lock goes through; checks each step. */
function live(steps: readonly Change[]): { locks: (ObjectLock | undefined)[]; isRight: boolean } {
  const locks: (ObjectLock | undefined)[] = [undefined];
  let nowMs = START_MS;
  let isRight = true;
  steps.forEach((step, index) => {
    if (step.kind === 'wait') {
      nowMs += step.days * DAY_MS;
      return;
    }
    const before = locks.at(-1);
    const decided = lockAfter(clockAt(nowMs), before, requestOf(step, index, nowMs));
    if (decided.kind !== 'lock') {
      isRight &&= step.kind === 'retention' && strictness(before, nowMs) > 0;
      return;
    }
    const after = decided.lock;
    locks.push(after);
    const isBypass = step.kind === 'retention' && step.mayBypass;
    const isWeaker = Array.from({ length: 10 }, (_, day) => nowMs + day * DAY_MS).some(
      atMs => strictness(after, atMs) < strictness(before, atMs),
    );
    if (isWeaker) isRight &&= isBypass && before?.retention?.mode === 'GOVERNANCE';
    if (step.kind === 'hold') isRight &&= after?.legalHold === step.legalHold;
    else isRight &&= after?.legalHold === before?.legalHold;
  });
  return { locks, isRight };
}

test('what is held is weakened by a bypass of governance, and by nothing else', t => {
  fc.assert(
    fc.property(fc.array(change, { maxLength: 12 }), steps => live(steps).isRight),
    { numRuns: 2000 },
  );
  t.pass();
});

test('of two states of one lock a merge finds the later one', t => {
  fc.assert(
    fc.property(fc.array(change, { maxLength: 12 }), fc.nat(), fc.nat(), (steps, one, other) => {
      const { locks } = live(steps);
      const [a, b] = [one % locks.length, other % locks.length].sort((x, y) => x - y);
      return JSON.stringify(mergeLocks(locks[a!], locks[b!])) === JSON.stringify(locks[b!]);
    }),
    { numRuns: 2000 },
  );
  t.pass();
});

test('a change of a retention is allowed, or not, as S3 says', t => {
  const until = (mode: LockMode, day: number): Retention => ({
    mode,
    untilMs: START_MS + day * DAY_MS,
  });
  const G = (day: number): Retention => until('GOVERNANCE', day);
  const C = (day: number): Retention => until('COMPLIANCE', day);
  type Row = [stored: Retention, wanted: Retention | undefined, 'bypass' | '-', 'yes' | 'no'];
  const rows: readonly Row[] = [
    [G(5), G(6), '-', 'yes'],
    [G(5), G(5), '-', 'yes'],
    [G(5), G(4), '-', 'no'],
    [G(5), G(4), 'bypass', 'yes'],
    [G(5), C(6), '-', 'no'],
    [G(5), C(6), 'bypass', 'yes'],
    [G(5), undefined, '-', 'no'],
    [G(5), undefined, 'bypass', 'yes'],
    [C(5), C(6), '-', 'yes'],
    [C(5), C(4), 'bypass', 'no'],
    [C(5), G(6), 'bypass', 'no'],
    [C(5), undefined, 'bypass', 'no'],
    // It is over.
    [C(0), G(1), '-', 'yes'],
    [C(0), undefined, '-', 'yes'],
  ];
  for (const [stored, wanted, bypass, expected] of rows) {
    const retention = { stamp: stamp(1), retention: wanted, mayBypass: bypass === 'bypass' };
    const decided = lockAfter(clockAt(START_MS), { retention: stored }, { retention });
    t.is(decided.kind, expected === 'yes' ? 'lock' : 'version-locked', JSON.stringify(retention));
    if (decided.kind === 'lock') t.deepEqual(decided.lock?.retention, wanted);
  }
});

/** A version of `a` that is locked as it comes. */
function lockedPut(tick: number, lock: ObjectLock, status: 'enabled' | 'never'): ObjectWrite {
  const write = writeOf(put('a', tick), status);
  return { ...write, row: { ...write.row, lock } as ObjectWrite['row'] };
}

const until = (mode: LockMode): ObjectLock => ({
  retention: { mode, untilMs: START_MS + DAY_MS },
});

function deleteIt(f: Fixture, version: VersionRef, mayBypass = false): Promise<TableReply> {
  return f.ask({ ...versionDelete('a', version, 900), mayBypass });
}

async function isThere(f: Fixture, version: VersionRef): Promise<boolean> {
  const reply = await f.ask({ kind: 'object-read', place: at('a'), want: 'content', version });
  return reply.kind === 'object' && reply.row?.kind === 'version' && reply.inline !== undefined;
}

function changeLock(
  f: Fixture,
  version: VersionRef,
  what: Pick<ObjectChange, 'retention' | 'hold'>,
): Promise<TableReply> {
  return f.ask({ kind: 'object-change', place: at('a'), version, ...what });
}

for (const standing of ['current', 'noncurrent'] as const) {
  const setUp = async (lock: ObjectLock): Promise<Fixture> => {
    const f = tablePartition();
    await f.ask(lockedPut(1, lock, 'enabled'));
    if (standing === 'noncurrent') await f.ask(writeOf(put('a', 2), 'enabled'));
    return f;
  };

  test(`a ${standing} version in compliance goes when its time is over, not before`, async t => {
    const f = await setUp(until('COMPLIANCE'));
    f.environment.advance(DAY_MS - 1);
    t.deepEqual(await deleteIt(f, stamp(1)), HELD);
    t.deepEqual(await deleteIt(f, stamp(1), true), HELD);
    t.true(await isThere(f, stamp(1)));
    f.environment.advance(1);
    t.is((await deleteIt(f, stamp(1))).kind, 'written');
    t.false(await isThere(f, stamp(1)));
  });

  test(`a ${standing} version in governance goes for who may bypass it`, async t => {
    const f = await setUp(until('GOVERNANCE'));
    t.deepEqual(await deleteIt(f, stamp(1)), HELD);
    t.true(await isThere(f, stamp(1)));
    t.is((await deleteIt(f, stamp(1), true)).kind, 'written');
    t.false(await isThere(f, stamp(1)));
  });

  test(`a ${standing} version on hold stays until the hold is taken off`, async t => {
    const f = await setUp({ legalHold: true });
    f.environment.advance(1000 * DAY_MS);
    t.deepEqual(await deleteIt(f, stamp(1), true), HELD);
    const off = { hold: { stamp: stamp(5), legalHold: false } };
    t.is((await changeLock(f, stamp(1), off)).kind, 'written');
    t.is((await deleteIt(f, stamp(1))).kind, 'written');
    t.false(await isThere(f, stamp(1)));
  });
}

test('what is held can be covered by newer versions and markers', async t => {
  const f = tablePartition();
  await f.ask(lockedPut(1, { legalHold: true }, 'enabled'));
  const marker = { kind: 'marker', timestamp: stamp(2), versioned: true } as const;
  t.is((await f.ask({ kind: 'object-write', place: at('a'), row: marker })).kind, 'written');
  t.is((await f.ask(writeOf(put('a', 3), 'enabled'))).kind, 'written');
  t.is((await deleteIt(f, stamp(2))).kind, 'written');
  t.is((await deleteIt(f, stamp(3))).kind, 'written');
  t.true(await isThere(f, stamp(1)));
  t.deepEqual(await deleteIt(f, stamp(1)), HELD);
});

test('a held null version is not replaced by who has not heard of versions', async t => {
  const f = tablePartition();
  await f.ask(put('a', 1));
  const on = { hold: { stamp: stamp(2), legalHold: true } };
  t.is((await changeLock(f, 'null', on)).kind, 'written');
  t.deepEqual(await f.ask(put('a', 3)), HELD);
  t.deepEqual(await f.ask(remove('a', 4)), HELD);
  const id = uploadId(5);
  const part = partOf(id, 1, 6);
  await f.ask(createUpload('a', id));
  await f.ask(writePart('a', part));
  t.deepEqual(await f.ask(complete('a', id, { tick: 7, parts: [refOf(part)] })), HELD);
  t.true(await isThere(f, 'null'));
  // Below a version that is kept it is still the null version.
  t.is((await f.ask(writeOf(put('a', 8), 'enabled'))).kind, 'written');
  t.deepEqual(await f.ask(put('a', 9)), HELD);
  t.deepEqual(
    await f.ask({ ...remove('a', 9), row: { kind: 'marker', timestamp: stamp(9) } }),
    HELD,
  );
  t.true(await isThere(f, 'null'));
  const counters = await f.ask({ kind: 'counters-read', bucket });
  t.is(counters.kind === 'counters' && counters.counters.bytes, 6);
});

test('a retention is over only by a clock that a majority agrees with', async t => {
  let agreesWithMajority = false;
  const clock = {
    wallMs: () => START_MS + 2 * DAY_MS,
    monotonicMs: () => 1000,
    get agreesWithMajority() {
      return agreesWithMajority;
    },
  };
  const f = tablePartition({ clock });
  await f.ask(lockedPut(1, until('COMPLIANCE'), 'enabled'));
  const inDoubt = { kind: 'version-locked', because: 'clock' };
  t.deepEqual(await deleteIt(f, stamp(1)), inDoubt);
  const removal = { retention: { stamp: stamp(2), mayBypass: false } };
  t.deepEqual(await changeLock(f, stamp(1), removal), inDoubt);
  agreesWithMajority = true;
  t.is((await changeLock(f, stamp(1), removal)).kind, 'written');
  t.is((await deleteIt(f, stamp(1))).kind, 'written');
});

test('no change of a lock is lost to a slow clock, and none is made twice', async t => {
  const f = tablePartition();
  await f.ask(writeOf(put('a', 1), 'enabled'));
  const hold = (tick: number, legalHold: boolean) =>
    changeLock(f, stamp(1), { hold: { stamp: stamp(tick), legalHold } });
  t.is((await hold(5, true)).kind, 'written');
  t.deepEqual(await hold(4, false), { kind: 'older', newest: stamp(5) });
  t.is((await hold(6, false)).kind, 'written');
  t.is((await hold(7, true)).kind, 'written');
  t.is((await hold(7, true)).kind, 'written', 'told twice');
  const retention: RetentionChange = {
    stamp: stamp(8),
    retention: { mode: 'GOVERNANCE', untilMs: START_MS + DAY_MS },
    mayBypass: false,
  };
  t.is((await changeLock(f, stamp(1), { retention })).kind, 'written');
  const reply = await f.ask({ kind: 'object-read', place: at('a'), want: 'content' });
  t.deepEqual(reply.kind === 'object' && reply.row?.kind === 'version' && reply.row.lock, {
    stamp: stamp(8),
    retention: retention.retention,
    legalHold: true,
  });
});

test('a hold that is decided keeps a version from a deletion right behind it', async t => {
  const f = tablePartition();
  await f.ask(writeOf(put('a', 1), 'enabled'));
  f.store.hold();
  const answers = [
    f.ask(put('b', 1)),
    changeLock(f, stamp(1), { hold: { stamp: stamp(2), legalHold: true } }),
    deleteIt(f, stamp(1)),
  ];
  for (let turns = 0; turns < 10; turns += 1) await new Promise(setImmediate);
  f.store.release();
  t.deepEqual(
    (await Promise.all(answers)).map(({ kind }) => kind),
    ['written', 'written', 'version-locked'],
  );
  t.true(await isThere(f, stamp(1)));
});

for (const standing of ['current', 'noncurrent'] as const) {
  test(`a copy of a ${standing} version that is behind takes nothing from its lock`, async t => {
    const table = standing === 'current' ? TABLE.object : TABLE.history;
    const write = writeOf(put('a', 1), 'enabled');
    const setUp = async (): Promise<Fixture> => {
      const f = tablePartition();
      await f.ask(write);
      if (standing === 'noncurrent') await f.ask(writeOf(put('a', 2), 'enabled'));
      return f;
    };
    const copyOf = (f: Fixture): TableRequest => {
      const [row] = f.rows(table);
      if (row === undefined) throw new Error('it is not there');
      // A row travels without its partition, and with its bytes.
      const name = row.key.subarray(1);
      return { kind: 'rows-merge', rows: [{ name, value: row.value, inline: write.inline }] };
    };
    const [f, behind] = [await setUp(), await setUp()];
    const on = { hold: { stamp: stamp(5), legalHold: true } };
    const retention = { mode: 'GOVERNANCE', untilMs: START_MS + DAY_MS } as const;
    await changeLock(f, stamp(1), on);
    await changeLock(f, stamp(1), {
      retention: { stamp: stamp(6), retention, mayBypass: false },
    });
    t.deepEqual(await f.ask(copyOf(behind)), { kind: 'merged', changed: 0 });
    t.deepEqual(await deleteIt(f, stamp(1), true), HELD);
    t.deepEqual(await behind.ask(copyOf(f)), { kind: 'merged', changed: 1 });
    t.deepEqual(await deleteIt(behind, stamp(1), true), HELD);
    const off = { hold: { stamp: stamp(7), legalHold: false } };
    await changeLock(behind, stamp(1), off);
    t.deepEqual(await deleteIt(behind, stamp(1)), HELD, 'the retention came with it');
    await f.ask(copyOf(behind));
    t.is((await deleteIt(f, stamp(1), true)).kind, 'written');
  });
}

test('a version that is written again under a raised stamp keeps what became of its lock', async t => {
  const f = tablePartition();
  const write = put('a', 1);
  await f.ask(write);
  await changeLock(f, 'null', { hold: { stamp: stamp(2), legalHold: true } });
  const raised = { ...write, row: { ...write.row, timestamp: stamp(9) } };
  t.is((await f.ask(raised)).kind, 'written');
  t.deepEqual(await deleteIt(f, 'null'), HELD);
});
