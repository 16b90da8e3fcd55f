/**
 * Block files on this node's data directories: written durably, verified at every read.
 *
 * Owns:          the steps of a write, the verification of reads, the cache of open files.
 * Knows:         the format of block files, the Files port.
 * Must not know: references; whether a block is needed.
 *
 * One hash must not be written and removed at the same time: the block's partition sees to that.
 * A file gets its name only when its bytes are durable, and a write has ended only when the name is
 * durable too. A file that is found under its name may still be lost in a power cut, when the
 * process that wrote it died before the directory was synced: `makeDurable` closes that gap.
 */
import { join } from 'node:path';
import type { FileHandle, Files, Randomness } from '../../schemas/environment.ts';
import type { BlockHash } from '../../schemas/ids.ts';
import { BLOCK_BYTES_MAX, CHECKSUM_CHUNK_BYTES } from '../../schemas/limits.ts';
import {
  checksumsOfTail,
  chunksMatch,
  lengthInFile,
  makeFooter,
  tailBytes,
} from './block-format.ts';
import { blockPath, leafPath, temporaryName } from './block-tree.ts';
import type { DataDirectories, DataRoot } from './data-directories.ts';
import { isMissing } from './file-errors.ts';
import { KnownDirectories } from './known-directories.ts';
import type { OpenBlock } from './open-blocks.ts';
import { OpenBlocks } from './open-blocks.ts';

export type BlockFilesOptions = {
  readonly files: Files;
  readonly random: Randomness;
  readonly directories: DataDirectories;
  /** `data_fsync`: false loses blocks in a power cut. */
  readonly sync: boolean;
};

export type BlockContent =
  { readonly kind: 'bytes'; readonly bytes: Buffer } | { readonly kind: 'absent' } | DamagedBlock;

/** The file is there and is not what was written, or cannot be read. */
export type DamagedBlock = {
  readonly kind: 'damaged';
  readonly path: string;
  readonly cause?: unknown;
};

/** `whole`: size and table of checksums are as they were written. */
export type BlockPresence =
  | { readonly kind: 'whole'; readonly lengthBytes: number; readonly checksums: Buffer }
  | { readonly kind: 'absent' }
  | DamagedBlock;

/** Some bytes of a block. */
export type WantedBytes = {
  /** How long the whole block should be: a wrong figure costs time, nothing else. */
  readonly blockBytes: number;
  readonly first: number;
  readonly length: number;
  /** Where they may be put, if there is room. */
  readonly into?: Buffer | undefined;
};

const OPEN_BLOCKS_MAX = 256;
/** The hashes that are known to be durable under their names since this process began. */
const DURABLE_HASHES_MAX = 16_384;
/** A whole block up to here is read with its table of checksums at once. */
const WHOLE_READ_BYTES_MAX = BLOCK_BYTES_MAX;
const TAG_BYTES = 6;

export class BlockFiles {
  readonly #files: Files;
  readonly #directories: DataDirectories;
  readonly #sync: boolean;
  readonly #tag: string;
  readonly #known: readonly KnownDirectories[];
  readonly #open = new OpenBlocks(OPEN_BLOCKS_MAX);
  readonly #durable = new Set<BlockHash>();
  #temporaryCount = 0;

  constructor(options: BlockFilesOptions) {
    this.#files = options.files;
    this.#directories = options.directories;
    this.#sync = options.sync;
    this.#tag = options.random.bytes(TAG_BYTES).toString('hex');
    this.#known = options.directories.roots.map(
      root => new KnownDirectories(options.files, root.path),
    );
  }

  /** The part of temporary names that says that this process made them. */
  get tag(): string {
    return this.#tag;
  }

  /** Makes all directories ahead of the writes; may be left alone: writes make what they miss. */
  async prepare(isStopped: () => boolean): Promise<void> {
    for (const root of this.#directories.roots) {
      if (!root.isReadOnly) await this.#knownIn(root).makeAll(isStopped);
    }
  }

  /** Writes the block, or replaces it; durable when it resolves. `checksums` must be those of
   *  `bytes`. Throws NoSpaceForBlocksError. */
  async write(hash: BlockHash, bytes: Uint8Array, checksums: Uint8Array): Promise<void> {
    // One that is replaced is durable no more until the new one is.
    this.#durable.delete(hash);
    const sizeBytes = bytes.length + tailBytes(bytes.length);
    const parts = [bytes, checksums, makeFooter(bytes.length, checksums)];
    await this.#directories.write(hash, sizeBytes, root => this.#writeIn(root, hash, parts));
    this.#open.drop(hash);
    this.#rememberDurable(hash);
  }

  /** Bytes `first` to `first + length`, or to the end of the block; each of them verified. */
  async read(hash: BlockHash, wanted: WantedBytes): Promise<BlockContent> {
    const open = this.#open.take(hash);
    if (open === undefined) return this.#readUnopened(hash, wanted);
    try {
      return await this.#readPiece(open, wanted);
    } finally {
      this.#open.giveBack(open);
    }
  }

  /** Looks at the file's size and table, not at its bytes. */
  look(hash: BlockHash): Promise<BlockPresence> {
    return this.#inFirstGood(hash, async ({ path, handle }): Promise<BlockPresence> => {
      try {
        const found = await this.#readTail(hash, path, handle);
        if (found.kind === 'damaged') return found;
        return { kind: 'whole', lengthBytes: found.lengthBytes, checksums: found.checksums };
      } finally {
        await handle.close();
      }
    });
  }

  /** Files of this name that were found survive a power cut after this. */
  async makeDurable(hash: BlockHash): Promise<void> {
    if (!this.#sync || this.#durable.has(hash)) return;
    for (const root of this.#directories.roots) {
      if (!root.isReadOnly) await this.#makeDurableIn(root, hash);
    }
    this.#rememberDurable(hash);
  }

  /** Removes the file wherever it lies, but from read-only directories. */
  async remove(hash: BlockHash): Promise<void> {
    this.#open.drop(hash);
    this.#durable.delete(hash);
    for (const root of this.#directories.roots) {
      if (root.isReadOnly) continue;
      try {
        await this.#files.unlink(blockPath(root.path, hash));
      } catch (error) {
        if (!isMissing(error)) throw error;
      }
    }
  }

  close(): void {
    this.#open.dropAll();
  }

  async #writeIn(root: DataRoot, hash: BlockHash, parts: readonly Uint8Array[]): Promise<void> {
    const known = this.#knownIn(root);
    const leaf = leafPath(root.path, hash);
    const temporary = join(leaf, temporaryName(this.#tag, this.#temporaryCount));
    this.#temporaryCount += 1;
    const parents = known.has(hash) ? undefined : (await this.#makeLeaf(root, hash)).durable;
    try {
      await this.#writeNew(temporary, parts, { root, hash });
      await this.#files.rename(temporary, join(leaf, hash));
      if (this.#sync) await Promise.all([this.#files.syncDirectory(leaf), parents]);
    } catch (error) {
      await this.#files.unlink(temporary).catch(() => undefined);
      throw error;
    }
  }

  async #makeLeaf(root: DataRoot, hash: BlockHash): Promise<{ durable?: Promise<void> }> {
    if (this.#sync) return this.#knownIn(root).make(hash);
    await this.#knownIn(root).makeUnsynced(hash);
    return {};
  }

  async #writeNew(
    path: string,
    parts: readonly Uint8Array[],
    at: { readonly root: DataRoot; readonly hash: BlockHash },
  ): Promise<void> {
    const how = this.#sync ? 'datasync' : 'unsynced';
    try {
      await this.#files.writeNew(path, parts, how);
    } catch (error) {
      if (!isMissing(error)) throw error;
      // Someone removed the directory under us, or unmounted the disk.
      this.#knownIn(at.root).forget(at.hash);
      await (
        await this.#makeLeaf(at.root, at.hash)
      ).durable;
      await this.#files.writeNew(path, parts, how);
    }
  }

  #readUnopened(hash: BlockHash, wanted: WantedBytes): Promise<BlockContent> {
    return this.#inFirstGood(hash, async (opened): Promise<BlockContent> => {
      let block: OpenBlock | undefined;
      try {
        const isWhole = wanted.first === 0 && wanted.length === wanted.blockBytes;
        const whole = isWhole ? await this.#readWhole(hash, opened, wanted) : undefined;
        if (whole !== undefined) {
          block = whole.block;
          return { kind: 'bytes', bytes: whole.bytes };
        }
        const found = await this.#readTail(hash, opened.path, opened.handle);
        if (found.kind === 'damaged') return found;
        const content = await this.#readPiece(found, wanted);
        if (content.kind === 'bytes') block = found;
        return content;
      } finally {
        if (block === undefined) await opened.handle.close();
        else this.#open.keep(block);
      }
    });
  }

  /** One read instead of three when the caller wants a block from its first byte to its last. */
  async #readWhole(
    hash: BlockHash,
    opened: Opened,
    { length, into }: WantedBytes,
  ): Promise<{ block: OpenBlock; bytes: Buffer } | undefined> {
    if (length > WHOLE_READ_BYTES_MAX) return undefined;
    const fileBytes = length + tailBytes(length);
    // One byte more, to see that the file ends there.
    const buffer = memoryFor(fileBytes + 1, into);
    if ((await opened.handle.read(buffer, 0)) !== fileBytes) return undefined;
    const checksums = checksumsOfTail(buffer.subarray(length, fileBytes), length);
    if (checksums === undefined) return undefined;
    const bytes = buffer.subarray(0, length);
    if (!chunksMatch(bytes, checksums, 0)) return undefined;
    const block: OpenBlock = {
      hash,
      path: opened.path,
      handle: opened.handle,
      lengthBytes: length,
      checksums: Buffer.from(checksums),
      users: 0,
    };
    return { block, bytes };
  }

  async #readTail(
    hash: BlockHash,
    path: string,
    handle: FileHandle,
  ): Promise<(OpenBlock & { readonly kind?: undefined }) | DamagedBlock> {
    const fileBytes = await handle.sizeBytes();
    const lengthBytes = lengthInFile(fileBytes);
    if (lengthBytes === undefined) return { kind: 'damaged', path };
    const tail = Buffer.alloc(fileBytes - lengthBytes);
    await handle.read(tail, lengthBytes);
    const checksums = checksumsOfTail(tail, lengthBytes);
    if (checksums === undefined) return { kind: 'damaged', path };
    return { hash, path, handle, lengthBytes, checksums, users: 0 };
  }

  async #readPiece(block: OpenBlock, { first, length, into }: WantedBytes): Promise<BlockContent> {
    const { handle, checksums, lengthBytes, path } = block;
    const end = Math.min(first + length, lengthBytes);
    if (first >= end) return { kind: 'bytes', bytes: Buffer.alloc(0) };
    const firstChunk = Math.floor(first / CHECKSUM_CHUNK_BYTES);
    const from = firstChunk * CHECKSUM_CHUNK_BYTES;
    const to = Math.min(Math.ceil(end / CHECKSUM_CHUNK_BYTES) * CHECKSUM_CHUNK_BYTES, lengthBytes);
    const buffer = memoryFor(to - from, into);
    try {
      const count = await handle.read(buffer, from);
      if (count === buffer.length && chunksMatch(buffer, checksums, firstChunk)) {
        return { kind: 'bytes', bytes: buffer.subarray(first - from, end - from) };
      }
    } catch (cause) {
      this.#open.drop(block.hash);
      return { kind: 'damaged', path, cause };
    }
    this.#open.drop(block.hash);
    return { kind: 'damaged', path };
  }

  /** What `use` says of the first file of this name that it does not find damaged. */
  async #inFirstGood<Result extends { readonly kind: string }>(
    hash: BlockHash,
    use: (opened: Opened) => Promise<Result | DamagedBlock>,
  ): Promise<Result | DamagedBlock | { readonly kind: 'absent' }> {
    let damaged: DamagedBlock | undefined;
    for (const root of this.#directories.inOrder(hash)) {
      const path = blockPath(root.path, hash);
      try {
        const handle = await this.#files.open(path, 'read');
        const result = await use({ handle, path });
        if (result.kind !== 'damaged') return result;
        damaged = result as DamagedBlock;
      } catch (cause) {
        if (!isMissing(cause)) damaged = { kind: 'damaged', path, cause };
      }
    }
    return damaged ?? { kind: 'absent' };
  }

  async #makeDurableIn(root: DataRoot, hash: BlockHash): Promise<void> {
    let handle: FileHandle;
    try {
      handle = await this.#files.open(blockPath(root.path, hash), 'read');
    } catch (error) {
      if (isMissing(error)) return;
      throw error;
    }
    try {
      const { durable } = await this.#knownIn(root).make(hash);
      const leaf = this.#files.syncDirectory(leafPath(root.path, hash));
      await Promise.all([handle.datasync(), leaf, durable]);
    } finally {
      await handle.close();
    }
  }

  #knownIn(root: DataRoot): KnownDirectories {
    return this.#known[root.index]!;
  }

  #rememberDurable(hash: BlockHash): void {
    this.#durable.add(hash);
    if (this.#durable.size <= DURABLE_HASHES_MAX) return;
    const [oldest] = this.#durable;
    if (oldest !== undefined) this.#durable.delete(oldest);
  }
}

function memoryFor(sizeBytes: number, into: Buffer | undefined): Buffer {
  if (into !== undefined && into.length >= sizeBytes) return into.subarray(0, sizeBytes);
  return Buffer.allocUnsafeSlow(sizeBytes);
}

type Opened = { readonly handle: FileHandle; readonly path: string };
