/**
 * Rows and messages as bytes: msgpack arrays whose first field is a format number.
 *
 * Owns:          writing them, and the checked reading of fields.
 * Knows:         the five things that may stand in a row: null, boolean, number, text, bytes, and
 *                arrays of them; the msgpack specification.
 * Must not know: what the fields mean.
 *
 * Written by msgpackr, read here: a general decoder makes values of what nobody asks for, and of
 * what must not be there (records, dates, maps). A reader that is asked for one field after the
 * other refuses whatever it does not expect, and is three times as fast. Decoded bytes are copies:
 * what is read may be a view into a larger buffer that is reused.
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

/** For what is sent at once: a view that nothing writes over, and that keeps a pool of some 8 KiB
 *  alive. */
export function packToSend(fields: readonly Packed[]): Buffer {
  return packr.pack(fields);
}

/** Fields at the end that only some rows have: behind the last that is there, nothing is written.
 *  The array is the caller's gift. */
export function packTail(fields: Packed[]): readonly Packed[] {
  while (fields.length > 0 && fields.at(-1) === null) fields.pop();
  return fields;
}

const NIL = 0xc0;
const FALSE = 0xc2;
const TRUE = 0xc3;
const TWO_TO_32 = 2 ** 32;

/** A place in the bytes, and what can be read there without knowing what it means. */
class Place {
  readonly bytes: Buffer;
  at: number;

  constructor(bytes: Uint8Array, at: number) {
    this.at = at;
    this.bytes = Buffer.isBuffer(bytes)
      ? bytes
      : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  }

  /** The byte that says what the next value is; it is not passed. */
  lead(): number {
    const lead = this.bytes[this.at];
    if (lead === undefined) throw new CodecError('the bytes are cut off');
    return lead;
  }

  /** Passes the lead and a number of so many bytes behind it. */
  numberBehindLead(byteCount: 1 | 2 | 4): number {
    const { bytes, at } = this;
    this.pass(1 + byteCount);
    if (byteCount === 1) return bytes[at + 1]!;
    if (byteCount === 2) return (bytes[at + 1]! << 8) | bytes[at + 2]!;
    return bytes.readUInt32BE(at + 1);
  }

  pass(byteCount: number): void {
    this.at += byteCount;
    if (this.at > this.bytes.length) throw new CodecError('the bytes are cut off');
  }

  /** Passes the head of an array; -1 when another value stands there. */
  arrayLength(): number {
    const lead = this.lead();
    if (lead >= 0x90 && lead <= 0x9f) {
      this.at += 1;
      return lead & 0x0f;
    }
    if (lead === 0xdc) return this.numberBehindLead(2);
    return lead === 0xdd ? this.numberBehindLead(4) : -1;
  }

  /** Passes the head of a text; its length in bytes, or -1. */
  textLength(): number {
    const lead = this.lead();
    if (lead >= 0xa0 && lead <= 0xbf) {
      this.at += 1;
      return lead & 0x1f;
    }
    if (lead === 0xd9) return this.numberBehindLead(1);
    if (lead === 0xda) return this.numberBehindLead(2);
    return lead === 0xdb ? this.numberBehindLead(4) : -1;
  }

  /** Passes the head of bytes; their number, or -1. */
  bytesLength(): number {
    const lead = this.lead();
    if (lead === 0xc4) return this.numberBehindLead(1);
    if (lead === 0xc5) return this.numberBehindLead(2);
    return lead === 0xc6 ? this.numberBehindLead(4) : -1;
  }

  /** Passes a number that is not negative; NaN when another value stands there. */
  number(): number {
    const lead = this.lead();
    if (lead < 0x80) {
      this.at += 1;
      return lead;
    }
    switch (lead) {
      case 0xcc:
        return this.numberBehindLead(1);
      case 0xcd:
        return this.numberBehindLead(2);
      case 0xce:
        return this.numberBehindLead(4);
      case 0xcf:
        this.pass(9);
        return (
          this.bytes.readUInt32BE(this.at - 8) * TWO_TO_32 + this.bytes.readUInt32BE(this.at - 4)
        );
      case 0xcb:
        this.pass(9);
        return this.bytes.readDoubleBE(this.at - 8);
      default:
        return Number.NaN;
    }
  }

  /** Passes one value with all it holds. */
  skipValue(): void {
    for (let left = 1; left > 0; left -= 1) {
      const lead = this.lead();
      if (lead === NIL || lead === FALSE || lead === TRUE) this.at += 1;
      else if (!Number.isNaN(this.number())) continue;
      else left += this.#skipLong();
    }
  }

  /** Passes a text or bytes, or the head of an array, whose length is answered. */
  #skipLong(): number {
    const items = this.arrayLength();
    if (items >= 0) return items;
    const text = this.textLength();
    const length = text >= 0 ? text : this.bytesLength();
    if (length < 0) throw new CodecError('a value that no row holds');
    this.pass(length);
    return 0;
  }
}

/** Reads the fields of one array in order. */
export class FieldReader {
  readonly #place: Place;
  #left: number;
  /** The array that was read last; whatever is left of it is passed before the next field. */
  #inner: FieldReader | undefined;

  private constructor(place: Place, length: number) {
    this.#place = place;
    this.#left = length;
  }

  /**
   * Throws CodecError when there is no array, from `at` on, that begins with a known format number.
   */
  static open(
    bytes: Uint8Array,
    formats: readonly number[],
    at = 0,
  ): { format: number; fields: FieldReader } {
    const fields = FieldReader.#array(new Place(bytes, at));
    const format = fields.integer();
    if (!formats.includes(format)) throw new CodecError(`unknown format ${String(format)}`);
    return { format, fields };
  }

  static #array(place: Place): FieldReader {
    const length = place.arrayLength();
    if (length < 0) throw new CodecError('not an array');
    return new FieldReader(place, length);
  }

  /** Comes to the next field; false when there is none. */
  #come(): boolean {
    if (this.#inner !== undefined) {
      this.#inner.#finish();
      this.#inner = undefined;
    }
    return this.#left > 0;
  }

  #take(): Place {
    if (!this.#come()) throw new CodecError('a field is missing');
    this.#left -= 1;
    return this.#place;
  }

  #finish(): void {
    while (this.#come()) this.skip();
  }

  /** True when the next field is missing or null; such a field is skipped. */
  skipNull(): boolean {
    if (!this.#come()) return true;
    if (this.#place.lead() !== NIL) return false;
    this.#place.at += 1;
    this.#left -= 1;
    return true;
  }

  /** Passes a field, whatever it is. */
  skip(): void {
    this.#take().skipValue();
  }

  get hasMore(): boolean {
    return this.#come();
  }

  integer(): number {
    const value = this.#take().number();
    if (Number.isSafeInteger(value) && value >= 0) return value;
    throw new CodecError('not a whole number');
  }

  text(): string {
    const place = this.#take();
    const length = place.textLength();
    if (length < 0) throw new CodecError('not text');
    place.pass(length);
    return place.bytes.toString('utf8', place.at - length, place.at);
  }

  flag(): boolean {
    const place = this.#take();
    const lead = place.lead();
    if (lead !== FALSE && lead !== TRUE) throw new CodecError('not a boolean');
    place.at += 1;
    return lead === TRUE;
  }

  bytes(): Buffer {
    const place = this.#take();
    const length = place.bytesLength();
    if (length < 0) throw new CodecError('not bytes');
    place.pass(length);
    return Buffer.from(place.bytes.subarray(place.at - length, place.at));
  }

  /** Bytes as lower-case hex: how ids and timestamps are held in memory. */
  hex(byteCount: number): string {
    const place = this.#take();
    if (place.bytesLength() !== byteCount) throw new CodecError('not an id');
    place.pass(byteCount);
    return place.bytes.toString('hex', place.at - byteCount, place.at);
  }

  /** Text as it is, bytes as hex: ETags. */
  textOrHex(): string {
    const place = this.#take();
    const length = place.bytesLength();
    if (length >= 0) {
      place.pass(length);
      return place.bytes.toString('hex', place.at - length, place.at);
    }
    this.#left += 1;
    return this.text();
  }

  list<T>(read: (item: FieldReader) => T): T[] {
    const place = this.#take();
    const length = place.arrayLength();
    if (length < 0) throw new CodecError('not a list');
    const items: T[] = [];
    for (let index = 0; index < length; index += 1) {
      const item = FieldReader.#array(place);
      items.push(read(item));
      item.#finish();
    }
    return items;
  }

  nested(): FieldReader {
    const inner = FieldReader.#array(this.#take());
    this.#inner = inner;
    return inner;
  }
}

/** Bytes as the key of a map. */
export function mapKey(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('latin1');
}

export function hexBytes(hex: string): Buffer {
  return Buffer.from(hex, 'hex');
}
