/**
 * LevelDB stores in directories of their own, whose batches fail on demand.
 *
 * Owns:          the directories, the wrapped batches.
 * Knows:         classic-level, to write behind the store's back.
 * Must not know: what is tested.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { randomBytes } from 'node:crypto';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ExecutionContext } from 'ava';
import type { RawBatch } from '../../../actors/storage/commit-queue.ts';
import { DiskFiles } from '../../../actors/storage/disk-files.ts';
import type { LevelStoreOptions } from '../../../actors/storage/level-store.ts';
import { LevelStore } from '../../../actors/storage/level-store.ts';
import type { Environment } from '../../../schemas/environment.ts';
import { QuietLog } from '../../support/quiet-log.ts';

export type RawDatabase = {
  readonly location: string;
  open(): Promise<void>;
  close(): Promise<void>;
  put(key: Buffer, value: Buffer): Promise<void>;
  getSync(key: Buffer): Buffer | undefined;
  batch(): RawBatch;
  compactRange(from: Buffer, to: Buffer): Promise<void>;
};
type RawDatabaseClass = {
  new (location: string, options: object): RawDatabase;
  readonly prototype: RawDatabase;
};

const { ClassicLevel } = createRequire(import.meta.url)('classic-level') as {
  ClassicLevel: RawDatabaseClass;
};

type Failure = { readonly residue: 'lost' | 'kept'; readonly code: string };

/** Which database's next batch fails, and what becomes of it. */
const failing = new Map<string, Failure>();
const directories = new WeakMap<object, string>();

const realBatch = ClassicLevel.prototype.batch;
ClassicLevel.prototype.batch = function batch(this: RawDatabase): RawBatch {
  const real = realBatch.call(this);
  const write = real.write.bind(real);
  real.write = async options => {
    const failure = failing.get(this.location);
    failing.delete(this.location);
    if (failure?.residue !== 'lost') await write(options);
    if (failure !== undefined) throw Object.assign(new Error('injected'), { code: failure.code });
  };
  return real;
};

/** The machine's own clock, timers and chance. */
export const realEnvironment: Environment = {
  clock: { wallMs: () => Date.now(), monotonicMs: () => performance.now() },
  timers: {
    after(delayMs, callback) {
      const timer = setTimeout(callback, delayMs);
      return { cancel: () => clearTimeout(timer) };
    },
  },
  random: { bytes: count => randomBytes(count), fraction: () => Math.random() },
};

export function temporaryDirectory(t: ExecutionContext): string {
  const path = mkdtempSync(join(tmpdir(), 'garage-store-'));
  t.teardown(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

export async function openLevelStore(
  t: ExecutionContext,
  directory: string,
  options: Partial<LevelStoreOptions> = {},
): Promise<LevelStore> {
  const files = new DiskFiles();
  const store = await LevelStore.open({
    directory,
    files,
    environment: realEnvironment,
    log: new QuietLog(),
    sync: true,
    minFreeBytes: 0,
    ...options,
    sizes: { ballastBytes: 4096, ...options.sizes },
  });
  directories.set(store, directory);
  t.teardown(() => store.close());
  return store;
}

export function directoryOf(store: object): string {
  return directories.get(store)!;
}

/** `code`: what LevelDB would call it. */
export function failNextBatch(
  store: object,
  residue: 'lost' | 'kept',
  code = 'LEVEL_IO_ERROR',
): void {
  failing.set(directoryOf(store), { residue, code });
}

/** The database of a store that was closed. */
export async function openRaw(directory: string, options: object = {}): Promise<RawDatabase> {
  const raw = new ClassicLevel(directory, {
    keyEncoding: 'buffer',
    valueEncoding: 'buffer',
    ...options,
  });
  await raw.open();
  return raw;
}
