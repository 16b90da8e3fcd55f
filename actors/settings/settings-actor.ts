/**
 * The one keeper of this node's copy of buckets, aliases and access keys.
 *
 * Owns:          the turns on each row; where this replica decides alone, which write wins.
 * Knows:         the copy, the rule of an acceptor, and an event to publish when a row changed.
 * Must not know: what a bucket or a key is good for; how a quorum is found.
 *
 * A step compares the row that stands there with the one its proposer read, and writes: two steps
 * on one row never overlap, and an answer leaves when what it says is durable. Alone, one step is
 * the decision; among several replicas it is one promise or one acceptance of it.
 */
import type { RequestContext } from '../../bus/bus.ts';
import type { Clock } from '../../schemas/environment.ts';
import { LIST_ENTRIES_MAX, MAILBOX_MESSAGES_MAX } from '../../schemas/limits.ts';
import type {
  SettingsAccept,
  SettingsChanged,
  SettingsDecide,
  SettingsKind,
  SettingsLearn,
  SettingsPromise,
  SettingsPull,
  SettingsReply,
  SettingsRequest,
} from '../../schemas/messages/settings.ts';
import type { DecidedRow } from '../../schemas/records/settings-round.ts';
import type { SettingsRow } from '../../schemas/records/settings-rows.ts';
import { isDamage } from '../storage/row-damage.ts';
import type { Store } from '../storage/store.ts';
import { StoreFullError, StoreUnavailableError } from '../storage/store.ts';
import { accept, learn, promise, type AcceptorState } from './settings-acceptor.ts';
import { SettingsCopy, type CopySummary } from './settings-copy.ts';

/** What a failure of the store is for the one who asked; anything else is a bug and goes on. */
function refusalOf(failure: unknown): SettingsReply {
  if (isDamage(failure)) return { kind: 'damaged' };
  if (failure instanceof StoreFullError) return { kind: 'no-space' };
  if (failure instanceof StoreUnavailableError) return { kind: 'unknown' };
  throw failure;
}

export type SettingsActorOptions = {
  readonly store: Store;
  readonly clock: Clock;
  readonly changed: (change: SettingsChanged) => void;
  /** Stands before what is decided here: it refuses who knows too old a set of live layout
   *  versions, and counts who was let through. */
  readonly fence?: (server: StepServer) => StepServer;
  /** False while this node may not speak for what it once knew: its store may have lost it. */
  readonly mayVote?: () => boolean;
  /** False until this copy has heard what others decided while its node was away. */
  readonly isInSync?: () => boolean;
};

type StepServer = (
  request: SettingsRequest,
  context: RequestContext,
) => SettingsReply | Promise<SettingsReply>;

/** A step that changes a row, or may. */
type Step = SettingsDecide | SettingsPromise | SettingsAccept | SettingsLearn;
type Outcome = { readonly state: AcceptorState; readonly reply: SettingsReply };

export class SettingsActor {
  readonly #options: SettingsActorOptions;
  readonly #copy: SettingsCopy;
  /** What makes this replica say something that binds it. */
  readonly #decide: StepServer;
  /** The last step under way on each row: the next one waits for it. */
  readonly #underWay = new Map<string, Promise<SettingsReply>>();
  #waiting = 0;

  constructor(options: SettingsActorOptions) {
    this.#options = options;
    this.#copy = new SettingsCopy(options.store);
    const decide: StepServer = (request, context) => this.#decideOn(request, context);
    this.#decide = options.fence?.(decide) ?? decide;
  }

  async receive(request: SettingsRequest, context: RequestContext): Promise<SettingsReply> {
    try {
      return await this.#receive(request, context);
    } catch (failure) {
      return refusalOf(failure);
    }
  }

  #receive(
    request: SettingsRequest,
    context: RequestContext,
  ): SettingsReply | Promise<SettingsReply> {
    switch (request.kind) {
      case 'settings-read':
        return this.#read(request.table, request.id);
      case 'settings-list':
        return this.#list(request.table, request.after, request.limit);
      case 'settings-probe':
      case 'settings-decide':
      case 'settings-promise':
      case 'settings-accept':
        return this.#decide(request, context);
      case 'settings-learn':
        return this.#inTurn(request, context);
      case 'settings-digest':
        return this.#compared(request.root);
      case 'settings-pull':
        return this.#page(request);
      default:
        return { kind: 'not-understood' };
    }
  }

  #decideOn(
    request: SettingsRequest,
    context: RequestContext,
  ): SettingsReply | Promise<SettingsReply> {
    if (!this.#mayVote()) return { kind: 'behind' };
    switch (request.kind) {
      case 'settings-probe':
        return { kind: 'settings-state', ...this.#copy.state(request.table, request.id) };
      case 'settings-decide':
      case 'settings-promise':
      case 'settings-accept':
        return this.#inTurn(request, context);
      default:
        return { kind: 'not-understood' };
    }
  }

  #mayVote(): boolean {
    const { mayVote } = this.#options;
    return mayVote === undefined || mayVote();
  }

  async #compared(root: Uint8Array): Promise<SettingsReply> {
    // Whoever compares takes it that what was decided with this node is here.
    if (!this.#mayVote()) return { kind: 'behind' };
    const { undecided: rows, ...own } = await this.#copy.summary();
    const undecided = rows.map(({ row }) => ({ table: row.kind, id: row.id }));
    if (own.root.equals(root)) return { kind: 'settings-digests', undecided };
    return { kind: 'settings-digests', buckets: own.buckets, undecided };
  }

  async #page({ buckets, after }: SettingsPull): Promise<SettingsReply> {
    return { kind: 'settings-page', ...(await this.#copy.page(buckets, after)) };
  }

  summary(): Promise<CopySummary> {
    return this.#copy.summary();
  }

  /**
   * Keeps what another copy holds and this one does not. One event tells of each table that has
   * changed: a copy that was away brings in many rows. False: not all could be kept.
   */
  async takeOver(rows: readonly DecidedRow[]): Promise<boolean> {
    const changed = new Map<SettingsKind, string>();
    let isWhole = true;
    for (const decided of rows) {
      const { kind, id } = decided.row;
      const step = { kind: 'settings-learn', decided } as const;
      const reply = await this.#inTurn(step, { deadlineAtMs: Infinity }, () => {
        changed.set(kind, id);
      }).catch(refusalOf);
      isWhole &&= reply.kind === 'learned';
    }
    for (const [table, id] of changed) this.#options.changed({ table, id });
    return isWhole;
  }

  #read(table: SettingsKind, id: string): SettingsReply {
    if (!this.#isInSync()) return { kind: 'behind' };
    const row = this.#copy.read(table, id);
    return row === undefined ? { kind: 'settings-row' } : { kind: 'settings-row', row };
  }

  async #list(table: SettingsKind, after: string, limit: number): Promise<SettingsReply> {
    if (!this.#isInSync()) return { kind: 'behind' };
    const rows = await this.#copy.list(table, after, Math.min(limit, LIST_ENTRIES_MAX));
    return { kind: 'settings-rows', rows };
  }

  #isInSync(): boolean {
    const { isInSync } = this.#options;
    return isInSync === undefined || isInSync();
  }

  async #inTurn(
    request: Step,
    context: RequestContext,
    changed = this.#options.changed,
  ): Promise<SettingsReply> {
    if (this.#waiting >= MAILBOX_MESSAGES_MAX) return { kind: 'overloaded' };
    const [table, id] = subjectOf(request);
    const name = `${table} ${id}`;
    const before = this.#underWay.get(name) ?? Promise.resolve();
    this.#waiting += 1;
    const step = before
      .then(() => this.#carryOut(request, [table, id], [context, changed]))
      .catch(refusalOf);
    this.#underWay.set(name, step);
    try {
      return await step;
    } finally {
      this.#waiting -= 1;
      if (this.#underWay.get(name) === step) this.#underWay.delete(name);
    }
  }

  async #carryOut(
    request: Step,
    [table, id]: readonly [SettingsKind, string],
    [context, changed]: readonly [RequestContext, SettingsActorOptions['changed']],
  ): Promise<SettingsReply> {
    if (this.#options.clock.monotonicMs() > context.deadlineAtMs)
      return { kind: 'deadline-passed' };
    const before = this.#copy.state(table, id);
    const { state, reply } = outcomeOf(before, request);
    await this.#copy.write(table, id, [before, state]);
    if (state.decided?.row !== before.decided?.row) changed({ table, id });
    return reply;
  }
}

function subjectOf(request: Step): readonly [SettingsKind, string] {
  switch (request.kind) {
    case 'settings-promise':
      return [request.table, request.id];
    case 'settings-learn':
      return [request.decided.row.kind, request.decided.row.id];
    case 'settings-decide':
    case 'settings-accept':
      return [request.row.kind, request.row.id];
  }
}

function outcomeOf(before: AcceptorState, request: Step): Outcome {
  switch (request.kind) {
    case 'settings-decide':
      return decideAlone(before, request);
    case 'settings-promise': {
      const state = promise(before, request.ballot);
      return { state, reply: { kind: 'settings-state', ...state } };
    }
    case 'settings-accept': {
      const { state, isAccepted } = accept(before, request);
      if (isAccepted) return { state, reply: { kind: 'accepted' } };
      return { state, reply: { kind: 'settings-state', ...state } };
    }
    case 'settings-learn':
      return { state: learn(before, request.decided), reply: { kind: 'learned' } };
  }
}

/** Promise, acceptance and decision in one step: this replica is its own quorum. */
function decideAlone(before: AcceptorState, { row, base }: SettingsDecide): Outcome {
  // What was accepted here while several decided: an acceptance of a sole replica is a decision.
  const { accepted } = before;
  const state = accepted === undefined ? before : follow(before, accepted.row);
  const stored = state.decided?.row;
  // The same decision, told twice: its first answer was lost.
  if (stored?.timestamp === row.timestamp) return { state, reply: { kind: 'decided' } };
  if (stored?.timestamp !== base) {
    return {
      state,
      reply: stored === undefined ? { kind: 'lost' } : { kind: 'lost', row: stored },
    };
  }
  return { state: follow(state, row), reply: { kind: 'decided' } };
}

function follow(state: AcceptorState, row: SettingsRow): AcceptorState {
  return learn(state, { row, ancestors: [] });
}
