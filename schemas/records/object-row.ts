/**
 * The row of one object key: its newest version, a delete marker, or the tombstone of its deletion.
 *
 * Owns:          the row's fields, its bytes, and its merge.
 * Knows:         manifests and checksums as values.
 * Must not know: where the row lies, or who may read it.
 *
 * Lean on purpose: a listing decodes every row it passes. The bytes of small objects are in a row
 * of their own beside this one. Tags, locks and later fields go at the end of the array: a reader
 * of this format ignores what follows the fields it knows. Older versions of a key have the same
 * row, in a table of their own.
 */
import type { Packed } from '../codec.ts';
import { CodecError, FieldReader, hexBytes, pack } from '../codec.ts';
import type { AttemptId, UploadId, VersionId } from '../ids.ts';
import type { Timestamp } from '../timestamp.ts';
import type { BlockList } from './block-list.ts';
import { parseBlockList } from './block-list.ts';
import type { AccessSettings } from './bucket-settings/access-settings.ts';
import type { StoredChecksum } from './checksum.ts';
import { packChecksum, readChecksum } from './checksum.ts';
import type { ObjectExtras } from './object-extras.ts';
import { laterAcl, laterTagging, packExtras, readExtras } from './object-extras.ts';
import { mergeLocks } from './object-lock.ts';
import { readTimestamp } from './timestamp-field.ts';

/** Lower-case header name and value, as they are given back: `content-type`, `x-amz-meta-…`. */
export type StoredHeaders = readonly (readonly [name: string, value: string])[];

/** One part of a completed upload; its manifest stays in its part row. */
export type PartRef = {
  readonly partNumber: number;
  readonly attemptId: AttemptId;
  readonly sizeBytes: number;
};

export type ObjectContent =
  /** The bytes are in the inline row of this version; an empty object has none. */
  | { readonly kind: 'inline' }
  | { readonly kind: 'blocks'; readonly blocks: BlockList }
  /** The block list is in manifest rows under the version id. */
  | { readonly kind: 'manifest'; readonly blockCount: number }
  /** The parts of a completed upload; `parts` is absent when they are in part-list rows. */
  | {
      readonly kind: 'parts';
      readonly uploadId: UploadId;
      readonly partCount: number;
      readonly parts?: readonly PartRef[];
    };

export type ObjectVersion = ObjectExtras & {
  readonly kind: 'version';
  readonly timestamp: Timestamp;
  readonly versionId: VersionId;
  readonly sizeBytes: number;
  /** Without quotes: MD5 in hex (random for an encrypted object), or that of the parts with `-` and
   *  their number. */
  readonly etag: string;
  readonly content: ObjectContent;
  readonly headers: StoredHeaders;
  readonly checksum?: StoredChecksum;
};

export type ObjectTombstone = {
  readonly kind: 'tombstone';
  readonly timestamp: Timestamp;
  /** Of one version alone, which had this stamp; absent: of the object. */
  readonly ends?: EndedVersion;
};

/**
 * What a tombstone of one version ended: one with an id of its own, the null version, or one whose
 * write was repeated under another stamp, with what it references.
 */
export type EndedVersion = 'version' | 'null' | 'repeated';

/** The current version says that the object is deleted; those below it are kept. */
export type DeleteMarker = {
  readonly kind: 'marker';
  readonly timestamp: Timestamp;
  readonly versioned?: true;
};

/** What a key may have many of. */
export type StoredVersion = ObjectVersion | DeleteMarker;
export type ObjectRow = StoredVersion | ObjectTombstone;

const FORMAT = 1;
/** What the row is: stands behind its timestamp. */
const TOMBSTONE = 0;
const VERSION = 1;
const MARKER = 2;
const ENDED_CODES: readonly EndedVersion[] = ['version', 'null', 'repeated'];
const CONTENT_CODES = ['inline', 'blocks', 'manifest', 'parts'] as const;

export function packPartRefs(parts: readonly PartRef[]): Packed[] {
  return parts.map(part => [part.partNumber, hexBytes(part.attemptId), part.sizeBytes]);
}

export function readPartRefs(fields: FieldReader): PartRef[] {
  return fields.list(part => ({
    partNumber: part.integer(),
    attemptId: part.hex(16) as AttemptId,
    sizeBytes: part.integer(),
  }));
}

export function packContent(content: ObjectContent): Packed[] {
  switch (content.kind) {
    case 'inline':
      return [0];
    case 'blocks':
      return [1, content.blocks];
    case 'manifest':
      return [2, content.blockCount];
    case 'parts': {
      const parts = content.parts === undefined ? null : packPartRefs(content.parts);
      return [3, hexBytes(content.uploadId), content.partCount, parts];
    }
  }
}

export function readBlockList(fields: FieldReader): BlockList {
  const list = parseBlockList(fields.bytes());
  if (list === undefined) throw new CodecError('a block list of odd length');
  return list;
}

export function readContent(fields: FieldReader): ObjectContent {
  const kind = CONTENT_CODES[fields.integer()];
  if (kind === undefined) throw new CodecError('unknown kind of content');
  switch (kind) {
    case 'inline':
      return { kind };
    case 'blocks':
      return { kind, blocks: readBlockList(fields) };
    case 'manifest':
      return { kind, blockCount: fields.integer() };
    case 'parts': {
      const uploadId = fields.hex(16) as UploadId;
      const partCount = fields.integer();
      if (fields.skipNull()) return { kind, uploadId, partCount };
      return { kind, uploadId, partCount, parts: readPartRefs(fields) };
    }
  }
}

/** An MD5 of 16 bytes takes 18 in the row; only the ETags of uploads are text. */
function packEtag(etag: string): Packed {
  return etag.length === 32 ? hexBytes(etag) : etag;
}

export function readStoredHeaders(fields: FieldReader): StoredHeaders {
  if (fields.skipNull()) return [];
  const flat = fields.nested();
  const headers: [string, string][] = [];
  while (flat.hasMore) headers.push([flat.text(), flat.text()]);
  return headers;
}

export function packStoredHeaders(headers: StoredHeaders): Packed {
  return headers.length === 0 ? null : headers.flat();
}

export function encodeObjectRow(row: ObjectRow): Buffer {
  const timestamp = hexBytes(row.timestamp);
  if (row.kind === 'tombstone') {
    const { ends } = row;
    const what = ends === undefined ? [] : [ENDED_CODES.indexOf(ends)];
    return pack([FORMAT, timestamp, TOMBSTONE, ...what]);
  }
  if (row.kind === 'marker') {
    return pack(row.versioned ? [FORMAT, timestamp, MARKER, true] : [FORMAT, timestamp, MARKER]);
  }
  return pack([
    FORMAT,
    timestamp,
    VERSION,
    (row.versionId as string) === row.timestamp ? null : hexBytes(row.versionId),
    row.sizeBytes,
    packEtag(row.etag),
    packContent(row.content),
    packStoredHeaders(row.headers),
    packChecksum(row.checksum),
    ...packExtras(row),
  ]);
}

/** Throws CodecError: the caller knows which row it was. */
export function decodeObjectRow(bytes: Uint8Array): ObjectRow {
  const { fields } = FieldReader.open(bytes, [FORMAT]);
  const timestamp = readTimestamp(fields);
  const state = fields.integer();
  if (state === TOMBSTONE) return readTombstone(fields, timestamp);
  if (state === MARKER) return readMarker(fields, timestamp);
  if (state !== VERSION) throw new CodecError('unknown state of an object');
  const versionId = fields.skipNull() ? timestamp : fields.hex(16);
  const sizeBytes = fields.integer();
  const etag = fields.textOrHex();
  const content = readContent(fields.nested());
  const headers = readStoredHeaders(fields);
  const checksum = readChecksum(fields);
  const version = {
    timestamp,
    versionId: versionId as VersionId,
    sizeBytes,
    etag,
    content,
    headers,
    ...(fields.hasMore ? readExtras(fields) : {}),
  };
  return { kind: 'version', ...version, ...(checksum === undefined ? {} : { checksum }) };
}

function readTombstone(fields: FieldReader, timestamp: Timestamp): ObjectTombstone {
  if (!fields.hasMore) return { kind: 'tombstone', timestamp };
  const ends = ENDED_CODES[fields.integer()];
  if (ends === undefined) throw new CodecError('a tombstone of something unknown');
  return { kind: 'tombstone', timestamp, ends };
}

function readMarker(fields: FieldReader, timestamp: Timestamp): DeleteMarker {
  const versioned = !fields.skipNull() && fields.flag();
  return versioned ? { kind: 'marker', timestamp, versioned } : { kind: 'marker', timestamp };
}

/** What a deletion without a version writes, by what the bucket says of versions. */
export function deletionRow(
  { versioning }: Pick<AccessSettings, 'versioning'>,
  timestamp: Timestamp,
): ObjectRow {
  if (versioning === undefined) return { kind: 'tombstone', timestamp };
  const marker = { kind: 'marker', timestamp } as const;
  return versioning === 'enabled' ? { ...marker, versioned: true } : marker;
}

/** By which a client names a version: `null` for what was written where no versions are kept. */
export type VersionRef = Timestamp | 'null';

export function versionRefOf({ timestamp, versioned }: StoredVersion): VersionRef {
  return versioned === true ? timestamp : 'null';
}

/**
 * Whether a row is one of those of which a key has one at most, the newest: the null version, its
 * delete marker, or the deletion of either. All others stand beside each other, by their stamps.
 */
export function isNullRow(row: ObjectRow): boolean {
  if (row.kind !== 'tombstone') return row.versioned !== true;
  return row.ends === undefined || row.ends === 'null';
}

/**
 * Last writer wins. Two rows of one timestamp are the same write, told twice: the deletion of it
 * for good wins, and of two copies each later change. A deletion of the object that met versions
 * there is a delete marker, wherever else it met none. Should they differ all the same, the greater
 * bytes win, so that every replica picks the same one.
 */
export function mergeObjectRows(a: ObjectRow, b: ObjectRow): ObjectRow {
  if (a.timestamp !== b.timestamp) return a.timestamp > b.timestamp ? a : b;
  const rank = rankOf(a) - rankOf(b);
  if (rank !== 0) return rank > 0 ? a : b;
  if (a.kind === 'version' && b.kind === 'version') return mergeCopies(a, b);
  return Buffer.compare(encodeObjectRow(a), encodeObjectRow(b)) >= 0 ? a : b;
}

function rankOf(row: ObjectRow): number {
  if (row.kind === 'version') return 0;
  if (row.kind === 'marker') return 2;
  return row.ends === undefined ? 1 : 3;
}

function mergeCopies(a: ObjectVersion, b: ObjectVersion): ObjectVersion {
  const bareA = withoutChanges(a);
  const bareB = withoutChanges(b);
  const isFirst = Buffer.compare(encodeObjectRow(bareA), encodeObjectRow(bareB)) >= 0;
  const tagging = laterTagging(a.tagging, b.tagging);
  const lock = mergeLocks(a.lock, b.lock);
  const acl = laterAcl(a.acl, b.acl);
  if (isFirst && tagging === a.tagging && lock === a.lock && acl === a.acl) return a;
  if (!isFirst && tagging === b.tagging && lock === b.lock && acl === b.acl) return b;
  return {
    ...(isFirst ? bareA : bareB),
    ...(tagging === undefined ? {} : { tagging }),
    ...(lock === undefined ? {} : { lock }),
    ...(acl === undefined ? {} : { acl }),
  };
}

function withoutChanges(version: ObjectVersion): ObjectVersion {
  const { tagging: _tagging, lock: _lock, acl: _acl, ...bare } = version;
  return bare;
}
