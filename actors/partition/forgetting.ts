/**
 * Taking out one row whose time has come.
 *
 * Owns:          whether the row is still the one that was meant, and whether it may go.
 * Knows:         tombstones, ended uploads, aborted marks.
 * Must not know: how long they were kept.
 *
 * A row that was written again is not the one that was meant. What must wait longer is queued again
 * behind all others.
 */
import type { VersionId } from '../../schemas/ids.ts';
import { decodeAbortedMark } from '../../schemas/records/aborted-mark.ts';
import type { TombstoneEntry } from '../../schemas/records/tombstone-entry.ts';
import { timestampStamper } from '../../schemas/timestamp.ts';
import type { Timestamp } from '../../schemas/timestamp.ts';
import { orDamage, readRow } from '../storage/row-damage.ts';
import { rowOfStamp, takeHistory } from './history-rows.ts';
import { abortedMarkRowKey, endedUploadRowKey, objectRowKey, releaseRowKey } from './row-keys.ts';
import { readObjectRowOrDamage } from './stored-rows.ts';
import type { WriteStep } from './write-step.ts';

export function forget(step: WriteStep, entry: TombstoneEntry): void {
  switch (entry.kind) {
    case 'object':
      forgetTombstone(step, entry);
      return;
    case 'version':
      forgetEnd(step, entry);
      return;
    case 'ended-upload':
      step.batch.delete(endedUploadRowKey(step.partition, entry, entry.uploadId));
      return;
    case 'aborted-mark':
      forgetMark(step, entry);
  }
}

function forgetTombstone(
  step: WriteStep,
  entry: Extract<TombstoneEntry, { kind: 'object' }>,
): void {
  const key = objectRowKey(step.partition, entry);
  const row = readObjectRowOrDamage(step.batch, key);
  if (row === undefined || row === 'damaged') return;
  if (row.kind !== 'tombstone' || row.timestamp !== entry.timestamp) return;
  if (isStillHeld(step, entry)) step.forgetLater(entry);
  else step.batch.delete(key);
}

/** Of a store that had other replicas once. */
function forgetEnd(step: WriteStep, entry: Extract<TombstoneEntry, { kind: 'version' }>): void {
  const place = { bucket: entry.bucket, shard: entry.shard, key: entry.key };
  const at = { rows: step.batch, partition: step.partition, place };
  const here = orDamage(() => rowOfStamp(at, entry.timestamp));
  if (here === undefined || here === 'damaged') return;
  if (here.standing !== 'history' || here.row.kind !== 'tombstone') return;
  if (isStillHeld(step, entry)) step.forgetLater(entry);
  else takeHistory(step, place, here.row);
}

/** The deleted version's references are not released yet. */
function isStillHeld(step: WriteStep, { releases }: { releases?: VersionId | undefined }): boolean {
  if (releases === undefined) return false;
  const key = releaseRowKey(step.partition, { kind: 'version', versionId: releases });
  return orDamage(() => step.batch.get(key)) !== undefined;
}

/** A writer that lives may try after any time: its mark stays as long as its process does. */
function forgetMark(
  step: WriteStep,
  entry: Extract<TombstoneEntry, { kind: 'aborted-mark' }>,
): void {
  const key = abortedMarkRowKey(step.partition, entry.ownerId);
  const cause = orDamage(() => readRow(step.batch, key, decodeAbortedMark));
  const stamper = timestampStamper(entry.ownerId as Timestamp);
  const mayTry = cause === 'too-old' && step.surroundings.isLiveStamper(stamper);
  if (mayTry) step.forgetLater(entry);
  else step.batch.delete(key);
}
