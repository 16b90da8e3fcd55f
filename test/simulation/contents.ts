/**
 * What the clients of a simulated run store: every value is another, and says which it is.
 *
 * Owns:          the bytes of each value.
 * Knows:         which partitions are in use.
 * Must not know: who stores it where.
 */
import { createHash } from 'node:crypto';
import type { BlockHash } from '../../schemas/ids.ts';
import { INLINE_BYTES_MAX } from '../../schemas/limits.ts';
import type { SeededRandom } from '../support/seeded-random.ts';
import { blockInUse } from './simulated-layout.ts';

export type Block = {
  readonly hash: BlockHash;
  readonly bytes: Buffer;
  readonly isShared: boolean;
};

/** `inline`: stands beside its row. `block`: goes the way of small bodies. `blocks`: several. */
export type Content = {
  readonly value: number;
  readonly shape: 'inline' | 'block' | 'blocks';
  readonly bytes: Buffer;
  readonly blocks: readonly Block[];
};

const SMALL_BYTES_MAX = 200;
const BLOCK_BYTES = INLINE_BYTES_MAX + 64;
const SHARED_BLOCKS = 3;
const LARGE_BLOCKS_MAX = 3;
const DIGITS = 8;

export class Contents {
  readonly #random: SeededRandom;
  readonly #made = new Map<number, Content>();
  readonly #etags = new Map<string, number>();
  readonly #shared: Block[] = [];

  constructor(random: SeededRandom) {
    this.#random = random;
  }

  make(shape: Content['shape']): Content {
    const value = this.#made.size + 1;
    return this.#keep(value, shape, this.#blocks(value, shape));
  }

  /** Of two blocks: one of its own, and one that all of this name have. */
  makeSharing(name: string): Content {
    const value = this.#made.size + 1;
    return this.#keep(value, 'blocks', [blockOf(headOf(value), false), blockOf(name, true)]);
  }

  #keep(value: number, shape: Content['shape'], blocks: Block[]): Content {
    const bytes = blocks.length > 0 ? Buffer.concat(blocks.map(block => block.bytes)) : undefined;
    const content = { value, shape, blocks, bytes: bytes ?? this.#small(value) };
    this.#made.set(value, content);
    this.#etags.set(createHash('md5').update(content.bytes).digest('hex'), value);
    return content;
  }

  #small(value: number): Buffer {
    const bytes = Buffer.alloc(DIGITS + 1 + this.#random.below(SMALL_BYTES_MAX), '.');
    bytes.write(headOf(value));
    return bytes;
  }

  #blocks(value: number, shape: Content['shape']): Block[] {
    if (shape === 'inline') return [];
    const first = blockOf(headOf(value), false);
    if (shape === 'block') return [first];
    const more = 1 + this.#random.below(LARGE_BLOCKS_MAX);
    return [first, ...Array.from({ length: more }, () => this.#sharedBlock())];
  }

  /** What other values have, too: it is referenced more often than it is stored. */
  #sharedBlock(): Block {
    const index = this.#random.below(SHARED_BLOCKS);
    this.#shared[index] ??= blockOf(`shared ${String(index)}`, true);
    return this.#shared[index];
  }

  /** Which value has this ETag, as one piece. */
  valueOfEtag(etag: string): number | undefined {
    return this.#etags.get(etag);
  }

  /** Which value these bytes are; undefined: none that was ever made. */
  valueOf(bytes: Uint8Array): number | undefined {
    const value = Number(Buffer.from(bytes.subarray(0, DIGITS)).toString('latin1'));
    const content = this.#made.get(value);
    return content?.bytes.equals(bytes) === true ? value : undefined;
  }
}

function headOf(value: number): string {
  return `${String(value).padStart(DIGITS, '0')} `;
}

function blockOf(text: string, isShared: boolean): Block {
  const bytes = blockInUse(text, BLOCK_BYTES);
  const hash = createHash('sha256').update(bytes).digest('hex') as BlockHash;
  return { hash, bytes, isShared };
}
