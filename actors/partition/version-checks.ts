/**
 * What other replicas are told of a version that was ended elsewhere.
 *
 * Owns:          whether it is over here for good; whether its upload is named by another version.
 * Knows:         the rows of a key.
 * Must not know: what is released on the answer.
 *
 * That a version is not here is no answer: it may come yet. It is over where its end is known, or a
 * newer null version than it was.
 */
import type { PartitionId, UploadId } from '../../schemas/ids.ts';
import type { TableReply } from '../../schemas/messages/table.ts';
import type { VersionCheck } from '../../schemas/messages/table-replicas.ts';
import type { ObjectRow } from '../../schemas/records/object-row.ts';
import type { VersionAt } from '../../schemas/records/release-entry.ts';
import type { Store } from '../storage/store.ts';
import type { KeyRows } from './history-rows.ts';
import { lastNull, rowOfStamp } from './history-rows.ts';
import { historyOf } from './history-walk.ts';
import { objectRowKey } from './row-keys.ts';
import { readObjectRow } from './stored-rows.ts';

type Here = { readonly store: Store; readonly partition: PartitionId };

/** Throws what the store and the decoders throw. */
export async function checkVersion(
  here: Here,
  { place, at, uploadId }: VersionCheck,
): Promise<TableReply> {
  const { store: rows, partition } = here;
  const isOver = isVersionOver({ rows, partition, place }, at);
  const named = uploadId === undefined ? [] : await versionsOfUpload(here, place, uploadId);
  const isUploadNamed = named.some(row => row.timestamp !== at.timestamp);
  return { kind: 'version-checked', isOver, isUploadNamed };
}

/** Throws what reading the rows throws. */
function isVersionOver(at: KeyRows, { timestamp, isNull }: VersionAt): boolean {
  if (rowOfStamp(at, timestamp)?.row.kind === 'tombstone') return true;
  if (!isNull) return false;
  const last = lastNull(at);
  return last !== undefined && last.timestamp > timestamp;
}

/** All versions of a key, current or not, whose parts are those of an upload. */
export async function versionsOfUpload(
  here: Here,
  place: VersionCheck['place'],
  uploadId: UploadId,
): Promise<readonly Extract<ObjectRow, { kind: 'version' }>[]> {
  const found: Extract<ObjectRow, { kind: 'version' }>[] = [];
  const look = (row: ObjectRow | undefined): void => {
    if (row?.kind !== 'version' || row.content.kind !== 'parts') return;
    if (row.content.uploadId === uploadId) found.push(row);
  };
  look(readObjectRow(here.store, objectRowKey(here.partition, place)));
  for await (const row of historyOf(here, place)) look(row);
  return found;
}
