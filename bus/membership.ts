/**
 * Who is in the cluster, as seen from this process: heartbeats out and in, and what they tell.
 *
 * Owns:          the peers; when each was heard, how far it is, whether it is up.
 * Knows:         the bus, heartbeats, the layout as the process knows it.
 * Must not know: what nodes store.
 *
 * Heartbeats are hints: nothing that must arrive depends on one. Their digests show who knows
 * another layout; a storage node that does is asked for it, one after the other, until nobody knows
 * anything new.
 */
import type { Environment, Timer } from '../schemas/environment.ts';
import type { NodeId } from '../schemas/ids.ts';
import { holdersOf } from '../schemas/layout-liveness.ts';
import { MEMBERS_MAX } from '../schemas/limits.ts';
import type { Heartbeat } from '../schemas/messages/heartbeat.ts';
import { layoutDigest } from '../schemas/records/layout-state-row.ts';
import type { Bus, Subscription } from './bus.ts';
import type { ClusterClock } from './cluster-clock.ts';
import { FailureDetector } from './failure-detector.ts';
import type { KnownLayout } from './known-layout.ts';
import { LayoutPull } from './layout-pull.ts';
import type { PeerOffsets } from './peer-offsets.ts';
import { PeerPings } from './peer-pings.ts';
import type { Subjects } from './subjects.ts';

/** What this process says of itself beside what membership knows. */
export type OwnFacts = Pick<
  Heartbeat,
  'hostname' | 'address' | 'garageVersion' | 'mark' | 'work' | 'data' | 'metadata'
>;

export type MembershipOptions = {
  readonly bus: Bus;
  readonly subjects: Subjects;
  readonly environment: Environment;
  readonly nodeId: NodeId;
  /** By which requests of this process are known to others. */
  readonly process: number;
  readonly roles: Heartbeat['roles'];
  readonly known: KnownLayout;
  readonly facts: () => OwnFacts;
  readonly offsets: PeerOffsets;
  readonly clock: ClusterClock;
};

export type Peer = {
  readonly beat: Heartbeat;
  /** Monotonic. */
  readonly heardAtMs: number;
};

const BEAT_MS = 500;
const TICK_MS = 250;
/** A change is told at once, but not more often than this. */
const SOON_MS = 50;
/** Who is in no layout, and was not heard for so long, is forgotten. */
const FORGET_MS = 3_600_000;

export class Membership {
  readonly #options: MembershipOptions;
  readonly #peers = new Map<NodeId, Peer>();
  readonly #detector: FailureDetector;
  readonly #pull: LayoutPull;
  readonly #pings: PeerPings;
  readonly #onDown = new Set<(node: NodeId) => void>();
  readonly #onUp = new Set<(node: NodeId) => void>();
  readonly #timers = new Map<'beat' | 'tick' | 'soon', Timer>();
  #subscriptions: Subscription[] = [];
  #state: 'new' | 'running' | 'stopped' = 'new';
  /** Changes with who is up and with who is near. */
  #epoch = 0;

  constructor(options: MembershipOptions) {
    this.#options = options;
    const { clock } = options.environment;
    this.#detector = new FailureDetector(TICK_MS, clock.monotonicMs());
    this.#pings = new PeerPings({
      ...options,
      measured: () => {
        this.#epoch += 1;
      },
      reaches: (node, isReached) => {
        if (!isReached) this.#tellDown(node);
        else if (this.#detector.isUp(node)) this.#tellUp(node);
      },
    });
    this.#pull = new LayoutPull(options);
  }

  start(): void {
    const { bus, subjects, known } = this.#options;
    this.#state = 'running';
    this.#subscriptions = [
      bus.listen(subjects.heartbeat(), beat => {
        this.#hear(beat);
      }),
      known.onChange(() => {
        this.#beatSoon();
      }),
    ];
    this.#expectHolders();
    this.#beat();
    this.#tick();
  }

  /** Says goodbye, unless it is to look as if the process had died. */
  stop(how: 'goodbye' | 'silent' = 'goodbye'): void {
    if (this.#state !== 'running') return;
    this.#state = 'stopped';
    for (const timer of this.#timers.values()) timer.cancel();
    for (const subscription of this.#subscriptions) subscription.close();
    this.#pull.stop();
    if (how === 'goodbye') this.#publish(true);
  }

  // ---- what is known ------------------------------------------------------------------------

  get peers(): ReadonlyMap<NodeId, Peer> {
    return this.#peers;
  }

  get epoch(): number {
    return this.#epoch;
  }

  isUp(node: NodeId): boolean {
    if (node === this.#options.nodeId) return true;
    return this.#detector.isUp(node) && this.#pings.isReached(node);
  }

  /** Heard, and not given up since. */
  isHeard(node: NodeId): boolean {
    return this.#peers.has(node) && this.#detector.isUp(node);
  }

  /** Round trip in milliseconds; undefined: not measured. */
  roundTripMs(node: NodeId): number | undefined {
    return this.#pings.roundTripMs(node);
  }

  onDown(listener: (node: NodeId) => void): Subscription {
    this.#onDown.add(listener);
    return { close: () => this.#onDown.delete(listener) };
  }

  /** A node was heard for the first time, or again. */
  onUp(listener: (node: NodeId) => void): Subscription {
    this.#onUp.add(listener);
    return { close: () => this.#onUp.delete(listener) };
  }

  // ---- hearing ------------------------------------------------------------------------------

  #hear(beat: Heartbeat): void {
    const { nodeId, environment } = this.#options;
    if (beat.node === nodeId || this.#state !== 'running') return;
    const heardAtMs = environment.clock.monotonicMs();
    const before = this.#peers.get(beat.node);
    if (before === undefined && this.#peers.size >= MEMBERS_MAX) return;
    this.#peers.set(beat.node, { beat, heardAtMs });
    if (beat.isLeaving) {
      if (this.#detector.left(beat.node)) this.#tellDown(beat.node);
      return;
    }
    // It died and is here again, sooner than its silence was noticed: nobody answers what was asked
    // of the process before.
    const isAnother = before !== undefined && before.beat.process !== beat.process;
    if (isAnother && this.#detector.isUp(beat.node)) this.#tellDown(beat.node);
    const isBack = this.#detector.heard(beat.node, heardAtMs) || isAnother;
    if (beat.roles.includes('storage')) this.#hearStorage(beat, isBack);
    if (!isBack) return;
    this.#tellUp(beat.node);
    // Who is new hears of us now.
    this.#beatSoon();
  }

  #hearStorage({ node, layoutDigest: digest }: Heartbeat, isBack: boolean): void {
    this.#pull.heard(node, digest);
    if (isBack) this.#pings.askNow(node);
  }

  #tellUp(node: NodeId): void {
    this.#epoch += 1;
    for (const listener of [...this.#onUp]) listener(node);
  }

  #tellDown(node: NodeId): void {
    this.#epoch += 1;
    for (const listener of [...this.#onDown]) listener(node);
  }

  // ---- ticking ------------------------------------------------------------------------------

  #later(what: 'beat' | 'tick' | 'soon', delayMs: number, then: () => void): void {
    this.#timers.get(what)?.cancel();
    const timer = this.#options.environment.timers.after(delayMs, () => {
      this.#timers.delete(what);
      then();
    });
    this.#timers.set(what, timer);
  }

  #tick(): void {
    const nowMs = this.#options.environment.clock.monotonicMs();
    this.#expectHolders();
    for (const node of this.#detector.tick(nowMs)) this.#tellDown(node);
    this.#forgetStrangers(nowMs);
    this.#pings.tick(this.#storagePeers());
    this.#hearClocks();
    this.#later('tick', TICK_MS, () => {
      this.#tick();
    });
  }

  #storagePeers(): NodeId[] {
    return [...this.#peers.values()].flatMap(({ beat }) =>
      beat.roles.includes('storage') && this.#detector.isUp(beat.node) ? [beat.node] : [],
    );
  }

  #expectHolders(): void {
    const { known, nodeId, environment } = this.#options;
    const nowMs = environment.clock.monotonicMs();
    for (const layout of known.live) {
      this.#detector.expect(
        [...holdersOf(layout)].filter(node => node !== nodeId),
        nowMs,
      );
    }
  }

  #forgetStrangers(nowMs: number): void {
    for (const [node, { heardAtMs }] of this.#peers) {
      if (nowMs - heardAtMs < FORGET_MS) continue;
      if (this.#options.known.live.some(layout => layout.roles.has(node))) continue;
      this.#peers.delete(node);
      this.#detector.forget(node);
      this.#pings.forget(node);
      this.#pull.forget(node);
    }
  }

  #hearClocks(): void {
    const { known, nodeId, offsets, clock } = this.#options;
    const holders = holdersOf(known.current);
    clock.hear({
      others: offsets.wallsNow([...holders].filter(node => node !== nodeId && this.isUp(node))),
      isCounted: holders.has(nodeId),
      count: holders.size,
    });
  }

  // ---- telling ------------------------------------------------------------------------------

  #beatSoon(): void {
    if (this.#state !== 'running' || this.#timers.has('soon')) return;
    this.#later('soon', SOON_MS, () => {
      this.#beat();
    });
  }

  #beat(): void {
    this.#publish(false);
    this.#later('beat', BEAT_MS, () => {
      this.#beat();
    });
  }

  #publish(isLeaving: boolean): void {
    const { bus, subjects, nodeId, process, roles, known, facts } = this.#options;
    bus.publish(subjects.heartbeat(), {
      ...facts(),
      ...{ node: nodeId, process, roles, isLeaving },
      layoutDigest: layoutDigest(known.state),
      layoutVersion: known.current.version,
    });
  }
}
