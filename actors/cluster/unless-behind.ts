/**
 * Lets a store that may have forgotten something take what it is given, and answer nothing.
 *
 * Owns:          what such a store is still asked: writes, and what brings it what it lacks.
 * Knows:         the kinds of the table messages.
 * Must not know: why the store is behind.
 *
 * Whoever asks anything else is told `unknown`, and asks another replica.
 */
import type { RequestContext, Server } from '../../bus/bus.ts';
import type { TableReply, TableRequest } from '../../schemas/messages/table.ts';
import type { Soon } from '../../schemas/soon.ts';

const TAKEN: ReadonlySet<TableRequest['kind']> = new Set([
  'object-write',
  'object-change',
  'version-delete',
  'manifest-write',
  'manifest-drop',
  'upload-create',
  'upload-abort',
  'part-write',
  'bucket-unfence',
  'rows-merge',
]);

export function unlessBehind(
  server: Server<TableRequest, TableReply>,
  isBehind: () => boolean,
): Server<TableRequest, TableReply> {
  return (request: TableRequest, context: RequestContext): Soon<TableReply> =>
    isBehind() && !TAKEN.has(request.kind) ? { kind: 'unknown' } : server(request, context);
}
