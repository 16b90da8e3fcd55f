/**
 * What a lock keeps from happening to a version, and how it may be changed.
 *
 * Owns:          the refusal of a deletion; the rules by which retention and hold change.
 * Knows:         "Locking objects with Object Lock" of the S3 user guide; this node's clock.
 * Must not know: which rows a deletion or a change touches.
 *
 * It is asked in the step that deletes or changes, so nothing comes between. That a retention is
 * over is believed only while this node's clock stands as those of a majority do.
 */
import type { Clock } from '../../schemas/environment.ts';
import type { ObjectChange, RetentionChange, TableReply } from '../../schemas/messages/table.ts';
import type { ObjectLock } from '../../schemas/records/object-lock.ts';
import {
  holdingOf,
  isSameRetention,
  joinRetentions,
  lockOf,
} from '../../schemas/records/object-lock.ts';
import type { StoredVersion } from '../../schemas/records/object-row.ts';

type Locked = Extract<TableReply, { kind: 'version-locked' }>;
type Older = Extract<TableReply, { kind: 'older' }>;

const HELD: Locked = { kind: 'version-locked', because: 'held' };
const IN_DOUBT: Locked = { kind: 'version-locked', because: 'clock' };

/** Who deletes may have the right to bypass governance, and say so. */
export type Bypass = 'bypass' | 'none';

/** Why a version must not go; undefined: it may. */
export function refusalToDelete(
  clock: Clock,
  row: StoredVersion | undefined,
  bypass: Bypass,
): Locked | undefined {
  return row?.kind === 'version' ? refusalByLock(clock, row.lock, bypass) : undefined;
}

/** The same of a version that may not be here. */
export function refusalByLock(
  clock: Clock,
  lock: ObjectLock | undefined,
  bypass: Bypass,
): Locked | undefined {
  if (lock === undefined) return undefined;
  const holding = holdingOf(lock, clock.wallMs());
  if (holding === 'GOVERNANCE') return bypass === 'bypass' ? undefined : HELD;
  if (holding !== undefined) return HELD;
  return lock.retention !== undefined && isClockInDoubt(clock) ? IN_DOUBT : undefined;
}

function isClockInDoubt(clock: Clock): boolean {
  return clock.agreesWithMajority === false;
}

export type DecidedLock = { readonly kind: 'lock'; readonly lock: ObjectLock | undefined };

/** `older`: the lock was changed later than this change is stamped. It is to be stamped again. */
export function lockAfter(
  clock: Clock,
  stored: ObjectLock | undefined,
  change: Pick<ObjectChange, 'retention' | 'hold'>,
): DecidedLock | Locked | Older {
  const { retention, hold } = change;
  const stamp = (retention ?? hold)?.stamp;
  if (stamp === undefined || stored?.stamp === stamp) return { kind: 'lock', lock: stored };
  if (stored?.stamp !== undefined && stored.stamp > stamp) {
    return { kind: 'older', newest: stored.stamp };
  }
  const kept = retention === undefined ? stored : retentionAfter(clock, stored, retention);
  if (kept !== undefined && 'because' in kept) return kept;
  const { legalHold } = hold ?? stored ?? {};
  const { retention: now, era } = kept ?? {};
  return { kind: 'lock', lock: lockOf({ stamp, retention: now, legalHold, era }) };
}

type Kept = Pick<ObjectLock, 'retention' | 'era'>;

/** More of the same mode is always allowed; anything else ends what is held now. */
function retentionAfter(
  clock: Clock,
  stored: ObjectLock | undefined,
  { retention: wanted, mayBypass, stamp }: RetentionChange,
): Kept | Locked | undefined {
  const held = stored?.retention;
  if (isSameRetention(held, wanted)) return stored;
  const era = stored?.era;
  const isGrowth = isSameRetention(joinRetentions(held, wanted), wanted);
  const isSameMode = held === undefined || held.mode === wanted?.mode;
  const kept = wanted === undefined ? {} : { retention: wanted };
  const grown = era === undefined ? kept : { ...kept, era };
  if (isGrowth && isSameMode) return grown;
  if (held !== undefined) {
    const isOver = held.untilMs <= clock.wallMs();
    const isBypassed = held.mode === 'GOVERNANCE' && mayBypass;
    if (!isOver && !isBypassed) return HELD;
    if (isOver && !isBypassed && isClockInDoubt(clock)) return IN_DOUBT;
  }
  return isGrowth ? grown : { ...kept, era: stamp };
}
