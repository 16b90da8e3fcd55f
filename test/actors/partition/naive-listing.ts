/**
 * Listings the simple way: all keys, sorted, folded, cut.
 *
 * Owns:          the twin that the walk over rows is compared with.
 * Knows:         what S3 says of prefix and delimiter.
 * Must not know: cursors, seeks, rows.
 */

/** An object's key, or a common prefix. */
export type NaiveEntry = { readonly kind: 'object' | 'prefix'; readonly name: string };

export type NaiveListing = {
  readonly prefix: string;
  readonly delimiter: string;
  readonly from?: { readonly key: string; readonly inclusive: boolean };
};

export function byBytes(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}

/**
 * Every entry from `from` on; a common prefix that `from` excludes is left out with all its keys.
 */
export function listNaively(keys: Iterable<string>, listing: NaiveListing): NaiveEntry[] {
  const { prefix, delimiter, from } = listing;
  const entries: NaiveEntry[] = [];
  for (const key of [...keys].sort(byBytes)) {
    if (!key.startsWith(prefix)) continue;
    if (from !== undefined && byBytes(key, from.key) < (from.inclusive ? 0 : 1)) continue;
    const entry = fold(key, prefix, delimiter);
    if (from?.inclusive === false && entry.kind === 'prefix' && entry.name === from.key) continue;
    const last = entries[entries.length - 1];
    if (last?.kind === entry.kind && last.name === entry.name) continue;
    entries.push(entry);
  }
  return entries;
}

function fold(key: string, prefix: string, delimiter: string): NaiveEntry {
  const at = delimiter === '' ? -1 : key.indexOf(delimiter, prefix.length);
  if (at < 0) return { kind: 'object', name: key };
  return { kind: 'prefix', name: key.slice(0, at + delimiter.length) };
}
