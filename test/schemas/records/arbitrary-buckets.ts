/**
 * Random settings rows: buckets with every setting, names, keys.
 *
 * Owns:          the generators.
 * Knows:         the records.
 * Must not know: what is checked of them.
 */
import fc from 'fast-check';
import type { AccessKeyId } from '../../../schemas/ids.ts';
import type { BucketRow } from '../../../schemas/records/bucket-row.ts';
import type { CorsRule } from '../../../schemas/records/bucket-settings/cors-rules.ts';
import type { LifecycleRule } from '../../../schemas/records/bucket-settings/lifecycle-rules.ts';
import type {
  RoutingRule,
  WebsiteConfiguration,
} from '../../../schemas/records/bucket-settings/website.ts';
import type { AccessKeyRow, AliasRow } from '../../../schemas/records/settings-rows.ts';
import { bucketIds, timestamps } from './arbitrary-rows.ts';

const texts = fc.string({ unit: 'grapheme', maxLength: 20 });
const counts = fc.oneof(fc.nat(200), fc.constantFrom(0, 2 ** 31 - 1, 2 ** 40));

function optional<Value>(value: fc.Arbitrary<Value>): fc.Arbitrary<Value | undefined> {
  return fc.option(value, { nil: undefined });
}

const protocols = optional(fc.constantFrom('http' as const, 'https' as const));

export const routingRules: fc.Arbitrary<RoutingRule> = fc.record({
  keyPrefix: optional(texts),
  errorCode: optional(counts),
  protocol: protocols,
  hostName: optional(texts),
  replaceKeyPrefixWith: optional(texts),
  replaceKeyWith: optional(texts),
  redirectCode: optional(counts),
});

export const websites: fc.Arbitrary<WebsiteConfiguration> = fc.oneof(
  fc.record({
    kind: fc.constant('pages' as const),
    indexDocument: texts,
    errorDocument: optional(texts),
    routingRules: fc.array(routingRules, { maxLength: 20 }),
  }),
  fc.record({ kind: fc.constant('redirect-all' as const), hostName: texts, protocol: protocols }),
);

export const corsRules: fc.Arbitrary<CorsRule> = fc.record({
  id: optional(texts),
  allowedOrigins: fc.array(texts, { maxLength: 18 }),
  allowedMethods: fc.array(texts, { maxLength: 5 }),
  allowedHeaders: fc.array(texts, { maxLength: 5 }),
  exposeHeaders: fc.array(texts, { maxLength: 5 }),
  maxAgeSeconds: optional(counts),
});

const tags = fc.array(fc.record({ key: texts, value: texts }), { maxLength: 5 });

export const lifecycleRules: fc.Arbitrary<LifecycleRule> = fc.record({
  id: texts,
  enabled: fc.boolean(),
  filter: fc.record({
    form: fc.constantFrom('legacy' as const, 'single' as const, 'and' as const),
    prefix: optional(texts),
    tags,
    sizeGreaterThan: optional(counts),
    sizeLessThan: optional(counts),
  }),
  expiration: optional(
    fc.oneof(
      fc.record({ kind: fc.constant('days' as const), days: counts }),
      fc.record({ kind: fc.constant('date' as const), dateMs: counts }),
      fc.record({ kind: fc.constant('delete-marker' as const), enabled: fc.boolean() }),
    ),
  ),
  abortUploadsDays: optional(counts),
  noncurrent: optional(fc.record({ days: counts, newerVersions: optional(counts) })),
});

const accessKeyIds = fc.constantFrom(
  'GKone00000',
  'GKtwo00000',
) as fc.Arbitrary<unknown> as fc.Arbitrary<AccessKeyId>;

const objectLocks = fc.record({
  defaultRetention: optional(
    fc.record({
      mode: fc.constantFrom('GOVERNANCE' as const, 'COMPLIANCE' as const),
      unit: fc.constantFrom('days' as const, 'years' as const),
      count: counts,
    }),
  ),
});

export const bucketRows: fc.Arbitrary<BucketRow> = fc.record(
  {
    kind: fc.constant('bucket' as const),
    timestamp: timestamps,
    id: bucketIds,
    createdMs: fc.constantFrom(0, 1_700_000_000_000),
    state: fc.constantFrom('creating', 'active', 'deleting', 'deleted'),
    globalAliases: fc.array(texts, { maxLength: 3 }),
    localAliases: fc.array(fc.record({ accessKeyId: accessKeyIds, name: texts }), { maxLength: 3 }),
    grants: fc.array(
      fc.record({
        accessKeyId: accessKeyIds,
        read: fc.boolean(),
        write: fc.boolean(),
        owner: fc.boolean(),
      }),
      { maxLength: 3 },
    ),
    indexShards: fc.integer({ min: 1, max: 256 }),
    website: websites,
    cors: fc.array(corsRules, { maxLength: 3 }),
    lifecycle: fc.array(lifecycleRules, { maxLength: 3 }),
    tags,
    maxSizeBytes: counts,
    maxObjects: counts,
    versioning: fc.constantFrom('enabled' as const, 'suspended' as const),
    objectLock: objectLocks,
    policy: texts,
    publicAccessBlock: fc.record({
      blockPublicAcls: fc.boolean(),
      ignorePublicAcls: fc.boolean(),
      blockPublicPolicy: fc.boolean(),
      restrictPublicBuckets: fc.boolean(),
    }),
    ownership: fc.constantFrom(
      'BucketOwnerEnforced',
      'BucketOwnerPreferred',
      'ObjectWriter',
      'none',
    ),
    acl: fc.constantFrom('private', 'public-read', 'bucket-owner-full-control'),
  },
  {
    requiredKeys: [
      ...(['kind', 'timestamp', 'id', 'createdMs', 'state', 'globalAliases'] as const),
      ...(['localAliases', 'grants', 'indexShards'] as const),
    ],
  },
);

export const aliasRows: fc.Arbitrary<AliasRow> = fc.record(
  { kind: fc.constant('alias' as const), timestamp: timestamps, id: texts, bucket: bucketIds },
  { requiredKeys: ['kind', 'timestamp', 'id'] },
);

export const keyRows: fc.Arbitrary<AccessKeyRow> = fc.record(
  {
    kind: fc.constant('key' as const),
    timestamp: timestamps,
    id: accessKeyIds,
    secret: texts,
    name: texts,
    createdMs: fc.constantFrom(0, 1_700_000_000_000),
    expiresMs: counts,
    canCreateBucket: fc.boolean(),
    deleted: fc.boolean(),
  },
  {
    requiredKeys: [
      ...(['kind', 'timestamp', 'id', 'secret', 'name', 'createdMs'] as const),
      ...(['canCreateBucket', 'deleted'] as const),
    ],
  },
);
