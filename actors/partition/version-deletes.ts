/**
 * Taking one version away for good.
 *
 * Owns:          what such a deletion changes in the rows of its partition, and which version
 *                becomes the current one.
 * Knows:         the history of a key.
 * Must not know: batches, commits, who may delete.
 *
 * Where the current version goes, the newest below it takes its place. Finding that one takes a
 * walk, and a step does not wait; so the caller walks before and hands in what it found, and this
 * looks each up again. What stands below the current version only ever becomes less while that
 * version is the current one, so a walk that was made at any time before found all that is there.
 */
import type { ObjectPlace, TableReply, VersionDelete } from '../../schemas/messages/table.ts';
import { NO_COUNTERS } from '../../schemas/records/bucket-counters.ts';
import { encodeInlineRow } from '../../schemas/records/inline-row.ts';
import type { StoredVersion } from '../../schemas/records/object-row.ts';
import { encodeObjectRow, versionRefOf } from '../../schemas/records/object-row.ts';
import type { PartitionId, VersionId } from '../../schemas/ids.ts';
import type { Timestamp } from '../../schemas/timestamp.ts';
import type { Store } from '../storage/store.ts';
import {
  findVersionByRef,
  hasBytes,
  readHistory,
  readHistoryBytes,
  takeHistory,
} from './history-rows.ts';
import { historyRowRange, inlineRowKey, objectRowKey, timestampOfHistory } from './row-keys.ts';
import { keysOfRange } from './row-walk.ts';
import { deleteObjectRow } from './object-deletion.ts';
import { bytesOf, isLive } from './version-plan.ts';
import { refusalToDelete } from './version-locks.ts';
import { failedCondition } from './write-condition.ts';
import type { WriteStep } from './write-step.ts';

/** Stamps of what stands below the current version, the newest first; `isAll`: there is no more. */
export type Successors = { readonly stamps: readonly Timestamp[]; readonly isAll: boolean };

const SUCCESSORS_MAX = 64;

export async function walkSuccessors(
  { store, partition }: { readonly store: Store; readonly partition: PartitionId },
  place: ObjectPlace,
): Promise<Successors> {
  const keys = await keysOfRange(store, historyRowRange(partition, place), SUCCESSORS_MAX);
  return { stamps: keys.map(timestampOfHistory), isAll: keys.length < SUCCESSORS_MAX };
}

/** Each means that all the versions that the walk before it found were deleted meanwhile. */
const WALKS_MAX = 16;

/** Runs in turn with the writes of the partition. */
export type DeletionAttempt = (apply: (step: WriteStep) => TableReply) => Promise<TableReply>;

/** Walks only where the current version goes: what is next is not known then. */
export async function deleteVersion(
  request: VersionDelete,
  attempt: DeletionAttempt,
  walk: () => Promise<Successors>,
): Promise<TableReply> {
  let successors: Successors | undefined;
  for (let walks = 0; walks <= WALKS_MAX; walks += 1) {
    // A step may be run again when a batch before it fails: the last word counts.
    let isLost = false;
    const known = successors;
    const reply = await attempt(step => {
      const decided = applyVersionDelete(step, request, known);
      isLost = decided === 'walk';
      return decided === 'walk' ? { kind: 'unknown' } : decided;
    });
    if (!isLost) return reply;
    successors = await walk();
  }
  return { kind: 'overloaded' };
}

/** `walk`: what was handed in does not tell which version comes next. Throws what reading does. */
function applyVersionDelete(
  step: WriteStep,
  request: VersionDelete,
  successors: Successors | undefined,
): TableReply | 'walk' {
  const { place, version, condition, mayBypass } = request;
  if (step.ledger.open(place.bucket).fence !== undefined) return { kind: 'bucket-closed' };
  const { partition, batch: rows } = step;
  const found = findVersionByRef({ rows, partition, place }, version);
  const failed = condition && failedCondition(condition, found?.row);
  if (failed !== undefined) return failed;
  if (found === undefined) return { kind: 'written' };
  const bypass = mayBypass === true ? 'bypass' : 'none';
  const locked = refusalToDelete(step.surroundings.clock, found.row, bypass);
  if (locked !== undefined) return locked;
  if (found.standing === 'current') return deleteCurrent(step, request, found.row, successors);
  dropHistory(step, place, found.row);
  step.ledger.count(place.bucket, { ...NO_COUNTERS, bytes: -bytesOf(found.row) });
  return deletedReply(found.row);
}

function deletedReply(row: StoredVersion): TableReply {
  const version = versionRefOf(row);
  return row.kind === 'marker'
    ? { kind: 'written', version, marker: true }
    : { kind: 'written', version, replaced: { sizeBytes: row.sizeBytes } };
}

/** Gives back what a noncurrent version holds. Counting is the caller's. */
export function dropHistory(step: WriteStep, place: ObjectPlace, row: StoredVersion): void {
  takeHistory(step, place, row);
  release(step, place, row);
}

/** The id of what is to be released before anyone forgets the deletion. */
function release(step: WriteStep, place: ObjectPlace, row: StoredVersion): VersionId | undefined {
  if (row.kind === 'marker' || row.content.kind === 'inline') return undefined;
  const { versionId, content } = row;
  step.release({ kind: 'version', place, versionId, content });
  return versionId;
}

function deleteCurrent(
  step: WriteStep,
  { place, timestamp }: VersionDelete,
  row: StoredVersion,
  successors: Successors | undefined,
): TableReply | 'walk' {
  if (successors === undefined) return 'walk';
  const next = firstStanding(step, place, successors.stamps);
  if (next === undefined && !successors.isAll) return 'walk';
  if (next === undefined && timestamp <= row.timestamp) {
    return { kind: 'older', newest: row.timestamp };
  }
  const { partition, batch: rows } = step;
  const bytes = next && readHistoryBytes({ rows, partition, place }, next);
  if (next === undefined) deleteLast(step, place, { timestamp, row });
  else promote(step, place, { row, next, bytes });
  const objects = isLive(next) - isLive(row);
  step.ledger.count(place.bucket, { ...NO_COUNTERS, objects, bytes: -bytesOf(row) });
  return deletedReply(row);
}

function firstStanding(
  step: WriteStep,
  place: ObjectPlace,
  stamps: readonly Timestamp[],
): StoredVersion | undefined {
  const { partition, batch: rows } = step;
  for (const stamp of stamps) {
    const row = readHistory({ rows, partition, place }, stamp);
    if (row !== undefined) return row;
  }
  return undefined;
}

function deleteLast(
  step: WriteStep,
  place: ObjectPlace,
  { timestamp, row }: { readonly timestamp: Timestamp; readonly row: StoredVersion },
): void {
  if (hasBytes(row)) step.batch.delete(inlineRowKey(step.partition, place));
  const releases = release(step, place, row);
  deleteObjectRow(step, place, { timestamp, releases });
}

function promote(
  step: WriteStep,
  place: ObjectPlace,
  change: {
    readonly row: StoredVersion;
    readonly next: StoredVersion;
    readonly bytes: Buffer | undefined;
  },
): void {
  const { row, next, bytes } = change;
  const { batch, partition } = step;
  const encoded = encodeObjectRow(next);
  takeHistory(step, place, next);
  batch.put(objectRowKey(partition, place), encoded);
  const inlineKey = inlineRowKey(partition, place);
  if (bytes !== undefined) batch.put(inlineKey, encodeInlineRow(encoded, bytes));
  else if (hasBytes(row)) batch.delete(inlineKey);
  release(step, place, row);
}
