/**
 * The limits that the machine itself sets, measured beside the rows they bound.
 *
 * Owns:          MD5 on one core; appends with fdatasync; small files made durable; bare scans.
 * Knows:         Node, classic-level.
 * Must not know: anything of ours.
 */
import { createHash } from 'node:crypto';
import { mkdir, open, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { ClassicLevel } from 'classic-level';

/** Bytes a second of MD5 on one core. */
export function md5BytesPerSecond(durationMs: number): number {
  const block = Buffer.alloc(1024 * 1024, 7);
  const hash = createHash('md5');
  const startMs = performance.now();
  let bytes = 0;
  while (performance.now() - startMs < durationMs) {
    hash.update(block);
    bytes += block.length;
  }
  hash.digest();
  return bytes / ((performance.now() - startMs) / 1000);
}

/** Appends of 1 KiB a second, each followed by its datasync: `await write; await datasync`. */
export async function appendsPerSecond(directory: string, durationMs: number): Promise<number> {
  const path = join(directory, 'appends');
  const file = await open(path, 'w');
  const bytes = Buffer.alloc(1024, 7);
  const startMs = performance.now();
  let appends = 0;
  while (performance.now() - startMs < durationMs) {
    await file.write(bytes, 0, bytes.length, appends * bytes.length);
    await file.datasync();
    appends += 1;
  }
  const seconds = (performance.now() - startMs) / 1000;
  await file.close();
  await rm(path);
  return appends / seconds;
}

/**
 * Files a second of 16 writers, a directory each: create, write, fdatasync, rename, fsync. They are
 * left in `directory`: for some seconds after many files were removed, ext4 searches long for the
 * inode of a new one, and what is measured next would pay for it.
 */
export async function filesPerSecond(
  directory: string,
  durationMs: number,
  fileBytes = 64 * 1024,
): Promise<number> {
  const bytes = Buffer.alloc(fileBytes, 7);
  const startMs = performance.now();
  let files = 0;
  const write = async (_: unknown, writer: number): Promise<void> => {
    const home = join(directory, `writer-${String(writer)}`);
    await mkdir(home, { recursive: true });
    const folder = await open(home, 'r');
    for (let n = 0; performance.now() - startMs < durationMs; n += 1) {
      const path = join(home, `file-${String(n)}`);
      const file = await open(`${path}.tmp`, 'wx');
      await file.write(bytes);
      await file.datasync();
      await file.close();
      await rename(`${path}.tmp`, path);
      await folder.sync();
      files += 1;
    }
    await folder.close();
  };
  await Promise.all(Array.from({ length: 16 }, write));
  return files / ((performance.now() - startMs) / 1000);
}

export type ScanLimits = {
  /** `nextv(1000)` over rows of 120 bytes. */
  readonly rowsPerSecond: number;
  /** 1000 seeks with one row each. */
  readonly seeksMs: number;
};

/** A bare database of `rows` rows with values of 120 bytes, in 1000 "folders". */
export async function scanLimits(directory: string, rows: number): Promise<ScanLimits> {
  const path = join(directory, 'bare-level');
  const database = new ClassicLevel<Buffer, Buffer>(path, {
    keyEncoding: 'buffer',
    valueEncoding: 'buffer',
    cacheSize: 64 * 1024 * 1024,
  });
  await database.open();
  const value = Buffer.alloc(120, 7);
  for (let from = 0; from < rows; from += 10_000) {
    const count = Math.min(10_000, rows - from);
    await database.batch(
      Array.from({ length: count }, (_, n) => {
        return { type: 'put' as const, key: Buffer.from(benchKey(from + n, rows)), value };
      }),
    );
  }
  await database.compactRange(Buffer.from(''), Buffer.from('~'));
  const rowsPerSecond = Math.max(await scan(database, rows), await scan(database, rows));
  const seeksMs = Math.min(await seeks(database, rows), await seeks(database, rows));
  await database.close();
  await rm(path, { recursive: true });
  return { rowsPerSecond, seeksMs };
}

type Database = ClassicLevel<Buffer, Buffer>;

async function scan(database: Database, rows: number): Promise<number> {
  const iterator = database.iterator();
  const startMs = performance.now();
  let seen = 0;
  for (;;) {
    const entries = await iterator.nextv(1000);
    if (entries.length === 0) break;
    seen += entries.length;
  }
  await iterator.close();
  if (seen !== rows) throw new Error(`the scan saw ${String(seen)} of ${String(rows)} rows`);
  return seen / ((performance.now() - startMs) / 1000);
}

async function seeks(database: Database, rows: number): Promise<number> {
  const iterator = database.iterator();
  const startMs = performance.now();
  for (let folder = 0; folder < FOLDERS; folder += 1) {
    iterator.seek(Buffer.from(folderName(folder)));
    const [entry] = await iterator.nextv(1);
    if (entry === undefined)
      throw new Error(`no row in folder ${String(folder)} of ${String(rows)}`);
  }
  await iterator.close();
  return performance.now() - startMs;
}

export const FOLDERS = 1000;

export function folderName(folder: number): string {
  return `folder-${String(folder).padStart(4, '0')}/`;
}

/** Key `index` of `total`: the folders are of one size, and sort as the indexes do. */
export function benchKey(index: number, total: number): string {
  const perFolder = Math.max(1, Math.ceil(total / FOLDERS));
  const folder = Math.floor(index / perFolder);
  return `${folderName(folder)}object-${String(index).padStart(9, '0')}`;
}

/** Keeps a value from being optimised away. */
export function hashOf(values: readonly number[]): string {
  return createHash('sha256').update(values.join()).digest('hex').slice(0, 8);
}
