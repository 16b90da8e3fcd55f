/**
 * Real nats-servers for tests, each with a configuration of its own.
 *
 * Owns:          their configuration files, their ports, their processes.
 * Knows:         the nats-server program: Debian's, or the one that NATS_SERVER names.
 * Must not know: what is tested.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createConnection } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { freePort } from './free-port.ts';

type Teardown = { teardown(undo: () => void | Promise<void>): void };

const START_MS = 10_000;
const LOG_BYTES_MAX = 64 * 1024;

export class NatsServer {
  readonly port: number;
  readonly configPath: string;
  #child: ChildProcess | undefined;
  #log = '';

  constructor(port: number, configPath: string) {
    this.port = port;
    this.configPath = configPath;
  }

  get url(): string {
    return `nats://127.0.0.1:${String(this.port)}`;
  }

  /** What it said, the last of it. */
  get log(): string {
    return this.#log;
  }

  /** Until it takes connections. */
  async start(): Promise<void> {
    const program = process.env['NATS_SERVER'] ?? 'nats-server';
    const child = spawn(program, ['-c', this.configPath], { stdio: ['ignore', 'ignore', 'pipe'] });
    this.#child = child;
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      this.#log = (this.#log + text).slice(-LOG_BYTES_MAX);
    });
    let failure = '';
    child.once('error', error => (failure = error.message));
    child.once('exit', code => (failure ||= `it ended with code ${String(code)}`));
    for (const startedMs = performance.now(); performance.now() - startedMs < START_MS;) {
      if (await this.#answers()) return;
      if (failure !== '') break;
      await delay(20);
    }
    throw new Error(`nats-server did not start: ${failure}\n${this.#log}`);
  }

  async #answers(): Promise<boolean> {
    const socket = createConnection(this.port, '127.0.0.1');
    return new Promise(resolve => {
      socket.once('data', () => {
        resolve(true);
        socket.destroy();
      });
      socket.once('error', () => {
        resolve(false);
      });
    });
  }

  signal(signal: NodeJS.Signals): void {
    this.#child?.kill(signal);
  }

  get pid(): number | undefined {
    return this.#child?.pid;
  }

  /** At once, as a crash would. */
  async kill(): Promise<void> {
    const child = this.#child;
    this.#child = undefined;
    if (child?.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, 'exit');
    child.kill('SIGKILL');
    await ended;
  }
}

/** Writes the configuration, without starting anything. Killed at the end of the test. */
export async function prepareNatsServer(
  t: Teardown,
  port: number,
  configuration: string,
): Promise<NatsServer> {
  const directory = await mkdtemp(join(tmpdir(), 'garage-nats-'));
  const configPath = join(directory, 'server.conf');
  await writeFile(configPath, configuration);
  const server = new NatsServer(port, configPath);
  t.teardown(async () => {
    await server.kill();
    await rm(directory, { recursive: true, force: true });
  });
  return server;
}

export type PlainOptions = { readonly maxPayload?: string; readonly extra?: string };

function plainConfiguration(
  port: number,
  { maxPayload = '8MB', extra = '' }: PlainOptions,
): string {
  return `
host: 127.0.0.1
port: ${String(port)}
max_payload: ${maxPayload}
write_deadline: "2s"
ping_interval: "5s"
${extra}
`;
}

/** One nats-server that lets everyone in. */
export async function startNatsServer(
  t: Teardown,
  options: PlainOptions = {},
): Promise<NatsServer> {
  const port = await freePort();
  const server = await prepareNatsServer(t, port, plainConfiguration(port, options));
  await server.start();
  return server;
}

/** Several that form one cluster. */
export async function startNatsCluster(t: Teardown, count: number): Promise<readonly NatsServer[]> {
  const names = Array.from({ length: count }, (_, index) => String(index));
  const routes = await Promise.all(names.map(freePort));
  const servers = await Promise.all(
    routes.map(async (route, index) => {
      const port = await freePort();
      const extra = `
server_name: s${String(index)}
cluster {
  name: test
  listen: "127.0.0.1:${String(route)}"
  routes: [${routes.map(other => `"nats://127.0.0.1:${String(other)}"`).join(', ')}]
}`;
      return prepareNatsServer(t, port, plainConfiguration(port, { extra }));
    }),
  );
  await Promise.all(servers.map(server => server.start()));
  return servers;
}
