/**
 * The resources of a policy's statement: the bucket itself, and objects in it.
 *
 * Owns:          reading and matching them.
 * Knows:         ARNs as S3 writes them, `arn:aws:s3:::bucket/key`.
 * Must not know: effects, principals, conditions.
 *
 * A bucket may have several names, and they may change, so a policy must not depend on the one that
 * a request used: that a resource lies in this bucket is checked when the policy is put, and from
 * then on its bucket part is taken for this bucket. Only where the bucket part has a wildcard, or
 * where the resources are those not meant, the whole text is compared, with every name.
 */
import { malformedPolicy } from './policy-fault.ts';
import { isLike, policyText, type PolicyText, type PolicyVersion } from './policy-patterns.ts';
import type { RequestFacts } from './request-facts.ts';
import { hasWildcard, matchesWildcards } from './wildcards.ts';

export type PolicyResource = {
  /** `bucket`, `bucket/key` or `*`, with wildcards. */
  readonly whole: PolicyText;
  /** What stands behind the first slash, when the bucket part is a plain name. */
  readonly key: PolicyText | undefined;
  /** The bucket part is a plain name, and nothing follows. */
  readonly isBucketAlone: boolean;
};

export type PolicyTarget = {
  /** Every name that the bucket has, and its id. */
  readonly bucketNames: readonly string[];
  /** Undefined: the bucket itself. */
  readonly key: string | undefined;
};

const PREFIX = 'arn:aws:s3:::';

/** Throws PolicyFault. */
export function readResource(text: string, version: PolicyVersion): PolicyResource {
  const name = text === '*' ? '*' : text.startsWith(PREFIX) ? text.slice(PREFIX.length) : '';
  if (name === '' || name.startsWith('/')) {
    throw malformedPolicy(`The resource "${text}" is not valid: it must begin with ${PREFIX}.`);
  }
  const slash = name.indexOf('/');
  const bucketPart = slash < 0 ? name : name.slice(0, slash);
  const isPlain = !hasWildcard(bucketPart);
  return {
    whole: policyText(name, version),
    key: isPlain && slash >= 0 ? policyText(name.slice(slash + 1), version) : undefined,
    isBucketAlone: isPlain && slash < 0,
  };
}

/** Can it mean this bucket, or something in it? */
export function isOfBucket({ whole }: PolicyResource, bucketNames: readonly string[]): boolean {
  const { text } = whole;
  const slash = text.indexOf('/');
  const bucketPart = slash < 0 ? text : text.slice(0, slash);
  return bucketNames.some(name => matchesWildcards(bucketPart, name));
}

/** What kinds of things it can mean. */
export function scopesOf({ whole, isBucketAlone }: PolicyResource): readonly string[] {
  if (isBucketAlone) return ['bucket'];
  // `bucket*` is the bucket, and all that is in it.
  return whole.text.includes('/') ? ['object'] : ['bucket', 'object'];
}

/** By the key part alone, where the bucket part is a plain name. */
export function isMeant(
  resource: PolicyResource,
  target: PolicyTarget,
  facts: RequestFacts,
): boolean {
  const { key, isBucketAlone } = resource;
  if (isBucketAlone) return target.key === undefined;
  if (key === undefined) return isMeantByName(resource, target, facts);
  return target.key !== undefined && isLike(key, target.key, facts);
}

/** By the whole text. */
export function isMeantByName(
  { whole }: PolicyResource,
  { bucketNames, key }: PolicyTarget,
  facts: RequestFacts,
): boolean {
  const suffix = key === undefined ? '' : `/${key}`;
  return bucketNames.some(name => isLike(whole, name + suffix, facts));
}
