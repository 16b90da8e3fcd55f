/**
 * Pulls from one other replica the rows in which it differs.
 *
 * Owns:          the exchange: leaves, then names and items, then rows.
 * Knows:         the digest messages, and how rows are merged into this replica.
 * Must not know: when it is time, and what rows mean.
 *
 * It only ever pulls: the other replica pulls for itself. So an exchange needs no agreement, and
 * may be cut, repeated or overtaken at any step: what was merged stays merged, what was not is
 * found again. A row that changes between two steps is merged as it is when it is read. One that
 * cannot be merged, because a row here is damaged, keeps no other from it.
 */
import type { TableAnswer } from '../../bus/table-client.ts';
import { mapKey } from '../../schemas/codec.ts';
import type { NodeId, PartitionId } from '../../schemas/ids.ts';
import type { TableRequest } from '../../schemas/messages/table.ts';
import type {
  DigestedRow,
  DigestRows,
  RoundNumber,
  StoredRow,
} from '../../schemas/messages/table-replicas.ts';
import type { DigestPage } from '../partition/digest-pages.ts';
import { digestPage, QUIET_MS } from '../partition/digest-pages.ts';
import { DIGEST_LEAVES, differingLeaves } from '../partition/digest-tree.ts';
import { inMergeOrder } from '../partition/row-merges.ts';
import { enterRound, hasMissedRound, readRound } from '../partition/rounds.ts';
import { holdsRows } from '../partition/set-aside.ts';
import type { TablePartition } from '../partition/table-partition.ts';

export type RowPullPorts = {
  readonly clusterKey: Uint8Array;
  /** Asks one replica. */
  readonly ask: (
    node: NodeId,
    partition: PartitionId,
    request: TableRequest,
  ) => Promise<TableAnswer>;
  /** This node: what it pulls, it merges by a request to itself. */
  readonly self: NodeId;
  readonly nowMs: () => number;
  /** Between two pages: lets others have the disk and the link. */
  readonly rest: () => Promise<void>;
};

/** `differing`: leaves that differ and are quiet; `overdue`: quiet or not; `everything`: all that
 *  belongs to the partition, whatever the digests say. */
export type PullMode = 'differing' | 'overdue' | 'everything';

export type PullOutcome =
  /** So many rows were changed; the two differ no more, as far as this replica can help it. */
  | { readonly kind: 'pulled'; readonly rows: number }
  /** Nothing is to be pulled now. */
  | { readonly kind: 'same' }
  /** Leaves differ, and writes change them still. */
  | { readonly kind: 'busy' }
  /** The source is in a round that went on without this replica, which holds rows from before. */
  | { readonly kind: 'missed-round' }
  | { readonly kind: 'failed'; readonly why: string };

/** Rows that are read and merged at a time. */
const ROWS_AT_ONCE = 64;
const ALL_LEAVES = Buffer.alloc(DIGEST_LEAVES / 8, 0xff);

type Names = readonly Uint8Array[];
type Where = { readonly leaves: Buffer; readonly tables: DigestRows['tables'] };

/** So many rows were changed, and so many could not be merged. */
type Merged = { readonly changed: number; readonly damaged: number };

class PullFailure extends Error {
  override readonly name = 'PullFailure';
}

export class RowPull {
  readonly #ports: RowPullPorts;

  constructor(ports: RowPullPorts) {
    this.#ports = ports;
  }

  async run(table: TablePartition, source: NodeId, mode: PullMode): Promise<PullOutcome> {
    try {
      if (mode === 'everything') {
        const met = await this.#followRound(table, source);
        if (met === 'missed') return { kind: 'missed-round' };
        const where = { leaves: ALL_LEAVES, tables: 'all' } as const;
        return { kind: 'pulled', rows: await this.#pullLeaves(table, source, where) };
      }
      const leaves = await this.#leaves(table, source, mode);
      if (!Buffer.isBuffer(leaves)) return leaves;
      const where = { leaves, tables: 'compared' } as const;
      return { kind: 'pulled', rows: await this.#pullLeaves(table, source, where) };
    } catch (error) {
      if (error instanceof PullFailure) return { kind: 'failed', why: error.message };
      throw error;
    }
  }

  async #ask(source: NodeId, table: TablePartition, request: TableRequest): Promise<TableAnswer> {
    return this.#ports.ask(source, table.partition, request);
  }

  async #leaves(
    table: TablePartition,
    source: NodeId,
    mode: PullMode,
  ): Promise<Buffer | Extract<PullOutcome, { kind: 'same' | 'busy' | 'missed-round' }>> {
    const reply = await this.#ask(source, table, { kind: 'digest-read' });
    const mine = table.digest?.tree;
    if (reply.kind !== 'digest') throw new PullFailure(reply.kind);
    if (reply.tree === undefined || mine === undefined) throw new PullFailure('no digest yet');
    if (reply.round !== readRound(table.store, table.partition).round) {
      const met = await this.#followRound(table, source);
      return { kind: met === 'missed' ? 'missed-round' : 'busy' };
    }
    const differing = differingLeaves(mine.leaves, Buffer.from(reply.tree.leaves));
    if (differing === undefined) return { kind: 'same' };
    if (mode === 'overdue') return differing;
    const unquiet = mine.unquiet(this.#ports.nowMs() - QUIET_MS);
    const quiet = differing.map((byte, at) => {
      return byte & ~unquiet[at]! & ~(reply.tree?.unquiet[at] ?? 0);
    });
    return quiet.some(byte => byte !== 0) ? Buffer.from(quiet) : { kind: 'busy' };
  }

  async #pullLeaves(table: TablePartition, source: NodeId, where: Where): Promise<number> {
    let after: Uint8Array | undefined;
    let changed = 0;
    let damaged = 0;
    do {
      const page = await this.#page(source, table, { ...where, after });
      let wanted = await this.#wanted(table, page, { ...where, after });
      while (wanted.length > 0) {
        const pulled = await this.#pullRows(table, source, wanted);
        wanted = wanted.slice(pulled.handled);
        changed += pulled.changed;
        damaged += pulled.damaged;
      }
      after = page.next;
      await this.#ports.rest();
    } while (after !== undefined);
    // All others are merged; but whoever counts on every row must not take this for all.
    if (damaged > 0) throw new PullFailure('merging: damaged');
    return changed;
  }

  async #page(
    source: NodeId,
    table: TablePartition,
    where: Where & { readonly after: Uint8Array | undefined },
  ): Promise<DigestPage> {
    const reply = await this.#ask(source, table, { kind: 'digest-rows', ...where });
    if (reply.kind !== 'digest-page') throw new PullFailure(reply.kind);
    return reply;
  }

  /** Of the other's page: what is not here, or not the same here. */
  async #wanted(
    table: TablePartition,
    page: DigestPage,
    where: Where & { readonly after: Uint8Array | undefined },
  ): Promise<Names> {
    if (page.rows.length === 0) return [];
    const here = new Map<string, Uint8Array>();
    const upTo = page.next ?? page.rows[page.rows.length - 1]?.name;
    let { after } = where;
    do {
      const mine = await digestPage(table, this.#ports.clusterKey, { ...where, after, upTo });
      for (const { name, item } of mine.rows) here.set(mapKey(name), item);
      after = mine.next;
    } while (after !== undefined);
    return page.rows.filter(row => !isHere(here, row)).map(({ name }) => name);
  }

  /** As meetRound, but not where the round went on without this replica and it holds rows from
   *  before: they go first. */
  async #followRound(table: TablePartition, source: NodeId): Promise<'met' | 'missed'> {
    const round = await this.#roundOf(table, source);
    if (hasMissedRound(table.store, table.partition, round) && (await holdsRows(table))) {
      table.missedRound();
      return 'missed';
    }
    await this.#enterRound(table, round);
    return 'met';
  }

  /** Enters the round that another replica is in, where it is later, and takes over what it says of
   *  all that was forgotten. The other way round nothing happens: that one enters by itself. To be
   *  asked for once nothing is held from before. */
  async meetRound(table: TablePartition, source: NodeId): Promise<'met' | 'failed'> {
    try {
      await this.#enterRound(table, await this.#roundOf(table, source));
      return 'met';
    } catch (error) {
      if (error instanceof PullFailure) return 'failed';
      throw error;
    }
  }

  async #roundOf(table: TablePartition, source: NodeId): Promise<RoundNumber> {
    const read = await this.#ask(source, table, { kind: 'rows-read', names: [] });
    if (read.kind !== 'rows') throw new PullFailure(read.kind);
    return read.round;
  }

  async #enterRound(table: TablePartition, round: RoundNumber): Promise<void> {
    const entered = await table.change(step => {
      enterRound(step, round);
    });
    if (entered === 'failed') throw new PullFailure('entering a round');
  }

  async #pullRows(
    table: TablePartition,
    source: NodeId,
    wanted: Names,
  ): Promise<Merged & { readonly handled: number }> {
    const names = wanted.slice(0, ROWS_AT_ONCE);
    const read = await this.#ask(source, table, { kind: 'rows-read', names });
    if (read.kind !== 'rows' || read.handled === 0) throw new PullFailure(read.kind);
    const { rows, handled, round } = read;
    if (rows.length === 0) return { handled, changed: 0, damaged: 0 };
    const merged = await this.#merge(table, rows, round);
    if (merged !== 'damaged') return { handled, changed: merged, damaged: 0 };
    return { handled, ...(await this.#mergeEach(table, rows, round)) };
  }

  /** What stops one row stops no other: among them may be the one that puts it right. */
  async #mergeEach(
    table: TablePartition,
    rows: readonly StoredRow[],
    round: RoundNumber,
  ): Promise<Merged> {
    let changed = 0;
    let damaged = 0;
    for (const row of inMergeOrder(rows)) {
      const merged = await this.#merge(table, [row], round);
      if (merged === 'damaged') damaged += 1;
      else changed += merged;
    }
    return { changed, damaged };
  }

  /** So many rows are changed. `damaged`: none is, for one that cannot be read. */
  async #merge(
    table: TablePartition,
    rows: readonly StoredRow[],
    round: RoundNumber,
  ): Promise<number | 'damaged'> {
    const request = { kind: 'rows-merge', rows, round } as const;
    const merged = await this.#ask(this.#ports.self, table, request);
    if (merged.kind === 'damaged') return 'damaged';
    if (merged.kind !== 'merged') throw new PullFailure(`merging: ${merged.kind}`);
    return merged.changed;
  }
}

function isHere(here: ReadonlyMap<string, Uint8Array>, { name, item }: DigestedRow): boolean {
  const mine = here.get(mapKey(name));
  return mine !== undefined && Buffer.compare(mine, item) === 0;
}
