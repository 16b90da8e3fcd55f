/**
 * A file that holds space which the store needs to open itself again on a full disk.
 *
 * Owns:          the file `ballast` beside the store.
 * Knows:         the Files port.
 * Must not know: LevelDB.
 *
 * Opening a LevelDB writes what its log holds into a new table. Without room for that, a disk that
 * was filled by someone else would take the reads away, too. The bytes are random because some file
 * systems keep no space for zeros.
 */
import type { Files, Randomness } from '../../schemas/environment.ts';
import { isMissing } from './file-errors.ts';

const PATTERN_BYTES = 1024 * 1024;

export type BallastOptions = {
  readonly files: Files;
  readonly random: Randomness;
  readonly path: string;
  readonly sizeBytes: number;
};

export class Ballast {
  readonly #options: BallastOptions;
  #isThere = false;

  constructor(options: BallastOptions) {
    this.#options = options;
  }

  get isThere(): boolean {
    return this.#isThere;
  }

  /** True when the file is there in full; what is there in part is removed. */
  async make(): Promise<boolean> {
    const { files, path, sizeBytes } = this.#options;
    try {
      if ((await files.sizeBytes(path)) === sizeBytes) {
        this.#isThere = true;
        return true;
      }
      await this.release();
      await this.#write();
      this.#isThere = true;
    } catch {
      await this.release();
    }
    return this.#isThere;
  }

  /** Gives the space back; a file that cannot be removed stays, as if it had not been asked. */
  async release(): Promise<void> {
    this.#isThere = false;
    try {
      await this.#options.files.unlink(this.#options.path);
    } catch (error) {
      if (!isMissing(error)) this.#isThere = true;
    }
  }

  async #write(): Promise<void> {
    const { files, random, path, sizeBytes } = this.#options;
    const handle = await files.open(path, 'create');
    try {
      const pattern = random.bytes(Math.min(PATTERN_BYTES, sizeBytes));
      for (let at = 0; at < sizeBytes; at += pattern.length) {
        const length = Math.min(pattern.length, sizeBytes - at);
        await handle.write([pattern.subarray(0, length)], at);
      }
      await handle.datasync();
    } finally {
      await handle.close();
    }
  }
}
