/**
 * A server that is killed, starved and started again on the same directories and ports.
 *
 * Owns:          its processes, one after the other; what a test may ask of the one that runs.
 * Knows:         garage-process.ts.
 * Must not know: which fault comes next.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import type { ExecutionContext } from 'ava';
import type { BenchTarget } from '../bench/bench-client.ts';
import {
  BUCKET,
  GARAGE,
  REGION,
  newCredentials,
  startGarage,
  type GarageOptions,
  type GarageProcess,
} from './garage-process.ts';

/** Blocks that nobody refers to are deleted after one second instead of ten minutes. */
const COLLECT_SOON = ['[debug]', 'block_delete_delay_seconds = 1'];

export class FaultServer {
  readonly #options: GarageOptions;
  #process: GarageProcess | undefined;

  private constructor(options: GarageOptions) {
    this.#options = options;
  }

  /** Starts it; it is killed when the test ends. */
  static async start(t: ExecutionContext, options: GarageOptions): Promise<FaultServer> {
    const quiet = { RUST_LOG: 'warn', ...options.env };
    const end = [...(options.end ?? []), ...COLLECT_SOON];
    const credentials = options.credentials ?? newCredentials();
    const server = new FaultServer({ ...options, credentials, env: quiet, end });
    t.teardown(() => server.kill());
    await server.start();
    return server;
  }

  /** Starts it again; rejects with its log when it ends instead. */
  async start(): Promise<GarageProcess> {
    const ports = this.#process?.ports;
    const options = ports === undefined ? this.#options : { ...this.#options, ports };
    this.#process = await startGarage(options);
    return this.#process;
  }

  get process(): GarageProcess {
    if (this.#process === undefined) throw new Error('it was never started');
    return this.#process;
  }

  get target(): BenchTarget {
    const { ports, credentials } = this.process;
    return { port: ports.s3, ...credentials, region: REGION, bucket: BUCKET };
  }

  get dataDir(): string {
    return join(this.#options.directory, 'data');
  }

  get isRunning(): boolean {
    const { exitCode, signalCode } = this.process.child;
    return exitCode === null && signalCode === null;
  }

  /** SIGKILL: nothing is finished, nothing is flushed. */
  async kill(): Promise<void> {
    await this.#process?.end('SIGKILL');
  }

  /** Starts it and kills it after `ms`, ready or not. */
  async killWhileStarting(ms: number): Promise<void> {
    const { configPath, credentials } = this.process;
    const flags = this.#options.flags ?? ['--single-node', '--default-bucket'];
    const child = spawn(process.execPath, [GARAGE, '-c', configPath, 'server', ...flags], {
      env: {
        ...process.env,
        ...this.#options.env,
        GARAGE_DEFAULT_ACCESS_KEY: credentials.accessKeyId,
        GARAGE_DEFAULT_SECRET_KEY: credentials.secretKey,
        GARAGE_DEFAULT_BUCKET: BUCKET,
      },
      stdio: 'ignore',
    });
    const ended = once(child, 'exit');
    await pause(ms);
    child.kill('SIGKILL');
    await ended;
  }

  /** The value of a metric without labels. */
  async metric(name: string): Promise<number> {
    const { ports } = this.process;
    const headers = { authorization: 'Bearer test-admin-token' };
    const answer = await fetch(`http://127.0.0.1:${ports.admin}/metrics`, { headers });
    const page = await answer.text();
    const line = page.split('\n').find(candidate => candidate.startsWith(`${name} `));
    if (line === undefined) throw new Error(`no metric ${name} (${answer.status})`);
    return Number(line.slice(name.length + 1));
  }

  /** MiB that are its own; LevelDB's mapped tables are not. */
  async anonymousMib(): Promise<number> {
    const { pid } = this.process.child;
    const status = await readFile(`/proc/${pid ?? 0}/status`, 'utf8');
    const kib = /^RssAnon:\s+(\d+) kB$/m.exec(status)?.[1];
    if (kib === undefined) throw new Error('the kernel does not say RssAnon');
    return Number(kib) / 1024;
  }
}
