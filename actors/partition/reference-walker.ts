/**
 * Finds what is referenced by nobody who lives, and gives it back.
 *
 * Owns:          the walk over all block references and all manifests of a node, and its pace.
 * Knows:         owners; who may still be at work.
 * Must not know: how references are stored, and what an owner's rows look like.
 *
 * Everything else releases what it knows to be dead; this finds what nobody knew any more: what a
 * gateway left when it died, what a damaged row named. It runs once after the start and then daily,
 * a page at a time, and rests nine times as long as it works. A page that fails is tried again; the
 * walk goes on there, not at its beginning.
 */
import type { BlockClient } from '../../bus/block-client.ts';
import type { TableClient } from '../../bus/table-client.ts';
import { partitionOfManifest } from '../../bus/table-client.ts';
import type { Clock, Timer, Timers } from '../../schemas/environment.ts';
import type { BlockHash, PartitionId } from '../../schemas/ids.ts';
import { UNFINISHED_DEAD_MS } from '../../schemas/limits.ts';
import type { BlockOwner } from '../../schemas/records/block-owner.ts';
import { ownerId } from '../../schemas/records/block-owner.ts';
import type { Log } from '../../schemas/telemetry.ts';
import { timestampMs, timestampStamper } from '../../schemas/timestamp.ts';
import { WorkerJournal } from '../runtime/worker-journal.ts';
import type { ReportingWorker, WorkerReport } from '../runtime/worker-registry.ts';
import { manifestsOf } from './manifest-walk.ts';
import type { TablePartition } from './table-partition.ts';

/** Live references of one block partition, in a fixed order. `next`: where to go on, or the end. */
export type WalkedReferences = {
  readonly references: readonly { readonly hash: BlockHash; readonly owner: BlockOwner }[];
  readonly next?: Buffer;
};

export type ReferenceWalkerOptions = {
  readonly partitions: readonly TablePartition[];
  /** Whether the store may have forgotten something: nothing is released then. Absent: never. */
  readonly isBehind?: () => boolean;
  /** Of a block partition of this node, behind `after`. May reject: it is tried again. */
  readonly listReferences: (
    partition: PartitionId,
    after: Buffer | undefined,
    limit: number,
  ) => Promise<WalkedReferences>;
  readonly tables: Pick<TableClient, 'ask' | 'partitionOf'>;
  readonly blocks: Pick<BlockClient, 'releaseReferences'>;
  /** Is this stamper (16 hex digits) a process that lives? */
  readonly isLiveStamper: (stamper: string) => boolean;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly log: Log;
};

export type WalkerStatus = {
  readonly state: 'stopped' | 'resting' | 'walking';
  /** Of the walk that is under way, or of the last one. */
  readonly checked: number;
  readonly released: number;
};

const PAGE_OWNERS = 256;
const DAY_MS = 24 * 3600 * 1000;
/** After a page it rests so many times as long as the page took, within these bounds. */
const REST_FACTOR = 9;
const REST_MS_MIN = 20;
const REST_MS_MAX = 10_000;
const RETRY_MS = 30_000;
/** A page that fails so often must not hold up the rest: the next walk comes by again. */
const PAGE_FAILURES_MAX = 8;

/** Where the walk is: first all references, then all manifests, partition by partition. */
type Position = {
  readonly stage: 'references' | 'manifests';
  readonly partitionIndex: number;
  readonly after: Buffer | undefined;
};
const START: Position = { stage: 'references', partitionIndex: 0, after: undefined };

/** Something that an owner holds: blocks, or manifest rows. */
type Holding = { readonly owner: BlockOwner; readonly hash: BlockHash | undefined };
type OwnersOfPartition = Map<string, BlockOwner>;

export class ReferenceWalker implements ReportingWorker {
  readonly journal: WorkerJournal;
  readonly #options: ReferenceWalkerOptions;
  #position: Position | undefined = START;
  #state: WalkerStatus['state'] = 'stopped';
  #checked = 0;
  #released = 0;
  #failures = 0;
  #timer: Timer | undefined;
  #running: Promise<void> = Promise.resolve();

  constructor(options: ReferenceWalkerOptions) {
    this.#options = options;
    this.journal = new WorkerJournal(options.clock);
  }

  get status(): WalkerStatus {
    return { state: this.#state, checked: this.#checked, released: this.#released };
  }

  report(): WorkerReport {
    const { stage, partitionIndex } = this.#position ?? START;
    const part = partitionIndex / this.#options.partitions.length;
    const share = this.#position === undefined ? 1 : (stage === 'references' ? part : 1 + part) / 2;
    return {
      name: 'Reference check',
      state: this.#state === 'walking' ? 'busy' : 'idle',
      progress: `${(share * 100).toFixed(2)}%`,
      freeform: [`Checked: ${String(this.#checked)}`, `Released: ${String(this.#released)}`],
    };
  }

  /** Begins the next walk, unless one is under way. */
  walkNow(): void {
    if (this.#state !== 'resting') return;
    this.#timer?.cancel();
    this.#stepAfter(REST_MS_MIN);
  }

  start(): void {
    this.#state = 'resting';
    this.#stepAfter(REST_MS_MIN);
  }

  async stop(): Promise<void> {
    this.#state = 'stopped';
    this.#timer?.cancel();
    await this.#running;
  }

  /** One page. `done`: the walk has come to its end; the next call begins a new one. */
  async step(): Promise<'more' | 'done' | 'failed'> {
    if (this.#options.isBehind?.() === true) return 'failed';
    if (this.#position === undefined) {
      this.#position = START;
      this.#checked = 0;
      this.#released = 0;
    }
    const position = this.#position;
    const partition = this.#options.partitions[position.partitionIndex];
    if (partition === undefined) return this.#nextStage(position);
    try {
      const next = await this.#page(position, partition);
      this.#failures = 0;
      this.journal.succeeded();
      this.#position = next === undefined ? nextPartition(position) : { ...position, after: next };
      return 'more';
    } catch (error) {
      this.#options.log.warn({ error }, 'references could not be checked; they are tried again');
      this.journal.failed(error);
      this.#failures += 1;
      if (this.#failures >= PAGE_FAILURES_MAX) {
        this.#position = nextPartition(position);
        this.#failures = 0;
      }
      return 'failed';
    }
  }

  #nextStage({ stage }: Position): 'more' | 'done' {
    this.#position = stage === 'references' ? { ...START, stage: 'manifests' } : undefined;
    return this.#position === undefined ? 'done' : 'more';
  }

  #stepAfter(delayMs: number): void {
    if (this.#state === 'stopped') return;
    this.#timer = this.#options.timers.after(delayMs, () => {
      this.#running = this.#stepAndRest();
    });
  }

  async #stepAndRest(): Promise<void> {
    if (this.#state === 'stopped') return;
    this.#state = 'walking';
    const { clock, log } = this.#options;
    const startedMs = clock.monotonicMs();
    const outcome = await this.step();
    // It may have been stopped meanwhile.
    if ((this.#state as WalkerStatus['state']) === 'stopped') return;
    if (outcome === 'done') {
      this.#state = 'resting';
      const { checked, released } = this.status;
      if (released > 0) log.info({ checked, released }, 'references of the dead were released');
      this.#stepAfter(DAY_MS);
    } else if (outcome === 'failed') this.#stepAfter(RETRY_MS);
    else {
      const restMs = (clock.monotonicMs() - startedMs) * REST_FACTOR;
      this.#stepAfter(Math.min(REST_MS_MAX, Math.max(REST_MS_MIN, restMs)));
    }
  }

  /** Where the next page begins; undefined when this partition is done. */
  async #page({ stage, after }: Position, partition: TablePartition): Promise<Buffer | undefined> {
    if (stage === 'references') {
      const page = await this.#options.listReferences(partition.partition, after, PAGE_OWNERS);
      await this.#release(page.references);
      return page.next;
    }
    const { owners, next } = await manifestsOf(partition, after, PAGE_OWNERS);
    await this.#release(owners.map(owner => ({ owner, hash: undefined })));
    return next;
  }

  async #release(holdings: readonly Holding[]): Promise<void> {
    const dead = await this.#deadOwners(holdings.map(({ owner }) => owner));
    const hashes = new Map<string, { owner: BlockOwner; hashes: Set<BlockHash> }>();
    for (const { owner, hash } of holdings) {
      const id = ownerId(owner);
      if (!dead.has(id)) continue;
      const group = hashes.get(id) ?? { owner, hashes: new Set() };
      if (hash !== undefined) group.hashes.add(hash);
      hashes.set(id, group);
    }
    for (const group of hashes.values()) await this.#releaseOne(group.owner, [...group.hashes]);
    this.#checked += holdings.length;
  }

  async #releaseOne(owner: BlockOwner, hashes: readonly BlockHash[]): Promise<void> {
    const { blocks, tables } = this.#options;
    if (hashes.length > 0) {
      const outcome = await blocks.releaseReferences(owner, hashes);
      if (outcome === 'failed') throw new Error('a block partition could not be asked');
      this.#released += hashes.length;
      return;
    }
    const id = ownerId(owner);
    const reply = await tables.ask(partitionOfManifest(id), { kind: 'manifest-drop', id });
    if (reply.kind !== 'written') throw new Error(`a manifest was not dropped: ${reply.kind}`);
    this.#released += 1;
  }

  /** The ids of those that can never appear any more. */
  async #deadOwners(owners: readonly BlockOwner[]): Promise<ReadonlySet<string>> {
    const byPartition = new Map<PartitionId, OwnersOfPartition>();
    for (const owner of owners) {
      const partition = this.#options.tables.partitionOf(owner);
      const group = byPartition.get(partition) ?? new Map<string, BlockOwner>();
      byPartition.set(partition, group.set(ownerId(owner), owner));
    }
    const dead = new Set<string>();
    for (const [partition, group] of byPartition) {
      for (const id of await this.#askWhichAreDead(partition, [...group.values()])) dead.add(id);
    }
    return dead;
  }

  async #askWhichAreDead(
    partition: PartitionId,
    owners: readonly BlockOwner[],
  ): Promise<readonly string[]> {
    const asked = owners.map(owner => ({ owner, mayBeUnderWay: this.#mayBeUnderWay(owner) }));
    const reply = await this.#options.tables.ask(partition, {
      kind: 'owners-check',
      owners: asked,
    });
    if (reply.kind !== 'owners') throw new Error(`owners could not be checked: ${reply.kind}`);
    return owners.filter((_, index) => reply.states[index] === 'dead').map(ownerId);
  }

  /** Begun by a process that lives, and not so long ago that it must have given up. */
  #mayBeUnderWay(owner: BlockOwner): boolean {
    const id = ownerId(owner);
    const ageMs = this.#options.clock.wallMs() - timestampMs(id);
    return ageMs < UNFINISHED_DEAD_MS && this.#options.isLiveStamper(timestampStamper(id));
  }
}

function nextPartition(position: Position): Position {
  return { ...position, partitionIndex: position.partitionIndex + 1, after: undefined };
}
