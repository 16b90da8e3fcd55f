/**
 * Buckets and keys as administration is shown them, put together from the rows.
 *
 * Owns:          the joins between buckets and keys.
 * Knows:         the rows.
 * Must not know: how rows are read or changed.
 */
import type { BucketInfo, BucketPermissions, KeyInfo } from '../../schemas/admin-types.ts';
import type { BucketRow } from '../../schemas/records/bucket-row.ts';
import type { AccessKeyRow } from '../../schemas/records/settings-rows.ts';

const NONE: BucketPermissions = { read: false, write: false, owner: false };

function permissionsOf(row: BucketRow, accessKeyId: string): BucketPermissions {
  const grant = row.grants.find(candidate => candidate.accessKeyId === accessKeyId);
  if (grant === undefined) return NONE;
  return { read: grant.read, write: grant.write, owner: grant.owner };
}

function localNames(row: BucketRow, accessKeyId: string): string[] {
  const own = row.localAliases.filter(alias => alias.accessKeyId === accessKeyId);
  return own.map(alias => alias.name).sort();
}

function concernedKeys(row: BucketRow): string[] {
  const ids = [...row.grants, ...row.localAliases].map(entry => entry.accessKeyId);
  return [...new Set<string>(ids)].sort();
}

function isOfUse(permissions: BucketPermissions): boolean {
  return permissions.read || permissions.write || permissions.owner;
}

/** `keys`: by id, for their names; one that was deleted meanwhile is left out. */
export function bucketInfo(row: BucketRow, keys: ReadonlyMap<string, AccessKeyRow>): BucketInfo {
  const grants = concernedKeys(row).flatMap(accessKeyId => {
    const key = keys.get(accessKeyId);
    const permissions = permissionsOf(row, accessKeyId);
    const localAliases = localNames(row, accessKeyId);
    if (key === undefined || key.deleted) return [];
    if (!isOfUse(permissions) && localAliases.length === 0) return [];
    return [{ accessKeyId, keyName: key.name, permissions, localAliases }];
  });
  return {
    id: row.id,
    createdMs: row.createdMs,
    globalAliases: [...row.globalAliases].sort(),
    grants,
    website: row.website,
    quotas: { maxSizeBytes: row.maxSizeBytes, maxObjects: row.maxObjects },
    cors: row.cors,
    lifecycle: row.lifecycle,
    versioning: row.versioning,
    objectLock: row.objectLock,
    indexShards: row.indexShards,
  };
}

export function keyInfo(row: AccessKeyRow, buckets: readonly BucketRow[]): KeyInfo {
  return {
    id: row.id,
    secret: row.secret,
    name: row.name,
    createdMs: row.createdMs,
    expiresMs: row.expiresMs,
    canCreateBucket: row.canCreateBucket,
    buckets: buckets.flatMap(bucket => {
      const permissions = permissionsOf(bucket, row.id);
      const localAliases = localNames(bucket, row.id);
      if (!isOfUse(permissions) && localAliases.length === 0) return [];
      const globalAliases = [...bucket.globalAliases].sort();
      return [{ bucketId: bucket.id, globalAliases, localAliases, permissions }];
    }),
  };
}
