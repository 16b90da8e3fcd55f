/**
 * Whether a key may do what a route needs: one pure function, one answer.
 *
 * Owns:          the permission classes and the decision.
 * Knows:         the flags of a key and the grants a bucket gave it.
 * Must not know: routes, signatures, where grants are stored.
 *
 * The three grants are independent: an owner without `read` cannot read objects, as with Garage.
 * `key` undefined means that nobody signed; only `none` is open to that.
 */
import { unreachable } from '../../schemas/assert.ts';

/**
 * What a route asks for. `none`: anyone, unsigned too. `any-key`: any valid signature.
 * `create-bucket`: a key with that flag. `read`, `write`, `owner`: the grant on the bucket named.
 */
export type Permission = 'none' | 'any-key' | 'create-bucket' | 'read' | 'write' | 'owner';

/** What a bucket gave to a key. */
export type Grants = { readonly read: boolean; readonly write: boolean; readonly owner: boolean };

export type PermissionQuestion = {
  readonly permission: Permission;
  /** The key that signed; undefined for an anonymous request. */
  readonly key: { readonly accessKeyId: string; readonly canCreateBuckets: boolean } | undefined;
  /** What the bucket of the request gave to this key; undefined when nothing, or no bucket. */
  readonly grants: Grants | undefined;
};

export function decide({ permission, key, grants }: PermissionQuestion): 'allowed' | 'denied' {
  if (permission === 'none') return 'allowed';
  if (key === undefined) return 'denied';
  switch (permission) {
    case 'any-key':
      return 'allowed';
    case 'create-bucket':
      return verdict(key.canCreateBuckets);
    case 'read':
      return verdict(grants?.read);
    case 'write':
      return verdict(grants?.write);
    case 'owner':
      return verdict(grants?.owner);
    default:
      return unreachable(permission);
  }
}

function verdict(flag: boolean | undefined): 'allowed' | 'denied' {
  return flag === true ? 'allowed' : 'denied';
}
