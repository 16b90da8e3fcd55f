/**
 * Who a block reference belongs to: one object version, or one attempt at one part.
 *
 * Owns:          the two kinds of owner, their bytes and their short id.
 * Knows:         ids.
 * Must not know: whether the owner is still alive; the object's partition knows that.
 */
import type { Packed } from '../codec.ts';
import { CodecError, FieldReader, hexBytes, pack } from '../codec.ts';
import type { AttemptId, BucketId, ObjectKey, UploadId, VersionId } from '../ids.ts';

export type VersionOwner = {
  readonly kind: 'version';
  readonly bucket: BucketId;
  readonly shard: number;
  readonly key: ObjectKey;
  readonly versionId: VersionId;
};

export type PartOwner = {
  readonly kind: 'part';
  readonly bucket: BucketId;
  readonly shard: number;
  readonly key: ObjectKey;
  readonly uploadId: UploadId;
  readonly partNumber: number;
  readonly attemptId: AttemptId;
};

/** `shard` is the index shard that holds the key: with the bucket it gives the partition. */
export type BlockOwner = VersionOwner | PartOwner;

/** The stamp that tells owners apart: no two versions or attempts share one. 32 hex digits. */
export function ownerId(owner: BlockOwner): VersionId | AttemptId {
  return owner.kind === 'version' ? owner.versionId : owner.attemptId;
}

export function packOwner(owner: BlockOwner): Packed[] {
  const place = [hexBytes(owner.bucket), owner.shard, owner.key];
  return owner.kind === 'version'
    ? [0, ...place, hexBytes(owner.versionId)]
    : [1, ...place, hexBytes(owner.uploadId), owner.partNumber, hexBytes(owner.attemptId)];
}

export function readOwner(fields: FieldReader): BlockOwner {
  const kind = fields.integer();
  const place = {
    bucket: fields.hex(32) as BucketId,
    shard: fields.integer(),
    key: fields.text() as ObjectKey,
  };
  if (kind === 0) return { kind: 'version', ...place, versionId: fields.hex(16) as VersionId };
  if (kind !== 1) throw new CodecError('unknown kind of owner');
  return {
    kind: 'part',
    ...place,
    uploadId: fields.hex(16) as UploadId,
    partNumber: fields.integer(),
    attemptId: fields.hex(16) as AttemptId,
  };
}

const OWNER_FORMAT = 1;

export function encodeOwner(owner: BlockOwner): Buffer {
  return pack([OWNER_FORMAT, ...packOwner(owner)]);
}

export function decodeOwner(bytes: Uint8Array): BlockOwner {
  return readOwner(FieldReader.open(bytes, [OWNER_FORMAT]).fields);
}
