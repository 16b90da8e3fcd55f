/**
 * One read under way that several replicas must answer alike.
 *
 * Owns:          who was asked for what, and when enough have been heard.
 * Knows:         that a digest stands for a whole answer, and how long a node usually takes.
 * Must not know: what is read, what is done about a difference.
 *
 * The nearest replica is asked for the answer, others for its digest, all at once. One that is slow
 * or fails is stood in for: by one that was not asked yet, else by one that told its digest.
 */
import type { Timer, Timers } from '../schemas/environment.ts';
import type { NodeId } from '../schemas/ids.ts';
import type { Soon } from '../schemas/soon.ts';
import type { Kinded } from '../schemas/wire.ts';
import type { DeadlineWheel, Expiring } from './deadline-wheel.ts';
import type { Unavailable } from './quorum-write.ts';
import { UNAVAILABLE } from './quorum-write.ts';

/** What one replica said: its digest, and the whole answer if that was asked for. */
export type Heard<Reply> = { readonly digest: Buffer; readonly whole?: Reply | undefined };

export type ComparedOutcome<Reply> =
  | { readonly kind: 'same'; readonly reply: Reply }
  /** What each of enough replicas said, by node. */
  | { readonly kind: 'different'; readonly heard: ReadonlyMap<NodeId, Heard<Reply>> }
  | { readonly kind: 'failed'; readonly answer: Reply | Unavailable };

export type ComparedReadOptions<Reply extends Kinded> = {
  /** In the order in which they are asked. */
  readonly nodes: readonly NodeId[];
  /** So many must be heard. */
  readonly quorum: number;
  readonly ask: (node: NodeId, want: 'whole' | 'digest') => Soon<Reply | Unavailable>;
  /** Undefined: no answer, or none that can be compared. */
  readonly hearingOf: (reply: Reply, want: 'whole' | 'digest') => Heard<Reply> | undefined;
  /** Told the first whole answer while others are still to be heard: what it says may be old. */
  readonly early?: ((reply: Reply) => void) | undefined;
  readonly hedgeMs: (node: NodeId) => number;
  /** It is given up then. */
  readonly deadlineAtMs: number;
  readonly deadlines: DeadlineWheel;
  readonly timers: Timers;
};

export class ComparedRead<Reply extends Kinded> implements Expiring {
  readonly deadlineAtMs: number;
  readonly #options: ComparedReadOptions<Reply>;
  readonly #settle: (outcome: ComparedOutcome<Reply>) => void;
  readonly #heard = new Map<NodeId, Heard<Reply>>();
  readonly #askedWhole = new Set<NodeId>();
  readonly #failed = new Set<NodeId>();
  #asked = 0;
  /** Answers that are still to come. */
  #waiting = 0;
  #refusal: Reply | undefined;
  #hedge: Timer | undefined;
  /** A hedge delay has passed: what is under way counts for less. */
  #isSlow = false;
  #isSettled = false;
  #isTold = false;

  constructor(
    options: ComparedReadOptions<Reply>,
    settle: (outcome: ComparedOutcome<Reply>) => void,
  ) {
    this.#options = options;
    this.#settle = settle;
    this.deadlineAtMs = options.deadlineAtMs;
    options.deadlines.add(this);
    for (let count = 0; count < options.quorum; count += 1) this.#askAnother();
    if (!this.#isSettled) this.#hedgeLater(options.nodes.slice(0, options.quorum));
  }

  /** One more; the first of all for the whole answer, and a later one when that is missing. */
  #askAnother(): boolean {
    const { nodes } = this.#options;
    const next = nodes[this.#asked];
    if (next !== undefined) {
      this.#asked += 1;
      this.#ask(next, this.#isWholeWanted() ? 'whole' : 'digest');
      return true;
    }
    if (!this.#isWholeWanted()) return false;
    for (const node of this.#heard.keys()) {
      if (this.#askedWhole.has(node)) continue;
      this.#ask(node, 'whole');
      return true;
    }
    return false;
  }

  /** Nobody who was asked for it is likely to send it soon. */
  #isWholeWanted(): boolean {
    for (const node of this.#askedWhole) {
      if (this.#heard.get(node)?.whole !== undefined) return false;
    }
    return this.#isSlow || [...this.#askedWhole].every(node => this.#failed.has(node));
  }

  #ask(node: NodeId, want: 'whole' | 'digest'): void {
    if (this.#isSettled) return;
    if (want === 'whole') this.#askedWhole.add(node);
    this.#waiting += 1;
    const reply = this.#options.ask(node, want);
    if (reply instanceof Promise) void reply.then(answer => this.#answered(node, want, answer));
    else this.#answered(node, want, reply);
  }

  /** The furthest of them says how long is usual. */
  #hedgeLater(nodes: readonly NodeId[]): void {
    const { timers, hedgeMs } = this.#options;
    const delayMs = Math.max(...nodes.map(hedgeMs));
    this.#hedge = timers.after(delayMs, () => {
      if (this.#isSettled) return;
      const asked = this.#asked;
      this.#isSlow = true;
      this.#askAnother();
      this.#isSlow = false;
      const next = this.#options.nodes[asked];
      if (next !== undefined && !this.#isSettled) this.#hedgeLater([next]);
    });
  }

  #answered(node: NodeId, want: 'whole' | 'digest', answer: Reply | Unavailable): void {
    this.#waiting -= 1;
    if (this.#isSettled) return;
    const reply = answer.kind === 'unavailable' ? undefined : (answer as Reply);
    const heard = reply && this.#options.hearingOf(reply, want);
    if (heard !== undefined) {
      // Its whole answer is the newer of the two.
      if (want === 'whole' || !this.#heard.has(node)) this.#heard.set(node, heard);
      if (this.#decide()) return;
      if (heard.whole !== undefined) this.#tellEarly(heard.whole);
    } else {
      this.#failed.add(node);
      this.#refusal = reply ?? this.#refusal;
    }
    const isMissingSome = heard === undefined || this.#waiting === 0;
    if (isMissingSome && !this.#askAnother() && this.#waiting === 0) this.expire();
  }

  #tellEarly(reply: Reply): void {
    if (this.#isTold) return;
    this.#isTold = true;
    this.#options.early?.(reply);
  }

  #decide(): boolean {
    if (this.#heard.size < this.#options.quorum) return false;
    const hearings = [...this.#heard.values()];
    const [first] = hearings;
    const isSame = hearings.every(heard => first?.digest.equals(heard.digest));
    if (!isSame) {
      this.#end({ kind: 'different', heard: new Map(this.#heard) });
      return true;
    }
    const whole = hearings.find(heard => heard.whole !== undefined)?.whole;
    if (whole === undefined) return false;
    this.#end({ kind: 'same', reply: whole });
    return true;
  }

  expire(): void {
    this.#end({ kind: 'failed', answer: this.#refusal ?? UNAVAILABLE });
  }

  /** Nobody wants its end any more. */
  abandon(): void {
    this.#isSettled = true;
    this.#hedge?.cancel();
    this.#options.deadlines.remove(this);
  }

  #end(outcome: ComparedOutcome<Reply>): void {
    if (this.#isSettled) return;
    this.abandon();
    this.#settle(outcome);
  }
}
