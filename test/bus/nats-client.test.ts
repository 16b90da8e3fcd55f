// Method: connections to a real nats-server, which stands still at times.
import test, { type ExecutionContext } from 'ava';
import { NatsClient, NatsQuestion, type NatsAccess } from '../../bus/nats-client.ts';
import { realEnvironment } from '../../deploy/real-environment.ts';
import { UNCONFIRMED_BUSY_BYTES, UNCONFIRMED_BYTES_MAX } from '../../schemas/limits.ts';
import { startNatsServer, type NatsServer } from '../support/nats-servers.ts';
import { eventually } from '../support/nats-world.ts';
import { QuietLog } from '../support/quiet-log.ts';
import { seededBytes } from '../support/seeded-bytes.ts';

const BLOCK = Buffer.alloc(1_048_576);

function accessTo({ url }: NatsServer): NatsAccess {
  return { urls: [url], login: { kind: 'password', user: '', password: '' } };
}

function newClient(t: ExecutionContext, access: NatsAccess): NatsClient {
  const client = new NatsClient({
    ...{ name: 'test', environment: realEnvironment, log: new QuietLog() },
    ...{ access, changed: () => undefined, refused: () => undefined },
  });
  t.teardown(() => client.close());
  return client;
}

test('what a nats-server does not take is bounded, and is taken again when it moves', async t => {
  const server = await startNatsServer(t);
  const client = newClient(t, accessTo(server));
  await eventually('connected', () => client.isConnected);
  t.is(client.server, `127.0.0.1:${String(server.port)}`);
  t.true(client.messageBytesMax >= 8_000_000);
  server.signal('SIGSTOP');
  let sent = 0;
  while (client.publish('somewhere', BLOCK) === 'sent') {
    sent += BLOCK.length;
    t.is(client.isBusy, sent > UNCONFIRMED_BUSY_BYTES);
  }
  t.true(sent <= UNCONFIRMED_BYTES_MAX && sent > UNCONFIRMED_BYTES_MAX - 2 * BLOCK.length);
  t.is(client.publish('somewhere', BLOCK), 'full');
  server.signal('SIGCONT');
  await eventually('taken', () => !client.isBusy);
  t.is(client.publish('somewhere', BLOCK), 'sent');
});

test('pieces arrive as one message, between those before and after', async t => {
  const server = await startNatsServer(t);
  const from = newClient(t, accessTo(server));
  const to = newClient(t, accessTo(server));
  await eventually('connected', () => from.isConnected && to.isConnected);
  const heard: { data: Buffer; reply: string }[] = [];
  to.subscribe('somewhere', ({ data, reply }) => heard.push({ data, reply }));
  await to.flush();
  const pieces = [Buffer.from('start'), seededBytes(1, 700_000), seededBytes(2, 300_000)];
  const headers = Buffer.from('NATS/1.0\r\nx: y\r\n\r\n');
  let writes = 0;
  const sending = { question: new NatsQuestion('back', headers), written: () => (writes += 1) };
  t.is(from.publish('somewhere', Buffer.from('before')), 'sent');
  t.is(from.publishInPlace('somewhere', pieces, sending), 'sent');
  t.is(from.publishInPlace('somewhere', pieces, { written: () => (writes += 1) }), 'sent');
  t.is(from.publish('somewhere', Buffer.from('after')), 'sent');
  await eventually('all is heard', () => heard.length === 4);
  const whole = Buffer.concat(pieces);
  const expected = [Buffer.from('before'), whole, whole, Buffer.from('after')];
  for (const [index, data] of expected.entries()) t.true(heard[index]?.data.equals(data));
  t.deepEqual(
    heard.map(({ reply }) => reply),
    ['', 'back', '', ''],
  );
  await eventually('nobody reads the pieces', () => writes === 2);
});

test('pieces that a nats-server does not take are read until the connection is given up', async t => {
  const server = await startNatsServer(t);
  const client = newClient(t, accessTo(server));
  await eventually('connected', () => client.isConnected);
  server.signal('SIGSTOP');
  let [sent, writes] = [0, 0];
  const written = (): void => void (writes += 1);
  while (client.publishInPlace('somewhere', [BLOCK], { written }) === 'sent') sent += 1;
  t.true(sent * BLOCK.length > UNCONFIRMED_BYTES_MAX - 2 * BLOCK.length);
  t.true(writes < sent, 'some lie in the socket');
  await eventually('the connection is given up', () => !client.isConnected);
  await eventually('nobody reads them any more', () => writes === sent);
  t.is(client.publishInPlace('somewhere', [BLOCK], { written }), 'away');
  t.is(writes, sent, 'what was not sent was not written');
});

test('a connection that was closed takes nothing, and never throws', async t => {
  const server = await startNatsServer(t);
  const client = newClient(t, accessTo(server));
  await eventually('connected', () => client.isConnected);
  const subscription = client.subscribe('x', () => undefined);
  await client.close();
  t.is(client.publish('x', BLOCK), 'away');
  t.notThrows(() => {
    client.subscribe('y', () => undefined).close();
    subscription.close();
  });
  await t.notThrowsAsync(client.flush());
  await t.notThrowsAsync(client.drain());
});
