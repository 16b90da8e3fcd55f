/**
 * What one replica knows of its live references, in a few bytes: to be compared with another's.
 *
 * Owns:          a digest for each leaf (the second byte of the hash), kept true in memory.
 * Knows:         which references begin and cease to be live, from the commits that say so.
 * Must not know: rows, peers.
 *
 * A leaf's digest is the sum of a hash of each of its references: two replicas with the same
 * references have the same digest, whatever the order. It is not stored: a leaf that nobody looked
 * at, or of which a commit failed, is unknown, and counted anew from the rows when it is asked for.
 *
 * A count is right only if no commit of that leaf began before it or during it: its cursor sees
 * some of what is under way and not the rest. Such a count is thrown away and made again later.
 */
import { hash as digestOf } from 'node:crypto';
import { assert } from '../../schemas/assert.ts';
import type { BlockHash } from '../../schemas/ids.ts';
import { differingSums, SUM_BYTES, toggle } from '../runtime/set-hash.ts';

export const LEAF_COUNT = 256;

const MEMBER_BYTES = 48;

type Leaves = {
  readonly digests: Buffer;
  readonly known: Uint8Array;
  readonly underWay: Uint16Array;
  readonly epochs: Uint32Array;
};

/** A commit that changes a live reference. undefined: nobody compares so far. */
export type DigestChange = { readonly leaf: number; readonly member: Buffer } | undefined;

export function leafOf(hash: BlockHash): number {
  return Number.parseInt(hash.slice(2, 4), 16);
}

export class ReferenceDigest {
  /** Made when it is first asked for: a node without peers never does. */
  #leaves: Leaves | undefined;

  /** A commit is made that adds or ends this live reference. */
  begin(hash: BlockHash, ownerId: string): DigestChange {
    const leaves = this.#leaves;
    if (leaves === undefined) return undefined;
    const leaf = leafOf(hash);
    leaves.underWay[leaf]! += 1;
    leaves.epochs[leaf]! += 1;
    return { leaf, member: Buffer.from(hash + ownerId, 'hex') };
  }

  /** It is durable, or (`unknown`) it failed. */
  end(change: DigestChange, outcome: 'durable' | 'unknown', hash: BlockHash): void {
    const leaves = this.#leaves;
    if (leaves === undefined) return;
    const leaf = change?.leaf ?? leafOf(hash);
    leaves.epochs[leaf]! += 1;
    if (change !== undefined) leaves.underWay[leaf]! -= 1;
    // One that began before anybody compared was not counted among those under way.
    if (change === undefined || outcome === 'unknown') leaves.known[leaf] = 0;
    else toggleMember(leaves.digests, leaf, change.member);
  }

  /** A reference came or went in a way that nobody can say. */
  forget(hash: BlockHash): void {
    this.end(undefined, 'unknown', hash);
  }

  isKnown(leaf: number): boolean {
    return this.#leaves?.known[leaf] === 1;
  }

  /** How many leaves must be counted before all are known. */
  get unknown(): number {
    return this.#leaves?.known.filter(known => known === 0).length ?? LEAF_COUNT;
  }

  /** Counts a leaf anew, or `all` that are unknown; those of which something changed meanwhile stay
   *  unknown. `members`: hash and owner id of each reference there, read from the rows as they are
   *  once it is called. */
  async count(which: number | 'all', members: () => AsyncIterable<Uint8Array>): Promise<void> {
    const leaves = (this.#leaves ??= newLeaves());
    const epochs = leaves.epochs.slice();
    const quiet = leaves.underWay.map(count => (count === 0 ? 1 : 0));
    const sums = Buffer.alloc(LEAF_COUNT * SUM_BYTES);
    for await (const member of members()) toggleMember(sums, member[1]!, member);
    const [first, end] = which === 'all' ? [0, LEAF_COUNT] : [which, which + 1];
    for (let leaf = first; leaf < end; leaf += 1) {
      const isSame = quiet[leaf] === 1 && leaves.epochs[leaf] === epochs[leaf];
      if (!isSame || leaves.known[leaf] === 1) continue;
      const at = leaf * SUM_BYTES;
      sums.copy(leaves.digests, at, at, at + SUM_BYTES);
      leaves.known[leaf] = 1;
    }
  }

  /** A copy of all leaves; undefined while one of them is unknown. */
  leaves(): Buffer | undefined {
    const leaves = this.#leaves;
    return leaves?.known.every(known => known === 1) === true
      ? Buffer.from(leaves.digests)
      : undefined;
  }
}

/** The digest of all leaves. */
export function rootOf(leaves: Uint8Array): Buffer {
  return digestOf('sha256', leaves, 'buffer').subarray(0, SUM_BYTES);
}

/** The leaves in which two replicas differ. */
export function differingLeaves(ours: Buffer, theirs: Uint8Array): number[] {
  return theirs.length === ours.length ? differingSums(ours, theirs) : [];
}

function toggleMember(digests: Buffer, leaf: number, member: Uint8Array): void {
  assert(member.length === MEMBER_BYTES, 'a member is a hash and an id');
  toggle(digests, leaf, digestOf('sha256', member, 'buffer'));
}

function newLeaves(): Leaves {
  return {
    digests: Buffer.alloc(LEAF_COUNT * SUM_BYTES),
    known: new Uint8Array(LEAF_COUNT),
    underWay: new Uint16Array(LEAF_COUNT),
    epochs: new Uint32Array(LEAF_COUNT),
  };
}
