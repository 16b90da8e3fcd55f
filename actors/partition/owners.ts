/**
 * Which owners of blocks live, and which can never appear any more.
 *
 * Owns:          that decision, and the marks that make it final.
 * Knows:         object rows, uploads, parts and part lists of this partition.
 * Must not know: blocks, and what becomes of the references of the dead.
 *
 * An owner is reported dead only in the batch, or after it, that makes it impossible for it to be
 * stored: its writer may be slow rather than gone.
 */
import type { VersionId } from '../../schemas/ids.ts';
import type { OwnerAbort, OwnersCheck, TableReply } from '../../schemas/messages/table.ts';
import type { AbortCause } from '../../schemas/records/aborted-mark.ts';
import { encodeAbortedMark } from '../../schemas/records/aborted-mark.ts';
import type { BlockOwner, PartOwner, VersionOwner } from '../../schemas/records/block-owner.ts';
import { ownerId } from '../../schemas/records/block-owner.ts';
import type { ObjectVersion } from '../../schemas/records/object-row.ts';
import { timestampStamper } from '../../schemas/timestamp.ts';
import { isDamage, orDamage } from '../storage/row-damage.ts';
import { findVersionById } from './history-rows.ts';
import { attemptsOfVersion } from './part-lists.ts';
import { abortedMarkRowKey, partRowKey, releaseRowKey } from './row-keys.ts';
import { readEndedUpload, readOpenUpload } from './stored-rows.ts';
import type { WriteStep } from './write-step.ts';

/** `unfinished`: not stored, and nothing yet prevents that it will be. */
type Standing = 'live' | 'dead' | 'unfinished';

/** Attempts of the versions that were asked about, so that a long list is read once. */
type AttemptSets = Map<string, ReadonlySet<string>>;

export function applyOwnerAbort(step: WriteStep, { owner }: OwnerAbort): TableReply {
  const standing = standingOf(step, owner, new Map());
  if (standing === 'live') return { kind: 'owners', states: ['live'] };
  if (standing === 'unfinished') mark(step, owner, 'given-up');
  return { kind: 'aborted' };
}

export function applyOwnersCheck(step: WriteStep, { owners }: OwnersCheck): TableReply {
  const sets: AttemptSets = new Map();
  const states = owners.map(({ owner, mayBeUnderWay }) => {
    const standing = orDamage(() => standingOf(step, owner, sets));
    // A damaged row may name the owner: what is not known to be dead is left alone.
    if (standing === 'damaged') return 'under-way';
    if (standing !== 'unfinished') return standing;
    if (mayBeUnderWay) return 'under-way';
    const lives = step.surroundings.isLiveStamper(timestampStamper(ownerId(owner)));
    mark(step, owner, lives ? 'too-old' : 'given-up');
    return 'dead';
  });
  return { kind: 'owners', states };
}

function mark(step: WriteStep, owner: BlockOwner, cause: AbortCause): void {
  const id = ownerId(owner);
  step.batch.put(abortedMarkRowKey(step.partition, id), encodeAbortedMark(cause));
  step.forgetLater({ kind: 'aborted-mark', ownerId: id });
}

function isMarked(step: WriteStep, owner: BlockOwner): boolean {
  return step.batch.get(abortedMarkRowKey(step.partition, ownerId(owner))) !== undefined;
}

/** The version of that id, current or not. */
function versionOf(
  step: WriteStep,
  owner: BlockOwner,
  versionId: VersionId,
): ObjectVersion | undefined {
  const { batch: rows, partition } = step;
  return findVersionById({ rows, partition, place: owner }, versionId);
}

function standingOf(step: WriteStep, owner: BlockOwner, sets: AttemptSets): Standing {
  if (owner.kind === 'version') return standingOfVersion(step, owner);
  return standingOfAttempt(step, owner, sets);
}

function standingOfVersion(step: WriteStep, owner: VersionOwner): Standing {
  if (versionOf(step, owner, owner.versionId) !== undefined) return 'live';
  return isMarked(step, owner) ? 'dead' : 'unfinished';
}

/** An attempt of an upload that has ended can only live in the version that completed it. */
function standingOfAttempt(step: WriteStep, owner: PartOwner, sets: AttemptSets): Standing {
  const name = { partition: step.partition, place: owner, uploadId: owner.uploadId };
  if (isUploadOpen(step, owner)) {
    if (hasPartRow(step, owner)) return 'live';
    return isMarked(step, owner) ? 'dead' : 'unfinished';
  }
  const state = readEndedUpload(step.batch, name)?.state;
  if (state === undefined) return standingWithoutUpload(step, owner);
  const { versionId } = state.kind === 'completed' ? state : { versionId: undefined };
  const version = versionId && versionOf(step, owner, versionId);
  const isThere = version !== undefined;
  if (isThere && attemptsOf(step, version, sets).has(owner.attemptId)) return 'live';
  releaseOnceMore(step, owner, isThere);
  return 'dead';
}

/** Where others hold the upload it may come from them yet: then the attempt must not come, too. */
function standingWithoutUpload(step: WriteStep, owner: PartOwner): Standing {
  if (step.surroundings.soleReplica || isMarked(step, owner)) return 'dead';
  return 'unfinished';
}

/** A damaged row is still the row of an open upload. */
function isUploadOpen(step: WriteStep, owner: PartOwner): boolean {
  const name = { partition: step.partition, place: owner, uploadId: owner.uploadId };
  return orDamage(() => readOpenUpload(step.batch, name)) !== undefined;
}

function hasPartRow(step: WriteStep, owner: PartOwner): boolean {
  try {
    return step.batch.get(partRowKey(step.partition, owner, owner)) !== undefined;
  } catch (error) {
    if (isDamage(error)) return true;
    throw error;
  }
}

function attemptsOf(step: WriteStep, head: ObjectVersion, sets: AttemptSets): ReadonlySet<string> {
  const known = sets.get(head.versionId);
  if (known !== undefined) return known;
  const attempts = attemptsOfVersion(step.batch, step.partition, head);
  sets.set(head.versionId, attempts);
  return attempts;
}

/**
 * Where the row of a completed version was damaged and then overwritten, nobody knew what to
 * release for it. Its parts are still in their rows: they go as those of an aborted upload do.
 */
function releaseOnceMore(step: WriteStep, owner: PartOwner, isThere: boolean): void {
  if (isThere || !hasPartRow(step, owner)) return;
  const { bucket, shard, key, uploadId } = owner;
  const entry = { kind: 'upload', place: { bucket, shard, key }, uploadId } as const;
  const isQueued = step.batch.get(releaseRowKey(step.partition, entry)) !== undefined;
  if (!isQueued) step.release(entry);
}
