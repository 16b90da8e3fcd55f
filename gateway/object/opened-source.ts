/**
 * An encrypted version's bytes as a reply's body: pieces as they are stored, decrypted as they go.
 *
 * Owns:          which chunk of which slice comes next.
 * Knows:         pieces are whole chunks, and none reaches over the end of its slice.
 * Must not know: how pieces are read; HTTP.
 *
 * One chunk is opened at a time, when the client wants it: a slow client costs the memory of a
 * chunk more than it would for a plain object. Bytes are handed out only once their chunk has
 * proved to be what was encrypted at this place; the first before there is a status line.
 */
import {
  PLAIN_CHUNK_BYTES,
  SEAL_TAG_BYTES,
  SEALED_CHUNK_BYTES,
} from '../../schemas/records/customer-encryption.ts';
import type { ReplySource } from '../http/exchange.ts';
import { openChunk } from './chunk-cipher.ts';
import type { PieceSource } from './piece-source.ts';
import type { SealedSlice } from './sealed-walk.ts';
import { intact } from './unlock.ts';

const NO_BYTES = new Uint8Array(0);

export class OpenedSource implements ReplySource {
  readonly #pieces: PieceSource;
  /** Slices that are being read, or will be decrypted; the first of them is the current one. */
  readonly #slices: SealedSlice[] = [];
  #piece: Uint8Array = NO_BYTES;
  /** Stored bytes that were opened: of the piece, and of the current slice. */
  #ofPiece = 0;
  #ofSlice = 0;
  #primed: Uint8Array | undefined;

  /** `read`: makes the source of these slices' stored bytes. */
  constructor(
    slices: AsyncGenerator<SealedSlice>,
    read: (slices: AsyncGenerator<SealedSlice>) => PieceSource,
  ) {
    this.#pieces = read(this.#noted(slices));
  }

  /** Opens the first chunk, so that a version that cannot be read is refused with a status. */
  async prime(): Promise<void> {
    await this.#pieces.prime();
    this.#primed = await this.#open();
  }

  next(): Promise<Uint8Array | undefined> {
    const primed = this.#primed;
    if (primed === undefined) return this.#open();
    this.#primed = undefined;
    return Promise.resolve(primed);
  }

  cancel(): void {
    this.#pieces.cancel();
  }

  async *#noted(slices: AsyncGenerator<SealedSlice>): AsyncGenerator<SealedSlice> {
    for await (const slice of slices) {
      this.#slices.push(slice);
      yield slice;
    }
  }

  async #open(): Promise<Uint8Array | undefined> {
    while (this.#ofPiece === this.#piece.length) {
      const piece = await this.#pieces.next();
      if (piece === undefined) return undefined;
      this.#piece = piece;
      this.#ofPiece = 0;
    }
    const [slice] = this.#slices;
    if (slice === undefined) return undefined;
    try {
      return intact(() => this.#chunk(slice));
    } catch (error) {
      this.cancel();
      throw error;
    }
  }

  #chunk({ key, firstByte, streamBytes, sizeBytes, wanted }: SealedSlice): Uint8Array {
    const sealed = this.#piece.subarray(this.#ofPiece, this.#ofPiece + SEALED_CHUNK_BYTES);
    const chunk = this.#ofSlice / SEALED_CHUNK_BYTES;
    const plainFirst = chunk * PLAIN_CHUNK_BYTES;
    const place = {
      firstByte: firstByte + plainFirst,
      isLast: firstByte + plainFirst + sealed.length - SEAL_TAG_BYTES === streamBytes,
    };
    const plain = openChunk(key, place, sealed);
    this.#ofPiece += sealed.length;
    this.#ofSlice += sealed.length;
    if (this.#ofSlice === sizeBytes) {
      this.#slices.shift();
      this.#ofSlice = 0;
    }
    const first = Math.max(wanted.first - plainFirst, 0);
    return plain.subarray(first, wanted.first + wanted.sizeBytes - plainFirst);
  }
}
