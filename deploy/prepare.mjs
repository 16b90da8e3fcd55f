/**
 * Makes a clone runnable: Node version, packages, compiled code.
 *
 * Owns:          when `npm ci` and `tsc` are needed, and how they are run.
 * Knows:         npm's lock files, tsc's build information.
 * Must not know: what is started or tested afterwards.
 *
 * Plain JavaScript without packages: it runs before there are any. Whether the packages are there
 * is decided by comparing npm's two lock files, not their times: a copied or freshly checked out
 * tree has times that mean nothing.
 */
import { spawn } from 'node:child_process';
import { existsSync, readFileSync, readdirSync, rmSync, statSync, utimesSync } from 'node:fs';
import { basename, join } from 'node:path';
import { createInterface } from 'node:readline';

const NODE_MIN = { major: 20, minor: 19 };
const SOURCE_FOLDERS = ['schemas', 'bus', 'actors', 'gateway', 'deploy', 'test'];
const BUILD_INPUTS = ['tsconfig.json', 'package.json', 'package-lock.json'];
const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'];
const LEFT_BEHIND_GRACE_MS = 2000;
const LEFT_BEHIND_POLL_MS = 50;
const BUILD_INFO = join('dist', '.tsbuildinfo');

/** One sentence if this Node is too old to run the project, else undefined. */
export function nodeProblem(version) {
  const [major = 0, minor = 0] = version.replace(/^v/, '').split('.').map(Number);
  const wanted = `${NODE_MIN.major}.${NODE_MIN.minor}`;
  if (major > NODE_MIN.major) return undefined;
  if (major === NODE_MIN.major && minor >= NODE_MIN.minor) return undefined;
  return `Garage needs Node ${wanted} or newer, and this is ${version}: install a newer one.`;
}

/**
 * Whether every package of the lock file is in node_modules in its version. Optional packages may
 * be missing (most are for other platforms); packages that only tests need count when `scope` is
 * `'development'`.
 */
export function isInstalled(root, scope) {
  const wanted = readJson(join(root, 'package-lock.json'));
  const present = readJson(join(root, 'node_modules', '.package-lock.json'));
  if (wanted === undefined || present === undefined) return false;
  return Object.entries(wanted.packages).every(([path, entry]) => {
    if (path === '' || entry.optional || entry.devOptional) return true;
    if (entry.dev && scope !== 'development') return true;
    return present.packages[path]?.version === entry.version;
  });
}

/**
 * Installs what the lock file says; resolves to npm's exit code.
 *
 * No install script is run: every package with native code brings its binary for the platforms we
 * support, and npm 10 and 11 differ in which scripts they run unasked.
 */
export async function install(root) {
  const parameters = ['ci', '--ignore-scripts', '--include=dev', '--no-audit', '--no-fund'];
  const npm = process.env.npm_execpath;
  if (npm !== undefined && basename(npm) === 'npm-cli.js') {
    return (await run(process.execPath, [npm, ...parameters], { root })).code;
  }
  return (await run('npm', parameters, { root })).code;
}

/** Whether dist/ was compiled, without error, from sources no older than those of today. */
export function isBuilt(root) {
  const built = statSync(join(root, BUILD_INFO), { throwIfNoEntry: false });
  if (built === undefined) return false;
  const inputs = BUILD_INPUTS.map(name => join(root, name));
  for (const folder of SOURCE_FOLDERS) inputs.push(...sourcesBelow(join(root, folder)));
  return inputs.every(path => {
    const input = statSync(path, { throwIfNoEntry: false });
    return input === undefined || input.mtimeMs <= built.mtimeMs;
  });
}

/**
 * Compiles; resolves to tsc's exit code: 0, or 2 when there were type errors but code was written
 * all the same. What tsc says goes to `onLine` if there is one. tsc leaves its build information
 * alone when nothing changed, so it is given the time at which this build began: what was edited
 * meanwhile is compiled next time.
 */
export async function build(root, onLine) {
  const begun = new Date();
  removeStaleOutput(root);
  const tsc = join(root, 'node_modules', 'typescript', 'bin', 'tsc');
  const { code } = await run(process.execPath, [tsc, '--pretty', 'false'], { root, onLine });
  const info = join(root, BUILD_INFO);
  if (existsSync(info)) utimesSync(info, begun, code === 0 ? begun : new Date(0));
  return code;
}

/** Compiled files whose source is gone would still be imported, and their tests still be run. */
function removeStaleOutput(root) {
  for (const folder of SOURCE_FOLDERS) {
    const compiled = join(root, 'dist', folder);
    for (const path of filesBelow(compiled)) {
      const source = join(root, folder, path.slice(compiled.length)).replace(
        /\.js(\.map)?$/,
        '.ts',
      );
      if (/\.js(\.map)?$/.test(path) && !existsSync(source)) rmSync(path, { force: true });
    }
  }
}

/**
 * Runs a command to its end; resolves to its exit code (1 if a signal ended it) and whether it left
 * processes behind, which are then killed. Signals we get are passed on: nothing outlives us.
 *
 * With `onLine` the output goes there, line by line, with `'out'` or `'err'`, and the command leads
 * a process group of its own: what it started and forgot is found and ended that way. Without it
 * the output is ours, and so is the group: the terminal's interrupt key reaches the command itself.
 */
export async function run(command, parameters, { root, onLine }) {
  const child = spawn(command, parameters, {
    cwd: root,
    detached: onLine !== undefined,
    stdio: onLine === undefined ? ['ignore', 'inherit', 'inherit'] : ['ignore', 'pipe', 'pipe'],
  });
  const signalAll = signal => signalProcess(onLine === undefined ? child.pid : -child.pid, signal);
  const killAll = () => signalAll('SIGKILL');
  for (const signal of SIGNALS) process.on(signal, signalAll);
  process.on('exit', killAll);
  if (onLine !== undefined) {
    createInterface({ input: child.stdout }).on('line', line => onLine(line, 'out'));
    createInterface({ input: child.stderr }).on('line', line => onLine(line, 'err'));
  }
  const code = await ended(child, command);
  const leftBehind = onLine !== undefined && (await anyLeft(child.pid));
  if (leftBehind) killAll();
  for (const signal of SIGNALS) process.off(signal, signalAll);
  process.off('exit', killAll);
  return { code, leftBehind };
}

function ended(child, command) {
  return new Promise(resolve => {
    child.on('error', error => {
      console.error(`${command} could not be started: ${error.message}`);
      resolve(1);
    });
    child.on('close', code => resolve(code ?? 1));
  });
}

/** Whether the group of `pid` still has members once they had time to end. */
async function anyLeft(pid) {
  for (let waitedMs = 0; waitedMs < LEFT_BEHIND_GRACE_MS; waitedMs += LEFT_BEHIND_POLL_MS) {
    if (!signalProcess(-pid, 0)) return false;
    await new Promise(resolve => setTimeout(resolve, LEFT_BEHIND_POLL_MS));
  }
  return signalProcess(-pid, 0);
}

/** Whether there was a process to send it to. */
function signalProcess(pid, signal) {
  try {
    return process.kill(pid, signal);
  } catch {
    return false;
  }
}

function sourcesBelow(folder) {
  return filesBelow(folder).filter(path => path.endsWith('.ts'));
}

function filesBelow(folder) {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { withFileTypes: true }).flatMap(entry => {
    const path = join(folder, entry.name);
    return entry.isDirectory() ? filesBelow(path) : [path];
  });
}

function readJson(path) {
  try {
    return JSON.parse(readFileSync(path, 'utf8'));
  } catch {
    return undefined;
  }
}
