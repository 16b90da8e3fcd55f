/**
 * Where the pages of several replicas differ, and how far what they say together reaches.
 *
 * Owns:          comparing pages of objects entry by entry.
 * Knows:         how a page says where it ends.
 * Must not know: how the rows behind a difference are brought together.
 *
 * Keys are compared as bytes, which is the order that they lie in. A common prefix stands where the
 * first key lies that it stands for, and is that key for the comparison: two replicas may both have
 * a prefix, each for a key that the other knows to be deleted. What one page did not reach is not
 * compared.
 */
import type { ListedEntry, ListStart, TableReply } from '../schemas/messages/table.ts';
import { behindPrefix } from '../schemas/row-tables.ts';

export type ObjectPage = Extract<TableReply, { kind: 'object-page' }>;

/** Up to `end`, exclusive; undefined: up to the end of the list. */
type Reach = { readonly end: Buffer; readonly next: ListStart } | undefined;

export type PageDifferences = {
  /** Objects that not all pages show alike. */
  readonly keys: readonly string[];
  /** Common prefixes that stand for different first keys, or are not on every page. */
  readonly prefixes: readonly string[];
};

/** How far a page reaches. */
function reachOf({ entries, next }: ObjectPage): Reach {
  if (next === undefined) return undefined;
  const key = Buffer.from(next.key);
  if (next.inclusive) return { end: key, next };
  const last = entries[entries.length - 1];
  const isBehindPrefix = last?.kind === 'prefix' && last.prefix === next.key;
  return { end: isBehindPrefix ? behindPrefix(key) : Buffer.concat([key, Buffer.alloc(1)]), next };
}

/** How far all of them reach. */
function commonReach(pages: readonly ObjectPage[]): Reach {
  let common: Reach;
  for (const page of pages) {
    const reach = reachOf(page);
    if (reach === undefined) continue;
    if (common === undefined || Buffer.compare(reach.end, common.end) < 0) common = reach;
  }
  return common;
}

function firstKeyOf(entry: ListedEntry): string {
  return entry.kind === 'object' ? entry.key : (entry.first?.key ?? entry.prefix);
}

function isWithin(entry: ListedEntry, reach: Reach): boolean {
  return reach === undefined || Buffer.compare(Buffer.from(firstKeyOf(entry)), reach.end) < 0;
}

/** What must be the same on every page. */
function signatureOf(entry: ListedEntry): string {
  if (entry.kind === 'prefix') return `${entry.first?.key ?? ''} ${entry.first?.mark ?? ''}`;
  const { lastModifiedMs, sizeBytes, etag, checksum } = entry;
  return [lastModifiedMs, sizeBytes, etag, checksum?.algorithm, checksum?.type].join(' ');
}

export function differencesOf(pages: readonly ObjectPage[]): PageDifferences {
  const reach = commonReach(pages);
  const shown = pages.map(page => {
    const entries = page.entries.filter(entry => isWithin(entry, reach));
    return new Map(entries.map(entry => [nameOf(entry), entry]));
  });
  const keys = new Set<string>();
  const prefixes = new Set<string>();
  for (const [index, entries] of shown.entries()) {
    for (const [name, entry] of entries) {
      const signature = signatureOf(entry);
      const isAlike = shown.every((others, other) => {
        const same = other === index ? entry : others.get(name);
        return same !== undefined && signatureOf(same) === signature;
      });
      if (isAlike) continue;
      if (entry.kind === 'object') keys.add(entry.key);
      else prefixes.add(entry.prefix);
    }
  }
  return { keys: [...keys], prefixes: [...prefixes] };
}

/** An object and a prefix may have the same name, on different pages. */
function nameOf(entry: ListedEntry): string {
  return entry.kind === 'object' ? `o${entry.key}` : `p${entry.prefix}`;
}

/**
 * The page of a replica that has been given all that the others held, as far as all of them reach.
 * A key that none of them showed has come to it since. It is left out: it may have been written
 * long ago, and deleted where this replica does not know of it.
 */
export function settledPage(page: ObjectPage, pages: readonly ObjectPage[]): ObjectPage {
  const { entries, ...rest } = cutPage(page, commonReach(pages));
  const shown = new Set(pages.flatMap(each => each.entries.map(nameOf)));
  return { ...rest, entries: entries.filter(entry => shown.has(nameOf(entry))) };
}

/** What a page says within the reach; what lies behind is asked for again. */
function cutPage(page: ObjectPage, reach: Reach): ObjectPage {
  const own = reachOf(page);
  if (reach === undefined) return page;
  if (own !== undefined && Buffer.compare(own.end, reach.end) <= 0) return page;
  const entries = page.entries.filter(entry => isWithin(entry, reach));
  return { kind: 'object-page', entries, next: reach.next };
}
