/**
 * Multipart uploads: beginning and aborting one, and storing attempts at its parts.
 *
 * Owns:          what these requests change in the rows of their partition.
 * Knows:         open and ended uploads, part rows.
 * Must not know: completing; that is a write of the object (upload-completion.ts).
 *
 * Every attempt keeps its own row until its upload has ended: a part that is uploaded twice at a
 * time has two attempts, and only the client's list says which one becomes part of the object.
 */
import type {
  PartWrite,
  TableReply,
  UploadAbort,
  UploadCreate,
} from '../../schemas/messages/table.ts';
import { NO_COUNTERS } from '../../schemas/records/bucket-counters.ts';
import type { OpenUploadRow } from '../../schemas/records/open-upload-row.ts';
import { encodeOpenUploadRow } from '../../schemas/records/open-upload-row.ts';
import type { UploadRow } from '../../schemas/records/upload-row.ts';
import { encodePartRow, encodeUploadRow } from '../../schemas/records/upload-row.ts';
import { orDamage } from '../storage/row-damage.ts';
import { exceedsQuota } from './quota.ts';
import { abortedMarkRowKey, endedUploadRowKey, openUploadRowKey, partRowKey } from './row-keys.ts';
import { readEndedUpload, readOpenUpload } from './stored-rows.ts';
import type { WriteStep } from './write-step.ts';

export function applyUploadCreate(step: WriteStep, request: UploadCreate): TableReply {
  const { place, upload } = request;
  const { uploadId } = upload;
  if (!step.surroundings.space()) return { kind: 'no-space' };
  if (upload.state.kind !== 'open') return { kind: 'not-understood' };
  if (step.ledger.open(place.bucket).fence !== undefined) return { kind: 'bucket-closed' };
  const name = { partition: step.partition, place, uploadId };
  // Told twice; and one that ended in between stays ended.
  if (readOpenUpload(step.batch, name) !== undefined) return { kind: 'written' };
  if (readEndedUpload(step.batch, name) !== undefined) return { kind: 'no-such-upload' };
  const row = encodeOpenUploadRow({ upload, attempts: 0, bytes: 0 });
  step.batch.put(openUploadRowKey(step.partition, place, uploadId), row);
  step.ledger.count(place.bucket, { ...NO_COUNTERS, uploads: 1 });
  return { kind: 'written' };
}

export function applyPartWrite(step: WriteStep, { place, part, quota }: PartWrite): TableReply {
  const { uploadId, sizeBytes } = part;
  if (!step.surroundings.space()) return { kind: 'no-space' };
  if (step.ledger.open(place.bucket).fence !== undefined) return { kind: 'bucket-closed' };
  const open = readOpenUpload(step.batch, { partition: step.partition, place, uploadId });
  if (open === undefined) return { kind: 'no-such-upload' };
  const mark = step.batch.get(abortedMarkRowKey(step.partition, part.attemptId));
  if (mark !== undefined) return { kind: 'aborted' };
  const key = partRowKey(step.partition, place, part);
  // An attempt is written once: a second copy of it changes nothing.
  if (step.batch.get(key) !== undefined) return { kind: 'written' };
  const growth = { objects: 0, bytes: sizeBytes };
  if (quota !== undefined && exceedsQuota(step, place.bucket, { quota, growth })) {
    return { kind: 'quota-exceeded' };
  }
  const { upload, attempts, bytes } = open;
  const tallied = { upload, attempts: attempts + 1, bytes: bytes + sizeBytes };
  step.batch.put(key, encodePartRow(part));
  step.batch.put(openUploadRowKey(step.partition, place, uploadId), encodeOpenUploadRow(tallied));
  step.ledger.count(place.bucket, { ...NO_COUNTERS, uploadParts: 1, uploadBytes: sizeBytes });
  return { kind: 'written' };
}

export function applyUploadAbort(step: WriteStep, request: UploadAbort): TableReply {
  const { place, uploadId, timestamp } = request;
  const name = { partition: step.partition, place, uploadId };
  step.ledger.open(place.bucket);
  const open = orDamage(() => readOpenUpload(step.batch, name));
  if (open === undefined) {
    const ended = readEndedUpload(step.batch, name);
    const isSame = ended?.state.kind === 'aborted' && ended.timestamp === timestamp;
    return isSame ? { kind: 'written' } : { kind: 'no-such-upload' };
  }
  // What is damaged can still be given up: the release finds its parts by their keys.
  if (open === 'damaged') endAborted(step, request, nameless(request));
  else endAborted(step, request, open);
  if (open === 'damaged') step.ledger.distrust(place.bucket);
  return { kind: 'written' };
}

function endAborted(step: WriteStep, request: UploadAbort, open: OpenUploadRow): void {
  const { place, uploadId, timestamp } = request;
  const { upload, attempts, bytes } = open;
  step.batch.delete(openUploadRowKey(step.partition, place, uploadId));
  step.batch.put(
    endedUploadRowKey(step.partition, place, uploadId),
    encodeUploadRow({ ...upload, timestamp, state: { kind: 'aborted' } }),
  );
  step.release({ kind: 'upload', place, uploadId });
  const gone = { ...NO_COUNTERS, uploads: -1, uploadParts: -attempts, uploadBytes: -bytes };
  step.ledger.count(place.bucket, gone);
}

function nameless({ uploadId, timestamp }: UploadAbort): OpenUploadRow {
  const upload: UploadRow = {
    uploadId,
    timestamp,
    state: { kind: 'open' },
    headers: [],
    initiator: '',
  };
  return { upload, attempts: 0, bytes: 0 };
}
