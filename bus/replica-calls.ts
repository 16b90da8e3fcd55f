/**
 * Asks the replicas of a partition: writes settle at quorum, reads at the nearest that answers.
 *
 * Owns:          the rule when enough replicas have answered.
 * Knows:         the layout, through a feed.
 * Must not know: what is asked; what an answer means beyond whether it counts.
 *
 * With one replica this is one request and one answer: the same path as with several.
 */
import type { NodeId, PartitionId } from '../schemas/ids.ts';
import { REQUEST_DEADLINE_MS } from '../schemas/limits.ts';
import { replicasOf } from '../schemas/cluster-layout.ts';
import type { Soon } from '../schemas/soon.ts';
import type { Kinded } from '../schemas/wire.ts';
import type { Address, Bus, NoAnswer } from './bus.ts';
import { isNoAnswer } from './bus.ts';
import type { ClusterView } from './cluster-view.ts';

/** The layout as this process knows it now. */
export type LayoutFeed = Pick<ClusterView, 'current'>;

/** Nobody could be asked, or not enough: no layout was applied yet, replicas are away. */
export type Unavailable = { readonly kind: 'unavailable' };

export type ReplicaCallsOptions<Request extends Kinded, Reply extends Kinded> = {
  readonly bus: Bus;
  readonly layout: LayoutFeed;
  /** Where a replica is asked. */
  readonly address: (node: NodeId, partition: PartitionId) => Address<Request, Reply>;
};

const REQUEST_OPTIONS = { timeoutMs: REQUEST_DEADLINE_MS };

export class ReplicaCalls<Request extends Kinded, Reply extends Kinded> {
  readonly #options: ReplicaCallsOptions<Request, Reply>;

  constructor(options: ReplicaCallsOptions<Request, Reply>) {
    this.#options = options;
  }

  /**
   * Sends to all replicas and answers with the first reply for which a write quorum says the same
   * (`counts`); a refusal that makes the quorum impossible is the answer instead.
   */
  write(
    partition: PartitionId,
    request: Request,
    counts: (reply: Reply) => boolean,
  ): Soon<Reply | Unavailable> {
    const replicas = replicasOf(this.#options.layout.current, partition);
    const [only] = replicas;
    if (only === undefined) return { kind: 'unavailable' };
    if (replicas.length === 1) return this.#ask(only, partition, request);
    return this.#writeToAll(replicas, partition, request, counts);
  }

  #writeToAll(
    replicas: readonly NodeId[],
    partition: PartitionId,
    request: Request,
    counts: (reply: Reply) => boolean,
  ): Promise<Reply | Unavailable> {
    const quorum = Math.floor(replicas.length / 2) + 1;
    return new Promise(resolve => {
      let good = 0;
      let bad = 0;
      for (const node of replicas) {
        void Promise.resolve(this.#ask(node, partition, request)).then(reply => {
          const isGood = reply.kind !== 'unavailable' && counts(reply as Reply);
          if (isGood) good += 1;
          else bad += 1;
          if (isGood ? good === quorum : replicas.length - bad === quorum - 1) resolve(reply);
        });
      }
    });
  }

  /** Asks one replica after the other until one answers; at once where the first one does. */
  read(partition: PartitionId, request: Request): Soon<Reply | Unavailable> {
    const replicas = replicasOf(this.#options.layout.current, partition);
    const [first] = replicas;
    if (first === undefined) return { kind: 'unavailable' };
    const reply = this.#ask(first, partition, request);
    if (!(reply instanceof Promise) && reply.kind !== 'unavailable') return reply;
    return this.#readOn(reply, replicas.slice(1), partition, request);
  }

  async #readOn(
    first: Soon<Reply | Unavailable>,
    others: readonly NodeId[],
    partition: PartitionId,
    request: Request,
  ): Promise<Reply | Unavailable> {
    let reply = await first;
    for (const node of others) {
      if (reply.kind !== 'unavailable') return reply;
      reply = await this.#ask(node, partition, request);
    }
    return reply;
  }

  #ask(node: NodeId, partition: PartitionId, request: Request): Soon<Reply | Unavailable> {
    const { bus, address } = this.#options;
    const reply = bus.request(address(node, partition), request, REQUEST_OPTIONS);
    return reply instanceof Promise ? reply.then(asAnswer) : asAnswer(reply);
  }
}

function asAnswer<Reply extends Kinded>(reply: Reply | NoAnswer): Reply | Unavailable {
  return isNoAnswer(reply) ? { kind: 'unavailable' } : reply;
}
