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
import { placeOfKey } from '../object/key-place.ts';
import type { QueryParameters } from './s3-call.ts';
import { S3Error } from './s3-error.ts';

type BucketAndKey = { readonly bucket: BucketRow; readonly key: ObjectKey };

/** The place of a key in a bucket: of what a call names, or the source of a copy. */
export function placeOf({ bucket, key }: BucketAndKey): ObjectPlace {
  return placeOfKey(bucket, key);
}

/**
 * Refuses any version but the one there is: a bucket without versions has one, named `null`.
 *
 * @throws S3Error InvalidArgument.
 */
export function checkVersionId(query: QueryParameters): void {
  const versionId = query.get('versionId');
  if (versionId === undefined || versionId === 'null') return;
  throw noSuchVersion(versionId);
}

export function noSuchVersion(versionId: string): S3Error {
  return new S3Error('InvalidArgument', {
    message: 'The version id is not valid: this bucket keeps no versions.',
    fields: { ArgumentName: 'versionId', ArgumentValue: versionId },
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
    message: `The part number must be a whole number from 1 to ${PART_NUMBER_MAX}.`,
    fields: { ArgumentName: 'partNumber', ArgumentValue: text },
  });
}
