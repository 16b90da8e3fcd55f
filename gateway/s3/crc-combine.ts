/**
 * The CRC of a whole from the CRCs of its pieces, without the bytes.
 *
 * Owns:          the arithmetic.
 * Knows:         the three CRCs of S3: all reflected, begun and ended with ones.
 * Must not know: parts, uploads.
 *
 * A CRC is a remainder of polynomials over GF(2). Appending n bytes multiplies the remainder by
 * x^(8n); begin and end cancel out, so crc(A B) = crc(A) x^(8|B|) + crc(B). Source: Mark Adler,
 * zlib's crc32_combine. Reflected, the coefficient of x^0 is the highest bit. A value of 64 bits is
 * two words; one of 32 bits is the high word alone.
 */
import { assert } from '../../schemas/assert.ts';
import type { ChecksumAlgorithm } from '../../schemas/records/checksum.ts';

export type CombinableCrc = Extract<ChecksumAlgorithm, 'CRC32' | 'CRC32C' | 'CRC64NVME'>;

type Words = { readonly high: number; readonly low: number };
type Field = { readonly polynomial: Words; readonly bits: 32 | 64 };

const FIELDS: Readonly<Record<CombinableCrc, Field>> = {
  CRC32: { polynomial: { high: 0xedb88320, low: 0 }, bits: 32 },
  CRC32C: { polynomial: { high: 0x82f63b78, low: 0 }, bits: 32 },
  CRC64NVME: { polynomial: { high: 0x9a6c9329, low: 0xac4bc9b5 }, bits: 64 },
};

/** x^0 and x^8. */
const ONE: Words = { high: 0x80000000, low: 0 };
const ONE_BYTE: Words = { high: 0x00800000, low: 0 };

export function isCombinable(algorithm: ChecksumAlgorithm): algorithm is CombinableCrc {
  return Object.hasOwn(FIELDS, algorithm);
}

/** Appends piece after piece. Parts mostly have one size, so the last power is remembered. */
export class CrcCombiner {
  readonly #field: Field;
  #crc: Words = { high: 0, low: 0 };
  #powerBytes = 0;
  #power: Words = ONE;

  constructor(algorithm: CombinableCrc) {
    this.#field = FIELDS[algorithm];
  }

  /** `crc`: big-endian, 4 or 8 bytes; `sizeBytes`: of the piece it was computed of. */
  append(crc: Uint8Array, sizeBytes: number): void {
    const piece = readWords(crc, this.#field);
    if (sizeBytes !== this.#powerBytes) {
      this.#power = powerOfBytes(sizeBytes, this.#field);
      this.#powerBytes = sizeBytes;
    }
    const shifted = multiply(this.#crc, this.#power, this.#field);
    this.#crc = {
      high: (shifted.high ^ piece.high) >>> 0,
      low: (shifted.low ^ piece.low) >>> 0,
    };
  }

  /** Big-endian; of no pieces it is the CRC of nothing. */
  digest(): Buffer {
    const bytes = Buffer.alloc(8);
    bytes.writeUInt32BE(this.#crc.high, 0);
    bytes.writeUInt32BE(this.#crc.low, 4);
    return bytes.subarray(0, this.#field.bits / 8);
  }
}

function readWords(crc: Uint8Array, { bits }: Field): Words {
  assert(crc.length === bits / 8, 'a CRC of the right length');
  const view = Buffer.from(crc.buffer, crc.byteOffset, crc.byteLength);
  return { high: view.readUInt32BE(0), low: bits === 64 ? view.readUInt32BE(4) : 0 };
}

/** a times b, modulo the polynomial. */
function multiply(a: Words, b: Words, { polynomial, bits }: Field): Words {
  let { high, low } = b;
  let productHigh = 0;
  let productLow = 0;
  for (let bit = 0; bit < bits; bit += 1) {
    const word = bit < 32 ? a.high : a.low;
    if (((word >>> (31 - (bit & 31))) & 1) === 1) {
      productHigh ^= high;
      productLow ^= low;
    }
    // Times x: a shift towards the lowest bit, which reflected is the highest power.
    const overflow = bits === 64 ? low & 1 : high & 1;
    if (bits === 64) low = (low >>> 1) | (high << 31);
    high >>>= 1;
    if (overflow === 1) {
      high ^= polynomial.high;
      low ^= polynomial.low;
    }
  }
  return { high: productHigh >>> 0, low: productLow >>> 0 };
}

/** x^(8 * sizeBytes), by squaring. */
function powerOfBytes(sizeBytes: number, field: Field): Words {
  let power = ONE;
  let square = ONE_BYTE;
  for (let rest = sizeBytes; rest > 0; rest = Math.floor(rest / 2)) {
    if (rest % 2 === 1) power = multiply(power, square, field);
    square = multiply(square, square, field);
  }
  return power;
}
