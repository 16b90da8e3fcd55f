/**
 * A real server process on free ports, as an operator would start it.
 *
 * Owns:          its configuration file, its start and its end.
 * Knows:         the garage command, garage.toml.
 * Must not know: what is tested.
 */
import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { freePort } from './free-port.ts';

export const GARAGE = fileURLToPath(new URL('../../../deploy/garage.mjs', import.meta.url));
export const REGION = 'garage';
export const BUCKET = 'test-bucket';

export type Credentials = { readonly accessKeyId: string; readonly secretKey: string };

export function newCredentials(): Credentials {
  return {
    accessKeyId: `GK${randomBytes(12).toString('hex')}`,
    secretKey: randomBytes(32).toString('hex'),
  };
}

export type GarageOptions = {
  /** Made if missing; data of an earlier start are found again. */
  readonly directory: string;
  readonly credentials?: Credentials;
  /** `replication_factor`; 1 when not given. */
  readonly copies?: number;
  /** Lines at the top of garage.toml, and behind its last section. */
  readonly top?: readonly string[];
  readonly end?: readonly string[];
  /** Further lines of the section `[s3_api]`. */
  readonly s3Api?: readonly string[];
  /** Further lines of the section `[s3_web]`. */
  readonly web?: readonly string[];
  readonly metadataDir?: string;
  /** TOML value of `data_dir`. */
  readonly dataDir?: string;
  /** `--single-node --default-bucket` when not given. */
  readonly flags?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** Ports of an earlier start. */
  readonly ports?: GaragePorts;
};

export type GaragePorts = {
  readonly s3: number;
  readonly web: number;
  readonly admin: number;
  readonly rpc: number;
};

export type CommandResult = {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
};

export type GarageProcess = {
  readonly endpoint: string;
  readonly ports: GaragePorts;
  readonly credentials: Credentials;
  readonly configPath: string;
  readonly child: ChildProcess;
  /** From the start of the process to the first answer of the S3 door. */
  readonly startMs: number;
  /** What it wrote to its standard error so far, the last 256 KiB. */
  log(): string;
  /** Ends it and waits; answers the exit code, or the signal. */
  end(signal?: NodeJS.Signals): Promise<number | string>;
  /** Runs the garage command against it. */
  command(...parameters: string[]): Promise<CommandResult>;
};

/** A process that was just spawned: it may answer soon, or end. */
export type LaunchedGarage = {
  readonly ports: GaragePorts;
  readonly credentials: Credentials;
  /** Rejects with its log if it ends first. */
  readonly answering: Promise<GarageProcess>;
  end(signal?: NodeJS.Signals): Promise<number | string>;
};

async function freePorts(): Promise<GaragePorts> {
  const [s3, web, admin, rpc] = await Promise.all([1, 2, 3, 4].map(freePort));
  return { s3: s3 ?? 0, web: web ?? 0, admin: admin ?? 0, rpc: rpc ?? 0 };
}

/** Writes garage.toml into the directory; answers its path. */
export async function writeConfig(options: GarageOptions, ports: GaragePorts): Promise<string> {
  const { directory } = options;
  await mkdir(directory, { recursive: true });
  const lines = [
    ...(options.top ?? []),
    `metadata_dir = "${options.metadataDir ?? join(directory, 'meta')}"`,
    `data_dir = ${options.dataDir ?? `"${join(directory, 'data')}"`}`,
    `replication_factor = ${options.copies ?? 1}`,
    `rpc_bind_addr = "127.0.0.1:${String(ports.rpc)}"`,
    `rpc_secret = "${'5'.repeat(64)}"`,
    '[s3_api]',
    `s3_region = "${REGION}"`,
    `api_bind_addr = "127.0.0.1:${String(ports.s3)}"`,
    ...(options.s3Api ?? []),
    '[s3_web]',
    `bind_addr = "127.0.0.1:${String(ports.web)}"`,
    'root_domain = ".web.localhost"',
    ...(options.web ?? []),
    '[admin]',
    `api_bind_addr = "127.0.0.1:${String(ports.admin)}"`,
    'admin_token = "test-admin-token"',
    ...(options.end ?? []),
  ];
  const path = join(directory, 'garage.toml');
  await writeFile(path, `${lines.join('\n')}\n`, { mode: 0o600 });
  return path;
}

const LOG_BYTES_MAX = 256 * 1024;

/** Starts the server and waits until its S3 door answers. Rejects with its log if it ends first. */
export async function startGarage(options: GarageOptions): Promise<GarageProcess> {
  return (await launchGarage(options)).answering;
}

export async function launchGarage(options: GarageOptions): Promise<LaunchedGarage> {
  const ports = options.ports ?? (await freePorts());
  const credentials = options.credentials ?? newCredentials();
  const configPath = await writeConfig(options, ports);
  const startedMs = performance.now();
  const child = spawnServer(options, configPath, credentials);
  let log = '';
  const collect = (data: Buffer): void => {
    log = (log + data.toString()).slice(-LOG_BYTES_MAX);
  };
  child.stdout?.on('data', collect);
  child.stderr?.on('data', collect);
  const endpoint = `http://127.0.0.1:${String(ports.s3)}`;
  const end = (signal?: NodeJS.Signals): Promise<number | string> =>
    endChild(child, signal ?? 'SIGTERM');
  const answering = untilAnswered(endpoint, child, startedMs, () => log).then(startMs => ({
    ...{ endpoint, ports, credentials, configPath, child, startMs, end },
    log: () => log,
    command: (...parameters: string[]) => runGarage(['-c', configPath, ...parameters]),
  }));
  // Whoever launches a server to kill it does not wait for its answer.
  answering.catch(() => undefined);
  return { ports, credentials, answering, end };
}

function spawnServer(
  { flags = ['--single-node', '--default-bucket'], env }: GarageOptions,
  configPath: string,
  { accessKeyId, secretKey }: Credentials,
): ChildProcess {
  return spawn(GARAGE, ['-c', configPath, 'server', ...flags], {
    env: {
      ...process.env,
      GARAGE_DEFAULT_ACCESS_KEY: accessKeyId,
      GARAGE_DEFAULT_SECRET_KEY: secretKey,
      GARAGE_DEFAULT_BUCKET: BUCKET,
      ...env,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
}

async function untilAnswered(
  endpoint: string,
  child: ChildProcess,
  startedMs: number,
  log: () => string,
): Promise<number> {
  while (child.exitCode === null && child.signalCode === null) {
    const answer = await fetch(endpoint).catch(() => undefined);
    if (answer !== undefined) {
      await answer.arrayBuffer();
      return performance.now() - startedMs;
    }
    await new Promise(resolve => setTimeout(resolve, 10));
  }
  throw new Error(`the server ended with ${String(child.exitCode)}:\n${log()}`);
}

async function endChild(child: ChildProcess, signal: NodeJS.Signals): Promise<number | string> {
  if (child.exitCode === null && child.signalCode === null) {
    const ended = once(child, 'exit');
    child.kill(signal);
    await ended;
  }
  return child.exitCode ?? child.signalCode ?? 'unknown';
}

/** Runs the garage command to its end. */
export function runGarage(
  parameters: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<CommandResult> {
  return new Promise(resolve => {
    execFile(
      process.execPath,
      [GARAGE, ...parameters],
      { env: { ...process.env, ...env } },
      (error, stdout, stderr) => {
        const exitCode = error === null ? 0 : typeof error.code === 'number' ? error.code : -1;
        resolve({ exitCode, stdout, stderr });
      },
    );
  });
}
