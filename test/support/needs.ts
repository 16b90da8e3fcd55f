/**
 * Tests that need something not every machine has: root, loop devices, Docker, a program.
 *
 * Owns:          the list of needs and how each is found out.
 * Knows:         Linux commands.
 * Must not know: what the tests do with it.
 *
 * A need is tried, not guessed from the user id: in many containers root may not mount, and a
 * loop-control file may be there that nobody may open. A test whose need is missing is registered
 * as skipped under a title that says why, so that the count at the end hides nothing.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import type { ImplementationFn } from 'ava';
import { isOnPath } from './programs.ts';

/** What a test may ask for; `command:NAME` is a program on the PATH. */
export type Need =
  | 'linux'
  | 'root'
  | 'loop-devices'
  | 'tmpfs'
  | 'network-namespaces'
  | 'docker'
  | 'python'
  | 'official-uwebsockets'
  | `command:${string}`;

type TestFunction = ImplementationFn<[]>;

/** Registers the test if the machine has all of `needs`; otherwise a skipped one naming them. */
export function testWithNeeds(needs: readonly Need[], title: string, run: TestFunction): void {
  const missing = missingNeeds(needs);
  if (missing.length === 0) test(title, run);
  else test.skip(skippedTitle(title, missing), run);
}

/** The same, one after the other within the file: for tests that share a mount or a port. */
testWithNeeds.serial = (needs: readonly Need[], title: string, run: TestFunction): void => {
  const missing = missingNeeds(needs);
  if (missing.length === 0) test.serial(title, run);
  else test.serial.skip(skippedTitle(title, missing), run);
};

/** The title under which a test is skipped; the test runner prints it as it is. */
export function skippedTitle(title: string, missing: readonly Need[]): string {
  return `${title} (skipped: needs ${missing.map(describeNeed).join(', ')})`;
}

/** Which of `needs` this machine lacks, in the order asked. */
export function missingNeeds(needs: readonly Need[]): readonly Need[] {
  return needs.filter(need => !hasNeed(need));
}

/** Tried once per process: a probe may cost a tenth of a second. */
const probed = new Map<Need, boolean>();

function hasNeed(need: Need): boolean {
  let present = probed.get(need);
  if (present === undefined) {
    present = probe(need);
    probed.set(need, present);
  }
  return present;
}

function probe(need: Need): boolean {
  switch (need) {
    case 'linux':
      return process.platform === 'linux';
    case 'root':
      return process.getuid?.() === 0;
    case 'loop-devices':
      return isRootOnLinux() && canMountLoopFile();
    case 'tmpfs':
      return isRootOnLinux() && canMountTmpfs();
    case 'network-namespaces':
      return isRootOnLinux() && succeeds('unshare', ['--net', 'true']);
    case 'docker':
      return succeeds('docker', ['info']);
    case 'python':
      return succeeds('python3', ['--version']);
    case 'official-uwebsockets':
      return canResolve('uWebSockets.js');
    default:
      return isOnPath(need.slice('command:'.length));
  }
}

function describeNeed(need: Need): string {
  if (need.startsWith('command:')) return `the program ${need.slice('command:'.length)}`;
  return need.replaceAll('-', ' ');
}

function isRootOnLinux(): boolean {
  return hasNeed('linux') && hasNeed('root');
}

/** A whole turn: a file, a file system in it, mounted and taken down again. */
function canMountLoopFile(): boolean {
  return inScratchDirectory(scratch => {
    const image = join(scratch, 'image');
    writeFileSync(image, Buffer.alloc(PROBE_IMAGE_BYTES));
    if (!succeeds('mkfs.ext4', ['-q', image])) return false;
    return mountsAndUnmounts(['-o', 'loop', image], scratch);
  });
}

function canMountTmpfs(): boolean {
  return inScratchDirectory(scratch => mountsAndUnmounts(['-t', 'tmpfs', 'tmpfs'], scratch));
}

function mountsAndUnmounts(source: readonly string[], scratch: string): boolean {
  const target = mkdtempSync(join(scratch, 'mount-'));
  if (!succeeds('mount', [...source, target])) return false;
  return succeeds('umount', [target]);
}

function inScratchDirectory(use: (scratch: string) => boolean): boolean {
  const scratch = mkdtempSync(join(tmpdir(), 'garage-need-'));
  try {
    return use(scratch);
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

function canResolve(packageName: string): boolean {
  try {
    createRequire(import.meta.url).resolve(packageName);
    return true;
  } catch {
    return false;
  }
}

function succeeds(program: string, parameters: readonly string[]): boolean {
  const outcome = spawnSync(program, parameters, { stdio: 'ignore', timeout: PROBE_TIMEOUT_MS });
  return outcome.status === 0;
}

const PROBE_TIMEOUT_MS = 10_000;
const PROBE_IMAGE_BYTES = 2 * 1024 * 1024;
