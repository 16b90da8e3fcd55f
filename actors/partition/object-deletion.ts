/**
 * Taking an object's row out of its partition.
 *
 * Owns:          what is left in its place.
 * Knows:         whether other nodes hold the partition too.
 * Must not know: why it goes; what it references.
 *
 * Where others hold the row, a tombstone stays until all of them have it. Who is alone needs none:
 * a write that was sent before the deletion is told by its stamp (forgotten-mark.ts), so a deletion
 * costs no row, no entry in an index, and no second batch that takes both out again.
 */
import type { VersionId } from '../../schemas/ids.ts';
import type { ObjectPlace } from '../../schemas/messages/table.ts';
import { encodeObjectRow } from '../../schemas/records/object-row.ts';
import type { Timestamp } from '../../schemas/timestamp.ts';
import { objectRowKey } from './row-keys.ts';
import type { WriteStep } from './write-step.ts';

export type ObjectDeletion = {
  readonly timestamp: Timestamp;
  /** What must be released before the tombstone may go. */
  readonly releases: VersionId | undefined;
};

export function deleteObjectRow(
  step: WriteStep,
  place: ObjectPlace,
  { timestamp, releases }: ObjectDeletion,
): void {
  const key = objectRowKey(step.partition, place);
  if (step.surroundings.soleReplica) {
    step.batch.delete(key);
    step.forgetNow(timestamp);
    return;
  }
  step.batch.put(key, encodeObjectRow({ kind: 'tombstone', timestamp }));
  const entry = { kind: 'object', ...place, timestamp } as const;
  step.forgetLater(releases === undefined ? entry : { ...entry, releases });
}
