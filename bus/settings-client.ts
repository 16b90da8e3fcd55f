/**
 * Buckets, aliases and access keys, from anywhere: read, list, and change by decision.
 *
 * Owns:          the loop read → change → decide, repeated while others decide in between.
 * Knows:         the settings messages.
 * Must not know: what a change means.
 */
import type { NodeId } from '../schemas/ids.ts';
import { LIST_ENTRIES_MAX, REQUEST_DEADLINE_MS } from '../schemas/limits.ts';
import type { SettingsKind, SettingsReply, SettingsRequest } from '../schemas/messages/settings.ts';
import type { SettingsRow, SettingsRowOf } from '../schemas/records/settings-rows.ts';
import type { Stamper } from '../schemas/stamper.ts';
import type { Timestamp } from '../schemas/timestamp.ts';
import type { Bus } from './bus.ts';
import { askGuarded } from './guarded.ts';
import type { Subjects } from './subjects.ts';

/** The keeper could not be asked, or could not say what became of a change. */
export class SettingsUnavailableError extends Error {
  override readonly name = 'SettingsUnavailableError';
}

/** Others who decide on the same row so often that we never get our turn: they win. */
const TRIES_MAX = 32;

export type SettingsClientOptions = {
  readonly bus: Bus;
  readonly subjects: Subjects;
  readonly node: NodeId;
  readonly stamper: Stamper;
};

/** A row without its timestamp, which the client stamps; undefined leaves the row as it is. */
export type RowChange<Kind extends SettingsKind> = (
  row: SettingsRowOf<Kind> | undefined,
) => Omit<SettingsRowOf<Kind>, 'timestamp'> | undefined;

export class SettingsClient {
  readonly #options: SettingsClientOptions;

  constructor(options: SettingsClientOptions) {
    this.#options = options;
  }

  async #ask(request: SettingsRequest): Promise<SettingsReply> {
    const { bus, subjects, node } = this.#options;
    const options = { timeoutMs: REQUEST_DEADLINE_MS };
    const reply = await askGuarded(bus, subjects.settings(node), [request, options]);
    switch (reply.kind) {
      case 'settings-row':
      case 'settings-rows':
      case 'decided':
      case 'lost':
        return reply;
      default:
        throw new SettingsUnavailableError(`settings: ${reply.kind}`);
    }
  }

  async read<Kind extends SettingsKind>(
    table: Kind,
    id: string,
  ): Promise<SettingsRowOf<Kind> | undefined> {
    const reply = await this.#ask({ kind: 'settings-read', table, id });
    if (reply.kind !== 'settings-row') throw new SettingsUnavailableError(reply.kind);
    return reply.row as SettingsRowOf<Kind> | undefined;
  }

  /** All rows of a kind, ordered by id. */
  async list<Kind extends SettingsKind>(table: Kind): Promise<SettingsRowOf<Kind>[]> {
    const all: SettingsRow[] = [];
    for (;;) {
      const after = all.at(-1)?.id ?? '';
      const limit = LIST_ENTRIES_MAX;
      const reply = await this.#ask({ kind: 'settings-list', table, after, limit });
      if (reply.kind !== 'settings-rows') throw new SettingsUnavailableError(reply.kind);
      all.push(...reply.rows);
      if (reply.rows.length < limit) return all as SettingsRowOf<Kind>[];
    }
  }

  /**
   * Changes one row; `change` may be called several times, each time with the row as it stands.
   * Answers the row that was decided, or undefined when `change` wanted nothing.
   */
  async change<Kind extends SettingsKind>(
    table: Kind,
    id: string,
    change: RowChange<Kind>,
  ): Promise<SettingsRowOf<Kind> | undefined> {
    let current = await this.read(table, id);
    for (let tries = 0; tries < TRIES_MAX; tries += 1) {
      const wanted = change(current);
      if (wanted === undefined) return undefined;
      const row = { ...wanted, timestamp: this.#stamp(current) } as unknown as SettingsRowOf<Kind>;
      const base = current?.timestamp;
      const request = { kind: 'settings-decide', row } as const;
      const reply = await this.#ask(base === undefined ? request : { ...request, base });
      if (reply.kind === 'decided') return row;
      if (reply.kind !== 'lost') throw new SettingsUnavailableError(reply.kind);
      current = reply.row as SettingsRowOf<Kind> | undefined;
    }
    throw new SettingsUnavailableError('settings: others are changing the same row');
  }

  #stamp(current: SettingsRow | undefined): Timestamp {
    const { stamper } = this.#options;
    return current === undefined ? stamper.now() : stamper.above(current.timestamp);
  }
}
