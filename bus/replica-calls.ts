/**
 * Asks the replicas of a partition: writes settle at quorum, reads at the nearest that answers.
 *
 * Owns:          who is asked, and that every call ends.
 * Knows:         the cluster, through its view.
 * Must not know: what is asked; what an answer means beyond what it is told.
 *
 * With one replica a call is one request and one answer, and nothing else. With several a write
 * goes to all replicas of all live layout versions at once; those that answer late are left to do
 * so, which the window of the bus bounds.
 */
import type { Timers } from '../schemas/environment.ts';
import type { NodeId, PartitionId } from '../schemas/ids.ts';
import { DOWN_GRACE_MS, ROWS_PATIENCE_MS } from '../schemas/limits.ts';
import { replicasIn, replicasOf } from '../schemas/cluster-layout.ts';
import type { Soon } from '../schemas/soon.ts';
import type { Kinded } from '../schemas/wire.ts';
import type { ClusterView } from './cluster-view.ts';
import type { ComparedOutcome, ComparedReadOptions } from './compared-read.ts';
import { ComparedRead } from './compared-read.ts';
import { DeadlineWheel } from './deadline-wheel.ts';
import { HedgedRead, type ReadWorth } from './hedged-read.ts';
import type { LentBytes } from './lent-bytes.ts';
import type { Unavailable, WriteRule } from './quorum-write.ts';
import { QuorumWrite, UNAVAILABLE } from './quorum-write.ts';
import type { ConsistencyMode } from './quorums.ts';
import { quorumsOf, WriteGoals } from './quorums.ts';
import type { Attempt, Call, ReplicaAsksOptions } from './replica-asks.ts';
import { isAnswer, ReplicaAsks } from './replica-asks.ts';
import { isStale } from './stale-layout.ts';

export type { Unavailable, WriteRule } from './quorum-write.ts';

/** The layout as this process knows it now. */
export type LayoutFeed = Pick<ClusterView, 'current'>;

export type ReplicaCallsOptions<Request extends Kinded, Reply extends Kinded> = ReplicaAsksOptions<
  Request,
  Reply
> & {
  readonly timers: Timers;
  /** `consistent` unless said otherwise. */
  readonly mode?: ConsistencyMode | undefined;
  /** A call to several replicas ends after so long; that of rows unless said otherwise. */
  readonly patienceMs?: number;
};

/** Replies after which another replica may do better. */
const FAILURES: ReadonlySet<string> = new Set([
  'overloaded',
  'deadline-passed',
  'unknown',
  'damaged',
  'stale-layout',
  'not-understood',
]);

export type ReadAnyRule<Reply extends Kinded> = {
  readonly isHit: (reply: Reply) => boolean;
  /** Who must say that it is nowhere: a read quorum, or everybody. */
  readonly nowhere?: 'quorum' | 'all';
  /** Memory in the request. */
  readonly lent?: LentBytes | undefined;
};

/** `read`: the replicas of the version that reads go by; `every`: those of other live versions too,
 *  which may not have been given everything yet. */
type ReadRule<Reply extends Kinded> = ReadAnyRule<Reply> & { readonly from: 'read' | 'every' };

const ANY_REPLY: ReadRule<Kinded> = { isHit: () => true, from: 'read' };

type Wanted = { readonly nodes: Iterable<NodeId>; readonly count: number };
type Hearing<Reply extends Kinded> = Pick<ComparedReadOptions<Reply>, 'hearingOf' | 'early'> & {
  /** They are asked before the others, however far away. */
  readonly preferred?: ((node: NodeId) => boolean) | undefined;
};

export class ReplicaCalls<Request extends Kinded, Reply extends Kinded> {
  readonly #options: ReplicaCallsOptions<Request, Reply>;
  readonly #mode: ConsistencyMode;
  readonly #patienceMs: number;
  readonly #deadlines: DeadlineWheel;
  readonly #goals: WriteGoals;
  readonly #asks: ReplicaAsks<Request, Reply>;
  readonly #writes = new Set<QuorumWrite<Reply>>();

  constructor(options: ReplicaCallsOptions<Request, Reply>) {
    this.#options = options;
    this.#mode = options.mode ?? 'consistent';
    this.#patienceMs = options.patienceMs ?? ROWS_PATIENCE_MS;
    this.#deadlines = new DeadlineWheel(options);
    this.#goals = new WriteGoals(this.#mode);
    this.#asks = new ReplicaAsks(options);
    options.view.onDown(node => {
      for (const write of this.#writes) write.failed(node);
    });
  }

  /**
   * Sends to all replicas of all live versions. Answers with a reply that counts once each version
   * has its write quorum; else with a refusal, or `unavailable`, as soon as it cannot have it.
   */
  write(
    partition: PartitionId,
    request: Request,
    rule: WriteRule<Reply>,
  ): Soon<Reply | Unavailable> {
    const only = this.#onlyReplica(partition);
    if (only === undefined) return this.#writeToAll(partition, request, rule, 'first');
    const { onReply } = rule;
    const startAgain = (): Soon<Reply | Unavailable> =>
      this.#writeToAll(partition, request, rule, 'again');
    return this.#asks.only(only, [partition, request], { attempt: 'first', startAgain, onReply });
  }

  /** Asks the nearest replica, and others when it fails or is slow; at once where it answers. */
  read(partition: PartitionId, request: Request): Soon<Reply | Unavailable> {
    return this.#readAny([partition, request], ANY_REPLY, 'first');
  }

  /**
   * For what is the same wherever it is: the first replica that has it. That nobody has it is
   * said by a read quorum of those that reads go by.
   */
  readAny(
    partition: PartitionId,
    request: Request,
    rule: ReadAnyRule<Reply>,
  ): Soon<Reply | Unavailable> {
    return this.#readAny([partition, request], { ...rule, from: 'every' }, 'first');
  }

  #readAny(
    call: Call<Request>,
    rule: ReadRule<Reply>,
    attempt: Attempt,
  ): Soon<Reply | Unavailable> {
    const [partition, request] = call;
    const { isHit, nowhere = 'quorum', lent, from } = rule;
    const startAgain = (): Soon<Reply | Unavailable> => this.#readAny(call, rule, 'again');
    const only = this.#onlyReplica(partition);
    if (only !== undefined) return this.#asks.only(only, call, { attempt, startAgain });
    const { clock, timers, view } = this.#options;
    const asked = view.nearest(replicasOf(view.read, partition));
    const nodes = from === 'read' ? asked : this.#everyReplica(partition);
    if (nodes.length === 0) return UNAVAILABLE;
    const worthOf = (reply: Reply, node: NodeId): ReadWorth => {
      if (FAILURES.has(reply.kind)) return 'failed';
      if (isHit(reply)) return 'hit';
      return nowhere === 'all' || asked.includes(node) ? 'miss' : 'nothing';
    };
    return new Promise(resolve => {
      const ask = this.#asks.asker(partition, attempt, () => {
        read.abandon();
        resolve(startAgain());
      });
      const missesEnough = nowhere === 'quorum' ? this.readQuorum : nodes.length;
      const hedgeMs = (node: NodeId): number => this.#asks.hedgeMs(node);
      const deadlineAtMs = clock.monotonicMs() + this.#patienceMs;
      const timing = { hedgeMs, deadlineAtMs, deadlines: this.#deadlines, timers };
      const read = new HedgedRead<Reply>(
        { nodes, ask: node => ask(node, request, lent), worthOf, missesEnough, ...timing },
        resolve,
      );
    });
  }

  /** Is there more than one replica, or more than one live version? */
  hasSeveral(partition: PartitionId): boolean {
    return this.#onlyReplica(partition) === undefined;
  }

  /** Every replica of every live version, or no answer. */
  askEvery(
    partition: PartitionId,
    request: Request,
    isGood: (reply: Reply) => boolean,
  ): Promise<ReadonlyMap<NodeId, Reply> | Unavailable> {
    const every = (): Wanted => {
      const nodes = replicasIn(this.#options.view.live, partition);
      // Nobody holds it: then nobody can say.
      return { nodes, count: Math.max(1, nodes.size) };
    };
    return this.#gather(every, [partition, request], isGood, 'first');
  }

  /** Must several replicas be heard before something is read? */
  comparesReads(partition: PartitionId): boolean {
    return this.#onlyReplica(partition) === undefined && this.readQuorum > 1;
  }

  /** Would these replicas do for a write, in every live version? */
  isWriteQuorum(partition: PartitionId, isCounted: (node: NodeId) => boolean): boolean {
    return this.#options.view.live.every(version =>
      this.#goals.of(version, partition).isReachedBy(isCounted),
    );
  }

  get readQuorum(): number {
    return quorumsOf(this.#options.view.read.replicationFactor, this.#mode).read;
  }

  /** Asks the nearest replica for `whole`, and as many others for its digest as must agree. */
  compare(
    partition: PartitionId,
    asked: readonly [whole: Request, digest: Request],
    hearing: Hearing<Reply>,
  ): Promise<ComparedOutcome<Reply>> {
    return this.#compare(partition, asked, hearing, 'first');
  }

  #compare(
    partition: PartitionId,
    asked: readonly [whole: Request, digest: Request],
    hearing: Hearing<Reply>,
    attempt: Attempt,
  ): Promise<ComparedOutcome<Reply>> {
    const [whole, digest] = asked;
    const { view, timers } = this.#options;
    const { hearingOf, early, preferred } = hearing;
    const nearest = view.nearest(replicasOf(view.read, partition));
    const rankOf = (node: NodeId): number => (preferred?.(node) === false ? 1 : 0);
    const nodes =
      preferred === undefined ? nearest : nearest.toSorted((a, b) => rankOf(a) - rankOf(b));
    const quorum = this.readQuorum;
    if (nodes.length < quorum) {
      return Promise.resolve({ kind: 'failed', answer: UNAVAILABLE });
    }
    return new Promise(resolve => {
      const ask = this.#asks.asker(partition, attempt, () => {
        read.abandon();
        // What is told early is told once.
        resolve(this.#compare(partition, asked, { hearingOf, preferred }, 'again'));
      });
      const options: ComparedReadOptions<Reply> = {
        ...{ nodes, quorum, hearingOf, early, timers, deadlines: this.#deadlines },
        deadlineAtMs: this.#options.clock.monotonicMs() + this.#patienceMs,
        ask: (node, want) => ask(node, want === 'whole' ? whole : digest),
        hedgeMs: node => this.#asks.hedgeMs(node),
      };
      const read = new ComparedRead<Reply>(options, resolve);
    });
  }

  /** Asks all replicas of the version that reads go by; a read quorum of good answers, or none. */
  gather(
    partition: PartitionId,
    request: Request,
    isGood: (reply: Reply) => boolean,
  ): Promise<ReadonlyMap<NodeId, Reply> | Unavailable> {
    const quorum = (): Wanted => ({
      nodes: replicasOf(this.#options.view.read, partition),
      count: this.readQuorum,
    });
    return this.#gather(quorum, [partition, request], isGood, 'first');
  }

  /** A good answer of each of these nodes, which were heard before: none when reads go by other
   *  replicas meanwhile. */
  gatherFrom(
    nodes: readonly NodeId[],
    call: Call<Request>,
    isGood: (reply: Reply) => boolean,
  ): Promise<ReadonlyMap<NodeId, Reply> | Unavailable> {
    const replicas = replicasOf(this.#options.view.read, call[0]);
    if (!nodes.every(node => replicas.includes(node))) return Promise.resolve(UNAVAILABLE);
    return this.#gather(() => ({ nodes, count: nodes.length }), call, isGood, 'again');
  }

  #gather(
    wanted: () => Wanted,
    call: Call<Request>,
    isGood: (reply: Reply) => boolean,
    attempt: Attempt,
  ): Promise<ReadonlyMap<NodeId, Reply> | Unavailable> {
    const [partition, request] = call;
    const { nodes, count } = wanted();
    const asked = [...nodes];
    return new Promise(resolve => {
      const good = new Map<NodeId, Reply>();
      let left = asked.length;
      const patience = this.#options.timers.after(this.#patienceMs, () => {
        resolve(UNAVAILABLE);
      });
      const end = (answer: Soon<ReadonlyMap<NodeId, Reply> | Unavailable>): void => {
        patience.cancel();
        resolve(answer);
      };
      if (left < count) {
        end(UNAVAILABLE);
        return;
      }
      const ask = this.#asks.asker(partition, attempt, () => {
        end(this.#gather(wanted, call, isGood, 'again'));
      });
      for (const node of asked) {
        void Promise.resolve(ask(node, request)).then(reply => {
          left -= 1;
          if (isAnswer(reply) && isGood(reply)) good.set(node, reply);
          if (good.size === count) end(new Map(good));
          else if (good.size + left < count) end(UNAVAILABLE);
        });
      }
    });
  }

  /** Where there is exactly one replica. */
  #onlyReplica(partition: PartitionId): NodeId | undefined {
    const { live } = this.#options.view;
    const [first] = live;
    if (first === undefined || live.length > 1) return undefined;
    const replicas = replicasOf(first, partition);
    return replicas.length === 1 ? replicas[0] : undefined;
  }

  /** Those of the version that reads go by, nearest first, then those of the others. */
  #everyReplica(partition: PartitionId): readonly NodeId[] {
    const { view } = this.#options;
    const nodes = view.nearest(replicasOf(view.read, partition));
    if (view.live.length === 1) return nodes;
    const all = [...replicasIn(view.live, partition)];
    return [...new Set([...nodes, ...view.nearest(all)])];
  }

  #writeToAll(
    partition: PartitionId,
    request: Request,
    rule: WriteRule<Reply>,
    attempt: Attempt,
  ): Promise<Reply | Unavailable> {
    const { view, clock } = this.#options;
    const goals = view.live.map(version => this.#goals.of(version, partition));
    if (goals.some(goal => goal.replicas.length === 0)) return Promise.resolve(UNAVAILABLE);
    return new Promise(resolve => {
      const deadlineAtMs = clock.monotonicMs() + this.#patienceMs;
      const settle = (answer: Reply | Unavailable): void => {
        this.#end(write);
        resolve(answer);
      };
      const write = new QuorumWrite({ goals, rule, deadlineAtMs, settle });
      this.#begin(write);
      const ask = this.#asks.underNow(partition);
      for (const node of write.nodes) if (rule.alreadyAt?.has(node) === true) write.hasIt(node);
      for (const node of write.nodes) {
        if (rule.alreadyAt?.has(node) === true) continue;
        void Promise.resolve(ask(node, request, rule.lent)).then(reply => {
          if (!isStale(reply) || attempt === 'again') {
            write.answered(node, reply);
            return;
          }
          if (write.isSettled) return;
          view.takeOver(reply.state);
          write.abandon();
          this.#end(write);
          resolve(this.#writeToAll(partition, request, rule, 'again'));
        });
      }
    });
  }

  #begin(write: QuorumWrite<Reply>): void {
    const { view, clock } = this.#options;
    this.#writes.add(write);
    this.#deadlines.add(write);
    const away = [...write.nodes].filter(node => !view.isUp(node));
    if (away.length === 0) return;
    // It may be back, or only we do not hear it: it is asked, and has a moment to answer.
    this.#deadlines.add({
      deadlineAtMs: clock.monotonicMs() + DOWN_GRACE_MS,
      expire: () => {
        for (const node of away) if (!view.isUp(node)) write.failed(node);
      },
    });
  }

  #end(write: QuorumWrite<Reply>): void {
    this.#writes.delete(write);
    this.#deadlines.remove(write);
  }
}
