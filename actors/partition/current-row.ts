/**
 * Putting the current row of a key, whatever else its versions do.
 *
 * Owns:          that the row and the bytes beside it are those of one version; what is left where
 *                an object is deleted.
 * Knows:         object rows, and the copy of the row that lies with the bytes of a small object;
 *                whether other nodes hold the partition too.
 * Must not know: why a row becomes the current one or goes, what the one before it held.
 *
 * Where others hold the row, a tombstone stays until all of them have it. Who is alone needs none:
 * a write that was sent before the deletion is told by its stamp (forgotten-mark.ts), so a deletion
 * costs no row, no entry in an index, and no second batch that takes both out again.
 */
import type { ObjectPlace } from '../../schemas/messages/table.ts';
import type { VersionId } from '../../schemas/ids.ts';
import { decodeInlineRow, encodeInlineRow } from '../../schemas/records/inline-row.ts';
import type { ObjectRow } from '../../schemas/records/object-row.ts';
import { encodeObjectRow } from '../../schemas/records/object-row.ts';
import type { Timestamp } from '../../schemas/timestamp.ts';
import { orDamage, readRow } from '../storage/row-damage.ts';
import { hasBytes } from './history-rows.ts';
import { inlineRowKey, objectRowKey } from './row-keys.ts';
import type { WriteStep } from './write-step.ts';

export type Current = {
  readonly row: ObjectRow;
  /** Of a small version; `as they are`: the version is the one that stands there. */
  readonly bytes: Uint8Array | undefined | 'as they are';
  /** What must be released before a tombstone may be forgotten. */
  readonly releases?: VersionId | undefined;
};

export function putHead(
  step: WriteStep,
  place: ObjectPlace,
  { row, bytes, releases }: Current,
): void {
  const { batch, partition } = step;
  const encoded = encodeObjectRow(row);
  batch.put(objectRowKey(partition, place), encoded);
  const key = inlineRowKey(partition, place);
  const held = bytes === 'as they are' ? headBytes(step, place, row) : bytes;
  if (held === undefined) batch.delete(key);
  else batch.put(key, encodeInlineRow(encoded, held));
  if (row.kind !== 'tombstone') return;
  step.forgetLater({ kind: 'object', ...place, timestamp: row.timestamp, releases });
}

/** The bytes of the current version; where they are damaged, it is without them. */
export function headBytes(
  step: WriteStep,
  place: ObjectPlace,
  row: ObjectRow,
): Uint8Array | undefined {
  if (!hasBytes(row)) return undefined;
  const key = inlineRowKey(step.partition, place);
  const inline = orDamage(() => readRow(step.batch, key, decodeInlineRow));
  return inline === 'damaged' ? undefined : inline?.bytes;
}

/** The object is deleted, and nothing stands below. `releases`: before a tombstone may go. */
export function deleteHead(
  step: WriteStep,
  place: ObjectPlace,
  { timestamp, releases }: { readonly timestamp: Timestamp } & Pick<Current, 'releases'>,
): void {
  if (!step.surroundings.soleReplica) {
    putHead(step, place, { row: { kind: 'tombstone', timestamp }, bytes: undefined, releases });
    return;
  }
  dropHead(step, place);
  step.forgetNow(timestamp);
}

/** There is no current row any more, only history. */
export function dropHead(step: WriteStep, place: ObjectPlace): void {
  step.batch.delete(objectRowKey(step.partition, place));
  step.batch.delete(inlineRowKey(step.partition, place));
}
