/**
 * Dropping everything that a replica holds of one table partition, so that it enters anew.
 *
 * Owns:          which tables of a partition are its rows', and taking them out page by page.
 * Knows:         chores of a partition.
 * Must not know: why the rows must go; layouts.
 *
 * Numbers of the tombstone index go on where they were, and blocks with their references stay: a
 * reference too many keeps a block until the walk over references finds its owner dead, one too few
 * would lose it.
 */
import type { PartitionId } from '../../schemas/ids.ts';
import { rowRange, TABLE } from '../../schemas/row-tables.ts';
import type { Store } from '../storage/store.ts';
import { roundRowKey } from './row-keys.ts';
import { keysOfRange } from './row-walk.ts';
import type { WriteStep } from './write-step.ts';

const ROW_TABLES = [
  ...[TABLE.object, TABLE.inline, TABLE.manifest, TABLE.partList, TABLE.openUpload],
  ...[TABLE.endedUpload, TABLE.part, TABLE.history, TABLE.historyBytes, TABLE.versionName],
  ...[TABLE.counters, TABLE.fence, TABLE.abortedMark, TABLE.release, TABLE.tombstone],
];
const LOWEST_TABLE = ROW_TABLES.reduce((lowest, table) => (table < lowest ? table : lowest));
const HIGHEST_TABLE = ROW_TABLES.reduce((highest, table) => (table > highest ? table : highest));
const ROWS_AT_ONCE = 512;

type Here = { readonly store: Store; readonly partition: PartitionId };

/** Whether there is any row that a comparison, a read or a worker could find. */
export async function holdsRows({ store, partition }: Here): Promise<boolean> {
  // One look is enough where there is nothing at all.
  const { from } = rowRange(partition, LOWEST_TABLE);
  const { to } = rowRange(partition, HIGHEST_TABLE);
  if ((await keysOfRange(store, { from, to }, 1)).length === 0) return false;
  for (const table of ROW_TABLES) {
    const keys = await keysOfRange(store, rowRange(partition, table), 1);
    if (keys.length > 0) return true;
  }
  return false;
}

/**
 * Takes out all rows, and the round last: whoever finds some left after a crash begins again.
 * Nothing may write meanwhile but `change`, which runs a chore and makes it durable.
 */
export async function dropRows(
  { store, partition }: Here,
  change: (apply: (step: WriteStep) => void) => Promise<'done' | 'failed'>,
): Promise<'done' | 'failed'> {
  const drop = (keys: readonly Buffer[]): Promise<'done' | 'failed'> =>
    change(step => {
      for (const key of keys) step.batch.delete(key);
    });
  for (const table of ROW_TABLES) {
    for (;;) {
      const keys = await keysOfRange(store, rowRange(partition, table), ROWS_AT_ONCE);
      if (keys.length === 0) break;
      if ((await drop(keys)) === 'failed') return 'failed';
    }
  }
  return drop([roundRowKey(partition)]);
}
