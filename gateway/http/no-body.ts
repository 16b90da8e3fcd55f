/**
 * The body of a request that has none.
 *
 * Owns:          nothing; one instance serves every such request.
 * Knows:         the contract of a body sink.
 * Must not know: the library that read the head.
 */
import type { BodySink, RequestBody } from './exchange.ts';

class NoBody implements RequestBody {
  readonly declaredBytes: number | undefined;
  readonly isChunked = false;

  constructor(declaredBytes: number | undefined) {
    this.declaredBytes = declaredBytes;
  }

  /** Calls `end` before it returns. */
  start(sink: BodySink): void {
    sink.end();
  }

  pause(): void {
    // There is nothing to hold back.
  }

  resume(): void {
    // Nothing was held back.
  }
}

/** No Content-Length and not chunked. */
export const NO_BODY: RequestBody = new NoBody(undefined);
/** Content-Length: 0. */
export const EMPTY_BODY: RequestBody = new NoBody(0);
