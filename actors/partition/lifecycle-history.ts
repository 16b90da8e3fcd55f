/**
 * One page of what lifecycle rules say of versions that are not the current one.
 *
 * Owns:          since when a version is noncurrent, and how many are newer; the deletions of those
 *                that are due.
 * Knows:         history rows: keys in order, of each the newest first.
 * Must not know: when a page is its turn, what becomes of its deletions; locks.
 *
 * A version is noncurrent since the next newer one was written, the current one or one above it in
 * the history. A page may end within a key; the next one begins with what this one knew of it.
 * Deletions name the version that was seen: a null version that was written since stays.
 */
import type { ObjectPlace, VersionDelete } from '../../schemas/messages/table.ts';
import { noncurrentExpirationOf } from '../../schemas/records/bucket-settings/lifecycle-due.ts';
import type { StoredVersion } from '../../schemas/records/object-row.ts';
import { decodeObjectRow, versionRefOf } from '../../schemas/records/object-row.ts';
import { rowRange, TABLE } from '../../schemas/row-tables.ts';
import { timestampMs } from '../../schemas/timestamp.ts';
import { orDamage } from '../storage/row-damage.ts';
import { standing } from './history-rows.ts';
import { confirmed, type DueVersion } from './lifecycle-confirmation.ts';
import type { KeyProgress, LifecyclePage, PageQuestion } from './lifecycle-page.ts';
import { versionIdOfRow } from './lifecycle-page.ts';
import { objectRowKey, shardPrefix } from './row-keys.ts';
import { placeOfHistoryKey } from './row-names.ts';
import { behindKey, rowsOfRange, type WalkedRow } from './row-walk.ts';
import { readObjectRow } from './stored-rows.ts';

/** Damaged rows are passed: what cannot be read is not deleted. Throws what the store throws. */
export async function readHistoryPage(question: PageQuestion): Promise<LifecyclePage> {
  const { store, partition, bucket, shard, start, limit } = question;
  const all = rowRange(partition, TABLE.history, shardPrefix(bucket, shard));
  const range = start === undefined ? all : behindKey(all, start.after);
  const rows = await rowsOfRange(store, range, limit);
  const due: DueVersion[] = [];
  let progress = start?.progress;
  for (const row of rows) {
    const place = placeOfHistoryKey(row.key);
    if (progress?.key !== place.key) progress = beginKey(question, place);
    const version = readVersion(row);
    const one = version && dueVersion(question, { place, version, progress });
    if (one !== undefined) due.push(one);
    progress = behind(progress, version);
  }
  const last = rows.at(-1);
  const isEnd = last === undefined || rows.length < limit || progress === undefined;
  const confirmedDue = await confirmed(question.tables, due);
  return { due: confirmedDue, next: isEnd ? undefined : { after: last.key, progress } };
}

function readVersion(row: WalkedRow): StoredVersion | undefined {
  if (row.kind === 'damaged') return undefined;
  const decoded = orDamage(() => decodeObjectRow(row.value));
  return decoded === 'damaged' ? undefined : standing(decoded);
}

/** Above the history is the current row. */
function beginKey({ store, partition }: PageQuestion, place: ObjectPlace): KeyProgress {
  const read = orDamage(() => readObjectRow(store, objectRowKey(partition, place)));
  const current = read === 'damaged' ? undefined : standing(read);
  const noncurrentMs = current && timestampMs(current.timestamp);
  return { key: place.key, noncurrentMs, newerVersions: 0 };
}

function behind(progress: KeyProgress, version: StoredVersion | undefined): KeyProgress {
  // What does not stand there, or cannot be read, makes nothing below it older.
  if (version === undefined) return progress;
  const { key, noncurrentMs, newerVersions } = progress;
  return {
    key,
    noncurrentMs: noncurrentMs && timestampMs(version.timestamp),
    newerVersions: newerVersions + (version.kind === 'version' ? 1 : 0),
  };
}

function dueVersion(
  { rules, calendar, day, stamper }: PageQuestion,
  at: {
    readonly place: ObjectPlace;
    readonly version: StoredVersion;
    readonly progress: KeyProgress;
  },
): DueVersion | undefined {
  const { place, version, progress } = at;
  const { noncurrentMs, newerVersions } = progress;
  if (noncurrentMs === undefined) return undefined;
  const due = noncurrentExpirationOf(rules, calendar, {
    ...{ key: place.key, noncurrentMs, newerVersions },
    content: version.kind === 'marker' ? 'marker' : contentOf(version),
  });
  if (due === undefined || due.day > day) return undefined;
  const deletion: VersionDelete = {
    kind: 'version-delete',
    place,
    version: versionRefOf(version),
    timestamp: stamper.now(),
    condition: { ifVersion: versionIdOfRow(version) },
  };
  return { deletion, noncurrentMs, newerVersions };
}

function contentOf({ sizeBytes, tagging }: Extract<StoredVersion, { kind: 'version' }>) {
  return { sizeBytes, tags: tagging?.tags ?? [] };
}
