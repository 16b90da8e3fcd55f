/**
 * What a listing shows of an object row, read without decoding the rest of it.
 *
 * Owns:          the walk over the bytes of the row's format.
 * Knows:         the order of the fields in object-row.ts, and msgpack's lengths.
 * Must not know: listings.
 *
 * A listing passes hundreds of thousands of rows a second, and a general decoder would make
 * headers, manifests and checksums of each only to drop them. Whatever this walk does not know, the
 * general decoder is asked about: it decides what is an error.
 */
import { CHECKSUM_ALGORITHMS } from './checksum.ts';
import { decodeObjectRow } from './object-row.ts';

export type ObjectSummary = {
  readonly lastModifiedMs: number;
  readonly sizeBytes: number;
  readonly etag: string;
  readonly checksum: { readonly algorithm: string; readonly type: string } | undefined;
};

const FORMAT = 1;
/** Arrays of nine fields, and of up to fifteen where tags and their like follow. */
const VERSION_FIELDS = 0x99;
const VERSION_FIELDS_MAX = 0x9f;
const TOMBSTONE_FIELDS = 0x93;
const BIN_8 = 0xc4;
const STR_8 = 0xd9;
const NIL = 0xc0;
const ID_BYTES = 16;
const STATE_AT = 20;

/** Undefined: a tombstone or a delete marker. Throws CodecError as decodeObjectRow does. */
export function readObjectSummary(row: Buffer): ObjectSummary | undefined {
  const known = row[1] === FORMAT && row[2] === BIN_8 && row[3] === ID_BYTES;
  if (known && row[0] === TOMBSTONE_FIELDS && row[STATE_AT] === 0) return undefined;
  const lead = row[0]!;
  const isVersion = lead >= VERSION_FIELDS && lead <= VERSION_FIELDS_MAX;
  if (known && isVersion && row[STATE_AT] === 1) {
    const summary = walk(row);
    if (summary !== undefined) return summary;
  }
  return summaryOfDecoded(row);
}

/** Undefined when the row is not as it is written, a cut one included. */
function walk(row: Buffer): ObjectSummary | undefined {
  try {
    return new RowWalk(row).summary();
  } catch (error) {
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}

function summaryOfDecoded(row: Buffer): ObjectSummary | undefined {
  const decoded = decodeObjectRow(row);
  if (decoded.kind !== 'version') return undefined;
  const { timestamp, sizeBytes, etag, checksum } = decoded;
  return {
    lastModifiedMs: Number.parseInt(timestamp.slice(0, 12), 16),
    sizeBytes,
    etag,
    checksum: checksum && { algorithm: checksum.algorithm, type: checksum.type },
  };
}

const UNKNOWN = -1;

class RowWalk {
  readonly #row: Buffer;
  #at = STATE_AT + 1;

  constructor(row: Buffer) {
    this.#row = row;
  }

  /** Undefined when something unexpected was met. */
  summary(): ObjectSummary | undefined {
    const row = this.#row;
    if (!this.#skip(1)) return undefined;
    const sizeBytes = this.#number();
    const etag = this.#etag();
    if (!Number.isSafeInteger(sizeBytes) || sizeBytes < 0 || etag === undefined || !this.#skip(2))
      return undefined;
    const checksum = this.#checksum();
    if (checksum === UNKNOWN) return undefined;
    return { lastModifiedMs: row.readUIntBE(4, 6), sizeBytes, etag, checksum };
  }

  #number(): number {
    const row = this.#row;
    const at = this.#at;
    const lead = row[at]!;
    if (lead < 0x80) {
      this.#at = at + 1;
      return lead;
    }
    switch (lead) {
      case 0xcc:
        this.#at = at + 2;
        return row[at + 1]!;
      case 0xcd:
        this.#at = at + 3;
        return row.readUInt16BE(at + 1);
      case 0xce:
        this.#at = at + 5;
        return row.readUInt32BE(at + 1);
      case 0xcb:
        this.#at = at + 9;
        return row.readDoubleBE(at + 1);
      default:
        return UNKNOWN;
    }
  }

  #etag(): string | undefined {
    const row = this.#row;
    const at = this.#at;
    const lead = row[at]!;
    if (lead === BIN_8) {
      this.#at = at + 2 + row[at + 1]!;
      return row.toString('hex', at + 2, this.#at);
    }
    if (lead === STR_8) {
      this.#at = at + 2 + row[at + 1]!;
      return row.toString('utf8', at + 2, this.#at);
    }
    if (lead < 0xa0 || lead > 0xbf) return undefined;
    this.#at = at + 1 + (lead & 0x1f);
    return row.toString('utf8', at + 1, this.#at);
  }

  #checksum(): ObjectSummary['checksum'] | typeof UNKNOWN {
    const row = this.#row;
    const at = this.#at;
    if (row[at] === NIL) return undefined;
    const algorithm = CHECKSUM_ALGORITHMS[row[at + 1]!];
    if (row[at] !== 0x93 || algorithm === undefined) return UNKNOWN;
    return { algorithm, type: row[at + 2] === 1 ? 'COMPOSITE' : 'FULL_OBJECT' };
  }

  /** Steps over so many values with all they hold; false when the bytes are not known. */
  #skip(valueCount: number): boolean {
    const row = this.#row;
    let left = valueCount;
    while (left > 0) {
      const lead = row[this.#at];
      if (lead === undefined) return false;
      left -= 1;
      if (lead >= 0x90 && lead <= 0x9f) left += lead & 0x0f;
      else if (lead === 0xdc) left += row.readUInt16BE(this.#at + 1);
      const length = this.#lengthAt(lead);
      if (length === UNKNOWN) return false;
      this.#at += length;
    }
    return true;
  }

  /** Bytes of the value that begins with `lead`, without the values inside an array. */
  #lengthAt(lead: number): number {
    const row = this.#row;
    const at = this.#at;
    if (lead < 0x80 || (lead >= 0x90 && lead <= 0x9f)) return 1;
    if (lead >= 0xa0 && lead <= 0xbf) return 1 + (lead & 0x1f);
    switch (lead) {
      case NIL:
        return 1;
      case BIN_8:
      case STR_8:
        return 2 + row[at + 1]!;
      case 0xc5:
      case 0xda:
        return 3 + row.readUInt16BE(at + 1);
      case 0xcc:
        return 2;
      case 0xcd:
      case 0xdc:
        return 3;
      case 0xce:
        return 5;
      case 0xcb:
        return 9;
      default:
        return UNKNOWN;
    }
  }
}
