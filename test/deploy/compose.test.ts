// Method: there is no Docker engine where the tests run. What can be had without one is checked:
// the configuration files that the services mount, by the programs that will read them, and that
// the names in them are those of the services.
import { mkdtemp, copyFile, readFile, rm } from 'node:fs/promises';
import { spawnSync } from 'node:child_process';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import test from 'ava';
import { natsPassword } from '../../bus/nats-password.ts';
import { loadConfig } from '../../deploy/config-file.ts';
import { testWithNeeds } from '../support/needs.ts';

const DEPLOY = fileURLToPath(new URL('../../../deploy/', import.meta.url));
const SITES = ['paris', 'lille', 'lyon'];
const SECRET = 'c'.repeat(64);

for (const role of ['storage', 'gateway'] as const) {
  test(`the garage.toml of the ${role} services is one`, t => {
    const loaded = loadConfig({
      configPath: join(DEPLOY, 'compose', `${role}.toml`),
      flags: {},
      variables: { GARAGE_RPC_SECRET: SECRET, GARAGE_ADMIN_TOKEN: 'token' },
      directories: [],
    });
    if (loaded.kind !== 'loaded') return t.fail(JSON.stringify(loaded));
    t.deepEqual(loaded.config.roles, [role]);
    t.is(loaded.config.replicationFactor, 3);
    t.is(loaded.config.admin.adminToken, 'token');
    return t.deepEqual(loaded.config.nats?.urls, ['nats://nats-1:4222', 'nats://nats-2:4222']);
  });
}

test('the configuration of the nats-servers is one, with any password', async t => {
  const directory = await mkdtemp(join(tmpdir(), 'garage-compose-'));
  t.teardown(() => rm(directory, { recursive: true, force: true }));
  const config = join(directory, 'nats.conf');
  await copyFile(join(DEPLOY, 'compose', 'nats.conf'), config);
  await copyFile(join(DEPLOY, 'nats', 'limits.conf'), join(directory, 'limits.conf'));
  for (const password of ['abcdef', '123456e789', '0x12']) {
    const program = process.env['NATS_SERVER'] ?? 'nats-server';
    const { status, stderr } = spawnSync(program, ['-t', '-c', config], {
      env: { ...process.env, NAME: 'n', SITE: 'paris', NATS_PASSWORD: `"${password}"` },
      encoding: 'utf8',
    });
    t.is(status, 0, stderr);
  }
});

test('each site has its services, and the nats-servers know all of them', async t => {
  const compose = await readFile(join(DEPLOY, 'compose.yaml'), 'utf8');
  const nats = await readFile(join(DEPLOY, 'compose', 'nats.conf'), 'utf8');
  for (const site of SITES) {
    for (const service of ['nats-1', 'nats-2', 'storage', 'gateway']) {
      t.true(compose.includes(`\n  ${site}-${service}:\n`), `${site}-${service}`);
    }
    for (const which of [1, 2]) t.true(nats.includes(`nats://${site}-nats-${which}:7222`));
  }
});

const OPENSSL = 'the openssl line of compose.yaml makes the password that processes log in with';
testWithNeeds(['command:openssl'], OPENSSL, async t => {
  const compose = await readFile(join(DEPLOY, 'compose.yaml'), 'utf8');
  const line = /printf[\s\S]*?sed '[^']*'/.exec(compose)?.[0].replace(/\n# */g, ' ') ?? '';
  const made = spawnSync('sh', ['-c', line], {
    env: { ...process.env, GARAGE_RPC_SECRET: SECRET },
    encoding: 'utf8',
  });
  t.is(made.stdout.trim(), natsPassword(SECRET));
});
