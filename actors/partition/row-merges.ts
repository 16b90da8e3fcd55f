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
import { assert } from '../../schemas/assert.ts';
import type { ObjectPlace, TableReply } from '../../schemas/messages/table.ts';
import type { RowsMerge, StoredRow } from '../../schemas/messages/table-replicas.ts';
import { NO_COUNTERS } from '../../schemas/records/bucket-counters.ts';
import { decodeFence } from '../../schemas/records/fence-row.ts';
import { decodeObjectRow } from '../../schemas/records/object-row.ts';
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
import { findVersionById } from './history-rows.ts';
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
import { abortedMarkRowKey, objectRowKey, openUploadRowKey, partRowKey } from './row-keys.ts';
import { meetRound, readRound } from './rounds.ts';
import type { UploadName } from './stored-rows.ts';
import {
  readEndedUpload,
  readObjectRow,
  readObjectRowOrDamage,
  readOpenUpload,
} from './stored-rows.ts';
import type { Successors, SuccessorSearch } from './successors.ts';
import { nameOf, newestStanding } from './successors.ts';
import { arrive } from './version-arrivals.ts';
import { endsCurrent, isEnd } from './version-ends.ts';
import type { WriteStep } from './write-step.ts';

/** By the name of a key: what stands below its current version. */
export type KnownBelow = ReadonlyMap<string, Successors>;

type Merge = (step: WriteStep, key: Buffer, row: StoredRow, known: KnownBelow) => boolean;

/** Keys whose current version ends, and which must be walked before. */
export type KeysToWalk = { readonly kind: 'walk'; readonly places: readonly ObjectPlace[] };

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

/**
 * `changed`: rows that are not what they were. `walk`: none is, and it must be known what stands
 * below those keys. Throws CodecError: then nothing is changed.
 */
export function applyRowsMerge(
  step: WriteStep,
  { rows, round }: RowsMerge,
  known: KnownBelow,
): TableReply | KeysToWalk {
  if (!step.surroundings.space()) return { kind: 'no-space' };
  const met = round === undefined ? 'same' : meetRound(step, round);
  if (met === 'stale') {
    return { kind: 'stale-round', round: readRound(step.batch, step.partition).round };
  }
  if (met === 'missed') return { kind: 'unknown' };
  const places = keysToWalk(step, rows.filter(mayEndVersion), known);
  if (places.length > 0) return { kind: 'walk', places };
  let changed = 0;
  for (const row of inMergeOrder(rows)) {
    const merge = MERGES.get(row.name[0]!);
    if (merge === undefined) return { kind: 'not-understood' };
    if (merge(step, keyOfName(step.partition, row.name), row, known)) changed += 1;
  }
  return { kind: 'merged', changed };
}

/** What others depend on comes first. */
export function inMergeOrder(rows: readonly StoredRow[]): StoredRow[] {
  const ends = new Set(rows.filter(mayEndVersion));
  const others = rows.filter(row => !ends.has(row));
  return [...ends, ...others.toSorted((a, b) => a.name[0]! - b.name[0]!)];
}

/** So often the versions that a walk has found may be gone when they are needed. */
const WALKS_MAX = 16;

/** Of rows that may end current versions: tries, and walks where it must. */
export async function mergeRows(
  request: RowsMerge,
  attempt: (apply: (step: WriteStep) => TableReply) => Promise<TableReply>,
  search: SuccessorSearch,
): Promise<TableReply> {
  for (let walks = 0; walks <= WALKS_MAX; walks += 1) {
    let places: readonly ObjectPlace[] = [];
    const reply = await attempt(step => {
      const merged = applyRowsMerge(step, request, search.known);
      places = merged.kind === 'walk' ? merged.places : [];
      return merged.kind === 'walk' ? { kind: 'unknown' } : merged;
    });
    if (places.length === 0) return reply;
    await search.look(places);
  }
  return { kind: 'overloaded' };
}

/** No version fits into so few bytes. */
const TOMBSTONE_BYTES_MAX = 32;

/** Merged before all else, so that what it ends does not become current first. */
export function mayEndVersion({ name, value }: StoredRow): boolean {
  const isOfKey = name[0] === TABLE.object || name[0] === TABLE.history;
  if (!isOfKey || value.length > TOMBSTONE_BYTES_MAX) return false;
  const row = orDamage(() => decodeObjectRow(value));
  return row !== 'damaged' && isEnd(row);
}

function keysToWalk(
  step: WriteStep,
  rows: Iterable<StoredRow>,
  known: KnownBelow,
): readonly ObjectPlace[] {
  const places = new Map<string, ObjectPlace>();
  for (const { name, value } of rows) {
    const row = decodeObjectRow(value);
    if (!isEnd(row)) continue;
    const key = keyOfName(step.partition, name);
    const place = name[0] === TABLE.object ? placeOfObjectKey(key) : placeOfHistoryKey(key);
    const head = readObjectRowOrDamage(step.batch, objectRowKey(step.partition, place));
    if (head === 'damaged' || !endsCurrent(head, row)) continue;
    const below = known.get(nameOf(place));
    const at = { rows: step.batch, partition: step.partition, place };
    if (below === undefined || newestStanding(at, below) === 'walk')
      places.set(nameOf(place), place);
  }
  return [...places.values()];
}

function mergeObject(step: WriteStep, key: Buffer, row: StoredRow, known: KnownBelow): boolean {
  return mergeVersion(step, placeOfObjectKey(key), row, known);
}

function mergeHistory(step: WriteStep, key: Buffer, row: StoredRow, known: KnownBelow): boolean {
  return mergeVersion(step, placeOfHistoryKey(key), row, known);
}

/** Where it stood at the sender does not matter: here it may be newer than all, or not. */
function mergeVersion(
  step: WriteStep,
  place: ObjectPlace,
  { value, inline, lists }: StoredRow,
  known: KnownBelow,
): boolean {
  const arrival = { row: decodeObjectRow(value), inline, lists };
  const arrived = arrive(step, place, arrival, known.get(nameOf(place)));
  assert(arrived !== 'walk', 'what stands below was asked for before');
  return arrived === 'changed';
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
