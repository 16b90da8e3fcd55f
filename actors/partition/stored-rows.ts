/**
 * Rows as they are stored, decoded; damage is told as damage.
 *
 * Owns:          the one rule what counts as a damaged row.
 * Knows:         the encodings of rows.
 * Must not know: what is done about damage.
 *
 * A row whose checksum is right but which this release cannot read is treated as damaged too: it
 * must neither be served nor be taken for absent.
 */
import { CodecError } from '../../schemas/codec.ts';
import type { PartitionId, UploadId } from '../../schemas/ids.ts';
import type { ObjectPlace } from '../../schemas/messages/table.ts';
import type { ObjectRow } from '../../schemas/records/object-row.ts';
import { decodeObjectRow } from '../../schemas/records/object-row.ts';
import type { OpenUploadRow } from '../../schemas/records/open-upload-row.ts';
import { decodeOpenUploadRow } from '../../schemas/records/open-upload-row.ts';
import type { UploadRow } from '../../schemas/records/upload-row.ts';
import { decodeUploadRow } from '../../schemas/records/upload-row.ts';
import { DamagedRowError } from '../storage/store.ts';
import { endedUploadRowKey, openUploadRowKey } from './row-keys.ts';

/** A batch, or the store itself. */
export type Rows = { get(key: Buffer): Buffer | undefined };

export function isDamage(error: unknown): boolean {
  return error instanceof DamagedRowError || error instanceof CodecError;
}

export function readRow<Row>(
  rows: Rows,
  key: Buffer,
  decode: (bytes: Buffer) => Row,
): Row | undefined {
  const bytes = rows.get(key);
  return bytes === undefined ? undefined : decode(bytes);
}

export function readObjectRow(rows: Rows, key: Buffer): ObjectRow | undefined {
  return readRow(rows, key, decodeObjectRow);
}

/** For those who go on after damage. */
export function readObjectRowOrDamage(rows: Rows, key: Buffer): ObjectRow | undefined | 'damaged' {
  return orDamage(() => readObjectRow(rows, key));
}

export function orDamage<Row>(read: () => Row): Row | 'damaged' {
  try {
    return read();
  } catch (error) {
    if (isDamage(error)) return 'damaged';
    throw error;
  }
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
