/**
 * Completing a multipart upload: its chosen parts become a version of the object.
 *
 * Owns:          whether an upload can be completed, and what completing it changes beside the row.
 * Knows:         open and ended uploads, part lists.
 * Must not know: conditions and timestamps of the object row.
 *
 * The parts keep their rows and manifests: the version names them, and nothing is rewritten. So an
 * upload is completed at most once; a repeated request is told what became of the first.
 */
import { PART_LIST_INLINE_MAX, PART_LIST_ROW_PARTS } from '../../schemas/limits.ts';
import type { ObjectPlace, ObjectWrite, TableReply } from '../../schemas/messages/table.ts';
import { NO_COUNTERS } from '../../schemas/records/bucket-counters.ts';
import type { ObjectVersion, PartRef } from '../../schemas/records/object-row.ts';
import type { OpenUploadRow } from '../../schemas/records/open-upload-row.ts';
import { encodePartListRow } from '../../schemas/records/part-list-row.ts';
import { encodeUploadRow } from '../../schemas/records/upload-row.ts';
import { findVersionById } from './history-rows.ts';
import { endedUploadRowKey, openUploadRowKey, partListRowKey } from './row-keys.ts';
import type { UploadName } from './stored-rows.ts';
import { readEndedUpload, readOpenUpload } from './stored-rows.ts';
import type { WriteStep } from './write-step.ts';

export type Completion = {
  readonly kind: 'completion';
  readonly open: OpenUploadRow;
  /** The object row with its list of parts, when that is short enough to stand in it. */
  readonly row: ObjectVersion;
  readonly parts: readonly PartRef[];
};

/** Or the refusal. */
export function decideCompletion(
  step: WriteStep,
  { place, row, completes }: ObjectWrite,
): Completion | TableReply {
  if (completes === undefined || row.kind !== 'version') return { kind: 'not-understood' };
  const { uploadId, parts } = completes;
  const name = { partition: step.partition, place, uploadId };
  const open = readOpenUpload(step.batch, name);
  if (open === undefined) return repeated(step, name, row);
  const partCount = parts.length;
  if (partCount > open.attempts) return { kind: 'not-understood' };
  const content =
    partCount <= PART_LIST_INLINE_MAX
      ? ({ kind: 'parts', uploadId, partCount, parts } as const)
      : ({ kind: 'parts', uploadId, partCount } as const);
  return { kind: 'completion', open, row: { ...row, content }, parts };
}

function repeated(step: WriteStep, name: UploadName, row: ObjectVersion): TableReply {
  const state = readEndedUpload(step.batch, name)?.state;
  if (state?.kind !== 'completed' || state.etag !== row.etag) return { kind: 'no-such-upload' };
  const { partition, place } = name;
  const version = findVersionById({ rows: step.batch, partition, place }, state.versionId);
  const isThere = version !== undefined;
  return isThere ? { ...state, kind: 'completed-before' } : { kind: 'no-such-upload' };
}

/** Moves the upload from open to ended, and takes its parts out of the bucket's counters. */
export function endCompletedUpload(step: WriteStep, place: ObjectPlace, done: Completion): void {
  const { row, parts } = done;
  const { upload, attempts, bytes } = done.open;
  const { uploadId } = upload;
  const { versionId, etag, timestamp } = row;
  step.batch.delete(openUploadRowKey(step.partition, place, uploadId));
  step.batch.put(
    endedUploadRowKey(step.partition, place, uploadId),
    encodeUploadRow({ ...upload, timestamp, state: { kind: 'completed', versionId, etag } }),
  );
  if (parts.length > PART_LIST_INLINE_MAX) putPartList(step, row, parts);
  // One of several replicas may hold as many attempts as were chosen, and not the same ones.
  const mayBeLeft = attempts > parts.length || !step.surroundings.soleReplica;
  if (mayBeLeft) step.release({ kind: 'leftovers', place, uploadId, versionId });
  const gone = { ...NO_COUNTERS, uploads: -1, uploadParts: -attempts, uploadBytes: -bytes };
  step.ledger.count(place.bucket, gone);
}

function putPartList(step: WriteStep, row: ObjectVersion, parts: readonly PartRef[]): void {
  for (let first = 0; first < parts.length; first += PART_LIST_ROW_PARTS) {
    const index = first / PART_LIST_ROW_PARTS;
    const piece = parts.slice(first, first + PART_LIST_ROW_PARTS);
    const key = partListRowKey(step.partition, row.versionId, index);
    step.batch.put(key, encodePartListRow(piece));
  }
}
