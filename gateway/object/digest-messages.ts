/**
 * What is said between the gateway and its hash threads.
 *
 * Owns:          the messages.
 * Knows:         slabs by number, streams by number.
 * Must not know: bodies.
 *
 * Bytes never travel: both sides see the slab's memory. A slab is told to a thread once.
 */
import type { BlockHash } from '../../schemas/ids.ts';
import type { DigestName } from './checksum-maker.ts';

/** Where a slab lies. */
export type SlabPlace = {
  readonly memory: SharedArrayBuffer;
  readonly offset: number;
  readonly sizeBytes: number;
};

/** How a block of a stream that is encrypted is: `firstByte` is the offset of its plain bytes. */
type BlockSeal = { readonly key: Uint8Array; readonly firstByte: number };

export type DigestRequest =
  | { readonly kind: 'slab'; readonly slab: number; readonly place: SlabPlace }
  | { readonly kind: 'forget-slab'; readonly slab: number }
  | {
      readonly kind: 'job';
      readonly job: number;
      readonly stream: number;
      readonly slab: number;
      readonly sizeBytes: number;
      /** Compute the block's name and chunk checksums. */
      readonly wantsBlock: boolean;
      /** Digests of the stream that take these bytes; the same names in every job of a stream. */
      readonly running: readonly DigestName[];
      readonly isLast: boolean;
      /** Encrypt the bytes where they are, once the digests have taken them. */
      readonly seal?: BlockSeal | undefined;
    }
  | { readonly kind: 'forget-stream'; readonly stream: number };

export type DigestJob = Extract<DigestRequest, { kind: 'job' }>;

export type DigestReply = {
  readonly job: number;
  readonly hash?: BlockHash;
  readonly checksums?: Uint8Array;
  /** After the last job of a stream: its digests, in the order of `running`. */
  readonly digests?: readonly Uint8Array[];
  /** The job could not be done. */
  readonly failure?: string;
};
