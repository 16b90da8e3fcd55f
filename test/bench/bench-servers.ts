/**
 * The processes that a bench measures: the garage server, and the bare server that is its limit.
 *
 * Owns:          starting and ending them.
 * Knows:         the garage command, garage.toml.
 * Must not know: what is measured.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once as onceEvent } from 'node:events';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { once, type BenchTarget } from './bench-client.ts';

const GARAGE = fileURLToPath(new URL('../../../deploy/garage.mjs', import.meta.url));
const BARE = fileURLToPath(new URL('./bare-server.js', import.meta.url));
const REGION = 'garage';
const BUCKET = 'bench';

export type BenchProcess = {
  readonly target: BenchTarget;
  readonly child: ChildProcess;
  /** Milliseconds from the start of the process to the first answered request. */
  readonly startMs: number;
  stop(): Promise<void>;
};

async function freePort(): Promise<number> {
  const probe = createServer();
  probe.listen(0, '127.0.0.1');
  await onceEvent(probe, 'listening');
  const address = probe.address();
  probe.close();
  await onceEvent(probe, 'close');
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}

async function stopChild(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill('SIGTERM');
  await onceEvent(child, 'exit');
}

export type Credentials = { readonly accessKeyId: string; readonly secretKey: string };

export function newCredentials(): Credentials {
  return {
    accessKeyId: `GK${randomBytes(12).toString('hex')}`,
    secretKey: randomBytes(32).toString('hex'),
  };
}

/** A server on `directory`, made or found there, with default durability. */
export async function startGarage(
  directory: string,
  credentials: Credentials,
): Promise<BenchProcess> {
  await mkdir(directory, { recursive: true });
  const [s3, rpc] = [await freePort(), await freePort()];
  const config = join(directory, 'garage.toml');
  const lines = [
    `metadata_dir = "${join(directory, 'meta')}"`,
    `data_dir = "${join(directory, 'data')}"`,
    'replication_factor = 1',
    `rpc_bind_addr = "127.0.0.1:${String(rpc)}"`,
    `rpc_secret = "${'5'.repeat(64)}"`,
    '[s3_api]',
    `s3_region = "${REGION}"`,
    `api_bind_addr = "127.0.0.1:${String(s3)}"`,
  ];
  await writeFile(config, `${lines.join('\n')}\n`, { mode: 0o600 });
  const flags = ['server', '--single-node', '--default-bucket'];
  const startedMs = performance.now();
  const child = spawn(process.execPath, [GARAGE, '-c', config, ...flags], {
    env: {
      ...process.env,
      GARAGE_DEFAULT_ACCESS_KEY: credentials.accessKeyId,
      GARAGE_DEFAULT_SECRET_KEY: credentials.secretKey,
      GARAGE_DEFAULT_BUCKET: BUCKET,
      RUST_LOG: 'warn',
    },
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  const target = { port: s3, ...credentials, region: REGION, bucket: BUCKET };
  const startMs = await firstAnswer(target, child, startedMs);
  return { target, child, startMs, stop: () => stopChild(child) };
}

async function firstAnswer(
  target: BenchTarget,
  child: ChildProcess,
  startedMs: number,
): Promise<number> {
  while (child.exitCode === null) {
    const answer = await once(target, { method: 'HEAD', path: `/${target.bucket}` }).catch(
      () => undefined,
    );
    if (answer?.status === 200) return performance.now() - startedMs;
    await new Promise(resolve => setTimeout(resolve, 5));
  }
  throw new Error(`the server ended with ${String(child.exitCode)}`);
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
