/**
 * What a partition holds, told in a few bytes: a set hash in leaves.
 *
 * Owns:          the leaves, their root, and when each last changed.
 * Knows:         items: one keyed hash for each row.
 * Must not know: rows.
 *
 * A leaf is the sum of the items of its rows; they are keyed, so nobody without the cluster's
 * secret can make two sets that look alike. To add a row and to take it away are the same
 * operation, in any order: that is why a digest can be made of a snapshot while writes go on.
 */
import { differingSums, SUM_BYTES, toggle } from '../runtime/set-hash.ts';

export const DIGEST_LEAVES = 512;
export const DIGEST_BYTES = SUM_BYTES;
const HASH_PRIME = 0x01000193;
const HASH_BASIS = 0x811c9dc5;

/** Which leaf a row belongs to: by its name, so that two values of one row meet in one leaf.
 *  FNV-1a (Fowler, Noll, Vo): it spreads, and need not be more. */
export function leafOf(name: Uint8Array): number {
  let hash = HASH_BASIS;
  for (const byte of name) hash = Math.imul(hash ^ byte, HASH_PRIME);
  return (hash ^ (hash >>> 16)) & (DIGEST_LEAVES - 1);
}

export class DigestTree {
  readonly #leaves = Buffer.alloc(DIGEST_LEAVES * DIGEST_BYTES);
  readonly #root = Buffer.alloc(DIGEST_BYTES);
  /** Monotonic milliseconds, by leaf. */
  readonly #changedAtMs = new Float64Array(DIGEST_LEAVES);

  /** `DIGEST_LEAVES` times `DIGEST_BYTES`; a view that changes. */
  get leaves(): Buffer {
    return this.#leaves;
  }

  /** The XOR of all leaves; a view that changes. */
  get root(): Buffer {
    return this.#root;
  }

  clear(): void {
    this.#leaves.fill(0);
    this.#root.fill(0);
    this.#changedAtMs.fill(0);
  }

  /** Adds the item, or takes it away. */
  toggle(leaf: number, item: Uint8Array): void {
    toggle(this.#leaves, leaf, item);
    toggle(this.#root, 0, item);
  }

  /** Notes that a write changed the leaf. */
  touch(leaf: number, nowMs: number): void {
    this.#changedAtMs[leaf] = nowMs;
  }

  /** A bit for each leaf (the lowest of the first byte is leaf 0): changed after `sinceMs`. */
  unquiet(sinceMs: number): Buffer {
    const mask = Buffer.alloc(DIGEST_LEAVES / 8);
    for (let leaf = 0; leaf < DIGEST_LEAVES; leaf += 1) {
      if (this.#changedAtMs[leaf]! > sinceMs) mask[leaf >> 3]! |= 1 << (leaf & 7);
    }
    return mask;
  }
}

export function isLeafSet(mask: Uint8Array, leaf: number): boolean {
  return ((mask[leaf >> 3] ?? 0) & (1 << (leaf & 7))) !== 0;
}

/** The leaves in which two trees differ, as a mask; undefined: in none. */
export function differingLeaves(one: Buffer, other: Buffer): Buffer | undefined {
  const leaves = differingSums(one, other);
  if (leaves.length === 0) return undefined;
  const mask = Buffer.alloc(DIGEST_LEAVES / 8);
  for (const leaf of leaves) mask[leaf >> 3]! |= 1 << (leaf & 7);
  return mask;
}
