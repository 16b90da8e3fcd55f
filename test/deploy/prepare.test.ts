// Method: small trees in a scratch directory stand for clones. prepare.mjs is plain JavaScript that
// is not compiled, so it is loaded by its path and its shape is stated here.
import { mkdirSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import test from 'ava';
import type { ExecutionContext } from 'ava';

type Prepare = {
  nodeProblem(version: string): string | undefined;
  isInstalled(root: string, scope: 'production' | 'development'): boolean;
  isBuilt(root: string): boolean;
  run(
    command: string,
    parameters: readonly string[],
    options: { root: string; onLine?: (line: string, stream: 'out' | 'err') => void },
  ): Promise<{ code: number; leftBehind: boolean }>;
};
const location = new URL('../../../deploy/prepare.mjs', import.meta.url);
const { nodeProblem, isInstalled, isBuilt, run } = (await import(location.href)) as Prepare;

function tree(t: ExecutionContext, files: Readonly<Record<string, unknown>>): string {
  const root = mkdtempSync(join(tmpdir(), 'garage-prepare-'));
  t.teardown(() => {
    rmSync(root, { recursive: true, force: true });
  });
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), JSON.stringify(content));
  }
  return root;
}

const wanted = {
  packages: {
    '': {},
    'node_modules/a': { version: '1.0.0' },
    'node_modules/b': { version: '2.0.0', dev: true },
    'node_modules/c': { version: '3.0.0', optional: true },
  },
};

test('a Node that is too old is refused in one sentence', t => {
  for (const version of ['v20.19.0', 'v20.20.2', 'v22.0.0', 'v24.1.0']) {
    t.is(nodeProblem(version), undefined, version);
  }
  for (const version of ['v18.20.4', 'v20.18.3', 'v16.0.0']) {
    t.regex(nodeProblem(version) ?? '', /^Garage needs Node 20\.19 or newer/, version);
  }
});

test('packages are installed when each is there in its version, optional ones aside', t => {
  const present = { packages: { 'node_modules/a': { version: '1.0.0' } } };
  const root = tree(t, {
    'package-lock.json': wanted,
    'node_modules/.package-lock.json': present,
  });
  t.true(isInstalled(root, 'production'));
  t.false(isInstalled(root, 'development'), 'b is missing');
});

test('a package in another version is not installed', t => {
  const present = { packages: { 'node_modules/a': { version: '0.9.0' } } };
  const root = tree(t, {
    'package-lock.json': wanted,
    'node_modules/.package-lock.json': present,
  });
  t.false(isInstalled(root, 'production'));
});

test('a clone without node_modules is not installed', t => {
  t.false(isInstalled(tree(t, { 'package-lock.json': wanted }), 'production'));
});

test('a clone is built when no source is newer than the build', t => {
  const root = tree(t, { 'bus/bus.ts': '', 'tsconfig.json': {}, 'dist/.tsbuildinfo': {} });
  t.true(isBuilt(root));
  const later = new Date(Date.now() + 60_000);
  utimesSync(join(root, 'bus/bus.ts'), later, later);
  t.false(isBuilt(root));
});

test('a clone without a build is not built', t => {
  t.false(isBuilt(tree(t, { 'bus/bus.ts': '' })));
});

test("a command's lines and exit code are passed on", async t => {
  const lines: string[] = [];
  const script = "console.log('one'); console.error('two'); process.exitCode = 3";
  const { code, leftBehind } = await run(process.execPath, ['-e', script], {
    root: tmpdir(),
    onLine: (line, stream) => lines.push(`${stream} ${line}`),
  });
  t.deepEqual(lines.sort(), ['err two', 'out one']);
  t.is(code, 3);
  t.false(leftBehind);
});

test('a process that a command left behind is ended', async t => {
  const lines: string[] = [];
  const script = `
    const { spawn } = require('node:child_process');
    const endless = 'setInterval(() => {}, 1000)';
    const child = spawn(process.execPath, ['-e', endless], { stdio: 'ignore' });
    console.log(child.pid);
    process.exit(0);`;
  const { leftBehind } = await run(process.execPath, ['-e', script], {
    root: tmpdir(),
    onLine: line => lines.push(line),
  });
  t.true(leftBehind);
  const pid = Number(lines[0]);
  await gone(pid);
  t.throws(() => process.kill(pid, 0), { code: 'ESRCH' });
});

test('a command that cannot be started ends with a code, not an exception', async t => {
  const { code } = await run('no-such-command', [], { root: tmpdir() });
  t.is(code, 1);
});

/** A killed process stays visible until its parent has taken note of it. */
async function gone(pid: number): Promise<void> {
  for (let tries = 0; tries < 200; tries += 1) {
    try {
      process.kill(pid, 0);
    } catch {
      return;
    }
    await new Promise(resolve => {
      setTimeout(resolve, 25);
    });
  }
}
