/**
 * The one keeper of this node's copy of buckets, aliases and access keys.
 *
 * Owns:          those rows; with one replica, the decision which write wins.
 * Knows:         the store, and an event to publish when a row changed.
 * Must not know: what a bucket or a key is good for.
 *
 * A decision compares the row that stands there with the one its proposer read, and writes, in one
 * step: two steps on one row never overlap, so of two creators of a name exactly one wins. All rows
 * lie under partition 0: every node has all of them, and lists them in one walk.
 */
import { CodecError } from '../../schemas/codec.ts';
import type { RequestContext } from '../../bus/bus.ts';
import type { Clock } from '../../schemas/environment.ts';
import { partitionId } from '../../schemas/ids.ts';
import { LIST_ENTRIES_MAX, MAILBOX_MESSAGES_MAX } from '../../schemas/limits.ts';
import type {
  SettingsChanged,
  SettingsDecide,
  SettingsKind,
  SettingsList,
  SettingsReply,
  SettingsRequest,
} from '../../schemas/messages/settings.ts';
import type { SettingsRow } from '../../schemas/records/settings-rows.ts';
import { decodeSettingsRow, encodeSettingsRow } from '../../schemas/records/settings-rows.ts';
import { rowKey, rowRange, TABLE } from '../../schemas/row-tables.ts';
import type { Store } from '../storage/store.ts';
import { DamagedRowError, StoreFullError, StoreUnavailableError } from '../storage/store.ts';

const HOME = partitionId(0);
const KIND_BYTES: Readonly<Record<SettingsKind, Buffer>> = {
  bucket: Buffer.from([0]),
  alias: Buffer.from([1]),
  key: Buffer.from([2]),
};

function settingsKey(table: SettingsKind, id: string): Buffer {
  return rowKey(HOME, TABLE.register, KIND_BYTES[table], Buffer.from(id, 'utf8'));
}

/** What a failure of the store is for the one who asked; anything else is a bug and goes on. */
function refusalOf(failure: unknown): SettingsReply {
  if (failure instanceof DamagedRowError || failure instanceof CodecError) {
    return { kind: 'damaged' };
  }
  if (failure instanceof StoreFullError) return { kind: 'no-space' };
  if (failure instanceof StoreUnavailableError) return { kind: 'unknown' };
  throw failure;
}

export type SettingsActorOptions = {
  readonly store: Store;
  readonly clock: Clock;
  readonly changed: (change: SettingsChanged) => void;
};

export class SettingsActor {
  readonly #options: SettingsActorOptions;
  /** The last decision under way on each row: the next one waits for it. */
  readonly #underWay = new Map<string, Promise<SettingsReply>>();
  #waiting = 0;

  constructor(options: SettingsActorOptions) {
    this.#options = options;
  }

  async receive(request: SettingsRequest, context: RequestContext): Promise<SettingsReply> {
    try {
      switch (request.kind) {
        case 'settings-read': {
          const row = this.#read(request.table, request.id);
          return row === undefined ? { kind: 'settings-row' } : { kind: 'settings-row', row };
        }
        case 'settings-list':
          return await this.#list(request);
        case 'settings-decide':
          return await this.#decideInTurn(request, context);
        default:
          return { kind: 'not-understood' };
      }
    } catch (failure) {
      return refusalOf(failure);
    }
  }

  #read(table: SettingsKind, id: string): SettingsRow | undefined {
    const bytes = this.#options.store.get(settingsKey(table, id));
    return bytes === undefined ? undefined : decodeSettingsRow(bytes);
  }

  async #list({ table, after, limit }: SettingsList): Promise<SettingsReply> {
    const { to } = rowRange(HOME, TABLE.register, KIND_BYTES[table]);
    // A zero byte behind `after` is the first key behind it.
    const from = settingsKey(table, after === '' ? '' : `${after}\0`);
    const cursor = this.#options.store.cursor({ from, to });
    const wanted = Math.min(limit, LIST_ENTRIES_MAX);
    const rows: SettingsRow[] = [];
    try {
      while (rows.length < wanted) {
        const entries = await cursor.next(wanted - rows.length);
        if (entries.length === 0) break;
        for (const entry of entries) rows.push(decodeSettingsRow(entry.value));
      }
    } finally {
      await cursor.close();
    }
    return { kind: 'settings-rows', rows };
  }

  async #decideInTurn(request: SettingsDecide, context: RequestContext): Promise<SettingsReply> {
    if (this.#waiting >= MAILBOX_MESSAGES_MAX) return { kind: 'overloaded' };
    const name = `${request.row.kind} ${request.row.id}`;
    const before = this.#underWay.get(name) ?? Promise.resolve();
    this.#waiting += 1;
    const decision = before.then(() => this.#decide(request, context)).catch(refusalOf);
    this.#underWay.set(name, decision);
    try {
      return await decision;
    } finally {
      this.#waiting -= 1;
      if (this.#underWay.get(name) === decision) this.#underWay.delete(name);
    }
  }

  async #decide({ row, base }: SettingsDecide, context: RequestContext): Promise<SettingsReply> {
    if (this.#options.clock.monotonicMs() > context.deadlineAtMs)
      return { kind: 'deadline-passed' };
    const stored = this.#read(row.kind, row.id);
    // The same decision, told twice: its first answer was lost.
    if (stored?.timestamp === row.timestamp) return { kind: 'decided' };
    if (stored?.timestamp !== base) {
      return stored === undefined ? { kind: 'lost' } : { kind: 'lost', row: stored };
    }
    const put = { kind: 'put', key: settingsKey(row.kind, row.id) } as const;
    await this.#options.store.commit([{ ...put, value: encodeSettingsRow(row) }]);
    this.#options.changed({ table: row.kind, id: row.id });
    return { kind: 'decided' };
  }
}
