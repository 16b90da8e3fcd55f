/**
 * Writes large new files past the page cache, straight from the memory they are in.
 *
 * Owns:          when that is possible, and the step back where it is not.
 * Knows:         O_DIRECT (open(2)): memory, place and length must be multiples of a disk block.
 * Must not know: what the files hold.
 *
 * A block of a large body is written once and read later, if ever. Through the page cache each of
 * its bytes is copied by the kernel into pages that it must find and zero first, which with several
 * writers at a time costs more than all hashing: 2.7 ns a byte against 0.3 (1 MiB files with
 * fdatasync, four at a time, 450 MB/s against 1070).
 *
 * The memory must be page-aligned (schemas/aligned-memory.ts). Bodies are taken into such memory,
 * and JavaScript cannot ask whether what it is given is: where other shared memory comes, the
 * kernel refuses, and the file is written the usual way. A block that came from another node is
 * copied into aligned memory, which is still a tenth of the kernel's copy. What follows a block
 * in its file (a table of checksums) goes through an aligned page; the file is then cut to its
 * length.
 */
import * as fs from 'node:fs';
import { dirname } from 'node:path';
import { alignedMemory } from '../../schemas/aligned-memory.ts';
import { BLOCK_BYTES_DEFAULT, BLOCK_WRITES_MAX } from '../../schemas/limits.ts';
import { bytesOf } from '../../schemas/wire.ts';
import { call, callVoid } from './file-calls.ts';
import { isMissing } from './file-errors.ts';

const PAGE_BYTES = 4096;
/** Below this, the page cache is as fast. */
const DIRECT_BYTES_MIN = 256 * 1024;
/** Blocks of the usual size, with what follows them. */
const COPY_BYTES_MAX = BLOCK_BYTES_DEFAULT + PAGE_BYTES;
/** As many as there are threads that write. */
const COPIES = 8;
const FILE_MODE = 0o600;
const FLAGS =
  fs.constants.O_WRONLY | fs.constants.O_CREAT | fs.constants.O_EXCL | fs.constants.O_DIRECT;
/** So many refusals in a row say that the memory that comes is not what it looks like. */
const REFUSALS_MAX = 8;

export class DirectWriter {
  /** For what follows a block, one for each file that is written at a time. */
  readonly #pages = alignedPieces(BLOCK_WRITES_MAX, PAGE_BYTES);
  /** For blocks that are copied; made when the first one comes. */
  #copies: Buffer[] | undefined;
  /** In a row, of memory that looked aligned. */
  #refusals = 0;
  /** On file systems that are not for it: no more than there are directories for blocks. */
  readonly #refusing = new Set<string>();

  /** False: nothing was written, and the file is not there. Fails as writing the usual way does. */
  async tryWrite(
    path: string,
    parts: readonly Uint8Array[],
    how: 'datasync' | 'unsynced',
  ): Promise<boolean> {
    const [body, ...tail] = parts;
    if (body === undefined || this.#refusing.has(dirname(path))) return false;
    const sizeBytes = bytesOf(parts);
    const isTaken = this.#refusals < REFUSALS_MAX && isAligned(body);
    if (isTaken && sizeBytes - body.length <= PAGE_BYTES) {
      const outcome = await writeThrough(this.#pages, page =>
        this.#write(path, { pieces: [body, filled(page, tail)], sizeBytes, how }),
      );
      if (outcome === 'written') this.#refusals = 0;
      if (outcome === 'refused') this.#refusals += 1;
      return outcome === 'written';
    }
    if (sizeBytes < DIRECT_BYTES_MIN || sizeBytes > COPY_BYTES_MAX) return false;
    const copies = (this.#copies ??= alignedPieces(COPIES, COPY_BYTES_MAX));
    const outcome = await writeThrough(copies, copy =>
      this.#write(path, { pieces: [filled(copy, parts)], sizeBytes, how }),
    );
    if (outcome === 'refused') this.#refusing.add(dirname(path));
    return outcome === 'written';
  }

  async #write(path: string, file: DirectFile): Promise<Outcome> {
    const opened = await openDirectly(path);
    if (opened === undefined) {
      this.#refusing.add(dirname(path));
      // There are kernels that have made it by then.
      await removeIfThere(path);
      return 'not-taken';
    }
    let outcome: Outcome = 'not-taken';
    try {
      outcome = await writeAligned(opened, file);
      if (outcome === 'written') {
        await callVoid(done => fs.ftruncate(opened, file.sizeBytes, done));
        if (file.how === 'datasync') await callVoid(done => fs.fdatasync(opened, done));
      }
    } finally {
      fs.closeSync(opened);
    }
    if (outcome !== 'written') await callVoid(done => fs.unlink(path, done));
    return outcome;
  }
}

/** `refused`: not from this memory. `not-taken`: for another reason. The file system is not for it,
 *  or took only a part (a full disk says more of itself when it is written to the usual way); or
 *  there is no memory left to write from. */
type Outcome = 'written' | 'refused' | 'not-taken';

async function writeThrough(
  pool: Buffer[],
  write: (memory: Buffer) => Promise<Outcome>,
): Promise<Outcome> {
  const memory = pool.pop();
  if (memory === undefined) return 'not-taken';
  try {
    return await write(memory);
  } finally {
    pool.push(memory);
  }
}

type DirectFile = {
  /** Each of whole pages. */
  readonly pieces: readonly Uint8Array[];
  readonly sizeBytes: number;
  readonly how: 'datasync' | 'unsynced';
};

/** As far as can be seen: where shared memory begins is for the kernel to judge. */
function isAligned(bytes: Uint8Array): boolean {
  if (!(bytes.buffer instanceof SharedArrayBuffer)) return false;
  const { length, byteOffset } = bytes;
  return length >= DIRECT_BYTES_MIN && length % PAGE_BYTES === 0 && byteOffset % PAGE_BYTES === 0;
}

/** undefined: the file system is not for it. */
async function openDirectly(path: string): Promise<number | undefined> {
  try {
    return await call<number>(done => fs.open(path, FLAGS, FILE_MODE, done));
  } catch (error) {
    if (isRefusal(error)) return undefined;
    throw error;
  }
}

async function removeIfThere(path: string): Promise<void> {
  try {
    await callVoid(done => fs.unlink(path, done));
  } catch (error) {
    if (!isMissing(error)) throw error;
  }
}

async function writeAligned(descriptor: number, { pieces }: DirectFile): Promise<Outcome> {
  try {
    const written = await call<number>(done => {
      fs.writev(descriptor, pieces as Uint8Array[], 0, (error, count) => {
        done(error, count);
      });
    });
    return written === bytesOf(pieces) ? 'written' : 'not-taken';
  } catch (error) {
    if (isRefusal(error)) return 'refused';
    throw error;
  }
}

function isRefusal(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'EINVAL';
}

/** The parts one behind the other, and zeros to the end of the last page. */
function filled(memory: Buffer, parts: readonly Uint8Array[]): Buffer {
  let at = 0;
  for (const part of parts) {
    memory.set(part, at);
    at += part.length;
  }
  const end = Math.ceil(at / PAGE_BYTES) * PAGE_BYTES;
  memory.fill(0, at, end);
  return memory.subarray(0, end);
}

function alignedPieces(count: number, sizeBytes: number): Buffer[] {
  const memory = Buffer.from(alignedMemory(count * sizeBytes));
  return Array.from({ length: count }, (_, index) =>
    memory.subarray(index * sizeBytes, (index + 1) * sizeBytes),
  );
}
