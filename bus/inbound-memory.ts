/**
 * The memory into which a connection to a nats-server is read.
 *
 * Owns:          where the next bytes go; that a large message comes whole, in memory of its own.
 * Knows:         where messages begin in the NATS client protocol: MSG, HMSG and their lengths.
 * Must not know: sockets, what the client library makes of the bytes.
 *
 * Node makes 64 KiB of new memory for every read, and the library's parser puts a message together
 * that came in many of them by growing a buffer, again and again: of a block of 1 MiB every byte is
 * copied four times. Here the first line of a large message says how much is to come: from then on
 * the socket reads into memory of just that length, which the parser passes on as it is.
 *
 * Nothing is added, taken out or reordered: what is handed on is the stream, cut elsewhere.
 */

/** Smaller messages lie in what is read together with others. */
const LARGE_BYTES = 32 * 1024;
/** What is larger is nothing that a nats-server sends; the library's own bound is the same. */
const MESSAGE_BYTES_MAX = 64 * 1024 * 1024;
/** Longer lines tell nothing of a length that follows. */
const LINE_BYTES_MAX = 4096;
const READ_BYTES = 64 * 1024;
/** With less room than this left, the next read goes to new memory. */
const READ_BYTES_MIN = 8 * 1024;
const LINE_END = 0x0a;
const LINE_END_BYTES = 2;

export class InboundMemory {
  readonly #handOn: (bytes: Buffer) => void;
  #shared = Buffer.alloc(0);
  #usedBytes = 0;
  /** A large message that is being read, from its first line to the end of its last. */
  #message: Buffer | undefined;
  #filledBytes = 0;
  /** What came so far of a line that is not whole. */
  #line = '';
  /** What is still to come of a small message. */
  #skipBytes = 0;

  /** `handOn` may keep what it is given. */
  constructor(handOn: (bytes: Buffer) => void) {
    this.#handOn = handOn;
  }

  /** Where the next bytes are to be read to. */
  next(): Buffer {
    if (this.#message !== undefined) return this.#message.subarray(this.#filledBytes);
    if (this.#shared.length - this.#usedBytes < READ_BYTES_MIN) {
      this.#shared = Buffer.allocUnsafeSlow(READ_BYTES);
      this.#usedBytes = 0;
    }
    return this.#shared.subarray(this.#usedBytes);
  }

  /** So many bytes were read to where `next` said. */
  received(count: number): void {
    const message = this.#message;
    if (message === undefined) {
      const bytes = this.#shared.subarray(this.#usedBytes, this.#usedBytes + count);
      this.#usedBytes += count;
      this.#scan(bytes);
      return;
    }
    this.#filledBytes += count;
    if (this.#filledBytes < message.length) return;
    this.#message = undefined;
    this.#handOn(message);
  }

  /** Finds where messages begin, and hands on all but the beginning of a large one. */
  #scan(bytes: Buffer): void {
    let at = this.#skip(bytes);
    while (at < bytes.length) {
      const lineEnd = bytes.indexOf(LINE_END, at);
      if (lineEnd === -1) {
        this.#keepLine(textOf(bytes, at, bytes.length));
        break;
      }
      const line = this.#line + textOf(bytes, at, lineEnd);
      this.#line = '';
      const messageBytes = bytesAfter(line);
      const end = lineEnd + 1 + messageBytes;
      if (end > bytes.length && messageBytes >= LARGE_BYTES) {
        this.#begin(bytes, [at, end]);
        return;
      }
      this.#skipBytes = Math.max(0, end - bytes.length);
      at = end;
    }
    this.#handOn(bytes);
  }

  /** Where the next line begins. */
  #skip(bytes: Buffer): number {
    const skipped = Math.min(this.#skipBytes, bytes.length);
    this.#skipBytes -= skipped;
    return skipped;
  }

  #keepLine(begun: string): void {
    if (this.#line.length < LINE_BYTES_MAX) this.#line += begun;
  }

  #begin(bytes: Buffer, [from, end]: readonly [from: number, end: number]): void {
    if (from > 0) this.#handOn(bytes.subarray(0, from));
    this.#message = Buffer.allocUnsafeSlow(end - from);
    this.#filledBytes = bytes.copy(this.#message, 0, from);
  }
}

/** Of the message that a line announces, with the end of its line; 0: it announces none. */
function bytesAfter(line: string): number {
  if (!line.startsWith('MSG ') && !line.startsWith('HMSG ')) return 0;
  const bytes = Number.parseInt(line.slice(line.lastIndexOf(' ') + 1), 10);
  const isSensible = bytes >= 0 && bytes <= MESSAGE_BYTES_MAX;
  return isSensible ? bytes + LINE_END_BYTES : 0;
}

function textOf(bytes: Buffer, from: number, to: number): string {
  return bytes.toString('latin1', from, Math.min(to, from + LINE_BYTES_MAX));
}
