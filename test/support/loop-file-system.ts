/**
 * An ext4 file system in a file, whose power can be cut.
 *
 * Owns:          the image, its mount, the cut.
 * Knows:         mount(8), mkfs.ext4(8), the shutdown ioctl of ext4; needs root and loop devices.
 * Must not know: who writes there.
 *
 * The ioctl stops the file system in its tracks without writing its journal: what was not synced
 * is gone after the next mount, as it is when a machine loses its power. Whatever is written after
 * the cut fails with an I/O error; what was synced before is on the image. It is called through
 * perl, which every Debian has, because Node has no ioctl.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ExecutionContext } from 'ava';
import type { Need } from './needs.ts';
import { run, unmount } from './small-disk.ts';

/** What a test that uses it has to ask for. */
export const LOOP_FILE_SYSTEM_NEEDS: readonly Need[] = [
  'loop-devices',
  'command:perl',
  'command:fsck.ext4',
];

const MIB = 1024 * 1024;
/** EXT4_IOC_SHUTDOWN with EXT4_GOING_FLAGS_NOLOGFLUSH (fs/ext4/ext4.h of Linux). */
const CUT =
  '$| = 1; sysopen(my $d, $ARGV[0], 0) or die "$!"; my $flags = pack("L", 2); print "ready\\n"; ' +
  'defined(<STDIN>) or exit; defined(ioctl($d, 0x8004587d, $flags)) or die "$!";';

export class LoopFileSystem {
  readonly path: string;
  readonly #image: string;

  private constructor(directory: string) {
    this.path = join(directory, 'mount');
    this.#image = join(directory, 'image');
  }

  /** Made in `directory`, mounted at `path`; unmounted when the test ends. */
  static make(t: ExecutionContext, directory: string, mebibytes: number): LoopFileSystem {
    const fileSystem = new LoopFileSystem(directory);
    mkdirSync(fileSystem.path, { recursive: true });
    writeFileSync(fileSystem.#image, '');
    truncateSync(fileSystem.#image, mebibytes * MIB);
    run('mkfs.ext4', ['-q', '-F', fileSystem.#image]);
    fileSystem.mount();
    t.teardown(() => {
      unmount(fileSystem.path);
      rmSync(fileSystem.#image, { force: true });
    });
    return fileSystem;
  }

  /**
   * Gets everything ready; what it answers cuts the power, in less than a millisecond: from then on
   * nothing reaches the image.
   */
  async prepareCut(): Promise<() => Promise<void>> {
    const child = spawn('perl', ['-e', CUT, this.path], { stdio: ['pipe', 'pipe', 'inherit'] });
    const ended = once(child, 'exit');
    // It says `ready`, or ends, and then its output ends too.
    await Promise.race([once(child.stdout, 'data'), ended]);
    return async () => {
      child.stdin.end('cut\n');
      const [code] = (await ended) as [number | null];
      if (code !== 0) throw new Error(`the power could not be cut: perl ended with ${code ?? '?'}`);
    };
  }

  /** Unmounts, lets fsck replay the journal and check everything, mounts again. */
  restorePower(): void {
    run('umount', [this.path]);
    // 1: the journal was replayed, or counts were corrected.
    run('fsck.ext4', ['-p', '-f', this.#image], [0, 1]);
    this.mount();
  }

  mount(): void {
    run('mount', ['-o', 'loop', this.#image, this.path]);
  }
}
