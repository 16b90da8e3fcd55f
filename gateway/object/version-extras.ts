/**
 * What a bucket's settings put into the rows of its new versions, and what answers say of versions.
 *
 * Owns:          the step from a bucket's row to the rows of its versions.
 * Knows:         whether the bucket keeps versions.
 * Must not know: doors, headers of requests.
 */
import type { BucketRow } from '../../schemas/records/bucket-row.ts';
import type { ObjectExtras, Tagging } from '../../schemas/records/object-extras.ts';
import type { ObjectLock } from '../../schemas/records/object-lock.ts';
import type { StoredVersion, VersionRef } from '../../schemas/records/object-row.ts';
import { versionRefOf } from '../../schemas/records/object-row.ts';
import type { ReplyHeaders } from '../http/exchange.ts';

const NO_HEADERS: ReplyHeaders = [];

/** What a new version comes with. */
export type NewExtras = {
  readonly tagging?: Tagging | undefined;
  readonly lock?: ObjectLock | undefined;
};

/** undefined for a version without any of it, in a bucket that keeps none. */
export function extrasOf(
  { versioning }: Pick<BucketRow, 'versioning'>,
  { tagging, lock }: NewExtras,
): ObjectExtras | undefined {
  const isKept = versioning === 'enabled';
  if (!isKept && tagging === undefined && lock === undefined) return undefined;
  return {
    ...(tagging === undefined ? {} : { tagging }),
    ...(isKept ? { versioned: true } : {}),
    ...(lock === undefined ? {} : { lock }),
  };
}

/** Nothing where no versions were ever kept. */
export function versionHeaders(
  { versioning }: Pick<BucketRow, 'versioning'>,
  version: VersionRef | undefined,
): ReplyHeaders {
  return versioning === undefined ? NO_HEADERS : [['x-amz-version-id', version ?? 'null']];
}

/** What a write tells of what it made: S3 names no version while a bucket's are suspended. */
export function writtenHeaders(
  { versioning }: Pick<BucketRow, 'versioning'>,
  version: VersionRef | undefined,
): ReplyHeaders {
  const isNamed = versioning !== undefined && version !== undefined && version !== 'null';
  return isNamed ? [['x-amz-version-id', version]] : NO_HEADERS;
}

export function headersOfVersion(
  bucket: Pick<BucketRow, 'versioning'>,
  row: StoredVersion,
): ReplyHeaders {
  const told = versionHeaders(bucket, versionRefOf(row));
  return row.kind === 'marker' ? [['x-amz-delete-marker', 'true'], ...told] : told;
}
