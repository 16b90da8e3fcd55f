/**
 * Storing a version of an object, or its deletion.
 *
 * Owns:          what one such write changes in the rows of its partition.
 * Knows:         the rule: last writer wins by timestamp, conditions are decided in this step, and
 *                what a version held is released only in the batch that supersedes it.
 * Must not know: batches, commits, replies of others.
 *
 * Everything is read and decided before the first row is put: a refusal leaves the batch untouched.
 */
import { INLINE_BYTES_MAX } from '../../schemas/limits.ts';
import type { ObjectPlace, ObjectWrite, TableReply } from '../../schemas/messages/table.ts';
import { storedBytesOf } from '../../schemas/records/customer-encryption.ts';
import { encodeInlineRow } from '../../schemas/records/inline-row.ts';
import type { ObjectRow, ObjectVersion } from '../../schemas/records/object-row.ts';
import { encodeObjectRow, isNullRow } from '../../schemas/records/object-row.ts';
import type { Timestamp } from '../../schemas/timestamp.ts';
import { timestampMs } from '../../schemas/timestamp.ts';
import { deleteHead, headBytes, putHead } from './current-row.ts';
import {
  findVersionById,
  hasBytes,
  putHistory,
  readNullBelow,
  rowOfStamp,
  standing,
} from './history-rows.ts';
import { exceedsQuota } from './quota.ts';
import { abortedMarkRowKey, inlineRowKey, objectRowKey } from './row-keys.ts';
import { readObjectRowOrDamage } from './stored-rows.ts';
import type { Completion } from './upload-completion.ts';
import { decideCompletion, endCompletedUpload } from './upload-completion.ts';
import { dropBelow, dropHistory, endVersion, putBelow, releaseVersion } from './version-ends.ts';
import { refusalToDelete } from './version-locks.ts';
import type { VersionPlan } from './version-plan.ts';
import { countersOfPlan, isVersioned, markerOf, planWrite } from './version-plan.ts';
import { failedCondition } from './write-condition.ts';
import type { WriteStep } from './write-step.ts';

/**
 * A stamp further ahead of this node's clock than this is refused: no one poisons a key for ever.
 */
export const STAMP_AHEAD_MS_MAX = 25 * 3600 * 1000;

type Stored = ObjectRow | undefined | 'damaged';

export function applyObjectWrite(step: WriteStep, write: ObjectWrite): TableReply {
  const { place, row } = write;
  if (row.kind === 'version' && !step.surroundings.space()) return { kind: 'no-space' };
  if (!isWellFormed(write)) return { kind: 'not-understood' };
  if (step.ledger.open(place.bucket).fence !== undefined) return { kind: 'bucket-closed' };
  const key = objectRowKey(step.partition, place);
  const stored = readObjectRowOrDamage(step.batch, key);
  const decision = decide(step, write, stored);
  if (decision.kind === 'below') return storeBelow(step, decision);
  if (decision.kind !== 'store') return decision;
  const { plan, completion } = decision;
  if (isNothingToDelete(step, plan.row, stored)) return { kind: 'written' };
  const reply = storeObject(step, { write, key, stored, plan, completion });
  endEarlier(step, place, write.voids);
  return reply;
}

/** What a sender of this release never gets wrong. */
function isWellFormed(write: ObjectWrite): boolean {
  const { row, inline, completes } = write;
  if (row.kind !== 'version') return inline === undefined && completes === undefined;
  const { content } = row;
  const inlineBytes = inline?.length ?? 0;
  if (content.kind === 'inline') {
    return inlineBytes === storedBytesOf(row) && row.sizeBytes <= INLINE_BYTES_MAX;
  }
  if (content.kind !== 'parts') return inlineBytes === 0 && completes === undefined;
  // Parts belong to one upload, and the version that completes it: no other may name them.
  const isOwn = completes?.uploadId === content.uploadId;
  return inlineBytes === 0 && isOwn && completes.parts.length === content.partCount;
}

type Decision = {
  readonly kind: 'store';
  readonly plan: VersionPlan;
  readonly completion: Completion | undefined;
};

/** A version that was written at the same time as the current one, and is the older of the two. */
type BelowDecision = {
  readonly kind: 'below';
  readonly write: ObjectWrite;
  readonly row: ObjectRow;
  readonly head: ObjectRow;
  readonly completion: Completion | undefined;
};

function decide(
  step: WriteStep,
  write: ObjectWrite,
  stored: Stored,
): Decision | BelowDecision | TableReply {
  const { row, condition } = write;
  const known = stored === 'damaged' ? undefined : stored;
  // The same write, told twice.
  if (isToldAgain(step, write, known)) {
    const isEnded = endEarlier(step, write.place, write.voids);
    return isEnded ? writtenReply(row) : { kind: 'unknown' };
  }
  if (row.kind === 'version' && isMarkedAborted(step, row)) return { kind: 'aborted' };
  const moved = completedUnderOtherStamp(step, write);
  const made = moved === undefined ? write.completes && decideCompletion(step, write) : undefined;
  if (made !== undefined && made.kind !== 'completion') return made;
  const meant = made?.row ?? moved ?? row;
  if (known !== undefined && known.timestamp > row.timestamp) {
    const older = { kind: 'older', newest: known.timestamp } as const;
    if (!standsBelow(step, write, known)) return older;
    // What ended the null version ends no other: this one is the current one then.
    const isCurrent = known.kind === 'tombstone' && known.ends === 'null';
    if (!isCurrent) return { kind: 'below', write, row: meant, head: known, completion: made };
  }
  const deletion = newerNull(step, write, known);
  if (deletion !== undefined) return { kind: 'older', newest: deletion.timestamp };
  const forgotten = isAbsent(step, row, stored)
    ? step.surroundings.forgotten.notBelow(row.timestamp)
    : undefined;
  if (forgotten !== undefined) return { kind: 'older', newest: forgotten, isForgotten: true };
  if (isTooFarAhead(step, row.timestamp, known)) return { kind: 'stamp-ahead' };
  if (condition !== undefined) {
    if (stored === 'damaged') return { kind: 'damaged' };
    const failed = failedCondition(condition, stored);
    if (failed !== undefined) return failed;
  }
  const { voids } = write;
  const plan = planWrite(step, write.place, { row: meant, stored: known, voids });
  const locked = refusalToReplace(step, plan);
  if (locked !== undefined) return locked;
  if (write.quota !== undefined && !fits(step, write, { plan, completion: made })) {
    return { kind: 'quota-exceeded' };
  }
  return { kind: 'store', plan, completion: made };
}

/** With versions it may stand below by now, or be over. */
function isToldAgain(
  step: WriteStep,
  { place, row }: ObjectWrite,
  known: ObjectRow | undefined,
): boolean {
  if (known?.timestamp === row.timestamp) return true;
  if (step.surroundings.soleReplica || (!isVersioned(row) && !isAmongVersions(known))) return false;
  const at = { rows: step.batch, partition: step.partition, place };
  return rowOfStamp(at, row.timestamp) !== undefined;
}

/** The null version, or its deletion, may stand below it. */
function isAmongVersions(head: ObjectRow | undefined): boolean {
  return head !== undefined && !isNullRow(head);
}

/** Of the null version below the current one, or its deletion: what is newer than this write. */
function newerNull(
  step: WriteStep,
  { place, row }: ObjectWrite,
  known: ObjectRow | undefined,
): ObjectRow | undefined {
  if (step.surroundings.soleReplica || isVersioned(row) || !isAmongVersions(known))
    return undefined;
  const below = readNullBelow({ rows: step.batch, partition: step.partition, place });
  return below !== undefined && below.timestamp > row.timestamp ? below : undefined;
}

/** Of a version that has its place by its stamp, whatever else is there. */
function isAbsent({ surroundings }: WriteStep, row: ObjectRow, stored: Stored): boolean {
  return stored === undefined || (isVersioned(row) && !surroundings.soleReplica);
}

/** The current row is newer, and was written at the same time: a version has a place below it. */
function standsBelow(step: WriteStep, write: ObjectWrite, head: ObjectRow): boolean {
  if (step.surroundings.soleReplica || write.isAbove !== true) return false;
  const { row, place } = write;
  if (isVersioned(row)) return true;
  if (isNullRow(head)) return false;
  const below = readNullBelow({ rows: step.batch, partition: step.partition, place });
  return below === undefined || below.timestamp < row.timestamp;
}

/** A Complete that was sent again under another stamp, and is completed here under the first. */
function completedUnderOtherStamp(
  step: WriteStep,
  { place, row, completes, voids = [] }: ObjectWrite,
): ObjectVersion | undefined {
  if (completes === undefined || row.kind !== 'version' || voids.length === 0) return undefined;
  const at = { rows: step.batch, partition: step.partition, place };
  const stored = findVersionById(at, row.versionId);
  if (stored === undefined || !voids.includes(stored.timestamp)) return undefined;
  return { ...stored, timestamp: row.timestamp };
}

/** Only the null version is ever replaced; a gateway may not know yet that versions are kept. */
function refusalToReplace(
  { surroundings: { clock } }: WriteStep,
  { row, superseded, dropped }: VersionPlan,
): TableReply | undefined {
  if (superseded?.lock === undefined && dropped === undefined) return undefined;
  const isSame = row.kind === 'version' && row.versionId === superseded?.versionId;
  const locked = isSame ? undefined : refusalToDelete(clock, superseded, 'none');
  return locked ?? refusalToDelete(clock, standing(dropped), 'none');
}

/** Names the version where versions are kept: its stamp may have been raised on the way. */
function writtenReply(row: ObjectRow): Extract<TableReply, { kind: 'written' }> {
  return isVersioned(row) ? { kind: 'written', version: row.timestamp } : { kind: 'written' };
}

/** An overwrite counts the difference; a completion, what its parts did not count already. */
function fits(
  step: WriteStep,
  { place, quota }: ObjectWrite,
  { plan, completion }: { plan: VersionPlan; completion: Completion | undefined },
): boolean {
  if (quota === undefined) return true;
  const { objects, bytes } = countersOfPlan(plan);
  const growth = { objects, bytes: bytes - (completion?.open.bytes ?? 0) };
  return !exceedsQuota(step, place.bucket, { quota, growth });
}

/** Only versions that reference blocks are ever marked. */
function isMarkedAborted(step: WriteStep, version: ObjectVersion): boolean {
  if (version.content.kind === 'inline') return false;
  return step.batch.get(abortedMarkRowKey(step.partition, version.versionId)) !== undefined;
}

/** A stamp that was raised above a stored or a forgotten one is not the writer's own. */
function isTooFarAhead(step: WriteStep, stamp: Timestamp, stored: ObjectRow | undefined): boolean {
  const stampMs = timestampMs(stamp);
  if (stampMs <= step.surroundings.clock.wallMs() + STAMP_AHEAD_MS_MAX) return false;
  const newest = stored?.timestamp ?? step.surroundings.forgotten.newest;
  return newest === undefined || stampMs > timestampMs(newest) + 1;
}

/** With one replica nobody else holds an older version that a tombstone would have to beat. */
function isNothingToDelete(step: WriteStep, row: ObjectRow, stored: Stored): boolean {
  if (!step.surroundings.soleReplica || row.kind !== 'tombstone') return false;
  return stored !== 'damaged' && stored?.kind !== 'version';
}

/** Below the current row: nothing that reads it sees a difference. */
function storeBelow(step: WriteStep, { write, row, head, completion }: BelowDecision): TableReply {
  const { place, inline, voids } = write;
  const below = isNullRow(row)
    ? readNullBelow({ rows: step.batch, partition: step.partition, place })
    : undefined;
  if (completion !== undefined) endCompletedUpload(step, place, completion);
  if (below !== undefined) dropBelow(step, place, below);
  if (head.kind === 'tombstone' && head.ends === undefined) {
    putHead(step, place, { row: markerOf(head), bytes: undefined });
  }
  putBelow(step, place, { row, bytes: hasBytes(row) ? inline : undefined });
  endEarlier(step, place, voids);
  return writtenReply(row);
}

/** What was stored of this write before is not a version of its own. False: one of them is the
 *  current one, which happens only where this one was deleted before it came. */
function endEarlier(
  step: WriteStep,
  place: ObjectPlace,
  voids: readonly Timestamp[] | undefined,
): boolean {
  if (voids === undefined || step.surroundings.soleReplica) return true;
  return voids.every(timestamp => {
    const end = { kind: 'tombstone', timestamp, ends: 'repeated' } as const;
    return endVersion(step, place, end, undefined) !== 'walk';
  });
}

type Change = {
  readonly write: ObjectWrite;
  readonly key: Buffer;
  readonly stored: Stored;
  readonly plan: VersionPlan;
  readonly completion: Completion | undefined;
};

/** Puts the row, and all that follows from it; whether it may was decided before. */
export function storeObject(
  step: WriteStep,
  { write, key, stored, plan, completion }: Change,
): TableReply {
  const { place } = write;
  const { row, demoted, superseded, dropped } = plan;
  if (completion !== undefined) endCompletedUpload(step, place, completion);
  if (demoted !== undefined) demote(step, place, demoted);
  if (dropped !== undefined) dropHistory(step, place, dropped);
  const replaced = superseded && supersede(step, write, superseded);
  if (row.kind === 'tombstone') {
    const releases = replaced?.kind === 'releases' ? replaced.id : undefined;
    deleteHead(step, place, { timestamp: row.timestamp, releases });
  } else {
    const encoded = encodeObjectRow(row);
    step.batch.put(key, encoded);
    replaceBytes(step, write, { encoded, stored });
  }
  step.ledger.count(place.bucket, countersOfPlan(plan));
  if (stored === 'damaged') step.ledger.distrust(place.bucket);
  const reply = writtenReply(row);
  if (superseded === undefined || replaced === undefined) return reply;
  return { ...reply, replaced: { sizeBytes: superseded.sizeBytes } };
}

/** The bytes of a small version go along. That it is counted does not change. */
function demote(step: WriteStep, place: ObjectPlace, row: ObjectRow): void {
  if (row.kind === 'tombstone') putBelow(step, place, { row, bytes: undefined });
  else putHistory(step, place, { row, bytes: headBytes(step, place, row) });
}

/** The bytes of a small version go into a row of their own, beside a copy of its row; whatever else
 *  is written takes such a row away. */
function replaceBytes(
  step: WriteStep,
  { place, row, inline }: ObjectWrite,
  { encoded, stored }: { readonly encoded: Buffer; readonly stored: Stored },
): void {
  if (row.kind === 'version' && inline !== undefined && inline.length > 0) {
    step.batch.put(inlineRowKey(step.partition, place), encodeInlineRow(encoded, inline));
  } else if (mayHaveBytes(stored)) {
    step.batch.delete(inlineRowKey(step.partition, place));
  }
}

/** A store that was repaired may have lost an object's row alone. */
function mayHaveBytes(stored: Stored): boolean {
  if (stored === undefined || stored === 'damaged') return true;
  return stored.kind === 'version' && stored.content.kind === 'inline' && stored.sizeBytes > 0;
}

type Superseded =
  | { readonly kind: 'inline' }
  | { readonly kind: 'releases'; readonly id: ObjectVersion['versionId'] };

/** Undefined when it is the same version under a raised timestamp: what it holds, it keeps. */
function supersede(
  step: WriteStep,
  { place, row }: ObjectWrite,
  old: ObjectVersion,
): Superseded | undefined {
  if (row.kind === 'version' && row.versionId === old.versionId) {
    // No sender gives one version two contents; should one, its bytes do not stay behind.
    if (old.content.kind !== 'inline' || row.content.kind === 'inline') return undefined;
  }
  const id = releaseVersion(step, place, old);
  return id === undefined ? { kind: 'inline' } : { kind: 'releases', id };
}
