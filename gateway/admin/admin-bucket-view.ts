/**
 * Finds the bucket that an operator means, and shows it as the admin API does.
 *
 * Owns:          the search by name or id; the JSON of a bucket.
 * Knows:         the Directory and the ObjectInspector.
 * Must not know: doors, rows, operations.
 */
import type { BucketInfo } from '../../schemas/admin-types.ts';
import { badRequest, bucketNotFound } from './admin-error.ts';
import { mayAnything } from './admin-params.ts';
import type { AdminPorts } from './admin-ports.ts';
import { corsRulesJson, lifecycleRulesJson, routingRulesJson } from './bucket-rules-json.ts';
import { rfc3339 } from './rfc3339.ts';

type Names = {
  readonly id?: string | null;
  readonly globalAlias?: string | null;
  readonly search?: string | null;
};

/** By exactly one of complete id, global alias, and what an operator typed. */
export async function findBucket(ports: AdminPorts, names: Names): Promise<BucketInfo> {
  const given = [names.id, names.globalAlias, names.search].filter(
    name => typeof name === 'string',
  );
  const [name] = given;
  if (name === undefined || given.length !== 1) {
    throw badRequest('give exactly one of id, globalAlias and search');
  }
  const bucket = await lookUp(ports, names, name);
  if (bucket === undefined) throw bucketNotFound(name);
  return bucket;
}

async function lookUp(
  { directory }: AdminPorts,
  names: Names,
  name: string,
): Promise<BucketInfo | undefined> {
  if (typeof names.id === 'string') return directory.bucket(name);
  const named = await directory.bucketByGlobalAlias(name);
  if (named !== undefined || typeof names.globalAlias === 'string') return named;
  return byBeginningOfId(await directory.listBuckets(), name);
}

function byBeginningOfId(buckets: readonly BucketInfo[], text: string): BucketInfo | undefined {
  if (!/^[0-9a-f]{1,64}$/i.test(text)) return undefined;
  const matches = buckets.filter(bucket => bucket.id.startsWith(text.toLowerCase()));
  if (matches.length <= 1) return matches[0];
  throw badRequest(`${String(matches.length)} buckets match ${text}: give more of the id`);
}

/** The answer of every operation that ends with a bucket. */
export async function bucketJson(ports: AdminPorts, bucket: BucketInfo): Promise<unknown> {
  const { website, quotas, cors, lifecycle, versioning, objectLock, indexShards } = bucket;
  const usage = await ports.objects.bucketUsage(bucket.id);
  return {
    id: bucket.id,
    created: rfc3339(bucket.createdMs),
    globalAliases: bucket.globalAliases,
    websiteAccess: website !== undefined,
    ...(website?.kind !== 'pages'
      ? {}
      : {
          websiteConfig: {
            indexDocument: website.indexDocument,
            errorDocument: website.errorDocument ?? null,
            routingRules: routingRulesJson(website.routingRules),
          },
        }),
    ...(website?.kind === 'redirect-all'
      ? { websiteRedirect: { hostName: website.hostName, protocol: website.protocol ?? null } }
      : {}),
    keys: bucket.grants
      .filter(({ permissions }) => mayAnything(permissions))
      .map(({ accessKeyId, keyName, permissions, localAliases }) => ({
        accessKeyId,
        name: keyName,
        permissions,
        bucketLocalAliases: localAliases,
      })),
    objects: usage.objects,
    bytes: usage.bytes,
    unfinishedUploads: usage.unfinishedUploads,
    unfinishedMultipartUploads: usage.unfinishedMultipartUploads,
    unfinishedMultipartUploadParts: usage.unfinishedMultipartUploadParts,
    unfinishedMultipartUploadBytes: usage.unfinishedMultipartUploadBytes,
    quotas: { maxSize: quotas.maxSizeBytes ?? null, maxObjects: quotas.maxObjects ?? null },
    ...(cors === undefined ? {} : { corsRules: corsRulesJson(cors) }),
    ...(lifecycle === undefined ? {} : { lifecycleRules: lifecycleRulesJson(lifecycle) }),
    ...(versioning === undefined ? {} : { versioning }),
    ...(objectLock === undefined
      ? {}
      : { objectLock: { defaultRetention: objectLock.defaultRetention ?? null } }),
    indexShards,
  };
}
