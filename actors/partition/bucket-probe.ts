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
import type { Store } from '../storage/store.ts';
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
  for (const table of [TABLE.openUpload, TABLE.history]) {
    const rows = store.cursor(rowRange(partition, table, prefix));
    try {
      if ((await rows.next(1)).length > 0) return { kind: 'probed', empty: false };
    } finally {
      await rows.close();
    }
  }
  const objects = store.cursor(rowRange(partition, TABLE.object, prefix));
  try {
    for (;;) {
      const page = await objects.next(PAGE_ROWS);
      if (page.length === 0) return { kind: 'probed', empty: true };
      const hasObject = page.some(({ value }) => isStanding(value));
      if (hasObject) return { kind: 'probed', empty: false };
    }
  } finally {
    await objects.close();
  }
}
