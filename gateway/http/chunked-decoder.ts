/**
 * Takes the chunks out of a body in `Transfer-Encoding: chunked` (RFC 9112 7.1).
 *
 * Owns:          the place in the current chunk; the bounds of extensions and trailers.
 * Knows:         the grammar of chunks.
 * Must not know: what the bytes are.
 *
 * Extensions and trailers are read over and dropped, within a bound: both may go on for ever
 * without one byte of body.
 */

/** Of all chunk lines and trailers of one body, sizes and line ends included, beside its data. */
const OVERHEAD_BYTES_PER_CHUNK_MAX = 256;
const TRAILER_BYTES_MAX = 8 * 1024;
/** 2^48 bytes: far above every limit, far below where numbers stop being exact. */
const SIZE_DIGITS_MAX = 12;

const CR = 13;
const LF = 10;
const SEMICOLON = 59;
const TAB = 9;
const BLANK = 32;

type State = 'size' | 'extension' | 'size-lf' | 'data' | 'data-cr' | 'data-lf' | TrailerState;
type TrailerState = 'trailer-start' | 'trailer' | 'trailer-lf' | 'end-lf' | 'end';

export type Decoded = {
  readonly outcome: 'more' | 'end' | 'malformed';
  /** How many of the bytes belonged to the body. */
  readonly consumed: number;
};

export class ChunkedDecoder {
  #state: State = 'size';
  #sizeDigits = 0;
  #missingBytes = 0;
  #overheadBytes = 0;

  /** Reads on in `bytes`; `deliver` is called with each stretch of data, borrowed. */
  decode(bytes: Uint8Array, deliver: (data: Uint8Array) => void): Decoded {
    let at = 0;
    while (at < bytes.length) {
      if (this.#state === 'data') {
        const count = Math.min(this.#missingBytes, bytes.length - at);
        deliver(bytes.subarray(at, at + count));
        at += count;
        this.#missingBytes -= count;
        if (this.#missingBytes === 0) this.#state = 'data-cr';
        continue;
      }
      const next = this.#step(bytes[at] ?? 0);
      at += 1;
      if (next === undefined) return { outcome: 'malformed', consumed: at };
      this.#state = next;
      if (next === 'end') return { outcome: 'end', consumed: at };
    }
    return { outcome: 'more', consumed: at };
  }

  /** The state after one byte outside of data; undefined when it must not stand there. */
  #step(byte: number): State | undefined {
    this.#overheadBytes += 1;
    switch (this.#state) {
      case 'size':
        return this.#readSize(byte);
      case 'extension':
        if (this.#overheadBytes > OVERHEAD_BYTES_PER_CHUNK_MAX) return undefined;
        if (byte === CR) return 'size-lf';
        return byte === LF ? undefined : 'extension';
      case 'size-lf':
        if (byte !== LF) return undefined;
        this.#overheadBytes = 0;
        return this.#missingBytes === 0 ? 'trailer-start' : 'data';
      case 'data-cr':
        return byte === CR ? 'data-lf' : undefined;
      case 'data-lf':
        this.#overheadBytes = 0;
        this.#sizeDigits = 0;
        return byte === LF ? 'size' : undefined;
      case 'data':
        return undefined;
      default:
        return this.#readTrailer(this.#state, byte);
    }
  }

  #readSize(byte: number): State | undefined {
    const digit = hexDigit(byte);
    if (digit !== -1) {
      this.#sizeDigits += 1;
      if (this.#sizeDigits > SIZE_DIGITS_MAX) return undefined;
      this.#missingBytes = this.#missingBytes * 16 + digit;
      return 'size';
    }
    if (this.#sizeDigits === 0) return undefined;
    if (byte === CR) return 'size-lf';
    return byte === SEMICOLON || byte === BLANK || byte === TAB ? 'extension' : undefined;
  }

  #readTrailer(state: TrailerState, byte: number): State | undefined {
    if (this.#overheadBytes > TRAILER_BYTES_MAX) return undefined;
    switch (state) {
      case 'trailer-start':
        if (byte === CR) return 'end-lf';
        return byte === LF ? undefined : 'trailer';
      case 'trailer':
        if (byte === CR) return 'trailer-lf';
        return byte === LF ? undefined : 'trailer';
      case 'trailer-lf':
        return byte === LF ? 'trailer-start' : undefined;
      case 'end-lf':
        return byte === LF ? 'end' : undefined;
      case 'end':
        return undefined;
    }
  }
}

function hexDigit(byte: number): number {
  if (byte >= 48 && byte <= 57) return byte - 48;
  const letter = byte | 32;
  return letter >= 97 && letter <= 102 ? letter - 87 : -1;
}
