/**
 * Rows as they are stored, to be merged into another replica.
 *
 * Owns:          what travels along with a row: inline bytes, the part list.
 * Knows:         the rows of this partition.
 * Must not know: who wants them.
 */
import { MERGE_BYTES_MAX } from '../../schemas/limits.ts';
import type { TableReply } from '../../schemas/messages/table.ts';
import type { RowsRead, StoredRow } from '../../schemas/messages/table-replicas.ts';
import { decodeInlineRow } from '../../schemas/records/inline-row.ts';
import type { ObjectVersion } from '../../schemas/records/object-row.ts';
import { decodeObjectRow } from '../../schemas/records/object-row.ts';
import { TABLE } from '../../schemas/row-tables.ts';
import type { PartitionId } from '../../schemas/ids.ts';
import type { Store } from '../storage/store.ts';
import { orDamage } from '../storage/row-damage.ts';
import { readHistoryBytes } from './history-rows.ts';
import { partListRowCount } from './part-lists.ts';
import { inlineRowKey, partListRowKey } from './row-keys.ts';
import { keyOfName, placeOfHistoryKey, placeOfObjectKey } from './row-names.ts';
import { roundNumber } from './rounds.ts';

type Here = { readonly store: Store; readonly partition: PartitionId };

/** What is absent or damaged here is left out. `handled`: so many names were looked at; the rest is
 *  asked for again. */
export function readRows(here: Here, { names }: RowsRead): TableReply {
  const round = roundNumber(here.store, here.partition);
  const rows: StoredRow[] = [];
  let bytes = 0;
  let handled = 0;
  for (const name of names) {
    if (bytes >= MERGE_BYTES_MAX) break;
    handled += 1;
    const row = orDamage(() => readOne(here, name));
    if (row === undefined || row === 'damaged') continue;
    rows.push(row);
    bytes += weightOfRow(row);
  }
  return { kind: 'rows', rows, handled, round };
}

export function weightOfRow({ name, value, inline, lists }: StoredRow): number {
  const listed = lists?.reduce((sum, list) => sum + list.length, 0) ?? 0;
  return name.length + value.length + (inline?.length ?? 0) + listed;
}

function readOne(here: Here, name: Uint8Array): StoredRow | undefined {
  const key = keyOfName(here.partition, name);
  const value = here.store.get(key);
  const isObject = name[0] === TABLE.object || name[0] === TABLE.history;
  if (value === undefined || !isObject) return value && { name, value };
  const row = decodeObjectRow(value);
  if (row.kind !== 'version') return { name, value };
  if (row.content.kind === 'inline' && row.sizeBytes > 0) {
    const inline =
      name[0] === TABLE.object ? inlineBytes(here, key, value) : bytesOfHistory(here, key, row);
    return inline && { name, value, inline };
  }
  const lists = partLists(here, row);
  return lists.length === 0 ? { name, value } : { name, value, lists };
}

/** Undefined where they are not those of this row: both are written in one batch. */
function inlineBytes(here: Here, key: Buffer, value: Buffer): Buffer | undefined {
  const stored = here.store.get(inlineRowKey(here.partition, placeOfObjectKey(key)));
  if (stored === undefined) return undefined;
  const { row, bytes } = decodeInlineRow(stored);
  return row.equals(value) ? bytes : undefined;
}

function bytesOfHistory(
  { store: rows, partition }: Here,
  key: Buffer,
  row: ObjectVersion,
): Buffer | undefined {
  return readHistoryBytes({ rows, partition, place: placeOfHistoryKey(key) }, row);
}

function partLists({ store, partition }: Here, { content, versionId }: ObjectVersion): Buffer[] {
  const lists: Buffer[] = [];
  for (let index = 0; index < partListRowCount(content); index += 1) {
    const list = store.get(partListRowKey(partition, versionId, index));
    // A list with a hole is no list: whoever gets the row finds the hole, as here.
    if (list === undefined) return [];
    lists.push(list);
  }
  return lists;
}
