/**
 * What a write of an object means for the versions of its key.
 *
 * Owns:          the rule: what stands there is replaced, or goes into the history.
 * Knows:         "How S3 Versioning works" of the S3 user guide; the history of a key.
 * Must not know: conditions, quotas, what a version references.
 *
 * A write says by its row whether its bucket keeps versions. What it meets counts as well: a
 * gateway that has not heard yet of versioning must not destroy a version, so no version that was
 * written while versions were kept is ever replaced. The null version is: there is one at most.
 *
 * A key whose versions were never kept has one row, and nothing more is read for it.
 */
import type { ObjectPlace } from '../../schemas/messages/table.ts';
import type { BucketCounters } from '../../schemas/records/bucket-counters.ts';
import { NO_COUNTERS } from '../../schemas/records/bucket-counters.ts';
import { mergeLocks } from '../../schemas/records/object-lock.ts';
import type { ObjectRow, ObjectVersion, StoredVersion } from '../../schemas/records/object-row.ts';
import type { Timestamp } from '../../schemas/timestamp.ts';
import { readNullBelow, standing } from './history-rows.ts';
import type { WriteStep } from './write-step.ts';

export type VersionPlan = {
  /** What becomes the current row. */
  readonly row: ObjectRow;
  /** What stands there and is kept. */
  readonly demoted: ObjectRow | undefined;
  /** What stands there and goes. */
  readonly superseded: ObjectVersion | undefined;
  /** The null version, where it is not the current one, or its deletion; it goes. */
  readonly dropped: ObjectRow | undefined;
};

const NOTHING = { demoted: undefined, superseded: undefined, dropped: undefined } as const;

type Planned = {
  readonly row: ObjectRow;
  readonly stored: ObjectRow | undefined;
  /** The write's earlier stamps. */
  readonly voids?: readonly Timestamp[] | undefined;
};

/** Of a row that becomes the current one. Throws what reading the history throws. */
export function planWrite(
  step: WriteStep,
  place: ObjectPlace,
  { row: written, stored, voids }: Planned,
): VersionPlan {
  const head = standing(stored);
  if (head === undefined) {
    // Another replica may hold what it deleted.
    const isNeeded = isVersioned(written) && !step.surroundings.soleReplica;
    return { row: written, ...NOTHING, demoted: isNeeded ? stored : undefined };
  }
  const isDeletion = written.kind === 'tombstone';
  const mayHaveHistory = head.versioned === true || head.kind === 'marker';
  const row: ObjectRow = isDeletion && mayHaveHistory ? markerOf(written) : written;
  const isKept = isVersioned(row) || head.versioned === true;
  const isAgain =
    isSameVersion(row, head) &&
    (step.surroundings.soleReplica ||
      !isVersioned(row) ||
      voids?.includes(head.timestamp) === true);
  if (!isKept || isAgain) {
    if (head.kind !== 'version') return { row, ...NOTHING };
    const isRaised = head.lock !== undefined && isSameVersion(row, head);
    return { row: isRaised ? withLockOf(row, head) : row, ...NOTHING, superseded: head };
  }
  const { partition, batch: rows } = step;
  const dropped = isVersioned(row) ? undefined : readNullBelow({ rows, partition, place });
  return { row, ...NOTHING, demoted: head, dropped };
}

/** A deletion of the object that lies above a version. */
export function markerOf({ timestamp }: ObjectRow): StoredVersion {
  return { kind: 'marker', timestamp };
}

export function isVersioned(row: ObjectRow): boolean {
  return row.kind !== 'tombstone' && row.versioned === true;
}

/** Under a raised timestamp. */
function isSameVersion(row: ObjectRow, head: StoredVersion): boolean {
  return row.kind === 'version' && head.kind === 'version' && row.versionId === head.versionId;
}

/** What became of its lock since it was written first. */
function withLockOf(row: ObjectRow, head: ObjectVersion): ObjectRow {
  const lock = row.kind === 'version' ? mergeLocks(row.lock, head.lock) : undefined;
  return row.kind !== 'version' || lock === undefined ? row : { ...row, lock };
}

/** Objects are keys with a current version; bytes are those of all versions. */
export function countersOfPlan({ row, demoted, superseded, dropped }: VersionPlan): BucketCounters {
  const objects = isLive(row) - isLive(demoted) - isLive(superseded);
  const bytes = bytesOf(row) - bytesOf(superseded) - bytesOf(dropped);
  return { ...NO_COUNTERS, objects, bytes };
}

export function isLive(row: ObjectRow | undefined): 0 | 1 {
  return row?.kind === 'version' ? 1 : 0;
}

export function bytesOf(row: ObjectRow | undefined): number {
  return row?.kind === 'version' ? row.sizeBytes : 0;
}
