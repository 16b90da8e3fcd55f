import { spawnSync } from 'node:child_process';
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import type { ExecutionContext } from 'ava';

import type { HttpReply } from '../../../gateway/http/exchange.ts';
import { startHttpServer } from '../../../gateway/http/http-server.ts';
import { freePort } from '../../support/free-port.ts';
import { headerValue, RawConnection, rawRequest, requestHead } from '../../support/raw-http.ts';
import { connectTo, ENGINES, eventually, realTimers, serve, textReply } from './server-fixture.ts';

const LISTEN_AND_DIE = `require('node:net').createServer()
  .listen(process.argv[1], () => process.kill(process.pid, 'SIGKILL'))`;

/** Listens on a free port of 127.0.0.1 with Node alone. */
function occupiedPort(t: ExecutionContext): Promise<number> {
  return new Promise(resolve => {
    const other = createServer();
    other.listen(0, '127.0.0.1', () => {
      const address = other.address();
      t.teardown(() => {
        other.close();
      });
      resolve(typeof address === 'object' && address !== null ? address.port : 0);
    });
  });
}

for (const engine of ENGINES) {
  const handler = (): HttpReply => textReply('here');

  test(`${engine}: a port that another program has is an error with a code`, async t => {
    const port = await occupiedPort(t);
    await t.throwsAsync(() => serve(t, engine, handler, { port }), { code: 'EADDRINUSE' });
  });

  test(`${engine}: a port that another of our servers has is an error too`, async t => {
    const { port } = await serve(t, engine, handler);
    for (const other of ENGINES) {
      await t.throwsAsync(() => serve(t, other, handler, { port }), { code: 'EADDRINUSE' });
    }
    t.is((await rawRequest({ port }, [requestHead('GET /')]))?.status, 200);
  });

  test(`${engine}: an address of another machine is an error with a code`, async t => {
    await t.throwsAsync(() => serve(t, engine, handler, { host: '192.0.2.1' }), {
      code: 'EADDRNOTAVAIL',
    });
  });

  for (const [host, peer] of [
    ['127.0.0.1', '127.0.0.1'],
    ['0.0.0.0', '127.0.0.1'],
    ['[::]', '127.0.0.1'],
    ['::1', '::1'],
    ['[::1]', '::1'],
  ] as const) {
    test(`${engine}: ${host} is served, and ${peer} is the peer`, async t => {
      const { port } = await serve(t, engine, request => textReply(request.peerAddress), { host });
      const target = { port, host: peer };
      t.is((await rawRequest(target, [requestHead('GET /')]))?.body.toString(), peer);
    });
  }

  test(`${engine}: a Unix socket is served, and not taken from who serves it`, async t => {
    const folder = await mkdtemp(join(tmpdir(), 'http-'));
    t.teardown(() => rm(folder, { recursive: true }));
    const path = join(folder, 'socket');
    await serve(t, engine, request => textReply(`peer "${request.peerAddress}"`), { host: path });
    const reply = await rawRequest({ path }, [requestHead('GET /')]);
    t.is(reply?.body.toString(), 'peer ""');
    await t.throwsAsync(() => serve(t, engine, handler, { host: path }), { code: 'EADDRINUSE' });
    t.is((await rawRequest({ path }, [requestHead('GET /')]))?.status, 200);
  });

  test(`${engine}: the socket of a process that was killed is taken over, and its users let in`, async t => {
    const folder = await mkdtemp(join(tmpdir(), 'http-'));
    t.teardown(() => rm(folder, { recursive: true }));
    for (const [socketUsers, mode] of [
      ['everybody', 0o222],
      ['group', 0o220],
    ] as const) {
      const path = join(folder, socketUsers);
      const killed = spawnSync(process.execPath, ['-e', LISTEN_AND_DIE, path]);
      t.is(killed.signal, 'SIGKILL');
      t.true((await stat(path)).isSocket());
      await serve(t, engine, handler, { host: path, socketUsers });
      t.is((await rawRequest({ path }, [requestHead('GET /')]))?.status, 200);
      t.is((await stat(path)).mode & 0o777, mode);
    }
  });

  test(`${engine}: closing refuses new connections and finishes what is in flight`, async t => {
    let answer: (reply: HttpReply) => void = () => undefined;
    const { server, port } = await serve(t, engine, () => {
      return new Promise(resolve => {
        answer = resolve;
      });
    });
    const connection = await connectTo(t, port);
    await connection.send(requestHead('GET /'));
    await eventually(t, 'the request', () => server.counters.inFlight === 1);
    await server.close();
    await t.throwsAsync(() => RawConnection.open({ port }), { code: 'ECONNREFUSED' });
    const drained = server.drain(10_000);
    answer(textReply('finished'));
    const reply = await connection.readReply();
    t.is(reply?.body.toString(), 'finished');
    t.is(reply && headerValue(reply, 'connection'), 'close');
    t.true(await drained);
    t.true(await server.drain(0));
    await connection.closed();
  });

  test(`${engine}: draining gives up at its deadline, and the rest is cut`, async t => {
    let aborts = 0;
    const { server, port, environment } = await serve(t, engine, request => {
      request.onAborted(() => {
        aborts += 1;
      });
      return new Promise(() => undefined);
    });
    const connection = await connectTo(t, port);
    await connection.send(requestHead('GET /'));
    await eventually(t, 'the request', () => server.counters.inFlight === 1);
    await server.close();
    const drained = server.drain(10_000);
    environment.advance(10_000);
    t.false(await drained);
    server.closeAll();
    await connection.closed();
    await eventually(t, 'the abort', () => aborts === 1);
    t.is(server.counters.inFlight, 0);
    server.closeAll();
  });

  test(`${engine}: the server says what carries its bytes`, async t => {
    const { server } = await serve(t, engine, handler);
    t.true(server.engine.headBytes >= 4096);
    t.regex(server.engine.name, engine === 'net' ? /^node:net$/ : /uws|uWebSockets/);
  });
}

if (ENGINES.includes('uws')) {
  test('uws: two servers share a port where both ask for it', async t => {
    const options = { reusePort: true, port: await freePort() };
    const first = await serve(t, 'uws', () => textReply('1'), options);
    const second = await serve(t, 'uws', () => textReply('2'), options);
    t.is(second.port, first.port);
    const seen = new Set<string | undefined>();
    for (let turn = 0; turn < 200 && seen.size < 2; turn += 1) {
      seen.add((await rawRequest(first, [requestHead('GET /')]))?.body.toString());
    }
    t.is(seen.size, 2);
  });
}

test('left to itself the server shares a port, whatever this Node can do', async t => {
  if (!ENGINES.includes('uws')) {
    t.pass('no library here shares ports on older Nodes');
    return;
  }
  const options = { engine: 'auto', reusePort: true, port: await freePort() } as const;
  const first = await serve(t, 'net', () => textReply('1'), options);
  const second = await serve(t, 'net', () => textReply('2'), options);
  t.is(second.port, first.port);
});

test('net: at its deadlines the server closes idle connections and unfinished heads', async t => {
  const { port, environment } = await serve(t, 'net', () => textReply('here'));
  const idle = await connectTo(t, port);
  await idle.send(requestHead('GET /'));
  await idle.readReply();
  const unfinished = await connectTo(t, port);
  await unfinished.sendInPieces(`GET / HTTP/1.1\r\nHost: loc`, 8);
  for (let second = 0; second < 12; second += 1) {
    environment.advance(1000);
    await unfinished.sendInPieces('a', 1);
  }
  environment.advance(9000);
  await unfinished.closed();
  await idle.send(requestHead('GET /'));
  t.is((await idle.readReply())?.status, 200);
  environment.advance(70_000);
  await idle.closed();
});

test('net: a file that is no socket is not taken away', async t => {
  const folder = await mkdtemp(join(tmpdir(), 'http-'));
  t.teardown(() => rm(folder, { recursive: true }));
  const path = join(folder, 'file');
  await writeFile(path, 'mine');
  await t.throwsAsync(() => serve(t, 'net', () => textReply(''), { host: path }), {
    code: 'EADDRINUSE',
  });
  t.is(await readFile(path, 'utf8'), 'mine');
});

test('net: connections over the limit are closed at once', async t => {
  const { port } = await serve(t, 'net', () => textReply('here'), {
    limits: { connectionsMax: 2 },
  });
  const first = await connectTo(t, port);
  const second = await connectTo(t, port);
  const third = await connectTo(t, port);
  await third.closed();
  for (const connection of [first, second]) {
    await connection.send(requestHead('GET /'));
    t.is((await connection.readReply())?.status, 200);
  }
});

test('an unknown proxy network refuses the start with its name', async t => {
  await t.throwsAsync(
    () =>
      startHttpServer({
        host: '127.0.0.1',
        port: 0,
        handler: () => textReply(''),
        trustedProxies: ['10.0.0.0/33'],
        clock: { wallMs: () => 0, monotonicMs: () => 0 },
        timers: realTimers,
      }),
    { message: /10\.0\.0\.0\/33/ },
  );
});
