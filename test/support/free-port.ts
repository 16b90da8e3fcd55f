/**
 * Ports for servers that tests start.
 *
 * Owns:          which port is next.
 * Knows:         nothing else.
 * Must not know: what will listen there.
 *
 * They lie below those that the system gives to outgoing connections: one of those may take, from
 * here to the start of a server, a port that was free. Each process of a test run begins elsewhere.
 */
import { createServer } from 'node:net';

const FIRST_PORT = 10_240;
const PORT_COUNT = 20_000;
/** So many are one process's own before the next process's begin. */
const PORTS_APART = 211;
const TRIES_MAX = 500;

let portsTaken = 0;

/** A port of the loopback interface that nobody listens on. */
export async function freePort(): Promise<number> {
  for (let tries = 0; tries < TRIES_MAX; tries += 1) {
    const port = FIRST_PORT + ((process.pid * PORTS_APART + portsTaken) % PORT_COUNT);
    portsTaken += 1;
    if (await isFree(port)) return port;
  }
  throw new Error('there is no free port');
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
