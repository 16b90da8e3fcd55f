/**
 * The end of one version among others: what it held goes, and who takes its place.
 *
 * Owns:          what such an end changes in the rows of its key.
 * Knows:         the history of a key; that ends travel where there are other replicas.
 * Must not know: who ended it, requests, replies.
 *
 * An end is a row of its own, under the stamp of the version: a replica that has missed the version
 * keeps it as well, so that a copy which comes late finds it ended. It is forgotten in a round.
 * The end of a null version is at the same time the last that is known of any, so older ones which
 * another replica may still hold end with it.
 *
 * Where the current version ends, the newest below it takes its place (successors.ts).
 */
import type { VersionId } from '../../schemas/ids.ts';
import type { ObjectPlace } from '../../schemas/messages/table.ts';
import { NO_COUNTERS } from '../../schemas/records/bucket-counters.ts';
import type { EndedVersion, ObjectRow, StoredVersion } from '../../schemas/records/object-row.ts';
import { isNullRow, mergeObjectRows } from '../../schemas/records/object-row.ts';
import type { ObjectTombstone } from '../../schemas/records/object-row.ts';
import { orDamage } from '../storage/row-damage.ts';
import { dropHead, putHead } from './current-row.ts';
import {
  putHistory,
  readHistoryBytes,
  readHistoryRow,
  readNullBelow,
  replaceHistory,
  standing,
  takeHistory,
} from './history-rows.ts';
import { objectRowKey } from './row-keys.ts';
import { readObjectRow } from './stored-rows.ts';
import type { Successors } from './successors.ts';
import { newestStanding } from './successors.ts';
import { bytesOf, isLive, markerOf } from './version-plan.ts';
import type { WriteStep } from './write-step.ts';

/** The tombstone of one version. */
export type VersionEnd = ObjectTombstone & { readonly ends: EndedVersion };

export function isEnd(row: ObjectRow): row is VersionEnd {
  return row.kind === 'tombstone' && row.ends !== undefined;
}

/** Whether the current version is what ends, so that another takes its place. */
export function endsCurrent(head: ObjectRow | undefined, end: VersionEnd): boolean {
  const current = standing(head);
  if (current === undefined || isNullRow(current) !== isNullRow(end)) return false;
  const { timestamp } = current;
  return isNullRow(end) ? timestamp <= end.timestamp : timestamp === end.timestamp;
}

/** `walk`: nothing is changed; it must be known what stands below. Throws what reading throws. */
export function endVersion(
  step: WriteStep,
  place: ObjectPlace,
  end: VersionEnd,
  successors: Successors | undefined,
): 'changed' | 'unchanged' | 'walk' {
  const head = orAbsent(step, place, () => {
    return readObjectRow(step.batch, objectRowKey(step.partition, place));
  });
  const current = standing(head);
  if (current !== undefined && endsCurrent(head, end)) {
    return endCurrent(step, place, { current, end }, successors);
  }
  return isNullRow(end) ? endNull(step, place, end, head) : endBelow(step, place, end, head);
}

/** Of what arrives: what is damaged here is written again, by this row or by one that comes yet;
 *  what it held is counted anew. */
export function orAbsent<Row>(
  step: WriteStep,
  place: ObjectPlace,
  read: () => Row | undefined,
): Row | undefined {
  const found = orDamage(read);
  if (found !== 'damaged') return found;
  step.ledger.distrust(place.bucket);
  return undefined;
}

/** A version with an id that is not the current one, or was never here. */
function endBelow(
  step: WriteStep,
  place: ObjectPlace,
  end: VersionEnd,
  head: ObjectRow | undefined,
): 'changed' | 'unchanged' {
  const at = { rows: step.batch, partition: step.partition, place };
  const isHead = head?.timestamp === end.timestamp;
  const here = isHead ? head : orAbsent(step, place, () => readHistoryRow(at, end.timestamp));
  const row = standing(here);
  if (here !== undefined && row === undefined) {
    const merged = mergeObjectRows(here, end);
    if (merged === here) return 'unchanged';
    replaceHistory(step, place, merged);
    return 'changed';
  }
  let releases: VersionId | undefined;
  if (row !== undefined) {
    takeHistory(step, place, row);
    releases = end.ends === 'repeated' ? undefined : releaseVersion(step, place, row);
    step.ledger.count(place.bucket, { ...NO_COUNTERS, bytes: -bytesOf(row) });
  }
  putEnd(step, place, end, releases);
  return 'changed';
}

/** The null version where it is not the current one. */
function endNull(
  step: WriteStep,
  place: ObjectPlace,
  end: VersionEnd,
  head: ObjectRow | undefined,
): 'changed' | 'unchanged' {
  if (head === undefined || isNullRow(head)) {
    const merged = head === undefined ? end : mergeObjectRows(head, end);
    if (merged === head) return 'unchanged';
    putHead(step, place, { row: merged, bytes: undefined });
    return 'changed';
  }
  const at = { rows: step.batch, partition: step.partition, place };
  const below = orAbsent(step, place, () => readNullBelow(at));
  if (below !== undefined && mergeObjectRows(below, end) === below) return 'unchanged';
  const releases = below && dropBelow(step, place, below);
  putEnd(step, place, end, releases);
  return 'changed';
}

function putEnd(
  step: WriteStep,
  place: ObjectPlace,
  end: ObjectTombstone,
  releases: VersionId | undefined,
): void {
  putHistory(step, place, { row: end, bytes: undefined });
  step.forgetLater({ kind: 'version', ...place, timestamp: end.timestamp, releases });
}

/** A row that is not the current one, and counts with its bytes. */
export function putBelow(
  step: WriteStep,
  place: ObjectPlace,
  { row, bytes }: { readonly row: ObjectRow; readonly bytes: Uint8Array | undefined },
): void {
  if (row.kind === 'tombstone') {
    putEnd(step, place, row, undefined);
    return;
  }
  putHistory(step, place, { row, bytes });
  step.ledger.count(place.bucket, { ...NO_COUNTERS, bytes: bytesOf(row) });
}

/** The same way back: what it held is released. */
export function dropBelow(
  step: WriteStep,
  place: ObjectPlace,
  row: ObjectRow,
): VersionId | undefined {
  step.ledger.count(place.bucket, { ...NO_COUNTERS, bytes: -bytesOf(row) });
  return dropHistory(step, place, row);
}

/** Gives back what a noncurrent version holds, and takes its row away. Counting is the caller's. */
export function dropHistory(
  step: WriteStep,
  place: ObjectPlace,
  row: ObjectRow,
): VersionId | undefined {
  takeHistory(step, place, row);
  return releaseVersion(step, place, row);
}

/** The id of what is to be released before anyone forgets the end. */
export function releaseVersion(
  step: WriteStep,
  place: ObjectPlace,
  row: ObjectRow,
): VersionId | undefined {
  if (row.kind !== 'version' || row.content.kind === 'inline') return undefined;
  const { versionId, content, timestamp } = row;
  const isAlone = step.surroundings.soleReplica;
  const at = isAlone ? undefined : { timestamp, isNull: isNullRow(row) };
  step.release({ kind: 'version', place, versionId, content, at });
  return versionId;
}

// ---- the current version ------------------------------------------------------------------------

type Ending = { readonly current: StoredVersion; readonly end: VersionEnd };

function endCurrent(
  step: WriteStep,
  place: ObjectPlace,
  { current, end }: Ending,
  successors: Successors | undefined,
): 'changed' | 'walk' {
  if (successors === undefined) return 'walk';
  const at = { rows: step.batch, partition: step.partition, place };
  const next = newestStanding(at, successors);
  if (next === 'walk') return 'walk';
  const releases = end.ends === 'repeated' ? undefined : releaseVersion(step, place, current);
  const deletion = isNullRow(end) ? end : readNullBelow(at);
  const head = whoFollows(next, deletion);
  if (head === undefined) dropHead(step, place);
  else if (head === next) promote(step, place, next);
  else {
    if (deletion !== undefined && deletion !== end) takeHistory(step, place, deletion);
    putHead(step, place, {
      row: head,
      bytes: undefined,
      releases: head === end ? releases : undefined,
    });
  }
  if (head !== end) putEnd(step, place, end, releases);
  const objects = isLive(head) - isLive(current);
  step.ledger.count(place.bucket, { ...NO_COUNTERS, objects, bytes: -bytesOf(current) });
  return 'changed';
}

/** The newest version; but what deleted the object above it says that it is deleted. */
function whoFollows(
  next: StoredVersion | undefined,
  deletion: ObjectRow | undefined,
): ObjectRow | undefined {
  if (deletion?.kind !== 'tombstone') return next;
  if (next === undefined) return deletion;
  const isAbove = deletion.ends === undefined && deletion.timestamp > next.timestamp;
  return isAbove ? markerOf(deletion) : next;
}

/** From the history to the current place, with its bytes. */
export function promote(step: WriteStep, place: ObjectPlace, next: StoredVersion): void {
  const { partition, batch: rows } = step;
  const bytes = readHistoryBytes({ rows, partition, place }, next);
  takeHistory(step, place, next);
  putHead(step, place, { row: next, bytes });
}
