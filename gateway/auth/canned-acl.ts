/**
 * What the canned access control lists of buckets and objects give to whom.
 *
 * Owns:          the meaning of each list.
 * Knows:         "Access control list (ACL) overview", canned ACLs.
 * Must not know: where lists are stored, who may change them.
 *
 * The owner of a bucket, and of all objects in it, is whoever has the grant `owner` on it.
 */
import type { CannedAcl } from '../../schemas/records/bucket-settings/access-settings.ts';
import type { S3Action } from './s3-actions.ts';

/** Who asks, as far as lists tell people apart. */
export type AclGroup = 'owner' | 'signed' | 'nobody';

const READ_BUCKET: ReadonlySet<S3Action> = new Set<S3Action>([
  's3:ListBucket',
  's3:ListBucketMultipartUploads',
  's3:ListBucketVersions',
]);
const WRITE_BUCKET: ReadonlySet<S3Action> = new Set<S3Action>([
  's3:AbortMultipartUpload',
  's3:DeleteObject',
  's3:ListMultipartUploadParts',
  's3:PutObject',
]);
const READ_OBJECT: ReadonlySet<S3Action> = new Set<S3Action>([
  's3:GetObject',
  's3:GetObjectVersion',
]);

/** Does it give something to everybody, or to everybody who has a key? */
export function isPublicAcl(acl: CannedAcl | undefined): boolean {
  return acl === 'public-read' || acl === 'public-read-write' || acl === 'authenticated-read';
}

/** May the action on a bucket, or on its objects, be done by the bucket's list? */
export function bucketAclAllows(
  acl: CannedAcl | undefined,
  action: S3Action,
  group: AclGroup,
): boolean {
  switch (acl) {
    case 'public-read':
      return READ_BUCKET.has(action);
    case 'public-read-write':
      return READ_BUCKET.has(action) || WRITE_BUCKET.has(action);
    case 'authenticated-read':
      return group !== 'nobody' && READ_BUCKET.has(action);
    case 'private':
    case 'bucket-owner-read':
    case 'bucket-owner-full-control':
    case undefined:
      return false;
  }
}

/** Can the list of an object decide about the action? */
export function isForObjectAcl(action: S3Action): boolean {
  return READ_OBJECT.has(action);
}

/** May the action on an object be done by the object's own list? */
export function objectAclAllows(
  acl: CannedAcl | undefined,
  action: S3Action,
  group: AclGroup,
): boolean {
  switch (acl) {
    case 'public-read':
    case 'public-read-write':
      return READ_OBJECT.has(action);
    case 'authenticated-read':
      return group !== 'nobody' && READ_OBJECT.has(action);
    case 'bucket-owner-read':
    case 'bucket-owner-full-control':
      return group === 'owner' && READ_OBJECT.has(action);
    case 'private':
    case undefined:
      return false;
  }
}
