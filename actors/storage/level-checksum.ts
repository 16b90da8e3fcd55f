/**
 * LevelDB's own checksum of what stands in its files, and the one bit that made it wrong.
 *
 * Owns:          the arithmetic.
 * Knows:         crc32c; LevelDB stores it rotated and with a constant added ("masked").
 * Must not know: files, records, tables.
 *
 * A CRC is linear: the difference between the checksum that was stored and the one that is computed
 * depends on the flipped bits alone, not on the bytes around them. One flipped bit has a difference
 * of its own as long as the bytes are fewer than 2^28, so it can be found, and put right, without a
 * second copy. Two or more are told from one almost surely; a row's own checksum has the last word.
 */
import { crc32c } from '@node-rs/crc32';

/** Castagnoli's polynomial, bits reflected. */
const POLYNOMIAL = 0x82f63b78;
const MASK_DELTA = 0xa282ead8;
const BITS = 8;

/** What LevelDB stores for these bytes. */
export function maskedChecksum(bytes: Uint8Array): number {
  const crc = crc32c(bytes);
  return (((crc >>> 15) | (crc << 17)) + MASK_DELTA) >>> 0;
}

/** Do the bytes have this checksum, but for one flipped bit in the checksum itself? */
export function isFlippedChecksum(bytes: Uint8Array, stored: number): boolean {
  const difference = (maskedChecksum(bytes) ^ stored) >>> 0;
  return difference !== 0 && (difference & (difference - 1)) === 0;
}

/** Which bit of the bytes has to be flipped for this checksum to be right; undefined: no single
 *  one. */
export function flippedBit(bytes: Uint8Array, stored: number): number | undefined {
  const rotated = (stored - MASK_DELTA) >>> 0;
  const expected = ((rotated >>> 17) | (rotated << 15)) >>> 0;
  const difference = (crc32c(bytes) ^ expected) >>> 0;
  if (difference === 0) return undefined;
  // What each bit of the byte in hand does to the checksum: one byte further from the end each
  // time.
  const effects = Array.from({ length: BITS }, (_, bit) => TABLE[1 << bit]!);
  for (let at = bytes.length - 1; at >= 0; at -= 1) {
    for (let bit = 0; bit < BITS; bit += 1) {
      const effect = effects[bit]!;
      if (effect === difference) return at * BITS + bit;
      effects[bit] = ((effect >>> BITS) ^ TABLE[effect & 0xff]!) >>> 0;
    }
  }
  return undefined;
}

export function flipBit(bytes: Uint8Array, position: number): void {
  bytes[Math.floor(position / BITS)]! ^= 1 << (position % BITS);
}

const TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte;
  for (let bit = 0; bit < BITS; bit += 1) crc = (crc >>> 1) ^ (crc & 1 ? POLYNOMIAL : 0);
  return crc >>> 0;
});
