// Method: deploy/start.mjs and what it imports are copied into a scratch directory that stands for
// a clone: packages installed, code compiled, and a server that only says where it was started.
import { spawn } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import test from 'ava';
import type { ExecutionContext } from 'ava';

const scripts = fileURLToPath(new URL('../../../deploy/', import.meta.url));

const server = `
  export function startDevelopment(clone) {
    return new Promise(resolve => {
      const alive = setInterval(() => {}, 1000);
      process.once('SIGTERM', () => {
        clearInterval(alive);
        resolve(7);
      });
      console.log('serving', clone);
    });
  }`;

function clone(t: ExecutionContext, files: Readonly<Record<string, string>>): string {
  const root = realpathSync(mkdtempSync(join(tmpdir(), 'garage-start-')));
  t.teardown(() => {
    rmSync(root, { recursive: true, force: true });
  });
  mkdirSync(join(root, 'deploy'));
  for (const name of ['start.mjs', 'prepare.mjs']) {
    copyFileSync(join(scripts, name), join(root, 'deploy', name));
  }
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text);
  }
  return root;
}

const installed = {
  'package.json': '{ "type": "module" }',
  'package-lock.json': '{ "packages": {} }',
  'node_modules/.package-lock.json': '{ "packages": {} }',
};

/** Starts it; `heard` is called with all it has printed so far. */
function start(
  t: ExecutionContext,
  root: string,
  heard: (output: string, end: () => void) => void = () => undefined,
): Promise<{ code: number | null; output: string }> {
  const child = spawn(process.execPath, [join(root, 'deploy', 'start.mjs')]);
  t.teardown(() => {
    child.kill('SIGKILL');
  });
  let output = '';
  const hear = (text: Buffer): void => {
    output += text.toString();
    heard(output, () => {
      child.kill('SIGTERM');
    });
  };
  child.stdout.on('data', hear);
  child.stderr.on('data', hear);
  return new Promise(resolve => {
    child.on('close', code => {
      resolve({ code, output });
    });
  });
}

test('a clone that is installed and compiled is served at once, until SIGTERM', async t => {
  const root = clone(t, {
    ...installed,
    'dist/deploy/development.js': server,
    'dist/.tsbuildinfo': '{}',
  });
  const { code, output } = await start(t, root, (text, end) => {
    if (text.includes('\n')) end();
  });
  t.is(output, `serving ${root}\n`);
  t.is(code, 7, 'the exit code is the one the server gave');
});

test('a clone whose sources changed is compiled first, and not served if that fails', async t => {
  const tsc = "console.log('bus/bus.ts(1,1): error'); process.exitCode = 2;";
  const root = clone(t, {
    ...installed,
    'dist/deploy/development.js': server,
    'node_modules/typescript/bin/tsc': tsc,
    'node_modules/typescript/package.json': '{}',
  });
  const { code, output } = await start(t, root);
  t.regex(output, /^Compiling/m);
  t.regex(output, /bus\/bus\.ts\(1,1\): error/);
  t.regex(output, /could not be compiled/);
  t.is(code, 1);
});

test('a clone whose build brought no server says so instead of failing to import it', async t => {
  const root = clone(t, { ...installed, 'dist/.tsbuildinfo': '{}' });
  const { code, output } = await start(t, root);
  t.regex(output, /^The compiled server is missing/);
  t.is(code, 1);
});
