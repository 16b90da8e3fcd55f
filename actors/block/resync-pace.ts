/**
 * How hard the resync of blocks works: an operator's two numbers.
 *
 * Owns:          the numbers, their bounds, the row in which they outlive a restart.
 * Knows:         the store.
 * Must not know: who works by them.
 */
import { FieldReader, pack } from '../../schemas/codec.ts';
import { partitionId } from '../../schemas/ids.ts';
import { rowKey, TABLE } from '../../schemas/row-tables.ts';
import type { PurposefulStore } from '../storage/commit-purpose.ts';
import { readRowOr } from '../storage/row-damage.ts';

export type PaceNumbers = {
  /** `resync-worker-count`. */
  readonly workers: number;
  /** `resync-tranquility`: rests so many times as long as it works while the node is used. */
  readonly tranquility: number;
};

export const RESYNC_WORKERS_MAX = 8;
const TRANQUILITY_MAX = 1000;
const DEFAULTS: PaceNumbers = { workers: 1, tranquility: 2 };
const FORMAT = 1;
const PACE_KEY = rowKey(partitionId(0), TABLE.local, Buffer.from('block-resync'));

export class ResyncPace implements PaceNumbers {
  readonly #store: PurposefulStore;
  #numbers: PaceNumbers;

  constructor(store: PurposefulStore) {
    this.#store = store;
    this.#numbers = readRowOr(store, PACE_KEY, decodePace, DEFAULTS);
  }

  get workers(): number {
    return this.#numbers.workers;
  }

  get tranquility(): number {
    return this.#numbers.tranquility;
  }

  /** Takes the nearest numbers that are allowed. */
  async set(numbers: Partial<PaceNumbers>): Promise<void> {
    const { workers, tranquility } = { ...this.#numbers, ...numbers };
    this.#numbers = {
      workers: within(workers, 1, RESYNC_WORKERS_MAX),
      tranquility: within(tranquility, 0, TRANQUILITY_MAX),
    };
    const value = pack([FORMAT, this.#numbers.workers, this.#numbers.tranquility]);
    await this.#store.commit([{ kind: 'put', key: PACE_KEY, value }]);
  }
}

function within(value: number, min: number, max: number): number {
  return Math.min(max, Math.max(min, Math.floor(value)));
}

function decodePace(bytes: Buffer): PaceNumbers {
  const { fields } = FieldReader.open(bytes, [FORMAT]);
  return { workers: fields.integer(), tranquility: fields.integer() };
}
