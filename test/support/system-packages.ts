/**
 * Programs that tests need and only the system's package manager has.
 *
 * Owns:          finding out what is missing; installing it, or saying how.
 * Knows:         Debian's apt.
 * Must not know: what the programs are for.
 *
 * Only root on Debian (or a system derived from it) gets anything installed. Everybody else is told
 * the command: a test run must not ask for a password, nor change a machine it does not understand.
 */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { isOnPath } from './programs.ts';

export type SystemPackage = {
  /** Debian's name of it. */
  readonly package: string;
  /** The program it brings, found on the PATH when it is installed. */
  readonly program: string;
};

/** What `npm test` itself needs beyond Node. NATS_SERVER names another nats-server to test with. */
export const TEST_RUN_PACKAGES: readonly SystemPackage[] =
  process.env['NATS_SERVER'] === undefined
    ? [{ package: 'nats-server', program: 'nats-server' }]
    : [];

/** What this module does to the machine; replaced in its tests. */
export type Machine = {
  has(program: string): boolean;
  readonly mayInstall: boolean;
  /** Runs a command with its output shown; its exit code. */
  run(command: string, parameters: readonly string[]): number;
};

export type Ensured =
  | { readonly kind: 'present' }
  | { readonly kind: 'installed'; readonly packages: readonly string[] }
  | { readonly kind: 'missing'; readonly explanation: string };

/** Installs those of `packages` whose program is missing, or explains what to run. */
export function ensureSystemPackages(
  packages: readonly SystemPackage[],
  machine: Machine = thisMachine,
): Ensured {
  const missing = packages.filter(wanted => !machine.has(wanted.program));
  if (missing.length === 0) return { kind: 'present' };
  const names = [...new Set(missing.map(wanted => wanted.package))];
  if (!machine.mayInstall) return { kind: 'missing', explanation: adviceFor(missing, names) };
  installWithApt(names, machine);
  const stillMissing = missing.filter(wanted => !machine.has(wanted.program));
  if (stillMissing.length === 0) return { kind: 'installed', packages: names };
  return { kind: 'missing', explanation: adviceFor(stillMissing, names) };
}

/** The package lists are refreshed only when they turn out to be too old or absent. */
function installWithApt(names: readonly string[], machine: Machine): void {
  const parameters = ['install', '--yes', '--no-install-recommends', ...names];
  if (machine.run('apt-get', parameters) === 0) return;
  if (machine.run('apt-get', ['update']) === 0) machine.run('apt-get', parameters);
}

function adviceFor(missing: readonly SystemPackage[], names: readonly string[]): string {
  const programs = missing.map(wanted => wanted.program).join(', ');
  return `Missing: ${programs}. On Debian run: sudo apt-get install ${names.join(' ')}`;
}

const thisMachine: Machine = {
  has: isOnPath,
  mayInstall: process.getuid?.() === 0 && existsSync('/etc/debian_version') && isOnPath('apt-get'),
  run(command, parameters) {
    const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
    const outcome = spawnSync(command, parameters, {
      env,
      stdio: ['ignore', 'inherit', 'inherit'],
    });
    return outcome.status ?? 1;
  },
};
