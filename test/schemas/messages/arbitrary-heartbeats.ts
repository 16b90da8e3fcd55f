/**
 * Random heartbeats, with every optional field present and absent.
 *
 * Owns:          the generator.
 * Knows:         the event.
 * Must not know: how it is encoded.
 */
import fc from 'fast-check';
import type { NodeId } from '../../../schemas/ids.ts';
import type { Heartbeat, ProcessRole } from '../../../schemas/messages/heartbeat.ts';

const counts = fc.maxSafeNat();
const words = fc.string({ unit: 'grapheme', maxLength: 20 });
const spaces = fc.record({ available: counts, total: counts });

function hexes(byteCount: number): fc.Arbitrary<string> {
  return fc
    .uint8Array({ minLength: byteCount, maxLength: byteCount })
    .map(bytes => Buffer.from(bytes).toString('hex'));
}

export const heartbeats: fc.Arbitrary<Heartbeat> = fc.record(
  {
    node: hexes(32).map(id => id as NodeId),
    process: counts,
    roles: fc.subarray<ProcessRole>(['gateway', 'storage']),
    hostname: words,
    address: words,
    garageVersion: words,
    layoutDigest: hexes(8),
    layoutVersion: counts,
    isLeaving: fc.boolean(),
    mark: fc.record({ incarnation: hexes(8), durable: counts }),
    work: fc.record({
      syncPartitions: counts,
      resyncBlocks: counts,
      resyncBytes: fc.option(counts),
      resyncErrors: counts,
      secondsLeft: fc.option(counts),
    }),
    data: spaces,
    metadata: spaces,
  },
  {
    requiredKeys: [
      ...(['node', 'process', 'roles', 'hostname', 'address', 'garageVersion'] as const),
      ...(['layoutDigest', 'layoutVersion', 'isLeaving'] as const),
    ],
  },
);
