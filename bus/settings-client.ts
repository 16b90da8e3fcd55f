/**
 * Buckets, aliases and access keys, from anywhere: read, list, and change by decision.
 *
 * Owns:          which copy is read; where one replica decides, the loop read → change → decide;
 *                telling the copies of what was decided.
 * Knows:         the settings messages, the live layout versions.
 * Must not know: what a change means.
 *
 * Every storage node has a copy of all rows, and the nearest is read. Where several replicas decide
 * on a row the round is in settings-rounds.ts; with one it comes down to one step on that replica.
 */
import type { LayoutVersion } from '../schemas/cluster-layout.ts';
import { replicasOf } from '../schemas/cluster-layout.ts';
import type { Environment } from '../schemas/environment.ts';
import type { NodeId } from '../schemas/ids.ts';
import { LIST_ENTRIES_MAX, REQUEST_DEADLINE_MS, SETTINGS_ASK_MS } from '../schemas/limits.ts';
import type { SettingsKind, SettingsReply, SettingsRequest } from '../schemas/messages/settings.ts';
import type { DecidedRow, UndecidedRow } from '../schemas/records/settings-round.ts';
import type { SettingsRow, SettingsRowOf } from '../schemas/records/settings-rows.ts';
import type { Stamper } from '../schemas/stamper.ts';
import type { Timestamp } from '../schemas/timestamp.ts';
import type { Bus, NoAnswer } from './bus.ts';
import type { ClusterView } from './cluster-view.ts';
import { askGuarded } from './guarded.ts';
import { partitionOfSettings, SettingsRounds, type RowChange } from './settings-rounds.ts';
import { SettingsUnavailableError } from './settings-unavailable.ts';
import type { Subjects } from './subjects.ts';

export { SettingsUnavailableError } from './settings-unavailable.ts';
export type { RowChange } from './settings-rounds.ts';

/** Others who decide on the same row so often that we never get our turn: they win. */
const TRIES_MAX = 32;
/** Copies that are asked one after the other before a read is given up. */
const COPIES_MAX = 4;

export type SettingsClientOptions = {
  readonly bus: Bus;
  readonly subjects: Subjects;
  /** Who has the rows where no layout says so: before the first one, or without any. */
  readonly node: NodeId;
  readonly stamper: Stamper;
  /** What makes a process part of a cluster; without them `node` is asked everything. */
  readonly cluster?: { readonly view: ClusterView; readonly environment: Environment };
};

export class SettingsClient {
  readonly #options: SettingsClientOptions;
  readonly #rounds: SettingsRounds | undefined;

  constructor(options: SettingsClientOptions) {
    this.#options = options;
    const { cluster, bus, subjects, stamper } = options;
    if (cluster !== undefined) {
      const spread = (decided: DecidedRow): Promise<void> => this.#spread(decided);
      this.#rounds = new SettingsRounds({ bus, subjects, stamper, ...cluster, spread });
    }
  }

  #ask(node: NodeId, request: SettingsRequest, timeoutMs: number) {
    const { bus, subjects, cluster } = this.#options;
    const options = { timeoutMs, layouts: cluster?.view.liveIds };
    return askGuarded(bus, subjects.settings(node), [request, options]);
  }

  /** One copy after the other, the nearest first, until one answers. */
  async #askCopies(request: SettingsRequest): Promise<SettingsReply> {
    const nodes = this.#copies();
    let reply: SettingsReply | NoAnswer = { kind: 'no-responders' };
    for (const node of nodes.slice(0, COPIES_MAX)) {
      const timeoutMs = nodes.length === 1 ? REQUEST_DEADLINE_MS : SETTINGS_ASK_MS;
      reply = await this.#ask(node, request, timeoutMs);
      if (reply.kind === 'settings-row' || reply.kind === 'settings-rows') return reply;
    }
    throw new SettingsUnavailableError(`settings: ${reply.kind}`);
  }

  /** The nodes that have all rows. */
  #copies(): readonly NodeId[] {
    const { cluster, node } = this.#options;
    if (cluster === undefined) return [node];
    const storing = storingNodes(cluster.view);
    return storing.length === 0 ? [node] : cluster.view.nearest(storing);
  }

  async read<Kind extends SettingsKind>(
    table: Kind,
    id: string,
  ): Promise<SettingsRowOf<Kind> | undefined> {
    const reply = await this.#askCopies({ kind: 'settings-read', table, id });
    if (reply.kind !== 'settings-row') throw new SettingsUnavailableError(reply.kind);
    return reply.row as SettingsRowOf<Kind> | undefined;
  }

  /**
   * The row as those who decide on it know it now. Dearer than `read`, whose copy may be some
   * seconds behind.
   */
  async readDecided<Kind extends SettingsKind>(
    table: Kind,
    id: string,
  ): Promise<SettingsRowOf<Kind> | undefined> {
    const sole = this.#soleDecider(table, id);
    if (sole === undefined) return this.#rounds?.read(table, id);
    const request = { kind: 'settings-read', table, id } as const;
    const reply = await this.#ask(sole, request, REQUEST_DEADLINE_MS);
    if (reply.kind !== 'settings-row') {
      throw new SettingsUnavailableError(`settings: ${reply.kind}`);
    }
    return reply.row as SettingsRowOf<Kind> | undefined;
  }

  /**
   * Reads the copy, and where it has no row of use asks those who decide: it may have been decided
   * elsewhere a moment ago.
   */
  async find<Kind extends SettingsKind>(
    table: Kind,
    id: string,
    isOfUse: (row: SettingsRowOf<Kind>) => boolean = () => true,
  ): Promise<SettingsRowOf<Kind> | undefined> {
    const row = await this.read(table, id);
    if (row !== undefined && isOfUse(row)) return row;
    return this.hasOneCopy ? row : this.readDecided(table, id);
  }

  /** The copy that is read is the only one: there is nobody else to ask. */
  get hasOneCopy(): boolean {
    return this.#copies().length === 1;
  }

  /** All rows of a kind, ordered by id. */
  async list<Kind extends SettingsKind>(table: Kind): Promise<SettingsRowOf<Kind>[]> {
    const all: SettingsRow[] = [];
    for (;;) {
      const after = all.at(-1)?.id ?? '';
      const limit = LIST_ENTRIES_MAX;
      const reply = await this.#askCopies({ kind: 'settings-list', table, after, limit });
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
    let current: SettingsRowOf<Kind> | undefined;
    for (let tries = 0; tries < TRIES_MAX; tries += 1) {
      // Who decides may have changed since the last try.
      const sole = this.#soleDecider(table, id);
      if (sole === undefined) return this.#rounds?.change(table, id, change);
      if (tries === 0) current = await this.readDecided(table, id);
      const wanted = change(current);
      if (wanted === undefined) return undefined;
      const row = { ...wanted, timestamp: this.#stamp(current) } as unknown as SettingsRowOf<Kind>;
      const base = current?.timestamp;
      const request = { kind: 'settings-decide', row } as const;
      const asked = base === undefined ? request : { ...request, base };
      const reply = await this.#ask(sole, asked, REQUEST_DEADLINE_MS);
      if (reply.kind === 'decided') {
        await this.#spreadFrom(sole, row);
        return row;
      }
      if (reply.kind === 'stale-layout') {
        this.#options.cluster?.view.takeOver(reply.state);
        continue;
      }
      if (reply.kind !== 'lost') throw new SettingsUnavailableError(`settings: ${reply.kind}`);
      current = reply.row as SettingsRowOf<Kind> | undefined;
    }
    throw new SettingsUnavailableError('settings: others are changing the same row');
  }

  /** Finds out what becomes of a row that one replica has accepted. */
  async settle(undecided: UndecidedRow): Promise<void> {
    const { kind, id } = undecided.row;
    if (this.#soleDecider(kind, id) === undefined) await this.#rounds?.settle(undecided);
  }

  /** Who decides on the row alone; undefined: several do. */
  #soleDecider(table: SettingsKind, id: string): NodeId | undefined {
    const { cluster, node } = this.#options;
    if (cluster === undefined) return node;
    const { live } = cluster.view;
    const [version] = live;
    if (version === undefined || version.replicas.length === 0) return node;
    if (live.length > 1 || version.replicationFactor > 1) return undefined;
    return replicasOf(version, partitionOfSettings(table, id))[0] ?? node;
  }

  #stamp(current: SettingsRow | undefined): Timestamp {
    const { stamper } = this.#options;
    return current === undefined ? stamper.now() : stamper.above(current.timestamp);
  }

  async #spreadFrom(decider: NodeId, row: SettingsRow): Promise<void> {
    const copies = this.#copies();
    if (copies.length === 1 && copies[0] === decider) return;
    await this.#spread({ row, ancestors: [] });
  }

  /** Tells all copies; what is lost is found by comparison. Waits for the nearest alone. */
  async #spread(decided: DecidedRow): Promise<void> {
    const [nearest, ...others] = this.#copies();
    const request = { kind: 'settings-learn', decided } as const;
    for (const node of others) void this.#ask(node, request, SETTINGS_ASK_MS);
    if (nearest !== undefined) await this.#ask(nearest, request, SETTINGS_ASK_MS);
  }
}

/** By the list of live versions, which stays the same while they do: so does the answer. */
const STORING = new WeakMap<readonly LayoutVersion[], readonly NodeId[]>();

/** The nodes that have a copy of all rows. */
export function storingNodes({ live }: ClusterView): readonly NodeId[] {
  const known = STORING.get(live);
  if (known !== undefined) return known;
  const storing = new Set<NodeId>();
  for (const { roles } of live) {
    for (const [node, role] of roles) if (role.capacityBytes !== null) storing.add(node);
  }
  const nodes = [...storing];
  STORING.set(live, nodes);
  return nodes;
}
