/**
 * Bytes and choices that look random and are the same in every run.
 *
 * Owns:          the generator.
 * Knows:         arithmetic.
 * Must not know: what is tested.
 *
 * A cipher makes the bytes, because gigabytes of them are asked for, and because bytes that repeat
 * would hide a block that was stored once and served twice.
 */
import { createCipheriv } from 'node:crypto';

const PIECE_BYTES = 1024 * 1024;

/** `sizeBytes` bytes; another seed gives other bytes. */
export function seededBytes(seed: number, sizeBytes: number): Buffer {
  const key = Buffer.alloc(16);
  key.writeUInt32BE(seed);
  const cipher = createCipheriv('aes-128-ctr', key, Buffer.alloc(16));
  const zeros = Buffer.alloc(Math.min(PIECE_BYTES, sizeBytes));
  const bytes = Buffer.allocUnsafe(sizeBytes);
  for (let at = 0; at < sizeBytes; at += PIECE_BYTES) {
    cipher.update(zeros.subarray(0, Math.min(PIECE_BYTES, sizeBytes - at))).copy(bytes, at);
  }
  return bytes;
}

/** Choices from a seed (mulberry32). */
export class SeededChoices {
  #state: number;

  constructor(seed: number) {
    this.#state = seed | 0;
  }

  /** A whole number from 0 to `bound` - 1. */
  below(bound: number): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    const unit = ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
    return Math.floor(unit * bound);
  }

  /** One of them. */
  of<T>(options: readonly T[]): T {
    const chosen = options[this.below(options.length)];
    if (chosen === undefined) throw new Error('there is nothing to choose from');
    return chosen;
  }
}
