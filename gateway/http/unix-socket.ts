/**
 * The file of a Unix socket: free before somebody listens there, and open to its users afterwards.
 *
 * Owns:          what becomes of a file that is there already; who may connect.
 * Knows:         node:net, node:fs.
 * Must not know: what is spoken there.
 *
 * A process that was killed leaves its socket file behind, and nobody else takes it away.
 */
import { chmodSync, lstatSync, unlinkSync } from 'node:fs';
import { connect } from 'node:net';
import { codedError } from './coded-error.ts';

/** To connect is to write: `everybody` who reaches the file, or the user and its `group`. */
export type SocketUsers = 'everybody' | 'group';

const MODES: Record<SocketUsers, number> = { everybody: 0o222, group: 0o220 };

/** Rejects with code EADDRINUSE when another process answers there. What is left of one that died
 *  goes; a file that is no socket stays, and is an error of whoever listens. */
export async function freeSocketPath(path: string): Promise<void> {
  const found = lstatSync(path, { throwIfNoEntry: false });
  if (found?.isSocket() !== true) return;
  await refuseServed(path);
  unlinkSync(path);
}

export function openSocketTo(users: SocketUsers, path: string): void {
  chmodSync(path, MODES[users]);
}

function refuseServed(path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const probe = connect(path);
    probe.once('connect', () => {
      probe.destroy();
      reject(codedError('EADDRINUSE', `${path} is served by another process`));
    });
    probe.once('error', () => {
      resolve();
    });
  });
}
