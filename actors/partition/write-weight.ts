/**
 * About how much memory a write holds while it waits.
 *
 * Owns:          the estimate by kind of request.
 * Knows:         which of their fields can be large.
 * Must not know: who bounds it.
 */
import type { TableRequest } from '../../schemas/messages/table.ts';
import { weightOfRow } from './row-reads.ts';

const MESSAGE_BYTES = 512;
const PART_REF_BYTES = 128;
const OWNER_BYTES = 512;

export function weightOf(request: TableRequest): number {
  switch (request.kind) {
    case 'object-write': {
      const { inline, completes, row } = request;
      const blocks =
        row.kind === 'version' && row.content.kind === 'blocks' ? row.content.blocks : [];
      const parts = (completes?.parts.length ?? 0) * PART_REF_BYTES;
      return MESSAGE_BYTES + (inline?.length ?? 0) + blocks.length + parts;
    }
    case 'manifest-write':
      return MESSAGE_BYTES + request.blocks.length;
    case 'part-write': {
      const { content } = request.part;
      return MESSAGE_BYTES + (content.kind === 'blocks' ? content.blocks.length : 0);
    }
    case 'rows-merge':
      return MESSAGE_BYTES + request.rows.reduce((sum, row) => sum + weightOfRow(row), 0);
    case 'owners-check':
      return MESSAGE_BYTES + request.owners.length * OWNER_BYTES;
    default:
      return MESSAGE_BYTES;
  }
}
