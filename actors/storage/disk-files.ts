/**
 * The Files port on this machine's file systems.
 *
 * Owns:          the sharing of one sync of a directory by many.
 * Knows:         node:fs, which only this file and direct-writer.ts import among the actors.
 * Must not know: what the files hold.
 *
 * A sync of a directory that is asked for while one runs waits for the next one: the running one
 * may have begun before the caller's rename.
 *
 * A call that goes to Node's threads costs the event loop some 30 us, more than most of what is
 * done there. So what never waits for the disk is done at once: opening a directory in which
 * something was just renamed, closing what has nothing left to write.
 */
import * as fs from 'node:fs';
import type { DirectoryEntry, FileHandle, Files, Space } from '../../schemas/environment.ts';
import { assert } from '../../schemas/assert.ts';
import { DirectWriter } from './direct-writer.ts';
import { isMissing } from './file-errors.ts';
import { call, callVoid } from './file-calls.ts';

const FILE_MODE = 0o600;
const DIRECTORY_MODE = 0o700;
const { O_WRONLY, O_CREAT, O_EXCL, O_DSYNC } = fs.constants;
/** What is written is durable, with the size, when the write ends. */
const SYNCED_FLAGS = O_WRONLY | O_CREAT | O_EXCL | O_DSYNC;

export class DiskFiles implements Files {
  readonly #directories = new Map<string, SyncedDirectory>();
  readonly #direct = new DirectWriter();

  async open(path: string, how: 'read' | 'create'): Promise<FileHandle> {
    const isRead = how === 'read';
    return new DiskFile(await openFile(path, isRead ? 'r' : 'wx'), isRead ? 'clean' : 'written');
  }

  async writeNew(
    path: string,
    parts: readonly Uint8Array[],
    how: 'datasync' | 'unsynced',
  ): Promise<void> {
    if (await this.#direct.tryWrite(path, parts, how)) return;
    const handle =
      how === 'datasync'
        ? new DiskFile(await openFile(path, SYNCED_FLAGS), 'clean')
        : new DiskFile(await openFile(path, 'wx'), 'written');
    try {
      await handle.write(parts, 0);
    } finally {
      await handle.close();
    }
  }

  async rename(from: string, to: string): Promise<void> {
    await callVoid(done => fs.rename(from, to, done));
  }

  async unlink(path: string): Promise<void> {
    await callVoid(done => fs.unlink(path, done));
  }

  async makeDirectory(path: string): Promise<void> {
    const options = { recursive: true, mode: DIRECTORY_MODE };
    await call<string | undefined>(done => fs.mkdir(path, options, done));
  }

  async syncDirectory(path: string): Promise<void> {
    const directory = this.#directories.get(path) ?? new SyncedDirectory(path);
    this.#directories.set(path, directory);
    try {
      await directory.sync();
    } finally {
      if (!directory.isBusy) this.#directories.delete(path);
    }
  }

  async list(path: string): Promise<DirectoryEntry[]> {
    const entries = await call<fs.Dirent[]>(done =>
      fs.readdir(path, { withFileTypes: true }, done),
    );
    return entries.map(entry => ({ name: entry.name, kind: kindOf(entry) }));
  }

  async sizeBytes(path: string): Promise<number | undefined> {
    try {
      return (await call<fs.Stats>(done => fs.stat(path, done))).size;
    } catch (error) {
      if (isMissing(error)) return undefined;
      throw error;
    }
  }

  async space(path: string): Promise<Space> {
    const found = await call<fs.StatsFs>(done => fs.statfs(path, done));
    return {
      availableBytes: found.bavail * found.bsize,
      totalBytes: found.blocks * found.bsize,
    };
  }
}

/** One directory whose entries are made durable: at most one sync runs, and one waits. */
class SyncedDirectory {
  readonly #path: string;
  #running: Promise<void> | undefined;
  #waiting: Promise<void> | undefined;

  constructor(path: string) {
    this.#path = path;
  }

  get isBusy(): boolean {
    return this.#running !== undefined || this.#waiting !== undefined;
  }

  sync(): Promise<void> {
    if (this.#running === undefined) return this.#start();
    this.#waiting ??= this.#running.then(
      () => this.#startWaiting(),
      () => this.#startWaiting(),
    );
    return this.#waiting;
  }

  #startWaiting(): Promise<void> {
    this.#waiting = undefined;
    return this.#start();
  }

  #start(): Promise<void> {
    const running = this.#sync().finally(() => {
      if (this.#running === running) this.#running = undefined;
    });
    this.#running = running;
    return running;
  }

  async #sync(): Promise<void> {
    const descriptor = fs.openSync(this.#path, 'r');
    try {
      await callVoid(done => fs.fsync(descriptor, done));
    } finally {
      fs.closeSync(descriptor);
    }
  }
}

function openFile(path: string, flags: string | number): Promise<number> {
  return call<number>(done => fs.open(path, flags, FILE_MODE, done));
}

class DiskFile implements FileHandle {
  readonly #descriptor: number;
  /** `clean`: it never has anything left to write. */
  readonly #state: 'clean' | 'written';
  #isOpen = true;

  constructor(descriptor: number, state: 'clean' | 'written') {
    this.#descriptor = descriptor;
    this.#state = state;
  }

  async read(into: Uint8Array, position: number): Promise<number> {
    let done = 0;
    while (done < into.length) {
      const count = await this.#readOnce(into, done, position + done);
      if (count === 0) break;
      done += count;
    }
    return done;
  }

  async write(parts: readonly Uint8Array[], position: number): Promise<void> {
    let rest = parts.filter(part => part.length > 0);
    let at = position;
    while (rest.length > 0) {
      const written = await this.#writeOnce(rest, at);
      at += written;
      rest = withoutFirst(rest, written);
    }
    // Held up to here: whoever lent the memory of the parts sees by them that it is read no more.
    assert(parts.length >= rest.length, 'nothing is left');
  }

  async datasync(): Promise<void> {
    await callVoid(done => fs.fdatasync(this.#descriptor, done));
  }

  async sizeBytes(): Promise<number> {
    return (await call<fs.Stats>(done => fs.fstat(this.#descriptor, done))).size;
  }

  /** Idempotent: closing twice must not close another's descriptor. */
  async close(): Promise<void> {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    if (this.#state === 'clean') fs.closeSync(this.#descriptor);
    else await callVoid(done => fs.close(this.#descriptor, done));
  }

  #readOnce(into: Uint8Array, offset: number, position: number): Promise<number> {
    const length = into.length - offset;
    return call<number>(done => {
      fs.read(this.#descriptor, into, offset, length, position, (error, count) => {
        done(error, count);
      });
    });
  }

  #writeOnce(parts: readonly Uint8Array[], position: number): Promise<number> {
    return call<number>(done => {
      fs.writev(this.#descriptor, parts as Uint8Array[], position, (error, count) => {
        done(error, count);
      });
    });
  }
}

/** What is left of `parts` after `count` bytes. */
function withoutFirst(parts: readonly Uint8Array[], count: number): Uint8Array[] {
  let skip = count;
  const rest: Uint8Array[] = [];
  for (const part of parts) {
    if (skip >= part.length) {
      skip -= part.length;
      continue;
    }
    rest.push(skip === 0 ? part : part.subarray(skip));
    skip = 0;
  }
  return rest;
}

function kindOf(entry: fs.Dirent): DirectoryEntry['kind'] {
  if (entry.isFile()) return 'file';
  return entry.isDirectory() ? 'directory' : 'other';
}
