/**
 * Patterns with `*` (any characters, or none) and `?` (exactly one), as policies write them.
 *
 * Owns:          the match.
 * Knows:         nothing else.
 * Must not know: what is matched.
 *
 * No regular expression: on a mismatch only the last `*` takes one character more, so a hostile
 * pattern costs at most the product of both lengths, which are bounded, and never more.
 */

export function hasWildcard(pattern: string): boolean {
  return pattern.includes('*') || pattern.includes('?');
}

export function matchesWildcards(pattern: string, text: string): boolean {
  let at = 0;
  let patternAt = 0;
  let starAt = -1;
  let resumeAt = 0;
  while (at < text.length) {
    const wanted = pattern[patternAt];
    if (wanted === '*') {
      starAt = patternAt;
      patternAt += 1;
      resumeAt = at;
    } else if (wanted === '?' || (wanted !== undefined && wanted === text[at])) {
      patternAt += 1;
      at += 1;
    } else if (starAt >= 0) {
      patternAt = starAt + 1;
      resumeAt += 1;
      at = resumeAt;
    } else {
      return false;
    }
  }
  while (pattern[patternAt] === '*') patternAt += 1;
  return patternAt === pattern.length;
}
