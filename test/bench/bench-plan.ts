/**
 * The bench: which rows, in which order, against which limits.
 *
 * Owns:          the parameters of a full and of a tiny run, the aims.
 * Knows:         rows, servers, limits.
 * Must not know: how results are recorded.
 */
import { mkdir, open, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { assignmentRow } from './assignment-row.ts';
import type { BenchTarget } from './bench-client.ts';
import type { BenchProcess } from './bench-servers.ts';
import { newCredentials } from '../support/garage-process.ts';
import { memoryOf, startBare, startGarage } from './bench-servers.ts';
import { getStream, KEYED, openSlowReader, putAtSpeed, putParts, putStream } from './large-rows.ts';
import {
  appendsPerSecond,
  filesPerSecond,
  FOLDERS,
  md5BytesPerSecond,
  scanLimits,
} from './limits.ts';
import { fill, walk } from './list-rows.ts';
import { atLeast, atMost, type BenchRow } from './report.ts';
import { deleteSmall, getSmall, median, putMedium, putSmall, run, warmUp } from './small-rows.ts';

export type BenchSize = {
  readonly loopMs: number;
  readonly rounds: number;
  readonly largeMib: number;
  readonly parts: number;
  readonly listKeys: number;
  readonly uploads: number;
  readonly uploadMib: number;
  readonly slowReaders: number;
};

export const FULL: BenchSize = {
  loopMs: 5000,
  rounds: 3,
  largeMib: 1024,
  parts: 64,
  listKeys: 1_000_000,
  uploads: 64,
  uploadMib: 256,
  slowReaders: 200,
};

/** The same rows on less: for a machine that is lent for minutes. */
export const SHORT: BenchSize = {
  loopMs: 3000,
  rounds: 2,
  largeMib: 1024,
  parts: 32,
  listKeys: 300_000,
  uploads: 64,
  uploadMib: 48,
  slowReaders: 200,
};

export const TINY: BenchSize = {
  loopMs: 150,
  rounds: 1,
  largeMib: 4,
  parts: 2,
  listKeys: 2000,
  uploads: 4,
  uploadMib: 2,
  slowReaders: 4,
};

export type Bench = {
  readonly directory: string;
  readonly size: BenchSize;
  /** Told as each row is done. */
  readonly done: (row: BenchRow) => void;
};

const MIB = 1024 * 1024;
const perSecond = (value: number): string => `${Math.round(value).toLocaleString('en')}/s`;
const mbPerSecond = (value: number): string => `${(value / 1e6).toFixed(0)} MB/s`;

/** Runs every row; the server's data lie in `directory`, which is emptied afterwards. */
export async function runBench(bench: Bench): Promise<BenchRow[]> {
  const rows: BenchRow[] = [];
  const done = (row: BenchRow): void => {
    rows.push(row);
    bench.done(row);
  };
  done(assignmentRow(bench.size.rounds));
  await mkdir(bench.directory, { recursive: true });
  const credentials = newCredentials();
  const file = join(bench.directory, 'bare-file');
  await writeLarge(file, bench.size.largeMib);
  const bare = await startBare(credentials, file);
  const data = join(bench.directory, 'server');
  let garage = await startGarage(data, credentials);
  try {
    await smallRows(bench, garage, bare, done);
    await largeRows(bench, garage, bare, done);
    await uploadRows(bench, garage, done);
    await garage.stop();
    await rm(data, { recursive: true });
    garage = await startGarage(data, credentials);
    await listRows(bench, garage, done);
    await garage.stop();
    garage = await startGarage(data, credentials);
    done(
      atMost(1, {
        work: `start with ${bench.size.listKeys.toLocaleString('en')} objects`,
        figure: `${garage.startMs.toFixed(0)} ms`,
        limit: '1000 ms',
        ratio: garage.startMs / 1000,
      }),
    );
  } finally {
    await garage.stop();
    await bare.stop();
    await rm(bench.directory, { recursive: true, force: true });
  }
  return rows;
}

async function writeLarge(path: string, mebibytes: number): Promise<void> {
  const file = await open(path, 'w');
  const piece = Buffer.alloc(MIB, 7);
  for (let index = 0; index < mebibytes; index += 1) await file.write(piece);
  await file.close();
}

type Rounds = { readonly ours: number; readonly limit: number; readonly ratio: number };

/** Ours and the limit in turn; medians. */
async function inTurn(
  rounds: number,
  ours: (round: number) => Promise<number>,
  limit: (round: number) => Promise<number>,
): Promise<Rounds> {
  const figures: number[] = [];
  const limits: number[] = [];
  for (let round = 0; round < rounds; round += 1) {
    limits.push(await limit(round));
    figures.push(await ours(round));
  }
  const [figure, bound] = [median(figures), median(limits)];
  return { ours: figure, limit: bound, ratio: figure / bound };
}

async function smallRows(
  { size, directory }: Bench,
  garage: BenchProcess,
  bare: BenchProcess,
  done: (row: BenchRow) => void,
): Promise<void> {
  const measure = { connections: 64, durationMs: size.loopMs };
  const ours = garage.target;
  await warmUp(bare.target, measure);
  let { stored, deleted } = await warmUp(ours, measure);
  const put = await inTurn(
    size.rounds,
    async () => {
      const result = await run(ours, measure, putSmall(ours, stored));
      stored += result.requests;
      return result.perSecond;
    },
    async () => (await run(bare.target, measure, putSmall(bare.target, 0))).perSecond,
  );
  const small = (work: string, aim: number, result: Rounds): void => {
    const figure = perSecond(result.ours);
    done(atLeast(aim, { work, figure, limit: perSecond(result.limit), ratio: result.ratio }));
  };
  small('1 KiB signed PUT, 64 connections', 0.35, put);
  const get = await inTurn(
    size.rounds,
    async () => (await run(ours, measure, getSmall(ours, stored, deleted))).perSecond,
    async () => (await run(bare.target, measure, getSmall(bare.target, 1000))).perSecond,
  );
  small('1 KiB signed GET, 64 connections, random keys', 0.55, get);
  const remove = await inTurn(
    size.rounds,
    async () => {
      const most = Math.floor(stored / (size.rounds + 1));
      const result = await run(ours, { ...measure, requestsMax: most }, deleteSmall(ours, deleted));
      deleted += result.requests;
      return result.perSecond;
    },
    async () => (await run(bare.target, measure, deleteSmall(bare.target, 0))).perSecond,
  );
  small('DELETE, 64 connections', 0.3, remove);
  const alone = { connections: 1, durationMs: size.loopMs };
  const single = await inTurn(
    size.rounds,
    async round => (await run(ours, alone, putSmall(ours, 1e8 + round * 1e6))).perSecond,
    () => appendsPerSecond(directory, size.loopMs),
  );
  small('one connection, 1 KiB PUT after PUT', 0.45, single);
  const sixteen = { connections: 16, durationMs: size.loopMs };
  const medium = await inTurn(
    size.rounds,
    async round => (await run(ours, sixteen, putMedium(ours, round * 1e6))).perSecond,
    round => filesPerSecond(join(directory, `files-${String(round)}`), size.loopMs),
  );
  small('64 KiB PUT, 16 connections', 0.5, medium);
}

async function largeRows(
  { size }: Bench,
  garage: BenchProcess,
  bare: BenchProcess,
  done: (row: BenchRow) => void,
): Promise<void> {
  const md5 = (): Promise<number> => Promise.resolve(md5BytesPerSecond(size.loopMs / 2));
  const large = (work: string, aim: number, result: Rounds): void => {
    const figure = mbPerSecond(result.ours);
    done(atLeast(aim, { work, figure, limit: mbPerSecond(result.limit), ratio: result.ratio }));
  };
  const ours = garage.target;
  const stream = await inTurn(
    size.rounds,
    round => putStream(ours, size.largeMib, `large/${String(round)}`),
    md5,
  );
  large(`one PUT of ${String(size.largeMib)} MiB, single stream, signed payload`, 0.4, stream);
  const parts = await inTurn(
    size.rounds,
    round => putParts(ours, { parts: size.parts, partMib: 16, key: `parts/${String(round)}` }),
    md5,
  );
  large('multipart PUT, 16 MiB parts, 4 at a time', 0.5, parts);
  const get = await inTurn(
    size.rounds,
    () => getStream(ours, `/${ours.bucket}/large/0`),
    () => getStream(bare.target, '/bench/file'),
  );
  large(`GET of ${String(size.largeMib)} MiB`, 0.6, get);
  await encryptedRows(size, garage.target, large);
}

/** Beside the same without a key. */
async function encryptedRows(
  { rounds, largeMib }: BenchSize,
  ours: BenchTarget,
  large: (work: string, aim: number, result: Rounds) => void,
): Promise<void> {
  const mebibytes = Math.ceil(largeMib / 4);
  const put = await inTurn(
    rounds,
    round => putStream(ours, mebibytes, `secret/${String(round)}`, KEYED),
    round => putStream(ours, mebibytes, `plain/${String(round)}`),
  );
  large(`PUT of ${String(mebibytes)} MiB under a client's key; limit: without`, 0.7, put);
  const get = await inTurn(
    rounds,
    () => getStream(ours, `/${ours.bucket}/secret/0`, KEYED),
    () => getStream(ours, `/${ours.bucket}/plain/0`),
  );
  large(`GET of ${String(mebibytes)} MiB under a client's key; limit: without`, 0.5, get);
}

async function uploadRows(
  { size }: Bench,
  garage: BenchProcess,
  done: (row: BenchRow) => void,
): Promise<void> {
  const ours = garage.target;
  await run(ours, { connections: 64, durationMs: 200 }, putSmall(ours, 0));
  const measure = { connections: 64, durationMs: size.loopMs };
  const quiet = await run(ours, measure, getSmall(ours, 10));
  const signal = { stop: false };
  const upload = { mebibytes: size.largeMib, mibPerSecond: 50 };
  const uploads = Array.from({ length: 4 }, (_, n) =>
    putAtSpeed(ours, { key: `paced/${String(n)}`, ...upload }, signal),
  );
  const busy = await run(ours, measure, getSmall(ours, 10));
  signal.stop = true;
  await Promise.all(uploads);
  done(
    atMost(5, {
      work: 'p99 of 1 KiB GETs beside four uploads at 50 MB/s each',
      figure: `${busy.p99.toFixed(1)} ms`,
      limit: `${quiet.p99.toFixed(1)} ms without them`,
      ratio: busy.p99 / quiet.p99,
    }),
  );
  let peakMib = 0;
  const watch = setInterval(() => {
    void memoryOf(garage.child).then(memory => {
      peakMib = Math.max(peakMib, memory.anonymousMib);
    });
  }, 50);
  await Promise.all(
    Array.from({ length: size.uploads }, (_, n) =>
      putStream(ours, size.uploadMib, `many/${String(n)}`),
    ),
  );
  clearInterval(watch);
  const after = await memoryOf(garage.child);
  done(
    atMost(1, {
      work: `RssAnon with ${String(size.uploads)} uploads of ${String(size.uploadMib)} MiB at once`,
      figure: `${peakMib.toFixed(0)} MiB`,
      limit: '400 MiB',
      ratio: peakMib / 400,
      note: `VmRSS ${after.residentMib.toFixed(0)} MiB`,
    }),
  );
  const path = `/${ours.bucket}/large/0`;
  const before = await memoryOf(garage.child);
  const opened: { close(): void }[] = [];
  for (let n = 0; n < size.slowReaders; n += 1) opened.push(await openSlowReader(ours, path));
  await new Promise(resolve => setTimeout(resolve, 500));
  const during = await memoryOf(garage.child);
  for (const reader of opened) reader.close();
  const grownMib = Math.max(0, during.anonymousMib - before.anonymousMib);
  done(
    atMost(1, {
      work: `RssAnon grown under ${String(size.slowReaders)} slow readers of one large object`,
      figure: `${grownMib.toFixed(0)} MiB`,
      limit: '100 MiB (a piece of 256 KiB each, twice)',
      ratio: grownMib / 100,
    }),
  );
}

async function listRows(
  { size, directory }: Bench,
  garage: BenchProcess,
  done: (row: BenchRow) => void,
): Promise<void> {
  const ours = garage.target;
  const limits = await scanLimits(directory, size.listKeys);
  await fill(ours, size.listKeys, 'inline/');
  const memory = await memoryOf(garage.child);
  const count = size.listKeys.toLocaleString('en');
  done(
    atMost(1, {
      work: `RssAnon after ${count} objects`,
      figure: `${memory.anonymousMib.toFixed(0)} MiB`,
      limit: '200 MiB',
      ratio: memory.anonymousMib / 200,
      note: `VmRSS ${memory.residentMib.toFixed(0)} MiB`,
    }),
  );
  const inline = await walk(ours, 'inline/');
  const row = (work: string, result: typeof inline): void => {
    done(
      atLeast(0.35, {
        work,
        figure: `${Math.round(result.keysPerSecond).toLocaleString('en')} keys/s`,
        limit: `${Math.round(limits.rowsPerSecond).toLocaleString('en')} rows/s`,
        ratio: result.keysPerSecond / limits.rowsPerSecond,
        note:
          `first page ${result.firstPageMs.toFixed(1)} ms, ` +
          `last ${result.lastPageMs.toFixed(1)} ms`,
      }),
    );
    if (result.keys !== size.listKeys) throw new Error(`listed ${String(result.keys)} keys`);
  };
  row(`ListObjectsV2 over ${count} inline keys, 1000 a page`, inline);
  const folders = await walk(ours, 'inline/', '/');
  const seconds = folders.keys / folders.keysPerSecond;
  done(
    atMost(2, {
      work: `listing with a delimiter over ${count} keys in ${String(FOLDERS)} folders`,
      figure: `${(seconds * 1000).toFixed(0)} ms`,
      limit: `${limits.seeksMs.toFixed(0)} ms for 1000 bare seeks`,
      ratio: (seconds * 1000) / limits.seeksMs,
    }),
  );
  const blockKeys = Math.ceil(size.listKeys / 10);
  await fill(ours, blockKeys, 'blocks/', 5000);
  const blocks = await walk(ours, 'blocks/');
  done(
    atLeast(0.35, {
      work: `the same over ${blockKeys.toLocaleString('en')} keys of objects in blocks`,
      figure: `${Math.round(blocks.keysPerSecond).toLocaleString('en')} keys/s`,
      limit: `${Math.round(limits.rowsPerSecond).toLocaleString('en')} rows/s`,
      ratio: blocks.keysPerSecond / limits.rowsPerSecond,
    }),
  );
}
