/**
 * Checks the files of a LevelDB that is closed, and replaces those in which bits were put right.
 *
 * Owns:          which files are checked as what; the replacing.
 * Knows:         LevelDB's names of files, the Files port.
 * Must not know: when it is time to check.
 *
 * A file is replaced by a whole copy that is on stable storage: after a crash the old or the new
 * one is there. A file that cannot be read is left to LevelDB, which says so.
 */
import { join } from 'node:path';
import type { Files } from '../../schemas/environment.ts';
import type { Log } from '../../schemas/telemetry.ts';
import { removeIfThere, writeFileDurably } from './durable-files.ts';
import { checkLevelLog } from './level-log-check.ts';
import { checkLevelTable, type TableFinding } from './level-table-check.ts';

export type LevelFilesCheckOptions = {
  readonly directory: string;
  readonly files: Files;
  readonly log: Log;
};

/** Larger files than LevelDB makes here are not taken into memory. */
const FILE_BYTES_MAX = 128 * 1024 * 1024;

export class LevelFilesCheck {
  readonly #options: LevelFilesCheckOptions;
  /** Since the process started. */
  correctedBits = 0;
  brokenBlocks = 0;

  constructor(options: LevelFilesCheckOptions) {
    this.#options = options;
  }

  async tables(): Promise<{ readonly name: string; readonly sizeBytes: number }[]> {
    const { files, directory } = this.#options;
    const names = (await files.list(directory)).map(entry => entry.name).filter(isTable);
    const tables: { name: string; sizeBytes: number }[] = [];
    for (const name of names.sort()) {
      const sizeBytes = await files.sizeBytes(join(directory, name));
      if (sizeBytes !== undefined) tables.push({ name, sizeBytes });
    }
    return tables;
  }

  /** The store must be closed. */
  async repairLogs(): Promise<void> {
    const { files, directory, log } = this.#options;
    for (const { name } of await files.list(directory)) {
      if (!isLog(name)) continue;
      const bytes = await this.#read(name);
      if (bytes === undefined) continue;
      const { corrected, lostBytes } = checkLevelLog(bytes);
      if (lostBytes > 0) {
        log.error({ file: name, lostBytes }, 'a log of the store is damaged: some rows are lost');
      }
      if (corrected > 0) await this.#replace(name, bytes, { corrected, brokenBlocks: 0 });
    }
  }

  /** The store must be closed. */
  async repairTables(names: readonly string[]): Promise<void> {
    for (const name of names) {
      const bytes = await this.#read(name);
      const finding = bytes && checkLevelTable(bytes);
      if (finding?.kind === 'repaired') await this.#replace(name, bytes!, finding);
    }
  }

  /** Changes nothing; the store may be open. */
  async look(name: string): Promise<TableFinding> {
    const bytes = await this.#read(name);
    return bytes === undefined ? { kind: 'unreadable' } : checkLevelTable(bytes);
  }

  async #read(name: string): Promise<Buffer | undefined> {
    const { files, directory, log } = this.#options;
    const path = join(directory, name);
    try {
      const sizeBytes = await files.sizeBytes(path);
      if (sizeBytes === undefined || sizeBytes > FILE_BYTES_MAX) return undefined;
      const handle = await files.open(path, 'read');
      try {
        const bytes = Buffer.alloc(sizeBytes);
        return bytes.subarray(0, await handle.read(bytes, 0));
      } finally {
        await handle.close();
      }
    } catch (error) {
      log.warn({ error, file: name }, 'a file of the store cannot be checked');
      return undefined;
    }
  }

  async #replace(
    name: string,
    bytes: Buffer,
    { corrected, brokenBlocks }: { readonly corrected: number; readonly brokenBlocks: number },
  ): Promise<void> {
    const { files, directory, log } = this.#options;
    const figures = { file: name, correctedBits: corrected, brokenBlocks };
    try {
      await writeFileDurably(files, join(directory, name), bytes);
    } catch (error) {
      log.error({ error, ...figures }, 'a file of the store is damaged and cannot be replaced');
      await removeIfThere(files, join(directory, `.${name}.new`)).catch(() => undefined);
      return;
    }
    this.correctedBits += corrected;
    this.brokenBlocks += brokenBlocks;
    log.error(figures, 'a file of the store was damaged: what could be put right was');
  }
}

function isTable(name: string): boolean {
  return /^\d+\.(?:ldb|sst)$/.test(name);
}

function isLog(name: string): boolean {
  return /^(?:\d+\.log|MANIFEST-\d+)$/.test(name);
}
