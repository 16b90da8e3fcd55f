/**
 * What must be given back because nothing names it any more: blocks, manifests, parts.
 *
 * Owns:          the kinds of entry of the release queue, and their bytes.
 * Knows:         the contents of versions.
 * Must not know: how references are ended.
 *
 * An entry is written in the batch that makes its subject dead, and holds all that is needed to
 * find what it owned: the row that told so is gone by then.
 */
import type { Packed } from '../codec.ts';
import { CodecError, FieldReader, hexBytes, pack } from '../codec.ts';
import type { BucketId, ObjectKey, UploadId, VersionId } from '../ids.ts';
import type { Timestamp } from '../timestamp.ts';
import type { ObjectContent } from './object-row.ts';
import { packContent, readContent } from './object-row.ts';
import { readTimestamp } from './timestamp-field.ts';

/** The object whose rows held the subject. */
export type ReleasePlace = {
  readonly bucket: BucketId;
  readonly shard: number;
  readonly key: ObjectKey;
};

/** By which other replicas are asked about a version: each has it, lacks it, or knows it ended. */
export type VersionAt = {
  readonly timestamp: Timestamp;
  /** It was the null version of its key. */
  readonly isNull: boolean;
};

export type ReleaseEntry =
  /** A version that was superseded or deleted. */
  | {
      readonly kind: 'version';
      readonly place: ReleasePlace;
      readonly versionId: VersionId;
      readonly content: ObjectContent;
      /** Absent where there was no other replica. */
      readonly at?: VersionAt | undefined;
    }
  /** An upload that was aborted: all attempts at its parts. */
  | { readonly kind: 'upload'; readonly place: ReleasePlace; readonly uploadId: UploadId }
  /** An upload that was completed: the attempts that its version does not name. */
  | {
      readonly kind: 'leftovers';
      readonly place: ReleasePlace;
      readonly uploadId: UploadId;
      readonly versionId: VersionId;
    };

const FORMAT = 1;
const KINDS = ['version', 'upload', 'leftovers'] as const;

function packSubject(entry: ReleaseEntry): Packed[] {
  switch (entry.kind) {
    case 'version':
      return [
        ...[hexBytes(entry.versionId), packContent(entry.content)],
        ...(entry.at === undefined ? [] : [hexBytes(entry.at.timestamp), entry.at.isNull]),
      ];
    case 'upload':
      return [hexBytes(entry.uploadId)];
    case 'leftovers':
      return [hexBytes(entry.uploadId), hexBytes(entry.versionId)];
  }
}

export function encodeReleaseEntry(entry: ReleaseEntry): Buffer {
  const { bucket, shard, key } = entry.place;
  const kind = KINDS.indexOf(entry.kind);
  return pack([FORMAT, kind, hexBytes(bucket), shard, key, ...packSubject(entry)]);
}

export function decodeReleaseEntry(bytes: Uint8Array): ReleaseEntry {
  const { fields } = FieldReader.open(bytes, [FORMAT]);
  const kind = KINDS[fields.integer()];
  if (kind === undefined) throw new CodecError('unknown kind of release');
  const place = {
    bucket: fields.hex(32) as BucketId,
    shard: fields.integer(),
    key: fields.text() as ObjectKey,
  };
  switch (kind) {
    case 'version': {
      const versionId = fields.hex(16) as VersionId;
      const content = readContent(fields.nested());
      if (!fields.hasMore) return { kind, place, versionId, content };
      const at = { timestamp: readTimestamp(fields), isNull: fields.flag() };
      return { kind, place, versionId, content, at };
    }
    case 'upload':
      return { kind, place, uploadId: fields.hex(16) as UploadId };
    case 'leftovers': {
      const uploadId = fields.hex(16) as UploadId;
      return { kind, place, uploadId, versionId: fields.hex(16) as VersionId };
    }
  }
}
