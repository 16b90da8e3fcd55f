/**
 * GetObjectAcl, as far as clients ask for it before they do something else.
 *
 * Owns:          the answer for an object without an access list of its own.
 * Knows:         its document in the S3 API reference.
 * Must not know: how objects are stored.
 *
 * Access lists cannot be put yet, so none are there, and saying so is the truth. s3cmd reads the
 * access list to show an object.
 */
import { getBucketAcl } from './bucket.ts';
import { findVersion } from './object-versions.ts';
import type { ObjectCall, S3Handler } from './s3-call.ts';

/** What a key may do with a bucket it may do with each of its objects. */
export const getObjectAcl: S3Handler<ObjectCall> = async (call, services) => {
  await findVersion(call, services);
  return getBucketAcl(call, services);
};
