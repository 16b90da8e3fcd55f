/**
 * Heartbeats as bytes.
 *
 * Owns:          the order of their fields.
 * Knows:         the event.
 * Must not know: how it travels.
 */
import type { NodeId } from '../ids.ts';
import { choice, flag, hex, integer, list, optional, shape, text } from '../wire.ts';
import { diskSpace, nodeWork, storeMark } from './cluster-wire.ts';
import type { Heartbeat, ProcessRole } from './heartbeat.ts';

export const heartbeat = shape<Heartbeat>({
  node: hex<NodeId>(32),
  process: integer,
  roles: list(choice<ProcessRole>('gateway', 'storage')),
  hostname: text,
  address: text,
  garageVersion: text,
  layoutDigest: hex(8),
  layoutVersion: integer,
  isLeaving: flag,
  mark: optional(storeMark),
  work: optional(nodeWork),
  data: optional(diskSpace),
  metadata: optional(diskSpace),
});
