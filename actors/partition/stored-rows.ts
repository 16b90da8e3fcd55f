/**
 * Rows as they are stored, decoded.
 *
 * Owns:          reading those that several parts need: objects and uploads.
 * Knows:         the encodings of rows.
 * Must not know: what is done about damage.
 */
import type { PartitionId, UploadId } from '../../schemas/ids.ts';
import type { ObjectPlace } from '../../schemas/messages/table.ts';
import type { ObjectRow } from '../../schemas/records/object-row.ts';
import { decodeObjectRow } from '../../schemas/records/object-row.ts';
import type { OpenUploadRow } from '../../schemas/records/open-upload-row.ts';
import { decodeOpenUploadRow } from '../../schemas/records/open-upload-row.ts';
import type { UploadRow } from '../../schemas/records/upload-row.ts';
import { decodeUploadRow } from '../../schemas/records/upload-row.ts';
import { orDamage, readRow, type Rows } from '../storage/row-damage.ts';
import { endedUploadRowKey, openUploadRowKey } from './row-keys.ts';

export function readObjectRow(rows: Rows, key: Buffer): ObjectRow | undefined {
  return readRow(rows, key, decodeObjectRow);
}

/** For those who go on after damage. */
export function readObjectRowOrDamage(rows: Rows, key: Buffer): ObjectRow | undefined | 'damaged' {
  return orDamage(() => readObjectRow(rows, key));
}

export type UploadName = {
  readonly partition: PartitionId;
  readonly place: ObjectPlace;
  readonly uploadId: UploadId;
};

export function readOpenUpload(rows: Rows, name: UploadName): OpenUploadRow | undefined {
  const key = openUploadRowKey(name.partition, name.place, name.uploadId);
  return readRow(rows, key, decodeOpenUploadRow);
}

/** Completed or aborted; undefined when there was no such upload, or it is forgotten. */
export function readEndedUpload(rows: Rows, name: UploadName): UploadRow | undefined {
  const key = endedUploadRowKey(name.partition, name.place, name.uploadId);
  return readRow(rows, key, decodeUploadRow);
}
