/**
 * Is a bucket empty in one index shard?
 *
 * Owns:          the answer, from the rows themselves.
 * Knows:         object rows and open uploads: old versions and delete markers count as well.
 * Must not know: counters: a bucket is deleted on this answer, so it is not taken from a sum.
 */
import type { PartitionId } from '../../schemas/ids.ts';
import type { BucketProbe, TableReply } from '../../schemas/messages/table.ts';
import { decodeObjectRow } from '../../schemas/records/object-row.ts';
import { readObjectSummary } from '../../schemas/records/object-summary.ts';
import { rowRange, TABLE } from '../../schemas/row-tables.ts';
import type { Store, StoreCursor } from '../storage/store.ts';
import { shardPrefix } from './row-keys.ts';

function isStanding(value: Buffer): boolean {
  return readObjectSummary(value) !== undefined || decodeObjectRow(value).kind !== 'tombstone';
}

const PAGE_ROWS = 1000;

/** Throws DamagedRowError, CodecError and StoreUnavailableError. */
export async function probeBucket(
  { store, partition }: { store: Store; partition: PartitionId },
  { bucket, shard }: BucketProbe,
): Promise<TableReply> {
  const prefix = shardPrefix(bucket, shard);
  const tables = [
    [TABLE.openUpload, () => true],
    [TABLE.history, isStanding],
    [TABLE.object, isStanding],
  ] as const;
  for (const [table, isHeld] of tables) {
    const rows = store.cursor(rowRange(partition, table, prefix));
    try {
      if (await holdsAny(rows, isHeld)) return { kind: 'probed', empty: false };
    } finally {
      await rows.close();
    }
  }
  return { kind: 'probed', empty: true };
}

async function holdsAny(rows: StoreCursor, isHeld: (value: Buffer) => boolean): Promise<boolean> {
  for (;;) {
    const page = await rows.next(PAGE_ROWS);
    if (page.length === 0) return false;
    if (page.some(({ value }) => isHeld(value))) return true;
  }
}
