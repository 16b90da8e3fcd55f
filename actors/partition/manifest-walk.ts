/**
 * Walks the manifest rows of a partition for their owners.
 *
 * Owns:          pages of owners.
 * Knows:         manifest rows: those of one owner lie together.
 * Must not know: whether the owners live.
 */
import type { BlockOwner } from '../../schemas/records/block-owner.ts';
import { decodeManifestRow } from '../../schemas/records/manifest-row.ts';
import { rowRange, TABLE } from '../../schemas/row-tables.ts';
import { orDamage } from '../storage/row-damage.ts';
import { behindKey, rowsOfRange } from './row-walk.ts';
import type { TablePartition } from './table-partition.ts';

/** `next`: the last row key read; absent at the end. Damaged rows are passed over. */
export async function manifestsOf(
  { store, partition }: Pick<TablePartition, 'store' | 'partition'>,
  after: Buffer | undefined,
  limit: number,
): Promise<{ readonly owners: readonly BlockOwner[]; readonly next?: Buffer }> {
  const all = rowRange(partition, TABLE.manifest);
  const range = after === undefined ? all : behindKey(all, after);
  const rows = await rowsOfRange(store, range, limit);
  const owners: BlockOwner[] = [];
  for (const row of rows) {
    const manifest = row.kind === 'row' ? orDamage(() => decodeManifestRow(row.value)) : 'damaged';
    if (manifest !== 'damaged') owners.push(manifest.owner);
  }
  const last = rows[rows.length - 1];
  return last === undefined ? { owners } : { owners, next: last.key };
}
