/**
 * A file system in memory that forgets what was not synced, and fails where it is told to.
 *
 * Owns:          files and directories, each as it is and as it would be found after a power cut.
 * Knows:         the Files port, the error codes of errno(3).
 * Must not know: what is stored.
 *
 * A file's bytes survive once `datasync` ended after their write; an entry of a directory (new,
 * renamed or removed) once `syncDirectory` of it ended. A sync makes durable what was there when it
 * began, and only when it ends. Every operation is a step and takes at least one turn of the event
 * loop, so that operations of several callers mix. From the step at which the machine stops, none
 * ever ends.
 */
import { basename, dirname } from 'node:path';
import type { DirectoryEntry, FileHandle, Files, Space } from '../../schemas/environment.ts';

type Content = { readonly kind: 'file'; bytes: Buffer; durable: Buffer };
type Folder = {
  readonly kind: 'directory';
  readonly entries: Map<string, Node>;
  readonly durable: Map<string, Node>;
};
type Node = Content | Folder;

export type Step = { readonly operation: string; readonly path: string };

/** `none`: the process died, the machine did not. `unsynced`: all that was not synced is gone.
 *  A number seeds the choice for each file and entry: gone, kept, or torn. */
export type Loss = 'none' | 'unsynced' | number;

export type FaultyFilesOptions = {
  readonly totalBytes?: number;
  /** Operations take one turn; with a seed, one to TURNS_MAX. */
  readonly delaySeed?: number;
  /** Instead of turns: what each operation waits for before it ends. */
  readonly wait?: () => Promise<void>;
};

const TURNS_MAX = 8;

const GIB = 1024 ** 3;

export class FaultyFiles implements Files {
  readonly #root: Folder;
  readonly #totalBytes: number;
  readonly #delay: (() => number) | undefined;
  readonly #wait: (() => Promise<void>) | undefined;
  readonly #faults: { match: (step: Step) => boolean; code: string; isOnce: boolean }[] = [];
  readonly steps: Step[] = [];
  #stopAt = Number.POSITIVE_INFINITY;
  #onStop: (() => void) | undefined;
  #isStopped = false;
  #freeBytes: number | undefined;
  #openHandles = 0;

  constructor(options: FaultyFilesOptions = {}, root: Folder = newFolder()) {
    this.#root = root;
    this.#totalBytes = options.totalBytes ?? 100 * GIB;
    this.#wait = options.wait;
    this.#delay = options.delaySeed === undefined ? undefined : generator(options.delaySeed);
  }

  /** Handles that were opened and not closed. */
  get openHandles(): number {
    return this.#openHandles;
  }

  // ---- what a test does to it -------------------------------------------------------------------

  /** The machine stops before step number `step` (0 is the first from now on) has an effect; a
   * write
   *  has half of its effect. Resolves when it stopped. */
  stopAt(step: number): Promise<void> {
    this.#stopAt = this.steps.length + step;
    return new Promise(resolve => {
      this.#onStop = resolve;
    });
  }

  /** Steps that match fail with this code, from now on or once. */
  fail(match: (step: Step) => boolean, code: string, often: 'once' | 'always' = 'once'): void {
    this.#faults.push({ match, code, isOnce: often === 'once' });
  }

  heal(): void {
    this.#faults.length = 0;
  }

  /** How much the disk still takes; undefined: as much as its size. */
  setFreeBytes(bytes: number | undefined): void {
    this.#freeBytes = bytes;
  }

  /** What the next process finds. */
  restart(loss: Loss, options: FaultyFilesOptions = {}): FaultyFiles {
    const chance = typeof loss === 'number' ? generator(loss) : undefined;
    const root =
      loss === 'none' ? copyFolder(this.#root, new Map()) : survivingFolder(this.#root, chance);
    return new FaultyFiles({ totalBytes: this.#totalBytes, ...options }, root);
  }

  /** Flips one bit of the file's byte at `offset` (from the end, when negative), durably. */
  flip(path: string, offset: number): void {
    const file = this.#file(path, 'flip');
    const at = offset < 0 ? file.bytes.length + offset : offset;
    const bytes = Buffer.from(file.bytes);
    bytes[at]! ^= 1;
    file.bytes = bytes;
    file.durable = Buffer.from(bytes);
  }

  /** Cuts the file, durably. */
  truncate(path: string, length: number): void {
    const file = this.#file(path, 'truncate');
    file.bytes = Buffer.from(file.bytes.subarray(0, length));
    file.durable = Buffer.from(file.bytes);
  }

  /** Puts a file there, durably, with its directories. */
  plant(path: string, bytes: Uint8Array): void {
    const folder = makeFolder(this.#root, dirname(path), 'durably');
    const content = Buffer.from(bytes);
    const file: Content = { kind: 'file', bytes: content, durable: Buffer.from(content) };
    folder.entries.set(basename(path), file);
    folder.durable.set(basename(path), file);
  }

  /** Is there a file of this path? */
  has(path: string): boolean {
    let node: Node | undefined = this.#root;
    for (const name of path.split('/').filter(part => part !== '')) {
      node = node?.kind === 'directory' ? node.entries.get(name) : undefined;
    }
    return node?.kind === 'file';
  }

  /** All paths of files, sorted. */
  paths(): string[] {
    return pathsIn(this.#root, '').sort();
  }

  // ---- the port ---------------------------------------------------------------------------------

  async writeNew(
    path: string,
    parts: readonly Uint8Array[],
    how: 'datasync' | 'unsynced',
  ): Promise<void> {
    const handle = await this.open(path, 'create');
    try {
      await handle.write(parts, 0);
      if (how === 'datasync') await handle.datasync();
    } finally {
      await handle.close();
    }
  }

  async open(path: string, how: 'read' | 'create'): Promise<FileHandle> {
    await this.#step(how === 'read' ? 'open' : 'create', path);
    const folder = this.#folder(dirname(path), 'open');
    const found = folder.entries.get(basename(path));
    if (how === 'create') {
      if (found !== undefined) throw failure('EEXIST', 'open', path);
      const file: Content = { kind: 'file', bytes: Buffer.alloc(0), durable: Buffer.alloc(0) };
      folder.entries.set(basename(path), file);
      return this.#ended(this.#handle(path, file));
    }
    if (found === undefined) throw failure('ENOENT', 'open', path);
    if (found.kind !== 'file') throw failure('EISDIR', 'open', path);
    return this.#ended(this.#handle(path, found));
  }

  async rename(from: string, to: string): Promise<void> {
    await this.#step('rename', to);
    const source = this.#folder(dirname(from), 'rename');
    const target = this.#folder(dirname(to), 'rename');
    const node = source.entries.get(basename(from));
    if (node === undefined) throw failure('ENOENT', 'rename', from);
    source.entries.delete(basename(from));
    target.entries.set(basename(to), node);
    await this.#ended(undefined);
  }

  async unlink(path: string): Promise<void> {
    await this.#step('unlink', path);
    if (!this.#folder(dirname(path), 'unlink').entries.delete(basename(path))) {
      throw failure('ENOENT', 'unlink', path);
    }
    await this.#ended(undefined);
  }

  async makeDirectory(path: string): Promise<void> {
    await this.#step('makeDirectory', path);
    makeFolder(this.#root, path, 'volatile');
    await this.#ended(undefined);
  }

  async syncDirectory(path: string): Promise<void> {
    await this.#step('syncDirectory', path);
    const folder = this.#folder(path, 'syncDirectory');
    const entries = [...folder.entries];
    await this.#ended(undefined);
    folder.durable.clear();
    for (const [name, node] of entries) folder.durable.set(name, node);
  }

  async list(path: string): Promise<DirectoryEntry[]> {
    await this.#step('list', path);
    const folder = this.#folder(path, 'list');
    return this.#ended([...folder.entries].map(([name, node]) => ({ name, kind: node.kind })));
  }

  async sizeBytes(path: string): Promise<number | undefined> {
    await this.#step('stat', path);
    const node = this.#find(path);
    return this.#ended(node?.kind === 'file' ? node.bytes.length : node && 4096);
  }

  async space(path: string): Promise<Space> {
    await this.#step('space', path);
    const availableBytes = this.#freeBytes ?? this.#totalBytes - usedBytes(this.#root);
    return this.#ended({ availableBytes, totalBytes: this.#totalBytes });
  }

  // ---- inside -----------------------------------------------------------------------------------

  #handle(path: string, file: Content): FileHandle {
    this.#openHandles += 1;
    let isOpen = true;
    return {
      read: async (into, position) => {
        await this.#step('read', path);
        const bytes = file.bytes.subarray(position, position + into.length);
        into.set(bytes);
        return this.#ended(bytes.length);
      },
      write: async (parts, position) => {
        const bytes = Buffer.concat(parts);
        await this.#step('write', path, () => {
          writeInto(file, bytes.subarray(0, Math.floor(bytes.length / 2)), position);
        });
        this.#take(bytes.length, path);
        writeInto(file, bytes, position);
        await this.#ended(undefined);
      },
      datasync: async () => {
        await this.#step('datasync', path);
        const bytes = Buffer.from(file.bytes);
        await this.#ended(undefined);
        file.durable = bytes;
      },
      sizeBytes: async () => {
        await this.#step('fstat', path);
        return this.#ended(file.bytes.length);
      },
      close: async () => {
        if (isOpen) this.#openHandles -= 1;
        isOpen = false;
      },
    };
  }

  #take(bytes: number, path: string): void {
    if (this.#freeBytes === undefined) return;
    if (bytes > this.#freeBytes) throw failure('ENOSPC', 'write', path);
    this.#freeBytes -= bytes;
  }

  async #step(operation: string, path: string, half?: () => void): Promise<void> {
    if (this.#isStopped) await never();
    if (this.steps.length >= this.#stopAt) {
      half?.();
      this.#isStopped = true;
      this.#onStop?.();
      await never();
    }
    const step = { operation, path };
    this.steps.push(step);
    const fault = this.#faults.find(candidate => candidate.match(step));
    if (fault === undefined) return;
    if (fault.isOnce) this.#faults.splice(this.#faults.indexOf(fault), 1);
    throw failure(fault.code, operation, path);
  }

  async #ended<Value>(value: Value): Promise<Value> {
    if (this.#wait !== undefined) {
      await this.#wait();
      return this.#isStopped ? never() : value;
    }
    const turns = this.#delay === undefined ? 1 : 1 + Math.floor(this.#delay() * TURNS_MAX);
    for (let turn = 0; turn < turns; turn += 1) {
      await new Promise(resolve => {
        setImmediate(resolve);
      });
    }
    return this.#isStopped ? never() : value;
  }

  #find(path: string): Node | undefined {
    let node: Node | undefined = this.#root;
    for (const part of partsOf(path)) {
      if (node?.kind !== 'directory') return undefined;
      node = node.entries.get(part);
    }
    return node;
  }

  #folder(path: string, call: string): Folder {
    const node = this.#find(path);
    if (node === undefined) throw failure('ENOENT', call, path);
    if (node.kind !== 'directory') throw failure('ENOTDIR', call, path);
    return node;
  }

  #file(path: string, call: string): Content {
    const node = this.#find(path);
    if (node?.kind !== 'file') throw failure('ENOENT', call, path);
    return node;
  }
}

function newFolder(): Folder {
  return { kind: 'directory', entries: new Map(), durable: new Map() };
}

function makeFolder(root: Folder, path: string, how: 'volatile' | 'durably'): Folder {
  let folder = root;
  for (const part of partsOf(path)) {
    let next = folder.entries.get(part);
    if (next === undefined) {
      next = newFolder();
      folder.entries.set(part, next);
      if (how === 'durably') folder.durable.set(part, next);
    }
    if (next.kind !== 'directory') throw failure('ENOTDIR', 'mkdir', path);
    folder = next;
  }
  return folder;
}

/** The machine goes on: what was not durable still is not. */
function copyFolder(folder: Folder, copies: Map<Node, Node>): Folder {
  const copy = newFolder();
  copies.set(folder, copy);
  for (const part of ['entries', 'durable'] as const) {
    for (const [name, node] of folder[part]) copy[part].set(name, copyNode(node, copies));
  }
  return copy;
}

function copyNode(node: Node, copies: Map<Node, Node>): Node {
  const known = copies.get(node);
  if (known !== undefined) return known;
  if (node.kind === 'directory') return copyFolder(node, copies);
  const copy: Content = { ...node };
  copies.set(node, copy);
  return copy;
}

function survivingFolder(folder: Folder, chance?: () => number): Folder {
  const survivor = newFolder();
  const names = new Set([...folder.entries.keys(), ...folder.durable.keys()]);
  for (const name of names) {
    const keepsNew = chance !== undefined && chance() < 0.5;
    const node = (keepsNew ? folder.entries : folder.durable).get(name);
    if (node === undefined) continue;
    const copy =
      node.kind === 'directory' ? survivingFolder(node, chance) : survivingFile(node, chance);
    survivor.entries.set(name, copy);
    survivor.durable.set(name, copy);
  }
  return survivor;
}

function survivingFile(file: Content, chance?: () => number): Content {
  let bytes = file.durable;
  if (chance !== undefined && !file.bytes.equals(file.durable)) {
    const luck = chance();
    if (luck < 0.3) bytes = file.bytes;
    // Torn: the size is there, of the bytes only a beginning.
    else if (luck < 0.6) {
      bytes = Buffer.alloc(file.bytes.length);
      file.bytes.copy(bytes, 0, 0, Math.floor(chance() * file.bytes.length));
    }
  }
  return { kind: 'file', bytes: Buffer.from(bytes), durable: Buffer.from(bytes) };
}

function writeInto(file: Content, bytes: Buffer, position: number): void {
  const length = Math.max(file.bytes.length, position + bytes.length);
  const grown = Buffer.alloc(length);
  file.bytes.copy(grown);
  bytes.copy(grown, position);
  file.bytes = grown;
}

function pathsIn(folder: Folder, at: string): string[] {
  return [...folder.entries].flatMap(([name, node]) =>
    node.kind === 'directory' ? pathsIn(node, `${at}/${name}`) : [`${at}/${name}`],
  );
}

function usedBytes(folder: Folder): number {
  let bytes = 0;
  for (const node of folder.entries.values()) {
    bytes += node.kind === 'directory' ? usedBytes(node) : node.bytes.length;
  }
  return bytes;
}

function partsOf(path: string): string[] {
  return path.split('/').filter(part => part !== '' && part !== '.');
}

function failure(code: string, call: string, path: string): Error {
  return Object.assign(new Error(`${code}: ${call} '${path}'`), { code });
}

function never<Value>(): Promise<Value> {
  return new Promise(() => {});
}

/** Numerical Recipes' linear congruential generator: the same seed, the same crash. */
function generator(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}
