/**
 * The S3 door's view of buckets and keys.
 *
 * Owns:          what a name means to a caller, and what ListBuckets shows it.
 * Knows:         the cache, the life of buckets, the rule in which namespace S3 makes names.
 * Must not know: HTTP.
 */
import type { SettingsClient } from '../../bus/settings-client.ts';
import { SettingsUnavailableError } from '../../bus/settings-client.ts';
import type { AccessKeyId, BucketId } from '../../schemas/ids.ts';
import type {
  BucketRow,
  BucketSettings,
  SettingsChange,
} from '../../schemas/records/bucket-row.ts';
import { changedRow } from '../../schemas/records/bucket-row.ts';
import { localAliasId } from '../../schemas/records/settings-rows.ts';
import type { DirectoryLookup } from '../s3/s3-call.ts';
import type { BucketLife, BucketWish, Deletion } from './bucket-life.ts';
import type { BucketNames } from './bucket-names.ts';
import type { DirectoryCache } from './directory-cache.ts';

export type LookupOptions = {
  readonly settings: SettingsClient;
  readonly cache: DirectoryCache;
  readonly names: BucketNames;
  readonly life: BucketLife;
  /** Where CreateBucket over S3 puts a name: for everyone, or for the key that made it. */
  readonly namespace: 'global' | 'per_key';
};

const ALL = { read: true, write: true, owner: true } as const;

export class Lookup implements DirectoryLookup {
  readonly #options: LookupOptions;

  constructor(options: LookupOptions) {
    this.#options = options;
  }

  secretOf(accessKeyId: string): string | undefined | Promise<string | undefined> {
    const row = this.#options.cache.key(accessKeyId);
    return row instanceof Promise ? row.then(found => found?.secret) : row?.secret;
  }

  keyOf(accessKeyId: string): ReturnType<DirectoryLookup['keyOf']> {
    return this.#options.cache.key(accessKeyId);
  }

  resolveBucket(
    name: string,
    accessKeyId: AccessKeyId | undefined,
  ): BucketRow | undefined | Promise<BucketRow | undefined> {
    const row = this.#options.cache.bucket(name, accessKeyId);
    if (row instanceof Promise) return row.then(found => this.#recovered(found));
    return row?.state === 'deleting' ? this.#recovered(row) : row;
  }

  /** A bucket whose deletion stopped half-way is brought back beside the request that met it. */
  #recovered(row: BucketRow | undefined): BucketRow | undefined {
    if (row?.state === 'deleting') void this.#options.life.recover(row).catch(() => undefined);
    return row;
  }

  async bucketsOf(
    accessKeyId: AccessKeyId,
  ): Promise<{ readonly name: string; readonly createdMs: number }[]> {
    const rows = await this.#options.settings.list('bucket');
    const shown = rows.flatMap(row => namesFor(row, accessKeyId));
    return shown.sort((a, b) => Buffer.compare(Buffer.from(a.name), Buffer.from(b.name)));
  }

  async createBucket(
    name: string,
    accessKeyId: AccessKeyId,
    settings?: BucketSettings,
  ): Promise<{ readonly kind: 'created' | 'owned-by-you' | 'taken' | 'unavailable' }> {
    const { names, life, namespace } = this.#options;
    const isLocal = namespace === 'per_key';
    const local = await names.holder(localAliasId(accessKeyId, name));
    const holder = local ?? (isLocal ? undefined : await names.holder(name));
    if (holder !== undefined) return { kind: ownerKind(holder, accessKeyId) };
    const wish: BucketWish = {
      ...(isLocal ? { localAlias: { accessKeyId, name } } : { globalAlias: name }),
      grants: [{ accessKeyId, ...ALL }],
      ...(settings === undefined ? {} : { settings }),
    };
    if ((await life.create(wish)) !== 'taken') return { kind: 'created' };
    const winner = await names.holder(isLocal ? localAliasId(accessKeyId, name) : name);
    return { kind: winner === undefined ? 'unavailable' : ownerKind(winner, accessKeyId) };
  }

  async deleteBucket(bucket: BucketRow): Promise<{ readonly kind: Deletion }> {
    return { kind: await this.#options.life.delete(bucket.id) };
  }

  async changeSettings(
    bucket: BucketId,
    change: SettingsChange,
  ): Promise<{ readonly kind: 'changed' | 'gone' | 'against-lock' | 'unavailable' }> {
    let isLawful = true;
    try {
      const row = await this.#options.settings.change('bucket', bucket, before => {
        if (before?.state !== 'active') return undefined;
        const changed = changedRow(before, change);
        isLawful = changed !== undefined;
        return changed;
      });
      if (!isLawful) return { kind: 'against-lock' };
      return { kind: row === undefined ? 'gone' : 'changed' };
    } catch (failure) {
      if (!(failure instanceof SettingsUnavailableError)) throw failure;
      return { kind: 'unavailable' };
    }
  }
}

function ownerKind(row: BucketRow, accessKeyId: AccessKeyId): 'owned-by-you' | 'taken' {
  const grant = row.grants.find(candidate => candidate.accessKeyId === accessKeyId);
  return grant !== undefined && (grant.write || grant.owner) ? 'owned-by-you' : 'taken';
}

function namesFor(
  row: BucketRow,
  accessKeyId: AccessKeyId,
): { readonly name: string; readonly createdMs: number }[] {
  if (row.state !== 'active') return [];
  const { createdMs } = row;
  const own = row.localAliases.filter(alias => alias.accessKeyId === accessKeyId);
  const grant = row.grants.find(candidate => candidate.accessKeyId === accessKeyId);
  const mayUse = grant !== undefined && (grant.read || grant.write || grant.owner);
  const names = new Set([...(mayUse ? row.globalAliases : []), ...own.map(alias => alias.name)]);
  return [...names].map(name => ({ name, createdMs }));
}
