/**
 * The rows that every storage node keeps a copy of: buckets, their names, access keys.
 *
 * Owns:          names and keys: their fields and bytes; telling the three kinds apart; the merge.
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
import type { BucketRow } from './bucket-row.ts';
import { BUCKET_FORMATS, BUCKET_KIND, encodeBucketRow, readBucketRow } from './bucket-row.ts';
import { readOptionalInteger } from './bucket-settings/setting-fields.ts';
import { readTimestamp } from './timestamp-field.ts';

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

/** Of names and keys; buckets have formats of their own. */
const FORMAT = 1;
const ALIAS_KIND = 1;
const KEY_KIND = 2;

export function localAliasId(accessKeyId: AccessKeyId, name: string): string {
  return `${accessKeyId}/${name}`;
}

export function encodeSettingsRow(row: SettingsRow): Buffer {
  switch (row.kind) {
    case 'bucket':
      return encodeBucketRow(row);
    case 'alias': {
      const bucket = row.bucket === undefined ? null : hexBytes(row.bucket);
      return pack([FORMAT, ALIAS_KIND, hexBytes(row.timestamp), row.id, bucket]);
    }
    case 'key':
      return pack([
        FORMAT,
        KEY_KIND,
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

function readKey(fields: FieldReader, timestamp: Timestamp): AccessKeyRow {
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
  const { format, fields } = FieldReader.open(bytes, BUCKET_FORMATS);
  const kind = fields.integer();
  const timestamp = readTimestamp(fields);
  if (kind === BUCKET_KIND) return readBucketRow(fields, timestamp, format);
  if (format !== FORMAT) throw new CodecError(`unknown format ${String(format)}`);
  if (kind === KEY_KIND) return readKey(fields, timestamp);
  if (kind !== ALIAS_KIND) throw new CodecError('unknown kind of settings row');
  const id = fields.text();
  if (fields.skipNull()) return { kind: 'alias', timestamp, id };
  return { kind: 'alias', timestamp, id, bucket: fields.hex(32) as BucketId };
}

/** The later decision wins; equal timestamps are the same decision. */
export function mergeSettingsRows<Row extends SettingsRow>(a: Row, b: Row): Row {
  if (a.timestamp !== b.timestamp) return a.timestamp > b.timestamp ? a : b;
  return Buffer.compare(encodeSettingsRow(a), encodeSettingsRow(b)) >= 0 ? a : b;
}
