/**
 * `If-Match` and its kin of a write, decided against the row that stands there.
 *
 * Owns:          the rules.
 * Knows:         RFC 9110, "Preconditions", and what S3 makes of it in "PutObject" and
 *                "DeleteObject": If-Match on an absent object is told apart from a mismatch, and a
 *                deletion on conditions of time and size goes on where there is nothing.
 * Must not know: how the row was read.
 */
import type { TableReply, WriteCondition } from '../../schemas/messages/table.ts';
import type { ObjectRow, ObjectVersion } from '../../schemas/records/object-row.ts';
import { timestampMs } from '../../schemas/timestamp.ts';

type ConditionFailed = Extract<TableReply, { kind: 'condition-failed' }>;

/** Undefined: the write may go on. */
export function failedCondition(
  condition: WriteCondition,
  stored: ObjectRow | undefined,
): ConditionFailed | undefined {
  const etag = stored?.kind === 'version' ? stored.etag : undefined;
  const { ifMatch, ifNoneMatch, ifVersion } = condition;
  if (ifVersion !== undefined) {
    if (stored === undefined || stored.kind === 'tombstone') {
      return { kind: 'condition-failed', because: 'absent' };
    }
    const id = stored.kind === 'version' ? stored.versionId : (stored.timestamp as string);
    if (id !== ifVersion) return { kind: 'condition-failed', because: 'mismatch' };
  }
  if (ifMatch !== undefined) {
    if (etag === undefined) return { kind: 'condition-failed', because: 'absent' };
    if (!names(ifMatch, etag)) return { kind: 'condition-failed', because: 'mismatch' };
  }
  if (ifNoneMatch !== undefined && etag !== undefined && names(ifNoneMatch, etag)) {
    return { kind: 'condition-failed', because: 'mismatch' };
  }
  if (stored?.kind === 'version' && !isAsDescribed(condition, stored)) {
    return { kind: 'condition-failed', because: 'mismatch' };
  }
  return undefined;
}

/** Last-Modified has whole seconds: a client cannot know more. */
function isAsDescribed(
  { ifModifiedMs, ifSizeBytes }: WriteCondition,
  { timestamp, sizeBytes }: ObjectVersion,
): boolean {
  if (ifSizeBytes !== undefined && ifSizeBytes !== sizeBytes) return false;
  return ifModifiedMs === undefined || secondOf(ifModifiedMs) === secondOf(timestampMs(timestamp));
}

function secondOf(ms: number): number {
  return Math.floor(ms / 1000);
}

function names(etags: readonly string[] | 'any', etag: string): boolean {
  return etags === 'any' || etags.includes(etag);
}
