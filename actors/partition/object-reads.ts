/**
 * Reading one object: its row, and the bytes of a small one in the same answer.
 *
 * Owns:          that row and bytes belong together.
 * Knows:         object rows and inline rows.
 * Must not know: blocks.
 *
 * Runs to its end without waiting: it is the path of every GET. The store may take over a batch
 * between two reads of one step, so bytes that are not there are looked for under the row once
 * more.
 */
import type { PartitionId } from '../../schemas/ids.ts';
import type { ObjectRead, TableReply } from '../../schemas/messages/table.ts';
import type { ObjectRow } from '../../schemas/records/object-row.ts';
import { inlineRowKey, objectRowKey } from './row-keys.ts';
import type { Rows } from './stored-rows.ts';
import { readObjectRow } from './stored-rows.ts';

/** Each repetition means that one more batch was taken over in between: they are commits apart. */
const REPETITIONS_MAX = 8;

/** Throws what Store.get and the row's decoder throw. */
export function readObject(rows: Rows, partition: PartitionId, read: ObjectRead): TableReply {
  const key = objectRowKey(partition, read.place);
  let row = readObjectRow(rows, key);
  if (row === undefined) return { kind: 'object' };
  if (read.want === 'row') return { kind: 'object', row };
  for (let repetitions = 0; ; repetitions += 1) {
    if (row.kind === 'tombstone' || row.content.kind !== 'inline' || row.sizeBytes === 0) {
      return { kind: 'object', row };
    }
    const inline = rows.get(inlineRowKey(partition, read.place, row.versionId));
    if (inline?.length === row.sizeBytes) return { kind: 'object', row, inline };
    const again: ObjectRow | undefined = readObjectRow(rows, key);
    if (again === undefined) return { kind: 'object' };
    if (again.timestamp === row.timestamp || repetitions === REPETITIONS_MAX) {
      return { kind: 'damaged' };
    }
    row = again;
  }
}
