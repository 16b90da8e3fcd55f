/**
 * The figures that every fault test prints, and what they must be.
 *
 * Owns:          the wording of the figures; the assertions that all fault tests share.
 * Knows:         the checks, the server under test.
 * Must not know: which fault it was.
 */
import type { ExecutionContext } from 'ava';
import {
  abortUploads,
  checkList,
  readBack,
  untilCollected,
  type Collected,
  type ListCheck,
  type ReadBack,
} from './fault-checks.ts';
import type { FaultModel } from './fault-model.ts';
import type { FaultServer } from './fault-server.ts';
import type { FaultWorkload } from './fault-workload.ts';

const SEED_BOUND = 1000;
/** How many names of keys or blocks a message shows. */
const NAMES_SHOWN = 5;

/**
 * How often a fault is repeated: FAULT_ROUNDS for a long run, else what `npm test` has time for.
 */
export function faultRounds(short: number): number {
  const wanted = Number(process.env['FAULT_ROUNDS'] ?? '');
  return Number.isInteger(wanted) && wanted > 0 ? wanted : short;
}

/** True in a run that was asked to take its time. */
export function isLongRun(): boolean {
  return process.env['FAULT_ROUNDS'] !== undefined;
}

/** A new one each time; printed, so that FAULT_SEED can make the same choices again. */
export function faultSeed(t: ExecutionContext): number {
  const given = Number(process.env['FAULT_SEED'] ?? '');
  const seed = given > 0 ? given : 1 + Math.floor(Math.random() * SEED_BOUND);
  t.log(`FAULT_SEED=${seed}`);
  return seed;
}

/** Reads all keys and lists the bucket; adds up over the rounds of a test. */
export class Tally {
  readonly #t: ExecutionContext;
  readonly #server: FaultServer;
  readonly #model: FaultModel;
  #reads = 0;
  #lost = 0;
  #wrong = 0;
  #unreadable = 0;
  #silent = 0;
  #broken = 0;
  #slowestStartMs = 0;
  #starts = 0;
  readonly #answers = new Map<string, number>();

  constructor(t: ExecutionContext, server: FaultServer, model: FaultModel) {
    this.#t = t;
    this.#server = server;
    this.#model = model;
  }

  get lost(): number {
    return this.#lost;
  }

  /** How often requests were answered with this status. */
  answered(status: number): number {
    let count = 0;
    for (const [name, times] of this.#answers) if (name.endsWith(` ${status}`)) count += times;
    return count;
  }

  /** Counts what the clients of a workload saw. */
  addWorkload({ counts }: FaultWorkload): void {
    this.#lost += counts.lost;
    this.#wrong += counts.wrong;
    this.#silent += counts.silent;
    this.#broken += counts.broken;
    for (const [name, times] of counts.answers) {
      this.#answers.set(name, (this.#answers.get(name) ?? 0) + times);
    }
  }

  addStart(startMs: number): void {
    this.#starts += 1;
    this.#slowestStartMs = Math.max(this.#slowestStartMs, startMs);
  }

  /** Every key, then the list. */
  async check(): Promise<{ readonly read: ReadBack; readonly list: ListCheck | undefined }> {
    const read = await readBack(this.#server.target, this.#model);
    this.#reads += read.keys;
    this.#lost += read.lost.length;
    this.#wrong += read.wrong.length;
    this.#unreadable += read.unreadable.length;
    this.#name('lost', read.lost);
    this.#name('wrong', read.wrong);
    this.#name('unreadable', read.unreadable);
    if (read.lost.length + read.wrong.length + read.unreadable.length > 0) {
      return { read, list: undefined };
    }
    const list = await checkList(this.#server.target, this.#model);
    this.#lost += list.missing.length;
    this.#wrong += list.ghosts.length + list.misshapen.length;
    this.#name('not listed', list.missing);
    this.#name('listed, and not there', list.ghosts);
    this.#name('listed with another size', list.misshapen);
    return { read, list };
  }

  /** All keys and the list, printed and asserted; the files on the disk are not looked at. */
  async checkOnly(): Promise<void> {
    await this.check();
    this.print();
    this.assert();
  }

  /** The last check of a test: all keys, the list, and the files on the disk. */
  async finish(dataDirs: readonly string[] = [this.#server.dataDir]): Promise<Collected> {
    const t = this.#t;
    const { read } = await this.check();
    const uploads = await abortUploads(this.#server.target);
    const isSettled = read.lost.length + read.wrong.length + read.unreadable.length === 0;
    const wanted = isSettled ? this.#model.blocks() : new Set<string>();
    const collected = await untilCollected(dataDirs, wanted);
    this.#name('orphans', collected.orphans);
    if (isSettled) this.#name('missing block files', collected.missing);
    this.print();
    t.log(
      `at the end ${read.present} objects, ${uploads} uploads aborted, ` +
        `${collected.files} block files of ${collected.wanted} wanted, ` +
        `orphans after ${collected.seconds.toFixed(1)} s: ${collected.orphans.length}, ` +
        `missing: ${collected.missing.length}, temporary: ${collected.temporary}`,
    );
    this.assert();
    t.is(collected.orphans.length, 0, 'orphan blocks after collection');
    t.is(collected.missing.length, 0, 'blocks that are referenced and not there');
    t.is(collected.temporary, 0, 'temporary files after collection');
    return collected;
  }

  print(): void {
    const t = this.#t;
    t.log(
      `acknowledged writes ${this.#model.acknowledgedWrites}, lost ${this.#lost}; ` +
        `of unknown end ${this.#model.openWrites}; reads checked ${this.#reads}, ` +
        `wrong ${this.#wrong}, unreadable ${this.#unreadable}`,
    );
    const answers = [...this.#answers].sort().map(([name, times]) => `${name}: ${times}`);
    t.log(`answers ${answers.join(', ')}; broken ${this.#broken}, silent ${this.#silent}`);
    if (this.#starts > 0) {
      t.log(`started ${this.#starts} times, slowest ${this.#slowestStartMs.toFixed(0)} ms`);
    }
  }

  assert(): void {
    const t = this.#t;
    t.is(this.#lost, 0, 'acknowledged writes lost');
    t.is(this.#wrong, 0, 'wrong bytes served');
    t.is(this.#unreadable, 0, 'keys that could not be read back');
    t.is(this.#silent, 0, 'requests that were never answered');
  }

  #name(what: string, names: readonly string[]): void {
    if (names.length === 0) return;
    this.#t.log(`${what} (${names.length}): ${names.slice(0, NAMES_SHOWN).join(', ')}`);
  }
}
