/**
 * What all replicas say of versions that one of them would take away.
 *
 * Owns:          the question whether a version is as old, and has as many above it, as it seems.
 * Knows:         lists of versions, which the table's client compares.
 * Must not know: rules, days.
 *
 * A replica that was away may still take an overwritten version for the current one; or hold
 * versions that have ended elsewhere, and count them as newer ones; or have missed what lies below
 * a delete marker. What others do not bear out is left
 * alone: by tomorrow the replicas are alike.
 */
import type { TableClient } from '../../bus/table-client.ts';
import type { ObjectKey } from '../../schemas/ids.ts';
import { LIST_ENTRIES_MAX } from '../../schemas/limits.ts';
import type {
  ListedVersion,
  ObjectPlace,
  ObjectWrite,
  VersionDelete,
  VersionStart,
} from '../../schemas/messages/table.ts';

/** A deletion, and what it is due by. */
export type DueVersion = {
  readonly deletion: VersionDelete;
  readonly noncurrentMs: number;
  /** Noncurrent versions that are newer. */
  readonly newerVersions: number;
};

export type ConfirmingTables = Pick<TableClient, 'ask' | 'decidesConditions' | 'partitionOf'>;

/** Those that are due by what all replicas hold. */
export async function confirmed(
  tables: ConfirmingTables,
  due: readonly DueVersion[],
): Promise<VersionDelete[]> {
  const place = due[0]?.deletion.place;
  // What one replica holds alone is all there is.
  if (place === undefined || tables.decidesConditions(place)) {
    return due.map(({ deletion }) => deletion);
  }
  const byKey = new Map<ObjectKey, DueVersion[]>();
  for (const one of due) {
    const { key } = one.deletion.place;
    byKey.set(key, [...(byKey.get(key) ?? []), one]);
  }
  const deletions: VersionDelete[] = [];
  for (const [key, ofKey] of byKey) {
    const versions = await versionsOf(tables, { ...place, key });
    const borneOut = ofKey.filter(one => isBorneOut(versions, one));
    deletions.push(...borneOut.map(({ deletion }) => deletion));
  }
  return deletions;
}

function isBorneOut(versions: readonly ListedVersion[], due: DueVersion): boolean {
  const at = versions.findIndex(({ version }) => version === due.deletion.version);
  const above = versions[at - 1];
  if (above === undefined) return false;
  const newer = versions.slice(1, at).filter(({ isMarker }) => !isMarker).length;
  return above.lastModifiedMs <= due.noncurrentMs && newer >= due.newerVersions;
}

/** Does the version that a deletion is about stand there, by what a read quorum holds? */
export async function isStillCurrent(
  tables: ConfirmingTables,
  { place, condition }: ObjectWrite,
): Promise<boolean> {
  if (tables.decidesConditions(place)) return true;
  const request = { kind: 'object-read', place, want: 'row' } as const;
  const answer = await tables.ask(tables.partitionOf(place), request);
  if (answer.kind === 'damaged') return false;
  if (answer.kind !== 'object') throw new Error(`a read was answered: ${answer.kind}`);
  return answer.row?.kind === 'version' && answer.row.versionId === condition?.ifVersion;
}

/** Has the key nothing below its current version? What is below only ever becomes less. */
export async function isAlone(tables: ConfirmingTables, place: ObjectPlace): Promise<boolean> {
  return (await versionsOf(tables, place)).length === 1;
}

/** All versions of a key, the newest first. */
async function versionsOf(tables: ConfirmingTables, place: ObjectPlace): Promise<ListedVersion[]> {
  const { bucket, shard, key } = place;
  const where = { bucket, shard, prefix: key, delimiter: '', limit: LIST_ENTRIES_MAX };
  const versions: ListedVersion[] = [];
  let after: VersionStart | undefined;
  for (;;) {
    const list = { kind: 'version-list', ...where } as const;
    const request = after === undefined ? list : { ...list, after };
    const page = await tables.ask(tables.partitionOf(place), request);
    if (page.kind !== 'version-page') throw new Error(`a list was answered: ${page.kind}`);
    for (const entry of page.entries) {
      // Behind the key come those that it is the beginning of.
      if (entry.kind !== 'version' || entry.key !== key) return versions;
      versions.push(entry);
    }
    after = page.next;
    if (after?.key !== key) return versions;
  }
}
