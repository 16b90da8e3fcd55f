/**
 * Walking ranges of rows, past damage.
 *
 * Owns:          reading pages with a cursor that is always closed again.
 * Knows:         cursors.
 * Must not know: what the rows mean.
 */
import type { RowRange } from '../../schemas/row-tables.ts';
import type { Store, StoreEntry, StoreRange } from '../storage/store.ts';
import { DamagedRowError } from '../storage/store.ts';

/** A row, or the key of one that is damaged. */
export type WalkedRow =
  | { readonly kind: 'row'; readonly key: Buffer; readonly value: Buffer }
  | { readonly kind: 'damaged'; readonly key: Buffer };

/** Up to `limit` rows from the start of the range, damaged ones among them in their place. */
export async function rowsOfRange(
  store: Store,
  range: StoreRange,
  limit: number,
): Promise<WalkedRow[]> {
  const cursor = store.cursor(range);
  const found: WalkedRow[] = [];
  try {
    while (found.length < limit) {
      const page = await pageOrDamage(() => cursor.next(limit - found.length));
      if (page.length === 0) break;
      found.push(...page);
    }
  } finally {
    await cursor.close();
  }
  return found;
}

async function pageOrDamage(next: () => Promise<StoreEntry[]>): Promise<WalkedRow[]> {
  try {
    const entries = await next();
    return entries.map(({ key, value }) => ({ kind: 'row', key, value }));
  } catch (error) {
    if (error instanceof DamagedRowError) return [{ kind: 'damaged', key: error.key }];
    throw error;
  }
}

/** The first keys of a range, damaged rows included. */
export async function keysOfRange(
  store: Store,
  range: StoreRange,
  limit: number,
): Promise<Buffer[]> {
  const rows = await rowsOfRange(store, range, limit);
  return rows.map(row => row.key);
}

/** The rest of a range behind one of its keys. */
export function behindKey(range: RowRange, key: Buffer): RowRange {
  return { from: Buffer.concat([key, Buffer.alloc(1)]), to: range.to };
}
