/**
 * The manifest rows of versions and attempts whose id falls into this partition.
 *
 * Owns:          writing, reading and dropping them.
 * Knows:         nothing of the objects: those lie in other partitions.
 * Must not know: whether an owner lives.
 */
import type { PartitionId } from '../../schemas/ids.ts';
import type {
  ManifestDrop,
  ManifestRead,
  ManifestWrite,
  TableReply,
} from '../../schemas/messages/table.ts';
import { ownerId } from '../../schemas/records/block-owner.ts';
import { decodeManifestRow, encodeManifestRow } from '../../schemas/records/manifest-row.ts';
import type { Store } from '../storage/store.ts';
import { manifestRowKey, manifestRowRange } from './row-keys.ts';
import { keysOfRange } from './row-walk.ts';
import type { Rows } from './stored-rows.ts';
import { readRow } from './stored-rows.ts';
import type { WriteStep } from './write-step.ts';

export function applyManifestWrite(step: WriteStep, request: ManifestWrite): TableReply {
  if (!step.surroundings.space()) return { kind: 'no-space' };
  const { owner, index, blocks } = request;
  const key = manifestRowKey(step.partition, ownerId(owner), index);
  step.batch.put(key, encodeManifestRow({ owner, blocks }));
  return { kind: 'written' };
}

export function readManifest(rows: Rows, partition: PartitionId, read: ManifestRead): TableReply {
  const row = readRow(rows, manifestRowKey(partition, read.id, read.index), decodeManifestRow);
  return row === undefined ? { kind: 'manifest' } : { kind: 'manifest', blocks: row.blocks };
}

/** Rows deleted in one batch: a manifest of any length goes in bounded pieces. */
const DROP_ROWS_AT_ONCE = 1024;

/** Deletes all rows of the owner, through `change`, which runs a step and makes it durable. */
export async function dropManifest(
  { store, partition }: { store: Store; partition: PartitionId },
  { id }: ManifestDrop,
  change: (apply: (step: WriteStep) => void) => Promise<'done' | 'failed'>,
): Promise<TableReply> {
  for (;;) {
    const keys = await keysOfRange(store, manifestRowRange(partition, id), DROP_ROWS_AT_ONCE);
    if (keys.length === 0) return { kind: 'written' };
    const outcome = await change(step => {
      for (const key of keys) step.batch.delete(key);
    });
    if (outcome === 'failed') return { kind: 'unknown' };
  }
}
