/**
 * Makes replicas agree on some rows before anything is said of them.
 *
 * Owns:          reading the rows as they are stored, and merging what differs into all replicas.
 * Knows:         the messages for rows that travel, the names of rows.
 * Must not know: which request found that they differ.
 *
 * All that a read quorum holds of these rows is at a write quorum afterwards. Who merges is each
 * replica for itself: rows merge in any order, so all that differs is simply sent to all.
 */
import { mapKey } from '../schemas/codec.ts';
import type { NodeId, PartitionId } from '../schemas/ids.ts';
import type { TableReply, TableRequest } from '../schemas/messages/table.ts';
import type { RoundNumber, StoredRow } from '../schemas/messages/table-replicas.ts';
import type { ReplicaCalls, WriteRule } from './replica-calls.ts';

/** Rows of one message: a thousand keys with some KiB of inline bytes each come in pieces. */
const NAMES_AT_ONCE = 1000;

/** Replicas that hold what others held; `all`: nothing had to be sent to any. */
export type Holders = ReadonlySet<NodeId> | 'all';

export type Repaired = {
  /** By node that was read: its rows by name, as hex. */
  readonly stored: ReadonlyMap<NodeId, ReadonlyMap<string, StoredRow>>;
  /** A write quorum, unless the rows came in pieces: then those that have all of them. */
  readonly holders: Holders;
};

export function holds(holders: Holders, node: NodeId): boolean {
  return holders === 'all' || holders.has(node);
}

/** Those that hold the one and the other. */
export function holdersOfBoth(one: Holders, other: Holders): Holders {
  return one === 'all' ? other : new Set([...one].filter(node => holds(other, node)));
}

type Read = {
  readonly stored: ReadonlyMap<NodeId, Map<string, StoredRow>>;
  /** Rounds of forgetting in which rows were read: one, unless a round begins just then. */
  readonly rounds: Map<number, RoundNumber>;
};

function latest(rounds: ReadonlyMap<number, RoundNumber>): RoundNumber {
  return rounds.get(Math.max(...rounds.keys())) ?? { round: 0 };
}

export class RowRepair {
  readonly #calls: ReplicaCalls<TableRequest, TableReply>;
  /** Rows that were sent to be merged. */
  rowsSent = 0;

  constructor(calls: ReplicaCalls<TableRequest, TableReply>) {
    this.#calls = calls;
  }

  /** Undefined: these nodes do not all answer, or the rows do not reach a quorum. */
  async run(
    partition: PartitionId,
    nodes: readonly NodeId[],
    names: readonly Uint8Array[],
  ): Promise<Repaired | undefined> {
    let read = await this.#readAll(partition, nodes, names);
    // Rows of different rounds are not merged: those behind enter the latest, then all is read
    // again.
    if (read !== undefined && read.rounds.size > 1) {
      await this.#mergePiece(partition, [], latest(read.rounds));
      read = await this.#readAll(partition, nodes, names);
    }
    if (read === undefined || read.rounds.size > 1) return undefined;
    const { stored, rounds } = read;
    const rows = differing(names, [...stored.values()]);
    const holders = await this.#merge(partition, rows, latest(rounds));
    return holders && { stored, holders };
  }

  async #readAll(
    partition: PartitionId,
    nodes: readonly NodeId[],
    names: readonly Uint8Array[],
  ): Promise<Read | undefined> {
    const read: Read = { stored: new Map(nodes.map(node => [node, new Map()])), rounds: new Map() };
    for (let first = 0; first < names.length;) {
      const piece = names.slice(first, first + NAMES_AT_ONCE);
      const handled = await this.#read(partition, piece, read);
      if (handled === undefined) return undefined;
      first += handled;
    }
    return read;
  }

  /** How many of the names every node has looked at. */
  async #read(
    partition: PartitionId,
    names: readonly Uint8Array[],
    { stored, rounds }: Read,
  ): Promise<number | undefined> {
    const request = { kind: 'rows-read', names } as const;
    const isRows = (reply: TableReply): boolean => reply.kind === 'rows';
    const replies = await this.#calls.gatherFrom([...stored.keys()], [partition, request], isRows);
    if (!(replies instanceof Map)) return undefined;
    let handled = names.length;
    for (const [node, reply] of replies as ReadonlyMap<NodeId, TableReply>) {
      if (reply.kind !== 'rows') return undefined;
      handled = Math.min(handled, reply.handled);
      rounds.set(reply.round.round, reply.round);
      for (const row of reply.rows) stored.get(node)?.set(mapKey(row.name), row);
    }
    return handled === 0 ? undefined : handled;
  }

  async #merge(
    partition: PartitionId,
    rows: readonly StoredRow[],
    round: RoundNumber,
  ): Promise<Holders | undefined> {
    this.rowsSent += rows.length;
    let holders: Holders = 'all';
    for (const piece of piecesOf(rows)) {
      const merged = await this.#mergePiece(partition, piece, round);
      if (merged === undefined) return undefined;
      holders = holdersOfBoth(merged, holders);
    }
    return holders;
  }

  async #mergePiece(
    partition: PartitionId,
    rows: readonly StoredRow[],
    round: RoundNumber,
  ): Promise<Set<NodeId> | undefined> {
    const holders = new Set<NodeId>();
    const rule: WriteRule<TableReply> = {
      counts: reply => reply.kind === 'merged',
      onReply: (reply, node) => {
        if (reply.kind === 'merged') holders.add(node);
      },
    };
    const answer = await this.#calls.write(partition, { kind: 'rows-merge', rows, round }, rule);
    return answer.kind === 'merged' ? holders : undefined;
  }
}

/** Every version of a row that not all of them have alike. */
function differing(
  names: readonly Uint8Array[],
  held: readonly ReadonlyMap<string, StoredRow>[],
): StoredRow[] {
  const rows: StoredRow[] = [];
  for (const name of new Set(names.map(mapKey))) {
    const versions = new Map<string, StoredRow>();
    let isAbsentSomewhere = false;
    for (const rowsOfNode of held) {
      const row = rowsOfNode.get(name);
      if (row === undefined) isAbsentSomewhere = true;
      else versions.set(mapKey(row.value), row);
    }
    if (versions.size > 1 || (versions.size === 1 && isAbsentSomewhere)) {
      rows.push(...versions.values());
    }
  }
  return rows;
}

const MERGE_ROWS_MAX = 256;

function* piecesOf(rows: readonly StoredRow[]): Generator<readonly StoredRow[]> {
  for (let first = 0; first < rows.length; first += MERGE_ROWS_MAX) {
    yield rows.slice(first, first + MERGE_ROWS_MAX);
  }
}
