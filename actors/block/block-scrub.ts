/**
 * Rereads every block file in the course of a month and compares its SHA-256 with its name.
 *
 * Owns:          the pace, the place it has reached (a row), what it found.
 * Knows:         block files and their tree.
 * Must not know: references; how a damaged block is repaired.
 *
 * Reads verify the fast checksum only. That one travels with the block from the gateway on, so
 * bytes and checksum agree even where both are wrong; the name is the last word. The place is saved
 * after each directory: a restart reads at most one directory twice. A round that an operator asks
 * for runs as fast as its tranquility lets it; the next monthly one counts from there.
 *
 * A directory that cannot be listed must not keep a round from those behind it: it is passed by,
 * and tried again each day once the round has ended.
 */
import { createHash } from 'node:crypto';
import { FieldReader, pack } from '../../schemas/codec.ts';
import type { Clock, Files, Timer, Timers } from '../../schemas/environment.ts';
import type { BlockHash } from '../../schemas/ids.ts';
import { partitionId } from '../../schemas/ids.ts';
import { READ_PIECE_BYTES } from '../../schemas/limits.ts';
import { rowKey, TABLE } from '../../schemas/row-tables.ts';
import type { Log } from '../../schemas/telemetry.ts';
import type { BlockFiles } from '../storage/block-files.ts';
import { contentOfLeaf, LEAF_NAMES, leavesOf } from '../storage/block-tree.ts';
import type { PurposefulStore } from '../storage/commit-purpose.ts';
import type { DataDirectories } from '../storage/data-directories.ts';
import type { ReportingWorker, WorkerReport } from '../runtime/worker-registry.ts';
import { WorkerJournal } from '../runtime/worker-journal.ts';
import { readRowOr } from '../storage/row-damage.ts';
import type { BlockStats } from './block-stats.ts';
import { keepOrders, readOrders, type ScrubOrders } from './scrub-orders.ts';

export type BlockScrubOptions = {
  readonly files: Files;
  readonly directories: DataDirectories;
  readonly blockFiles: BlockFiles;
  readonly store: PurposefulStore;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly log: Log;
  readonly stats: BlockStats;
  /** Told of each damaged block. */
  readonly onDamaged?: (hash: BlockHash) => void;
};

/** Where a round is; `leaf`: the last directory that was read, `ab/c0`, or nothing yet. */
type Place = { readonly startedMs: number; readonly root: number; readonly leaf: string };

export type ScrubState = Place & {
  readonly isRunning: boolean;
  /** Since the process started. */
  readonly checkedBlocks: number;
  readonly checkedBytes: number;
  readonly damagedBlocks: number;
};

const DAY_MS = 24 * 3600 * 1000;
const ROUND_MS = 30 * DAY_MS;
/** Rests of a round that was asked for. */
const HURRIED_REST_MS_MAX = 10_000;
const LEAVES_PER_ROOT = 4096;
const FIRST_STEP_MS = 60_000;
const RETRY_MS = 10 * 60 * 1000;
const FORMAT = 1;
const PLACE_KEY = rowKey(partitionId(0), TABLE.local, Buffer.from('block-scrub'));

export type ScrubCommand = 'start' | 'pause' | 'resume' | 'cancel';

export class BlockScrub implements ReportingWorker {
  readonly journal: WorkerJournal;
  readonly #options: BlockScrubOptions;
  #orders: ScrubOrders | undefined;
  /** Grows with every round that is begun by hand: a step of an earlier one saves no place. */
  #round = 0;
  #isStepping = false;
  #place: Place | undefined;
  #timer: Timer | undefined;
  #step: Promise<unknown> | undefined;
  #isStopped = false;
  #checkedBlocks = 0;
  #checkedBytes = 0;
  #damagedBlocks = 0;
  /** Directories that could not be listed. */
  readonly #passed = new Set<string>();
  /** Of the damaged ones, how many are in the orders' count. */
  #countedBlocks = 0;

  constructor(options: BlockScrubOptions) {
    this.#options = options;
    this.journal = new WorkerJournal(options.clock);
  }

  get orders(): ScrubOrders {
    this.#orders ??= readOrders(this.#options.store);
    return this.#orders;
  }

  /** Found by it ever. */
  get damagedEver(): number {
    return this.orders.damagedBefore + this.#damagedBlocks - this.#countedBlocks;
  }

  /** When the next monthly round begins, by the wall clock. */
  get nextRoundMs(): number {
    return this.#readPlace().startedMs + ROUND_MS;
  }

  report(): WorkerReport {
    const { tranquility, isHurried, pausedUntilMs } = this.orders;
    const { root, leaf } = this.#readPlace();
    const roots = this.#options.directories.roots.length;
    const share = Math.min(1, (root + leafIndex(leaf) / LEAVES_PER_ROOT) / roots);
    const isPaused = this.#pauseMs() > 0;
    const state = isPaused || share === 1 ? 'idle' : { restMs: this.#restMs(0) };
    return {
      name: 'Block scrub worker',
      state: this.#isStepping ? 'busy' : state,
      tranquility,
      progress: `${(share * 100).toFixed(2)}%`,
      persistentErrors: this.#damagedBlocks,
      freeform: [
        ...(isPaused ? [`Paused until ${new Date(pausedUntilMs).toISOString()}`] : []),
        ...(isHurried ? ['A round that was asked for'] : []),
        ...(this.#passed.size === 0 ? [] : [`Unreadable directories: ${this.#passed.size}`]),
      ],
    };
  }

  /** Answers why it is not done. */
  async command(command: ScrubCommand): Promise<string | undefined> {
    const isPaused = this.#pauseMs() > 0;
    switch (command) {
      case 'start':
        this.#round += 1;
        await this.#order({ isHurried: true, pausedUntilMs: 0 });
        await this.#save({ startedMs: this.#options.clock.wallMs(), root: 0, leaf: '' });
        break;
      case 'pause':
        if (isPaused) return 'The scrub is paused already.';
        await this.#order({ pausedUntilMs: this.#options.clock.wallMs() + DAY_MS });
        break;
      case 'resume':
        if (!isPaused) return 'The scrub is not paused.';
        await this.#order({ pausedUntilMs: 0 });
        break;
      case 'cancel':
        if (!this.orders.isHurried) return 'No round is under way that was asked for.';
        await this.#order({ isHurried: false, pausedUntilMs: 0 });
        break;
    }
    if (!this.#isStepping && this.#timer !== undefined) this.#goOn(this.#restMs(0));
    return undefined;
  }

  async setTranquility(tranquility: number): Promise<void> {
    await this.#order({ tranquility });
  }

  async #order(change: Partial<ScrubOrders>): Promise<void> {
    const orders = { ...this.orders, ...change };
    await keepOrders(this.#options.store, orders);
    this.#orders = orders;
  }

  /** 0: it is not paused. */
  #pauseMs(): number {
    return Math.max(0, this.orders.pausedUntilMs - this.#options.clock.wallMs());
  }

  get state(): ScrubState {
    return {
      ...this.#readPlace(),
      isRunning: this.#timer !== undefined && !this.#isStopped,
      checkedBlocks: this.#checkedBlocks,
      checkedBytes: this.#checkedBytes,
      damagedBlocks: this.#damagedBlocks,
    };
  }

  /** Goes on where the last process stopped. */
  start(): void {
    this.#startIn(FIRST_STEP_MS);
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#timer?.cancel();
    await this.#step;
  }

  /** A whole round without rests. */
  async scrubAll(): Promise<ScrubState> {
    await this.#save({ startedMs: this.#options.clock.wallMs(), root: 0, leaf: '' });
    while (!this.#isStopped && (await this.#scrubNextLeaf()) === 'more');
    return this.state;
  }

  #startIn(ms: number): void {
    this.#timer?.cancel();
    this.#timer = this.#options.timers.after(ms, () => {
      this.#step = this.#stepAndRest();
    });
  }

  async #stepAndRest(): Promise<void> {
    const { clock, log } = this.#options;
    const startedMs = clock.monotonicMs();
    this.#isStepping = true;
    try {
      const pauseMs = this.#pauseMs();
      if (pauseMs > 0) {
        this.#goOn(pauseMs);
        return;
      }
      const progress = await this.#scrubNextLeaf();
      this.journal.succeeded();
      const restMs = this.#restMs(clock.monotonicMs() - startedMs);
      this.#goOn(progress === 'more' ? restMs : this.#untilNextRoundMs());
    } catch (error) {
      this.journal.failed(error);
      log.warn({ error }, 'the scrub of the block files failed; it goes on later');
      this.#goOn(RETRY_MS);
    } finally {
      this.#isStepping = false;
    }
  }

  #goOn(ms: number): void {
    if (!this.#isStopped) this.#startIn(ms);
  }

  /** Spread over a round as if every directory were there: early is fine. */
  #restMs(workedMs: number): number {
    const { isHurried, tranquility } = this.orders;
    if (isHurried) return Math.min(HURRIED_REST_MS_MAX, workedMs * tranquility);
    return ROUND_MS / (LEAVES_PER_ROOT * this.#options.directories.roots.length);
  }

  #untilNextRoundMs(): number {
    const elapsedMs = this.#options.clock.wallMs() - this.#readPlace().startedMs;
    return Math.min(Math.max(ROUND_MS - elapsedMs, this.#restMs(0)), ROUND_MS / 30);
  }

  /** `waiting`: the round has ended and the next one is not due. */
  async #scrubNextLeaf(): Promise<'more' | 'waiting'> {
    const { clock, directories, files } = this.#options;
    const round = this.#round;
    let place = this.#readPlace();
    if (place.root >= directories.roots.length) {
      if (clock.wallMs() - place.startedMs < ROUND_MS) {
        for (const path of [...this.#passed]) {
          if (!this.#isStopped) await this.#scrubLeaf(path);
        }
        return 'waiting';
      }
      place = { startedMs: clock.wallMs(), root: 0, leaf: '' };
    }
    const root = directories.roots[place.root]!;
    const passBranch = (path: string, error: unknown): void => {
      // Without the root there is nothing to go on with.
      if (path === root.path) throw error;
      for (const leaf of LEAF_NAMES) this.#passBy(`${path}/${leaf}`, error);
    };
    const next = await leavesOf(files, root.path, passBranch, place.leaf).next();
    if (round !== this.#round) return 'more';
    if (next.done === true) {
      await this.#save({ ...place, root: place.root + 1, leaf: '' });
      if (place.root + 1 < directories.roots.length) return 'more';
      await this.#order({
        ...{ isHurried: false, lastCompletedMs: clock.wallMs() },
        damagedBefore: this.damagedEver,
      });
      this.#countedBlocks = this.#damagedBlocks;
      return 'waiting';
    }
    await this.#scrubLeaf(`${root.path}/${next.value}`);
    if (round === this.#round) await this.#save({ ...place, leaf: next.value });
    return 'more';
  }

  async #scrubLeaf(path: string): Promise<void> {
    const { files, blockFiles } = this.#options;
    const content = await contentOfLeaf(files, path, blockFiles.tag).catch((error: unknown) => {
      this.#passBy(path, error);
    });
    if (content === undefined) return;
    for (const hash of content.blocks) {
      if (this.#isStopped) return;
      await this.#check(hash, `${path}/${hash}`);
    }
    this.#passed.delete(path);
  }

  #passBy(path: string, error: unknown): void {
    this.#passed.add(path);
    this.journal.failed(error);
    this.#options.log.warn({ error, directory: path }, 'a directory of blocks cannot be scrubbed');
  }

  async #check(hash: BlockHash, path: string): Promise<void> {
    const { blockFiles, log, stats } = this.#options;
    const digest = createHash('sha256');
    let isRight = true;
    for (let first = 0; isRight;) {
      const wanted = { blockBytes: 0, first, length: READ_PIECE_BYTES };
      const piece = await blockFiles.read(hash, wanted);
      // Removed meanwhile.
      if (piece.kind === 'absent') return;
      if (piece.kind === 'damaged') isRight = false;
      else if (piece.bytes.length === 0) break;
      else {
        digest.update(piece.bytes);
        first += piece.bytes.length;
        this.#checkedBytes += piece.bytes.length;
      }
    }
    this.#checkedBlocks += 1;
    if (isRight && digest.digest('hex') === hash) return;
    this.#damagedBlocks += 1;
    stats.damaged += 1;
    log.error({ block: path, when: 'the scrub read it' }, 'a block file is damaged');
    this.#options.onDamaged?.(hash);
  }

  async #save(place: Place): Promise<void> {
    this.#place = place;
    const value = pack([FORMAT, Math.floor(place.startedMs), place.root, place.leaf]);
    await this.#options.store.commit([{ kind: 'put', key: PLACE_KEY, value }]);
  }

  #readPlace(): Place {
    this.#place ??= this.#storedPlace();
    return this.#place;
  }

  #storedPlace(): Place {
    const { store, clock } = this.#options;
    // A place that cannot be read costs one round more.
    return readRowOr(store, PLACE_KEY, decodePlace, {
      startedMs: clock.wallMs(),
      root: 0,
      leaf: '',
    });
  }
}

function decodePlace(bytes: Buffer): Place {
  const { fields } = FieldReader.open(bytes, [FORMAT]);
  return { startedMs: fields.integer(), root: fields.integer(), leaf: fields.text() };
}

/** From 0 to 4095; `ab/c0` begins with the three digits that count. */
function leafIndex(leaf: string): number {
  const index = Number.parseInt(leaf.replace('/', '').slice(0, 3), 16);
  return Number.isNaN(index) ? 0 : index + 1;
}
