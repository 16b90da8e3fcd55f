/**
 * Times of the admin API: RFC 3339, in UTC, with milliseconds.
 *
 * Owns:          writing and reading them.
 * Knows:         the one format.
 * Must not know: what time it is now.
 */

const TIME = /^\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(?:\.\d+)?(?:[Zz]|[+-]\d\d:\d\d)$/;

export function rfc3339(timeMs: number): string {
  return new Date(timeMs).toISOString();
}

/** Milliseconds since 1970; undefined when the text is no such time. */
export function parseRfc3339(text: string): number | undefined {
  if (!TIME.test(text)) return undefined;
  const timeMs = Date.parse(text);
  return Number.isNaN(timeMs) ? undefined : timeMs;
}
