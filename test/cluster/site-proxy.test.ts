// Method: a server that greets and echoes stands for a nats-server, and a client that sends a
// CONNECT for the gateway of another site. Times are only bounded from below: the machine may be
// slow, the link may not be faster than it says.
import { once } from 'node:events';
import { createConnection, createServer, type AddressInfo, type Socket } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import test, { type ExecutionContext } from 'ava';
import { eventually } from '../support/nats-world.ts';
import { freePort } from '../support/free-port.ts';
import { Links } from './links.ts';
import { SiteProxy, siteIn } from './site-proxy.ts';

const SITES = ['paris', 'lille', 'lyon'];
const ROUND_TRIP_MS = 60;
/** Timers may fire a little before their time. */
const EARLY_MS = 2;

async function world(t: ExecutionContext) {
  const received: string[] = [];
  const server = createServer(socket => {
    socket.on('error', () => undefined);
    socket.write('INFO {}\r\n');
    socket.on('data', bytes => {
      received.push(bytes.toString());
      socket.write(bytes);
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const links = new Links(SITES, () => ROUND_TRIP_MS);
  const targetPort = (server.address() as AddressInfo).port;
  const port = await freePort();
  const proxy = await SiteProxy.listen({ links, site: 'paris', targetPort }, port);
  t.teardown(() => {
    proxy.close();
    server.close();
  });
  return { links, received, connect: (from: string) => connect(t, port, from) };
}

type Caller = { readonly socket: Socket; heard(): string; closed(): boolean };

async function connect(t: ExecutionContext, port: number, from: string): Promise<Caller> {
  const socket = createConnection(port, '127.0.0.1');
  t.teardown(() => socket.destroy());
  let text = '';
  let isClosed = false;
  socket.on('data', bytes => (text += bytes.toString()));
  socket.on('error', () => undefined);
  socket.on('close', () => (isClosed = true));
  const caller = { socket, heard: () => text, closed: () => isClosed };
  await eventually('greeted', () => text.includes('INFO'));
  socket.write(`CONNECT {"gateway":"${from}"}\r\n`);
  return caller;
}

async function echoed(caller: Caller, word: string): Promise<number> {
  const startedMs = performance.now();
  caller.socket.write(word);
  await eventually(`${word} comes back`, () => caller.heard().includes(word));
  return performance.now() - startedMs;
}

test('a round trip takes what the link between the two sites takes', async t => {
  const { connect } = await world(t);
  const lille = await connect('lille');
  await eventually('joined', () => lille.heard().includes('CONNECT'));
  t.true((await echoed(lille, 'one')) >= ROUND_TRIP_MS - EARLY_MS);
});

test('a cut link keeps what it was given, and delivers it once it is mended', async t => {
  const { links, received, connect } = await world(t);
  const lille = await connect('lille');
  const lyon = await connect('lyon');
  await echoed(lille, 'before');
  links.between('lille', 'paris', { isCut: true });
  lille.socket.write('meanwhile');
  await echoed(lyon, 'others go on');
  t.false(received.join('').includes('meanwhile'));
  links.heal();
  await eventually('delivered late', () => lille.heard().includes('meanwhile'));
});

test('one direction may be cut alone', async t => {
  const { links, received, connect } = await world(t);
  const lille = await connect('lille');
  await echoed(lille, 'before');
  links.oneWay('paris', 'lille', { isCut: true });
  lille.socket.write('arrives');
  await eventually('it arrives', () => received.join('').includes('arrives'));
  await pause(ROUND_TRIP_MS);
  t.false(lille.heard().includes('arrives'), 'its answer does not');
  links.heal();
  await eventually('its answer, too', () => lille.heard().includes('arrives'));
});

test('a throttled link takes its time for many bytes', async t => {
  const { links, connect } = await world(t);
  const lille = await connect('lille');
  await echoed(lille, 'before');
  links.oneWay('lille', 'paris', { bytesPerSecond: 100_000 });
  const tookMs = await echoed(lille, `${'x'.repeat(20_000)} the end`);
  t.true(tookMs >= 200 - EARLY_MS, `${tookMs} ms`);
});

test('an end travels like bytes: behind them, and not through a cut', async t => {
  const { links, received, connect } = await world(t);
  const lille = await connect('lille');
  await echoed(lille, 'before');
  links.around('lille', { isCut: true });
  lille.socket.end('last words');
  await pause(ROUND_TRIP_MS);
  t.false(received.join('').includes('last words'));
  links.heal();
  await eventually('the last words', () => received.join('').includes('last words'));
  await eventually('closed', () => lille.closed());
});

test('a stranger is turned away', async t => {
  const { connect } = await world(t);
  const stranger = await connect('atlantis');
  await eventually('closed', () => stranger.closed());
  t.is(siteIn(Buffer.from('CONNECT {"gateway":"lyon"')), undefined, 'half a line says nothing');
  t.is(siteIn(Buffer.from('CONNECT {"gateway":"lyon"}\r\nPING\r\n')), 'lyon');
});
