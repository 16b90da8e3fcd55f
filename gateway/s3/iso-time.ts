/**
 * Times as documents and headers of S3 have them: ISO 8601.
 *
 * Owns:          the grammar.
 * Knows:         ISO 8601, as far as S3's clients write it.
 * Must not know: what a time is for.
 */

const ISO_TIME = /^\d{4}-\d\d-\d\d(?:T\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?(Z|[+-]\d\d:?\d\d)?)?$/;

/** Milliseconds since 1970; without a time zone it is UTC. undefined: it is no time, or before. */
export function parseIsoTime(text: string): number | undefined {
  const match = ISO_TIME.exec(text);
  if (match === null) return undefined;
  const isZoned = match[1] !== undefined || !text.includes('T');
  const ms = Date.parse(isZoned ? text : `${text}Z`);
  return ms >= 0 ? ms : undefined;
}
