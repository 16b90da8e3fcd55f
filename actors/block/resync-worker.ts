/**
 * Fetches from peers the blocks that are referred to here and are not whole.
 *
 * Owns:          what is fetched when, how many at a time, the pace, what is left to do.
 * Knows:         the queue, the partitions, the peers.
 * Must not know: why a block is in the queue.
 *
 * It goes through the queue page by page. While clients use this node it rests after each
 * page, in proportion to the time that the page took; while nobody does, it does not rest. What no
 * peer has, or what fails by itself, is tried again later and later; where no peer can be reached,
 * the queue is left as it is and looked at again soon, because nothing was learnt about its blocks.
 * A disk that takes nothing ends the pass.
 */
import type { BlockPeers } from '../../bus/block-peers.ts';
import type { Clock, Timer, Timers } from '../../schemas/environment.ts';
import type { BlockHash, PartitionId } from '../../schemas/ids.ts';
import { PARTITIONS } from '../../schemas/ids.ts';
import { BLOCK_BYTES_DEFAULT } from '../../schemas/limits.ts';
import type { Log } from '../../schemas/telemetry.ts';
import { WorkerJournal } from '../runtime/worker-journal.ts';
import type { ReportingWorker, WorkerReport } from '../runtime/worker-registry.ts';
import { checksumsMatch } from '../storage/block-format.ts';
import { NoSpaceForBlocksError } from '../storage/data-directories.ts';
import { StoreFullError, StoreUnavailableError } from '../storage/store.ts';
import { isNamed } from './block-comparison.ts';
import type { BlockPartition } from './block-partition.ts';
import type { BlockRepair, FetchedBlock } from './block-repair.ts';
import type { BlockStats } from './block-stats.ts';
import type { ResyncPace } from './resync-pace.ts';
import type { ResyncQueue } from './resync-queue.ts';

export type ResyncWorkerOptions = {
  /** By partition id. */
  readonly partitions: readonly BlockPartition[];
  readonly queue: ResyncQueue;
  readonly peers: Pick<BlockPeers, 'peersOf' | 'ask'>;
  readonly pace: ResyncPace;
  readonly stats: BlockStats;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly log: Log;
};

export type ResyncStatus = {
  readonly isBusy: boolean;
  /** Blocks in the queue, and those of them that were tried in vain. */
  readonly queueLength: number;
  readonly erroredBlocks: number;
  /** About: nobody knows how long a block is that is not here. */
  readonly bytesLeft: number;
  /** At the pace of the last minute; undefined: nothing is under way. */
  readonly etaMs: number | undefined;
};

/** Blocks that one worker has under way: each waits for a round trip, most of the time. */
const FETCHES_PER_WORKER = 16;
const PAGE_BLOCKS = 256;
const FIRST_LOOK_MS = 1000;
/** Where nothing is due, or nobody could be reached. */
const IDLE_MS = 10_000;
const UNREACHABLE_MS = 3000;
const FAILED_MS = 30_000;
const RATE_WINDOW_MS = 60_000;

type Due = { readonly partition: PartitionId; readonly hash: BlockHash };

/** How one block fared. */
type Outcome = 'done' | 'postponed' | 'unreachable';

export class ResyncWorker implements ReportingWorker {
  readonly journal: WorkerJournal;
  readonly #options: ResyncWorkerOptions;
  #timer: Timer | undefined;
  #running: Promise<unknown> | undefined;
  #isStopped = false;
  #isBusy = false;
  #wasKicked = false;
  /** Ends a rest. */
  #wake: () => void = () => undefined;
  /** When so many blocks had left the queue. */
  readonly #samples: { readonly atMs: number; readonly done: number }[] = [];
  #done = 0;

  constructor(options: ResyncWorkerOptions) {
    this.#options = options;
    this.journal = new WorkerJournal(options.clock);
    options.queue.onAdded = () => {
      this.kick();
    };
  }

  get status(): ResyncStatus {
    const { queue, stats } = this.#options;
    const blockBytes =
      stats.restored === 0 ? BLOCK_BYTES_DEFAULT : stats.restoredBytes / stats.restored;
    return {
      isBusy: this.#isBusy,
      queueLength: queue.length,
      erroredBlocks: queue.errored,
      bytesLeft: Math.round(queue.length * blockBytes),
      etaMs: this.#etaMs(),
    };
  }

  report(): WorkerReport {
    const { isBusy, queueLength, erroredBlocks, bytesLeft, etaMs } = this.status;
    return {
      name: 'Block resync worker',
      state: isBusy ? 'busy' : 'idle',
      tranquility: this.#options.pace.tranquility,
      queueLength,
      persistentErrors: erroredBlocks,
      freeform: [
        ...(queueLength === 0 ? [] : [`About ${String(bytesLeft)} bytes to fetch`]),
        ...(etaMs === undefined ? [] : [`Done in about ${String(Math.ceil(etaMs / 1000))} s`]),
      ],
    };
  }

  start(): void {
    this.#runIn(FIRST_LOOK_MS);
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#timer?.cancel();
    this.#wake();
    await this.#running;
  }

  /** Goes through the queue once, or waits for the pass that is under way. Never rejects. */
  pass(): Promise<'idle' | 'unreachable' | 'failed'> {
    const pass = this.#pass().finally(() => {
      this.#running = undefined;
      this.#isBusy = false;
    });
    this.#running = pass;
    return pass;
  }

  #runIn(ms: number): void {
    this.#timer?.cancel();
    if (this.#isStopped) return;
    this.#timer = this.#options.timers.after(ms, () => {
      this.#timer = undefined;
      void this.pass().then(outcome => {
        const restMs = { idle: IDLE_MS, unreachable: UNREACHABLE_MS, failed: FAILED_MS }[outcome];
        // Something may have been added meanwhile, in a partition that was passed already.
        this.#runIn(outcome === 'idle' && this.#wasKicked ? 0 : restMs);
      });
    });
  }

  /** Looks into the queue soon, unless it does. */
  kick(): void {
    this.#wasKicked = true;
    if (this.#timer !== undefined && this.#running === undefined) this.#runIn(0);
  }

  async #pass(): Promise<'idle' | 'unreachable' | 'failed'> {
    this.#wasKicked = false;
    const { queue, clock, stats, pace } = this.#options;
    const unreachable = new Set<PartitionId>();
    try {
      await queue.load();
      const pages = this.#duePages(unreachable);
      for (;;) {
        const startedMs = clock.monotonicMs();
        const requests = stats.requests;
        const page = await pages.next();
        if (page.done === true) break;
        await this.#lookAfter(page.value, unreachable);
        const isUsed = stats.requests > requests;
        if (isUsed) await this.#rest((clock.monotonicMs() - startedMs) * pace.tranquility);
      }
      this.journal.succeeded();
      return unreachable.size > 0 ? 'unreachable' : 'idle';
    } catch (error) {
      this.journal.failed(error);
      this.#options.log.warn({ error }, 'blocks cannot be resynced now; it goes on later');
      return 'failed';
    }
  }

  /** What is due, partition by partition. A page goes on into the next one: most hold few, and a
   *  round trip for each of them would be most of the time. */
  async *#duePages(unreachable: ReadonlySet<PartitionId>): AsyncGenerator<readonly Due[]> {
    const { queue, clock } = this.#options;
    let due: Due[] = [];
    for (const partition of PARTITIONS) {
      for (let after: Buffer | undefined; !queue.isEmptyIn(partition) && !this.#isStopped;) {
        if (unreachable.has(partition)) break;
        const page = await queue.page(partition, after, PAGE_BLOCKS);
        for (const { hash, dueMs } of page.blocks) {
          if (dueMs <= clock.wallMs()) due.push({ partition, hash });
        }
        if (due.length >= PAGE_BLOCKS) {
          yield due;
          due = [];
        }
        if (page.next === undefined) break;
        after = page.next;
      }
    }
    if (due.length > 0 && !this.#isStopped) yield due;
  }

  /** Adds partitions of which no replica could be reached. */
  async #lookAfter(page: readonly Due[], unreachable: Set<PartitionId>): Promise<void> {
    this.#isBusy = true;
    const left = page.values();
    const work = async (): Promise<void> => {
      for (const { partition, hash } of left) {
        if (this.#isStopped) return;
        if (unreachable.has(partition)) continue;
        const outcome = await this.#lookAfterOne(partition, hash);
        if (outcome === 'unreachable') unreachable.add(partition);
        else if (outcome === 'done') this.#countDone();
      }
    };
    const workers = this.#options.pace.workers * FETCHES_PER_WORKER;
    const results = await Promise.allSettled(Array.from({ length: workers }, work));
    const failed = results.find(result => result.status === 'rejected');
    if (failed !== undefined) throw failed.reason;
  }

  /** What fails with this block alone must not keep those behind it waiting. */
  async #lookAfterOne(partition: PartitionId, hash: BlockHash): Promise<Outcome> {
    const { partitions, clock, log } = this.#options;
    const repair = partitions[partition]?.repair;
    if (repair === undefined) return 'unreachable';
    try {
      return await this.#tryOne(repair, partition, hash);
    } catch (error) {
      if (failsForAll(error)) throw error;
      this.journal.failed(error);
      log.warn({ error, hash }, 'a block cannot be looked after now; it is tried again later');
      await repair.postpone(hash, clock.wallMs());
      return 'postponed';
    }
  }

  async #tryOne(repair: BlockRepair, partition: PartitionId, hash: BlockHash): Promise<Outcome> {
    if ((await repair.examine(hash)) !== 'missing') return 'done';
    const fetched = await this.#fetch(partition, hash);
    if (fetched === 'unreachable') return 'unreachable';
    if (fetched === 'nowhere') {
      await repair.postpone(hash, this.#options.clock.wallMs());
      return 'postponed';
    }
    await repair.restore(hash, fetched);
    return 'done';
  }

  /** From the nearest peer that has it whole. `nowhere`: at least one said that it has not. */
  async #fetch(
    partition: PartitionId,
    hash: BlockHash,
  ): Promise<FetchedBlock | 'nowhere' | 'unreachable'> {
    const { peers, log } = this.#options;
    let heard = false;
    for (const node of peers.peersOf(partition)) {
      const reply = await peers.ask(node, partition, { kind: 'block-fetch', hash });
      if (reply?.kind === 'whole') {
        if (isWhole(hash, reply)) return reply;
        log.warn({ node, hash }, 'a peer sent a block that is not what its name says');
      }
      heard ||= reply !== undefined && reply.kind !== 'overloaded';
    }
    return heard ? 'nowhere' : 'unreachable';
  }

  #countDone(): void {
    const atMs = this.#options.clock.monotonicMs();
    this.#done += 1;
    const last = this.#samples.at(-1);
    // A sample a second is enough.
    if (last !== undefined && atMs - last.atMs < 1000) return;
    this.#samples.push({ atMs, done: this.#done });
    while (atMs - this.#samples[0]!.atMs > RATE_WINDOW_MS) this.#samples.shift();
  }

  #etaMs(): number | undefined {
    const first = this.#samples[0];
    const { queue, clock } = this.#options;
    if (first === undefined || !this.#isBusy) return undefined;
    const elapsedMs = clock.monotonicMs() - first.atMs;
    const done = this.#done - first.done;
    if (elapsedMs <= 0 || done === 0) return undefined;
    return Math.round((queue.length * elapsedMs) / done);
  }

  async #rest(ms: number): Promise<void> {
    if (ms <= 0 || this.#isStopped) return;
    await new Promise<void>(resolve => {
      const timer = this.#options.timers.after(ms, resolve);
      this.#wake = () => {
        timer.cancel();
        resolve();
      };
    });
  }
}

/** The store or the disks take nothing, whichever block it is. */
function failsForAll(error: unknown): boolean {
  return (
    error instanceof StoreUnavailableError ||
    error instanceof StoreFullError ||
    error instanceof NoSpaceForBlocksError
  );
}

function isWhole(hash: BlockHash, { bytes, checksums }: FetchedBlock): boolean {
  return checksumsMatch(bytes, checksums) && isNamed(bytes, hash);
}
