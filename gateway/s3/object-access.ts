/**
 * What is left to decide about an object once it was looked up.
 *
 * Owns:          the refusal by an object's own access control list, or by its tags; what is said
 *                of an absent one.
 * Knows:         the authoriser; where an object carries its list and its tags.
 * Must not know: how an object is found or sent.
 *
 * Without the right to list a bucket nobody learns which keys are there: what is missing and what
 * is forbidden are refused alike.
 */
import type { BucketRow } from '../../schemas/records/bucket-row.ts';
import type { CannedAcl } from '../../schemas/records/bucket-settings/access-settings.ts';
import { cannedAcl } from '../../schemas/records/bucket-settings/access-settings.ts';
import type { ObjectVersion } from '../../schemas/records/object-row.ts';
import {
  decideByObject,
  type Permission,
  type PermissionQuestion,
  type Verdict,
} from '../auth/permissions.ts';
import type { RequestFacts } from '../auth/request-facts.ts';
import type { S3Action } from '../auth/s3-actions.ts';
import type { Access, Caller, S3Call, S3Services } from './s3-call.ts';
import { S3Error } from './s3-error.ts';

/** The list that an object came with is among its stored headers, where it is not told. */
export const ACL_HEADER = 'x-amz-acl';

/** Undefined: `private`. */
export function aclOf({ headers, acl }: ObjectVersion): CannedAcl | undefined {
  if (acl !== undefined) return acl.acl;
  const text = headers.find(([name]) => name === ACL_HEADER)?.[1];
  return text === undefined ? undefined : cannedAcl(text);
}

type Asked = {
  readonly permission: Permission;
  readonly action: S3Action;
  readonly bucket: BucketRow;
  readonly objectKey: string | undefined;
};

/** May the caller do this, too? `lock`: what the call asks for in its body. */
export function decideFor(
  call: S3Call & Pick<RequestFacts, 'lock' | 'existingTags'>,
  { authoriser }: S3Services,
  asked: Asked,
): Verdict {
  const { permission, action, bucket, objectKey } = asked;
  return authoriser.decide(
    { permission, action, key: signerOf(call.caller), bucket, objectKey },
    call,
  );
}

/** The object that was looked up, and what is left to decide about it. */
export type Found = {
  readonly bucket: BucketRow;
  readonly key: string;
  readonly access: Access;
  readonly version: ObjectVersion;
};

/** @throws S3Error AccessDenied where neither its tags nor its list let the caller do it. */
export function checkFound(
  call: S3Call,
  services: S3Services,
  { bucket, key, access, version }: Found,
): void {
  if (access === 'allowed') return;
  const existingTags = version.tagging?.tags ?? [];
  const asked = { ...access, bucket, objectKey: key };
  const verdict = decideFor({ ...call, existingTags }, services, asked);
  if (verdict === 'allowed') return;
  const question = { action: access.action, key: signerOf(call.caller), bucket };
  if (verdict === 'by-object' && decideByObject(question, aclOf(version)) === 'allowed') return;
  throw new S3Error('AccessDenied');
}

/** What is said of a key that is not there. */
export function absentKey(
  call: S3Call,
  services: S3Services,
  { bucket, key }: { readonly bucket: BucketRow; readonly key: string },
): S3Error {
  const asked = { permission: 'read', action: 's3:ListBucket', bucket } as const;
  const mayList = decideFor(call, services, { ...asked, objectKey: undefined }) === 'allowed';
  return mayList ? new S3Error('NoSuchKey', { fields: { Key: key } }) : new S3Error('AccessDenied');
}

/** The key that signed, for questions about a bucket that is there. */
export function signerOf(caller: Caller | undefined): PermissionQuestion['key'] {
  return caller && { accessKeyId: caller.accessKeyId, canCreateBuckets: false };
}
