/**
 * One write under way to several replicas: when it is done, and with what answer.
 *
 * Owns:          what each replica has said so far.
 * Knows:         the goals of all live layout versions.
 * Must not know: how replicas are asked, what is written.
 *
 * A refusal is the answer only where those who say the same make the quorum impossible by
 * themselves: one replica that missed what came before may not speak for the others.
 */
import type { NodeId } from '../schemas/ids.ts';
import type { Kinded } from '../schemas/wire.ts';
import type { Expiring } from './deadline-wheel.ts';
import type { LentBytes } from './lent-bytes.ts';
import type { WriteGoal } from './quorums.ts';

/** Nobody could be asked, or not enough: no layout was applied yet, replicas are away. */
export type Unavailable = { readonly kind: 'unavailable' };

export const UNAVAILABLE: Unavailable = { kind: 'unavailable' };

/** What answers mean to the one who writes. */
export type WriteRule<Reply extends Kinded> = {
  /** This replica has it, durably. */
  readonly counts: (reply: Reply) => boolean;
  /**
   * Once the quorum is impossible: the one of these refusals, in the order in which they came, that
   * the caller must hear even if a single replica says so.
   */
  readonly prefers?: (refusals: readonly Reply[]) => Reply | undefined;
  /** A refusal from which the caller learns what it needs for another try: once a quorum has told,
   *  with those that count, or cannot. Until then the others are waited for, although there is no
   *  quorum of those that count any more. */
  readonly tells?: ((reply: Reply) => boolean) | undefined;
  /** They have it already, and are not asked. */
  readonly alreadyAt?: ReadonlySet<NodeId> | undefined;
  /** Memory in the request. */
  readonly lent?: LentBytes | undefined;
  /** Every answer as it comes, those after the quorum too. */
  readonly onReply?: ((reply: Reply, node: NodeId) => void) | undefined;
};

export type QuorumWriteOptions<Reply extends Kinded> = {
  readonly goals: readonly WriteGoal[];
  readonly rule: WriteRule<Reply>;
  readonly deadlineAtMs: number;
  /** Called once. */
  readonly settle: (answer: Reply | Unavailable) => void;
};

export class QuorumWrite<Reply extends Kinded> implements Expiring {
  readonly deadlineAtMs: number;
  /** The nodes that hold the partition in any live version, each once. */
  readonly nodes: ReadonlySet<NodeId>;
  readonly #options: QuorumWriteOptions<Reply>;
  readonly #good = new Set<NodeId>();
  /** Refused with a reply, or failed with none. */
  readonly #bad = new Map<NodeId, Reply | Unavailable>();
  #isSettled = false;

  constructor(options: QuorumWriteOptions<Reply>) {
    this.#options = options;
    this.deadlineAtMs = options.deadlineAtMs;
    this.nodes = new Set(options.goals.flatMap(goal => goal.replicas));
  }

  get isSettled(): boolean {
    return this.#isSettled;
  }

  /** It had it before. */
  hasIt(node: NodeId): void {
    this.#good.add(node);
  }

  answered(node: NodeId, reply: Reply | Unavailable): void {
    const { rule } = this.#options;
    if (reply.kind === 'unavailable') {
      this.failed(node);
      return;
    }
    const answer = reply as Reply;
    rule.onReply?.(answer, node);
    if (this.#isSettled) return;
    if (!rule.counts(answer)) {
      this.#bad.set(node, answer);
      this.#giveUpIfImpossible();
      return;
    }
    this.#bad.delete(node);
    this.#good.add(node);
    const isReached = this.#options.goals.every(goal =>
      goal.isReachedBy(each => this.#good.has(each)),
    );
    if (isReached) this.#settle(answer);
    else this.#giveUpIfImpossible();
  }

  /** It will not answer, or not in time; should it do so all the same, that counts. */
  failed(node: NodeId): void {
    if (this.#isSettled || this.#good.has(node) || this.#bad.has(node)) return;
    this.#bad.set(node, UNAVAILABLE);
    this.#giveUpIfImpossible();
  }

  expire(): void {
    this.#settle(this.#refusal() ?? UNAVAILABLE);
  }

  /** What comes from now on is of no interest. */
  abandon(): void {
    this.#isSettled = true;
  }

  #giveUpIfImpossible(): void {
    if (!this.#isPreventedBy(() => true) || this.#mayHearMore()) return;
    this.#settle(this.#refusal() ?? UNAVAILABLE);
  }

  /** There may be a quorum that tells, and there is none yet. */
  #mayHearMore(): boolean {
    const { rule, goals } = this.#options;
    const { tells } = rule;
    if (tells === undefined) return false;
    const hasTold = (node: NodeId): boolean => {
      const reply = this.#bad.get(node);
      const isRefusal = reply !== undefined && reply.kind !== 'unavailable';
      return this.#good.has(node) || (isRefusal && tells(reply as Reply));
    };
    if (goals.every(goal => goal.isReachedBy(hasTold))) return false;
    return goals.every(goal => goal.isReachedBy(node => hasTold(node) || !this.#bad.has(node)));
  }

  /** Those who said no in such a way leave too few others, in some version. */
  #isPreventedBy(matches: (reply: Reply | Unavailable) => boolean): boolean {
    return this.#options.goals.some(
      goal =>
        !goal.isReachedBy(node => {
          const reply = this.#bad.get(node);
          return reply === undefined || !matches(reply);
        }),
    );
  }

  #refusal(): Reply | undefined {
    const refusals: Reply[] = [];
    for (const reply of this.#bad.values()) {
      if (reply.kind !== 'unavailable') refusals.push(reply as Reply);
    }
    const preferred = this.#options.rule.prefers?.(refusals);
    if (preferred !== undefined) return preferred;
    return refusals.find(({ kind }) => this.#isPreventedBy(reply => reply.kind === kind));
  }

  #settle(answer: Reply | Unavailable): void {
    if (this.#isSettled) return;
    this.#isSettled = true;
    this.#options.settle(answer);
  }
}
