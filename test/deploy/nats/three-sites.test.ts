// Method: the shipped configuration of three sites, six real nats-servers joined by gateways, and a
// bus in each site. Ports stand in for machines.
import test from 'ava';
import type { NatsBus } from '../../../bus/nats-bus.ts';
import { echo } from '../../contract/bus-contract.ts';
import { echoAddress, wordTopic, type EchoAddress } from '../../support/echo-conversation.ts';
import { connected, eventually, openBus } from '../../support/nats-world.ts';
import {
  loginOf,
  newRoleKeys,
  NODE_1,
  NODE_2,
  PASSWORD_LOGIN,
  startThreeSites,
} from '../../support/shipped-nats.ts';

const BLOCK = Buffer.alloc(1_048_576, 5);

async function answers(bus: NatsBus, address: EchoAddress): Promise<boolean> {
  const request = { kind: 'carry', bytes: BLOCK, want: BLOCK.length } as const;
  const reply = await bus.request(address, request, { timeoutMs: 5000 });
  return reply.kind === 'carried' && reply.bytes.length === BLOCK.length;
}

test('requests, blocks and events go from site to site, and on when a nats-server dies', async t => {
  const sites = await startThreeSites(t, { accounts: 'password', keys: newRoleKeys() });
  const open = (site: keyof typeof sites) =>
    openBus(
      t,
      sites[site].map(server => server.url),
      { login: PASSWORD_LOGIN },
    ).bus;
  const buses = { paris: open('paris'), lille: open('lille'), lyon: open('lyon') };
  const all = Object.entries(buses);
  await connected(...Object.values(buses));
  for (const [site, bus] of all) {
    for (const traffic of ['control', 'bulk'] as const)
      bus.serve(echoAddress(site, { traffic }), echo);
  }
  for (const [from, bus] of all) {
    for (const [to] of all) {
      for (const traffic of ['control', 'bulk'] as const) {
        const address = echoAddress(to, { traffic });
        await eventually(`${from} reaches ${to}`, async () => answers(bus, address));
      }
    }
  }
  t.deepEqual(
    await buses.paris.request(
      echoAddress('nobody'),
      { kind: 'say', text: 'x' },
      { timeoutMs: 5000 },
    ),
    { kind: 'no-responders' },
    'known across sites, too',
  );
  const heard: string[] = [];
  buses.lyon.listen(wordTopic(), word => heard.push(word));
  await eventually('heard in lyon', () => {
    buses.lille.publish(wordTopic(), 'news');
    return heard.includes('news');
  });
  await sites.lille[0]?.kill();
  for (const site of ['paris', 'lyon'] as const) {
    await eventually(`lille from ${site}`, async () => answers(buses[site], echoAddress('lille')));
  }
});

test('permissions hold across sites: what is needed goes, with answers to inboxes of their own', async t => {
  const keys = newRoleKeys();
  const sites = await startThreeSites(t, { accounts: 'nkeys', keys });
  const open = (site: keyof typeof sites, role: Parameters<typeof loginOf>[1]) =>
    openBus(
      t,
      sites[site].map(server => server.url),
      { login: loginOf(keys, role) },
    ).bus;
  const paris = open('paris', 'U_STORAGE_1');
  const lille = open('lille', 'U_STORAGE_2');
  const lyon = open('lyon', 'U_GATEWAY_1');
  await connected(paris, lille, lyon);
  // As subjects of tables, which permissions know; the conversation is the tests' own.
  const table = (node: string): EchoAddress => {
    const address = echoAddress(node, { cluster: 'main' });
    return {
      ...address,
      subject: address.subject.replace('.echo.', '.table.') as typeof address.subject,
    };
  };
  paris.serve(table(NODE_1), echo);
  lille.serve(table(NODE_2), echo);
  for (const node of [NODE_1, NODE_2]) {
    await eventually(`lyon reaches ${node}`, async () => answers(lyon, table(node)));
  }
  await eventually('lille reaches paris', async () => answers(lille, table(NODE_1)));
  t.pass();
});
