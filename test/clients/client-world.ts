/**
 * What the checks of real clients work with: a server, files to upload, programs to run.
 *
 * Owns:          the source files; running a program to its end; comparing files and trees.
 * Knows:         child processes, SHA-256.
 * Must not know: any client.
 *
 * Every download is compared by its SHA-256 with its source. A program has its own HOME, so that
 * nothing of the machine's configuration takes part.
 */
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { REGION, type GarageProcess } from '../support/garage-process.ts';
import { seededBytes } from '../support/seeded-bytes.ts';

const KIB = 1024;
const MIB = 1024 * KIB;
const OUTPUT_BYTES_MAX = 64 * KIB;
const RUN_MS_MAX = 180_000;

/** Names and sizes of what is uploaded; the names have what clients encode differently. */
export const SOURCES: readonly (readonly [name: string, sizeBytes: number])[] = [
  ['empty', 0],
  ['small.txt', KIB],
  ['folder/medium.bin', 5 * MIB],
  ['folder/sub folder/large ü+&.bin', 40 * MIB],
];

export type Output = { readonly stdout: string; readonly stderr: string };

export type ClientWorld = {
  readonly server: GarageProcess;
  /** That the server keeps of everything: 1, or 3 in a cluster. */
  readonly copies: number;
  /** `127.0.0.1:port` */
  readonly host: string;
  /** Of this client alone; it may make files in it. */
  readonly directory: string;
  /** The tree of SOURCES. */
  readonly sources: string;
  /** Of this client alone; not made yet. */
  readonly bucket: string;
  readonly env: Readonly<Record<string, string>>;
  /** Runs a program; rejects with its output when it fails. */
  run(program: string, ...parameters: readonly string[]): Promise<Output>;
};

export async function makeSources(directory: string): Promise<void> {
  for (const [seed, [name, sizeBytes]] of SOURCES.entries()) {
    const path = join(directory, name);
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, seededBytes(seed + 1, sizeBytes));
  }
}

export async function makeWorld(options: {
  readonly server: GarageProcess;
  readonly copies: number;
  readonly home: string;
  readonly sources: string;
  readonly bucket: string;
}): Promise<ClientWorld> {
  const { server, copies, home, sources, bucket } = options;
  const directory = join(home, bucket);
  await mkdir(directory, { recursive: true });
  const { accessKeyId, secretKey } = server.credentials;
  const env = {
    PATH: process.env['PATH'] ?? '',
    HOME: directory,
    LANG: 'C.UTF-8',
    LC_ALL: 'C.UTF-8',
    PYTHONUTF8: '1',
    AWS_ACCESS_KEY_ID: accessKeyId,
    AWS_SECRET_ACCESS_KEY: secretKey,
    AWS_DEFAULT_REGION: REGION,
    AWS_EC2_METADATA_DISABLED: 'true',
    AWS_PAGER: '',
  };
  return {
    ...{ server, copies, directory, sources, bucket, env },
    host: `127.0.0.1:${String(server.ports.s3)}`,
    run: (program, ...parameters) => runProgram(program, parameters, { env, directory }),
  };
}

export function runProgram(
  program: string,
  parameters: readonly string[],
  where: { readonly env: Readonly<Record<string, string>>; readonly directory: string },
): Promise<Output> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, parameters, {
      ...{ cwd: where.directory, env: where.env, timeout: RUN_MS_MAX },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let stdout = '';
    let stderr = '';
    child.stdout.on('data', (bytes: Buffer) => {
      stdout = (stdout + bytes.toString()).slice(-OUTPUT_BYTES_MAX);
    });
    child.stderr.on('data', (bytes: Buffer) => {
      stderr = (stderr + bytes.toString()).slice(-OUTPUT_BYTES_MAX);
    });
    child.on('error', reject);
    child.on('close', (code, signal) => {
      if (code === 0) {
        resolve({ stdout, stderr });
        return;
      }
      const how = code === null ? String(signal) : `code ${String(code)}`;
      const said = `${stdout}\n${stderr}`.trim().split('\n').slice(-15).join('\n');
      reject(new Error(`${program} ${parameters.join(' ')}\nended with ${how}:\n${said}`));
    });
  });
}

export async function sha256Of(path: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(path), hash);
  return hash.digest('hex');
}

/** Rejects unless both files have the same bytes. */
export async function assertSameFile(found: string, source: string): Promise<void> {
  const [left, right] = await Promise.all([sha256Of(found), sha256Of(source)]);
  if (left !== right) throw new Error(`${found} differs from its source ${source}`);
}

/** Rejects unless the trees have the same files with the same bytes. */
export async function assertSameTree(found: string, source: string): Promise<void> {
  const [left, right] = await Promise.all([treeOf(found), treeOf(source)]);
  if (JSON.stringify(left) === JSON.stringify(right)) return;
  throw new Error(`${found} has ${left.join(', ')}; its source has ${right.join(', ')}`);
}

/** Path and SHA-256 of every file below, sorted. */
export async function treeOf(directory: string): Promise<readonly string[]> {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true });
  const files = entries.filter(entry => entry.isFile());
  const lines = files.map(async entry => {
    const path = join(entry.parentPath, entry.name);
    return `${relative(directory, path)} ${await sha256Of(path)}`;
  });
  return (await Promise.all(lines)).sort();
}

/** Rejects with the sentence unless the condition holds. */
export function check(condition: boolean, sentence: string): void {
  if (!condition) throw new Error(sentence);
}
