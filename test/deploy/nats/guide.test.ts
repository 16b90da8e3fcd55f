// Method: the commands of deploy/nats/README.md with the real `nats` command, where it is
// installed, on servers with the shipped configuration.
import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { ExecutionContext } from 'ava';
import { publicKeyOf } from '../../../bus/nats-client.ts';
import { echo } from '../../contract/bus-contract.ts';
import { echoAddress } from '../../support/echo-conversation.ts';
import { connected, eventually, openBus } from '../../support/nats-world.ts';
import { testWithNeeds } from '../../support/needs.ts';
import {
  loginOf,
  newRoleKeys,
  NODE_1,
  startThreeSites,
  type RoleKeys,
  type RoleName,
} from '../../support/shipped-nats.ts';

type Nats = (...parameters: string[]) => Promise<string>;

function scratch(t: ExecutionContext): string {
  const directory = mkdtempSync(join(tmpdir(), 'garage-guide-'));
  t.teardown(() => {
    rmSync(directory, { recursive: true, force: true });
  });
  return directory;
}

async function run(...parameters: string[]): Promise<string> {
  const { stdout } = await promisify(execFile)('nats', parameters, { timeout: 30_000 });
  return stdout;
}

function natsAs(
  t: ExecutionContext,
  url: string,
  [keys, role]: readonly [RoleKeys, RoleName],
): Nats {
  const file = join(scratch(t), 'key.nk');
  writeFileSync(file, keys[role].seed, { mode: 0o600 });
  const inbox = `_INBOX.${keys[role].publicKey}`;
  return (...parameters) =>
    run('--server', url, '--nkey', file, '--inbox-prefix', inbox, ...parameters);
}

testWithNeeds(
  ['command:nats'],
  'the key that the guide makes is one that a process logs in with',
  async t => {
    const file = join(scratch(t), 'nats.nk');
    await run('auth', 'nkey', 'gen', 'user', '--output', file);
    const shown = await run('auth', 'nkey', 'show', file);
    t.is(publicKeyOf({ kind: 'credentials', text: readFileSync(file, 'utf8') }), shown.trim());
  },
);

testWithNeeds(['command:nats'], 'what the guide looks at is there to be seen', async t => {
  const keys = newRoleKeys();
  const sites = await startThreeSites(t, { accounts: 'nkeys', keys });
  const urls = sites.paris.map(server => server.url);
  const { bus } = openBus(t, urls, {
    login: loginOf(keys, 'U_STORAGE_1'),
    name: 'garage main 0123',
    metadata: () => ({ site: 'paris', node: NODE_1, partitions: '7' }),
  });
  const address = echoAddress(NODE_1, { cluster: 'main' });
  bus.serve(address, echo);
  await connected(bus);
  await bus.request(address, { kind: 'say', text: 'x' }, { timeoutMs: 1000 });

  const [farUrl = ''] = sites.lyon.map(server => server.url);
  const operator = natsAs(t, farUrl, [keys, 'U_OPERATOR']);
  await eventually('seen from another site', async () =>
    operator('micro', 'ls').then(
      shown => shown.includes('echo'),
      // It fails while it sees none.
      () => false,
    ),
  );
  t.regex(await operator('micro', 'ls'), /echo.*paris/);
  t.regex(await operator('micro', 'info', 'echo'), /partitions: 7[\s\S]*site: paris/);
  t.regex(await operator('micro', 'stats', 'echo'), /say\s+│\s+1 /);
  t.regex(await operator('micro', 'ping'), /echo/);
  t.regex(await operator('rtt'), /127\.0\.0\.1/);
  const system = natsAs(t, farUrl, [keys, 'U_SYSTEM']);
  const servers = await system('server', 'list', '6');
  for (const name of ['paris-1', 'paris-2', 'lille-1', 'lille-2', 'lyon-1', 'lyon-2']) {
    t.true(servers.includes(name), name);
  }
  t.regex(await system('server', 'report', 'connections'), /garage main 0123 control/);
  t.regex(await system('server', 'report', 'gateways'), /lille/);
});
