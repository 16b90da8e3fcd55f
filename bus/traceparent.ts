/**
 * The W3C trace header, passed on and made where there is none.
 *
 * Owns:          its form, and the NATS header block around it.
 * Knows:         "Trace Context" of the W3C; NATS headers (ADR-4).
 * Must not know: who traces.
 *
 * Nothing is recorded here: an id that is made says so (flags 00), and only lets whoever looks at
 * the messages of several nodes see which belong together.
 */
import type { Randomness } from '../schemas/environment.ts';

const FORM = /^00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}$/;
const LENGTH = 55;
const BEFORE = 'NATS/1.0\r\ntraceparent: ';
const BEHIND = '\r\n\r\n';
/** Where the digits of the two ids end in a header block. */
const TRACE_END = BEFORE.length + '00-'.length + 32;
const PARENT_END = TRACE_END + '-'.length + 16;
const COUNTED_DIGITS = 8;
const DIGITS = Buffer.from('0123456789abcdef', 'latin1');

export const TRACEPARENT = 'traceparent';

/** undefined when it is not one: a wrong one is dropped, never passed on. */
export function parseTraceparent(text: string | undefined): string | undefined {
  return text?.length === LENGTH && FORM.test(text) ? text : undefined;
}

/** Ids are random for the process, and counted within it: to draw and print each would cost more
 *  than the rest of a small request. */
export class TraceHeaders {
  readonly #next: Buffer;
  #count: number;

  constructor(random: Randomness) {
    const traceId = random.bytes(16).toString('hex');
    const parentId = random.bytes(8).toString('hex');
    // Whatever was drawn: an id of zeros means none.
    this.#next = blockOf(`00-1${traceId.slice(1)}-1${parentId.slice(1)}-00`);
    this.#count = random.bytes(4).readUInt32BE();
  }

  /** The header block of a message, with what was given or a new trace. */
  blockFor(traceparent: string | undefined): Buffer {
    const given = parseTraceparent(traceparent);
    if (given !== undefined) return blockOf(given);
    this.#count = (this.#count + 1) >>> 0;
    let rest = this.#count;
    for (let digit = 1; digit <= COUNTED_DIGITS; digit += 1) {
      const character = DIGITS[rest & 0xf]!;
      this.#next[TRACE_END - digit] = character;
      this.#next[PARENT_END - digit] = character;
      rest >>>= 4;
    }
    return Buffer.from(this.#next);
  }
}

function blockOf(traceparent: string): Buffer {
  return Buffer.from(BEFORE + traceparent + BEHIND, 'latin1');
}
