/**
 * Numbers that only grow, over restarts too.
 *
 * Owns:          the next number, and how far numbers are reserved in the store.
 * Knows:         one row.
 * Must not know: what is numbered.
 *
 * A row is written only once for thousands of numbers: it says below which number all may have been
 * given out, and after a restart one goes on there.
 */
import { FieldReader, pack } from '../../schemas/codec.ts';
import { orDamage, readRow, type Rows } from '../storage/row-damage.ts';
import type { RowBatch } from './row-batch.ts';

const FORMAT = 1;
const RESERVED_AT_ONCE = 65_536;
/**
 * A damaged row is replaced by a number from the wall clock, which is far above any counted one.
 */
const NUMBERS_PER_MS = 1024;

export class DurableSequence {
  readonly #key: Buffer;
  readonly #wallMs: () => number;
  #start: number | undefined;
  #next = 0;
  #reserved = 0;

  constructor(key: Buffer, wallMs: () => number) {
    this.#key = key;
    this.#wallMs = wallMs;
  }

  /** The lowest number that was not given out before this start of the process. */
  start(rows: Rows): number {
    if (this.#start === undefined) {
      this.#start = this.#load(rows);
      this.#next = this.#start;
    }
    return this.#start;
  }

  /** The lowest number that was not given out yet; right once one was. */
  get next(): number {
    return this.#next;
  }

  /** A number above all earlier ones; reserving more of them becomes part of the batch. */
  take(batch: RowBatch): number {
    this.start(batch);
    const number = this.#next;
    if (number >= this.#reserved) {
      const reserved = number + RESERVED_AT_ONCE;
      batch.put(this.#key, pack([FORMAT, reserved]));
      this.#reserved = reserved;
    }
    this.#next = number + 1;
    return number;
  }

  /** The batch that reserved numbers may not have been stored: reserve again before the next. */
  forgetReservation(): void {
    this.#reserved = 0;
  }

  #load(rows: Rows): number {
    const next = orDamage(() =>
      readRow(rows, this.#key, row => FieldReader.open(row, [FORMAT]).fields.integer()),
    );
    return next === 'damaged' ? Math.floor(this.#wallMs()) * NUMBERS_PER_MS : (next ?? 0);
  }
}
