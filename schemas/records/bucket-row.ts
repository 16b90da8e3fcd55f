/**
 * The row of one bucket: its life, its names, who may use it, and all its settings.
 *
 * Owns:          the row's fields and bytes, in this format and the one before.
 * Knows:         the settings of a bucket, each with its own file.
 * Must not know: how a row is decided, what settings do.
 *
 * The alias row says which bucket a name means; the names here are a list for showing. A setting
 * that is absent was never made, or was taken away: S3 tells both the same.
 */
import type { FieldReader } from '../codec.ts';
import { CodecError, hexBytes, pack } from '../codec.ts';
import type { AccessKeyId, BucketId } from '../ids.ts';
import type { Timestamp } from '../timestamp.ts';
import type { AccessSettings } from './bucket-settings/access-settings.ts';
import { packAccess, readAccess } from './bucket-settings/access-settings.ts';
import type { Tag } from './bucket-settings/bucket-tags.ts';
import { packTags, readTags } from './bucket-settings/bucket-tags.ts';
import type { CorsRule } from './bucket-settings/cors-rules.ts';
import { packCorsRules, readCorsRules } from './bucket-settings/cors-rules.ts';
import type { LifecycleRule } from './bucket-settings/lifecycle-rules.ts';
import { packLifecycle, readLifecycle } from './bucket-settings/lifecycle-rules.ts';
import {
  readOptionalInteger,
  readOptionalText,
  readTexts,
} from './bucket-settings/setting-fields.ts';
import type { WebsiteConfiguration } from './bucket-settings/website.ts';
import { packWebsite, readWebsite } from './bucket-settings/website.ts';

export type BucketGrants = {
  readonly read: boolean;
  readonly write: boolean;
  readonly owner: boolean;
};

/** What its owner sets, one thing independent of the other. */
export type BucketSettings = AccessSettings & {
  readonly website?: WebsiteConfiguration;
  readonly cors?: readonly CorsRule[];
  readonly lifecycle?: readonly LifecycleRule[];
  readonly tags?: readonly Tag[];
  readonly maxSizeBytes?: number;
  readonly maxObjects?: number;
};

export type BucketRow = BucketSettings & {
  readonly kind: 'bucket';
  readonly timestamp: Timestamp;
  readonly id: BucketId;
  readonly createdMs: number;
  /**
   * `creating` does not exist for anyone yet; `deleting` may come back to `active`; `deleted` is
   * for ever: the id never comes back.
   */
  readonly state: 'creating' | 'active' | 'deleting' | 'deleted';
  readonly globalAliases: readonly string[];
  readonly localAliases: readonly { readonly accessKeyId: AccessKeyId; readonly name: string }[];
  readonly grants: readonly (BucketGrants & { readonly accessKeyId: AccessKeyId })[];
  /** Fixed at creation. */
  readonly indexShards: number;
};

/** 1: a website was its two documents, and there were no other settings than quotas. */
export const BUCKET_FORMATS = [1, 2] as const;
const FORMAT = 2;
const BUCKET_STATES = ['active', 'creating', 'deleting', 'deleted'] as const;

/** Which kind of settings row it is: stands behind the format in all of them. */
export const BUCKET_KIND = 0;

export function encodeBucketRow(row: BucketRow): Buffer {
  const { website, cors, lifecycle, tags } = row;
  return pack([
    FORMAT,
    BUCKET_KIND,
    hexBytes(row.timestamp),
    hexBytes(row.id),
    row.createdMs,
    BUCKET_STATES.indexOf(row.state),
    row.indexShards,
    row.globalAliases,
    row.localAliases.map(alias => [alias.accessKeyId, alias.name]),
    row.grants.map(grant => [grant.accessKeyId, packGrants(grant)]),
    row.maxSizeBytes ?? null,
    row.maxObjects ?? null,
    website === undefined ? null : packWebsite(website),
    cors === undefined ? null : packCorsRules(cors),
    lifecycle === undefined ? null : packLifecycle(lifecycle),
    tags === undefined ? null : packTags(tags),
    ...packAccess(row),
  ]);
}

function packGrants(grants: BucketGrants): number {
  return (grants.read ? 1 : 0) + (grants.write ? 2 : 0) + (grants.owner ? 4 : 0);
}

/** What follows format, kind and timestamp. Throws CodecError. */
export function readBucketRow(
  fields: FieldReader,
  timestamp: Timestamp,
  format: number,
): BucketRow {
  const life = readLife(fields);
  const settings = format === 1 ? readFirstSettings(fields) : readSettings(fields);
  return { kind: 'bucket', timestamp, ...life, ...settings };
}

type BucketLife = Omit<BucketRow, 'kind' | 'timestamp' | keyof BucketSettings>;

function readLife(fields: FieldReader): BucketLife {
  const id = fields.hex(32) as BucketId;
  const createdMs = fields.integer();
  const state = BUCKET_STATES[fields.integer()];
  if (state === undefined) throw new CodecError('unknown state of a bucket');
  const indexShards = fields.integer();
  const globalAliases = readTexts(fields);
  const localAliases = fields.list(item => ({
    accessKeyId: item.text() as AccessKeyId,
    name: item.text(),
  }));
  const grants = fields.list(item => {
    const accessKeyId = item.text() as AccessKeyId;
    const bits = item.integer();
    return { accessKeyId, read: (bits & 1) > 0, write: (bits & 2) > 0, owner: (bits & 4) > 0 };
  });
  return { id, createdMs, state, indexShards, globalAliases, localAliases, grants };
}

function readFirstSettings(fields: FieldReader): BucketSettings {
  const website = readFirstWebsite(fields);
  return { ...readQuotas(fields), ...(website === undefined ? {} : { website }) };
}

function readFirstWebsite(fields: FieldReader): WebsiteConfiguration | undefined {
  if (fields.skipNull()) return undefined;
  const parts = fields.nested();
  const indexDocument = parts.text();
  const errorDocument = readOptionalText(parts);
  return { kind: 'pages', indexDocument, errorDocument, routingRules: [] };
}

function readQuotas(fields: FieldReader): Pick<BucketSettings, 'maxSizeBytes' | 'maxObjects'> {
  const maxSizeBytes = readOptionalInteger(fields);
  const maxObjects = readOptionalInteger(fields);
  return {
    ...(maxSizeBytes === undefined ? {} : { maxSizeBytes }),
    ...(maxObjects === undefined ? {} : { maxObjects }),
  };
}

function readSettings(fields: FieldReader): BucketSettings {
  const quotas = readQuotas(fields);
  const website = fields.skipNull() ? undefined : readWebsite(fields);
  const cors = fields.skipNull() ? undefined : readCorsRules(fields);
  const lifecycle = fields.skipNull() ? undefined : readLifecycle(fields);
  const tags = fields.skipNull() ? undefined : readTags(fields);
  return {
    ...quotas,
    ...(website === undefined ? {} : { website }),
    ...(cors === undefined ? {} : { cors }),
    ...(lifecycle === undefined ? {} : { lifecycle }),
    ...(tags === undefined ? {} : { tags }),
    ...readAccess(fields),
  };
}

/** New values of some settings; null takes one away, what is absent stays. */
export type SettingsChange = {
  readonly [Name in keyof BucketSettings]?: BucketSettings[Name] | null;
};

/**
 * The row with what may be changed of it; undefined where the change may not be: object lock is
 * never taken away, and versions are kept where it is.
 */
export function changedRow(row: BucketRow, change: SettingsChange): BucketRow | undefined {
  const changed = withSettings(row, change);
  const { objectLock, versioning } = changed;
  if (objectLock === undefined) return row.objectLock === undefined ? changed : undefined;
  return versioning === 'enabled' ? changed : undefined;
}

export function withSettings(row: BucketRow, change: SettingsChange): BucketRow {
  const changed = new Map<string, unknown>(Object.entries(row));
  for (const [name, value] of Object.entries(change)) {
    if (value === null) changed.delete(name);
    else if (value !== undefined) changed.set(name, value);
  }
  return Object.fromEntries(changed) as BucketRow;
}
