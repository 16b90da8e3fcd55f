/**
 * One page of what lifecycle rules look at: some rows of one index shard of a bucket.
 *
 * Owns:          which rows are due, and the writes that take them away.
 * Knows:         object rows and open uploads; the rules and the calendar.
 * Must not know: when a page is its turn, what becomes of its writes.
 *
 * An object goes by the same write as any deletion, on two conditions: that the version which was
 * seen still stands there, and with a stamp just above that version's. So one that is overwritten
 * meanwhile is not touched, on one replica by the first and on several by the second.
 */
import type { BucketId, ObjectKey, PartitionId } from '../../schemas/ids.ts';
import type { LifecycleCalendar } from '../../schemas/lifecycle-calendar.ts';
import type { ObjectPlace, ObjectWrite, UploadAbort } from '../../schemas/messages/table.ts';
import { abortOf, expirationOf } from '../../schemas/records/bucket-settings/lifecycle-due.ts';
import type { VersioningStatus } from '../../schemas/records/bucket-settings/access-settings.ts';
import type { LifecycleRule } from '../../schemas/records/bucket-settings/lifecycle-rules.ts';
import { decodeObjectRow, deletionRow } from '../../schemas/records/object-row.ts';
import { readObjectSummary } from '../../schemas/records/object-summary.ts';
import { decodeOpenUploadRow } from '../../schemas/records/open-upload-row.ts';
import { rowRange, TABLE } from '../../schemas/row-tables.ts';
import type { Stamper } from '../../schemas/stamper.ts';
import { timestampAbove, timestampMs } from '../../schemas/timestamp.ts';
import type { Store } from '../storage/store.ts';
import { orDamage } from '../storage/row-damage.ts';
import { OBJECT_KEY_AT, shardPrefix, unescapeKey } from './row-keys.ts';
import { behindKey, rowsOfRange } from './row-walk.ts';

export type LifecycleStage = 'objects' | 'uploads';

export type PageQuestion = {
  readonly store: Store;
  readonly partition: PartitionId;
  readonly bucket: BucketId;
  readonly shard: number;
  readonly stage: LifecycleStage;
  /** Row key behind which the page begins; undefined: at the beginning. */
  readonly after: Buffer | undefined;
  readonly limit: number;
  readonly rules: readonly LifecycleRule[];
  readonly calendar: LifecycleCalendar;
  /** What is due on this day or before is taken away. */
  readonly day: number;
  readonly stamper: Stamper;
  /** Of the bucket: where versions are kept, an object that expires leaves a delete marker. */
  readonly versioning?: VersioningStatus;
};

export type LifecyclePage = {
  readonly due: readonly (ObjectWrite | UploadAbort)[];
  /** Where the next page begins; undefined: there is none. */
  readonly next: Buffer | undefined;
};

type Row = { readonly key: Buffer; readonly value: Buffer };

/** Damaged rows are passed: what cannot be read is not deleted. Throws what the store throws. */
export async function readLifecyclePage(question: PageQuestion): Promise<LifecyclePage> {
  const { store, partition, bucket, shard, stage, after, limit } = question;
  const table = stage === 'objects' ? TABLE.object : TABLE.openUpload;
  const all = rowRange(partition, table, shardPrefix(bucket, shard));
  const rows = await rowsOfRange(store, after === undefined ? all : behindKey(all, after), limit);
  const due: (ObjectWrite | UploadAbort)[] = [];
  for (const row of rows) {
    if (row.kind === 'damaged') continue;
    const request = orDamage(() =>
      stage === 'objects' ? expired(question, row) : abandoned(question, row),
    );
    if (request !== undefined && request !== 'damaged') due.push(request);
  }
  return { due, next: rows.length < limit ? undefined : rows.at(-1)?.key };
}

function expired(question: PageQuestion, row: Row): ObjectWrite | undefined {
  const summary = readObjectSummary(row.value);
  if (summary === undefined) return undefined;
  const { stamper } = question;
  const key = row.key.toString('utf8', OBJECT_KEY_AT) as ObjectKey;
  const { sizeBytes, lastModifiedMs: createdMs } = summary;
  // Most rows are due by no rule, and need not be decoded: tags only make a filter match less.
  const subject = { key, sizeBytes, createdMs };
  if (!isDue(question, { ...subject, tags: 'any' })) return undefined;
  const version = decodeObjectRow(row.value);
  if (version.kind !== 'version') return undefined;
  if (!isDue(question, { ...subject, tags: version.tagging?.tags ?? [] })) return undefined;
  // A delete marker tells when it was made; a tombstone must not outlive a later write.
  const timestamp =
    question.versioning === undefined
      ? timestampAbove(version.timestamp, stamper.id)
      : stamper.above(version.timestamp);
  return {
    kind: 'object-write',
    place: placeOf(question, key),
    row: deletionRow(question, timestamp),
    condition: { ifVersion: version.versionId },
  };
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
