/**
 * What a row of a key changes here that another replica stored, or that is not the newest.
 *
 * Owns:          where in a key's versions it comes to stand, and what it ends.
 * Knows:         the rows of a key; the rule below.
 * Must not know: messages, quorums, who sends it.
 *
 * Rows come in any order, several times, or not at all. So what a key holds is a sum of rows that
 * do not depend on their order:
 *
 *   versions with ids    each by its stamp: absent < there < ended. What has ended stays so.
 *   the null version     the newest row of all that say anything of it (isNullRow)
 *
 * Of these the current row is the newest version that stands; where none does, what deleted the
 * null version last. Everything else is history. A deletion of the object, by a gateway that does
 * not know of versioning, is a delete marker where it lies above a version.
 */
import type { ObjectPlace } from '../../schemas/messages/table.ts';
import { storedBytesOf } from '../../schemas/records/customer-encryption.ts';
import type { ObjectRow } from '../../schemas/records/object-row.ts';
import { isNullRow, mergeObjectRows } from '../../schemas/records/object-row.ts';
import { putHead } from './current-row.ts';
import { hasBytes, readNullBelow, replaceHistory, rowOfStamp } from './history-rows.ts';
import { storeObject } from './object-writes.ts';
import { abortedMarkRowKey, objectRowKey, partListRowKey } from './row-keys.ts';
import { readObjectRowOrDamage } from './stored-rows.ts';
import type { Successors } from './successors.ts';
import { dropBelow, endVersion, isEnd, orAbsent, putBelow } from './version-ends.ts';
import { markerOf, planWrite } from './version-plan.ts';
import type { WriteStep } from './write-step.ts';

export type Arrival = {
  readonly row: ObjectRow;
  readonly inline?: Uint8Array | undefined;
  /** Rows of its part list. */
  readonly lists?: readonly Uint8Array[] | undefined;
};

export type Arrived = 'changed' | 'unchanged' | 'walk';

type Stored = ObjectRow | undefined | 'damaged';

/** `walk`: nothing is changed; it must be known what stands below. Throws what reading throws. */
export function arrive(
  step: WriteStep,
  place: ObjectPlace,
  arrival: Arrival,
  successors: Successors | undefined,
): Arrived {
  const { row } = arrival;
  step.ledger.open(place.bucket);
  if (isEnd(row)) return endVersion(step, place, row, successors);
  const stored = readObjectRowOrDamage(step.batch, objectRowKey(step.partition, place));
  return isNullRow(row)
    ? arriveNull(step, place, { ...arrival, stored })
    : arriveVersion(step, place, { ...arrival, stored });
}

type Arriving = Arrival & { readonly stored: Stored };

function known(stored: Stored): ObjectRow | undefined {
  return stored === 'damaged' ? undefined : stored;
}

/** Its bytes come with it, or it does not come. */
function isWhole({ row, inline }: Arrival): boolean {
  if (row.kind !== 'version' || row.content.kind !== 'inline') return true;
  return (inline?.length ?? 0) === storedBytesOf(row);
}

function arriveVersion(step: WriteStep, place: ObjectPlace, arriving: Arriving): Arrived {
  const { row, stored } = arriving;
  const at = { rows: step.batch, partition: step.partition, place };
  const here = orAbsent(step, place, () => rowOfStamp(at, row.timestamp));
  if (here !== undefined) return mergeCopy(step, place, row, here);
  if (!isWhole(arriving)) return 'unchanged';
  const head = known(stored);
  const isCurrent =
    head === undefined ||
    head.timestamp < row.timestamp ||
    (head.kind === 'tombstone' && head.ends === 'null');
  if (isCurrent) return becomeCurrent(step, place, arriving, row);
  if (head.kind === 'tombstone') putHead(step, place, { row: markerOf(head), bytes: undefined });
  standBelow(step, place, arriving, row);
  return 'changed';
}

/** The same version, perhaps with later tags; or it has ended. */
function mergeCopy(
  step: WriteStep,
  place: ObjectPlace,
  row: ObjectRow,
  here: NonNullable<ReturnType<typeof rowOfStamp>>,
): Arrived {
  const merged = mergeObjectRows(here.row, row);
  if (merged === here.row) return 'unchanged';
  if (here.standing === 'history') replaceHistory(step, place, merged);
  else putHead(step, place, { row: merged, bytes: 'as they are' });
  return 'changed';
}

function arriveNull(step: WriteStep, place: ObjectPlace, arriving: Arriving): Arrived {
  const { row, stored } = arriving;
  const head = known(stored);
  if (head === undefined || isNullRow(head)) {
    const merged = head === undefined ? row : mergeObjectRows(head, row);
    if (merged === head || !isWhole(arriving)) return 'unchanged';
    return becomeCurrent(step, place, arriving, merged);
  }
  if (!isWhole(arriving)) return 'unchanged';
  const at = { rows: step.batch, partition: step.partition, place };
  const below = orAbsent(step, place, () => readNullBelow(at));
  const merged = below === undefined ? row : mergeObjectRows(below, row);
  if (merged === below) return 'unchanged';
  if (row.timestamp > head.timestamp) return becomeCurrent(step, place, arriving, row);
  if (below?.timestamp === merged.timestamp && below.kind === merged.kind) {
    replaceHistory(step, place, merged);
    return 'changed';
  }
  if (below !== undefined) dropBelow(step, place, below);
  standBelow(step, place, arriving, merged);
  return 'changed';
}

function becomeCurrent(
  step: WriteStep,
  place: ObjectPlace,
  { stored, inline, lists = [] }: Arriving,
  row: ObjectRow,
): Arrived {
  putBeside(step, row, lists);
  const write = { kind: 'object-write', place, row, inline } as const;
  const key = objectRowKey(step.partition, place);
  const plan = planWrite(step, place, { row, stored: known(stored) });
  storeObject(step, { write, key, stored, plan, completion: undefined });
  return 'changed';
}

function standBelow(
  step: WriteStep,
  place: ObjectPlace,
  { inline, lists = [] }: Arriving,
  row: ObjectRow,
): void {
  putBeside(step, row, lists);
  putBelow(step, place, { row, bytes: hasBytes(row) ? inline : undefined });
}

/** A version's part list. It was stored elsewhere before all had marked it: then it lives, and no
 *  mark counts. */
function putBeside(step: WriteStep, row: ObjectRow, lists: readonly Uint8Array[]): void {
  if (row.kind !== 'version') return;
  lists.forEach((list, index) => {
    step.batch.put(partListRowKey(step.partition, row.versionId, index), list);
  });
  step.batch.delete(abortedMarkRowKey(step.partition, row.versionId));
}
