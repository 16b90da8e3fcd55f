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
import type { ObjectPlace, TableReply } from '../schemas/messages/table.ts';
import type { StoredRow } from '../schemas/messages/table-replicas.ts';
import { historyRowKey, objectRowKey } from '../schemas/place-keys.ts';
import type { VersionRef } from '../schemas/records/object-row.ts';
import { nameOfKey } from '../schemas/row-tables.ts';
import type { Timestamp } from '../schemas/timestamp.ts';
import type { TableComparison } from './table-comparison.ts';
import { NAMELESS } from './table-comparison.ts';
import { isVersionPage } from './version-differences.ts';

type ObjectReply = Extract<TableReply, { kind: 'object' }>;

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

function isObjectReply(reply: TableReply): reply is ObjectReply {
  return reply.kind === 'object';
}
