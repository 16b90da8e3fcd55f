// Method: one connection to a real nats-server that stands still.
import test from 'ava';
import { NatsClient } from '../../bus/nats-client.ts';
import { realEnvironment } from '../../deploy/real-environment.ts';
import { UNCONFIRMED_BUSY_BYTES, UNCONFIRMED_BYTES_MAX } from '../../schemas/limits.ts';
import { startNatsServer } from '../support/nats-servers.ts';
import { eventually } from '../support/nats-world.ts';
import { QuietLog } from '../support/quiet-log.ts';

const BLOCK = Buffer.alloc(1_048_576);

test('what a nats-server does not take is bounded, and is taken again when it moves', async t => {
  const server = await startNatsServer(t);
  const client = new NatsClient({
    ...{ name: 'test', environment: realEnvironment, log: new QuietLog() },
    access: { urls: [server.url], login: { kind: 'password', user: '', password: '' } },
    changed: () => undefined,
    refused: () => undefined,
  });
  t.teardown(() => client.close());
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

test('a connection that was closed takes nothing, and never throws', async t => {
  const server = await startNatsServer(t);
  const client = new NatsClient({
    ...{ name: 'test', environment: realEnvironment, log: new QuietLog() },
    access: { urls: [server.url], login: { kind: 'password', user: '', password: '' } },
    changed: () => undefined,
    refused: () => undefined,
  });
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
