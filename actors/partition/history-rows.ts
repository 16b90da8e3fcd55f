/**
 * The versions of a key below the current one: where they stand, and how one is found by its name.
 *
 * Owns:          putting a version into the history and taking it out again, with its bytes and
 *                with the names under which it is looked for.
 * Knows:         object rows; the keys of the three tables.
 * Must not know: why a version comes or goes, and what it references.
 *
 * History stands in tables of its own, so that a plain listing never passes it. A row's place is
 * its timestamp, the newest first. Two names need a row more: a version id that is not the
 * timestamp (a version with blocks is named before it is stamped), and the null version.
 *
 * Where there are other replicas the tombstones of versions stand there too, until all have them,
 * and so does the deletion of a null version that is not the current one: its name leads to it.
 */
import type { PartitionId, VersionId } from '../../schemas/ids.ts';
import type { ObjectPlace } from '../../schemas/messages/table.ts';
import type {
  ObjectRow,
  ObjectVersion,
  StoredVersion,
  VersionRef,
} from '../../schemas/records/object-row.ts';
import {
  decodeObjectRow,
  encodeObjectRow,
  isNullRow,
  versionRefOf,
} from '../../schemas/records/object-row.ts';
import type { Timestamp } from '../../schemas/timestamp.ts';
import { timestampFromBytes, timestampToBytes } from '../../schemas/timestamp.ts';
import type { Rows } from '../storage/row-damage.ts';
import { readRow } from '../storage/row-damage.ts';
import { historyBytesRowKey, historyRowKey, objectRowKey, versionNameRowKey } from './row-keys.ts';
import { readObjectRow } from './stored-rows.ts';
import type { WriteStep } from './write-step.ts';

/** A key in a partition's rows, or in a batch on top of them. */
export type KeyRows = {
  readonly rows: Rows;
  readonly partition: PartitionId;
  readonly place: ObjectPlace;
};

/** Where a version stands; `history` rows have theirs by timestamp. */
export type FoundVersion = {
  readonly row: StoredVersion;
  readonly standing: 'current' | 'history';
};

/** The version that a client means. Throws what reading the rows throws. */
export function findVersionByRef(at: KeyRows, ref: VersionRef): FoundVersion | undefined {
  const current = currentOf(at);
  if (current !== undefined && isNamed(current, ref)) return { row: current, standing: 'current' };
  if (ref !== 'null') {
    const row = readHistory(at, ref);
    if (row?.versioned === true) return { row, standing: 'history' };
  }
  const row = readNamed(at, ref as VersionId | 'null');
  return row === undefined ? undefined : { row, standing: 'history' };
}

function isNamed(row: StoredVersion, ref: VersionRef): boolean {
  if (versionRefOf(row) === ref) return true;
  return row.kind === 'version' && row.versioned === true && (row.versionId as string) === ref;
}

/** The version of an owner of blocks, current or not. */
export function findVersionById(at: KeyRows, versionId: VersionId): ObjectVersion | undefined {
  const current = currentOf(at);
  if (current?.kind === 'version' && current.versionId === versionId) return current;
  const row = readHistory(at, versionId) ?? readNamed(at, versionId);
  return row?.kind === 'version' && row.versionId === versionId ? row : undefined;
}

function currentOf({ rows, partition, place }: KeyRows): StoredVersion | undefined {
  return standing(readObjectRow(rows, objectRowKey(partition, place)));
}

export function standing(row: ObjectRow | undefined): StoredVersion | undefined {
  return row === undefined || row.kind === 'tombstone' ? undefined : row;
}

export function readHistory(
  { rows, partition, place }: KeyRows,
  timestamp: Timestamp,
): StoredVersion | undefined {
  return standing(readHistoryRow({ rows, partition, place }, timestamp));
}

function readNamed(at: KeyRows, name: VersionId | 'null'): StoredVersion | undefined {
  const timestamp = stampOfName(at, name);
  return timestamp && readHistory(at, timestamp);
}

function stampOfName(
  { rows, partition, place }: KeyRows,
  name: VersionId | 'null',
): Timestamp | undefined {
  return readRow(rows, versionNameRowKey(partition, place, name), timestampFromBytes);
}

/** The null version when it is not the current one, or its deletion. */
export function readNullBelow(at: KeyRows): ObjectRow | undefined {
  const timestamp = stampOfName(at, 'null');
  return timestamp && readHistoryRow(at, timestamp);
}

/** What is known last of the null version, wherever it stands. */
export function lastNull(at: KeyRows): ObjectRow | undefined {
  const head = readObjectRow(at.rows, objectRowKey(at.partition, at.place));
  return head !== undefined && isNullRow(head) ? head : readNullBelow(at);
}

export function readHistoryRow(
  { rows, partition, place }: KeyRows,
  timestamp: Timestamp,
): ObjectRow | undefined {
  return readRow(rows, historyRowKey(partition, place, timestamp), decodeObjectRow);
}

/** What is known of a stamp, be it a tombstone. */
export function rowOfStamp(
  at: KeyRows,
  timestamp: Timestamp,
): { readonly row: ObjectRow; readonly standing: FoundVersion['standing'] } | undefined {
  const current = readObjectRow(at.rows, objectRowKey(at.partition, at.place));
  if (current?.timestamp === timestamp) return { row: current, standing: 'current' };
  const row = readHistoryRow(at, timestamp);
  return row && { row, standing: 'history' };
}

/** Bytes of a small version; undefined when they are not there, or it has none. */
export function readHistoryBytes(
  { rows, partition, place }: KeyRows,
  row: ObjectRow,
): Buffer | undefined {
  if (!hasBytes(row)) return undefined;
  return rows.get(historyBytesRowKey(partition, place, row.timestamp));
}

export function hasBytes(row: ObjectRow): boolean {
  return row.kind === 'version' && row.content.kind === 'inline' && row.sizeBytes > 0;
}

/** Into the history, with the bytes it has. */
export function putHistory(
  step: WriteStep,
  place: ObjectPlace,
  { row, bytes }: { readonly row: ObjectRow; readonly bytes: Uint8Array | undefined },
): void {
  const { batch, partition } = step;
  step.surroundings.watch.note(place, row.timestamp);
  batch.put(historyRowKey(partition, place, row.timestamp), encodeObjectRow(row));
  if (bytes !== undefined) batch.put(historyBytesRowKey(partition, place, row.timestamp), bytes);
  for (const name of namesOf(row)) {
    // A version that was sent again has two stamps, until the first one is void.
    const named = stampOfName({ rows: batch, partition, place }, name);
    if (named !== undefined && named > row.timestamp) continue;
    batch.put(versionNameRowKey(partition, place, name), timestampToBytes(row.timestamp));
  }
}

/** Changes a row that stands there. */
export function replaceHistory(step: WriteStep, place: ObjectPlace, row: ObjectRow): void {
  step.batch.put(historyRowKey(step.partition, place, row.timestamp), encodeObjectRow(row));
}

/** Out of the history, whether it becomes the current one again or goes for good. */
export function takeHistory(step: WriteStep, place: ObjectPlace, row: ObjectRow): void {
  const { batch, partition } = step;
  batch.delete(historyRowKey(partition, place, row.timestamp));
  if (hasBytes(row)) batch.delete(historyBytesRowKey(partition, place, row.timestamp));
  for (const name of namesOf(row)) {
    const named = stampOfName({ rows: batch, partition, place }, name);
    if (named === row.timestamp) batch.delete(versionNameRowKey(partition, place, name));
  }
}

function namesOf(row: ObjectRow): (VersionId | 'null')[] {
  const names: (VersionId | 'null')[] = [];
  if (isNullRow(row)) names.push('null');
  if (row.kind === 'version' && (row.versionId as string) !== row.timestamp) {
    names.push(row.versionId);
  }
  return names;
}
