/**
 * Who may do what: one pure function that every door asks.
 *
 * Owns:          the permission classes, and the decision.
 * Knows:         grants of keys, the policy and the access control lists of a bucket, its ownership
 *                setting and its public access block.
 * Must not know: routes, signatures, where any of it is stored.
 *
 * Grants, policy and lists each may allow; a Deny of the policy outweighs them all. The three
 * grants are independent: an owner without `read` cannot read objects, as with Garage. `key`
 * undefined means that nobody signed. Lists count only where the ownership setting lets them, and
 * what they give to everybody only where the public access block does not ignore it.
 */
import { unreachable } from '../../schemas/assert.ts';
import type { BucketRow } from '../../schemas/records/bucket-row.ts';
import type { CannedAcl } from '../../schemas/records/bucket-settings/access-settings.ts';
import { evaluate, type Policy } from './bucket-policy.ts';
import {
  bucketAclAllows,
  isForObjectAcl,
  isPublicAcl,
  objectAclAllows,
  type AclGroup,
} from './canned-acl.ts';
import { lacksTags, type RequestFacts } from './request-facts.ts';
import type { S3Action } from './s3-actions.ts';

/**
 * What a route asks for. `none`: anyone, unsigned too. `form`: a form in the body says who asks,
 * and its handler asks again. `any-key`: any valid signature.
 * `create-bucket`: a key with that flag. `read`, `write`, `owner`: the grant on the bucket named,
 * or what policy and lists give for the action. `website`: that the bucket is one.
 */
export type Permission =
  'none' | 'form' | 'any-key' | 'create-bucket' | 'read' | 'write' | 'owner' | 'website';

/** What a bucket gave to a key. */
export type Grants = { readonly read: boolean; readonly write: boolean; readonly owner: boolean };

/** What of a bucket's row the decision is made of. */
export type GuardedBucket = Pick<
  BucketRow,
  | 'id'
  | 'globalAliases'
  | 'localAliases'
  | 'grants'
  | 'website'
  | 'publicAccessBlock'
  | 'ownership'
  | 'acl'
>;

export type PermissionQuestion = {
  readonly permission: Permission;
  readonly action: S3Action;
  /** The key that signed; undefined for an anonymous request. */
  readonly key: { readonly accessKeyId: string; readonly canCreateBuckets: boolean } | undefined;
  /** The bucket of the request; undefined when it is about none. */
  readonly bucket: GuardedBucket | undefined;
  /** What it is about in the bucket; undefined: the bucket itself. */
  readonly objectKey: string | undefined;
  /** The bucket's policy, and the request it is asked about; undefined when there is no policy. */
  readonly policy: { readonly document: Policy; readonly facts: RequestFacts } | undefined;
};

/**
 * `by-object`: the object is to be looked up. Its tags decide, for a policy that asks for them (ask
 * again with them); by no policy its access control list does (`decideByObject`).
 */
export type Verdict = 'allowed' | 'denied' | 'by-object';

/** An owner can always undo a policy, whatever it says. */
const OWNERS_OWN: ReadonlySet<S3Action> = new Set<S3Action>([
  's3:DeleteBucketPolicy',
  's3:GetBucketPolicy',
  's3:PutBucketPolicy',
]);

export function decide(question: PermissionQuestion): Verdict {
  const { permission, key, bucket, policy } = question;
  switch (permission) {
    case 'none':
    case 'form':
      return 'allowed';
    case 'any-key':
      return verdict(key !== undefined);
    case 'create-bucket':
      return verdict(key?.canCreateBuckets === true);
    case 'read':
    case 'write':
    case 'owner':
    case 'website': {
      if (bucket === undefined) return 'denied';
      const grants = grantsOf(bucket, key?.accessKeyId);
      const isGranted =
        permission === 'website' ? bucket.website !== undefined : grants?.[permission] === true;
      if (policy !== undefined) {
        const said = policyVerdict(question, bucket, grants);
        if (said !== undefined) return said;
      }
      return isGranted ? 'allowed' : aclVerdict(question, bucket, grants);
    }
    default:
      return unreachable(permission);
  }
}

/** The rest of the decision, once the object is known; `acl` is its own list. */
export function decideByObject(
  { action, key, bucket }: Pick<PermissionQuestion, 'action' | 'key' | 'bucket'>,
  acl: CannedAcl | undefined,
): 'allowed' | 'denied' {
  if (bucket === undefined || !hasAcls(bucket)) return 'denied';
  if (ignoresPublic(bucket) && isPublicAcl(acl)) return 'denied';
  const group = groupOf(key?.accessKeyId, grantsOf(bucket, key?.accessKeyId));
  return verdict(objectAclAllows(acl, action, group));
}

/** Are access control lists possible in the bucket? */
export function hasAcls({ ownership }: Pick<BucketRow, 'ownership'>): boolean {
  return ownership !== undefined && ownership !== 'BucketOwnerEnforced';
}

function grantsOf(bucket: GuardedBucket, accessKeyId: string | undefined): Grants | undefined {
  if (accessKeyId === undefined) return undefined;
  return bucket.grants.find(grant => grant.accessKeyId === accessKeyId);
}

/** Undefined: the policy says nothing about it. */
function policyVerdict(
  { action, key, objectKey, policy }: PermissionQuestion,
  bucket: GuardedBucket,
  grants: Grants | undefined,
): Verdict | undefined {
  if (policy === undefined) return undefined;
  if (grants?.owner === true && OWNERS_OWN.has(action)) return 'allowed';
  const accessKeyId = key?.accessKeyId;
  const target = { bucketNames: namesOf(bucket), key: objectKey };
  const { document, facts } = policy;
  if (document.asksTags && lacksTags(action, facts)) return 'by-object';
  const said = evaluate(document, { action, target, accessKeyId, facts });
  if (said === 'deny') return 'denied';
  if (said === 'none') return undefined;
  const isRestricted = bucket.publicAccessBlock?.restrictPublicBuckets === true;
  return isRestricted && document.isPublic && !hasAny(grants) ? undefined : 'allowed';
}

/** Every name by which requests and policies may call it. */
export function namesOf({
  id,
  globalAliases,
  localAliases,
}: Pick<BucketRow, 'id' | 'globalAliases' | 'localAliases'>): string[] {
  return [...globalAliases, ...localAliases.map(({ name }) => name), id];
}

function aclVerdict(
  { permission, action, key }: PermissionQuestion,
  bucket: GuardedBucket,
  grants: Grants | undefined,
): Verdict {
  if (permission === 'website' || !hasAcls(bucket)) return 'denied';
  const group = groupOf(key?.accessKeyId, grants);
  const listCounts = !(ignoresPublic(bucket) && isPublicAcl(bucket.acl));
  if (listCounts && bucketAclAllows(bucket.acl, action, group)) return 'allowed';
  if (!isForObjectAcl(action)) return 'denied';
  // Lists that count no more are not looked up; what an owner has by them is not public.
  return ignoresPublic(bucket) && group !== 'owner' ? 'denied' : 'by-object';
}

function ignoresPublic({ publicAccessBlock }: GuardedBucket): boolean {
  return publicAccessBlock?.ignorePublicAcls === true;
}

function groupOf(accessKeyId: string | undefined, grants: Grants | undefined): AclGroup {
  if (grants?.owner === true) return 'owner';
  return accessKeyId === undefined ? 'nobody' : 'signed';
}

function hasAny(grants: Grants | undefined): boolean {
  return grants !== undefined && (grants.read || grants.write || grants.owner);
}

function verdict(flag: boolean): 'allowed' | 'denied' {
  return flag ? 'allowed' : 'denied';
}
