/**
 * The parts that a completed version names, wherever its list is kept.
 *
 * Owns:          reading that list: from the object row, or from rows of its own.
 * Knows:         part-list rows.
 * Must not know: the parts' own rows.
 */
import { CodecError } from '../../schemas/codec.ts';
import type { PartitionId, VersionId } from '../../schemas/ids.ts';
import { PART_LIST_ROW_PARTS } from '../../schemas/limits.ts';
import type { ObjectContent, ObjectVersion, PartRef } from '../../schemas/records/object-row.ts';
import { decodePartListRow } from '../../schemas/records/part-list-row.ts';
import type { Rows } from '../storage/row-damage.ts';
import { readRow } from '../storage/row-damage.ts';
import { partListRowKey } from './row-keys.ts';

/** Rows of the list of a version; 0 when it stands in the object row. */
export function partListRowCount(content: ObjectContent): number {
  if (content.kind !== 'parts' || content.parts !== undefined) return 0;
  return Math.ceil(content.partCount / PART_LIST_ROW_PARTS);
}

/** One row of the list; empty behind its end. */
export function readPartListRow(
  rows: Rows,
  partition: PartitionId,
  row: { readonly versionId: VersionId; readonly index: number },
): PartRef[] {
  return (
    readRow(rows, partListRowKey(partition, row.versionId, row.index), decodePartListRow) ?? []
  );
}

/**
 * Every attempt that a live version names; empty when it was not completed from parts. A list with
 * a hole is damage: what it does not name would be taken for dead.
 */
export function attemptsOfVersion(
  rows: Rows,
  partition: PartitionId,
  version: Pick<ObjectVersion, 'versionId' | 'content'>,
): ReadonlySet<string> {
  const { versionId, content } = version;
  if (content.kind !== 'parts') return new Set();
  if (content.parts !== undefined) return new Set(content.parts.map(part => part.attemptId));
  const attempts = new Set<string>();
  for (let index = 0; index < partListRowCount(content); index += 1) {
    for (const part of readPartListRow(rows, partition, { versionId, index })) {
      attempts.add(part.attemptId);
    }
  }
  if (attempts.size !== content.partCount) throw new CodecError('a part list with a hole');
  return attempts;
}
