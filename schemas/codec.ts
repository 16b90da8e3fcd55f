/**
 * Rows and messages as bytes: msgpack arrays whose first field is a format number.
 *
 * Owns:          the one instance of msgpackr, and the checked reading of fields.
 * Knows:         the five things that may stand in a row: null, boolean, number, text, bytes, and
 *                arrays of them.
 * Must not know: what the fields mean.
 *
 * msgpackr decodes records, dates and other extensions even when told not to write them, so every
 * field is read through a function that refuses what it does not expect. Decoded bytes are copies:
 * what msgpackr returns may be a view into a larger buffer that is reused.
 */
import { Packr } from 'msgpackr';

export type Packed = null | boolean | number | string | Uint8Array | readonly Packed[];

/** What is read is not what this release writes, nor what an older one wrote. */
export class CodecError extends Error {
  override readonly name = 'CodecError';
}

const packr = new Packr({ useRecords: false, moreTypes: false, variableMapSize: true });

/** A copy of its own: msgpackr's output sits in a pooled buffer. */
export function pack(fields: readonly Packed[]): Buffer {
  return Buffer.from(packr.pack(fields));
}

/** Reads the fields of one row in order. */
export class FieldReader {
  readonly #fields: readonly unknown[];
  #next = 0;

  private constructor(fields: readonly unknown[]) {
    this.#fields = fields;
  }

  /** Throws CodecError when the bytes are not an array that begins with a known format number. */
  static open(
    bytes: Uint8Array,
    formats: readonly number[],
  ): { format: number; fields: FieldReader } {
    let decoded: unknown;
    try {
      decoded = packr.unpack(bytes);
    } catch (cause) {
      throw new CodecError('not msgpack', { cause });
    }
    const fields = FieldReader.of(decoded);
    const format = fields.integer();
    if (!formats.includes(format)) throw new CodecError(`unknown format ${String(format)}`);
    return { format, fields };
  }

  static of(value: unknown): FieldReader {
    if (!Array.isArray(value)) throw new CodecError('not an array');
    return new FieldReader(value);
  }

  #take(): unknown {
    const value = this.#fields[this.#next];
    this.#next += 1;
    return value;
  }

  /** True when the next field is missing or null; such a field is skipped. */
  skipNull(): boolean {
    const value = this.#fields[this.#next];
    if (value !== undefined && value !== null) return false;
    this.#next += 1;
    return true;
  }

  get hasMore(): boolean {
    return this.#next < this.#fields.length;
  }

  integer(): number {
    const value = this.#take();
    if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0) return value;
    throw new CodecError('not a whole number');
  }

  text(): string {
    const value = this.#take();
    if (typeof value === 'string') return value;
    throw new CodecError('not text');
  }

  flag(): boolean {
    const value = this.#take();
    if (typeof value === 'boolean') return value;
    throw new CodecError('not a boolean');
  }

  bytes(): Buffer {
    const value = this.#take();
    if (value instanceof Uint8Array) return Buffer.from(value);
    throw new CodecError('not bytes');
  }

  /** Bytes as lower-case hex: how ids and timestamps are held in memory. */
  hex(byteCount: number): string {
    const value = this.#take();
    if (value instanceof Uint8Array && value.length === byteCount) {
      return Buffer.from(value.buffer, value.byteOffset, byteCount).toString('hex');
    }
    throw new CodecError('not an id');
  }

  /** Text as it is, bytes as hex: ETags. */
  textOrHex(): string {
    const value = this.#take();
    if (typeof value === 'string') return value;
    if (value instanceof Uint8Array) {
      return Buffer.from(value.buffer, value.byteOffset, value.length).toString('hex');
    }
    throw new CodecError('neither text nor bytes');
  }

  list<T>(read: (item: FieldReader) => T): T[] {
    const value = this.#take();
    if (!Array.isArray(value)) throw new CodecError('not a list');
    return value.map(item => read(FieldReader.of(item)));
  }

  nested(): FieldReader {
    return FieldReader.of(this.#take());
  }
}

export function hexBytes(hex: string): Buffer {
  return Buffer.from(hex, 'hex');
}
