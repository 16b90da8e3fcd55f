/**
 * `x-amz-expected-bucket-owner`: a request that is only meant for a bucket of a certain owner.
 *
 * Owns:          the two headers, and what is compared.
 * Knows:         "Verifying bucket ownership with bucket owner condition" of the S3 user guide.
 * Must not know: who may do what.
 *
 * An owner is who is told as one: a key with the owner right. Who signed nothing is told the
 * bucket's id instead, so that is one, too.
 */
import type { BucketRow } from '../../schemas/records/bucket-row.ts';
import type { RequestHeaders } from '../http/exchange.ts';
import { S3Error } from './s3-error.ts';

/** @throws S3Error AccessDenied. */
export function checkExpectedOwner(headers: RequestHeaders, bucket: BucketRow): void {
  const expected = headers.get('x-amz-expected-bucket-owner');
  if (expected !== undefined) check(expected, bucket);
}

/** The same of the source of a copy. @throws S3Error AccessDenied. */
export function checkExpectedSourceOwner(headers: RequestHeaders, bucket: BucketRow): void {
  const expected = headers.get('x-amz-source-expected-bucket-owner');
  if (expected !== undefined) check(expected, bucket);
}

function check(expected: string, { id, grants }: BucketRow): void {
  if (expected === id) return;
  if (grants.some(({ accessKeyId, owner }) => owner && accessKeyId === expected)) return;
  throw new S3Error('AccessDenied');
}
