/**
 * Writes large new files past the page cache, straight from the memory they are in.
 *
 * Owns:          when that is possible, and the step back where it is not.
 * Knows:         O_DIRECT (open(2)): memory, place and length must be multiples of a disk block.
 * Must not know: what the files hold.
 *
 * A block of a large body is written once and read later, if ever. Through the page cache each of
 * its bytes is copied by the kernel, which with several writers at a time costs more than all
 * hashing: 2.7 ns a byte against 0.3 (1 MiB files with fdatasync, four at a time, 450 MB/s against
 * 1070).
 *
 * The memory must be page-aligned (schemas/aligned-memory.ts), and JavaScript cannot ask whether it
 * is: where other shared memory comes, the kernel refuses, and the file is written the usual way.
 * What follows the block in its file (a table of checksums) goes through a small aligned page; the
 * file is then cut to its length.
 */
import * as fs from 'node:fs';
import { alignedMemory } from '../../schemas/aligned-memory.ts';
import { BLOCK_WRITES_MAX } from '../../schemas/limits.ts';
import { call, callVoid } from './file-calls.ts';

const PAGE_BYTES = 4096;
/** Below this, the page cache is as fast. */
const DIRECT_BYTES_MIN = 256 * 1024;
const FILE_MODE = 0o600;
const FLAGS =
  fs.constants.O_WRONLY | fs.constants.O_CREAT | fs.constants.O_EXCL | fs.constants.O_DIRECT;
/** So many refusals in a row say that this file system, or this memory, is not for it. */
const REFUSALS_MAX = 8;

export class DirectWriter {
  /** Aligned pages for what follows a block, one for each file that is written at a time; whoever
   *  finds none writes the usual way. */
  readonly #pages: Buffer[] = alignedPages();
  #refusals = 0;

  /** False: nothing was written, and the file is not there. Fails as writing the usual way does. */
  async tryWrite(
    path: string,
    parts: readonly Uint8Array[],
    how: 'datasync' | 'unsynced',
  ): Promise<boolean> {
    const [body, ...tail] = parts;
    if (body === undefined || this.#refusals >= REFUSALS_MAX || !isAligned(body)) return false;
    const tailBytes = tail.reduce((sum, part) => sum + part.length, 0);
    const page = tailBytes <= PAGE_BYTES ? this.#pages.pop() : undefined;
    if (page === undefined) return false;
    try {
      return await this.#write(path, { body, page: filled(page, tail), tailBytes, how });
    } finally {
      this.#pages.push(page);
    }
  }

  async #write(path: string, file: DirectFile): Promise<boolean> {
    const opened = await openDirectly(path);
    if (opened === 'refused') {
      this.#refusals += 1;
      return false;
    }
    let isWritten = false;
    try {
      isWritten = await writeAligned(opened, file);
      if (isWritten) {
        const sizeBytes = file.body.length + file.tailBytes;
        await callVoid(done => fs.ftruncate(opened, sizeBytes, done));
        if (file.how === 'datasync') await callVoid(done => fs.fdatasync(opened, done));
      }
    } finally {
      fs.closeSync(opened);
    }
    this.#refusals = isWritten ? 0 : this.#refusals + 1;
    if (!isWritten) await callVoid(done => fs.unlink(path, done));
    return isWritten;
  }
}

type DirectFile = {
  readonly body: Uint8Array;
  readonly page: Buffer;
  readonly tailBytes: number;
  readonly how: 'datasync' | 'unsynced';
};

/** As far as can be seen: where shared memory begins is for the kernel to judge. */
function isAligned(bytes: Uint8Array): boolean {
  if (!(bytes.buffer instanceof SharedArrayBuffer)) return false;
  const { length, byteOffset } = bytes;
  return length >= DIRECT_BYTES_MIN && length % PAGE_BYTES === 0 && byteOffset % PAGE_BYTES === 0;
}

async function openDirectly(path: string): Promise<number | 'refused'> {
  try {
    return await call<number>(done => fs.open(path, FLAGS, FILE_MODE, done));
  } catch (error) {
    if (isRefusal(error)) return 'refused';
    throw error;
  }
}

/** False when the kernel refused, or took only a part: a full disk says more of itself later. */
async function writeAligned(descriptor: number, { body, page }: DirectFile): Promise<boolean> {
  try {
    const written = await call<number>(done => {
      fs.writev(descriptor, [body, page], 0, (error, count) => {
        done(error, count);
      });
    });
    return written === body.length + page.length;
  } catch (error) {
    if (isRefusal(error)) return false;
    throw error;
  }
}

function isRefusal(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'EINVAL';
}

function filled(page: Buffer, parts: readonly Uint8Array[]): Buffer {
  let at = 0;
  for (const part of parts) {
    page.set(part, at);
    at += part.length;
  }
  page.fill(0, at);
  return page;
}

function alignedPages(): Buffer[] {
  const memory = Buffer.from(alignedMemory(BLOCK_WRITES_MAX * PAGE_BYTES));
  return Array.from({ length: BLOCK_WRITES_MAX }, (_, index) =>
    memory.subarray(index * PAGE_BYTES, (index + 1) * PAGE_BYTES),
  );
}
