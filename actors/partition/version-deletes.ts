/**
 * Taking one version away for good.
 *
 * Owns:          what such a deletion is answered, and that it is tried again once it is known what
 *                stands below the current version.
 * Knows:         the history of a key; whether other replicas must hear of the end.
 * Must not know: batches, commits, who may delete.
 */
import type { ObjectPlace, TableReply, VersionDelete } from '../../schemas/messages/table.ts';
import { NO_COUNTERS } from '../../schemas/records/bucket-counters.ts';
import { mergeLocks } from '../../schemas/records/object-lock.ts';
import type { StoredVersion } from '../../schemas/records/object-row.ts';
import { isNullRow, versionRefOf } from '../../schemas/records/object-row.ts';
import type { VersionAt } from '../../schemas/records/release-entry.ts';
import { deleteHead } from './current-row.ts';
import type { FoundVersion } from './history-rows.ts';
import { findVersionByRef, rowOfStamp, standing } from './history-rows.ts';
import type { Successors, SuccessorSearch } from './successors.ts';
import { newestStanding } from './successors.ts';
import { dropBelow, endVersion, promote, releaseVersion } from './version-ends.ts';
import { bytesOf, isLive } from './version-plan.ts';
import { refusalByLock } from './version-locks.ts';
import { failedCondition } from './write-condition.ts';
import type { WriteStep } from './write-step.ts';

/** Each means that all the versions that the walk before it found were deleted meanwhile. */
const WALKS_MAX = 16;

/** Runs in turn with the writes of the partition. */
export type DeletionAttempt = (apply: (step: WriteStep) => TableReply) => Promise<TableReply>;

/** Walks only where the current version goes: what is next is not known then. */
export async function deleteVersion(
  request: VersionDelete,
  attempt: DeletionAttempt,
  search: SuccessorSearch,
): Promise<TableReply> {
  const { place } = request;
  await search.look([place]);
  for (let walks = 0; walks <= WALKS_MAX; walks += 1) {
    // A step may be run again when a batch before it fails: the last word counts.
    let isLost = false;
    const reply = await attempt(step => {
      const decided = applyVersionDelete(step, request, search.of(place));
      isLost = decided === 'walk';
      return decided === 'walk' ? { kind: 'unknown' } : decided;
    });
    if (!isLost) return reply;
    await search.look([place]);
  }
  return { kind: 'overloaded' };
}

/** `walk`: what was handed in does not tell which version comes next. Throws what reading does. */
function applyVersionDelete(
  step: WriteStep,
  request: VersionDelete,
  successors: Successors | undefined,
): TableReply | 'walk' {
  const { place, condition, mayBypass } = request;
  if (step.ledger.open(place.bucket).fence !== undefined) return { kind: 'bucket-closed' };
  const found = findMeant(step, request);
  const failed = condition && failedCondition(condition, found?.row);
  if (failed !== undefined) return failed;
  const bypass = mayBypass === true ? 'bypass' : 'none';
  const own = found?.row.kind === 'version' ? found.row.lock : undefined;
  const lock = mergeLocks(own, request.lock);
  const locked = refusalByLock(step.surroundings.clock, lock, bypass);
  if (locked !== undefined) return locked;
  const at = request.at ?? (found && versionAt(found.row));
  if (at === undefined) return { kind: 'written' };
  if (!step.surroundings.soleReplica) return endAt(step, place, { at, found }, successors);
  if (found === undefined) return { kind: 'written' };
  if (found.standing === 'current') return deleteCurrent(step, request, found.row, successors);
  dropBelow(step, place, found.row);
  return deletedReply(found.row);
}

function findMeant(
  step: WriteStep,
  { place, version, at }: VersionDelete,
): FoundVersion | undefined {
  const { partition, batch: rows } = step;
  if (at === undefined) return findVersionByRef({ rows, partition, place }, version);
  const here = rowOfStamp({ rows, partition, place }, at.timestamp);
  const row = standing(here?.row);
  return here && row && { row, standing: here.standing };
}

function versionAt(row: StoredVersion): VersionAt {
  return { timestamp: row.timestamp, isNull: isNullRow(row) };
}

/** Others may hold it, or have missed it: its end is a row that reaches them. */
function endAt(
  step: WriteStep,
  place: ObjectPlace,
  { at, found }: { readonly at: VersionAt; readonly found: FoundVersion | undefined },
  successors: Successors | undefined,
): TableReply | 'walk' {
  const { timestamp, isNull } = at;
  const end = { kind: 'tombstone', timestamp, ends: isNull ? 'null' : 'version' } as const;
  if (endVersion(step, place, end, successors) === 'walk') return 'walk';
  return found === undefined ? { kind: 'written' } : deletedReply(found.row);
}

function deletedReply(row: StoredVersion): TableReply {
  const version = versionRefOf(row);
  return row.kind === 'marker'
    ? { kind: 'written', version, marker: true }
    : { kind: 'written', version, replaced: { sizeBytes: row.sizeBytes } };
}

function deleteCurrent(
  step: WriteStep,
  { place, timestamp }: VersionDelete,
  row: StoredVersion,
  successors: Successors | undefined,
): TableReply | 'walk' {
  if (successors === undefined) return 'walk';
  const { partition, batch: rows } = step;
  const next = newestStanding({ rows, partition, place }, successors);
  if (next === 'walk') return 'walk';
  if (next === undefined && timestamp <= row.timestamp) {
    return { kind: 'older', newest: row.timestamp };
  }
  const releases = releaseVersion(step, place, row);
  if (next === undefined) deleteHead(step, place, { timestamp, releases });
  else promote(step, place, next);
  const objects = isLive(next) - isLive(row);
  step.ledger.count(place.bucket, { ...NO_COUNTERS, objects, bytes: -bytesOf(row) });
  return deletedReply(row);
}
