/**
 * Walks what stands below the current version of one key.
 *
 * Owns:          its pages.
 * Knows:         history rows.
 * Must not know: what is looked for.
 */
import type { PartitionId } from '../../schemas/ids.ts';
import type { ObjectPlace } from '../../schemas/messages/table.ts';
import type { ObjectRow } from '../../schemas/records/object-row.ts';
import { decodeObjectRow } from '../../schemas/records/object-row.ts';
import { orDamage } from '../storage/row-damage.ts';
import type { Store } from '../storage/store.ts';
import { historyRowRange } from './row-keys.ts';
import { behindKey, rowsOfRange } from './row-walk.ts';

const ROWS_AT_ONCE = 64;

/** The newest first, what has ended among them; damaged rows are passed. Throws what the store
 *  throws. */
export async function* historyOf(
  { store, partition }: { readonly store: Store; readonly partition: PartitionId },
  place: ObjectPlace,
): AsyncGenerator<ObjectRow> {
  let range = historyRowRange(partition, place);
  for (;;) {
    const rows = await rowsOfRange(store, range, ROWS_AT_ONCE);
    for (const row of rows) {
      const read = row.kind === 'row' ? orDamage(() => decodeObjectRow(row.value)) : 'damaged';
      if (read !== 'damaged') yield read;
    }
    const last = rows.at(-1);
    if (rows.length < ROWS_AT_ONCE || last === undefined) return;
    range = behindKey(range, last.key);
  }
}
