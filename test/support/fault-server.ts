/**
 * A server that is killed, starved and started again on the same directories and ports.
 *
 * Owns:          its processes, one after the other; what a test may ask of the one that runs.
 * Knows:         garage-process.ts.
 * Must not know: which fault comes next.
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import type { ExecutionContext } from 'ava';
import type { BenchTarget } from '../bench/bench-client.ts';
import {
  BUCKET,
  REGION,
  launchGarage,
  newCredentials,
  type GarageOptions,
  type GarageProcess,
  type LaunchedGarage,
} from './garage-process.ts';

/** Blocks that nobody refers to are deleted after one second instead of ten minutes. */
const COLLECT_SOON = ['[debug]', 'block_delete_delay_seconds = 1'];

export class FaultServer {
  readonly #options: GarageOptions;
  #launched: LaunchedGarage | undefined;
  #process: GarageProcess | undefined;

  private constructor(options: GarageOptions) {
    this.#options = options;
  }

  /** Starts it; it is killed when the test ends. */
  static async start(t: ExecutionContext, options: GarageOptions): Promise<FaultServer> {
    const server = FaultServer.prepare(t, options);
    await server.start();
    return server;
  }

  /** To be started by the test; it is killed when the test ends. */
  static prepare(t: ExecutionContext, options: GarageOptions): FaultServer {
    const quiet = { RUST_LOG: 'warn', ...options.env };
    const end = [...(options.end ?? []), ...COLLECT_SOON];
    const credentials = options.credentials ?? newCredentials();
    const server = new FaultServer({ ...options, credentials, env: quiet, end });
    t.teardown(() => server.kill());
    return server;
  }

  /** Starts it again; rejects with its log when it ends instead. */
  async start(): Promise<GarageProcess> {
    this.#process = await (await this.launch()).answering;
    return this.#process;
  }

  /** Starts it and does not wait. */
  async launch(): Promise<LaunchedGarage> {
    const ports = this.#launched?.ports;
    const options = ports === undefined ? this.#options : { ...this.#options, ports };
    this.#launched = await launchGarage(options);
    return this.#launched;
  }

  get process(): GarageProcess {
    if (this.#process === undefined) throw new Error('it was never started');
    return this.#process;
  }

  get target(): BenchTarget {
    if (this.#launched === undefined) throw new Error('it was never started');
    const { ports, credentials } = this.#launched;
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
    await this.#launched?.end('SIGKILL');
  }

  /** Starts it and kills it after `ms`, ready or not. */
  async killWhileStarting(ms: number): Promise<void> {
    await this.launch();
    await pause(ms);
    await this.kill();
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
