// Method: the shipped configuration of one site on two real nats-servers, with the keys of an
// operator's own making. Each role tries what it must not and what it needs, over the plain
// protocol; then the real bus does its work under these permissions.
import {
  connect,
  nkeyAuthenticator,
  nkeys,
  PermissionViolationError,
  type NatsConnection,
  type NodeConnectionOptions,
} from '@nats-io/transport-node';
import test from 'ava';
import { askGuarded, serveGuarded } from '../../../bus/guarded.ts';
import { Subjects } from '../../../bus/subjects.ts';
import type { NodeId } from '../../../schemas/ids.ts';
import { partitionId } from '../../../schemas/ids.ts';
import type { ClusterReply } from '../../../schemas/messages/cluster.ts';
import type { NatsServer } from '../../support/nats-servers.ts';
import { connected, eventually, openBus } from '../../support/nats-world.ts';
import {
  loginOf,
  newRoleKeys,
  NODE_1,
  NODE_2,
  PASSWORD_LOGIN,
  startOneSite,
  SYSTEM_PASSWORD,
  type RoleName,
} from '../../support/shipped-nats.ts';

const undo: (() => void | Promise<void>)[] = [];
test.after.always(async () => {
  for (const step of undo.reverse()) await step();
});
const shared = { teardown: (step: () => void | Promise<void>) => undo.push(step) };
const keys = newRoleKeys();
const withKeys = startOneSite(shared, { accounts: 'nkeys', keys });
const withPassword = startOneSite(shared, { accounts: 'password', keys });

/** Servers take turns, so that a difference between the two files would show. */
let turn = 0;
async function plain(
  servers: Promise<readonly NatsServer[]>,
  options: NodeConnectionOptions,
): Promise<NatsConnection> {
  const all = await servers;
  turn += 1;
  const { url } = all[turn % all.length] as NatsServer;
  const connection = await connect({ ...options, servers: [url], reconnect: false, timeout: 5000 });
  undo.push(() => connection.close());
  return connection;
}

function keyOf(role: RoleName): NodeConnectionOptions {
  return { authenticator: nkeyAuthenticator(new TextEncoder().encode(keys[role].seed)) };
}

/** One connection for each role, with what it was refused. */
type Tried = { readonly connection: NatsConnection; readonly refused: Set<string> };
const tried = new Map<RoleName, Promise<Tried>>();

async function follow(connection: NatsConnection): Promise<Tried> {
  const refused = new Set<string>();
  void (async () => {
    for await (const status of connection.status()) {
      if (status.type !== 'error' || !(status.error instanceof PermissionViolationError)) continue;
      refused.add(`${status.error.operation} ${status.error.subject}`);
    }
  })();
  return { connection, refused };
}

function as(role: RoleName): Promise<Tried> {
  const known = tried.get(role) ?? plain(withKeys, keyOf(role)).then(follow);
  tried.set(role, known);
  return known;
}

/** Whether the nats-server lets it: its refusal comes before the answer to a ping. */
async function isAllowed(
  { connection, refused }: Tried,
  [what, subject]: readonly ['publish' | 'subscribe', string],
): Promise<boolean> {
  if (what === 'publish') connection.publish(subject, 'x');
  else connection.subscribe(subject, { callback: () => undefined });
  await connection.flush();
  await connection.flush();
  const operation = what === 'publish' ? 'publish' : 'subscription';
  return !refused.has(`${operation} ${subject}`);
}

const inbox = (role: RoleName): string => `_INBOX.${keys[role].publicKey}`;

type Attempt = readonly [RoleName, 'publish' | 'subscribe', string];

const DATA: readonly string[] = [
  `garage.main.node.${NODE_1}.table.17`,
  `garage.main.node.${NODE_2}.block.255`,
  `garage.main.node.${NODE_1}.settings`,
  `garage.main.node.${NODE_1}.cluster`,
];
const ADMINISTRATION: readonly string[] = [
  `garage.main.node.${NODE_1}.admin.cluster`,
  `garage.main.node.${NODE_2}.admin.settings`,
];
const GOSSIP = ['garage.main.gossip.settings', 'garage.main.gossip.layout'];
const HEARTBEAT = 'garage.main.gossip.heartbeat';

const forbidden: readonly Attempt[] = [
  // A gateway administers nothing, and spreads no news but of itself.
  ...[...ADMINISTRATION, ...GOSSIP].map(subject => ['U_GATEWAY_1', 'publish', subject] as const),
  // Nobody answers for others, or asks what only operators ask.
  ['U_GATEWAY_1', 'publish', `${inbox('U_STORAGE_1')}.1.1`],
  ['U_GATEWAY_1', 'publish', '$SRV.PING'],
  ['U_STORAGE_1', 'publish', '$SRV.PING'],
  ['U_ADMIN_GATEWAY_1', 'publish', `${inbox('U_GATEWAY_1')}.1.1`],
  ['U_ADMIN_GATEWAY_1', 'publish', 'garage.main.gossip.layout'],
  // Nobody reads another's inbox, or all of them.
  ...(['U_STORAGE_1', 'U_GATEWAY_1', 'U_ADMIN_GATEWAY_1', 'U_OPERATOR'] as const).flatMap(role => [
    [role, 'subscribe', '_INBOX.>'] as const,
    [role, 'subscribe', '>'] as const,
    [role, 'subscribe', 'garage.>'] as const,
    [role, 'subscribe', `${inbox('U_STORAGE_2')}.>`] as const,
    [role, 'subscribe', `${inbox('U_STORAGE_2')}.1.*`] as const,
    [role, 'subscribe', '$SYS.>'] as const,
    [role, 'publish', '$SYS.REQ.SERVER.PING'] as const,
    [role, 'publish', `garage.other.node.${NODE_1}.table.1`] as const,
    [role, 'publish', 'anything.else'] as const,
  ]),
  ['U_STORAGE_2', 'subscribe', `${inbox('U_STORAGE_1')}.>`],
  // Nobody serves in the place of another node.
  ['U_STORAGE_1', 'subscribe', `garage.main.node.${NODE_2}.table.1`],
  ['U_STORAGE_1', 'subscribe', 'garage.main.node.*.table.1'],
  ['U_STORAGE_2', 'subscribe', `garage.main.node.${NODE_1}.admin.cluster`],
  ['U_GATEWAY_1', 'subscribe', `garage.main.node.${NODE_1}.table.1`],
  ['U_ADMIN_GATEWAY_1', 'subscribe', `garage.main.node.${NODE_1}.admin.cluster`],
  // Who looks, only looks.
  ...[...DATA, ...ADMINISTRATION, ...GOSSIP, HEARTBEAT].map(
    subject => ['U_OPERATOR', 'publish', subject] as const,
  ),
  ['U_OPERATOR', 'subscribe', `garage.main.node.${NODE_1}.table.1`],
];

const needed: readonly Attempt[] = [
  ...[...DATA, HEARTBEAT].map(subject => ['U_GATEWAY_1', 'publish', subject] as const),
  ...[...DATA, ...ADMINISTRATION, HEARTBEAT].map(
    subject => ['U_ADMIN_GATEWAY_1', 'publish', subject] as const,
  ),
  ...[...DATA, ...ADMINISTRATION, ...GOSSIP, HEARTBEAT, `${inbox('U_GATEWAY_1')}.3.77`].map(
    subject => ['U_STORAGE_1', 'publish', subject] as const,
  ),
  ['U_STORAGE_1', 'subscribe', `garage.main.node.${NODE_1}.table.1`],
  ['U_STORAGE_1', 'subscribe', `garage.main.node.${NODE_1}.admin.cluster`],
  ['U_STORAGE_2', 'subscribe', `garage.main.node.${NODE_2}.block.200`],
  ...(['U_STORAGE_1', 'U_GATEWAY_1', 'U_ADMIN_GATEWAY_1'] as const).flatMap(role => [
    [role, 'subscribe', `${inbox(role)}.0123abcd.1.*`] as const,
    [role, 'subscribe', HEARTBEAT] as const,
    [role, 'subscribe', 'garage.main.gossip.layout'] as const,
    [role, 'subscribe', '$SRV.PING'] as const,
    [role, 'subscribe', '$SRV.STATS.table.XYZ'] as const,
  ]),
  ['U_OPERATOR', 'publish', '$SRV.PING'],
  ['U_OPERATOR', 'publish', '$SRV.STATS.gateway'],
  ['U_OPERATOR', 'subscribe', 'garage.main.gossip.>'],
  ['U_OPERATOR', 'subscribe', `${inbox('U_OPERATOR')}.abc`],
  ['U_SYSTEM', 'publish', '$SYS.REQ.SERVER.PING'],
  ['U_SYSTEM', 'subscribe', '$SYS.>'],
];

function shown(subject: string): string {
  return subject
    .replace(NODE_1, 'NODE_1')
    .replace(NODE_2, 'NODE_2')
    .replace(/_INBOX\.(U[A-Z0-9]{55})/, (_, key: string) => {
      const role = Object.entries(keys).find(([, { publicKey }]) => publicKey === key)?.[0];
      return `_INBOX.${role ?? key}`;
    });
}

for (const [attempts, verdict] of [
  [forbidden, 'may not'],
  [needed, 'may'],
] as const) {
  for (const [role, what, subject] of attempts) {
    test.serial(`${role} ${verdict} ${what} ${shown(subject)}`, async t => {
      t.is(await isAllowed(await as(role), [what, subject]), verdict === 'may');
    });
  }
}

const strangers: readonly (readonly [string, NodeConnectionOptions])[] = [
  ['without credentials', {}],
  ['a key that is not listed', { authenticator: nkeyAuthenticator(nkeys.createUser().getSeed()) }],
  ['the password of the other way', { user: 'garage', pass: 'x' }],
];
for (const [who, options] of strangers) {
  test(`${who}: refused by the nats-servers with nkeys`, async t => {
    await t.throwsAsync(plain(withKeys, options));
  });
}

test('with a password: the right one comes in, strangers do not', async t => {
  const { user, password: pass } = PASSWORD_LOGIN as { user: string; password: string };
  const connection = await follow(await plain(withPassword, { user, pass }));
  t.true(await isAllowed(connection, ['publish', `garage.main.node.${NODE_1}.table.1`]));
  t.true(await isAllowed(connection, ['subscribe', `garage.main.node.${NODE_1}.table.1`]));
  await t.throwsAsync(plain(withPassword, {}));
  await t.throwsAsync(plain(withPassword, { user, pass: 'wrong' }));
  await t.throwsAsync(plain(withPassword, keyOf('U_STORAGE_1')));
  await t.notThrowsAsync(plain(withPassword, { user: 'system', pass: SYSTEM_PASSWORD }));
});

test('with a password the application does not see the nats-servers, and the system not the application', async t => {
  const { user, password: pass } = PASSWORD_LOGIN as { user: string; password: string };
  const application = await plain(withPassword, { user, pass });
  const system = await plain(withPassword, { user: 'system', pass: SYSTEM_PASSWORD });
  await t.throwsAsync(application.request('$SYS.REQ.SERVER.PING', '', { timeout: 500 }));
  await t.notThrowsAsync(system.request('$SYS.REQ.SERVER.PING', '', { timeout: 5000 }));
  await t.throwsAsync(system.request('$SRV.PING', '', { timeout: 500 }));
});

const NODE = NODE_1 as NodeId;
const PATIENT = { timeoutMs: 10_000 };

test('the bus does its work under these permissions, and says what is not allowed', async t => {
  const urls = (await withKeys).map(server => server.url);
  const open = (role: RoleName) => openBus(t, urls, { login: loginOf(keys, role) });
  const storage = open('U_STORAGE_1');
  const gateway = open('U_GATEWAY_1');
  const admin = open('U_ADMIN_GATEWAY_1');
  const subjects = new Subjects('main');
  const table = subjects.table(NODE, partitionId(3));
  const block = subjects.block(NODE, partitionId(3));
  storage.bus.serve(table, () => ({ kind: 'probed', empty: true }));
  storage.bus.serve(block, () => ({ kind: 'bytes', bytes: Buffer.alloc(1_048_576, 9) }));
  serveGuarded(storage.bus, subjects.cluster(NODE), (request): ClusterReply => ({
    ...{ kind: 'layout-applied', result: { kind: 'impossible', reason: request.kind } },
  }));
  const { bus } = gateway;
  await connected(storage.bus, bus, admin.bus);
  const read = {
    kind: 'object-read',
    place: { bucket: 'a'.repeat(64), shard: 0, key: 'k' },
    want: 'row',
  };
  await eventually(
    'a row',
    async () => (await bus.request(table, read as never, PATIENT)).kind === 'probed',
  );
  const blockRead = {
    kind: 'block-read',
    hash: 'a'.repeat(64),
    blockBytes: 1,
    first: 0,
    length: 1,
  };
  await eventually(
    'a block',
    async () => (await bus.request(block, blockRead as never, PATIENT)).kind === 'bytes',
  );

  const changeBy = async (by: typeof bus): Promise<string> => {
    const guarded = subjects.cluster(NODE);
    return (await askGuarded(by, guarded, [{ kind: 'layout-apply', version: 1 }, PATIENT])).kind;
  };
  const startedMs = performance.now();
  t.is(await changeBy(bus), 'not-allowed');
  t.true(performance.now() - startedMs < 5000, 'and does not wait for its time-out');
  t.is(await changeBy(admin.bus), 'layout-applied');

  const heard: string[] = [];
  bus.listen(subjects.settingsChanged(), ({ id }) => heard.push(id));
  await eventually('the news', () => {
    storage.bus.publish(subjects.settingsChanged(), { table: 'key', id: 'k' });
    return heard.length > 0;
  });
});

test('the operator sees the micro services of all, gateways too', async t => {
  const urls = (await withKeys).map(server => server.url);
  const gateway = openBus(t, urls, { login: loginOf(keys, 'U_GATEWAY_1') });
  gateway.bus.showService({ name: 'gateway', description: 'S3', endpoints: () => [] });
  await connected(gateway.bus);
  const operator = await plain(withKeys, {
    ...keyOf('U_OPERATOR'),
    inboxPrefix: inbox('U_OPERATOR'),
  });
  await eventually('shown', async () => {
    try {
      const answer = await operator.request('$SRV.INFO.gateway', '', { timeout: 1000 });
      return answer.json<{ name: string }>().name === 'gateway';
    } catch {
      return false;
    }
  });
  t.pass();
});
