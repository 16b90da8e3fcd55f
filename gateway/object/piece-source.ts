/**
 * A version's bytes as a reply's body: one piece after the other, as fast as the client takes them.
 *
 * Owns:          the piece that is read ahead; the pace.
 * Knows:         block slices.
 * Must not know: HTTP.
 *
 * Pieces end where a block's checksum chunks end, so that no chunk is verified twice. A client that
 * keeps up has its next piece read while it takes the last one; a slow one gets small pieces and
 * nothing ahead, so that hundreds of slow clients hold little memory.
 */
import type { BlockClient } from '../../bus/block-client.ts';
import type { Clock } from '../../schemas/environment.ts';
import type { BlockHash } from '../../schemas/ids.ts';
import { CHECKSUM_CHUNK_BYTES, READ_PIECE_BYTES } from '../../schemas/limits.ts';
import type { ReplySource } from '../http/exchange.ts';
import type { BlockSlice } from './block-walk.ts';
import { ContentGone } from './content-gone.ts';
import { blockRefusal } from './refusals.ts';

/** Bytes in a millisecond from which a client is served ahead, and below which it is slow. */
const FAST_BYTES_PER_MS = 10_000;
const SLOW_BYTES_PER_MS = 2_500;
/** How much the last piece counts. A slow client takes what the network holds in bursts: a burst
 *  must not make it a fast one. */
const LAST_PIECE_WEIGHT = 0.2;

export type PieceSourceParts = {
  readonly blocks: BlockClient;
  readonly clock: Clock;
  readonly slices: AsyncGenerator<BlockSlice>;
  /** What the slices are together. */
  readonly sizeBytes: number;
  /** Told the blocks as they are reached. */
  readonly seen?: Set<BlockHash>;
  /** Called once, when nothing more will be read. */
  readonly onOver: () => void;
};

export class PieceSource implements ReplySource {
  readonly #parts: PieceSourceParts;
  #slice: BlockSlice | undefined;
  #ahead: Promise<Uint8Array | undefined> | undefined;
  #pieceBytes = READ_PIECE_BYTES;
  #isFast = false;
  #msPerByte = 0;
  #leftBytes: number;
  #handedBytes = 0;
  #handedAtMs = 0;
  #isOver = false;

  constructor(parts: PieceSourceParts) {
    this.#parts = parts;
    this.#leftBytes = parts.sizeBytes;
  }

  /** Reads the first piece, so that a version that cannot be read is refused with a status. */
  async prime(): Promise<void> {
    try {
      const piece = await this.#read();
      this.#ahead = Promise.resolve(piece);
    } catch (error) {
      this.#end();
      throw error;
    }
  }

  async next(): Promise<Uint8Array | undefined> {
    this.#measure();
    const ahead = this.#ahead ?? this.#read();
    this.#ahead = undefined;
    try {
      const piece = await ahead;
      if (piece === undefined || this.#isOver) {
        this.#end();
        return undefined;
      }
      this.#handedAtMs = this.#parts.clock.monotonicMs();
      this.#handedBytes = piece.length;
      this.#leftBytes -= piece.length;
      if (this.#leftBytes === 0) this.#end();
      else if (this.#isFast) this.#readAhead();
      return piece;
    } catch (error) {
      this.#end();
      throw error;
    }
  }

  cancel(): void {
    this.#end();
  }

  #readAhead(): void {
    this.#ahead = this.#read();
    // Told to the caller of `next`, if there is one.
    this.#ahead.catch(() => undefined);
  }

  /** How fast the client took the last pieces decides about the next ones. */
  #measure(): void {
    if (this.#handedBytes === 0) return;
    const elapsedMs = this.#parts.clock.monotonicMs() - this.#handedAtMs;
    const lastPace = elapsedMs / this.#handedBytes;
    this.#msPerByte += (lastPace - this.#msPerByte) * LAST_PIECE_WEIGHT;
    this.#isFast = this.#msPerByte * FAST_BYTES_PER_MS <= 1;
    const isSlow = this.#msPerByte * SLOW_BYTES_PER_MS > 1;
    this.#pieceBytes = isSlow ? CHECKSUM_CHUNK_BYTES : READ_PIECE_BYTES;
  }

  async #read(): Promise<Uint8Array | undefined> {
    const slice = this.#slice ?? (await this.#nextSlice());
    if (slice === undefined || this.#isOver) return undefined;
    const pieceEnd = slice.first - (slice.first % this.#pieceBytes) + this.#pieceBytes;
    const length = Math.min(pieceEnd - slice.first, slice.sizeBytes);
    const { hash, first, sizeBytes } = slice;
    const isAll = length === sizeBytes;
    this.#slice = isAll
      ? undefined
      : { hash, first: first + length, sizeBytes: sizeBytes - length };
    const answer = await this.#parts.blocks.read({ hash, first, length });
    if (answer.kind === 'absent') throw new ContentGone('a block is not there');
    if (answer.kind !== 'bytes' || answer.bytes.length !== length) throw blockRefusal(answer);
    return answer.bytes;
  }

  async #nextSlice(): Promise<BlockSlice | undefined> {
    const next = await this.#parts.slices.next();
    if (next.done === true) return undefined;
    this.#parts.seen?.add(next.value.hash);
    return next.value;
  }

  #end(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#ahead = undefined;
    this.#slice = undefined;
    void this.#parts.slices.return(undefined).catch(() => undefined);
    this.#parts.onOver();
  }
}
