/**
 * An open upload as one replica keeps it: the upload, and what was counted of its parts.
 *
 * Owns:          the tally of attempts, and the row's bytes.
 * Knows:         upload rows.
 * Must not know: the parts themselves.
 *
 * The tally stands here so that ending an upload takes its parts out of the bucket's counters
 * without reading ten thousand rows.
 */
import { FieldReader, pack } from '../codec.ts';
import type { UploadRow } from './upload-row.ts';
import { decodeUploadRow, encodeUploadRow } from './upload-row.ts';

export type OpenUploadRow = {
  readonly upload: UploadRow;
  /** Attempts at parts, and the bytes of all of them. */
  readonly attempts: number;
  readonly bytes: number;
};

const FORMAT = 1;

export function encodeOpenUploadRow(row: OpenUploadRow): Buffer {
  return pack([FORMAT, encodeUploadRow(row.upload), row.attempts, row.bytes]);
}

export function decodeOpenUploadRow(bytes: Uint8Array): OpenUploadRow {
  const { fields } = FieldReader.open(bytes, [FORMAT]);
  const upload = decodeUploadRow(fields.bytes());
  return { upload, attempts: fields.integer(), bytes: fields.integer() };
}
