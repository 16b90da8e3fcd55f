/**
 * Whether this node's store remembers all that it once acknowledged, as far as its peers can say.
 *
 * Owns:          the own mark, those of peers as they were last heard, the verdict after a start.
 * Knows:         the store, the layout as the process knows it, the bus through a port.
 * Must not know: rows; how partitions are brought in again.
 *
 *   starting ──▶ asking ──▶ active           the peers remember nothing that is newer
 *                  │  └────▶ behind ──▶ active   all partitions were brought in again
 *                  ▼
 *               (asks again: too few peers have answered)
 *
 * Until it is active the node serves no reads and casts no vote. A mark is the incarnation of the
 * store and the count of its batches, which every batch carries. Peers keep what they heard every
 * few seconds: a store that was set back by less than that, while those who heard it last are away,
 * is not found out. Where nobody else is needed to read (one replica, or two) it is active as soon
 * as it knows a layout.
 *
 * What a store takes while it is not active are batches as well: started again, it would be as far
 * as it is remembered, with holes. So the first batch after each start says how far the store was
 * found, and it is compared by the least of what was found until it was active again.
 *
 * It may have forgotten that it acknowledged a layout version, too, by which a quorum was read
 * while it promised to take nothing by the version before. So a peer that answers tells its layout
 * first, and until the store is active it takes writes of a partition only once a write quorum of
 * the other replicas has answered: whoever brought the partition in had read one of those, who
 * knew the version. After a restart that takes some round trips, as long as nothing is read from
 * it anyhow. A node that was wiped takes writes as soon as all others (of three replicas) are
 * there, hours before it has caught up; while one of them is away it takes none, so that two of
 * three are out of service then. At its very first start it is active, and takes writes, a second
 * after it knows a layout.
 */
import type { KnownLayout } from '../../bus/known-layout.ts';
import { replicasOf, type LayoutVersion } from '../../schemas/cluster-layout.ts';
import type { Randomness, Timer, Timers } from '../../schemas/environment.ts';
import type { NodeId, PartitionId } from '../../schemas/ids.ts';
import { partitionId, PARTITIONS } from '../../schemas/ids.ts';
import { readQuorumOf, trackerOf, writeQuorumOf } from '../../schemas/layout-liveness.ts';
import type { StoreMark } from '../../schemas/messages/heartbeat.ts';
import type { StoreDoubt } from '../../schemas/records/store-mark-row.ts';
import {
  decodeDoubt,
  decodeMark,
  encodeDoubt,
  encodeMark,
  hasForgotten,
} from '../../schemas/records/store-mark-row.ts';
import { rowKey, TABLE } from '../../schemas/row-tables.ts';
import type { Log } from '../../schemas/telemetry.ts';
import type { PurposefulStore } from '../storage/commit-purpose.ts';
import { orDamage, readRow, readRowOr } from '../storage/row-damage.ts';
import type { Store, StoreOperation } from '../storage/store.ts';

export type StoreMarksOptions = {
  readonly nodeId: NodeId;
  readonly store: PurposefulStore;
  /** How many batches are durable: grows with each, survives restarts. */
  readonly batchCount: () => number;
  readonly known: KnownLayout;
  /** What a peer remembers of this node, once what it knows of the layout is known here, too;
   *  undefined: it does not answer. */
  readonly recall: (peer: NodeId) => Promise<{ readonly mark?: StoreMark } | undefined>;
  /** Brings in again every partition that this node holds; false: not yet. */
  readonly bringInAll: () => Promise<boolean>;
  readonly random: Randomness;
  readonly timers: Timers;
  readonly log: Log;
};

export type StoreState = 'asking' | 'behind' | 'active';

const KEEP_MS = 5000;
const ASK_MS = 500;
const BRING_MS = 2000;
const INCARNATION_BYTES = 8;
/** A mark that has grown by less is not written: idle nodes would keep each other writing. */
const WORTH_KEEPING = 8;

function markKey(node?: NodeId): Buffer {
  const what = Buffer.from('store-mark');
  return node === undefined
    ? rowKey(partitionId(0), TABLE.local, what)
    : rowKey(partitionId(0), TABLE.local, what, Buffer.from(node, 'hex'));
}

const DOUBT_KEY = rowKey(partitionId(0), TABLE.local, Buffer.from('store-doubt'));
/** A doubt that cannot be read: nothing is certain. */
const ALL_DOUBT: StoreDoubt = { found: 0, isBehind: true };

function readDoubt(store: Store): StoreDoubt | undefined {
  const doubt = orDamage(() => readRow(store, DOUBT_KEY, decodeDoubt));
  return doubt === 'damaged' ? ALL_DOUBT : doubt;
}

/** Whether the store was ever one of several. Throws what the store throws, damage excepted. */
export function hadPeers(store: Pick<Store, 'get'>): boolean {
  return orDamage(() => store.get(markKey())) !== undefined;
}

export class StoreMarks {
  readonly #options: StoreMarksOptions;
  #incarnation: string;
  /** How far the store was when it was last active, or was opened since then. */
  #doubt: StoreDoubt;
  /** As it lies on disk. */
  #keptDoubt: StoreDoubt | undefined;
  /** The incarnation is on disk, and no doubt is: it may be told. */
  #isKept = false;
  readonly #heard = new Map<NodeId, StoreMark>();
  readonly #kept = new Map<NodeId, StoreMark>();
  readonly #answered = new Set<NodeId>();
  #state: StoreState;
  #looking: Timer | undefined;
  #asking: Timer | undefined;
  #keeping: Timer | undefined;
  #running: Promise<unknown> = Promise.resolve();
  #isStopped = false;

  /** A damaged mark is a new incarnation: peers that remember another one bring the store in again.
   *  Throws what the store throws. */
  constructor(options: StoreMarksOptions) {
    const { store, batchCount } = options;
    this.#options = options;
    const mark = readRowOr(store, markKey(), decodeMark, undefined);
    this.#incarnation = mark?.incarnation ?? this.#draw();
    const kept = readDoubt(store);
    this.#keptDoubt = kept;
    const found = Math.min(batchCount(), kept?.found ?? Number.POSITIVE_INFINITY);
    this.#doubt = { found, isBehind: kept?.isBehind ?? false };
    this.#state = this.#doubt.isBehind ? 'behind' : 'asking';
    // Committed here, before anybody else commits anything.
    this.#running = this.#noted(this.#keepDoubt());
  }

  #draw(): string {
    return this.#options.random.bytes(INCARNATION_BYTES).toString('hex');
  }

  get state(): StoreState {
    return this.#state;
  }

  /** For the heartbeat; undefined while others may know a newer one. */
  get mark(): StoreMark | undefined {
    if (!this.#isKept || this.#state !== 'active') return undefined;
    return { incarnation: this.#incarnation, durable: this.#options.batchCount() };
  }

  /** What this node remembers of a peer, whatever state it is in itself. */
  remembered(node: NodeId): StoreMark | undefined {
    const heard = this.#heard.get(node);
    if (heard !== undefined) return heard;
    const bytes = this.#options.store.get(markKey(node));
    return bytes === undefined ? undefined : decodeMark(bytes);
  }

  /** A peer told its mark. */
  heard(node: NodeId, mark: StoreMark): void {
    this.#heard.set(node, mark);
  }

  /** Whether a write of this partition that is taken here may count. */
  takesWrites(partition: PartitionId): boolean {
    if (this.#state === 'active') return true;
    const { known, nodeId } = this.#options;
    if (known.head === undefined || this.#keptDoubt === undefined) return false;
    // What it knows and has not acknowledged (again) does not keep anything out.
    const { acked } = trackerOf(known.state, nodeId);
    if ([...known.state.versions.keys()].some(name => !acked.has(name))) return false;
    return known.live.every(layout => this.#haveAnswered(layout, partition, writeQuorumOf));
  }

  start(): void {
    this.#look();
    this.#askBeside();
    this.#keepLater();
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#looking?.cancel();
    this.#asking?.cancel();
    this.#keeping?.cancel();
    await this.#running;
  }

  #alone(work: () => Promise<void>): Promise<void> {
    const done = this.#noted(this.#running.then(work));
    this.#running = done;
    return done;
  }

  #noted(work: Promise<void>): Promise<void> {
    return work.catch((error: unknown) => {
      this.#options.log.warn({ error }, 'marks of stores could not be kept; it is tried again');
    });
  }

  // ---- after a start ------------------------------------------------------------------------

  #look(): void {
    if (this.#isStopped) return;
    void this.#alone(() => this.#step()).then(() => {
      if (this.#isStopped || (this.#state === 'active' && this.#isKept)) return;
      this.#looking?.cancel();
      const againMs = this.#state === 'behind' ? BRING_MS : ASK_MS;
      this.#looking = this.#options.timers.after(againMs, () => {
        this.#look();
      });
    });
  }

  async #step(): Promise<void> {
    await this.#keepDoubt();
    if (this.#state === 'asking') await this.#ask();
    if (this.#state === 'asking' && this.#hasEnoughAnswers()) this.#state = 'active';
    if (this.#state === 'behind') await this.#catchUp();
    if (this.#state === 'active' && !this.#isKept) await this.#settle();
  }

  async #catchUp(): Promise<void> {
    const { known, log, bringInAll } = this.#options;
    // Should the process end before all is here, the next one goes on.
    await this.#keepDoubt();
    // Before a layout is known it is not known what is to be brought in.
    if (this.#isStopped || known.head === undefined || !(await bringInAll())) return;
    // What it knows now is more than what was remembered of it: a new beginning.
    this.#incarnation = this.#draw();
    await this.#settle();
    this.#state = 'active';
    log.info({}, 'the store has again what other replicas have, and serves reads');
  }

  /** Bringing in may take hours, and writes are taken as soon as enough others have answered. */
  #askBeside(): void {
    this.#asking?.cancel();
    if (this.#isStopped || this.#state === 'active') return;
    const asked = this.#state === 'behind' ? this.#noted(this.#ask()) : Promise.resolve();
    void asked.then(() => {
      if (this.#isStopped) return;
      this.#asking = this.#options.timers.after(ASK_MS, () => {
        this.#askBeside();
      });
    });
  }

  async #ask(): Promise<void> {
    const { recall, log } = this.#options;
    const peers = this.#peers().filter(peer => !this.#answered.has(peer));
    await Promise.all(
      peers.map(async peer => {
        const answer = await recall(peer);
        if (answer === undefined) return;
        this.#answered.add(peer);
        if (answer.mark === undefined || this.#state !== 'asking') return;
        const mine = { incarnation: this.#incarnation, durable: this.#doubt.found };
        if (!hasForgotten(mine, answer.mark)) return;
        this.#isNowBehind();
        log.warn(
          { peer: peer.slice(0, 16) },
          'the store is older than a peer remembers it: it serves no reads until it has caught up',
        );
      }),
    );
  }

  #isNowBehind(): void {
    this.#state = 'behind';
    this.#isKept = false;
    this.#doubt = { ...this.#doubt, isBehind: true };
  }

  /** What an active store holds shows that it was set back, although nobody remembered more. */
  fallBehind(): void {
    if (this.#isStopped || this.#state !== 'active') return;
    this.#isNowBehind();
    this.#options.log.warn(
      {},
      'the store is older than it should be: it serves no reads until it has caught up',
    );
    this.#look();
    this.#askBeside();
  }

  #peers(): NodeId[] {
    const { known, nodeId } = this.#options;
    const nodes = new Set(
      known.live.flatMap(({ replicas }) => replicas.flatMap(of => (of.includes(nodeId) ? of : []))),
    );
    nodes.delete(nodeId);
    return [...nodes].sort();
  }

  /** Of every partition that it holds, in every live version, R − 1 others have answered. */
  #hasEnoughAnswers(): boolean {
    const { known } = this.#options;
    // An empty store does not know yet what it should hold.
    if (known.head === undefined) return false;
    const needed = (layout: LayoutVersion): number => readQuorumOf(layout) - 1;
    return known.live.every(layout =>
      PARTITIONS.every(partition => this.#haveAnswered(layout, partition, needed)),
    );
  }

  /** So many of the other replicas, or all of them; where it is none itself nobody need. */
  #haveAnswered(
    layout: LayoutVersion,
    partition: PartitionId,
    needed: (layout: LayoutVersion) => number,
  ): boolean {
    const nodes = replicasOf(layout, partition);
    if (!nodes.includes(this.#options.nodeId)) return true;
    const answered = nodes.filter(node => this.#answered.has(node)).length;
    return answered >= Math.min(needed(layout), nodes.length - 1);
  }

  // ---- keeping ------------------------------------------------------------------------------

  /** Above the limit of what grows: a disk that is too full is read all the same. */
  async #keepDoubt(): Promise<void> {
    const doubt = this.#doubt;
    const kept = this.#keptDoubt;
    if (this.#state === 'active') return;
    if (kept?.found === doubt.found && kept.isBehind === doubt.isBehind) return;
    const value = encodeDoubt(doubt);
    await this.#options.store.commit([{ kind: 'put', key: DOUBT_KEY, value }], 'frees-space');
    this.#keptDoubt = doubt;
  }

  /** From now on the store is what it says it is. Not before that is on disk others hear its mark,
   *  with which it would be compared by what it was found to be. */
  async #settle(): Promise<void> {
    const value = encodeMark({ incarnation: this.#incarnation, durable: 0 });
    await this.#options.store.commit(
      [
        { kind: 'put', key: markKey(), value },
        { kind: 'delete', key: DOUBT_KEY },
      ],
      'frees-space',
    );
    this.#keptDoubt = undefined;
    this.#isKept = true;
  }

  #keepLater(): void {
    if (this.#isStopped) return;
    this.#keeping = this.#options.timers.after(KEEP_MS, () => {
      void this.#alone(() => this.#keepHeard()).then(() => {
        this.#keepLater();
      });
    });
  }

  async #keepHeard(): Promise<void> {
    const fresh = [...this.#heard].filter(([node, mark]) => {
      const kept = this.#kept.get(node);
      if (kept?.incarnation !== mark.incarnation) return true;
      // Writing what was heard makes our own count grow, of which others write what they heard.
      return mark.durable >= kept.durable + WORTH_KEEPING;
    });
    if (fresh.length === 0) return;
    const operations = fresh.map(([node, mark]): StoreOperation => {
      return { kind: 'put', key: markKey(node), value: encodeMark(mark) };
    });
    await this.#options.store.commit(operations);
    for (const [node, mark] of fresh) this.#kept.set(node, mark);
  }
}
