/**
 * What is asked of the actor that owns one partition's blocks and the references to them.
 *
 * Owns:          the requests and replies of one block replica.
 * Knows:         block hashes, owners, checksums per chunk.
 * Must not know: objects; where files lie.
 *
 * A block is stored together with its first reference: a reference counts only where the verified
 * block is durably on disk.
 */
import type { BlockHash } from '../ids.ts';
import type { BlockOwner } from '../records/block-owner.ts';

/** `checksums`: crc32c of each CHECKSUM_CHUNK_BYTES of `bytes`, 4 bytes big-endian each, computed
 *  in the pass that computed the hash; they are verified before the block is written. */
export type BlockStore = {
  readonly kind: 'block-store';
  readonly hash: BlockHash;
  readonly bytes: Uint8Array;
  readonly checksums: Uint8Array;
  readonly owner: BlockOwner;
};

/** One more owner for a block that should be there already: copies. */
export type ReferenceAdd = {
  readonly kind: 'reference-add';
  readonly hash: BlockHash;
  readonly owner: BlockOwner;
};

/** The owner is dead: its references to these blocks (all of this partition) end. Idempotent. */
export type ReferencesRelease = {
  readonly kind: 'references-release';
  readonly owner: BlockOwner;
  readonly hashes: readonly BlockHash[];
};

/** Bytes `first` to `first + length` of a block, verified against its checksums. */
export type BlockRead = {
  readonly kind: 'block-read';
  readonly hash: BlockHash;
  /** How long the whole block is, as its owner's manifest says. */
  readonly blockBytes: number;
  readonly first: number;
  readonly length: number;
  /** Memory of the reader, which a replica in the same process may put the bytes into. With room
   *  for READ_ROOM_BYTES more than `length`. It does not travel. */
  readonly into?: Buffer;
};

/** The whole block with its checksums: a replica that lacks it asks. */
export type BlockFetch = { readonly kind: 'block-fetch'; readonly hash: BlockHash };

/** Has the replica the same live references? `root`: the asker's digest of all of them. */
export type ReferencesCompare = {
  readonly kind: 'references-compare';
  readonly root: Uint8Array;
};

/** A page of the live references of one leaf of the digest, behind `after`. */
export type ReferencesList = {
  readonly kind: 'references-list';
  readonly leaf: number;
  readonly after?: Uint8Array;
};

/** What the replica has of these blocks, all of this partition. */
export type BlocksHave = { readonly kind: 'blocks-have'; readonly hashes: readonly BlockHash[] };

/** What replicas ask each other. */
export type PeerRequest = BlockFetch | ReferencesCompare | ReferencesList | BlocksHave;

export type BlockRequest = BlockStore | ReferenceAdd | ReferencesRelease | BlockRead | PeerRequest;

export type LiveReference = { readonly hash: BlockHash; readonly owner: BlockOwner };

/** `kept`: referred to, and the file is there. `wanted`: referred to, and the file is not whole. */
export type BlockHolding = 'kept' | 'wanted' | 'unknown';

export type BlockReply =
  /** Block and reference are durable. `added`: the file was not there before. */
  | { readonly kind: 'stored'; readonly added: boolean }
  | { readonly kind: 'referenced' }
  /** The block is not (or not whole) on disk here: the reference was not taken. */
  | { readonly kind: 'send-it' }
  | { readonly kind: 'released' }
  | { readonly kind: 'bytes'; readonly bytes: Uint8Array }
  | { readonly kind: 'absent' }
  | { readonly kind: 'whole'; readonly bytes: Uint8Array; readonly checksums: Uint8Array }
  /** `leaves`: the digests of all leaves, one behind the other; absent: all is the same. */
  | { readonly kind: 'compared'; readonly leaves?: Uint8Array }
  /** `next`: where to go on; absent at the end. */
  | {
      readonly kind: 'references';
      readonly references: readonly LiveReference[];
      readonly next?: Uint8Array;
    }
  | { readonly kind: 'holdings'; readonly holdings: readonly BlockHolding[] }
  /** Asked under too old a set of live layout versions; `state` is the newer one. */
  | { readonly kind: 'stale-layout'; readonly state: Uint8Array }
  /** The file is there and its bytes are not those that were stored. Never served. */
  | { readonly kind: 'damaged' }
  /** The sent bytes do not match the sent checksums or hash. */
  | { readonly kind: 'garbled' }
  /** Every data directory is below `min_free`, full or read-only. */
  | { readonly kind: 'no-space' }
  | { readonly kind: 'unknown' }
  | { readonly kind: 'overloaded' }
  | { readonly kind: 'deadline-passed' }
  | { readonly kind: 'not-understood' };
