/**
 * The admin operations on buckets: their life, their settings, who may use them.
 *
 * Owns:          their parameters and answers.
 * Knows:         the Directory and the ObjectInspector.
 * Must not know: doors, rows.
 */
import { Type } from 'typebox';
import type { BucketChange, BucketPermissions } from '../../schemas/admin-types.ts';
import { INDEX_SHARDS_MAX } from '../../schemas/limits.ts';
import { isBucketName } from '../../schemas/bucket-name.ts';
import { faultOfWebsite } from '../../schemas/records/bucket-settings/website.ts';
import { bucketJson, findBucket } from './admin-bucket-view.ts';
import { AdminError, badRequest, bucketNotFound, keyNotFound } from './admin-error.ts';
import { operation, type AdminOperation } from './admin-operation.ts';
import { noParams, optional, permissions } from './admin-params.ts';
import type { AdminPorts } from './admin-ports.ts';
import {
  corsRuleJson,
  corsRulesOf,
  lifecycleRuleJson,
  lifecycleRulesOf,
  refuse,
  routingRuleJson,
  routingRulesOf,
} from './bucket-rules-json.ts';
import { rfc3339 } from './rfc3339.ts';

const anyNumber = Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER });

const bucketSettings = Type.Object({
  websiteAccess: optional(
    Type.Object({
      enabled: Type.Boolean(),
      indexDocument: optional(Type.String()),
      errorDocument: optional(Type.String()),
      routingRules: optional(Type.Array(routingRuleJson)),
    }),
  ),
  quotas: optional(Type.Object({ maxSize: optional(anyNumber), maxObjects: optional(anyNumber) })),
  corsRules: optional(Type.Array(corsRuleJson)),
  lifecycleRules: optional(Type.Array(lifecycleRuleJson)),
});
type BucketSettings = Type.Static<typeof bucketSettings>;

const permissionChange = Type.Object({
  bucketId: Type.String(),
  accessKeyId: Type.String(),
  permissions,
});

export const bucketOperations: Readonly<Record<string, AdminOperation>> = {
  ListBuckets: operation('GET', { params: noParams }, async ports => {
    const buckets = await ports.directory.listBuckets();
    return buckets.map(bucket => ({
      id: bucket.id,
      created: rfc3339(bucket.createdMs),
      globalAliases: bucket.globalAliases,
      localAliases: bucket.grants.flatMap(({ accessKeyId, localAliases }) =>
        localAliases.map(alias => ({ accessKeyId, alias })),
      ),
    }));
  }),

  GetBucketInfo: operation(
    'GET',
    {
      query: ['id', 'globalAlias', 'search'],
      params: Type.Object({
        id: optional(Type.String()),
        globalAlias: optional(Type.String()),
        search: optional(Type.String()),
      }),
    },
    async (ports, names) => bucketJson(ports, await findBucket(ports, names)),
  ),

  CreateBucket: operation(
    'POST',
    {
      body: 'json',
      params: Type.Object({
        globalAlias: optional(Type.String()),
        localAlias: optional(
          Type.Object({
            accessKeyId: Type.String(),
            alias: Type.String(),
            allow: optional(permissions),
          }),
        ),
        indexShards: optional(Type.Integer({ minimum: 1, maximum: INDEX_SHARDS_MAX })),
      }),
    },
    async (ports, { globalAlias, localAlias, indexShards }) => {
      if (typeof globalAlias === 'string') checkName(ports, globalAlias);
      if (localAlias) checkName(ports, localAlias.alias);
      const result = await ports.directory.createBucket({
        ...(typeof globalAlias === 'string' ? { globalAlias } : {}),
        ...(typeof indexShards === 'number' ? { indexShards } : {}),
        ...(localAlias
          ? {
              localAlias: {
                accessKeyId: localAlias.accessKeyId,
                name: localAlias.alias,
                allow: permissionsOf(localAlias.allow ?? {}),
              },
            }
          : {}),
      });
      if (result.kind === 'created') return bucketJson(ports, result.bucket);
      if (result.kind === 'key-not-found') throw keyNotFound(localAlias?.accessKeyId ?? '');
      throw new AdminError('BucketAlreadyExists', 'Bucket already exists');
    },
  ),

  UpdateBucket: operation(
    'POST',
    {
      query: ['id'],
      body: 'json',
      params: Type.Object({ id: Type.String(), body: bucketSettings }),
    },
    async (ports, { id, body }) => {
      const result = await ports.directory.updateBucket(id, bucketChange(body));
      if (result.kind === 'bucket-not-found') throw bucketNotFound(id);
      return bucketJson(ports, result.bucket);
    },
  ),

  DeleteBucket: operation(
    'POST',
    { query: ['id'], params: Type.Object({ id: Type.String() }) },
    async (ports, { id }) => {
      const result = await ports.directory.deleteBucket(id);
      if (result.kind === 'deleted') return null;
      if (result.kind === 'bucket-not-found') throw bucketNotFound(id);
      throw new AdminError(
        'BucketNotEmpty',
        'The bucket holds objects or unfinished uploads: delete these first',
      );
    },
  ),

  AllowBucketKey: operation('POST', { body: 'json', params: permissionChange }, (ports, change) =>
    changePermissions(ports, change, true),
  ),

  DenyBucketKey: operation('POST', { body: 'json', params: permissionChange }, (ports, change) =>
    changePermissions(ports, change, false),
  ),
};

export function checkName(ports: AdminPorts, name: string): void {
  if (isBucketName(name, ports.punycode)) return;
  throw badRequest(
    `${JSON.stringify(name)} cannot name a bucket: names have 3 to 63 characters of a-z, 0-9, ` +
      'dot and -, and begin and end with a letter or a digit',
  );
}

type PermissionFlags = Type.Static<typeof permissions>;

function permissionsOf(flags: PermissionFlags): BucketPermissions {
  return {
    read: flags.read === true,
    write: flags.write === true,
    owner: flags.owner === true,
  };
}

async function changePermissions(
  ports: AdminPorts,
  change: Type.Static<typeof permissionChange>,
  value: boolean,
): Promise<unknown> {
  const { bucketId, accessKeyId } = change;
  const named = permissionsOf(change.permissions);
  const flags = (['read', 'write', 'owner'] as const).filter(flag => named[flag]);
  const result = await ports.directory.changePermissions({ bucketId, accessKeyId, flags, value });
  if (result.kind === 'bucket-not-found') throw bucketNotFound(bucketId);
  if (result.kind === 'key-not-found') throw keyNotFound(accessKeyId);
  return bucketJson(ports, result.bucket);
}

function bucketChange(settings: BucketSettings): BucketChange {
  const { websiteAccess, quotas, corsRules, lifecycleRules } = settings;
  return {
    ...(corsRules ? { cors: corsRulesOf(corsRules) } : {}),
    ...(lifecycleRules ? { lifecycle: lifecycleRulesOf(lifecycleRules) } : {}),
    ...(websiteAccess ? { website: websiteOf(websiteAccess) } : {}),
    ...(quotas
      ? {
          quotas: {
            maxSizeBytes: quotas.maxSize ?? undefined,
            maxObjects: quotas.maxObjects ?? undefined,
          },
        }
      : {}),
  };
}

function websiteOf(
  access: NonNullable<BucketSettings['websiteAccess']>,
): NonNullable<BucketChange['website']> | null {
  const { enabled, indexDocument, errorDocument, routingRules } = access;
  if (!enabled) {
    if (!indexDocument && !errorDocument && !routingRules) return null;
    throw badRequest('documents and rules are given only where website access is enabled');
  }
  if (!indexDocument) throw badRequest('website access needs an indexDocument');
  const website = {
    indexDocument,
    errorDocument: errorDocument ?? undefined,
    routingRules: routingRules ? routingRulesOf(routingRules) : undefined,
  };
  refuse(faultOfWebsite({ kind: 'pages', ...website, routingRules: website.routingRules ?? [] }));
  return website;
}
