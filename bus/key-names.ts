/**
 * Under which names the versions of a key may lie, for replicas that do not tell the same of it.
 *
 * Owns:          which rows are read and merged where versions are kept.
 * Knows:         the table messages; that every version, and its end, lies under its stamp.
 * Must not know: how rows are repaired, what is asked of a key.
 *
 * What one replica shows as the current version may have ended at another, where nothing shows it.
 * So of each version that any of them shows, the row of its stamp is read everywhere: where it has
 * ended, that is what is found. What is found may bring older ones to light, so one look is not
 * always enough.
 */
import { decodeObjectRow } from '../schemas/records/object-row.ts';
import type { NodeId, PartitionId } from '../schemas/ids.ts';
import type { ObjectPlace, TableReply, VersionList } from '../schemas/messages/table.ts';
import type { StoredRow } from '../schemas/messages/table-replicas.ts';
import { historyRowKey, objectRowKey } from '../schemas/place-keys.ts';
import type { VersionRef } from '../schemas/records/object-row.ts';
import { nameOfKey } from '../schemas/row-tables.ts';
import type { Timestamp } from '../schemas/timestamp.ts';
import type { TableComparison } from './table-comparison.ts';
import { NAMELESS } from './table-comparison.ts';

type ObjectReply = Extract<TableReply, { kind: 'object' }>;
export type VersionPage = Extract<TableReply, { kind: 'version-page' }>;

/** The newest versions of a key; what lies below is compared by whoever asks for it. */
const VERSIONS_AT_ONCE = 64;

/** Whether such a row may lie above others, or not count at all: no merge of it tells then. */
export function mayHaveVersions({ value }: StoredRow): boolean {
  const row = decodeObjectRow(value);
  return row.kind === 'marker' || (row.kind === 'version' && row.versioned === true);
}

/** Undefined: one of these nodes does not answer. `asked`: a version that is meant. */
export async function namesOfKey(
  comparison: TableComparison,
  [partition, place]: readonly [PartitionId, ObjectPlace],
  nodes: readonly NodeId[],
  asked?: VersionRef,
): Promise<readonly Buffer[] | undefined> {
  const reading = { kind: 'object-read', place, want: 'row' } as const;
  const page = { prefix: place.key, delimiter: '', limit: VERSIONS_AT_ONCE };
  const { bucket, shard, key } = place;
  const listing = { kind: 'version-list', bucket, shard, ...page } as const;
  const read = (version: VersionRef | undefined) =>
    comparison.answersOf(nodes, [partition, { ...reading, version }], isObjectReply);
  const [heads, nulls, meant, pages] = await Promise.all([
    read(undefined),
    read('null'),
    asked === undefined ? [] : read(asked),
    comparison.answersOf(nodes, [partition, listing], isVersionPage),
  ]);
  if (heads === undefined || nulls === undefined || meant === undefined) return undefined;
  if (pages === undefined) return undefined;
  const stamps = new Set<Timestamp>();
  for (const { row } of [...heads, ...nulls, ...meant]) {
    if (row !== undefined) stamps.add(row.timestamp);
  }
  for (const entry of pages.flatMap(({ entries }) => entries)) {
    if (entry.kind !== 'version' || entry.key !== key || entry.version === 'null') continue;
    stamps.add(entry.version);
  }
  return [nameOfKey(objectRowKey(NAMELESS, place)), ...namesOfVersions(place, stamps)];
}

export function namesOfVersions(place: ObjectPlace, stamps: Iterable<Timestamp>): Buffer[] {
  return Array.from(stamps, stamp => nameOfKey(historyRowKey(NAMELESS, place, stamp)));
}

export function isVersionPage(reply: TableReply): reply is VersionPage {
  return reply.kind === 'version-page';
}

function isObjectReply(reply: TableReply): reply is ObjectReply {
  return reply.kind === 'object';
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

/** Of pages that show the same, the one that reaches least far: what is behind is asked again. */
export function leastReach(pages: readonly VersionPage[]): VersionPage | undefined {
  const [first, ...others] = pages;
  return others.reduce((least, page) => (isBefore(page, least) ? page : least), first);
}

function isBefore({ next: a }: VersionPage, other: VersionPage | undefined): boolean {
  const b = other?.next;
  if (a === undefined || b === undefined) return a !== undefined;
  const keys = Buffer.compare(Buffer.from(a.key), Buffer.from(b.key));
  if (keys !== 0) return keys < 0;
  // Of a key the newest come first; a start without a version lies behind them all.
  return (a.version ?? '') > (b.version ?? '');
}

/** The same list, of all that lies below a common prefix. */
export function behindPrefix(list: VersionList, prefix: string): VersionList {
  const { after, ...fromStart } = list;
  const below = { ...fromStart, prefix, delimiter: '' };
  return after?.key.startsWith(prefix) === true && after.key !== prefix
    ? { ...below, after }
    : below;
}
