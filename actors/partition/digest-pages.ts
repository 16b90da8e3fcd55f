/**
 * Answers what another replica asks to find the rows in which the two differ.
 *
 * Owns:          the leaves as they stand, and the names and items of some leaves' rows, in pages.
 * Knows:         the digest, the rows.
 * Must not know: why it is asked.
 */
import type { PartitionId } from '../../schemas/ids.ts';
import type { TableReply } from '../../schemas/messages/table.ts';
import type { DigestedRow, DigestRows } from '../../schemas/messages/table-replicas.ts';
import type { RowRange } from '../../schemas/row-tables.ts';
import { nameOfKey, rowRange } from '../../schemas/row-tables.ts';
import type { Store } from '../storage/store.ts';
import { isLeafSet, leafOf } from './digest-tree.ts';
import type { PartitionDigest } from './partition-digest.ts';
import { COMPARED_TABLES, itemOf, TRAVELLING_TABLES } from './row-items.ts';
import { behindKey, rowsOfRange } from './row-walk.ts';

/** A leaf that a write changed so lately may differ because that write is still on its way. */
export const QUIET_MS = 5000;
/** Rows that are looked at for one page, and rows that stand in it. */
const SCANNED_MAX = 4000;
const LISTED_MAX = 1000;
const ROWS_AT_ONCE = 500;

export function readDigest(
  digest: PartitionDigest | undefined,
  nowMs: number,
  round: number,
): TableReply {
  const tree = digest?.tree;
  if (tree === undefined) return { kind: 'digest', round };
  const leaves = Buffer.from(tree.leaves);
  return { kind: 'digest', tree: { leaves, unquiet: tree.unquiet(nowMs - QUIET_MS) }, round };
}

export type DigestPage = { readonly rows: readonly DigestedRow[]; readonly next?: Uint8Array };

/**
 * The rows of the leaves of `asked.leaves` behind `asked.after`, in the order of their names, up to
 * `upTo` (a name, itself included) or until the page is full. Damaged rows are left out.
 */
export async function digestPage(
  { store, partition }: { readonly store: Store; readonly partition: PartitionId },
  clusterKey: Uint8Array,
  { leaves, tables, after, upTo }: Omit<DigestRows, 'kind'>,
): Promise<DigestPage> {
  const rows: DigestedRow[] = [];
  let scanned = 0;
  for (const range of rangesBehind(partition, tables, after)) {
    let rest: RowRange | undefined = range;
    while (rest !== undefined) {
      const page = await rowsOfRange(store, rest, ROWS_AT_ONCE);
      for (const row of page) {
        const name = nameOfKey(row.key);
        if (upTo !== undefined && Buffer.compare(name, upTo) > 0) return { rows };
        if (row.kind === 'damaged' || !isLeafSet(leaves, leafOf(name))) continue;
        rows.push({ name, item: itemOf(clusterKey, name, row.value) });
      }
      scanned += page.length;
      const last = page[page.length - 1];
      const isFull = scanned >= SCANNED_MAX || rows.length >= LISTED_MAX;
      if (isFull && last !== undefined) return { rows, next: nameOfKey(last.key) };
      rest = last && behindKey(rest, last.key);
    }
  }
  return { rows };
}

/** The tables from behind a name on. */
function rangesBehind(
  partition: PartitionId,
  which: DigestRows['tables'],
  after: Uint8Array | undefined,
): RowRange[] {
  const tables = which === 'all' ? TRAVELLING_TABLES : COMPARED_TABLES;
  const ranges = tables.map(table => rowRange(partition, table));
  if (after === undefined) return ranges;
  const key = Buffer.concat([Buffer.from([partition]), after]);
  return ranges
    .filter(({ to }) => Buffer.compare(key, to) < 0)
    .map(range => (Buffer.compare(key, range.from) < 0 ? range : behindKey(range, key)));
}
