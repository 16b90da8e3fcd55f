import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import type { ExecutionContext } from 'ava';
import { loadConfig } from '../../deploy/config-file.ts';
import { announcement, developmentKey } from '../../deploy/development.ts';
import { ensureLocalConfig } from '../../deploy/local-config.ts';
import { realEnvironment } from '../../deploy/real-environment.ts';
import { defaultBucketOf, defaultKeyOf } from '../../deploy/serve.ts';
import { StartRefusedError } from '../../deploy/start-refused.ts';
import type { Config } from '../../schemas/config.ts';

function home(t: ExecutionContext): string {
  const directory = mkdtempSync(join(tmpdir(), 'garage-local-'));
  t.teardown(() => {
    rmSync(directory, { recursive: true, force: true });
  });
  return join(directory, 'with "quotes"');
}

function localConfig(t: ExecutionContext): { readonly path: string; readonly config: Config } {
  const path = ensureLocalConfig(home(t), realEnvironment.random);
  const loaded = loadConfig({ configPath: path, flags: {}, variables: {}, directories: [] });
  if (loaded.kind !== 'loaded') throw new Error(JSON.stringify(loaded));
  return { path, config: loaded.config };
}

test('the file of a node that nobody configured is complete, and its secret is kept', t => {
  const { path, config } = localConfig(t);
  t.is(statSync(path).mode & 0o777, 0o600);
  t.is(statSync(join(path, '..')).mode & 0o777, 0o700);
  t.is(config.metadataDir, join(path, '..', 'meta'));
  t.deepEqual(config.s3.bind, { kind: 'tcp', host: '127.0.0.1', port: 3900 });
  t.deepEqual(config.controlBind, { kind: 'tcp', host: '127.0.0.1', port: 3901 });
  t.deepEqual(config.web?.bind, { kind: 'tcp', host: '127.0.0.1', port: 3902 });
  t.deepEqual(config.admin.bind, { kind: 'tcp', host: '127.0.0.1', port: 3903 });
  t.deepEqual(config.withoutEffect, []);
  const before = readFileSync(path, 'utf8');
  ensureLocalConfig(join(path, '..'), realEnvironment.random);
  t.is(readFileSync(path, 'utf8'), before, 'a second start changes nothing');
});

test('the key for trying is the same at every start and tells nothing about the secret', t => {
  const { config } = localConfig(t);
  const key = developmentKey(config);
  t.regex(key.id, /^GK[0-9a-f]{24}$/);
  t.regex(key.secret, /^[0-9a-f]{64}$/);
  t.deepEqual(developmentKey(config), key);
  t.notDeepEqual(developmentKey(localConfig(t).config), key);
  t.false(`${key.id}${key.secret}`.includes(config.rpcSecret ?? ''));
  t.throws(() => developmentKey({ ...config, rpcSecret: undefined }), {
    instanceOf: StartRefusedError,
  });
});

test('a newcomer is told endpoint, region, key, secret, bucket and what to try', t => {
  const { path, config } = localConfig(t);
  const key = { id: 'GKid', secret: 's3cret' };
  const text = announcement({ config, configPath: path, key, bucket: 'b' }).join('\n');
  for (const fact of ['http://127.0.0.1:3900', 'garage', 'GKid', 's3cret', path]) {
    t.true(text.includes(fact), fact);
  }
  t.is(text.match(/^ {2}curl /gm)?.length, 2);
  const bind = { kind: 'tcp', host: '::', port: 1 } as const;
  const open = { ...config, s3: { ...config.s3, bind } };
  const lines = announcement({ config: open, configPath: path, key, bucket: 'b' });
  t.true(lines.includes('  Endpoint    http://[::1]:1'));
});

test('the default key and bucket come from variables, the key whole or not at all', t => {
  const id = { GARAGE_DEFAULT_ACCESS_KEY: 'GKid' };
  const secret = { GARAGE_DEFAULT_SECRET_KEY: 's3cret' };
  t.deepEqual(defaultKeyOf({ ...id, ...secret }), { id: 'GKid', secret: 's3cret' });
  t.is(defaultKeyOf({}), undefined);
  t.throws(() => defaultKeyOf(id), { instanceOf: StartRefusedError });
  t.throws(() => defaultKeyOf(secret), { instanceOf: StartRefusedError });
  t.is(defaultBucketOf({ GARAGE_DEFAULT_BUCKET: 'b' }), 'b');
});
