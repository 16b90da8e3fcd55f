/**
 * What a door sees of one HTTP request, and what it gives back.
 *
 * Owns:          the shapes; no behaviour.
 * Knows:         HTTP.
 * Must not know: uWebSockets.js, S3.
 *
 * A body chunk is borrowed: its memory is the server's and is gone when `chunk` returns, so whoever
 * keeps bytes copies them, exactly once, to where they belong.
 */

/** Request headers: names lower-cased, values as sent without surrounding blanks. */
export interface RequestHeaders {
  /**
   * The value, duplicates joined with `,` in the order sent (RFC 9110 5.3); undefined if absent.
   */
  get(name: string): string | undefined;
  /** How often the header was sent. */
  count(name: string): number;
  /** All headers in the order sent, duplicates kept. */
  readonly entries: readonly (readonly [name: string, value: string])[];
}

/** Receives a request body. Exactly one of `end` and `aborted` is called, last. */
export interface BodySink {
  /** `bytes` is borrowed for the time of the call. */
  chunk(bytes: Uint8Array): void;
  end(): void;
  /** Nothing more comes: the client went away or stalled, or the reply was made before the end. */
  aborted(): void;
}

/** The body of a request, delivered by callbacks, with back-pressure. */
export interface RequestBody {
  /** Content-Length in bytes; undefined when the request has none (no body, or chunked). */
  readonly declaredBytes: number | undefined;
  /** True for `Transfer-Encoding: chunked`. */
  readonly isChunked: boolean;
  /** Starts delivery; called at most once. Bytes that came earlier were kept back by the server
   *  and are delivered before this returns, the end too if it came. */
  start(sink: BodySink): void;
  /** Stops delivery within a bounded number of bytes; the server resumes for a moment to notice
   *  clients that left (an abort is not seen while paused). */
  pause(): void;
  resume(): void;
}

export type HttpRequest = {
  /** As sent, case kept. */
  readonly method: string;
  /** The path as sent, percent-encoded, nothing normalised; always starts with `/`. */
  readonly rawPath: string;
  /** What follows the first `?`, as sent; empty when there is none. */
  readonly rawQuery: string;
  readonly headers: RequestHeaders;
  /** The address of the client, or of the trusted proxy's client. */
  readonly peerAddress: string;
  /** A trusted proxy says that its client spoke TLS. */
  readonly isSecure: boolean;
  readonly body: RequestBody;
  /** Registers a callback for the client's going away; called at once if it is gone already. */
  onAborted(callback: () => void): void;
};

/** A body that is pulled, a piece at a time, as fast as the client takes it. */
export interface ReplySource {
  /** The next piece, undefined at the end. A rejection closes the connection: the client must see
   *  a short body, never wrong bytes. Called again only after the last piece was written: its
   *  memory may be used again from then on. */
  next(): Promise<Uint8Array | undefined>;
  /** The client went away: give back what is held. Called at most once, never after the end. */
  cancel(): void;
}

export type ReplyBody =
  | { readonly kind: 'bytes'; readonly bytes: Uint8Array | string }
  | { readonly kind: 'stream'; readonly sizeBytes: number; readonly source: ReplySource }
  /** The answer to HEAD: the length that GET would have. */
  | { readonly kind: 'head'; readonly sizeBytes: number };

export type ReplyHeaders = readonly (readonly [name: string, value: string])[];

/** Content-Length is written by the server, never by a handler. */
export type HttpReply = {
  readonly status: number;
  readonly headers: ReplyHeaders;
  readonly body?: ReplyBody;
};

/** Never throws on purpose; what it throws all the same is answered with a bare 500. */
export type HttpHandler = (request: HttpRequest) => HttpReply | Promise<HttpReply>;
