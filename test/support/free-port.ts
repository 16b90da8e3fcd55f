/**
 * Ports for servers that tests start.
 *
 * Owns:          which port is next; that no other process of a test run has it.
 * Knows:         files that are named after the ports that are taken.
 * Must not know: what will listen there.
 *
 * They lie below those that the system gives to outgoing connections: one of those may take, from
 * here to the start of a server, a port that was free. Each process of a test run begins elsewhere,
 * and keeps what it took to its end: while a server of it is down, its port is free for others.
 */
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const FIRST_PORT = 10_240;
const PORT_COUNT = 20_000;
/** So many are one process's own before the next process's begin. */
const PORTS_APART = 211;
const TRIES_MAX = 500;
const TAKEN = join(tmpdir(), 'garage-test-port-');

let portsTaken = 0;
const own: string[] = [];
process.once('exit', () => {
  for (const path of own) rmSync(path, { force: true });
});

/** A port of the loopback interface that nobody listens on. */
export async function freePort(): Promise<number> {
  for (let tries = 0; tries < TRIES_MAX; tries += 1) {
    const port = FIRST_PORT + ((process.pid * PORTS_APART + portsTaken) % PORT_COUNT);
    portsTaken += 1;
    if (take(port) && (await isFree(port))) return port;
  }
  throw new Error('there is no free port');
}

/** False: another process that lives has it. */
function take(port: number): boolean {
  const path = `${TAKEN}${port}`;
  try {
    writeFileSync(path, String(process.pid), { flag: 'wx' });
  } catch {
    if (isHeld(path)) return false;
    writeFileSync(path, String(process.pid));
  }
  own.push(path);
  return true;
}

function isHeld(path: string): boolean {
  try {
    const holder = Number(readFileSync(path, 'utf8'));
    // One that has just made the file, and written nothing yet.
    if (!(holder > 0)) return true;
    process.kill(holder, 0);
    return true;
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
}

export async function isFree(port: number): Promise<boolean> {
  const probe = createServer();
  return new Promise<boolean>(resolve => {
    probe.once('error', () => {
      resolve(false);
    });
    probe.listen(port, '127.0.0.1', () => {
      probe.close(() => {
        resolve(true);
      });
    });
  });
}
