// Method: deploy/garage.mjs is copied into a scratch directory that stands for a clone, because in
// this one the compiled command is there.
import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import test from 'ava';
import type { ExecutionContext } from 'ava';

const command = fileURLToPath(new URL('../../../deploy/garage.mjs', import.meta.url));

function clone(t: ExecutionContext, compiled?: string): string {
  const root = mkdtempSync(join(tmpdir(), 'garage-command-'));
  t.teardown(() => {
    rmSync(root, { recursive: true, force: true });
  });
  mkdirSync(join(root, 'deploy'));
  copyFileSync(command, join(root, 'deploy', 'garage.mjs'));
  if (compiled !== undefined) {
    mkdirSync(join(root, 'dist', 'deploy', 'cli'), { recursive: true });
    writeFileSync(join(root, 'dist', 'deploy', 'cli', 'main.js'), compiled);
    writeFileSync(join(root, 'package.json'), '{ "type": "module" }');
  }
  return root;
}

const echo = 'export async function main(argv) { console.log(argv.join()); return argv.length; }';

test('before it is compiled the command says in one sentence what to do', t => {
  const root = clone(t);
  const run = spawnSync(join(root, 'deploy', 'garage.mjs'), ['status'], { encoding: 'utf8' });
  t.is(run.status, 1);
  t.is(run.stdout, '');
  t.regex(run.stderr, /^[^\n]*npm run build[^\n]*\n$/);
});

test('its arguments and its exit code are those of the compiled command', t => {
  const root = clone(t, echo);
  const parameters = ['bucket', 'list', '--all'];
  const run = spawnSync(join(root, 'deploy', 'garage.mjs'), parameters, { encoding: 'utf8' });
  t.is(run.stderr, '');
  t.is(run.stdout, 'bucket,list,--all\n');
  t.is(run.status, 3);
});

test('it works through a symbolic link and from any directory', t => {
  const root = clone(t, echo);
  const link = join(root, 'garage');
  symlinkSync(join(root, 'deploy', 'garage.mjs'), link);
  const run = spawnSync(link, [], { encoding: 'utf8', cwd: '/' });
  t.is(run.stderr, '');
  t.is(run.status, 0);
});
