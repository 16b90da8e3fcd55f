/**
 * Lets a store that may have forgotten something take what it is given, and answer nothing.
 *
 * Owns:          what such a store is still asked: writes, and what brings it what it lacks.
 * Knows:         the kinds of the table and block messages.
 * Must not know: why the store is behind, and when its writes count again.
 *
 * Whoever asks anything else is told `unknown`, and asks another replica. So is who writes, as
 * long as the store may have forgotten what it promised about layout versions (store-marks.ts).
 * Rows that were read elsewhere are always taken: no write is acknowledged for them.
 */
import type { RequestContext, Server } from '../../bus/bus.ts';
import type { BlockReply, BlockRequest } from '../../schemas/messages/block.ts';
import type { TableReply, TableRequest } from '../../schemas/messages/table.ts';
import type { Soon } from '../../schemas/soon.ts';

const WRITES: ReadonlySet<TableRequest['kind']> = new Set([
  'object-write',
  'object-change',
  'version-delete',
  'manifest-write',
  'manifest-drop',
  'upload-create',
  'upload-abort',
  'part-write',
  'bucket-unfence',
]);

export type Memory = {
  readonly isBehind: () => boolean;
  readonly takesWrites: () => boolean;
};

export function unlessBehind(
  server: Server<TableRequest, TableReply>,
  { isBehind, takesWrites }: Memory,
): Server<TableRequest, TableReply> {
  const isTaken = ({ kind }: TableRequest): boolean =>
    kind === 'rows-merge' || (WRITES.has(kind) && takesWrites());
  return (request: TableRequest, context: RequestContext): Soon<TableReply> =>
    isBehind() && !isTaken(request) ? { kind: 'unknown' } : server(request, context);
}

/** Of blocks only what is to count as stored here: whatever is read of them proves itself. */
export function unlessForgetful(
  server: Server<BlockRequest, BlockReply>,
  takesWrites: () => boolean,
): Server<BlockRequest, BlockReply> {
  return (request: BlockRequest, context: RequestContext): Soon<BlockReply> => {
    const isWrite = request.kind === 'block-store' || request.kind === 'reference-add';
    return isWrite && !takesWrites() ? { kind: 'unknown' } : server(request, context);
  };
}
