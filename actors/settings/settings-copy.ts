/**
 * This node's copy of buckets, aliases and access keys, as it lies in the store.
 *
 * Owns:          the rows' places; writing what changed in one batch.
 * Knows:         the store.
 * Must not know: who asks, and how a decision is made.
 *
 * All rows lie under partition 0: every node has all of them, and lists them in one walk.
 */
import { partitionId } from '../../schemas/ids.ts';
import type { SettingsKind } from '../../schemas/messages/settings.ts';
import { decodeSettingsRound, encodeSettingsRound } from '../../schemas/records/settings-round.ts';
import type { SettingsRow } from '../../schemas/records/settings-rows.ts';
import { decodeSettingsRow, encodeSettingsRow } from '../../schemas/records/settings-rows.ts';
import { rowKey, rowRange, TABLE } from '../../schemas/row-tables.ts';
import type { TableNumber } from '../../schemas/row-tables.ts';
import type { Store, StoreOperation } from '../storage/store.ts';
import type { AcceptorState } from './settings-acceptor.ts';

const HOME = partitionId(0);
const KIND_BYTES: Readonly<Record<SettingsKind, Buffer>> = {
  bucket: Buffer.from([0]),
  alias: Buffer.from([1]),
  key: Buffer.from([2]),
};

function keyIn(which: TableNumber, table: SettingsKind, id: string): Buffer {
  return rowKey(HOME, which, KIND_BYTES[table], Buffer.from(id, 'utf8'));
}

export class SettingsCopy {
  readonly #store: Store;

  constructor(store: Store) {
    this.#store = store;
  }

  read(table: SettingsKind, id: string): SettingsRow | undefined {
    const bytes = this.#store.get(keyIn(TABLE.register, table, id));
    return bytes === undefined ? undefined : decodeSettingsRow(bytes);
  }

  /** The row with what is kept beside it. */
  state(table: SettingsKind, id: string): AcceptorState {
    const row = this.read(table, id);
    const bytes = this.#store.get(keyIn(TABLE.settingsRound, table, id));
    const { ancestors = [], ...round } = bytes === undefined ? {} : decodeSettingsRound(bytes);
    return row === undefined ? round : { ...round, decided: { row, ancestors } };
  }

  /** Up to `limit` rows of a kind behind `after`, ordered by id. */
  async list(table: SettingsKind, after: string, limit: number): Promise<SettingsRow[]> {
    const { to } = rowRange(HOME, TABLE.register, KIND_BYTES[table]);
    // A zero byte behind `after` is the first key behind it.
    const from = keyIn(TABLE.register, table, after === '' ? '' : `${after}\0`);
    const cursor = this.#store.cursor({ from, to });
    const rows: SettingsRow[] = [];
    try {
      while (rows.length < limit) {
        const entries = await cursor.next(limit - rows.length);
        if (entries.length === 0) break;
        for (const entry of entries) rows.push(decodeSettingsRow(entry.value));
      }
    } finally {
      await cursor.close();
    }
    return rows;
  }

  /** Durable when it resolves. */
  async write(
    table: SettingsKind,
    id: string,
    [before, after]: readonly [AcceptorState, AcceptorState],
  ): Promise<void> {
    const operations: StoreOperation[] = [];
    if (after.decided !== undefined && after.decided.row !== before.decided?.row) {
      const value = encodeSettingsRow(after.decided.row);
      operations.push({ kind: 'put', key: keyIn(TABLE.register, table, id), value });
    }
    const round = roundBytes(after);
    if (!round.equals(roundBytes(before))) {
      operations.push({ kind: 'put', key: keyIn(TABLE.settingsRound, table, id), value: round });
    }
    if (operations.length > 0) await this.#store.commit(operations);
  }
}

function roundBytes({ decided, promised, accepted }: AcceptorState): Buffer {
  return encodeSettingsRound({
    ancestors: decided?.ancestors ?? [],
    ...(promised === undefined ? {} : { promised }),
    ...(accepted === undefined ? {} : { accepted }),
  });
}
