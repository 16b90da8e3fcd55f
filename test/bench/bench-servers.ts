/**
 * The processes that a bench measures: the garage server, and the bare server that is its limit.
 *
 * Owns:          starting and ending them.
 * Knows:         the garage command, garage.toml.
 * Must not know: what is measured.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { once as onceEvent } from 'node:events';
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import {
  BUCKET,
  REGION,
  startGarage as startProcess,
  type Credentials,
} from '../support/garage-process.ts';
import type { BenchTarget } from './bench-client.ts';

const BARE = fileURLToPath(new URL('./bare-server.js', import.meta.url));

export type BenchProcess = {
  readonly target: BenchTarget;
  readonly child: ChildProcess;
  /** Milliseconds from the start of the process to the first answered request. */
  readonly startMs: number;
  stop(): Promise<void>;
};

async function stopChild(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill('SIGTERM');
  await onceEvent(child, 'exit');
}

/** A server on `directory`, made or found there, with default durability. */
export async function startGarage(
  directory: string,
  credentials: Credentials,
): Promise<BenchProcess> {
  const garage = await startProcess({ directory, credentials, env: { RUST_LOG: 'warn' } });
  const target = { port: garage.ports.s3, ...credentials, region: REGION, bucket: BUCKET };
  return {
    target,
    child: garage.child,
    startMs: garage.startMs,
    stop: async () => {
      await garage.end();
    },
  };
}

/** The same HTTP server and signature check, with nothing behind; `file` is its large object. */
export async function startBare(credentials: Credentials, file: string): Promise<BenchProcess> {
  const startedMs = performance.now();
  const parameters = [credentials.accessKeyId, credentials.secretKey, REGION, file];
  const child = spawn(process.execPath, [BARE, ...parameters], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [line] = (await onceEvent(child.stdout ?? child, 'data')) as [Buffer];
  const target = { port: Number(line.toString()), ...credentials, region: REGION, bucket: BUCKET };
  const startMs = performance.now() - startedMs;
  return { target, child, startMs, stop: () => stopChild(child) };
}

export type Memory = { readonly anonymousMib: number; readonly residentMib: number };

/** LevelDB maps its tables: only RssAnon is the process's own. */
export async function memoryOf(child: ChildProcess): Promise<Memory> {
  const status = await readFile(`/proc/${String(child.pid)}/status`, 'utf8');
  const read = (name: string): number => {
    const line = status.split('\n').find(candidate => candidate.startsWith(`${name}:`));
    return Number.parseInt(line?.slice(name.length + 1) ?? '0', 10) / 1024;
  };
  return { anonymousMib: read('RssAnon'), residentMib: read('VmRSS') };
}
