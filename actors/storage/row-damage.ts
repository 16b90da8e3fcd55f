/**
 * Rows that cannot be read.
 *
 * Owns:          the one rule what counts as a damaged row.
 * Knows:         the failures of the store and of the codec.
 * Must not know: which rows there are, what is done about damage.
 *
 * A row whose checksum is right but which this release cannot read is treated as damaged too: it
 * must neither be served nor be taken for absent.
 */
import { CodecError } from '../../schemas/codec.ts';
import type { StoreCursor, StoreEntry } from './store.ts';
import { DamagedRowError } from './store.ts';

/** A batch, or the store itself. */
export type Rows = { get(key: Buffer): Buffer | undefined };

export function isDamage(error: unknown): boolean {
  return error instanceof DamagedRowError || error instanceof CodecError;
}

export function readRow<Row>(
  rows: Rows,
  key: Buffer,
  decode: (bytes: Buffer) => Row,
): Row | undefined {
  const bytes = rows.get(key);
  return bytes === undefined ? undefined : decode(bytes);
}

export function orDamage<Row>(read: () => Row): Row | 'damaged' {
  try {
    return read();
  } catch (error) {
    if (isDamage(error)) return 'damaged';
    throw error;
  }
}

/** For rows that can be made up again: `otherwise` where there is none, or none to be read. */
export function readRowOr<Row>(
  rows: Rows,
  key: Buffer,
  decode: (bytes: Buffer) => Row,
  otherwise: Row,
): Row {
  const row = orDamage(() => readRow(rows, key, decode));
  return row === undefined || row === 'damaged' ? otherwise : row;
}

/** The next entries of a cursor; a damaged one comes alone, with its key and an empty value. */
export async function nextEntries(
  cursor: Pick<StoreCursor, 'next'>,
  count: number,
): Promise<StoreEntry[]> {
  try {
    return await cursor.next(count);
  } catch (error) {
    if (error instanceof DamagedRowError) return [{ key: error.key, value: Buffer.alloc(0) }];
    throw error;
  }
}
