/**
 * What keeps a version from being deleted: its retention and its legal hold.
 *
 * Owns:          their fields, bytes and merge; whether they hold a version at a given time.
 * Knows:         "Locking objects with Object Lock" of the S3 user guide.
 * Must not know: who may change them, what time it is.
 *
 * The merge never lets a version go earlier than one of its copies says. A retention only grows:
 * of two the stricter mode and the later end count. What was allowed to weaken one (a bypass of
 * governance, or an end that had passed) begins an era; a later era counts alone. A legal hold is
 * what was said of it last, and on where both were said at once.
 */
import type { FieldReader, Packed } from '../codec.ts';
import type { Timestamp } from '../timestamp.ts';
import type { LockMode } from './bucket-settings/access-settings.ts';
import { LOCK_MODES } from './bucket-settings/access-settings.ts';
import { packWord, readWord } from './bucket-settings/setting-fields.ts';
import { packOptionalTimestamp, readOptionalTimestamp } from './timestamp-field.ts';

export type Retention = { readonly mode: LockMode; readonly untilMs: number };

export type ObjectLock = {
  /** When retention or hold was changed last; absent: they came with the version. */
  readonly stamp?: Timestamp;
  readonly retention?: Retention;
  /** Absent: nobody ever said. */
  readonly legalHold?: boolean;
  /** When the retention was weakened last; absent: never. */
  readonly era?: Timestamp;
};

export function packLock(lock: ObjectLock | undefined): Packed {
  if (lock === undefined) return null;
  const { stamp, retention, legalHold, era } = lock;
  const packed = [packOptionalTimestamp(stamp), packRetention(retention), legalHold ?? null];
  return era === undefined ? packed : [...packed, packOptionalTimestamp(era)];
}

export function readLock(fields: FieldReader): ObjectLock | undefined {
  if (fields.skipNull()) return undefined;
  const parts = fields.nested();
  const stamp = readOptionalTimestamp(parts);
  const retention = readRetention(parts);
  const legalHold = parts.skipNull() ? undefined : parts.flag();
  const era = readOptionalTimestamp(parts);
  return lockOf({ stamp, retention, legalHold, era });
}

export function packRetention(retention: Retention | undefined): Packed {
  return retention === undefined ? null : [packWord(LOCK_MODES, retention.mode), retention.untilMs];
}

export function readRetention(fields: FieldReader): Retention | undefined {
  if (fields.skipNull()) return undefined;
  const parts = fields.nested();
  const mode = readWord(parts, LOCK_MODES) ?? 'COMPLIANCE';
  return { mode, untilMs: parts.integer() };
}

/** With the fields that are there. */
export function lockOf(fields: {
  readonly stamp: Timestamp | undefined;
  readonly retention: Retention | undefined;
  readonly legalHold: boolean | undefined;
  readonly era: Timestamp | undefined;
}): ObjectLock {
  const { stamp, retention, legalHold, era } = fields;
  return {
    ...(stamp === undefined ? {} : { stamp }),
    ...(retention === undefined ? {} : { retention }),
    ...(legalHold === undefined ? {} : { legalHold }),
    ...(era === undefined ? {} : { era }),
  };
}

/** `a` itself where the merge is not more than that; then `b`. */
export function mergeLocks(
  a: ObjectLock | undefined,
  b: ObjectLock | undefined,
): ObjectLock | undefined {
  if (a === b || b === undefined) return a;
  if (a === undefined) return b;
  const { stamp, legalHold } = laterHold(a, b);
  const { era, retention } = laterRetention(a, b);
  const merged = lockOf({ stamp, retention, legalHold, era });
  if (isSameLock(merged, a)) return a;
  return isSameLock(merged, b) ? b : merged;
}

function laterHold(a: ObjectLock, b: ObjectLock): Pick<ObjectLock, 'stamp' | 'legalHold'> {
  if (a.stamp !== b.stamp) return (a.stamp ?? '') > (b.stamp ?? '') ? a : b;
  return holdRank(a) >= holdRank(b) ? a : b;
}

function holdRank({ legalHold }: ObjectLock): number {
  return legalHold === undefined ? 0 : legalHold ? 2 : 1;
}

function laterRetention(a: ObjectLock, b: ObjectLock): Pick<ObjectLock, 'era' | 'retention'> {
  if (a.era !== b.era) return (a.era ?? '') > (b.era ?? '') ? a : b;
  const retention = joinRetentions(a.retention, b.retention);
  return {
    ...(a.era === undefined ? {} : { era: a.era }),
    ...(retention === undefined ? {} : { retention }),
  };
}

/** At least as strict as both, and as long. */
export function joinRetentions(
  a: Retention | undefined,
  b: Retention | undefined,
): Retention | undefined {
  if (a === undefined || b === undefined) return a ?? b;
  const mode = a.mode === 'COMPLIANCE' ? a.mode : b.mode;
  return { mode, untilMs: Math.max(a.untilMs, b.untilMs) };
}

export function isSameRetention(a: Retention | undefined, b: Retention | undefined): boolean {
  return a?.mode === b?.mode && a?.untilMs === b?.untilMs;
}

function isSameLock(a: ObjectLock, b: ObjectLock): boolean {
  const isAlike = a.stamp === b.stamp && a.legalHold === b.legalHold && a.era === b.era;
  return isAlike && isSameRetention(a.retention, b.retention);
}

/** What keeps a version from being deleted at that time; undefined: nothing. */
export function holdingOf(
  lock: ObjectLock | undefined,
  nowMs: number,
): LockMode | 'hold' | undefined {
  if (lock === undefined) return undefined;
  if (lock.legalHold === true) return 'hold';
  const { retention } = lock;
  return retention !== undefined && retention.untilMs > nowMs ? retention.mode : undefined;
}
