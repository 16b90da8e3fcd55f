/**
 * Pulls the pieces of a streamed reply, one at a time, and holds the source to its promise.
 *
 * Owns:          the count of bytes; when the next piece is asked for.
 * Knows:         the contract of a reply source.
 * Must not know: how a piece is sent.
 *
 * The next piece is asked for when the kernel has all of the last one, so a client that reads
 * slowly costs the memory of one piece. What the source gives beyond its size is never sent.
 */
import type { ReplySource } from './exchange.ts';

export type ReplyStreamParts = {
  readonly sizeBytes: number;
  readonly source: ReplySource;
  /** Sends a piece; `pieceSent` is called when it is gone. */
  readonly send: (piece: Uint8Array) => void;
  readonly onComplete: () => void;
  /** The source failed or disagreed with the size. */
  readonly onFailed: (error: unknown) => void;
};

export class ReplyStream {
  readonly #parts: ReplyStreamParts;
  #missingBytes: number;
  #isOver = false;

  constructor(parts: ReplyStreamParts) {
    this.#parts = parts;
    this.#missingBytes = parts.sizeBytes;
  }

  /** Asks for the first piece. */
  start(): void {
    this.#pull();
  }

  /** The last piece is gone: the next is asked for, or the body is complete. */
  pieceSent(): void {
    if (this.#isOver) return;
    if (this.#missingBytes > 0) {
      this.#pull();
      return;
    }
    this.#isOver = true;
    this.#expectEnd();
    this.#parts.onComplete();
  }

  /** The client is gone: the source is given back. */
  abort(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    cancelSource(this.#parts.source);
  }

  #pull(): void {
    let next: Promise<Uint8Array | undefined>;
    try {
      next = this.#parts.source.next();
    } catch (error) {
      this.#fail(error);
      return;
    }
    next.then(this.#take, this.#fail);
  }

  readonly #take = (piece: Uint8Array | undefined): void => {
    if (this.#isOver) return;
    if (piece === undefined) {
      this.#fail(new Error('a reply source ended before its size'));
    } else if (piece.length > this.#missingBytes) {
      cancelSource(this.#parts.source);
      this.#fail(new Error('a reply source gave more than its size'));
    } else if (piece.length === 0) {
      this.#pull();
    } else {
      this.#missingBytes -= piece.length;
      this.#parts.send(piece);
    }
  };

  readonly #fail = (error: unknown): void => {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#parts.onFailed(error);
  };

  /** Every byte is sent; the source is asked once more, so that it sees its own end. */
  #expectEnd(): void {
    const { source } = this.#parts;
    try {
      source.next().then(extra => {
        if (extra !== undefined) cancelSource(source);
      }, ignoreLateFailure);
    } catch (error) {
      ignoreLateFailure(error);
    }
  }
}

/** Gives back what a source holds; one that cannot even do that has nobody left to tell. */
export function cancelSource(source: ReplySource): void {
  try {
    source.cancel();
  } catch (error) {
    ignoreLateFailure(error);
  }
}

/** The client has every byte or is gone: how the source ends changes nothing any more. */
function ignoreLateFailure(_error: unknown): void {
  return undefined;
}
