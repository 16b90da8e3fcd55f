/**
 * How many rows each table of this node holds, counted when somebody asks.
 *
 * Owns:          the names under which tables are shown; Garage's where it has the same table.
 * Knows:         the store, the table numbers.
 * Must not know: what rows mean.
 *
 * One walk over all rows, some hundred thousand a second: for an operator who asks once, not for a
 * page that is drawn again and again.
 */
import type { TableStatistics } from '../../schemas/admin-types.ts';
import { TABLE, type TableName } from '../../schemas/row-tables.ts';
import type { Store } from '../storage/store.ts';

const SHOWN_AS: Partial<Record<TableName, string>> = {
  object: 'object',
  inline: 'inline_data',
  manifest: 'version',
  partList: 'version_parts',
  openUpload: 'multipart_upload',
  endedUpload: 'multipart_upload_ended',
  part: 'part',
  blockReference: 'block_ref',
  block: 'block_local_rc',
  blockDeletion: 'block_local_deletion_queue',
  counters: 'bucket_object_counter',
  release: 'release_queue',
  tombstone: 'tombstone_index',
  register: 'bucket_alias_key',
};

const ROWS_AT_ONCE = 1000;

export type RowStatistics = {
  readonly tables: readonly TableStatistics[];
  readonly blocks: number;
  readonly deletions: number;
};

export async function countRows(store: Store): Promise<RowStatistics> {
  const counts = new Map<number, number>();
  const cursor = store.cursor({ from: Buffer.from([0]), to: Buffer.alloc(64, 0xff) });
  try {
    for (;;) {
      const entries = await cursor.next(ROWS_AT_ONCE);
      if (entries.length === 0) break;
      for (const { key } of entries) {
        const table = key[1] ?? 0;
        counts.set(table, (counts.get(table) ?? 0) + 1);
      }
    }
  } finally {
    await cursor.close();
  }
  const tables = Object.entries(SHOWN_AS).map(([name, tableName]) => ({
    tableName,
    items: counts.get(TABLE[name as TableName]) ?? 0,
  }));
  return {
    tables,
    blocks: counts.get(TABLE.block) ?? 0,
    deletions: counts.get(TABLE.blockDeletion) ?? 0,
  };
}
