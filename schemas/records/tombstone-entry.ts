/**
 * An entry of the index of what may be forgotten after a while.
 *
 * Owns:          the kinds of entry and their bytes.
 * Knows:         ids and timestamps.
 * Must not know: when they are due.
 *
 * An entry names exactly the row that it means: one that was written again in between is not it.
 */
import type { Packed } from '../codec.ts';
import { CodecError, FieldReader, hexBytes, pack } from '../codec.ts';
import type { BucketId, ObjectKey, UploadId, VersionId } from '../ids.ts';
import type { Timestamp } from '../timestamp.ts';
import { readTimestamp } from './timestamp-field.ts';

export type TombstoneEntry =
  | {
      readonly kind: 'object';
      readonly bucket: BucketId;
      readonly shard: number;
      readonly key: ObjectKey;
      readonly timestamp: Timestamp;
      /** The deleted version, whose references must be released first. */
      readonly releases?: VersionId | undefined;
    }
  /** Of one version among others, below the current one. */
  | {
      readonly kind: 'version';
      readonly bucket: BucketId;
      readonly shard: number;
      readonly key: ObjectKey;
      readonly timestamp: Timestamp;
      readonly releases?: VersionId | undefined;
    }
  /** Indexed only once what it held was released. */
  | {
      readonly kind: 'ended-upload';
      readonly bucket: BucketId;
      readonly shard: number;
      readonly key: ObjectKey;
      readonly uploadId: UploadId;
    }
  /** Of a version or an attempt: 32 hex digits. */
  | { readonly kind: 'aborted-mark'; readonly ownerId: string };

const FORMAT = 1;

function packEntry(entry: TombstoneEntry): Packed[] {
  if (entry.kind === 'aborted-mark') return [2, hexBytes(entry.ownerId)];
  const place = [hexBytes(entry.bucket), entry.shard, entry.key];
  if (entry.kind === 'ended-upload') return [1, ...place, hexBytes(entry.uploadId)];
  const releases = entry.releases === undefined ? null : hexBytes(entry.releases);
  return [entry.kind === 'object' ? 0 : 3, ...place, hexBytes(entry.timestamp), releases];
}

export function encodeTombstoneEntry(entry: TombstoneEntry): Buffer {
  return pack([FORMAT, ...packEntry(entry)]);
}

export function decodeTombstoneEntry(bytes: Uint8Array): TombstoneEntry {
  const { fields } = FieldReader.open(bytes, [FORMAT]);
  const code = fields.integer();
  if (code === 2) return { kind: 'aborted-mark', ownerId: fields.hex(16) };
  if (code > 3) throw new CodecError('unknown kind of tombstone');
  const place = {
    bucket: fields.hex(32) as BucketId,
    shard: fields.integer(),
    key: fields.text() as ObjectKey,
  };
  if (code === 1) return { kind: 'ended-upload', ...place, uploadId: fields.hex(16) as UploadId };
  const kind = code === 0 ? ('object' as const) : ('version' as const);
  const entry = { kind, ...place, timestamp: readTimestamp(fields) };
  return fields.skipNull() ? entry : { ...entry, releases: fields.hex(16) as VersionId };
}
