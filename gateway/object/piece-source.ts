/**
 * A version's bytes as a reply's body: one piece after the other, as fast as the client takes them.
 *
 * Owns:          the pieces that are read ahead; the pace; the memory that the pieces are in.
 * Knows:         block slices.
 * Must not know: HTTP.
 *
 * A client that keeps up gets whole blocks, and has the next ones read while it takes the last one:
 * the more of them, the longer a read takes, for blocks may lie in another site. A slow client gets
 * small pieces and nothing ahead, so that hundreds of slow clients hold little memory. Pieces end
 * where a block's checksum chunks end, so that no chunk is verified twice.
 *
 * Where many read at a time each holds less: a client that stops after a quick beginning keeps
 * what it was handed last. Whoever reads whole blocks holds a buffer for each, also where the bytes
 * come in other memory: the number of buffers is what bounds them all.
 */
import type { BlockClient } from '../../bus/block-client.ts';
import { LentBytes } from '../../bus/lent-bytes.ts';
import type { Clock } from '../../schemas/environment.ts';
import type { BlockHash } from '../../schemas/ids.ts';
import { CHECKSUM_CHUNK_BYTES, READ_PIECE_BYTES } from '../../schemas/limits.ts';
import type { ReplySource } from '../http/exchange.ts';
import type { BlockSlice } from './block-walk.ts';
import { ContentGone } from './content-gone.ts';
import type { ReadBuffers } from './read-buffers.ts';
import { blockRefusal } from './refusals.ts';

/** Bytes in a millisecond from which a client is served ahead, and below which it is slow. */
const FAST_BYTES_PER_MS = 10_000;
const SLOW_BYTES_PER_MS = 2_500;
/** How much the last piece counts. A slow client takes what the network holds in bursts: a burst
 *  must not make it a fast one. */
const LAST_PIECE_WEIGHT = 0.2;

/** Opening a file and reading it take longer than sending a block: one alone is waited for. */
const BLOCKS_AHEAD = 2;
/** Reads that take so long are not from this site's disks. */
const DISTANT_MS = 20;
const BLOCKS_AHEAD_MAX = 12;

export type PieceSourceParts = {
  readonly blocks: BlockClient;
  readonly buffers: ReadBuffers;
  readonly clock: Clock;
  readonly slices: AsyncGenerator<BlockSlice>;
  /** What the slices are together. */
  readonly sizeBytes: number;
  /** Told the blocks as they are reached. */
  readonly seen?: Set<BlockHash>;
  /** So many bodies are read that each should hold little. */
  readonly isCrowded: () => boolean;
  /** Called once, when nothing more will be read. */
  readonly onOver: () => void;
};

const CROWD_PIECE_BYTES = 2 * CHECKSUM_CHUNK_BYTES;

type ReadRequest = Parameters<BlockClient['read']>[0];

/** `buffer`: what to give back once the bytes are gone. */
type Piece = { readonly bytes: Uint8Array; readonly buffer: Buffer | undefined };

export class PieceSource implements ReplySource {
  readonly #parts: PieceSourceParts;
  #slice: BlockSlice | undefined;
  /** Requests are made one after the other, however many are under way. */
  #lastRequest: Promise<unknown> = Promise.resolve();
  /** Pieces that are read or being read, in order. */
  readonly #ahead: Promise<Piece | undefined>[] = [];
  /** The piece that the client is taking. */
  #handed: Piece | undefined;
  #pace: 'fast' | 'fair' | 'slow' = 'fair';
  #msPerByte = 0;
  /** How long the last read and the last piece took. */
  #readMs = 0;
  #takenMs = 0;
  #leftBytes: number;
  #handedAtMs = 0;
  #isOver = false;

  constructor(parts: PieceSourceParts) {
    this.#parts = parts;
    this.#leftBytes = parts.sizeBytes;
  }

  /** Reads the first piece, so that a version that cannot be read is refused with a status. */
  async prime(): Promise<void> {
    try {
      const piece = await this.#read(this.#parts.buffers.arePlenty);
      this.#ahead.push(Promise.resolve(piece));
    } catch (error) {
      this.#end();
      throw error;
    }
  }

  /** Reads some more before anybody takes the first piece, where memory is plenty. */
  readAhead(): void {
    if (this.#parts.buffers.arePlenty) this.#readAhead(BLOCKS_AHEAD);
  }

  async next(): Promise<Uint8Array | undefined> {
    this.#takeBack();
    try {
      const piece = await (this.#ahead.shift() ?? this.#read(this.#pace === 'fast'));
      if (piece === undefined || this.#isOver) {
        this.#release(piece);
        this.#end();
        return undefined;
      }
      this.#hand(piece);
      return piece.bytes;
    } catch (error) {
      this.#end();
      throw error;
    }
  }

  /** What was handed out may still be on its way to the client that left. */
  cancel(): void {
    if (this.#handed?.buffer !== undefined) this.#parts.buffers.lose();
    this.#handed = undefined;
    this.#end();
  }

  #hand(piece: Piece): void {
    this.#handed = piece;
    this.#handedAtMs = this.#parts.clock.monotonicMs();
    this.#leftBytes -= piece.bytes.length;
    if (this.#leftBytes === 0) this.#end();
    else if (this.#pace === 'fast') this.#readAhead(this.#depthBehind(piece));
    else if (this.#pace === 'fair' && this.#readMs >= DISTANT_MS) this.#readAhead(1);
  }

  /** In a crowd the reads of others fill the time that one takes. */
  #depthBehind({ buffer }: Piece): number {
    if (buffer !== undefined) return this.#depth();
    return this.#parts.isCrowded() ? 0 : 1;
  }

  /** As many reads as last as long as one takes. */
  #depth(): number {
    if (this.#readMs < DISTANT_MS) return BLOCKS_AHEAD;
    const depth = Math.ceil(this.#readMs / Math.max(this.#takenMs, 1)) + 1;
    return Math.min(Math.max(depth, BLOCKS_AHEAD), BLOCKS_AHEAD_MAX);
  }

  #readAhead(count: number): void {
    while (this.#ahead.length < count) {
      const piece = this.#read(true);
      // Told to the caller of `next`, if there is one.
      piece.catch(() => undefined);
      this.#ahead.push(piece);
    }
  }

  /** The last piece is gone. How fast the client took it decides about the next ones. */
  #takeBack(): void {
    const handed = this.#handed;
    if (handed === undefined) return;
    this.#handed = undefined;
    const elapsedMs = this.#parts.clock.monotonicMs() - this.#handedAtMs;
    this.#takenMs = elapsedMs;
    const lastPace = elapsedMs / handed.bytes.length;
    this.#msPerByte += (lastPace - this.#msPerByte) * LAST_PIECE_WEIGHT;
    if (this.#msPerByte * FAST_BYTES_PER_MS <= 1) this.#pace = 'fast';
    else this.#pace = this.#msPerByte * SLOW_BYTES_PER_MS > 1 ? 'slow' : 'fair';
    this.#release(handed);
  }

  #release(piece: Piece | undefined): void {
    if (piece?.buffer !== undefined) this.#parts.buffers.give(piece.buffer);
  }

  async #read(wantsBlock: boolean): Promise<Piece | undefined> {
    const request = this.#lastRequest.then(() => this.#request(wantsBlock));
    this.#lastRequest = request.catch(() => undefined);
    const made = await request;
    return made === undefined ? undefined : this.#ask(made);
  }

  async #request(wantsBlock: boolean): Promise<ReadRequest | undefined> {
    const slice = this.#slice ?? (await this.#nextSlice());
    if (slice === undefined || this.#isOver) return undefined;
    const { buffers, isCrowded } = this.#parts;
    const mayHaveBlock = wantsBlock && (buffers.arePlenty || !isCrowded());
    const buffer = mayHaveBlock ? buffers.take(slice.sizeBytes) : undefined;
    const length = buffer === undefined ? this.#pieceLength(slice) : slice.sizeBytes;
    const { hash, blockBytes, first, sizeBytes } = slice;
    this.#slice =
      length === sizeBytes
        ? undefined
        : { hash, blockBytes, first: first + length, sizeBytes: sizeBytes - length };
    const request = { hash, blockBytes, first, length };
    return buffer === undefined ? request : { ...request, into: buffer };
  }

  #pieceLength({ first, sizeBytes }: BlockSlice): number {
    const usualBytes = this.#parts.isCrowded() ? CROWD_PIECE_BYTES : READ_PIECE_BYTES;
    const pieceBytes = this.#pace === 'slow' ? CHECKSUM_CHUNK_BYTES : usualBytes;
    return Math.min(pieceBytes - (first % pieceBytes), sizeBytes);
  }

  async #ask(request: ReadRequest): Promise<Piece> {
    const { blocks, buffers, clock } = this.#parts;
    const { into } = request;
    const lent = into === undefined ? undefined : new LentBytes();
    const askedAtMs = clock.monotonicMs();
    const answer = await blocks.read(request, lent);
    this.#readMs = clock.monotonicMs() - askedAtMs;
    // A storage process may still be reading into this memory: one that did not answer, or one
    // that was slower than another.
    const isUnknown = answer.kind === 'unavailable' && lent?.wasLent === false;
    const buffer = isUnknown || lent?.isFree === false ? undefined : into;
    if (into !== undefined && buffer === undefined) buffers.lose();
    if (answer.kind !== 'bytes') {
      this.#release({ bytes: EMPTY, buffer });
      if (answer.kind === 'absent') throw new ContentGone('a block is not there');
      throw blockRefusal(answer);
    }
    const { bytes } = answer;
    const piece = { bytes, buffer };
    if (bytes.length === request.length && !this.#isOver) return piece;
    this.#release(piece);
    if (this.#isOver) return { bytes: EMPTY, buffer: undefined };
    throw blockRefusal(answer);
  }

  async #nextSlice(): Promise<BlockSlice | undefined> {
    const next = await this.#parts.slices.next();
    if (next.done === true) return undefined;
    this.#parts.seen?.add(next.value.hash);
    return next.value;
  }

  /** A piece that was read ahead gives its memory back when it comes. */
  #end(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    for (const ahead of this.#ahead.splice(0)) {
      ahead.then(
        piece => {
          this.#release(piece);
        },
        () => undefined,
      );
    }
    this.#slice = undefined;
    void this.#parts.slices.return(undefined).catch(() => undefined);
    this.#parts.onOver();
  }
}

const EMPTY = new Uint8Array(0);
