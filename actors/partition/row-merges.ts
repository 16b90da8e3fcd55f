/**
 * Merging rows that another replica stored into this one's.
 *
 * Owns:          what a row that travels changes here, table by table.
 * Knows:         the rule: rows merge, in any order and however often; nothing that was released
 *                comes back; what was acknowledged anywhere is kept.
 * Must not know: who sends it and why: a repair, a comparison, a transfer.
 *
 * A row that travels is never refused for its stamp, a quota, a fence or a mark: it was accepted
 * where it was written. What it supersedes is released, and what it adds is counted, as if it had
 * been written here.
 */
import type { RowsMerge, StoredRow, TableReply } from '../../schemas/messages/table.ts';
import { NO_COUNTERS } from '../../schemas/records/bucket-counters.ts';
import { storedBytesOf } from '../../schemas/records/customer-encryption.ts';
import { decodeFence } from '../../schemas/records/fence-row.ts';
import { decodeObjectRow, mergeObjectRows } from '../../schemas/records/object-row.ts';
import type { ObjectVersion } from '../../schemas/records/object-row.ts';
import { decodeOpenUploadRow, encodeOpenUploadRow } from '../../schemas/records/open-upload-row.ts';
import type { OpenUploadRow } from '../../schemas/records/open-upload-row.ts';
import type { PartRow, UploadRow } from '../../schemas/records/upload-row.ts';
import {
  decodePartRow,
  decodeUploadRow,
  encodePartRow,
  encodeUploadRow,
  mergePartRows,
  mergeUploadRows,
} from '../../schemas/records/upload-row.ts';
import { TABLE } from '../../schemas/row-tables.ts';
import { orDamage, readRow } from '../storage/row-damage.ts';
import { findVersionById, hasBytes, putHistory, replaceHistory, standing } from './history-rows.ts';
import { storeObject } from './object-writes.ts';
import { attemptsOfVersion } from './part-lists.ts';
import { asBuffer } from './row-batch.ts';
import {
  bucketOfFenceKey,
  keyOfName,
  ownerIdOfKey,
  placeOfHistoryKey,
  placeOfObjectKey,
  uploadOfKey,
} from './row-names.ts';
import {
  abortedMarkRowKey,
  objectRowKey,
  openUploadRowKey,
  partListRowKey,
  partRowKey,
} from './row-keys.ts';
import { meetRound, readRound } from './rounds.ts';
import type { UploadName } from './stored-rows.ts';
import {
  readEndedUpload,
  readObjectRow,
  readObjectRowOrDamage,
  readOpenUpload,
} from './stored-rows.ts';
import { bytesOf, planWrite } from './version-plan.ts';
import type { WriteStep } from './write-step.ts';

type Merge = (step: WriteStep, key: Buffer, row: StoredRow) => boolean;

/** By table; in the order in which rows of one message are merged: what others depend on first. */
const MERGES: ReadonlyMap<number, Merge> = new Map<number, Merge>([
  [TABLE.object, mergeObject],
  [TABLE.manifest, mergeManifest],
  [TABLE.openUpload, mergeOpenUpload],
  [TABLE.endedUpload, mergeEndedUpload],
  [TABLE.part, mergePart],
  [TABLE.history, mergeHistory],
  [TABLE.fence, mergeFence],
  [TABLE.abortedMark, mergeMark],
]);

/** `changed`: rows that are not what they were. Throws CodecError: then nothing is changed. */
export function applyRowsMerge(step: WriteStep, { rows, round }: RowsMerge): TableReply {
  if (!step.surroundings.space()) return { kind: 'no-space' };
  if (round !== undefined && meetRound(step, round) === 'stale') {
    return { kind: 'stale-round', round: readRound(step.batch, step.partition).round };
  }
  const ordered = rows.toSorted((a, b) => a.name[0]! - b.name[0]!);
  let changed = 0;
  for (const row of ordered) {
    const merge = MERGES.get(row.name[0]!);
    if (merge === undefined) return { kind: 'not-understood' };
    if (merge(step, keyOfName(step.partition, row.name), row)) changed += 1;
  }
  return { kind: 'merged', changed };
}

function mergeObject(
  step: WriteStep,
  key: Buffer,
  { value, inline, lists = [] }: StoredRow,
): boolean {
  const place = placeOfObjectKey(key);
  const arrived = decodeObjectRow(value);
  const stored = readObjectRowOrDamage(step.batch, key);
  const known = stored === 'damaged' ? undefined : stored;
  const row = known === undefined ? arrived : mergeObjectRows(known, arrived);
  if (row === known) return false;
  step.ledger.open(place.bucket);
  if (arrived.kind === 'version') {
    // Its bytes come with it, or it does not come.
    const isInline = arrived.content.kind === 'inline';
    if (isInline && (inline?.length ?? 0) !== storedBytesOf(arrived)) return false;
    putBeside(step, arrived, lists);
  }
  const write = { kind: 'object-write', place, row, inline } as const;
  const plan = planWrite(step, place, { row, stored: known });
  storeObject(step, { write, key, stored, plan, completion: undefined });
  return true;
}

/** A version's part list. It was stored elsewhere before all had marked it: then it lives, and no
 *  mark counts. */
function putBeside(
  step: WriteStep,
  { versionId }: ObjectVersion,
  lists: readonly Uint8Array[],
): void {
  lists.forEach((list, index) => {
    step.batch.put(partListRowKey(step.partition, versionId, index), list);
  });
  step.batch.delete(abortedMarkRowKey(step.partition, versionId));
}

/** What is still the current version here gives way when the newer one comes. */
function mergeHistory(
  step: WriteStep,
  key: Buffer,
  { value, inline, lists = [] }: StoredRow,
): boolean {
  const place = placeOfHistoryKey(key);
  const row = standing(decodeObjectRow(value));
  const head = orDamage(() => readObjectRow(step.batch, objectRowKey(step.partition, place)));
  if (row === undefined || head === 'damaged' || head?.timestamp === row.timestamp) return false;
  const known = orDamage(() => readRow(step.batch, key, decodeObjectRow));
  if (known !== undefined && known !== 'damaged') {
    const merged = standing(mergeObjectRows(known, row));
    if (merged === undefined || merged === known) return false;
    replaceHistory(step, place, merged);
    return true;
  }
  const storedBytes = row.kind === 'version' ? storedBytesOf(row) : 0;
  if (hasBytes(row) && inline?.length !== storedBytes) return false;
  step.ledger.open(place.bucket);
  if (row.kind === 'version') putBeside(step, row, lists);
  putHistory(step, place, { row, bytes: hasBytes(row) ? inline : undefined });
  if (known === 'damaged') step.ledger.distrust(place.bucket);
  else step.ledger.count(place.bucket, { ...NO_COUNTERS, bytes: bytesOf(row) });
  return true;
}

/** Written once, all at a time: another copy changes nothing. */
function mergeManifest(step: WriteStep, key: Buffer, { value }: StoredRow): boolean {
  if (orDamage(() => step.batch.get(key)) instanceof Buffer) return false;
  const marked = abortedMarkRowKey(step.partition, ownerIdOfKey(key));
  if (step.batch.get(marked) !== undefined) return false;
  step.batch.put(key, value);
  return true;
}

function mergeOpenUpload(step: WriteStep, key: Buffer, { value }: StoredRow): boolean {
  const arrived = decodeOpenUploadRow(asBuffer(value)).upload;
  const name = uploadName(step, key);
  if (orDamage(() => readEndedUpload(step.batch, name)) !== undefined) return false;
  const stored = orDamage(() => readOpenUpload(step.batch, name));
  step.ledger.open(name.place.bucket);
  if (stored === undefined || stored === 'damaged') {
    const row: OpenUploadRow = { upload: arrived, attempts: 0, bytes: 0 };
    step.batch.put(key, encodeOpenUploadRow(row));
    if (stored === 'damaged') step.ledger.distrust(name.place.bucket);
    else step.ledger.count(name.place.bucket, { ...NO_COUNTERS, uploads: 1 });
    return true;
  }
  const upload = mergeUploadRows(stored.upload, arrived);
  if (upload === stored.upload) return false;
  step.batch.put(key, encodeOpenUploadRow({ ...stored, upload }));
  return true;
}

/** The upload ends here too; what it holds is released by the rule for how it ended. */
function mergeEndedUpload(step: WriteStep, key: Buffer, { value }: StoredRow): boolean {
  const arrived = decodeUploadRow(value);
  const name = uploadName(step, key);
  const stored = orDamage(() => readEndedUpload(step.batch, name));
  const known = stored === 'damaged' ? undefined : stored;
  if (known !== undefined && mergeUploadRows(known, arrived) === known) return false;
  step.ledger.open(name.place.bucket);
  closeOpenUpload(step, name);
  step.batch.put(key, encodeUploadRow(arrived));
  release(step, name, arrived);
  return true;
}

function closeOpenUpload(step: WriteStep, { place, uploadId }: UploadName): void {
  const open = orDamage(() =>
    readOpenUpload(step.batch, { partition: step.partition, place, uploadId }),
  );
  if (open === undefined) return;
  step.batch.delete(openUploadRowKey(step.partition, place, uploadId));
  if (open === 'damaged') {
    step.ledger.distrust(place.bucket);
    return;
  }
  const { attempts, bytes } = open;
  const gone = { ...NO_COUNTERS, uploads: -1, uploadParts: -attempts, uploadBytes: -bytes };
  step.ledger.count(place.bucket, gone);
}

function release(step: WriteStep, { place, uploadId }: UploadName, { state }: UploadRow): void {
  if (state.kind === 'completed') {
    step.release({ kind: 'leftovers', place, uploadId, versionId: state.versionId });
  } else step.release({ kind: 'upload', place, uploadId });
}

/** Of an open upload; or of the version that it became. What an upload left over stays away. */
function mergePart(step: WriteStep, key: Buffer, { value }: StoredRow): boolean {
  const arrived = decodePartRow(value);
  const { place, uploadId } = uploadName(step, key);
  const stored = orDamage(() => readRow(step.batch, key, decodePartRow));
  if (stored !== undefined && stored !== 'damaged') {
    const merged = mergePartRows(stored, arrived);
    if (merged !== stored) step.batch.put(key, encodePartRow(merged));
    return merged !== stored;
  }
  const name = { partition: step.partition, place, uploadId };
  const open = orDamage(() => readOpenUpload(step.batch, name));
  if (open === undefined || open === 'damaged') {
    if (!isNamedByHead(step, name, arrived)) return false;
  } else if (stored === undefined) tally(step, name, { open, part: arrived });
  step.batch.delete(abortedMarkRowKey(step.partition, arrived.attemptId));
  step.batch.put(partRowKey(step.partition, place, arrived), encodePartRow(arrived));
  return true;
}

function tally(
  step: WriteStep,
  { place, uploadId }: UploadName,
  { open, part }: { readonly open: OpenUploadRow; readonly part: PartRow },
): void {
  const { upload, attempts, bytes } = open;
  const { sizeBytes } = part;
  const tallied = { upload, attempts: attempts + 1, bytes: bytes + sizeBytes };
  step.ledger.open(place.bucket);
  step.batch.put(openUploadRowKey(step.partition, place, uploadId), encodeOpenUploadRow(tallied));
  step.ledger.count(place.bucket, { ...NO_COUNTERS, uploadParts: 1, uploadBytes: sizeBytes });
}

/** A list with a hole names what it may: a part that is needed must not stay away for it. */
function isNamedByHead(step: WriteStep, { place, uploadId }: UploadName, part: PartRow): boolean {
  const { batch: rows, partition } = step;
  const ended = readEndedUpload(rows, { partition, place, uploadId })?.state;
  const head =
    ended?.kind === 'completed'
      ? findVersionById({ rows, partition, place }, ended.versionId)
      : readObjectRow(rows, objectRowKey(partition, place));
  if (head?.kind !== 'version' || head.content.kind !== 'parts') return false;
  if (head.content.uploadId !== uploadId) return false;
  const named = orDamage(() => attemptsOfVersion(step.batch, step.partition, head));
  return named === 'damaged' || named.has(part.attemptId);
}

/** Its replicas refuse writes to the bucket: so does one that joins them. Should the fence have
 *  been lifted since, the walk over fences lifts it here. */
function mergeFence(step: WriteStep, key: Buffer, { value }: StoredRow): boolean {
  const bucket = bucketOfFenceKey(key);
  const token = decodeFence(value);
  const { fence } = step.ledger.open(bucket);
  if (fence !== undefined && fence >= token) return false;
  step.ledger.fence(bucket, token);
  return true;
}

function mergeMark(step: WriteStep, key: Buffer, { value }: StoredRow): boolean {
  if (orDamage(() => step.batch.get(key)) !== undefined) return false;
  step.batch.put(key, value);
  step.forgetLater({ kind: 'aborted-mark', ownerId: ownerIdOfKey(key) });
  return true;
}

function uploadName(step: WriteStep, key: Buffer): UploadName {
  return { partition: step.partition, ...uploadOfKey(key) };
}
