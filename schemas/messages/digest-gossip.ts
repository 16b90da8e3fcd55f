/**
 * What a node tells all others every few seconds: the root of each of its partitions' digests.
 *
 * Owns:          the event, and its bytes.
 * Knows:         partitions.
 * Must not know: how a root is made.
 */
import type { NodeId } from '../ids.ts';
import { PARTITION_COUNT } from '../ids.ts';
import { bytes, hex, shape } from '../wire.ts';

export type DigestGossip = {
  readonly node: NodeId;
  /** A bit for each partition whose root is told (the lowest of the first byte is partition 0). */
  readonly told: Uint8Array;
  /** ROOT_BYTES for each partition that is told, in their order. */
  readonly roots: Uint8Array;
};

export const ROOT_BYTES = 16;

export const digestGossip = shape<DigestGossip>({
  node: hex<NodeId>(32),
  told: bytes,
  roots: bytes,
});

/** The roots by partition, as they were given. */
export function packRoots(
  node: NodeId,
  roots: Iterable<readonly [partition: number, root: Uint8Array]>,
): DigestGossip {
  const told = Buffer.alloc(PARTITION_COUNT / 8);
  const parts: Uint8Array[] = [];
  for (const [partition, root] of [...roots].sort(([a], [b]) => a - b)) {
    told[partition >> 3]! |= 1 << (partition & 7);
    parts.push(root.subarray(0, ROOT_BYTES));
  }
  return { node, told, roots: Buffer.concat(parts) };
}

/** The partitions that were told, with a view of each root; what is cut off is left out. */
export function* readRoots({ told, roots }: DigestGossip): Iterable<[number, Uint8Array]> {
  let at = 0;
  for (let partition = 0; partition < PARTITION_COUNT; partition += 1) {
    if (((told[partition >> 3] ?? 0) & (1 << (partition & 7))) === 0) continue;
    if (at + ROOT_BYTES > roots.length) return;
    yield [partition, roots.subarray(at, at + ROOT_BYTES)];
    at += ROOT_BYTES;
  }
}
