/**
 * A disk of a few megabytes that a test can fill: a tmpfs.
 *
 * Owns:          the mount, and a file that takes all the space that is left.
 * Knows:         mount(8) of Linux; needs root.
 * Must not know: who else writes there.
 */
import { spawnSync } from 'node:child_process';
import { mkdirSync, rmSync, statfsSync } from 'node:fs';
import { open, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { ExecutionContext } from 'ava';

const MIB = 1024 * 1024;
const FILLER = 'filler';
const SMALLEST_PIECE_BYTES = 4096;

export class SmallDisk {
  readonly path: string;

  private constructor(path: string) {
    this.path = path;
  }

  /** Mounts it at `path`; it is unmounted when the test ends, after the server was killed. */
  static mount(t: ExecutionContext, path: string, mebibytes: number): SmallDisk {
    mkdirSync(path, { recursive: true });
    run('mount', ['-t', 'tmpfs', '-o', `size=${mebibytes}m`, 'tmpfs', path]);
    t.teardown(() => {
      unmount(path);
      rmSync(path, { recursive: true, force: true });
    });
    return new SmallDisk(path);
  }

  get freeBytes(): number {
    const { bavail, bsize } = statfsSync(this.path);
    return bavail * bsize;
  }

  /** Takes all but `leaveBytes`, as somebody else's file would. Answers what it took. */
  async fill(leaveBytes = 0): Promise<number> {
    const file = await open(join(this.path, FILLER), 'a');
    let taken = 0;
    let piece = MIB;
    try {
      while (piece >= SMALLEST_PIECE_BYTES) {
        const room = this.freeBytes - leaveBytes;
        if (room < piece) {
          piece /= 2;
          continue;
        }
        const written = await file.write(Buffer.alloc(piece, 0xf1)).catch(() => undefined);
        if (written === undefined) piece /= 2;
        taken += written?.bytesWritten ?? 0;
      }
    } finally {
      await file.close();
    }
    return taken;
  }

  /** Gives back what `fill` took. */
  async free(): Promise<void> {
    await rm(join(this.path, FILLER), { force: true });
  }
}

/** Unmounts at once, or as soon as the last file is closed. */
export function unmount(path: string): void {
  if (spawnSync('umount', [path]).status !== 0) run('umount', ['--lazy', path]);
}

export function run(
  program: string,
  parameters: readonly string[],
  goodStatuses: readonly number[] = [0],
): void {
  const { status, stderr, error } = spawnSync(program, parameters, { encoding: 'utf8' });
  if (status !== null && goodStatuses.includes(status)) return;
  const reason = error?.message ?? stderr.trim();
  throw new Error(`${program} ${parameters.join(' ')}: ${reason}`);
}
