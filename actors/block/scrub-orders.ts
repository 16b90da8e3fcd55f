/**
 * What operators have ordered of the scrub, and what it has to show; kept over restarts.
 *
 * Owns:          the row of orders and results.
 * Knows:         the store.
 * Must not know: block files, where the scrub is.
 */
import { FieldReader, pack } from '../../schemas/codec.ts';
import { partitionId } from '../../schemas/ids.ts';
import { rowKey, TABLE } from '../../schemas/row-tables.ts';
import type { PurposefulStore } from '../storage/commit-purpose.ts';
import { readRowOr } from '../storage/row-damage.ts';

export type ScrubOrders = {
  /** In a round that was asked for it rests so many times as long as it worked. */
  readonly tranquility: number;
  /** A round was asked for, and has not come to its end. */
  readonly isHurried: boolean;
  /** 0: it is not paused. Wall clock, like the next one. */
  readonly pausedUntilMs: number;
  /** 0: never. */
  readonly lastCompletedMs: number;
  /** Damaged blocks that were found up to the end of the last round. */
  readonly damagedBefore: number;
};

/** As with Garage. */
export const SCRUB_TRANQUILITY_DEFAULT = 4;

const NO_ORDERS: ScrubOrders = {
  tranquility: SCRUB_TRANQUILITY_DEFAULT,
  isHurried: false,
  pausedUntilMs: 0,
  lastCompletedMs: 0,
  damagedBefore: 0,
};

const FORMAT = 1;
const ORDERS_KEY = rowKey(partitionId(0), TABLE.local, Buffer.from('scrub-orders'));

export function readOrders(store: PurposefulStore): ScrubOrders {
  // Orders that cannot be read are given again by whoever gave them.
  return readRowOr(store, ORDERS_KEY, decodeOrders, NO_ORDERS);
}

function decodeOrders(bytes: Buffer): ScrubOrders {
  const { fields } = FieldReader.open(bytes, [FORMAT]);
  return {
    tranquility: fields.integer(),
    isHurried: fields.flag(),
    pausedUntilMs: fields.integer(),
    lastCompletedMs: fields.integer(),
    damagedBefore: fields.integer(),
  };
}

export async function keepOrders(store: PurposefulStore, orders: ScrubOrders): Promise<void> {
  const { tranquility, isHurried, pausedUntilMs, lastCompletedMs, damagedBefore } = orders;
  const value = pack([
    ...[FORMAT, tranquility, isHurried, Math.floor(pausedUntilMs)],
    ...[Math.floor(lastCompletedMs), damagedBefore],
  ]);
  await store.commit([{ kind: 'put', key: ORDERS_KEY, value }]);
}
