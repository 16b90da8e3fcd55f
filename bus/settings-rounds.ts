/**
 * One winner among several replicas: a single-decree round, proposer's side.
 *
 * Owns:          ballots; promise, accept, learn; telling who proposed what became of it.
 * Knows:         the settings messages, the live layout versions.
 * Must not know: what a row means.
 *
 * 1. *Promise*: a write quorum in each live version takes nothing below the ballot any more, and
 *    tells the decided row that it holds and what it accepted behind it. The newest of the decided
 *    rows is the head. Of what was accepted behind the head the highest ballot goes first: it may
 *    have been decided. Where there is none the change is asked what is to follow the head.
 * 2. *Accept*: the head and the row that is to follow it. Enough acceptances are the decision.
 * 3. *Learn*: whoever keeps a copy is told; that may be lost, as the next promise finds it out.
 *
 * Why two rows never follow one head: say v was accepted behind h at ballot b by enough replicas,
 * and w is proposed behind h at a higher ballot. Two quorums share a replica, so one of those that
 * promised had accepted v, or another row at a ballot between: by induction v. It either told of
 * it, and the proposal is v; or its head had moved on, and the proposal is not behind h.
 *
 * What may happen between any two steps, and what comes of it:
 *  - the proposer stops before a replica accepted: nothing; after one did: the next round, or who
 *    reads at a quorum, finds the row and carries it on as its proposer would have;
 *  - promises are lost or come twice: the ballot is raised, or nothing changes;
 *  - an acceptance is refused, or lost: the proposer's row may be decided later by another, so it
 *    does not give up but asks again. It has won if its row is the head or before it; it has lost
 *    when another row follows its base; where neither can be told any more, or its time is up, it
 *    says so (`unavailable`), and its caller must not take that for a refusal;
 *  - an old message arrives late: it is below a promise, or behind a row that is not the head;
 *  - a replica stops and starts again: what it answered was durable;
 *  - the live versions change: their replicas refuse the old set, and all starts at the promise.
 */
import type { Environment } from '../schemas/environment.ts';
import type { NodeId, PartitionId } from '../schemas/ids.ts';
import { partitionOfKey } from '../schemas/ids.ts';
import {
  SETTINGS_ANCESTORS_MAX,
  SETTINGS_ASK_MS,
  SETTINGS_DEADLINE_MS,
} from '../schemas/limits.ts';
import type {
  SettingsKind,
  SettingsReply,
  SettingsRequest,
  SettingsState,
} from '../schemas/messages/settings.ts';
import { pause } from '../schemas/pause.ts';
import type { DecidedRow, UndecidedRow } from '../schemas/records/settings-round.ts';
import type { SettingsRow, SettingsRowOf } from '../schemas/records/settings-rows.ts';
import type { Soon } from '../schemas/soon.ts';
import type { Stamper } from '../schemas/stamper.ts';
import type { Timestamp } from '../schemas/timestamp.ts';
import { TIMESTAMP_ZERO } from '../schemas/timestamp.ts';
import type { Bus, NoAnswer } from './bus.ts';
import type { ClusterView } from './cluster-view.ts';
import { askGuarded } from './guarded.ts';
import { WriteGoal } from './quorums.ts';
import { areReached, poll, readGoal, type Goal, type PollResult } from './settings-quorum.ts';
import { SettingsUnavailableError } from './settings-unavailable.ts';
import type { Subjects } from './subjects.ts';

const BACK_OFF_MS_FIRST = 20;
const BACK_OFF_MS_MAX = 500;

export type SettingsRoundsOptions = {
  readonly bus: Bus;
  readonly subjects: Subjects;
  readonly stamper: Stamper;
  readonly view: ClusterView;
  readonly environment: Environment;
  /** Tells the copies of a decision; resolves when the one that this process reads has it. */
  readonly spread: (decided: DecidedRow) => Promise<void>;
};

/** A row without its timestamp, which the client stamps; undefined leaves the row as it is. */
export type RowChange<Kind extends SettingsKind> = (
  row: SettingsRowOf<Kind> | undefined,
) => Omit<SettingsRowOf<Kind>, 'timestamp'> | undefined;

/** What a majority knows of a row. */
type Known = {
  readonly head: DecidedRow | undefined;
  /** Accepted behind the head by some: the highest ballot. */
  readonly open: UndecidedRow | undefined;
};

/** Ours, as long as its fate is open. */
type Proposal = { readonly row: SettingsRow; readonly base: Timestamp };

/** One attempt to change one row, over as many rounds as it needs. */
type Attempt = {
  readonly table: SettingsKind;
  readonly id: string;
  readonly partition: PartitionId;
  readonly deadlineAtMs: number;
  /** Above everything that was heard. */
  floor: Timestamp;
  /** The newest decision that was seen, whoever else has learnt of it. */
  decided: DecidedRow | undefined;
  backOffMs: number;
};

export function partitionOfSettings(table: SettingsKind, id: string): PartitionId {
  return partitionOfKey(`${table}/${id}`);
}

export class SettingsRounds {
  readonly #options: SettingsRoundsOptions;

  constructor(options: SettingsRoundsOptions) {
    this.#options = options;
  }

  /** As SettingsClient's. */
  async change<Kind extends SettingsKind>(
    table: Kind,
    id: string,
    change: RowChange<Kind>,
  ): Promise<SettingsRowOf<Kind> | undefined> {
    const wish = change as unknown as RowChange<SettingsKind>;
    const { won } = await this.#run(this.#attempt(table, id), wish);
    return won as SettingsRowOf<Kind> | undefined;
  }

  /** Finds out what becomes of a row that one replica has accepted: it is decided, or another. */
  async settle({ row, base }: UndecidedRow): Promise<void> {
    await this.#run(this.#attempt(row.kind, row.id), () => undefined, { row, base });
  }

  /** The row as a read quorum knows it; a decision that is met half-way is finished first. */
  async read<Kind extends SettingsKind>(
    table: Kind,
    id: string,
  ): Promise<SettingsRowOf<Kind> | undefined> {
    const head = await this.#read(this.#attempt(table, id));
    return head?.row as SettingsRowOf<Kind> | undefined;
  }

  async #read(attempt: Attempt): Promise<DecidedRow | undefined> {
    const { table, id } = attempt;
    for (;;) {
      const goals = [readGoal(this.#options.view.read, attempt.partition)];
      const request = { kind: 'settings-probe', table, id } as const;
      const isYes = (reply: SettingsReply | NoAnswer): boolean => reply.kind === 'settings-state';
      const result = await this.#poll(attempt, { goals, request, isYes });
      if (result.kind === 'enough') {
        const { head, open } = knownOf(attempt, this.#goals(attempt), result);
        return open === undefined ? head : (await this.#run(attempt, () => undefined)).head;
      }
      await this.#failed(attempt, result);
    }
  }

  /**
   * Rounds until the change is decided, or wants nothing. What is accepted by a replica that did
   * not promise is not decided yet when `head` is answered, and may be later.
   */
  async #run(
    attempt: Attempt,
    change: RowChange<SettingsKind>,
    first?: Proposal,
  ): Promise<{ readonly head: DecidedRow | undefined; readonly won?: SettingsRow }> {
    let proposal = first;
    for (;;) {
      const round = await this.#promised(attempt);
      const { head, open } = round.known;
      switch (proposal === undefined ? 'none' : fateOf(proposal, head)) {
        case 'won':
          return proposal === undefined ? { head } : { head, won: proposal.row };
        case 'lost':
          proposal = undefined;
          break;
        case 'unknown':
          throw new SettingsUnavailableError('settings: what became of a change is not known');
        case 'open':
        case 'none':
          break;
      }
      const next = open?.row ?? proposal?.row ?? this.#proposed(head, change);
      if (next === undefined) return { head };
      if (open === undefined) proposal ??= { row: next, base: stampOf(head) };
      if (await this.#accepted(attempt, round, next)) {
        const decided = following(head, next);
        attempt.decided = decided;
        await this.#options.spread(decided);
        if (next.timestamp === proposal?.row.timestamp) return { head: decided, won: next };
      } else await this.#backOff(attempt);
    }
  }

  #attempt(table: SettingsKind, id: string): Attempt {
    const { clock } = this.#options.environment;
    const deadlineAtMs = clock.monotonicMs() + SETTINGS_DEADLINE_MS;
    const heard = { floor: TIMESTAMP_ZERO, decided: undefined };
    const partition = partitionOfSettings(table, id);
    return { table, id, partition, deadlineAtMs, ...heard, backOffMs: BACK_OFF_MS_FIRST };
  }

  #proposed(
    head: DecidedRow | undefined,
    change: RowChange<SettingsKind>,
  ): SettingsRow | undefined {
    const wanted = change(head?.row);
    if (wanted === undefined) return undefined;
    const timestamp = this.#options.stamper.above(stampOf(head));
    return { ...wanted, timestamp } as unknown as SettingsRow;
  }

  /** A round whose promises were given: it is tried until the attempt's time is up. */
  async #promised(attempt: Attempt): Promise<Round> {
    const { view, stamper } = this.#options;
    const { table, id } = attempt;
    for (;;) {
      const { liveIds } = view;
      const goals = this.#goals(attempt);
      const ballot = stamper.above(attempt.floor);
      const request = { kind: 'settings-promise', table, id, ballot } as const;
      const isYes = (reply: SettingsReply | NoAnswer): boolean =>
        reply.kind === 'settings-state' && reply.promised === ballot;
      const result = await this.#poll(attempt, { goals, request, isYes });
      if (result.kind === 'enough') {
        return { ballot, liveIds, goals, known: knownOf(attempt, goals, result) };
      }
      await this.#failed(attempt, result);
    }
  }

  async #accepted(attempt: Attempt, round: Round, row: SettingsRow): Promise<boolean> {
    const { ballot, goals, known, liveIds } = round;
    if (this.#options.view.liveIds !== liveIds) return false;
    const base = known.head;
    const accept = { kind: 'settings-accept', ballot, row } as const;
    const request = base === undefined ? accept : { ...accept, base };
    const isYes = (reply: SettingsReply | NoAnswer): boolean => reply.kind === 'accepted';
    const result = await this.#poll(attempt, { goals, request, isYes });
    return result.kind === 'enough';
  }

  #goals({ partition }: Attempt): Goal[] {
    return this.#options.view.live.map(version => new WriteGoal(version, partition, 'consistent'));
  }

  async #poll(
    attempt: Attempt,
    wish: {
      readonly goals: readonly Goal[];
      readonly request: SettingsRequest;
      readonly isYes: (reply: SettingsReply | NoAnswer) => boolean;
    },
  ): Promise<PollResult> {
    const { view, environment } = this.#options;
    const leftMs = attempt.deadlineAtMs - environment.clock.monotonicMs();
    if (leftMs <= 0) throw new SettingsUnavailableError('settings: too few replicas answered');
    const options = { timeoutMs: Math.min(leftMs, SETTINGS_ASK_MS), layouts: view.liveIds };
    const { goals, request, isYes } = wish;
    const ask = (node: NodeId): Soon<SettingsReply | NoAnswer> =>
      askGuarded(this.#options.bus, this.#options.subjects.settings(node), [request, options]);
    const result = await poll({ goals, ask, isYes });
    for (const { reply } of [...result.yes, ...result.no]) {
      if (reply.kind === 'stale-layout') view.takeOver(reply.state);
      if (reply.kind === 'settings-state') attempt.floor = highest(attempt.floor, reply);
    }
    return result;
  }

  /** Waits before the next try, or ends the attempt where another try is of no use. */
  async #failed(attempt: Attempt, result: PollResult): Promise<void> {
    if (result.no.some(({ reply }) => reply.kind === 'not-allowed')) {
      throw new SettingsUnavailableError('settings: this process may not change that');
    }
    await this.#backOff(attempt);
  }

  #backOff(attempt: Attempt): Promise<void> {
    const { timers, random } = this.#options.environment;
    const delayMs = attempt.backOffMs * (0.5 + random.fraction());
    attempt.backOffMs = Math.min(attempt.backOffMs * 2, BACK_OFF_MS_MAX);
    return pause(timers, delayMs);
  }
}

type Round = {
  readonly ballot: Timestamp;
  /** Under which live versions it was promised. */
  readonly liveIds: string;
  readonly goals: readonly Goal[];
  readonly known: Known;
};

function stampOf(head: DecidedRow | undefined): Timestamp {
  return head?.row.timestamp ?? TIMESTAMP_ZERO;
}

/** What those who answered know together, and what follows from it. */
export function knownOf(
  { decided: seen }: Pick<Attempt, 'decided'>,
  goals: readonly Goal[],
  { yes }: Pick<PollResult, 'yes'>,
): Known {
  const states = yes.map(({ node, reply }) => ({ node, ...(reply as SettingsState) }));
  let head = seen;
  for (const { decided } of states) {
    if (decided !== undefined && isLater(decided, head)) head = decided;
  }
  let open: UndecidedRow | undefined;
  for (const { accepted } of states) {
    if (accepted?.base !== stampOf(head)) continue;
    if (open === undefined || accepted.ballot > open.ballot) open = accepted;
  }
  if (open === undefined) return { head, open };
  const { ballot, row } = open;
  const who = states.filter(({ accepted }) => accepted?.ballot === ballot).map(({ node }) => node);
  // Enough have accepted it: it is decided, whoever has learnt of it.
  return areReached(goals, new Set(who))
    ? { head: following(head, row), open: undefined }
    : { head, open };
}

/** Of one row the telling that reaches farther back. */
function isLater(decided: DecidedRow, head: DecidedRow | undefined): boolean {
  if (head === undefined || decided.row.timestamp > head.row.timestamp) return true;
  return (
    decided.row.timestamp === head.row.timestamp && decided.ancestors.length > head.ancestors.length
  );
}

function following(head: DecidedRow | undefined, row: SettingsRow): DecidedRow {
  const ancestors = [stampOf(head), ...(head?.ancestors ?? [])];
  return { row, ancestors: ancestors.slice(0, SETTINGS_ANCESTORS_MAX) };
}

export function fateOf(
  { row, base }: Proposal,
  head: DecidedRow | undefined,
): 'won' | 'lost' | 'open' | 'unknown' {
  const chain = [stampOf(head), ...(head?.ancestors ?? [])];
  if (chain.includes(row.timestamp)) return 'won';
  if (chain[0] === base) return 'open';
  return chain.includes(base) ? 'lost' : 'unknown';
}

function highest(floor: Timestamp, { promised, decided, accepted }: SettingsState): Timestamp {
  let top = floor;
  for (const stamp of [promised, decided?.row.timestamp, accepted?.ballot]) {
    if (stamp !== undefined && stamp > top) top = stamp;
  }
  return top;
}
