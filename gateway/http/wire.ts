/**
 * What an exchange needs of the library that carries its bytes.
 *
 * Owns:          the two interfaces between an exchange and its wire.
 * Knows:         HTTP/1.1.
 * Must not know: any library.
 *
 * A wire serves one exchange at a time. After `sendWhole`, the last `sendPiece` or `cut` the
 * exchange never calls it again; after `aborted` it does not either.
 */
import type { ReplyHeaders } from './exchange.ts';

export type WireHead = {
  readonly status: number;
  /** May hold headers that only the server writes; the wire leaves them out. */
  readonly headers: ReplyHeaders;
  /** The connection ends with this reply, and the reply says so. */
  readonly closes: boolean;
};

/** A reply's body as a whole; `none` has at most a length (HEAD), and no bytes. */
export type WireBody =
  | { readonly kind: 'bytes'; readonly bytes: Uint8Array | string }
  | { readonly kind: 'none'; readonly contentLength: number | undefined };

export interface Wire {
  /** Stops reading from the client; what was read already may still be delivered. */
  pause(): void;
  resume(): void;
  /** The handler wants the body: a client that waits for `100 Continue` gets it. */
  bodyWanted(): void;
  sendWhole(head: WireHead, body: WireBody): void;
  /** Sends one piece of a body of `totalBytes`; `head` comes with the first. Calls
   *  `pieceSent` of the exchange, perhaps inside, once the kernel has all of it. */
  sendPiece(head: WireHead | undefined, piece: Uint8Array, totalBytes: number): void;
  /** Ends the connection at once; calls `aborted` of the exchange, perhaps inside. */
  cut(): void;
}

/** What a wire tells its exchange. None of these throws. */
export interface WireEvents {
  /** Bytes of the body, borrowed for the time of the call. */
  received(chunk: Uint8Array, isLast: boolean): void;
  pieceSent(): void;
  /** The connection ended; called at most once, and not after the reply was complete. */
  aborted(): void;
}
