/**
 * One page of what lifecycle rules look at: some current versions, or open uploads, of one index
 * shard of a bucket.
 *
 * Owns:          which rows are due, and the writes that take them away.
 * Knows:         object rows and open uploads; the rules and the calendar.
 * Must not know: when a page is its turn, what becomes of its writes.
 *
 * An object goes by the same write as any deletion, on the condition that the version which was
 * seen still stands there. One of several replicas may have missed an overwrite, and takes the
 * condition to be met: what it stores then must lie below that overwrite, wherever rows are merged.
 *
 *   tombstone        stamped just above the version
 *   delete marker    stamped a little before now, after a read quorum has said that the version is
 *                    the current one: what was acknowledged is seen there, and what is under way
 *                    is stamped later. Its stamp is also when the version became noncurrent. So it
 *                    is of the day of the walk: a stamp of the moment at which the version became
 *                    due, perhaps months ago where a rule is new, would have it deleted for good at
 *                    once by a rule for noncurrent versions; and replicas refuse stamps from before
 *                    what they have forgotten.
 */
import type { BucketId, ObjectKey, PartitionId, VersionId } from '../../schemas/ids.ts';
import type { LifecycleCalendar } from '../../schemas/lifecycle-calendar.ts';
import type {
  ObjectPlace,
  ObjectWrite,
  UploadAbort,
  VersionDelete,
} from '../../schemas/messages/table.ts';
import {
  abortOf,
  expirationOf,
  markerExpirationOf,
} from '../../schemas/records/bucket-settings/lifecycle-due.ts';
import type { VersioningStatus } from '../../schemas/records/bucket-settings/access-settings.ts';
import type { LifecycleRule } from '../../schemas/records/bucket-settings/lifecycle-rules.ts';
import type { StoredVersion } from '../../schemas/records/object-row.ts';
import { decodeObjectRow, deletionRow, versionRefOf } from '../../schemas/records/object-row.ts';
import { readObjectSummary } from '../../schemas/records/object-summary.ts';
import { decodeOpenUploadRow } from '../../schemas/records/open-upload-row.ts';
import type { TableNumber } from '../../schemas/row-tables.ts';
import { rowRange, TABLE } from '../../schemas/row-tables.ts';
import type { Stamper } from '../../schemas/stamper.ts';
import type { Timestamp } from '../../schemas/timestamp.ts';
import {
  COUNTER_MAX,
  makeTimestamp,
  timestampAbove,
  timestampMs,
} from '../../schemas/timestamp.ts';
import type { Store } from '../storage/store.ts';
import { orDamage } from '../storage/row-damage.ts';
import { isAlone, isStillCurrent, type ConfirmingTables } from './lifecycle-confirmation.ts';
import { OBJECT_KEY_AT, shardPrefix, unescapeKey } from './row-keys.ts';
import { behindKey, rowsOfRange } from './row-walk.ts';

export type LifecycleStage = 'objects' | 'history' | 'uploads';

/** What is known of a key above the next of its history rows. */
export type KeyProgress = {
  readonly key: ObjectKey;
  /** When the row above was written; undefined: that is not known, and nothing is due. */
  readonly noncurrentMs: number | undefined;
  /** Noncurrent versions above; delete markers are none. */
  readonly newerVersions: number;
};

/** Where a page begins: behind a row key, and in a history with what was seen above it. */
export type PageStart = { readonly after: Buffer; readonly progress?: KeyProgress | undefined };

/** What takes away what is due. */
export type Removal = ObjectWrite | VersionDelete | UploadAbort;

export type PageQuestion = {
  readonly store: Store;
  readonly partition: PartitionId;
  readonly bucket: BucketId;
  readonly shard: number;
  /** undefined: at the beginning. */
  readonly start: PageStart | undefined;
  readonly limit: number;
  readonly rules: readonly LifecycleRule[];
  readonly calendar: LifecycleCalendar;
  /** What is due on this day or before is taken away. */
  readonly day: number;
  readonly stamper: Stamper;
  /** With which delete markers are stamped: no write that was stamped earlier is under way. */
  readonly markedAtMs: number;
  /** Other replicas, too: one may have missed what another one holds. */
  readonly tables: ConfirmingTables;
  /** Of the bucket: where versions are kept, an object that expires leaves a delete marker. */
  readonly versioning?: VersioningStatus;
};

export type LifecyclePage = {
  readonly due: readonly Removal[];
  /** Where the next page begins; undefined: there is none. */
  readonly next: PageStart | undefined;
};

type Row = { readonly key: Buffer; readonly value: Buffer };

/** Of current versions. Damaged rows are passed: what cannot be read is not deleted. Throws what
 *  the store throws. */
export async function readObjectPage(question: PageQuestion): Promise<LifecyclePage> {
  const page = await readPage(question, TABLE.object, row => expired(question, row));
  const markers = page.rows.flatMap(row => {
    const marker = orDamage(() => expiredMarker(question, row));
    return marker === undefined || marker === 'damaged' ? [] : [marker];
  });
  const due = await withoutOverwritten(question, page.due);
  for (const marker of markers) if (await isAlone(question.tables, marker.place)) due.push(marker);
  return { due, next: page.next };
}

/** Tombstones need no question: each lies below whatever was written since. */
async function withoutOverwritten(
  { tables, versioning }: PageQuestion,
  due: readonly Removal[],
): Promise<Removal[]> {
  if (versioning === undefined) return [...due];
  const isMeant = await Promise.all(
    due.map(async removal => removal.kind !== 'object-write' || isStillCurrent(tables, removal)),
  );
  return due.filter((_, index) => isMeant[index]);
}

/** Of open uploads. */
export function readUploadPage(question: PageQuestion): Promise<LifecyclePage> {
  return readPage(question, TABLE.openUpload, row => abandoned(question, row));
}

async function readPage(
  { store, partition, bucket, shard, start, limit }: PageQuestion,
  table: TableNumber,
  removalOf: (row: Row) => Removal | undefined,
): Promise<LifecyclePage & { readonly rows: readonly Row[] }> {
  const all = rowRange(partition, table, shardPrefix(bucket, shard));
  const range = start === undefined ? all : behindKey(all, start.after);
  const walked = await rowsOfRange(store, range, limit);
  const rows = walked.filter(row => row.kind === 'row');
  const due: Removal[] = [];
  for (const row of rows) {
    const removal = orDamage(() => removalOf(row));
    if (removal !== undefined && removal !== 'damaged') due.push(removal);
  }
  const last = walked.at(-1);
  const isEnd = last === undefined || walked.length < limit;
  return { due, rows, next: isEnd ? undefined : { after: last.key } };
}

/** A delete marker that is old enough to go, if nothing is below it. */
function expiredMarker(question: PageQuestion, row: Row): VersionDelete | undefined {
  const { rules, calendar, day, stamper, versioning } = question;
  if (versioning === undefined || readObjectSummary(row.value) !== undefined) return undefined;
  const marker = decodeObjectRow(row.value);
  if (marker.kind !== 'marker') return undefined;
  const key = row.key.toString('utf8', OBJECT_KEY_AT) as ObjectKey;
  const createdMs = timestampMs(marker.timestamp);
  const due = markerExpirationOf(rules, calendar, { key, createdMs });
  if (due === undefined || due.day > day) return undefined;
  return {
    kind: 'version-delete',
    place: placeOf(question, key),
    version: versionRefOf(marker),
    // As that of an object: its tombstone must not outlive a later write.
    timestamp: timestampAbove(marker.timestamp, stamper.id),
    condition: { ifVersion: versionIdOfRow(marker) },
  };
}

/** By which `ifVersion` names it. */
export function versionIdOfRow(row: StoredVersion): VersionId {
  return row.kind === 'version' ? row.versionId : (row.timestamp as string as VersionId);
}

function expired(question: PageQuestion, row: Row): ObjectWrite | undefined {
  const summary = readObjectSummary(row.value);
  if (summary === undefined) return undefined;
  const key = row.key.toString('utf8', OBJECT_KEY_AT) as ObjectKey;
  const { sizeBytes, lastModifiedMs: createdMs } = summary;
  // Most rows are due by no rule, and need not be decoded: tags only make a filter match less.
  const subject = { key, sizeBytes, createdMs };
  if (!isDue(question, { ...subject, tags: 'any' })) return undefined;
  const version = decodeObjectRow(row.value);
  if (version.kind !== 'version') return undefined;
  if (!isDue(question, { ...subject, tags: version.tagging?.tags ?? [] })) return undefined;
  return {
    kind: 'object-write',
    place: placeOf(question, key),
    row: deletionRow(question, stampOf(question, version)),
    condition: { ifVersion: version.versionId },
  };
}

function stampOf(
  { stamper, versioning, markedAtMs }: PageQuestion,
  { timestamp }: StoredVersion,
): Timestamp {
  const lowest = timestampAbove(timestamp, stamper.id);
  if (versioning === undefined) return lowest;
  // The last one of its millisecond: the stamper of this process never comes so far, and has not
  // given it to anything else.
  const marked = makeTimestamp(markedAtMs, COUNTER_MAX, stamper.id);
  return marked > lowest ? marked : lowest;
}

function isDue(
  { rules, calendar, day }: PageQuestion,
  subject: Parameters<typeof expirationOf>[2],
): boolean {
  const due = expirationOf(rules, calendar, subject);
  return due !== undefined && due.day <= day;
}

function abandoned(question: PageQuestion, row: Row): UploadAbort | undefined {
  const { rules, calendar, day, stamper } = question;
  const key = unescapeKey(row.key.subarray(OBJECT_KEY_AT)).key.toString('utf8') as ObjectKey;
  const { uploadId } = decodeOpenUploadRow(row.value).upload;
  // The id is the stamp at which the upload was begun.
  const due = abortOf(rules, calendar, { key, createdMs: timestampMs(uploadId) });
  if (due === undefined || due.day > day) return undefined;
  const timestamp = stamper.now();
  return { kind: 'upload-abort', place: placeOf(question, key), uploadId, timestamp };
}

function placeOf({ bucket, shard }: PageQuestion, key: ObjectKey): ObjectPlace {
  return { bucket, shard, key };
}
