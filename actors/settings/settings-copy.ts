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
import { LIST_ENTRIES_MAX, SETTINGS_UNDECIDED_MAX } from '../../schemas/limits.ts';
import type { SettingsKind, SettingsPlace } from '../../schemas/messages/settings.ts';
import type { DecidedRow, UndecidedRow } from '../../schemas/records/settings-round.ts';
import { decodeSettingsRound, encodeSettingsRound } from '../../schemas/records/settings-round.ts';
import type { SettingsRow } from '../../schemas/records/settings-rows.ts';
import { decodeSettingsRow, encodeSettingsRow } from '../../schemas/records/settings-rows.ts';
import { rowKey, rowRange, TABLE } from '../../schemas/row-tables.ts';
import type { TableNumber } from '../../schemas/row-tables.ts';
import type {
  Store,
  StoreCursor,
  StoreEntry,
  StoreOperation,
  StoreRange,
} from '../storage/store.ts';
import { DamagedRowError } from '../storage/store.ts';
import type { AcceptorState } from './settings-acceptor.ts';
import { bucketOf, DigestSum, type CopyDigest } from './settings-digest.ts';

const HOME = partitionId(0);
const KIND_BYTES: Readonly<Record<SettingsKind, Buffer>> = {
  bucket: Buffer.from([0]),
  alias: Buffer.from([1]),
  key: Buffer.from([2]),
};

function keyIn(which: TableNumber, table: SettingsKind, id: string): Buffer {
  return rowKey(HOME, which, KIND_BYTES[table], Buffer.from(id, 'utf8'));
}

const KINDS = ['bucket', 'alias', 'key'] as const;
const WALK_ROWS = 500;
/** Rows of one page together; one that is larger comes alone. */
const PAGE_BYTES = 1024 * 1024;

/** All rows, summed up for comparing, and those that were accepted and are not decided. */
export type CopySummary = CopyDigest & { readonly undecided: readonly UndecidedRow[] };

export class SettingsCopy {
  readonly #store: Store;
  /** Counts what was written: a summary is of one state of the copy. */
  #writes = 0;
  #summary: { readonly writes: number; readonly value: CopySummary } | undefined;

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
    if (operations.length === 0) return;
    this.#writes += 1;
    await this.#store.commit(operations);
    this.#writes += 1;
  }

  /** Walks all rows where something was written since the last time. */
  async summary(): Promise<CopySummary> {
    const writes = this.#writes;
    if (this.#summary?.writes === writes) return this.#summary.value;
    // Before the decided rows: what is decided meanwhile is in one of the two.
    const undecided = await this.#undecided();
    const sum = new DigestSum();
    for (const table of KINDS) {
      await this.#walk(rowRange(HOME, TABLE.register, KIND_BYTES[table]), bytes => {
        sum.add(decodeSettingsRow(bytes));
        return true;
      });
    }
    const value = { ...sum.digest(), undecided };
    this.#summary = { writes, value };
    return value;
  }

  async #undecided(): Promise<UndecidedRow[]> {
    const undecided: UndecidedRow[] = [];
    await this.#walk(rowRange(HOME, TABLE.settingsRound), bytes => {
      const { accepted } = decodeSettingsRound(bytes);
      if (accepted !== undefined) undecided.push(accepted);
      return undecided.length < SETTINGS_UNDECIDED_MAX;
    });
    return undecided;
  }

  /** The decided rows of some buckets of the digest, behind a place, in the order of the walk. */
  async page(
    buckets: readonly number[],
    after: SettingsPlace | undefined,
  ): Promise<{ readonly rows: readonly DecidedRow[]; readonly next?: SettingsPlace }> {
    const wanted = new Set(buckets);
    const rows: DecidedRow[] = [];
    let byteCount = 0;
    const first = after === undefined ? 0 : KINDS.indexOf(after.table);
    for (const table of KINDS.slice(first)) {
      const { from, to } = rowRange(HOME, TABLE.register, KIND_BYTES[table]);
      const behind = after?.table === table ? keyIn(TABLE.register, table, `${after.id}\0`) : from;
      await this.#walk({ from: behind, to }, bytes => {
        const row = decodeSettingsRow(bytes);
        if (!wanted.has(bucketOf(table, row.id))) return true;
        rows.push(this.#withAncestors(row));
        byteCount += bytes.length;
        return byteCount < PAGE_BYTES && rows.length < LIST_ENTRIES_MAX;
      });
      const last = rows.at(-1)?.row;
      if (last !== undefined && (byteCount >= PAGE_BYTES || rows.length >= LIST_ENTRIES_MAX)) {
        return { rows, next: { table: last.kind, id: last.id } };
      }
    }
    return { rows };
  }

  #withAncestors(row: SettingsRow): DecidedRow {
    const bytes = this.#store.get(keyIn(TABLE.settingsRound, row.kind, row.id));
    return { row, ancestors: bytes === undefined ? [] : decodeSettingsRound(bytes).ancestors };
  }

  /** Each row of a range until `visit` has enough; a damaged one is passed over. */
  async #walk(range: StoreRange, visit: (bytes: Buffer) => boolean): Promise<void> {
    const cursor = this.#store.cursor(range);
    try {
      for (;;) {
        const entries = await nextWhole(cursor);
        if (entries.length === 0) return;
        for (const { value } of entries) if (!visit(value)) return;
      }
    } finally {
      await cursor.close();
    }
  }
}

async function nextWhole(cursor: StoreCursor): Promise<StoreEntry[]> {
  for (;;) {
    try {
      return await cursor.next(WALK_ROWS);
    } catch (failure) {
      if (!(failure instanceof DamagedRowError)) throw failure;
    }
  }
}

function roundBytes({ decided, promised, accepted }: AcceptorState): Buffer {
  return encodeSettingsRound({
    ancestors: decided?.ancestors ?? [],
    ...(promised === undefined ? {} : { promised }),
    ...(accepted === undefined ? {} : { accepted }),
  });
}
