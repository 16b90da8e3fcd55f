/**
 * One read under way: the nearest replica first, the next beside it when that one is slow.
 *
 * Owns:          who was asked, and which answer is the one.
 * Knows:         how long a node usually takes.
 * Must not know: how a replica is asked, what is read.
 *
 * A frozen replica costs one hedge delay, not a time-out.
 */
import type { Timer, Timers } from '../schemas/environment.ts';
import type { NodeId } from '../schemas/ids.ts';
import type { Soon } from '../schemas/soon.ts';
import type { Kinded } from '../schemas/wire.ts';
import type { DeadlineWheel, Expiring } from './deadline-wheel.ts';
import type { Unavailable } from './quorum-write.ts';
import { UNAVAILABLE } from './quorum-write.ts';

/** What one answer is worth. `miss`: it does not have it; another may. `nothing`: nor could it be
 *  expected to have it. */
export type ReadWorth = 'hit' | 'miss' | 'nothing' | 'failed';

export type HedgedReadOptions<Reply extends Kinded> = {
  /** In the order in which they are asked. */
  readonly nodes: readonly NodeId[];
  readonly ask: (node: NodeId) => Soon<Reply | Unavailable>;
  readonly worthOf: (reply: Reply, node: NodeId) => ReadWorth;
  /** So many misses say that it is nowhere. */
  readonly missesEnough: number;
  readonly hedgeMs: (node: NodeId) => number;
  /** It is given up then. */
  readonly deadlineAtMs: number;
  readonly deadlines: DeadlineWheel;
  readonly timers: Timers;
};

export class HedgedRead<Reply extends Kinded> implements Expiring {
  readonly deadlineAtMs: number;
  readonly #options: HedgedReadOptions<Reply>;
  readonly #settle: (answer: Reply | Unavailable) => void;
  #isSettled = false;
  #asked = 0;
  #failures = 0;
  #misses = 0;
  /** The last answer that was no hit: what is said when there is none. */
  #refusal: Reply | undefined;
  #hedge: Timer | undefined;

  constructor(options: HedgedReadOptions<Reply>, settle: (answer: Reply | Unavailable) => void) {
    this.#options = options;
    this.#settle = settle;
    this.deadlineAtMs = options.deadlineAtMs;
    options.deadlines.add(this);
    this.#askNext();
  }

  #askNext(): void {
    const { nodes, ask, hedgeMs, timers } = this.#options;
    this.#hedge?.cancel();
    const node = nodes[this.#asked];
    if (this.#isSettled || node === undefined) return;
    this.#asked += 1;
    this.#hedge = timers.after(hedgeMs(node), () => {
      this.#askNext();
    });
    const reply = ask(node);
    if (reply instanceof Promise) void reply.then(answer => this.#answered(node, answer));
    else this.#answered(node, reply);
  }

  #answered(node: NodeId, answer: Reply | Unavailable): void {
    if (this.#isSettled) return;
    const isReply = answer.kind !== 'unavailable';
    const worth = isReply ? this.#options.worthOf(answer as Reply, node) : 'failed';
    if (worth === 'hit') {
      this.#end(answer);
      return;
    }
    if (worth === 'miss') {
      this.#misses += 1;
      if (this.#misses >= this.#options.missesEnough) {
        this.#end(answer);
        return;
      }
    } else {
      this.#failures += 1;
      if (isReply && worth === 'failed') this.#refusal = answer as Reply;
    }
    if (this.#failures + this.#misses < this.#options.nodes.length) this.#askNext();
    else this.#end(this.#refusal ?? UNAVAILABLE);
  }

  expire(): void {
    this.#end(this.#refusal ?? UNAVAILABLE);
  }

  /** Nobody wants its end any more. */
  abandon(): void {
    this.#isSettled = true;
    this.#hedge?.cancel();
    this.#options.deadlines.remove(this);
  }

  #end(answer: Reply | Unavailable): void {
    if (this.#isSettled) return;
    this.abandon();
    this.#settle(answer);
  }
}
