// Method: real files in a directory of their own; flags and variables are handed in.
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import type { ExecutionContext } from 'ava';
import {
  explainUnloaded,
  loadConfig,
  SYSTEM_CONFIG_PATH,
  type ConfigRequest,
  type LoadedConfig,
} from '../../deploy/config-file.ts';

const SECRET = 'ab'.repeat(32);
const OTHER = 'cd'.repeat(32);
const base =
  'metadata_dir = "m"\ndata_dir = "d"\nreplication_factor = 1\nrpc_bind_addr = "[::]:1"\n';

function directory(t: ExecutionContext): string {
  const path = mkdtempSync(join(tmpdir(), 'garage-config-'));
  t.teardown(() => {
    rmSync(path, { recursive: true, force: true });
  });
  return path;
}

function write(path: string, text: string, mode = 0o600): string {
  writeFileSync(path, text);
  chmodSync(path, mode);
  return path;
}

function load(request: Partial<ConfigRequest>): LoadedConfig {
  return loadConfig({
    configPath: undefined,
    flags: {},
    variables: {},
    directories: [],
    ...request,
  });
}

function rpcSecretOf(loaded: LoadedConfig): string | undefined {
  if (loaded.kind !== 'loaded') throw new Error(explainUnloaded(loaded));
  return loaded.config.rpcSecret;
}

function problemsOf(loaded: LoadedConfig): readonly string[] {
  return loaded.kind === 'invalid' ? loaded.problems.map(({ path }) => path) : [];
}

test('the file that was named is read, and a missing one is not passed over for another', t => {
  const home = directory(t);
  mkdirSync(join(home, '.garage'));
  const found = write(join(home, '.garage', 'garage.toml'), base);
  const named = write(join(home, 'other.toml'), base);
  const missing = join(home, 'missing.toml');
  const path = (request: Partial<ConfigRequest>): string | undefined => {
    const loaded = load({ directories: [home], ...request });
    return 'path' in loaded ? loaded.path : undefined;
  };
  t.is(path({ configPath: named }), named);
  t.is(path({ configPath: missing }), missing);
  t.is(path({ variables: { GARAGE_CONFIG_FILE: named } }), named);
  t.is(path({ variables: { GARAGE_CONFIG_FILE: missing } }), undefined);
  t.is(path({}), found);
  t.is(path({ variables: { GARAGE_DATA: join(home, '.garage') }, directories: [] }), found);
});

test('when there is no file the places that were looked at are said', t => {
  const loaded = load({ directories: ['/nowhere'] });
  t.is(loaded.kind, 'not-found');
  if (loaded.kind !== 'not-found') return;
  t.deepEqual(loaded.lookedAt, [SYSTEM_CONFIG_PATH, '/nowhere/.garage/garage.toml']);
  t.regex(explainUnloaded(loaded), /-c FILE/);
});

test('a file that is not TOML is refused with the place of the fault', t => {
  const path = write(join(directory(t), 'g.toml'), 'a = 1\nb = = 2\n');
  const loaded = load({ configPath: path });
  t.is(loaded.kind, 'unreadable');
  if (loaded.kind === 'unreadable') t.regex(explainUnloaded(loaded), /line 2/);
});

test('a flag goes before a variable, and both go before the file', t => {
  const path = write(join(directory(t), 'g.toml'), `${base}rpc_secret = "${SECRET}"\n`);
  const variables = { GARAGE_RPC_SECRET: OTHER };
  const flag = 'ef'.repeat(32);
  t.is(rpcSecretOf(load({ configPath: path })), SECRET);
  t.is(rpcSecretOf(load({ configPath: path, variables })), OTHER);
  t.is(rpcSecretOf(load({ configPath: path, variables, flags: { rpcSecret: flag } })), flag);
});

test('a secret file is read without the end of its line', t => {
  const home = directory(t);
  const file = write(join(home, 'secret'), `${SECRET}\n`);
  const path = write(join(home, 'g.toml'), `${base}rpc_secret_file = "${file}"\n`);
  t.is(rpcSecretOf(load({ configPath: path })), SECRET);
});

test('a secret in two places of one level is a problem', t => {
  const home = directory(t);
  const file = write(join(home, 'secret'), SECRET);
  const text = `${base}rpc_secret = "${SECRET}"\nrpc_secret_file = "${file}"\n`;
  const path = write(join(home, 'g.toml'), text);
  t.deepEqual(problemsOf(load({ configPath: path })), ['rpc_secret']);
  const plain = write(join(home, 'p.toml'), base);
  const variables = { GARAGE_ADMIN_TOKEN: 'x', GARAGE_ADMIN_TOKEN_FILE: file };
  t.deepEqual(problemsOf(load({ configPath: plain, variables })), ['admin_token']);
});

test('a secret file that others may read is refused unless that is allowed', t => {
  const home = directory(t);
  const file = write(join(home, 'secret'), SECRET, 0o640);
  const path = write(join(home, 'g.toml'), `${base}rpc_secret_file = "${file}"\n`);
  t.deepEqual(problemsOf(load({ configPath: path })), ['rpc_secret_file']);
  const flags = { allowWorldReadableSecrets: true };
  t.is(rpcSecretOf(load({ configPath: path, flags })), SECRET);
  const variables = { GARAGE_ALLOW_WORLD_READABLE_SECRETS: 'true' };
  t.is(rpcSecretOf(load({ configPath: path, variables })), SECRET);
  const text = `${base}rpc_secret_file = "${file}"\nallow_world_readable_secrets = true\n`;
  t.is(rpcSecretOf(load({ configPath: write(join(home, 'o.toml'), text) })), SECRET);
});

test('empty, missing and foreign secrets are problems, told with all the others', t => {
  const home = directory(t);
  const empty = write(join(home, 'empty'), '\n');
  const text = `${base}colour = 1\nrpc_secret = 3\n[admin]\nadmin_token_file = "${empty}"
metrics_token_file = "${join(home, 'missing')}"\n`;
  const loaded = load({ configPath: write(join(home, 'g.toml'), text) });
  t.deepEqual(problemsOf(loaded), [
    'rpc_secret',
    'admin.admin_token_file',
    'admin.metrics_token_file',
    'colour',
  ]);
  if (loaded.kind === 'invalid')
    t.regex(explainUnloaded(loaded), /has 4 problems:\n {2}rpc_secret/);
});

test('a relative GARAGE_DATA is looked at from the working directory', t => {
  const loaded = load({ variables: { GARAGE_DATA: 'some/where' } });
  t.is(loaded.kind, 'not-found');
  if (loaded.kind === 'not-found') t.is(loaded.lookedAt[0], 'some/where/garage.toml');
});
