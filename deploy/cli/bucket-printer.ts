/**
 * Prints buckets.
 *
 * Owns:          labels, columns and their order, which are Garage's.
 * Knows:         the answers of the admin operations.
 * Must not know: where they come from.
 */
import type { BucketPermissions } from '../../schemas/admin-types.ts';
import { binarySize, decimalSize } from '../../schemas/units.ts';
import { textTable, type TableLine } from '../../gateway/admin/text-table.ts';
import type { BucketAnswer, BucketLine } from './api-answers.ts';
import { localDate, localTime } from './local-time.ts';

export const SHORT_ID = 16;

export function bucketList(buckets: readonly BucketLine[]): string[] {
  return textTable([
    ['ID', 'Created', 'Global aliases', 'Local aliases'],
    ...buckets.map(({ id, created, globalAliases, localAliases }) => {
      const line = [id.slice(0, SHORT_ID), localDate(created), abbreviated(globalAliases)];
      const local = localAliases.map(({ accessKeyId, alias }) => `${accessKeyId}:${alias}`);
      return local.length === 0 ? line : [...line, abbreviated(local)];
    }),
  ]);
}

export function bucketInfo(bucket: BucketAnswer): string[] {
  return [
    '==== BUCKET INFORMATION ====',
    ...textTable([
      ['Bucket:', bucket.id],
      ['Created:', localTime(bucket.created)],
      ['Size:', bothSizes(bucket.bytes)],
      ['Objects:', String(bucket.objects)],
      ...uploadLines(bucket),
      ...websiteLines(bucket),
      ...quotaLines(bucket),
      ...versionLines(bucket),
      ...shardLines(bucket),
      ...aliasLines(bucket),
    ]),
    '==== KEYS FOR THIS BUCKET ====',
    ...textTable([['Permissions', 'Access key', '', 'Local aliases'], ...keyLines(bucket)]),
  ];
}

export function bothSizes(bytes: number): string {
  return `${decimalSize(bytes)} (${binarySize(bytes)})`;
}

/** `RWO`, with a blank for what is not allowed. */
export function permissionLetters({ read, write, owner }: BucketPermissions): string {
  return `${read ? 'R' : ' '}${write ? 'W' : ' '}${owner ? 'O' : ' '}`;
}

/** The first of several, and how many there are. */
export function abbreviated(names: readonly string[]): string {
  const [first = ''] = names;
  return names.length > 1 ? `${first}, ... (${String(names.length)})` : first;
}

function uploadLines(bucket: BucketAnswer): TableLine[] {
  if (bucket.unfinishedUploads === 0) return [];
  return [
    ['Unfinished uploads:', `${String(bucket.unfinishedMultipartUploads)} multipart uploads`],
    ['', `${String(bucket.unfinishedUploads)} including regular uploads`],
    ['Size of unfinished multipart uploads:', bothSizes(bucket.unfinishedMultipartUploadBytes)],
  ];
}

function websiteLines({
  websiteAccess,
  websiteConfig,
  websiteRedirect,
}: BucketAnswer): TableLine[] {
  const documents: TableLine[] = [];
  if (websiteConfig !== undefined) {
    documents.push(['  index document:', websiteConfig.indexDocument]);
    if (websiteConfig.errorDocument !== null) {
      documents.push(['  error document:', websiteConfig.errorDocument]);
    }
  }
  if (websiteRedirect !== undefined) {
    const { hostName, protocol } = websiteRedirect;
    documents.push(['  redirects to:', protocol === null ? hostName : `${protocol}://${hostName}`]);
  }
  return [['Website access:', String(websiteAccess)], ...documents];
}

function quotaLines({ quotas: { maxSize, maxObjects } }: BucketAnswer): TableLine[] {
  if (maxSize === null && maxObjects === null) return [];
  return [
    ['Quotas:', 'enabled'],
    ...(maxSize === null ? [] : [['  maximum size:', bothSizes(maxSize)]]),
    ...(maxObjects === null ? [] : [['  maximum number of objects:', String(maxObjects)]]),
  ];
}

/** An operator who cannot delete a bucket finds here what keeps it. */
function versionLines({ versioning, objectLock }: BucketAnswer): TableLine[] {
  if (versioning === undefined) return [];
  const versions: TableLine = ['Versioning:', versioning];
  if (objectLock === undefined) return [versions];
  const retention = objectLock.defaultRetention;
  const byDefault =
    retention === null
      ? ''
      : `, ${retention.mode} for ${String(retention.count)} ${retention.unit}`;
  return [versions, ['Object lock:', `enabled${byDefault}`]];
}

/** Of our own, so it is shown only where somebody chose it. */
function shardLines({ indexShards }: BucketAnswer): TableLine[] {
  return indexShards === 1 ? [] : [['Index shards:', String(indexShards)]];
}

function aliasLines({ globalAliases }: BucketAnswer): TableLine[] {
  const label = globalAliases.length === 1 ? 'Global alias:' : 'Global aliases:';
  return globalAliases.map((alias, index) => [index === 0 ? label : '', alias]);
}

function keyLines({ keys }: BucketAnswer): TableLine[] {
  return keys.map(({ permissions, accessKeyId, name, bucketLocalAliases }) => {
    const line = [permissionLetters(permissions), accessKeyId, name];
    return bucketLocalAliases.length === 0 ? line : [...line, bucketLocalAliases.join(', ')];
  });
}
