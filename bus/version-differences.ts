/**
 * Where the pages of versions of several replicas differ, and what they say together.
 *
 * Owns:          comparing pages of versions entry by entry.
 * Knows:         how versions are listed: keys in byte order, of each the newest first.
 * Must not know: how the rows behind a difference are brought together.
 */
import type {
  ListedPrefix,
  ListedVersion,
  TableReply,
  VersionList,
} from '../schemas/messages/table.ts';
import type { Timestamp } from '../schemas/timestamp.ts';
import { makeTimestamp } from '../schemas/timestamp.ts';

export type VersionPage = Extract<TableReply, { kind: 'version-page' }>;
type Entry = ListedVersion | ListedPrefix;

export function isVersionPage(reply: TableReply): reply is VersionPage {
  return reply.kind === 'version-page';
}

/** Versions that not all pages show alike; and common prefixes. */
export function differingVersions(pages: readonly VersionPage[]): {
  readonly keys: ReadonlyMap<string, readonly Timestamp[]>;
  readonly prefixes: readonly string[];
} {
  const counts = new Map<
    string,
    { readonly entry: VersionPage['entries'][number]; count: number }
  >();
  for (const { entries } of pages) {
    for (const entry of entries) {
      const id = JSON.stringify(entry);
      const known = counts.get(id);
      if (known === undefined) counts.set(id, { entry, count: 1 });
      else known.count += 1;
    }
  }
  const keys = new Map<string, Timestamp[]>();
  const prefixes: string[] = [];
  for (const { entry, count } of counts.values()) {
    if (count === pages.length) continue;
    if (entry.kind === 'prefix') {
      prefixes.push(entry.prefix);
      continue;
    }
    const stamps = keys.get(entry.key) ?? [];
    if (entry.version !== 'null') stamps.push(entry.version);
    keys.set(entry.key, stamps);
  }
  return { keys, prefixes };
}

/** In the order of a list: by name, and the versions of a key by stamp, the newest first. Without a
 *  stamp: behind all of them. */
type Position = { readonly name: Buffer; readonly stamp: string };

/** A null version has no stamp to be told by; the first of its millisecond stands for it. */
function positionOf(entry: Entry): Position {
  if (entry.kind === 'prefix') return { name: Buffer.from(entry.prefix), stamp: '' };
  const { key, version, lastModifiedMs } = entry;
  const stamp = version === 'null' ? makeTimestamp(lastModifiedMs, 0, '0'.repeat(16)) : version;
  return { name: Buffer.from(key), stamp };
}

/** Up to where a page reaches; undefined: up to the end of the list. */
function reachOf({ entries, next }: VersionPage): Position | undefined {
  if (next === undefined) return undefined;
  const { key, version = '' } = next;
  if (version !== 'null') return { name: Buffer.from(key), stamp: version };
  // It is the last that the page shows.
  const last = entries.at(-1);
  return last === undefined ? { name: Buffer.from(key), stamp: '' } : positionOf(last);
}

function isBefore(a: Position | undefined, b: Position | undefined): boolean {
  if (a === undefined || b === undefined) return a !== undefined;
  const names = Buffer.compare(a.name, b.name);
  return names === 0 ? a.stamp > b.stamp : names < 0;
}

/** The one that reaches least far: what is behind is asked again. */
export function leastReach(pages: readonly VersionPage[]): VersionPage | undefined {
  const [first, ...others] = pages;
  return others.reduce(
    (least, page) => (least && !isBefore(reachOf(page), reachOf(least)) ? least : page),
    first,
  );
}

/**
 * The page of a replica that has been given all that the others held, as far as all of them reach.
 * A version that none of them showed has come to it since. It is left out: it may have been written
 * long ago, and deleted where this replica does not know of it.
 */
export function settledVersions(own: VersionPage, pages: readonly VersionPage[]): VersionPage {
  const least = leastReach([own, ...pages]) ?? own;
  const reach = reachOf(least);
  const shown = new Set(pages.flatMap(({ entries }) => entries.map(nameOf)));
  const entries = own.entries.filter(
    entry => shown.has(nameOf(entry)) && !isBefore(reach, positionOf(entry)),
  );
  const { next } = least;
  return next === undefined
    ? { kind: 'version-page', entries }
    : { kind: 'version-page', entries, next };
}

function nameOf(entry: Entry): string {
  return entry.kind === 'prefix' ? `p${entry.prefix}` : `v${entry.version} ${entry.key}`;
}

/** The same list, of all that lies below a common prefix. */
export function behindPrefix(list: VersionList, prefix: string): VersionList {
  const { after, ...fromStart } = list;
  const below = { ...fromStart, prefix, delimiter: '' };
  return after?.key.startsWith(prefix) === true && after.key !== prefix
    ? { ...below, after }
    : below;
}
