/**
 * The store port on LevelDB: group commit, checked values, and a way back after every failure.
 *
 * Owns:          the database in one directory, its commits, its reopening.
 * Knows:         classic-level; it is its only importer.
 * Must not know: partitions, tables, rows.
 *
 * LevelDB goes on after a failed append and loses records that it acknowledges later. So after any
 * error of a write nothing more is acknowledged: the database is closed, opened again, and what it
 * holds is compared with what was acknowledged, by a count that every batch carries under the empty
 * key. Reads come back at once; commits wait out a growing pause, and a full disk refuses them.
 * In the same way it is closed and opened again when its files turn out to be damaged.
 */
import { join } from 'node:path';
import { ClassicLevel } from 'classic-level';
import type { Environment, Files } from '../../schemas/environment.ts';
import { pause } from '../../schemas/pause.ts';
import type { Log } from '../../schemas/telemetry.ts';
import { Ballast } from './ballast.ts';
import type { CommitPurpose, PurposefulStore } from './commit-purpose.ts';
import { CommitQueue, bytesOf, decodeCount, type RawBatch } from './commit-queue.ts';
import { makeDirectoryDurably } from './durable-files.ts';
import { isCorruption, LevelCursor, unavailable, type RawIterator } from './level-cursor.ts';
import { LevelWatch } from './level-watch.ts';
import { openValue } from './row-checksum.ts';
import { SpaceGuard } from './space-guard.ts';
import type { StoreCursor, StoreOperation, StoreRange } from './store.ts';
import { DamagedRowError, StoreFullError, StoreUnavailableError } from './store.ts';

export type LevelStoreOptions = {
  /** Made if it is not there. */
  readonly directory: string;
  readonly files: Files;
  readonly environment: Environment;
  readonly log: Log;
  /** `metadata_fsync`: false loses acknowledged rows in a power cut. */
  readonly sync: boolean;
  /** Undefined: the smaller of 1 GiB and 1 % of the disk. */
  readonly minFreeBytes: number | undefined;
  readonly sizes?: Partial<LevelStoreSizes> | undefined;
  /** Absent: classic-level. */
  readonly makeDatabase?: MakeDatabase | undefined;
};

/** What is used of classic-level's database; a simulated disk has one of its own. */
export interface RawDatabase {
  readonly status: string;
  open(): Promise<void>;
  close(): Promise<void>;
  batch(): RawBatch;
  getSync(key: Buffer): Buffer | undefined;
  iterator(range: RawRange): RawIterator;
}

export type RawRange = {
  readonly gt?: Buffer;
  readonly gte?: Buffer;
  readonly lt: Buffer;
  readonly fillCache: boolean;
  readonly highWaterMarkBytes: number;
};

export type MakeDatabase = (directory: string, sizes: LevelStoreSizes) => RawDatabase;

export type LevelStoreSizes = {
  readonly cacheBytes: number;
  readonly writeBufferBytes: number;
  readonly tableBlockBytes: number;
  readonly tableFileBytes: number;
  readonly ballastBytes: number;
  /** Tables up to here, all together, are checked before the opening, larger ones after it. */
  readonly checkedAtOnceBytes: number;
};

/** Another process has the store open. */
export class StoreLockedError extends Error {
  override readonly name = 'StoreLockedError';
}

const MIB = 1024 * 1024;
const SIZES_DEFAULT: LevelStoreSizes = {
  cacheBytes: 64 * MIB,
  // Rows are written again and again until they lie deep enough: a large buffer spares that work.
  writeBufferBytes: 32 * MIB,
  tableBlockBytes: 4096,
  tableFileBytes: 8 * MIB,
  // What the logs of two write buffers become when they are read at an opening, and some more.
  ballastBytes: 24 * MIB,
  checkedAtOnceBytes: 32 * MIB,
};
/** The ballast of a small disk is this part of it. */
const BALLAST_DISK_PART = 16;
/** What one call of a cursor reads at most, whatever the count. */
const CURSOR_BYTES_MAX = 512 * 1024;
const PAUSE_MS_MIN = 50;
const PAUSE_MS_MAX = 5000;
/** After so many errors that say "corruption" the tables are rebuilt from what can be read. */
const CORRUPTIONS_BEFORE_REPAIR = 3;
/** A row is written to the log, to a table, and again when tables are merged. */
const SPACE_PER_BYTE = 2;

/** No row has it: the count of batches is kept there. */
const COUNT_KEY = Buffer.alloc(0);

type State = 'open' | 'reopening' | 'closed';

export class LevelStore implements PurposefulStore {
  readonly #options: LevelStoreOptions;
  readonly #sizes: LevelStoreSizes;
  readonly #database: RawDatabase;
  readonly #guard: SpaceGuard;
  readonly #watch: LevelWatch;
  readonly #callbacks: (() => void)[] = [];
  #ballast: Ballast | undefined;
  #makingBallast: Promise<void> | undefined;
  #queue: CommitQueue;
  #state: State = 'closed';
  #isClosing = false;
  #recovering: Promise<void> | undefined;
  #reopenings = 0;
  #damagedTables: readonly string[] = [];
  #failuresInRow = 0;
  #corruptions = 0;
  #commitsFromMs = Number.NEGATIVE_INFINITY;
  #asking: Promise<unknown> | undefined;

  /** The database begins to open itself in the same turn. */
  private constructor(options: LevelStoreOptions, watch: LevelWatch) {
    this.#options = options;
    this.#watch = watch;
    this.#sizes = { ...SIZES_DEFAULT, ...options.sizes };
    const makeDatabase = options.makeDatabase ?? makeClassicLevel;
    this.#database = makeDatabase(options.directory, this.#sizes);
    this.#guard = new SpaceGuard({
      files: options.files,
      clock: options.environment.clock,
      path: options.directory,
      minFreeBytes: options.minFreeBytes,
    });
    this.#queue = this.#newQueue(0);
  }

  /** Opens or makes the store. Rejects with StoreLockedError when another process has it. */
  static async open(options: LevelStoreOptions): Promise<LevelStore> {
    const opened: { store?: LevelStore } = {};
    const watch = new LevelWatch({
      ...{ directory: options.directory, files: options.files, log: options.log },
      ...options.environment,
      atOnceBytes: options.sizes?.checkedAtOnceBytes ?? SIZES_DEFAULT.checkedAtOnceBytes,
      onDamaged: tables => {
        if (opened.store !== undefined) opened.store.#reopenFor(tables);
      },
    });
    await makeDirectoryDurably(options.files, options.directory);
    await watch.beforeOpening();
    const store = new LevelStore(options, watch);
    opened.store = store;
    await store.#guard.measure();
    store.#ballast = new Ballast({
      files: options.files,
      random: options.environment.random,
      path: join(options.directory, 'ballast'),
      sizeBytes: store.#ballastBytes(),
    });
    await store.#openFirst();
    await watch.opened();
    await store.#makeBallast();
    return store;
  }

  get reopenings(): number {
    return this.#reopenings;
  }

  /** How many batches were ever committed: grows with each, survives restarts. */
  get batchCount(): number {
    return this.#queue.acknowledged;
  }

  /** Flipped bits in its files that were put right, since the process started. */
  get correctedBits(): number {
    return this.#watch.correctedBits;
  }

  /** Parts of its tables of which rows could not be read any more. */
  get brokenBlocks(): number {
    return this.#watch.brokenBlocks;
  }

  onReopened(callback: () => void): void {
    this.#callbacks.push(callback);
  }

  get(key: Uint8Array): Buffer | undefined {
    if (this.#state !== 'open') throw this.#notOpen();
    let sealed: Buffer | undefined;
    try {
      sealed = this.#database.getSync(key as Buffer);
    } catch (error) {
      throw isCorruption(error) ? this.#damaged(key) : unavailable(error);
    }
    if (sealed === undefined) return undefined;
    const value = openValue(key, sealed);
    if (value === undefined) throw this.#damaged(key);
    return value;
  }

  #damaged(key: Uint8Array): DamagedRowError {
    this.#watch.suspect();
    return new DamagedRowError(key);
  }

  cursor(range: StoreRange): StoreCursor {
    if (this.#state !== 'open') throw this.#notOpen();
    const from = range.from as Buffer;
    const raw = this.#database.iterator({
      ...(from.length === 0 ? { gt: COUNT_KEY } : { gte: from }),
      lt: range.to as Buffer,
      // Long walks must not drive what single reads need out of the cache.
      fillCache: false,
      highWaterMarkBytes: CURSOR_BYTES_MAX,
    });
    return new LevelCursor(raw, range, () => {
      this.#watch.suspect();
    });
  }

  /** Besides what the port says: rejects with StoreFullError where `min_free` is reached. */
  commit(operations: readonly StoreOperation[], purpose: CommitPurpose = 'grows'): Promise<void> {
    const refusal = this.#refusal();
    if (refusal !== undefined) return Promise.reject(refusal);
    const bytes = bytesOf(operations);
    if (operations.length === 0) return this.#queue.commit(operations, bytes);
    if (this.#asking !== undefined) return this.#commitAfterAsking(operations, purpose);
    const admitted = this.#guard.admit(bytes * SPACE_PER_BYTE, purpose);
    if (admitted === 'ask') return this.#commitAfterAsking(operations, purpose);
    if (admitted === 'no') return Promise.reject(fullError());
    return this.#queue.commit(operations, bytes);
  }

  /** Waits for what was committed; nothing is taken any more. */
  async close(): Promise<void> {
    if (this.#isClosing) return;
    this.#isClosing = true;
    await this.#watch.close();
    await this.#recovering;
    await this.#asking;
    await this.#queue.idle();
    await this.#makingBallast;
    this.#state = 'closed';
    await this.#database.close();
  }

  #refusal(): Error | undefined {
    if (this.#state !== 'open' || this.#isClosing) return this.#notOpen();
    if (this.#options.environment.clock.monotonicMs() >= this.#commitsFromMs) return undefined;
    return new StoreUnavailableError('the store failed a moment ago and takes no commits yet');
  }

  #notOpen(): StoreUnavailableError {
    const isClosed = this.#isClosing || this.#state === 'closed';
    return new StoreUnavailableError(isClosed ? 'the store is closed' : 'the store is reopening');
  }

  /** Commits that must wait for a measurement of the disk keep their order. */
  #commitAfterAsking(operations: readonly StoreOperation[], purpose: CommitPurpose): Promise<void> {
    const bytes = bytesOf(operations);
    const asked = Promise.resolve(this.#asking).then(async () => {
      const isAdmitted = await this.#guard.admitSlowly(bytes * SPACE_PER_BYTE, purpose);
      if (this.#ballast?.isThere === false) void this.#makeBallast();
      const refusal = this.#state === 'open' ? undefined : this.#notOpen();
      if (refusal !== undefined) throw refusal;
      if (!isAdmitted) throw fullError();
      return { committed: this.#queue.commit(operations, bytes) };
    });
    const settled = asked.then(
      ({ committed }) => void committed.catch(() => undefined),
      () => undefined,
    );
    this.#asking = settled;
    void settled.then(() => {
      if (this.#asking === settled) this.#asking = undefined;
    });
    return asked.then(({ committed }) => committed);
  }

  #newQueue(count: number): CommitQueue {
    const queue: CommitQueue = new CommitQueue({
      newBatch: () => this.#database.batch(),
      sync: this.#options.sync,
      countKey: COUNT_KEY,
      count,
      onFailure: error => {
        if (this.#queue === queue) this.#recovering = this.#recover(error);
      },
    });
    return queue;
  }

  async #openFirst(): Promise<void> {
    try {
      await this.#database.open();
    } catch (error) {
      if (codeOfOpening(error) === 'LEVEL_LOCKED') {
        throw new StoreLockedError(`another process uses ${this.#options.directory}`, {
          cause: error,
        });
      }
      await this.#openDamagedOrFull(error);
    }
    this.#queue = this.#newQueue(this.#storedCount());
    this.#state = 'open';
  }

  async #openDamagedOrFull(error: unknown): Promise<void> {
    if (isCorruptionOfOpening(error)) await this.#repair(error);
    else await this.#releaseBallast();
    await this.#database.open();
  }

  async #recover(cause: unknown): Promise<void> {
    const acknowledged = this.#queue.acknowledged;
    this.#state = 'reopening';
    this.#reopenings += 1;
    this.#failuresInRow = this.#queue.hasAcknowledged ? 1 : this.#failuresInRow + 1;
    this.#options.log.error({ error: cause }, 'a write to the store failed; it is reopened');
    this.#queue.abandon(new StoreUnavailableError('a write of the store failed', { cause }));
    if (saysFull(cause)) this.#guard.foundFull();
    if (isCorruption(cause)) this.#corruptions += 1;
    await this.#reopen();
    if (this.#database.status !== 'open') return;
    const pauseMs = this.#failuresInRow === 1 ? 0 : pauseAfter(this.#failuresInRow);
    this.#goOn({ acknowledged, pauseMs });
  }

  /** Nothing is wrong with what was acknowledged: it is waited for, then the files are replaced. */
  #reopenFor(tables: readonly string[]): void {
    this.#damagedTables = [...this.#damagedTables, ...tables];
    if (this.#state !== 'open' || this.#isClosing) return;
    this.#state = 'reopening';
    this.#options.log.error({ tables }, 'tables of the store are damaged; it is reopened');
    const reopening = this.#closeAndReopen(() => this.#recovering === reopening);
    this.#recovering = reopening;
  }

  /** `isMine`: no write has failed meanwhile, whose recovery does the same. */
  async #closeAndReopen(isMine: () => boolean): Promise<void> {
    await this.#queue.idle();
    if (!isMine()) return;
    const { acknowledged } = this.#queue;
    this.#reopenings += 1;
    await this.#reopen();
    if (this.#database.status === 'open') this.#goOn({ acknowledged, pauseMs: 0 });
  }

  #goOn({ acknowledged, pauseMs }: { acknowledged: number; pauseMs: number }): void {
    this.#check(acknowledged);
    this.#commitsFromMs = this.#options.environment.clock.monotonicMs() + pauseMs;
    this.#state = 'open';
    this.#recovering = undefined;
    for (const callback of this.#callbacks) this.#callBack(callback);
    this.#options.log.info({ reopenings: this.#reopenings }, 'the store is open again');
  }

  /** They may read; what one of them throws is its own bug and must not keep the store shut. */
  #callBack(callback: () => void): void {
    try {
      callback();
    } catch (error) {
      this.#options.log.error({ error }, 'the reopening of the store was not taken in');
    }
  }

  /** Tries until it works or the store is closed. */
  async #reopen(): Promise<void> {
    for (let failures = 0; !this.#isClosing; failures += 1) {
      if (failures > 0) await pause(this.#options.environment.timers, pauseAfter(failures));
      try {
        await this.#database.close();
        await this.#watch.repair(this.#damagedTables);
        this.#damagedTables = [];
        if (this.#corruptions >= CORRUPTIONS_BEFORE_REPAIR) await this.#repair('repeated damage');
        await this.#database.open();
        return;
      } catch (error) {
        this.#options.log.error({ error }, 'the store cannot be reopened; it is tried again');
        if (isCorruptionOfOpening(error)) this.#corruptions += 1;
        await this.#releaseBallast();
      }
    }
  }

  /** What was acknowledged must be there; if it is not, the disk lied, and nothing brings it
   *  back. */
  #check(acknowledged: number): void {
    const stored = this.#storedCount();
    if (stored < acknowledged) {
      const fields = { storedBatches: stored, acknowledgedBatches: acknowledged };
      this.#options.log.error(fields, 'the store lost batches that were acknowledged');
    }
    this.#queue = this.#newQueue(Math.max(stored, acknowledged));
  }

  /** 0 when nothing was ever committed, or when the count itself is damaged. */
  #storedCount(): number {
    try {
      const sealed = this.#database.getSync(COUNT_KEY);
      const value = sealed === undefined ? undefined : openValue(COUNT_KEY, sealed);
      return value === undefined ? 0 : decodeCount(value);
    } catch (error) {
      this.#options.log.error({ error }, 'the count of batches cannot be read');
      return 0;
    }
  }

  /** Last resort: tables that cannot be read in part are copied without that part. */
  async #repair(cause: unknown): Promise<void> {
    const { log, directory } = this.#options;
    log.error({ error: cause, directory }, 'the store is damaged; what can be read is kept');
    await ClassicLevel.repair(directory);
    this.#corruptions = 0;
  }

  async #releaseBallast(): Promise<void> {
    await this.#guard.measure();
    const space = this.#guard.space;
    if (space === undefined || space.availableBytes > this.#ballastBytes()) return;
    await this.#ballast?.release();
    this.#guard.holdBack(this.#ballastBytes());
    this.#guard.foundFull();
  }

  #makeBallast(): Promise<void> {
    this.#makingBallast ??= this.#makeBallastNow().finally(() => {
      this.#makingBallast = undefined;
    });
    return this.#makingBallast;
  }

  async #makeBallastNow(): Promise<void> {
    const sizeBytes = this.#ballastBytes();
    this.#guard.holdBack(sizeBytes);
    await this.#guard.measure();
    const ballast = this.#ballast;
    if (ballast === undefined || this.#guard.admit(0, 'grows') !== 'yes') return;
    if (!(await ballast.make())) return;
    this.#guard.holdBack(0);
    await this.#guard.measure();
  }

  #ballastBytes(): number {
    const totalBytes = this.#guard.space?.totalBytes ?? 0;
    const part = Math.floor(totalBytes / BALLAST_DISK_PART);
    return Math.min(this.#sizes.ballastBytes, part);
  }
}

const makeClassicLevel: MakeDatabase = (directory, sizes) =>
  new ClassicLevel<Buffer, Buffer>(directory, {
    keyEncoding: 'buffer',
    valueEncoding: 'buffer',
    cacheSize: sizes.cacheBytes,
    writeBufferSize: sizes.writeBufferBytes,
    blockSize: sizes.tableBlockBytes,
    maxFileSize: sizes.tableFileBytes,
    // Keys share their beginnings in any case; hashes, stamps and inline bytes pay for the try.
    compression: false,
  });

function pauseAfter(failures: number): number {
  return Math.min(PAUSE_MS_MAX, PAUSE_MS_MIN * 2 ** Math.min(failures, 10));
}

function fullError(): StoreFullError {
  return new StoreFullError('the disk of the store has less free space than it must keep');
}

/** LevelDB tells errno's words, not its code. */
function saysFull(error: unknown): boolean {
  return error instanceof Error && /no space left|quota/i.test(error.message);
}

/** abstract-level wraps what LevelDB said about an opening. */
function causeOfOpening(error: unknown): unknown {
  return error instanceof Error && error.cause !== undefined ? error.cause : error;
}

function isCorruptionOfOpening(error: unknown): boolean {
  return isCorruption(causeOfOpening(error));
}

function codeOfOpening(error: unknown): unknown {
  const cause = causeOfOpening(error);
  return cause instanceof Error && 'code' in cause ? cause.code : undefined;
}
