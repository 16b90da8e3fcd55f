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
import { encodeAbortedMark } from '../../schemas/records/aborted-mark.ts';
import { ownerId } from '../../schemas/records/block-owner.ts';
import { decodeManifestRow, encodeManifestRow } from '../../schemas/records/manifest-row.ts';
import type { Store } from '../storage/store.ts';
import type { Rows } from '../storage/row-damage.ts';
import { readRow } from '../storage/row-damage.ts';
import { abortedMarkRowKey, manifestRowKey, manifestRowRange } from './row-keys.ts';
import { keysOfRange } from './row-walk.ts';
import type { WriteStep } from './write-step.ts';

export function applyManifestWrite(step: WriteStep, request: ManifestWrite): TableReply {
  if (!step.surroundings.space()) return { kind: 'no-space' };
  const { owner, index, blocks } = request;
  // Told twice, and dropped in between.
  const mark = abortedMarkRowKey(step.partition, ownerId(owner));
  if (!step.surroundings.soleReplica && step.batch.get(mark) !== undefined) {
    return { kind: 'aborted' };
  }
  const key = manifestRowKey(step.partition, ownerId(owner), index);
  step.batch.put(key, encodeManifestRow({ owner, blocks }));
  return { kind: 'written' };
}

export function readManifest(rows: Rows, partition: PartitionId, read: ManifestRead): TableReply {
  const row = readRow(rows, manifestRowKey(partition, read.id, read.index), decodeManifestRow);
  return row === undefined ? { kind: 'manifest' } : { kind: 'manifest', blocks: row.blocks };
}

export type ManifestOwner = {
  readonly store: Store;
  readonly partition: PartitionId;
  readonly isSoleReplica: boolean;
};

/** Rows deleted in one batch: a manifest of any length goes in bounded pieces. */
const DROP_ROWS_AT_ONCE = 1024;

/**
 * Deletes all rows of the owner, through `change`, which runs a step and makes it durable. Where
 * other replicas may still hold them, a mark keeps them from coming back.
 */
export async function dropManifest(
  { store, partition, isSoleReplica }: ManifestOwner,
  { id }: ManifestDrop,
  change: (apply: (step: WriteStep) => void) => Promise<'done' | 'failed'>,
): Promise<TableReply> {
  let isMarked = isSoleReplica;
  for (;;) {
    const keys = await keysOfRange(store, manifestRowRange(partition, id), DROP_ROWS_AT_ONCE);
    if (keys.length === 0 && isMarked) return { kind: 'written' };
    const outcome = await change(step => {
      isMarked = markDropped(step, id);
      for (const key of keys) step.batch.delete(key);
    });
    if (outcome === 'failed') return { kind: 'unknown' };
  }
}

/** True: now, or where none is needed. */
function markDropped(step: WriteStep, id: ManifestDrop['id']): boolean {
  if (step.surroundings.soleReplica) return true;
  const key = abortedMarkRowKey(step.partition, id);
  if (step.batch.get(key) === undefined) {
    step.batch.put(key, encodeAbortedMark('given-up'));
    step.forgetLater({ kind: 'aborted-mark', ownerId: id });
  }
  return true;
}
