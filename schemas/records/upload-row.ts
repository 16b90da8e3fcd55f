/**
 * The rows of a multipart upload: the upload itself, and each attempt at each part.
 *
 * Owns:          their fields, bytes and merges.
 * Knows:         checksums, headers and manifests as values.
 * Must not know: which parts a client will ask for when it completes.
 *
 * An upload only ever goes from open to ended. `completed` beats `aborted` in a merge; the actor
 * that holds one refuses the other, so the merge only meets what was decided once.
 */
import type { Packed } from '../codec.ts';
import { CodecError, FieldReader, hexBytes, pack, packTail } from '../codec.ts';
import type { AttemptId, UploadId, VersionId } from '../ids.ts';
import type { Timestamp } from '../timestamp.ts';
import type { BlockList } from './block-list.ts';
import type { ChecksumAlgorithm, ChecksumType, StoredChecksum } from './checksum.ts';
import { CHECKSUM_ALGORITHMS, packChecksum, readChecksum } from './checksum.ts';
import type { CustomerEncryption } from './customer-encryption.ts';
import { packEncryption, readEncryption } from './customer-encryption.ts';
import type { Tagging } from './object-extras.ts';
import { packTagging, readTagging } from './object-extras.ts';
import type { ObjectLock } from './object-lock.ts';
import { packLock, readLock } from './object-lock.ts';
import type { StoredHeaders } from './object-row.ts';
import { packStoredHeaders, readBlockList, readStoredHeaders } from './object-row.ts';
import { readTimestamp } from './timestamp-field.ts';

export type UploadState =
  | { readonly kind: 'open' }
  | { readonly kind: 'aborted' }
  /** What the client is told again when it repeats its Complete. */
  | { readonly kind: 'completed'; readonly versionId: VersionId; readonly etag: string };

export type UploadRow = {
  readonly uploadId: UploadId;
  readonly timestamp: Timestamp;
  readonly state: UploadState;
  readonly headers: StoredHeaders;
  /** What CreateMultipartUpload asked for; every part then has this checksum. */
  readonly checksum?: { readonly algorithm: ChecksumAlgorithm; readonly type: ChecksumType };
  /** The access key that began it: the Initiator of listings. */
  readonly initiator: string;
  /** What the object will have when it is completed. */
  readonly tagging?: Tagging;
  readonly lock?: ObjectLock;
  /** The client's key that every part is encrypted with, each under a salt of its own. */
  readonly encryption?: CustomerEncryption;
};

export type PartContent =
  | { readonly kind: 'blocks'; readonly blocks: BlockList }
  /** In manifest rows under the attempt id. */
  | { readonly kind: 'manifest'; readonly blockCount: number };

export type PartRow = {
  readonly uploadId: UploadId;
  readonly partNumber: number;
  readonly attemptId: AttemptId;
  readonly timestamp: Timestamp;
  readonly sizeBytes: number;
  /** MD5 in hex; random where the part is encrypted. */
  readonly etag: string;
  readonly content: PartContent;
  readonly checksum?: StoredChecksum;
  /** Its checksum is encrypted too. */
  readonly encryption?: CustomerEncryption;
};

const UPLOAD_FORMAT = 1;
const PART_FORMAT = 1;

function packState(state: UploadState): Packed[] {
  switch (state.kind) {
    case 'open':
      return [0];
    case 'aborted':
      return [1];
    case 'completed':
      return [2, hexBytes(state.versionId), state.etag];
  }
}

function readState(fields: FieldReader): UploadState {
  const code = fields.integer();
  if (code === 0) return { kind: 'open' };
  if (code === 1) return { kind: 'aborted' };
  if (code !== 2) throw new CodecError('unknown state of an upload');
  return { kind: 'completed', versionId: fields.hex(16) as VersionId, etag: fields.text() };
}

export function encodeUploadRow(row: UploadRow): Buffer {
  const { checksum } = row;
  const algorithm = checksum && CHECKSUM_ALGORITHMS.indexOf(checksum.algorithm);
  return pack([
    UPLOAD_FORMAT,
    hexBytes(row.uploadId),
    hexBytes(row.timestamp),
    packState(row.state),
    packStoredHeaders(row.headers),
    algorithm === undefined ? null : [algorithm, checksum?.type === 'COMPOSITE' ? 1 : 0],
    row.initiator,
    ...packTail([packTagging(row.tagging), packLock(row.lock), packEncryption(row.encryption)]),
  ]);
}

function readUploadChecksum(fields: FieldReader): UploadRow['checksum'] {
  if (fields.skipNull()) return undefined;
  const parts = fields.nested();
  const algorithm = CHECKSUM_ALGORITHMS[parts.integer()];
  if (algorithm === undefined) throw new CodecError('unknown checksum algorithm');
  return { algorithm, type: parts.integer() === 1 ? 'COMPOSITE' : 'FULL_OBJECT' };
}

export function decodeUploadRow(bytes: Uint8Array): UploadRow {
  const { fields } = FieldReader.open(bytes, [UPLOAD_FORMAT]);
  const uploadId = fields.hex(16) as UploadId;
  const timestamp = readTimestamp(fields);
  const state = readState(fields.nested());
  const headers = readStoredHeaders(fields);
  const checksum = readUploadChecksum(fields);
  const row = { uploadId, timestamp, state, headers, initiator: fields.text() };
  const tagging = readTagging(fields);
  const lock = readLock(fields);
  const encryption = readEncryption(fields);
  return {
    ...row,
    ...(checksum === undefined ? {} : { checksum }),
    ...(tagging === undefined ? {} : { tagging }),
    ...(lock === undefined ? {} : { lock }),
    ...(encryption === undefined ? {} : { encryption }),
  };
}

export function encodePartRow(row: PartRow): Buffer {
  const fields = [
    PART_FORMAT,
    hexBytes(row.uploadId),
    row.partNumber,
    hexBytes(row.attemptId),
    hexBytes(row.timestamp),
    row.sizeBytes,
    row.etag,
    row.content.kind === 'blocks' ? [0, row.content.blocks] : [1, row.content.blockCount],
    packChecksum(row.checksum),
  ];
  return pack(row.encryption === undefined ? fields : [...fields, packEncryption(row.encryption)]);
}

function readPartContent(fields: FieldReader): PartContent {
  const code = fields.integer();
  if (code === 0) return { kind: 'blocks', blocks: readBlockList(fields) };
  if (code === 1) return { kind: 'manifest', blockCount: fields.integer() };
  throw new CodecError('unknown kind of part');
}

export function decodePartRow(bytes: Uint8Array): PartRow {
  const { fields } = FieldReader.open(bytes, [PART_FORMAT]);
  const row = {
    uploadId: fields.hex(16) as UploadId,
    partNumber: fields.integer(),
    attemptId: fields.hex(16) as AttemptId,
    timestamp: readTimestamp(fields),
    sizeBytes: fields.integer(),
    etag: fields.text(),
    content: readPartContent(fields.nested()),
  };
  const checksum = readChecksum(fields);
  const encryption = readEncryption(fields);
  const told = checksum === undefined ? row : { ...row, checksum };
  return encryption === undefined ? told : { ...told, encryption };
}

const STATE_RANK = { open: 0, aborted: 1, completed: 2 } as const;

/** The further state wins; between equals the later timestamp, then the greater bytes. */
export function mergeUploadRows(a: UploadRow, b: UploadRow): UploadRow {
  const rank = STATE_RANK[a.state.kind] - STATE_RANK[b.state.kind];
  if (rank !== 0) return rank > 0 ? a : b;
  if (a.timestamp !== b.timestamp) return a.timestamp > b.timestamp ? a : b;
  return Buffer.compare(encodeUploadRow(a), encodeUploadRow(b)) >= 0 ? a : b;
}

/** An attempt is written once; a second copy of it changes nothing. */
export function mergePartRows(a: PartRow, b: PartRow): PartRow {
  if (a.timestamp !== b.timestamp) return a.timestamp > b.timestamp ? a : b;
  return Buffer.compare(encodePartRow(a), encodePartRow(b)) >= 0 ? a : b;
}
