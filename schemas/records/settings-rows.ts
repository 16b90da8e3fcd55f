/**
 * The rows that every storage node keeps a copy of: buckets, their names, access keys.
 *
 * Owns:          their fields and bytes.
 * Knows:         that each row is replaced as a whole, by a decision on the row it was read as.
 * Must not know: how a decision is made.
 *
 * The alias row says which bucket a name means; the names in a bucket's row are a list for showing.
 * A name for everyone is the id of its alias row; a name of one access key has the id
 * `<access key>/<name>` (no bucket name has a slash).
 */
import { CodecError, FieldReader, hexBytes, pack } from '../codec.ts';
import type { AccessKeyId, BucketId } from '../ids.ts';
import type { Timestamp } from '../timestamp.ts';

export type BucketGrants = {
  readonly read: boolean;
  readonly write: boolean;
  readonly owner: boolean;
};

export type BucketRow = {
  readonly kind: 'bucket';
  readonly timestamp: Timestamp;
  readonly id: BucketId;
  readonly createdMs: number;
  /**
   * `creating` does not exist for anyone yet; `deleting` may come back to `active`; `deleted` is
   * for
   *  ever: the id never comes back. */
  readonly state: 'creating' | 'active' | 'deleting' | 'deleted';
  readonly globalAliases: readonly string[];
  readonly localAliases: readonly { readonly accessKeyId: AccessKeyId; readonly name: string }[];
  readonly grants: readonly (BucketGrants & { readonly accessKeyId: AccessKeyId })[];
  readonly website?: { readonly indexDocument: string; readonly errorDocument?: string };
  readonly maxSizeBytes?: number;
  readonly maxObjects?: number;
  /** Fixed at creation. */
  readonly indexShards: number;
};

export type AliasRow = {
  readonly kind: 'alias';
  readonly timestamp: Timestamp;
  readonly id: string;
  /** Absent: the name is free again. */
  readonly bucket?: BucketId;
};

export type AccessKeyRow = {
  readonly kind: 'key';
  readonly timestamp: Timestamp;
  readonly id: AccessKeyId;
  readonly secret: string;
  readonly name: string;
  readonly createdMs: number;
  readonly expiresMs?: number;
  readonly canCreateBucket: boolean;
  /** For ever: a deleted id never comes back. */
  readonly deleted: boolean;
};

export type SettingsRow = BucketRow | AliasRow | AccessKeyRow;

export type SettingsRowOf<Kind extends SettingsRow['kind']> = Extract<SettingsRow, { kind: Kind }>;

const FORMAT = 1;
const BUCKET_STATES = ['active', 'creating', 'deleting', 'deleted'] as const;

export function localAliasId(accessKeyId: AccessKeyId, name: string): string {
  return `${accessKeyId}/${name}`;
}

function packGrants(grants: BucketGrants): number {
  return (grants.read ? 1 : 0) + (grants.write ? 2 : 0) + (grants.owner ? 4 : 0);
}

function encodeBucket(row: BucketRow): Buffer {
  return pack([
    FORMAT,
    0,
    hexBytes(row.timestamp),
    hexBytes(row.id),
    row.createdMs,
    BUCKET_STATES.indexOf(row.state),
    row.indexShards,
    row.globalAliases,
    row.localAliases.map(alias => [alias.accessKeyId, alias.name]),
    row.grants.map(grant => [grant.accessKeyId, packGrants(grant)]),
    row.website === undefined
      ? null
      : [row.website.indexDocument, row.website.errorDocument ?? null],
    row.maxSizeBytes ?? null,
    row.maxObjects ?? null,
  ]);
}

export function encodeSettingsRow(row: SettingsRow): Buffer {
  switch (row.kind) {
    case 'bucket':
      return encodeBucket(row);
    case 'alias': {
      const bucket = row.bucket === undefined ? null : hexBytes(row.bucket);
      return pack([FORMAT, 1, hexBytes(row.timestamp), row.id, bucket]);
    }
    case 'key':
      return pack([
        FORMAT,
        2,
        hexBytes(row.timestamp),
        row.id,
        row.secret,
        row.name,
        row.createdMs,
        row.expiresMs ?? null,
        row.canCreateBucket,
        row.deleted,
      ]);
  }
}

function readOptionalInteger(fields: FieldReader): number | undefined {
  return fields.skipNull() ? undefined : fields.integer();
}

function readWebsite(fields: FieldReader): BucketRow['website'] {
  if (fields.skipNull()) return undefined;
  const parts = fields.nested();
  const indexDocument = parts.text();
  return parts.skipNull() ? { indexDocument } : { indexDocument, errorDocument: parts.text() };
}

function decodeBucket(fields: FieldReader, timestamp: Timestamp): BucketRow {
  const id = fields.hex(32) as BucketId;
  const createdMs = fields.integer();
  const state = BUCKET_STATES[fields.integer()];
  if (state === undefined) throw new CodecError('unknown state of a bucket');
  const indexShards = fields.integer();
  const names = fields.nested();
  const globalAliases: string[] = [];
  while (names.hasMore) globalAliases.push(names.text());
  const localAliases = fields.list(item => ({
    accessKeyId: item.text() as AccessKeyId,
    name: item.text(),
  }));
  const grants = fields.list(item => {
    const accessKeyId = item.text() as AccessKeyId;
    const bits = item.integer();
    return { accessKeyId, read: (bits & 1) > 0, write: (bits & 2) > 0, owner: (bits & 4) > 0 };
  });
  const website = readWebsite(fields);
  const maxSizeBytes = readOptionalInteger(fields);
  const maxObjects = readOptionalInteger(fields);
  return {
    ...{ kind: 'bucket', timestamp, id, createdMs, state, indexShards },
    ...{ globalAliases, localAliases, grants },
    ...(website === undefined ? {} : { website }),
    ...(maxSizeBytes === undefined ? {} : { maxSizeBytes }),
    ...(maxObjects === undefined ? {} : { maxObjects }),
  };
}

function decodeKey(fields: FieldReader, timestamp: Timestamp): AccessKeyRow {
  const id = fields.text() as AccessKeyId;
  const secret = fields.text();
  const name = fields.text();
  const createdMs = fields.integer();
  const expiresMs = readOptionalInteger(fields);
  const row = { id, secret, name, createdMs, canCreateBucket: fields.flag() };
  return {
    ...{ kind: 'key', timestamp, ...row, deleted: fields.flag() },
    ...(expiresMs === undefined ? {} : { expiresMs }),
  };
}

export function decodeSettingsRow(bytes: Uint8Array): SettingsRow {
  const { fields } = FieldReader.open(bytes, [FORMAT]);
  const kind = fields.integer();
  const timestamp = fields.hex(16) as Timestamp;
  if (kind === 0) return decodeBucket(fields, timestamp);
  if (kind === 2) return decodeKey(fields, timestamp);
  if (kind !== 1) throw new CodecError('unknown kind of settings row');
  const id = fields.text();
  if (fields.skipNull()) return { kind: 'alias', timestamp, id };
  return { kind: 'alias', timestamp, id, bucket: fields.hex(32) as BucketId };
}

/** The later decision wins; equal timestamps are the same decision. */
export function mergeSettingsRows<Row extends SettingsRow>(a: Row, b: Row): Row {
  if (a.timestamp !== b.timestamp) return a.timestamp > b.timestamp ? a : b;
  return Buffer.compare(encodeSettingsRow(a), encodeSettingsRow(b)) >= 0 ? a : b;
}
