/**
 * Whether a write fits into what its bucket may hold.
 *
 * Owns:          the rule.
 * Knows:         the ledger of the batch, and what other partitions of this node hold.
 * Must not know: where a limit comes from.
 *
 * Decided in the step that writes, against everything that was decided before it, so that writers
 * at the same time cannot pass a limit together. What makes the bucket smaller, or leaves it as
 * large as it is, always passes: a limit that was lowered must not keep anyone from clearing up.
 */
import type { BucketId } from '../../schemas/ids.ts';
import type { BucketQuota } from '../../schemas/messages/table.ts';
import type { BucketCounters } from '../../schemas/records/bucket-counters.ts';
import type { WriteStep } from './write-step.ts';

/** What counts: objects, and their bytes with those of the parts of open uploads. */
export type Holding = { readonly objects: number; readonly bytes: number };

export const NOTHING_HELD: Holding = Object.freeze({ objects: 0, bytes: 0 });

export function holdingOf({ objects, bytes, uploadBytes }: BucketCounters): Holding {
  return { objects, bytes: bytes + uploadBytes };
}

/** `growth`: by how much the write changes what is held; less than 0 when it frees something. */
export function exceedsQuota(
  step: WriteStep,
  bucket: BucketId,
  { quota, growth }: { readonly quota: BucketQuota; readonly growth: Holding },
): boolean {
  if (growth.objects <= 0 && growth.bytes <= 0) return false;
  const { maxObjects, maxBytes, shards } = quota;
  const here = holdingOf(step.ledger.open(bucket).counters);
  const others = shards === 1 ? NOTHING_HELD : step.surroundings.heldElsewhere(bucket, shards);
  const objects = here.objects + others.objects + growth.objects;
  const bytes = here.bytes + others.bytes + growth.bytes;
  const hasTooMany = maxObjects !== undefined && growth.objects > 0 && objects > maxObjects;
  return hasTooMany || (maxBytes !== undefined && growth.bytes > 0 && bytes > maxBytes);
}
