/**
 * Percent-encoding, decoded strictly.
 *
 * Owns:          nothing but the refusal of what is not exact.
 * Knows:         RFC 3986; UTF-8.
 * Must not know: what is decoded.
 *
 * The platform's decoder refuses a bad `%`, overlong forms, surrogates and truncated characters.
 */

/** undefined for what does not decode to valid UTF-8: repaired text would be other text. */
export function decodePercent(text: string): string | undefined {
  if (!text.includes('%')) return text;
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}
