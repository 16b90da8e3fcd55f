/**
 * When the files of the store are checked: before each opening, after it, every day, on suspicion.
 *
 * Owns:          the pace; the mark that says "not yet checked since it was opened".
 * Knows:         the check; timers.
 * Must not know: LevelDB's API, rows.
 *
 * Logs are small and are checked before each opening, so are the tables of a small store. Those of
 * a large one are read afterwards, in the background; and before the opening all the same when the
 * last process died before they had been: what killed it may have been a damaged table. A row that
 * is found damaged makes all tables suspect. Tables are put right only while the store is closed,
 * so whoever owns it is told their names.
 */
import { join } from 'node:path';
import type { Clock, Files, Timer, Timers } from '../../schemas/environment.ts';
import type { Log } from '../../schemas/telemetry.ts';
import { removeIfThere } from './durable-files.ts';
import { LevelFilesCheck } from './level-files-check.ts';

export type LevelWatchOptions = {
  readonly directory: string;
  readonly files: Files;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly log: Log;
  /** Tables up to here, all together, are checked before the opening. */
  readonly atOnceBytes: number;
  /** They have to be put right by `repair` while the store is closed. */
  readonly onDamaged: (tables: readonly string[]) => void;
};

const FIRST_PASS_MS = 1000;
const NEXT_PASS_MS = 24 * 3600 * 1000;
const BYTES_PER_MS = 64 * 1024;
const SUSPICION_MS_MIN = 60_000;
/** A pass on suspicion takes at most this part of the time. */
const SUSPICION_PART = 20;
const MARK = 'unchecked';

export class LevelWatch {
  readonly #options: LevelWatchOptions;
  readonly #check: LevelFilesCheck;
  readonly #mark: string;
  #isChecked = false;
  #isClosed = false;
  #timer: Timer | undefined;
  #passing: Promise<void> | undefined;
  #endRest: (() => void) | undefined;
  #suspectsFromMs = Number.NEGATIVE_INFINITY;

  constructor(options: LevelWatchOptions) {
    this.#options = options;
    this.#check = new LevelFilesCheck(options);
    this.#mark = join(options.directory, MARK);
  }

  get correctedBits(): number {
    return this.#check.correctedBits;
  }

  get brokenBlocks(): number {
    return this.#check.brokenBlocks;
  }

  /** Before the first opening. */
  async beforeOpening(): Promise<void> {
    const { files, atOnceBytes } = this.#options;
    await this.#check.repairLogs();
    const tables = await this.#check.tables();
    const sizeBytes = tables.reduce((sum, table) => sum + table.sizeBytes, 0);
    const diedUnchecked = (await files.sizeBytes(this.#mark)) !== undefined;
    if (sizeBytes <= atOnceBytes || diedUnchecked) {
      await this.#check.repairTables(tables.map(({ name }) => name));
      this.#isChecked = true;
    }
  }

  /** After the first opening. */
  async opened(): Promise<void> {
    if (this.#isChecked) await this.#removeMark();
    else await this.#setMark();
    this.#startIn(this.#isChecked ? NEXT_PASS_MS : FIRST_PASS_MS);
  }

  /** While the store is closed to be opened again. */
  async repair(tables: readonly string[]): Promise<void> {
    await this.#check.repairLogs();
    await this.#check.repairTables(tables);
  }

  /** A damaged row was met. */
  suspect(): void {
    const nowMs = this.#options.clock.monotonicMs();
    if (this.#passing !== undefined || nowMs < this.#suspectsFromMs || this.#isClosed) return;
    this.#timer?.cancel();
    this.#begin('at-once');
  }

  /** Before the store is closed for good. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#timer?.cancel();
    this.#endRest?.();
    await this.#passing;
    await this.#removeMark();
  }

  #startIn(ms: number): void {
    if (this.#isClosed) return;
    this.#timer = this.#options.timers.after(ms, () => {
      this.#begin('with-rests');
    });
  }

  #begin(pace: 'at-once' | 'with-rests'): void {
    const startedMs = this.#options.clock.monotonicMs();
    const passing = this.#pass(pace).catch((error: unknown) => {
      this.#options.log.warn({ error }, 'the tables of the store could not be checked');
    });
    this.#passing = passing.then(() => {
      const endedMs = this.#options.clock.monotonicMs();
      const restMs = Math.max(SUSPICION_MS_MIN, (endedMs - startedMs) * SUSPICION_PART);
      this.#suspectsFromMs = endedMs + restMs;
      this.#passing = undefined;
      this.#startIn(NEXT_PASS_MS);
    });
  }

  async #pass(pace: 'at-once' | 'with-rests'): Promise<void> {
    const damaged: string[] = [];
    for (const { name, sizeBytes } of await this.#check.tables()) {
      if (this.#isClosed) return;
      if ((await this.#check.look(name)).kind === 'repaired') damaged.push(name);
      if (pace === 'with-rests') await this.#rest(sizeBytes / BYTES_PER_MS);
    }
    this.#isChecked = true;
    await this.#removeMark();
    if (damaged.length > 0 && !this.#isClosed) this.#options.onDamaged(damaged);
  }

  async #rest(ms: number): Promise<void> {
    await new Promise<void>(resolve => {
      this.#endRest = resolve;
      this.#options.timers.after(ms, resolve);
    });
  }

  /** A mark that cannot be set, or removed, costs a check that was needed, or was not. */
  async #setMark(): Promise<void> {
    await this.#options.files.writeNew(this.#mark, [], 'unsynced').catch(() => undefined);
  }

  async #removeMark(): Promise<void> {
    await removeIfThere(this.#options.files, this.#mark).catch(() => undefined);
  }
}
