/**
 * Where the object of a request lies, and which version or part of it is meant.
 *
 * Owns:          `versionId`; `partNumber`.
 * Knows:         how a bucket's row and a key make a place.
 * Must not know: operations.
 */
import type { ObjectKey } from '../../schemas/ids.ts';
import { PART_NUMBER_MAX } from '../../schemas/limits.ts';
import type { ObjectPlace } from '../../schemas/messages/table.ts';
import type { BucketRow } from '../../schemas/records/bucket-row.ts';
import type { VersionRef } from '../../schemas/records/object-row.ts';
import { parseTimestamp } from '../../schemas/timestamp.ts';
import { placeOfKey } from '../object/key-place.ts';
import type { QueryParameters } from './s3-call.ts';
import { S3Error } from './s3-error.ts';

type BucketAndKey = { readonly bucket: BucketRow; readonly key: ObjectKey };

/** The place of a key in a bucket: of what a call names, or the source of a copy. */
export function placeOf({ bucket, key }: BucketAndKey): ObjectPlace {
  return placeOfKey(bucket, key);
}

/** undefined for what is no name of a version. */
export function parseVersionRef(text: string): VersionRef | undefined {
  return text === 'null' ? text : parseTimestamp(text);
}

/**
 * `versionId` of a query; undefined when there is none: the current version is meant.
 *
 * @throws S3Error InvalidArgument, NoSuchVersion.
 */
export function versionRefOfCall(query: QueryParameters): VersionRef | undefined {
  const text = query.get('versionId');
  return text === undefined ? undefined : checkedVersionRef(text);
}

/** Ids as other stores make them: opaque, and long. */
const FOREIGN_ID = /^[\w.-]{16,1024}$/;

/** It may be the name of a version, and there is none of that name here. */
export function isForeignVersion(text: string): boolean {
  return parseVersionRef(text) === undefined && FOREIGN_ID.test(text);
}

/** @throws S3Error InvalidArgument; NoSuchVersion for an id of another form than ours. */
export function checkedVersionRef(text: string): VersionRef {
  const ref = parseVersionRef(text);
  if (ref !== undefined) return ref;
  if (isForeignVersion(text)) throw new S3Error('NoSuchVersion', { fields: { VersionId: text } });
  throw new S3Error('InvalidArgument', {
    message: 'Invalid version id specified.',
    fields: { ArgumentName: 'versionId', ArgumentValue: text },
  });
}

/**
 * `partNumber` of a query; undefined when there is none.
 *
 * @throws S3Error InvalidArgument unless it is from 1 to 10,000.
 */
export function parsePartNumber(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const number = /^\d{1,5}$/.test(text) ? Number(text) : 0;
  if (number >= 1 && number <= PART_NUMBER_MAX) return number;
  throw new S3Error('InvalidArgument', {
    message: `Part number must be an integer between 1 and ${PART_NUMBER_MAX}, inclusive`,
    fields: { ArgumentName: 'partNumber', ArgumentValue: text },
  });
}
