/**
 * Reading one object: its row, and the bytes of a small one in the same answer.
 *
 * Owns:          that row and bytes belong together.
 * Knows:         object rows and inline rows.
 * Must not know: blocks.
 *
 * Runs to its end without waiting: it is the path of every GET. The inline row of a small object
 * holds its row as well, so one look answers; where there is none, the object's own row says what
 * there is. The store may take over a batch between the two looks: an inline object whose bytes
 * were not there is looked for once more.
 */
import type { PartitionId } from '../../schemas/ids.ts';
import type { ObjectRead, TableReply } from '../../schemas/messages/table.ts';
import { storedBytesOf } from '../../schemas/records/customer-encryption.ts';
import { decodeInlineRow } from '../../schemas/records/inline-row.ts';
import type { VersionRef } from '../../schemas/records/object-row.ts';
import { decodeObjectRow } from '../../schemas/records/object-row.ts';
import type { Rows } from '../storage/row-damage.ts';
import type { KeyRows } from './history-rows.ts';
import {
  findVersionByRef,
  hasBytes,
  lastNull,
  readHistoryBytes,
  rowOfStamp,
} from './history-rows.ts';
import { inlineRowKey, objectRowKey } from './row-keys.ts';
import { readObjectRow } from './stored-rows.ts';

/** Each repetition means that one more batch was taken over in between: they are commits apart. */
const REPETITIONS_MAX = 8;

/** Throws what Store.get and the row's decoders throw. */
export function readObject(rows: Rows, partition: PartitionId, read: ObjectRead): TableReply {
  if (read.version !== undefined) return readVersion({ rows, partition, place: read.place }, read);
  if (read.want === 'row') return readRowAlone(rows, partition, read);
  const inlineKey = inlineRowKey(partition, read.place);
  for (let repetitions = 0; repetitions <= REPETITIONS_MAX; repetitions += 1) {
    const stored = rows.get(inlineKey);
    if (stored !== undefined) return withBytes(stored);
    const reply = readRowAlone(rows, partition, read);
    const { row } = reply;
    const hasBytes = row?.kind === 'version' && row.content.kind === 'inline' && row.sizeBytes > 0;
    if (!hasBytes) return reply;
  }
  return { kind: 'damaged' };
}

/** It may become the current one, or cease to be it, between two looks. */
function readVersion(at: KeyRows, { version = 'null', want, place }: ObjectRead): TableReply {
  for (let repetitions = 0; repetitions <= REPETITIONS_MAX; repetitions += 1) {
    const found = findVersionByRef(at, version);
    if (found === undefined) return readEnd(at, version);
    const { row, standing } = found;
    if (want === 'row' || !hasBytes(row)) return { kind: 'object', row };
    if (standing === 'history') {
      const inline = readHistoryBytes(at, row);
      if (inline !== undefined) return { kind: 'object', row, inline };
      continue;
    }
    const stored = at.rows.get(inlineRowKey(at.partition, place));
    const reply = stored && withBytes(stored);
    const isThis = reply?.kind !== 'object' || reply.row?.timestamp === row.timestamp;
    if (reply !== undefined && isThis) return reply;
  }
  return { kind: 'damaged' };
}

/** What is known of its end: other replicas are compared by it. */
function readEnd(at: KeyRows, version: VersionRef): TableReply {
  const row = version === 'null' ? lastNull(at) : rowOfStamp(at, version)?.row;
  return row?.kind === 'tombstone' ? { kind: 'object', row } : { kind: 'object' };
}

type ObjectReply = Extract<TableReply, { kind: 'object' }>;

function readRowAlone(rows: Rows, partition: PartitionId, { place }: ObjectRead): ObjectReply {
  const row = readObjectRow(rows, objectRowKey(partition, place));
  return row === undefined ? { kind: 'object' } : { kind: 'object', row };
}

function withBytes(stored: Buffer): TableReply {
  const { row: encoded, bytes } = decodeInlineRow(stored);
  const row = decodeObjectRow(encoded);
  if (row.kind !== 'version' || storedBytesOf(row) !== bytes.length) return { kind: 'damaged' };
  return { kind: 'object', row, inline: bytes };
}
