/**
 * Routing rules of a website: which one holds, and where it leads.
 *
 * Owns:          the choice of a rule, the key or the Location that it makes.
 * Knows:         "Configuring a webpage redirect" of the S3 user guide.
 * Must not know: objects, replies.
 *
 * A visitor's key is encoded letter by letter, so that it stays in the path; what the owner of the
 * site wrote keeps its `#` and `?`, which single-page applications rely on. A path never begins
 * with two slashes: browsers would take what follows for a host.
 */
import type { RoutingRule } from '../../schemas/records/bucket-settings/website.ts';

const REDIRECT_CODE_DEFAULT = 301;

/** The first rule that holds whatever becomes of the request. */
export function ruleBefore(rules: readonly RoutingRule[], key: string): RoutingRule | undefined {
  return rules.find(rule => rule.errorCode === undefined && hasPrefix(rule, key));
}

/** The first rule for this error. */
export function ruleAfter(
  rules: readonly RoutingRule[],
  key: string,
  status: number,
): RoutingRule | undefined {
  return rules.find(rule => rule.errorCode === status && hasPrefix(rule, key));
}

function hasPrefix({ keyPrefix }: RoutingRule, key: string): boolean {
  return keyPrefix === undefined || key.startsWith(keyPrefix);
}

/** The key that is served instead. */
export function replacedKey(rule: RoutingRule, key: string): string {
  const { owner, visitor } = replacement(rule, key);
  return owner + visitor;
}

export type Redirect = { readonly status: number; readonly location: string };

export type Visit = {
  readonly key: string;
  /** As sent, with its port. */
  readonly hostHeader: string;
  readonly rawQuery: string;
};

export function redirectOf(rule: RoutingRule, { key, hostHeader, rawQuery }: Visit): Redirect {
  const { owner, visitor } = replacement(rule, key);
  const path = absolutePath(encodeURI(owner) + encodeKey(visitor));
  const { protocol, hostName } = rule;
  const host = hostName ?? (protocol === undefined ? undefined : hostHeader);
  const before = host === undefined ? '' : authority(host, protocol);
  return {
    status: rule.redirectCode ?? REDIRECT_CODE_DEFAULT,
    location: before + path + querySuffix(rawQuery),
  };
}

function replacement(rule: RoutingRule, key: string): { owner: string; visitor: string } {
  if (rule.replaceKeyWith !== undefined) return { owner: rule.replaceKeyWith, visitor: '' };
  if (rule.replaceKeyPrefixWith === undefined) return { owner: '', visitor: key };
  const prefix = rule.keyPrefix ?? '';
  return { owner: rule.replaceKeyPrefixWith, visitor: key.slice(prefix.length) };
}

/** Without a protocol the browser keeps the one it used. */
export function authority(host: string, protocol: string | undefined): string {
  return protocol === undefined ? `//${host}` : `${protocol}://${host}`;
}

/** The path of a key, with a slash in front. */
export function pathOfKey(key: string): string {
  return absolutePath(encodeKey(key));
}

export function querySuffix(rawQuery: string): string {
  return rawQuery === '' ? '' : `?${rawQuery}`;
}

function absolutePath(encoded: string): string {
  return encoded.startsWith('/') ? `/%2F${encoded.slice(1)}` : `/${encoded}`;
}

function encodeKey(key: string): string {
  return key.split('/').map(encodeURIComponent).join('/');
}
