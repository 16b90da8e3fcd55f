/**
 * Asks one replica on behalf of a call, under the layout by which the call chose it.
 *
 * Owns:          what goes with a request, and what follows when the layout was too old.
 * Knows:         the bus, the cluster through its view, how long a node usually takes.
 * Must not know: how many are asked, and what an answer is worth.
 */
import type { Clock } from '../schemas/environment.ts';
import type { NodeId, PartitionId } from '../schemas/ids.ts';
import { REQUEST_DEADLINE_MS } from '../schemas/limits.ts';
import type { Soon } from '../schemas/soon.ts';
import type { Kinded } from '../schemas/wire.ts';
import type { Address, Bus, NoAnswer, RequestOptions } from './bus.ts';
import { isNoAnswer } from './bus.ts';
import type { ClusterView } from './cluster-view.ts';
import type { LentBytes } from './lent-bytes.ts';
import type { Unavailable } from './quorum-write.ts';
import { UNAVAILABLE } from './quorum-write.ts';
import { isStale } from './stale-layout.ts';
import { UsualTimes } from './usual-times.ts';

export type ReplicaAsksOptions<Request extends Kinded, Reply extends Kinded> = {
  readonly bus: Bus;
  readonly view: ClusterView;
  readonly clock: Clock;
  /** Where a replica is asked. */
  readonly address: (node: NodeId, partition: PartitionId) => Address<Request, Reply>;
};

/** What is asked of which partition. */
export type Call<Request> = readonly [partition: PartitionId, request: Request];

/** A call is made again once, when the layout was too old. */
export type Attempt = 'first' | 'again';

export type Ask<Request, Reply> = (
  node: NodeId,
  request: Request,
  lent?: LentBytes,
) => Soon<Reply | Unavailable>;

export type OnlyRule<Reply extends Kinded> = {
  readonly attempt: Attempt;
  readonly startAgain: () => Soon<Reply | Unavailable>;
  readonly onReply?: ((reply: Reply, node: NodeId) => void) | undefined;
};

export class ReplicaAsks<Request extends Kinded, Reply extends Kinded> {
  readonly #options: ReplicaAsksOptions<Request, Reply>;
  readonly #times = new UsualTimes();
  #requestOptions: RequestOptions = { timeoutMs: REQUEST_DEADLINE_MS };

  constructor(options: ReplicaAsksOptions<Request, Reply>) {
    this.#options = options;
  }

  /** After so long without an answer another one is worth asking. */
  hedgeMs(node: NodeId): number {
    return this.#times.hedgeMs(node);
  }

  /** Nothing but a request and its answer, unless the layout was too old: there may be other
   *  replicas then, and more of them. */
  only(
    node: NodeId,
    [partition, request]: Call<Request>,
    { attempt, startAgain, onReply }: OnlyRule<Reply>,
  ): Soon<Reply | Unavailable> {
    const { bus, address } = this.#options;
    const reply = bus.request(address(node, partition), request, this.#currentOptions());
    const answered = (answer: Reply | NoAnswer): Soon<Reply | Unavailable> => {
      if (isNoAnswer(answer)) return UNAVAILABLE;
      if (isStale(answer)) {
        this.#options.view.takeOver(answer.state);
        return attempt === 'first' ? startAgain() : UNAVAILABLE;
      }
      onReply?.(answer, node);
      return answer;
    };
    return reply instanceof Promise ? reply.then(answered) : answered(reply);
  }

  /**
   * Asks one of several, as often as a call needs it, and notes how long each took. All are asked
   * under the live versions by which they were chosen, however long the call goes on: one that
   * knows others may have stopped to answer for these. The first that says so has the call made
   * again; the second time it has failed.
   */
  asker(partition: PartitionId, attempt: Attempt, startAgain: () => void): Ask<Request, Reply> {
    const { clock, view } = this.#options;
    const ask = this.underNow(partition);
    let isOver = false;
    return (node, request, lent) => {
      const startMs = clock.monotonicMs();
      const reply = ask(node, request, lent);
      // In this process everybody knows the same layout.
      if (!(reply instanceof Promise)) return reply;
      return reply.then(answer => {
        if (!isAnswer(answer)) return answer;
        this.#times.observe(node, clock.monotonicMs() - startMs);
        if (!isStale(answer)) return answer;
        view.takeOver(answer.state);
        if (attempt === 'first' && !isOver) {
          isOver = true;
          startAgain();
        }
        return UNAVAILABLE;
      });
    };
  }

  /** Asks under the live versions of now, whenever it is called. */
  underNow(partition: PartitionId): Ask<Request, Reply> {
    const { bus, address } = this.#options;
    const options = this.#currentOptions();
    return (node, request, lent) => {
      const loan = lent?.lend();
      const lending = loan === undefined ? options : { ...options, loan };
      const reply = bus.request(address(node, partition), request, lending);
      if (reply instanceof Promise) return reply.then(asAnswer);
      // Answered in place, or not taken on: the bus has nothing left to tell of the loan.
      loan?.over();
      return asAnswer(reply);
    };
  }

  /** Made again only when the set of live versions is another. */
  #currentOptions(): RequestOptions {
    const { liveIds } = this.#options.view;
    if (liveIds !== (this.#requestOptions.layouts ?? '')) {
      this.#requestOptions = { timeoutMs: REQUEST_DEADLINE_MS, layouts: liveIds };
    }
    return this.#requestOptions;
  }
}

export function isAnswer<Reply extends Kinded>(reply: Reply | Unavailable): reply is Reply {
  return reply.kind !== 'unavailable';
}

function asAnswer<Reply extends Kinded>(reply: Reply | NoAnswer): Reply | Unavailable {
  return isNoAnswer(reply) ? UNAVAILABLE : reply;
}
