/**
 * The newest deletion of a partition that nobody remembers by itself.
 *
 * Owns:          that mark in memory; it only grows.
 * Knows:         the row it is kept in, that of forgetting in rounds.
 * Must not know: how a deletion came to be forgotten.
 *
 * A write to an absent row at or below the mark may have been sent before the row was deleted, so
 * its stamp is raised first: nothing comes back. Several replicas forget in rounds; who is alone
 * forgets at once, in the batch of the deletion. Every write to a new key looks here, and not into
 * the store.
 */
import type { Clock } from '../../schemas/environment.ts';
import type { PartitionId } from '../../schemas/ids.ts';
import type { RoundRow } from '../../schemas/records/round-row.ts';
import { decodeRoundRow, encodeRoundRow, NO_ROUND } from '../../schemas/records/round-row.ts';
import type { Timestamp } from '../../schemas/timestamp.ts';
import { makeTimestamp } from '../../schemas/timestamp.ts';
import { orDamage, readRow, type Rows } from '../storage/row-damage.ts';
import type { RowBatch } from './row-batch.ts';
import { roundRowKey } from './row-keys.ts';

/** Above all stampers. */
const LAST_STAMPER = 'f'.repeat(16);

export class ForgottenMark {
  readonly #partition: PartitionId;
  readonly #rows: Rows;
  readonly #clock: Clock;
  #newest: Timestamp | undefined;
  #isRead = false;

  constructor(parts: {
    readonly partition: PartitionId;
    readonly store: Rows;
    readonly clock: Clock;
  }) {
    this.#partition = parts.partition;
    this.#rows = parts.store;
    this.#clock = parts.clock;
  }

  /** undefined: nothing was ever forgotten. Throws what Store.get does. */
  get newest(): Timestamp | undefined {
    if (!this.#isRead) {
      this.#newest = this.#read();
      this.#isRead = true;
    }
    return this.#newest;
  }

  /** The mark, where a write of this stamp to an absent row comes too late. */
  notBelow(stamp: Timestamp): Timestamp | undefined {
    const { newest } = this;
    return newest !== undefined && stamp <= newest ? newest : undefined;
  }

  raise(stamp: Timestamp): void {
    const { newest } = this;
    if (newest === undefined || stamp > newest) this.#newest = stamp;
  }

  /** A batch failed: what is stored counts. */
  invalidate(): void {
    this.#isRead = false;
  }

  /** To be durable with what was forgotten. */
  write(batch: RowBatch): void {
    const row = orDamage(() => this.#row(batch));
    const known = row === 'damaged' ? NO_ROUND : row;
    const key = roundRowKey(this.#partition);
    batch.put(key, encodeRoundRow({ ...known, collected: this.newest }));
  }

  #row(rows: Rows): RoundRow {
    return readRow(rows, roundRowKey(this.#partition), decodeRoundRow) ?? NO_ROUND;
  }

  /** Where the mark is damaged, nothing that was sent until now is taken unraised. */
  #read(): Timestamp | undefined {
    const row = orDamage(() => this.#row(this.#rows));
    if (row === 'damaged') return makeTimestamp(this.#clock.wallMs(), 0, LAST_STAMPER);
    return row.collected;
  }
}
