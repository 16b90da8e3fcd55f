/**
 * After a fault: is everything there that was promised, and nothing else?
 *
 * Owns:          reading all back, comparing the list, comparing the block files on the disk.
 * Knows:         the model; where block files lie.
 * Must not know: which fault it was.
 *
 * All of it counts and none of it asserts: the figures are printed whatever they are.
 */
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import type { BenchTarget } from '../bench/bench-client.ts';
import { FaultClient, NoAnswerError, textOf, type FaultAnswer } from './fault-client.ts';
import type { FaultModel } from './fault-model.ts';
import { seenIn } from './fault-workload.ts';

export type ReadBack = {
  readonly keys: number;
  readonly present: number;
  readonly lost: readonly string[];
  readonly wrong: readonly string[];
  /** Answered neither with bytes nor with their absence; a body cut short is one of them. */
  readonly unreadable: readonly string[];
};

const READERS = 8;
const TRIES_MAX = 50;
const PAUSE_MS = 100;

/** Reads every key of the model. What was open before is settled by what is seen. */
export async function readBack(target: BenchTarget, model: FaultModel): Promise<ReadBack> {
  const keys = [...model.keys];
  const result = { keys: keys.length, present: 0, lost: [], wrong: [], unreadable: [] } as {
    keys: number;
    present: number;
    readonly lost: string[];
    readonly wrong: string[];
    readonly unreadable: string[];
  };
  const read = async (): Promise<void> => {
    const client = new FaultClient(target);
    for (let key = keys.pop(); key !== undefined; key = keys.pop()) {
      const seen = seenIn(await patiently(() => orNoAnswer(client.get(key))));
      if (seen === undefined) {
        result.unreadable.push(key);
        continue;
      }
      if (seen !== 'absent') result.present += 1;
      const verdict = model.judge(key, seen);
      if (verdict === 'right') model.settle(key, seen);
      else result[verdict].push(key);
    }
    client.close();
  };
  await Promise.all(Array.from({ length: READERS }, read));
  return result;
}

/** 503 says that the store is being opened again: a client asks again then. */
async function patiently(ask: () => Promise<FaultAnswer>): Promise<FaultAnswer> {
  for (let tries = 1; ; tries += 1) {
    const answer = await ask();
    if (answer.status !== 503 || tries === TRIES_MAX) return answer;
    await pause(PAUSE_MS);
  }
}

async function orNoAnswer(answer: Promise<FaultAnswer>): Promise<FaultAnswer> {
  try {
    return await answer;
  } catch (error) {
    if (error instanceof NoAnswerError) return { status: 0, body: Buffer.alloc(0) };
    throw error;
  }
}

export type ListCheck = {
  readonly listed: number;
  /** Stored and not listed; listed and not stored; of another size. */
  readonly missing: readonly string[];
  readonly ghosts: readonly string[];
  readonly misshapen: readonly string[];
};

/** Lists the bucket, or what begins with `prefix`, and compares; every key must be settled. */
export async function checkList(
  target: BenchTarget,
  model: FaultModel,
  prefix = '',
): Promise<ListCheck> {
  const listed = await listAll(target, prefix);
  const missing: string[] = [];
  const misshapen: string[] = [];
  for (const key of model.keys) {
    const value = model.certain(key);
    if (value === undefined || value === 'absent') continue;
    const sizeBytes = listed.get(key);
    if (sizeBytes === undefined) missing.push(key);
    else if (sizeBytes !== value.sizeBytes) misshapen.push(key);
  }
  const ghosts = [...listed.keys()].filter(key => {
    const value = model.certain(key);
    return value === undefined || value === 'absent';
  });
  return { listed: listed.size, missing, ghosts, misshapen };
}

/** All keys of the bucket with the sizes that the list says. */
async function listAll(target: BenchTarget, prefix: string): Promise<Map<string, number>> {
  const client = new FaultClient(target);
  const listed = new Map<string, number>();
  let token = '';
  do {
    const from = token === '' ? '' : `continuation-token=${token}&`;
    const query = `${from}list-type=2&prefix=${encodeURIComponent(prefix)}`;
    const { status, body } = await client.askBucket(query);
    if (status !== 200) throw new Error(`the list was answered ${status}: ${body.toString()}`);
    const sizes = textOf(body, 'Size');
    textOf(body, 'Key').forEach((key, index) => listed.set(key, Number(sizes[index])));
    token = encodeURIComponent(textOf(body, 'NextContinuationToken')[0] ?? '');
  } while (token !== '');
  client.close();
  return listed;
}

/** Ends all uploads that were begun and neither completed nor aborted; answers how many. */
export async function abortUploads(target: BenchTarget): Promise<number> {
  const client = new FaultClient(target);
  let aborted = 0;
  for (;;) {
    const { status, body } = await client.askBucket('uploads=');
    if (status !== 200) throw new Error(`listing uploads was answered ${status}`);
    const ids = textOf(body, 'UploadId');
    const keys = textOf(body, 'Key');
    if (ids.length === 0) break;
    for (const [index, id] of ids.entries()) {
      const answer = await client.abortUpload(keys[index] ?? '', id);
      if (answer.status !== 204) throw new Error(`an abort was answered ${answer.status}`);
      aborted += 1;
    }
  }
  client.close();
  return aborted;
}

export type DiskContent = { readonly blocks: ReadonlySet<string>; readonly temporary: number };

/** The block files of the data directories. */
export async function blocksOnDisk(dataDirs: readonly string[]): Promise<DiskContent> {
  const blocks = new Set<string>();
  let temporary = 0;
  for (const dataDir of dataDirs) {
    for (const name of await readdir(dataDir, { recursive: true })) {
      const file = name.slice(name.lastIndexOf('/') + 1);
      if (/^[0-9a-f]{64}$/.test(file)) blocks.add(file);
      else if (file.startsWith('tmp-')) temporary += 1;
    }
  }
  return { blocks, temporary };
}

export function blockFile(dataDir: string, hash: string): string {
  return join(dataDir, hash.slice(0, 2), `${hash.slice(2, 3)}0`, hash);
}

export type Collected = {
  /** Referenced blocks, and files that are there. */
  readonly wanted: number;
  readonly files: number;
  readonly orphans: readonly string[];
  readonly missing: readonly string[];
  readonly temporary: number;
  readonly seconds: number;
};

const LOOK_INTERVAL_MS = 250;

/** Waits until the files on the disk are those of `wanted` and no more, or time is up. */
export async function untilCollected(
  dataDirs: readonly string[],
  wanted: ReadonlySet<string>,
  timeoutMs = 90_000,
): Promise<Collected> {
  const startedMs = performance.now();
  for (;;) {
    const { blocks, temporary } = await blocksOnDisk(dataDirs);
    const orphans = [...blocks].filter(block => !wanted.has(block));
    const missing = [...wanted].filter(block => !blocks.has(block));
    const elapsedMs = performance.now() - startedMs;
    const isClean = orphans.length === 0 && temporary === 0;
    if (isClean || missing.length > 0 || elapsedMs > timeoutMs) {
      const counts = { wanted: wanted.size, files: blocks.size, temporary };
      return { ...counts, orphans, missing, seconds: elapsedMs / 1000 };
    }
    await pause(LOOK_INTERVAL_MS);
  }
}
