import test from 'ava';
import fc from 'fast-check';
import { pack } from '../../../schemas/codec.ts';
import type { ObjectLock } from '../../../schemas/records/object-lock.ts';
import {
  holdingOf,
  joinRetentions,
  mergeLocks,
  packLock,
} from '../../../schemas/records/object-lock.ts';
import { locks } from './arbitrary-rows.ts';

const YEAR_2023 = 1_700_000_000_000;
const TIMES = [0, YEAR_2023 - 1, YEAR_2023, 3_999_999_999_999, 4_000_000_000_000];
const some = fc.option(locks, { nil: undefined });

function bytes(lock: ObjectLock | undefined): string {
  return pack([packLock(lock)]).toString('hex');
}

test('locks merge the same in any order and grouping, and once is enough', t => {
  fc.assert(
    fc.property(some, some, some, (a, b, c) => {
      const merged = mergeLocks(a, b);
      const isCommutative = bytes(merged) === bytes(mergeLocks(b, a));
      const isAssociative = bytes(mergeLocks(merged, c)) === bytes(mergeLocks(a, mergeLocks(b, c)));
      const isIdempotent = mergeLocks(merged, b) === merged && mergeLocks(a, a) === a;
      return isCommutative && isAssociative && isIdempotent;
    }),
    { numRuns: 2000 },
  );
  t.pass();
});

const STRICTNESS = { hold: 0, GOVERNANCE: 1, COMPLIANCE: 2 } as const;

/** Of the retention alone. */
function strictnessAt(lock: ObjectLock | undefined, nowMs: number): number {
  const holding = holdingOf(lock && { ...lock, legalHold: false }, nowMs);
  return holding === undefined ? 0 : STRICTNESS[holding];
}

test('in one era no copy ever loses retention by a merge, at any time', t => {
  fc.assert(
    fc.property(locks, locks, fc.constantFrom(...TIMES), (a, b, nowMs) => {
      const { era: _era, ...before } = b;
      const other = a.era === undefined ? before : { ...before, era: a.era };
      const merged = strictnessAt(mergeLocks(a, other), nowMs);
      return merged >= strictnessAt(a, nowMs) && merged >= strictnessAt(other, nowMs);
    }),
    { numRuns: 2000 },
  );
  t.pass();
});

test('what was weakened on purpose stays so, whatever an earlier copy says', t => {
  fc.assert(
    fc.property(locks, locks, (a, b) => {
      const later = (a.era ?? '') > (b.era ?? '') ? a : b;
      if (a.era === b.era) return true;
      return bytes(mergeLocks(a, b)) === bytes({ ...mergeLocks(a, b)!, ...retentionOf(later) });
    }),
  );
  t.pass();
});

function retentionOf({ retention, era }: ObjectLock): Partial<ObjectLock> {
  return {
    ...(retention === undefined ? {} : { retention }),
    ...(era === undefined ? {} : { era }),
  };
}

test('a hold is what was said last, and on where both were said at once', t => {
  const on = { legalHold: true };
  const off = { legalHold: false };
  const first = '1'.repeat(32) as NonNullable<ObjectLock['stamp']>;
  const second = '2'.repeat(32) as NonNullable<ObjectLock['stamp']>;
  t.true(mergeLocks({ ...off, stamp: first }, { ...on, stamp: second })?.legalHold);
  t.false(mergeLocks({ ...on, stamp: first }, { ...off, stamp: second })?.legalHold);
  t.true(mergeLocks({ ...off, stamp: first }, { ...on, stamp: first })?.legalHold);
  t.false(mergeLocks(on, { ...off, stamp: first })?.legalHold);
  t.false(mergeLocks({ stamp: first }, { ...off, stamp: first })?.legalHold);
});

test('a lock holds while it is on, or until its retention ends', t => {
  const until = { retention: { mode: 'GOVERNANCE', untilMs: YEAR_2023 } } as const;
  t.is(holdingOf(undefined, 0), undefined);
  t.is(holdingOf({ legalHold: false }, 0), undefined);
  t.is(holdingOf({}, 0), undefined);
  t.is(holdingOf({ legalHold: true }, YEAR_2023), 'hold');
  t.is(holdingOf({ legalHold: false, ...until }, YEAR_2023 - 1), 'GOVERNANCE');
  t.is(holdingOf({ legalHold: false, ...until }, YEAR_2023), undefined);
  const longer = { mode: 'COMPLIANCE', untilMs: 5 } as const;
  t.deepEqual(joinRetentions(until.retention, longer), {
    mode: 'COMPLIANCE',
    untilMs: YEAR_2023,
  });
});
