/**
 * The name in a Host header, and what stands before a domain in it.
 *
 * Owns:          the one rule by which every door reads hosts.
 * Knows:         RFC 9110 7.2; IPv6 literals in brackets.
 * Must not know: buckets.
 */

/**
 * Lower-case, without port and trailing dot; the brackets of an IPv6 literal stay. undefined when
 * it is not a host.
 */
export function hostName(host: string): string | undefined {
  const bracket = host.lastIndexOf(']');
  const colon = host.indexOf(':', bracket + 1);
  const isIp6 = host.startsWith('[');
  const end = colon < 0 ? host.length : colon;
  const isWhole = !isIp6 || bracket + 1 === end;
  if (!isWhole || !/^(?::\d*)?$/.test(host.slice(end))) return undefined;
  return withoutTrailingDot(host.slice(0, end).toLowerCase());
}

/** `.example.com` of a configured domain, whatever dots it has; undefined when there is none. */
export function domainSuffix(domain: string): string | undefined {
  const name = withoutTrailingDot(domain.toLowerCase()).replace(/^\.+/, '');
  return name === '' ? undefined : `.${name}`;
}

/** What stands before the suffix; undefined when the name does not end with it. */
export function labelBefore(name: string, suffix: string): string | undefined {
  return name.endsWith(suffix) ? name.slice(0, -suffix.length) : undefined;
}

function withoutTrailingDot(name: string): string {
  return name.endsWith('.') ? name.slice(0, -1) : name;
}
