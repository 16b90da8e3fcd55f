/**
 * Changing what may change of a version: its tags, its access control list, its lock.
 *
 * Owns:          what such a change does to the rows of its partition.
 * Knows:         object rows, and the copy of the row that lies with the bytes of a small object.
 * Must not know: who may change what.
 *
 * The version keeps its timestamp: it is not newer for having another tag. An earlier change that
 * comes late is answered like one that was made and then overwritten.
 */
import type { ObjectChange, TableReply } from '../../schemas/messages/table.ts';
import type { ObjectLock } from '../../schemas/records/object-lock.ts';
import type { ObjectVersion } from '../../schemas/records/object-row.ts';
import { mergeObjectRows, versionRefOf } from '../../schemas/records/object-row.ts';
import { putHead } from './current-row.ts';
import type { FoundVersion, KeyRows } from './history-rows.ts';
import { findVersionByRef, replaceHistory, standing } from './history-rows.ts';
import { objectRowKey } from './row-keys.ts';
import { readObjectRow } from './stored-rows.ts';
import { lockAfter } from './version-locks.ts';
import type { WriteStep } from './write-step.ts';

/** Throws what reading the rows throws. */
export function applyObjectChange(step: WriteStep, change: ObjectChange): TableReply {
  const { place, version } = change;
  if (!step.surroundings.space()) return { kind: 'no-space' };
  if (step.ledger.open(place.bucket).fence !== undefined) return { kind: 'bucket-closed' };
  const found = findMeant({ rows: step.batch, partition: step.partition, place }, version);
  if (found === undefined) return { kind: 'no-such-version', because: 'absent' };
  const { row, standing: where } = found;
  if (row.kind === 'marker') return { kind: 'no-such-version', because: 'marker' };
  const decided = lockAfter(step.surroundings.clock, row.lock, change);
  if (decided.kind !== 'lock') return decided;
  const changed = changedBy(row, change, decided.lock);
  if (changed !== row && where === 'history') replaceHistory(step, place, changed);
  if (changed !== row && where === 'current') {
    putHead(step, place, { row: changed, bytes: 'as they are' });
  }
  return { kind: 'written', version: versionRefOf(row) };
}

function findMeant(at: KeyRows, version: ObjectChange['version']): FoundVersion | undefined {
  if (version !== undefined) return findVersionByRef(at, version);
  const row = standing(readObjectRow(at.rows, objectRowKey(at.partition, at.place)));
  return row && { row, standing: 'current' };
}

function changedBy(
  stored: ObjectVersion,
  { tagging, acl }: ObjectChange,
  lock: ObjectLock | undefined,
): ObjectVersion {
  if (tagging === undefined && acl === undefined && lock === stored.lock) return stored;
  const merged = mergeObjectRows(stored, {
    ...stored,
    ...(tagging === undefined ? {} : { tagging }),
    ...(acl === undefined ? {} : { acl }),
    ...(lock === undefined ? {} : { lock }),
  });
  return merged.kind === 'version' ? merged : stored;
}
