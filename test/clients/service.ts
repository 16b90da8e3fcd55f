/**
 * Programs that stay: servers of other people that stand between a client and our server.
 *
 * Owns:          starting one, waiting until it listens, ending it by its process id.
 * Knows:         child processes, TCP.
 * Must not know: any client.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { connect } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import type { ClientWorld } from './client-world.ts';

const OUTPUT_BYTES_MAX = 64 * 1024;
const LISTEN_MS_MAX = 60_000;
/** So long a program has to end by itself. */
const END_MS_MAX = 10_000;

export type Service = {
  readonly program: string;
  readonly parameters: readonly string[];
  /** Of 127.0.0.1: where it listens when it is ready. */
  readonly port: number;
  readonly env?: Readonly<Record<string, string>>;
};

/** Runs the program while `use` runs; what it wrote is part of an error. */
export async function withService<T>(
  world: ClientWorld,
  service: Service,
  use: () => Promise<T>,
): Promise<T> {
  const child = spawn(service.program, service.parameters, {
    ...{ cwd: world.directory, env: { ...world.env, ...service.env } },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const said = outputOf(child);
  try {
    await untilListening(child, service.port);
    return await use();
  } catch (error) {
    const lines = said().trim().split('\n').slice(-15).join('\n');
    const reason = error instanceof Error ? error.message : String(error);
    throw new Error(`${reason}\n${service.program} wrote:\n${lines}`, { cause: error });
  } finally {
    await endProcess(child);
  }
}

/** The last of what a program wrote. */
export function outputOf(child: ChildProcess): () => string {
  let output = '';
  const collect = (bytes: Buffer): void => {
    output = (output + bytes.toString()).slice(-OUTPUT_BYTES_MAX);
  };
  child.stdout?.on('data', collect);
  child.stderr?.on('data', collect);
  // A program that cannot be started has no exit.
  child.once('error', error => {
    collect(Buffer.from(error.message));
  });
  return () => output;
}

/** Asks a program to end, and ends it when it does not. */
async function endProcess(child: ChildProcess): Promise<void> {
  if (hasEnded(child)) return;
  const ended = once(child, 'exit');
  child.kill('SIGTERM');
  const force = setTimeout(() => child.kill('SIGKILL'), END_MS_MAX);
  await ended;
  clearTimeout(force);
}

async function untilListening(child: ChildProcess, port: number): Promise<void> {
  const deadline = performance.now() + LISTEN_MS_MAX;
  while (!(await answers(port))) {
    if (hasEnded(child)) throw new Error(`it ended with ${String(child.exitCode)}`);
    if (performance.now() > deadline) throw new Error(`nobody listens on port ${String(port)}`);
    await delay(50);
  }
}

function hasEnded(child: ChildProcess): boolean {
  return child.pid === undefined || child.exitCode !== null || child.signalCode !== null;
}

function answers(port: number): Promise<boolean> {
  return new Promise(resolve => {
    const socket = connect(port, '127.0.0.1');
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => {
      resolve(false);
    });
  });
}
