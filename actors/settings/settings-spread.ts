/**
 * Keeps this node's copy of the settings the same as the others': comparing, pulling, settling.
 *
 * Owns:          whom it compares with and when; whether the copy may be read.
 * Knows:         the keeper of the copy, the other nodes' keepers, the live layout versions.
 * Must not know: what a row means; how a decision is made.
 *
 * Decisions are told to all copies as they are made (bus/settings-client.ts), and what is lost of
 * that is found here: every few seconds the digests of all rows are compared with those of one
 * other node, drawn at random, and rows that differ are pulled. Rows of one id are a chain of
 * decisions, so the one with the later timestamp is the newer, and pulling is all it takes.
 *
 * A copy whose node was away is behind. It may be read again once it has been compared, since the
 * start, with so many nodes that of the replicas that decide on any row a read quorum was among
 * them (this node counts as one, unless its store may have forgotten something): then whatever was
 * decided meanwhile is here. Where they are away it waits some seconds and no longer: a node that
 * cannot reach a quorum decides nothing, and what objects it may read or write is not up to it
 * alone.
 *
 * What was accepted and not decided is settled by the nodes that hold it: its proposer may be dead.
 */
import type { Bus, NoAnswer } from '../../bus/bus.ts';
import type { ClusterView } from '../../bus/cluster-view.ts';
import { askGuarded } from '../../bus/guarded.ts';
import { quorumsOf } from '../../bus/quorums.ts';
import type { SettingsClient } from '../../bus/settings-client.ts';
import { SettingsUnavailableError, storingNodes } from '../../bus/settings-client.ts';
import type { Subjects } from '../../bus/subjects.ts';
import type { LayoutVersion } from '../../schemas/cluster-layout.ts';
import type { Environment, Timer } from '../../schemas/environment.ts';
import type { NodeId } from '../../schemas/ids.ts';
import {
  SETTINGS_ASK_MS,
  SETTINGS_COMPARE_MS,
  SETTINGS_CATCH_UP_MS,
  SETTINGS_UNDECIDED_MAX,
} from '../../schemas/limits.ts';
import type {
  SettingsPlace,
  SettingsReply,
  SettingsRequest,
} from '../../schemas/messages/settings.ts';
import type { Log } from '../../schemas/telemetry.ts';
import type { Timestamp } from '../../schemas/timestamp.ts';
import type { SettingsActor, SettingsActorOptions } from './settings-actor.ts';
import { differingBuckets } from './settings-digest.ts';

export type SettingsSpreadOptions = {
  readonly nodeId: NodeId;
  readonly actor: Pick<SettingsActor, 'takeOver' | 'summary'>;
  readonly settings: Pick<SettingsClient, 'readDecided' | 'settle'>;
  readonly view: ClusterView;
  readonly bus: Bus;
  readonly subjects: Subjects;
  readonly environment: Environment;
  readonly log: Log;
  /** As the actor's. */
  readonly mayVote?: SettingsActorOptions['mayVote'];
};

export class SettingsSpread {
  readonly #options: SettingsSpreadOptions;
  /** Those compared with since the start. */
  readonly #compared = new Set<NodeId>();
  /** What stood undecided at the last look: it is settled when it still does at the next. */
  #seenUndecided: ReadonlySet<Timestamp> = new Set();
  readonly #startedMs: number;
  #isCaughtUp = false;
  #isStopped = false;
  #timer: Timer | undefined;
  #running: Promise<void> = Promise.resolve();

  constructor(options: SettingsSpreadOptions) {
    this.#options = options;
    this.#startedMs = options.environment.clock.monotonicMs();
  }

  start(): void {
    this.#stepAfter(0);
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#timer?.cancel();
    await this.#running;
  }

  /** Whether the copy has heard what was decided while its node was away. */
  isInSync(): boolean {
    this.#isCaughtUp ||= this.#hasCaughtUp();
    return this.#isCaughtUp;
  }

  #hasCaughtUp(): boolean {
    const { view, environment } = this.#options;
    const peers = this.#peers();
    if (peers.length === 0) return true;
    if (this.#covers(view.read, this.#compared)) return true;
    return environment.clock.monotonicMs() - this.#startedMs >= SETTINGS_CATCH_UP_MS;
  }

  /**
   * Whether of the replicas of every row a read quorum is among these and this node. As long as it
   * may have forgotten what it knew it counts for nothing, and a read quorum of others is wanted,
   * or all of them where there are fewer.
   */
  #covers(
    version: LayoutVersion,
    nodes: ReadonlySet<NodeId>,
    isSkipped: (node: NodeId) => boolean = () => false,
  ): boolean {
    const { nodeId, mayVote = () => true } = this.#options;
    const { read } = quorumsOf(version.replicationFactor, 'consistent');
    const isCounted = mayVote();
    return version.replicas.every(replicas => {
      const own = isCounted && replicas.includes(nodeId) ? 1 : 0;
      const others = replicas.filter(node => node !== nodeId && !isSkipped(node));
      const needed = Math.min(read - own, others.length);
      return others.filter(node => nodes.has(node)).length >= needed;
    });
  }

  /**
   * Brings in what was decided up to now by a version's replicas, before this node decides by a
   * later one. `later`: too few of them could be asked. Who is skipped is not asked: that what only
   * those knew may be lost was said before.
   */
  async bringIn(
    version: LayoutVersion,
    isSkipped: (node: NodeId) => boolean = () => false,
  ): Promise<'done' | 'later'> {
    const { nodeId, view } = this.#options;
    const compared = new Set<NodeId>();
    const sources = new Set(version.replicas.flat());
    for (const node of view.nearest([...sources])) {
      if (this.#covers(version, compared, isSkipped)) return 'done';
      if (node === nodeId || isSkipped(node)) continue;
      if (await this.#compare(node)) compared.add(node);
    }
    return this.#covers(version, compared, isSkipped) ? 'done' : 'later';
  }

  #peers(): readonly NodeId[] {
    const { view, nodeId } = this.#options;
    return storingNodes(view).filter(node => node !== nodeId);
  }

  #stepAfter(delayMs: number): void {
    if (this.#isStopped) return;
    this.#timer = this.#options.environment.timers.after(delayMs, () => {
      this.#running = this.#step().finally(() => {
        const { random } = this.#options.environment;
        const isWaited = !this.isInSync();
        this.#stepAfter(SETTINGS_COMPARE_MS * (isWaited ? 0.1 : 0.75 + random.fraction() / 2));
      });
    });
  }

  /** One comparison, with one other node. Never rejects. */
  async #step(): Promise<void> {
    const { random } = this.#options.environment;
    if (this.#peers().length === 0) return;
    try {
      await this.#settleOld();
      const peer = this.#choose(random.fraction());
      if (peer !== undefined && (await this.#compare(peer))) this.#compared.add(peer);
    } catch (error) {
      this.#options.log.warn({ error }, 'settings could not be compared; it is tried again');
    }
  }

  /** Until the copy is in sync those that it has not met; then any. */
  #choose(fraction: number): NodeId | undefined {
    const { view } = this.#options;
    const up = this.#peers().filter(peer => view.isUp(peer));
    const unmet = this.isInSync() ? [] : up.filter(peer => !this.#compared.has(peer));
    const candidates = unmet.length > 0 ? unmet : up;
    return candidates[Math.floor(fraction * candidates.length)];
  }

  /** True when everything that the other node holds is here. */
  async #compare(peer: NodeId): Promise<boolean> {
    const own = await this.#options.actor.summary();
    const answer = await this.#ask(peer, { kind: 'settings-digest', root: own.root });
    if (answer.kind !== 'settings-digests') return false;
    const buckets =
      answer.buckets === undefined ? [] : differingBuckets(own.buckets, answer.buckets);
    if (buckets.length > 0 && !(await this.#pull(peer, buckets))) return false;
    return this.#learn(answer.undecided);
  }

  async #pull(peer: NodeId, buckets: readonly number[]): Promise<boolean> {
    let after: SettingsPlace | undefined;
    do {
      const request = { kind: 'settings-pull', buckets } as const;
      const page: SettingsReply | NoAnswer = await this.#ask(
        peer,
        after === undefined ? request : { ...request, after },
      );
      if (page.kind !== 'settings-page') return false;
      if (!(await this.#options.actor.takeOver(page.rows))) return false;
      after = page.next;
    } while (after !== undefined);
    return true;
  }

  #ask(peer: NodeId, request: SettingsRequest) {
    const { bus, subjects } = this.#options;
    return askGuarded(bus, subjects.settings(peer), [request, { timeoutMs: SETTINGS_ASK_MS }]);
  }

  /** Our own undecided rows that have been so since the last look. */
  async #settleOld(): Promise<void> {
    const { undecided } = await this.#options.actor.summary();
    const old = undecided.filter(row => this.#seenUndecided.has(row.ballot));
    this.#seenUndecided = new Set(undecided.map(row => row.ballot));
    for (const row of old) {
      await this.#whereAvailable(async () => {
        await this.#options.settings.settle(row);
        return true;
      });
    }
  }

  /** What another node holds undecided may have been decided, and is known here then. */
  async #learn(places: readonly SettingsPlace[]): Promise<boolean> {
    const { settings, actor } = this.#options;
    for (const { table, id } of places) {
      const isKept = await this.#whereAvailable(async () => {
        const row = await settings.readDecided(table, id);
        return row === undefined || actor.takeOver([{ row, ancestors: [] }]);
      });
      if (!isKept) return false;
    }
    // There may be more than it could tell: they are settled meanwhile.
    return places.length < SETTINGS_UNDECIDED_MAX;
  }

  async #whereAvailable(work: () => Promise<boolean>): Promise<boolean> {
    try {
      return await work();
    } catch (failure) {
      if (!(failure instanceof SettingsUnavailableError)) throw failure;
      return false;
    }
  }
}
