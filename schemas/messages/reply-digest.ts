/**
 * A few bytes that stand for a whole reply: replicas that would say the same have the same.
 *
 * Owns:          which replies have them, and what of a reply counts.
 * Knows:         replies as bytes.
 * Must not know: who compares.
 *
 * The bytes of a small object do not count: its row names them. A reply that goes through bytes on
 * its way is the same reply, so both sides of a comparison may compute this.
 */
import { hash } from 'node:crypto';
import { encodeObjectRow } from '../records/object-row.ts';
import { encodeMessage } from '../wire.ts';
import type { TableReply } from './table.ts';
import { tableConversation } from './table-wire.ts';

const DIGEST_BYTES = 16;

/** Of an object that is not there: nothing else has it. */
const ABSENT = Buffer.alloc(DIGEST_BYTES);

/** Replies that replicas are compared by; any other one says that there is none. */
const COMPARED: ReadonlySet<TableReply['kind']> = new Set([
  'object',
  'object-page',
  'version-page',
  'upload',
  'upload-page',
  'parts',
  'no-such-upload',
]);

export function isCompared({ kind }: TableReply): boolean {
  return COMPARED.has(kind);
}

export function digestOfReply(reply: TableReply): Buffer {
  if (reply.kind === 'object') {
    return reply.row === undefined ? ABSENT : digestOf(encodeObjectRow(reply.row));
  }
  const message = encodeMessage(tableConversation.reply, reply);
  const bytes = Buffer.allocUnsafe(message.length);
  message.copyInto(bytes, 0);
  return digestOf(bytes);
}

function digestOf(bytes: Uint8Array): Buffer {
  return hash('sha256', bytes, 'buffer').subarray(0, DIGEST_BYTES);
}
