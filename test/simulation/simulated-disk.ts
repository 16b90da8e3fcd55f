/**
 * The disk of a simulated machine: files and a database, which outlive its processes.
 *
 * Owns:          what lies on it; what a power cut, a wipe or a roll-back leaves.
 * Knows:         the faulty files, the simulated database.
 * Must not know: what is stored.
 */
import type { StorageDisk } from '../../deploy/storage-role.ts';
import type { RowRange } from '../../schemas/row-tables.ts';
import { FaultyFiles } from '../support/faulty-files.ts';
import type { SeededRandom } from '../support/seeded-random.ts';
import { DatabaseFiles, SimulatedDatabase } from './simulated-database.ts';
import type { SimulatedProcess } from './simulated-process.ts';

const READ_MS_MAX = 0.3;
const SYNC_MS_MIN = 1;
const SYNC_MS_MAX = 4;
/** Of a thousand operations, how many take much longer. */
const SLOW_OF_THOUSAND = 5;
const SLOW_MS_MAX = 300;
const BALLAST_BYTES = 1024;

export class SimulatedDisk {
  readonly #random: SeededRandom;
  #files = markedFiles();
  #database = new DatabaseFiles();

  constructor(random: SeededRandom) {
    this.#random = random;
  }

  /** The ports of a process that starts on this machine; those of an earlier one do no more. */
  open(process: SimulatedProcess): StorageDisk {
    const wait = (what: 'sync' | 'read'): Promise<void> =>
      new Promise(resolve => {
        process.environment.timers.after(this.#lastingMs(what), resolve);
      });
    this.#files = this.#files.restart('none', { wait: () => wait('read') });
    const files = this.#database;
    return {
      files: this.#files,
      makeDatabase: () => new SimulatedDatabase({ files, wait }),
      sizes: { ballastBytes: BALLAST_BYTES },
      directories: 'as-needed',
    };
  }

  #lastingMs(what: 'sync' | 'read'): number {
    const random = this.#random;
    if (random.fraction() * 1000 < SLOW_OF_THOUSAND) return random.fraction() * SLOW_MS_MAX;
    if (what === 'read') return random.fraction() * READ_MS_MAX;
    return SYNC_MS_MIN + random.fraction() * (SYNC_MS_MAX - SYNC_MS_MIN);
  }

  // ---- what happens to it -----------------------------------------------------------------------

  /** What was not synced is gone, torn, or there after all. */
  cutPower(): void {
    this.#files = this.#files.restart(1 + this.#random.below(2 ** 31));
    this.#database.cutPower(this.#random);
  }

  wipe(): void {
    this.#files = markedFiles();
    this.#database = new DatabaseFiles();
  }

  /** A copy of what is there now, to roll back to. */
  snapshot(): () => void {
    const files = this.#files.restart('none');
    const database = this.#database.copy();
    return () => {
      this.#files = files;
      this.#database = database;
    };
  }

  // ---- what lies on it --------------------------------------------------------------------------

  /** As a process that starts now would find them. */
  rows({ from, to }: RowRange): (readonly [Buffer, Buffer])[] {
    return this.#database.range(from, to);
  }

  row(key: Buffer): Buffer | undefined {
    return this.#database.row(key);
  }

  hasFile(path: string): boolean {
    return this.#files.has(path);
  }

  /** Of all files. */
  paths(): readonly string[] {
    return this.#files.paths();
  }

  // ---- what fails -------------------------------------------------------------------------------

  /** The next write of the database fails. */
  failDatabase(how: 'append' | 'sync'): void {
    this.#database.fault = how;
  }

  /** The next operation on block files of that kind fails. */
  failFiles(operation: string): void {
    const match = (step: { operation: string; path: string }): boolean =>
      step.operation === operation && step.path.startsWith(DATA_DIRECTORY);
    this.#files.fail(match, 'EIO');
  }
}

export const METADATA_DIRECTORY = '/meta';
export const DATA_DIRECTORY = '/data';

/** Directories as a node finds them that has claimed them: they are there for good. */
function markedFiles(): FaultyFiles {
  const files = new FaultyFiles();
  for (const path of [METADATA_DIRECTORY, DATA_DIRECTORY]) {
    files.plant(`${path}/marker`, Buffer.from('simulated'));
  }
  return files;
}
