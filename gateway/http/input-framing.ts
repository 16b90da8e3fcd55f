/**
 * Where the body of the request being read ends.
 *
 * Owns:          the count of bytes still to come, or the decoder of chunks.
 * Knows:         the two framings of HTTP/1.1.
 * Must not know: what is done with the bytes.
 */
import { ChunkedDecoder } from './chunked-decoder.ts';
import { hasBody } from './head-rules.ts';
import type { HeadFraming } from './head-rules.ts';

type Deliver = (chunk: Uint8Array, isLast: boolean) => void;

const NO_BYTES = new Uint8Array(0);

export class InputFraming {
  #missingBytes: number;
  readonly #decoder: ChunkedDecoder | undefined;

  private constructor(framing: HeadFraming) {
    this.#missingBytes = framing.declaredBytes ?? 0;
    this.#decoder = framing.isChunked ? new ChunkedDecoder() : undefined;
  }

  /** undefined when no byte follows the head. */
  static of(framing: HeadFraming): InputFraming | undefined {
    return hasBody(framing) ? new InputFraming(framing) : undefined;
  }

  /** Delivers what of `bytes` is body; returns how many bytes that took. */
  read(bytes: Uint8Array, deliver: Deliver): number | 'malformed' {
    if (this.#decoder !== undefined) return readChunks(this.#decoder, bytes, deliver);
    const count = Math.min(this.#missingBytes, bytes.length);
    this.#missingBytes -= count;
    deliver(bytes.subarray(0, count), this.#missingBytes === 0);
    return count;
  }
}

function readChunks(
  decoder: ChunkedDecoder,
  bytes: Uint8Array,
  deliver: Deliver,
): number | 'malformed' {
  const { outcome, consumed } = decoder.decode(bytes, data => {
    deliver(data, false);
  });
  if (outcome === 'malformed') return 'malformed';
  if (outcome === 'end') deliver(NO_BYTES, true);
  return consumed;
}
