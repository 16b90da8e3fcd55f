/**
 * PutBucketAcl and GetBucketAcl.
 *
 * Owns:          what of a list is kept for a bucket.
 * Knows:         the S3 API reference.
 * Must not know: the grammar of lists, what they allow.
 */
import { aclDocument, putAcl } from './access-control.ts';
import { decideSettings, SETTING_STORED } from './bucket-document.ts';
import type { BucketCall, S3Handler } from './s3-call.ts';
import { xmlReply } from './xml-reply.ts';

export const putBucketAcl: S3Handler<BucketCall> = async (call, services) => {
  const acl = await putAcl(call);
  // Lists that give something to the bucket's owner are about objects: for a bucket S3 ignores
  // them.
  const isAboutObjects = acl === 'bucket-owner-read' || acl === 'bucket-owner-full-control';
  const kept = acl === undefined || isAboutObjects ? null : acl;
  await decideSettings(call, services, { acl: kept });
  return SETTING_STORED;
};

export const getBucketAcl: S3Handler<BucketCall> = call =>
  xmlReply(aclDocument(call, call.bucket.acl));
