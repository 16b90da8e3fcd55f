import test from 'ava';

import { HTTP_LIMITS } from '../../../gateway/http/http-core.ts';
import { requestHead } from '../../support/raw-http.ts';
import {
  connectTo,
  countBody,
  ENGINES,
  eventually,
  recordingSink,
  serve,
  textReply,
} from './server-fixture.ts';

const MIB = 1024 * 1024;
/** One receive buffer of the library may come after it was told to stop. */
const RECEIVE_BUFFER_BYTES = 512 * 1024;

function put(path: string, length: number): string {
  return requestHead(`PUT ${path}`, [['Content-Length', String(length)]]);
}

function gate(): { readonly open: Promise<void>; readonly release: () => void } {
  let release: () => void = () => undefined;
  const open = new Promise<void>(resolve => {
    release = resolve;
  });
  return { open, release };
}

for (const engine of ENGINES) {
  test(`${engine}: a body arrives whole and in order, however it is cut`, async t => {
    const { port } = await serve(t, engine, async request => {
      const { sink, told, ended } = recordingSink();
      request.body.start(sink);
      const how = await ended;
      return textReply(`${how} ${Buffer.concat(told.chunks).toString('latin1')}`);
    });
    const connection = await connectTo(t, port);
    const body = 'abcdefghij'.repeat(50);
    for (const pieceBytes of [1000, 333, 64]) {
      await connection.sendInPieces(put('/', body.length) + body, pieceBytes);
      t.is((await connection.readReply())?.body.toString(), `end ${body}`);
    }
  });

  test(`${engine}: the declared length and chunked are told apart`, async t => {
    const { port } = await serve(t, engine, async request => {
      const { declaredBytes, isChunked } = request.body;
      const counted = await countBody(request);
      const text = counted.body?.kind === 'bytes' ? String(counted.body.bytes) : '';
      return textReply(`${String(declaredBytes)} ${String(isChunked)} ${text}`);
    });
    const connection = await connectTo(t, port);
    const chunked = requestHead('PUT /', [['Transfer-Encoding', 'chunked']]);
    const cases: [string, string][] = [
      [requestHead('GET /'), 'undefined false end 0'],
      [put('/', 0), '0 false end 0'],
      [`${put('/', 5)}hello`, '5 false end 5'],
      [`${chunked}0\r\n\r\n`, 'undefined true end 0'],
      [`${chunked}5\r\nhello\r\nA\r\n0123456789\r\n0\r\n\r\n`, 'undefined true end 15'],
    ];
    for (const [bytes, expected] of cases) {
      await connection.send(bytes);
      t.is((await connection.readReply())?.body.toString(), expected);
    }
  });

  test(`${engine}: what comes before the start is kept, delivered once, and bounded`, async t => {
    const { open, release } = gate();
    const { port } = await serve(t, engine, async request => {
      await open;
      return countBody(request);
    });
    const connection = await connectTo(t, port);
    const total = 32 * MIB;
    let sent = 0;
    const sending = (async () => {
      await connection.send(put('/', total));
      const piece = Buffer.alloc(MIB, 120);
      while (sent < total) {
        await connection.send(piece);
        sent += piece.length;
      }
    })();
    await new Promise(resolve => setTimeout(resolve, 300));
    // The sockets' own buffers take some MiB; the server may not take the rest.
    t.true(sent < total / 2, `${String(sent)} bytes were taken before the start`);
    release();
    await sending;
    t.is((await connection.readReply())?.body.toString(), `end ${String(total)}`);
  });

  test(`${engine}: a paused sink gets a bounded number of bytes more`, async t => {
    let received = 0;
    let atPause = 0;
    let resume: () => void = () => undefined;
    const { port } = await serve(t, engine, request => {
      return new Promise(resolve => {
        request.body.start({
          chunk: bytes => {
            received += bytes.length;
            if (atPause !== 0) return;
            request.body.pause();
            atPause = received;
            resume = () => {
              request.body.resume();
            };
          },
          end: () => {
            resolve(textReply(String(received)));
          },
          aborted: () => {
            t.fail('aborted');
          },
        });
      });
    });
    const connection = await connectTo(t, port);
    const total = 24 * MIB;
    const sending = connection.send(
      Buffer.concat([Buffer.from(put('/', total)), Buffer.alloc(total)]),
    );
    await eventually(t, 'the pause', () => atPause > 0);
    await new Promise(resolve => setTimeout(resolve, 200));
    t.true(received <= atPause + RECEIVE_BUFFER_BYTES, `${String(received - atPause)} more`);
    resume();
    await sending;
    t.is((await connection.readReply())?.body.toString(), String(total));
  });

  test(`${engine}: a client that leaves while its body is paused is noticed within periods`, async t => {
    const { sink, told, ended } = recordingSink();
    let overdelivered = 0;
    const { port, environment, server } = await serve(t, engine, request => {
      request.body.start({
        ...sink,
        chunk: bytes => {
          if (told.chunks.length > 0) overdelivered += bytes.length;
          sink.chunk(bytes);
          request.body.pause();
        },
      });
      return new Promise(() => undefined);
    });
    const connection = await connectTo(t, port);
    void connection.send(Buffer.concat([Buffer.from(put('/', 64 * MIB)), Buffer.alloc(16 * MIB)]));
    await eventually(t, 'the first chunk', () => told.chunks.length > 0);
    connection.destroy();
    for (let period = 0; period < 200 && server.counters.inFlight > 0; period += 1) {
      environment.advance(3000);
      await new Promise(resolve => setTimeout(resolve, 5));
    }
    const limit = HTTP_LIMITS.pausedBytesMax + 2 * RECEIVE_BUFFER_BYTES;
    t.true(overdelivered <= limit, `${String(overdelivered)} bytes while paused`);
    // Beyond that budget the body stays shut; uWebSockets.js ends such a connection by itself.
    if (server.counters.inFlight === 0) t.is(await ended, 'aborted');
  });

  test(`${engine}: an abort in the middle of a body is heard by sink and request once`, async t => {
    const { sink, told, ended } = recordingSink();
    let aborts = 0;
    const { port } = await serve(t, engine, request => {
      request.onAborted(() => {
        aborts += 1;
      });
      request.body.start(sink);
      return ended.then(() => textReply('nobody hears this'));
    });
    const connection = await connectTo(t, port);
    await connection.send(`${put('/', 1000)}0123456789`);
    await eventually(t, 'the chunk', () => Buffer.concat(told.chunks).length === 10);
    connection.destroy();
    t.is(await ended, 'aborted');
    t.deepEqual(told.ends, ['aborted']);
    await eventually(t, 'the abort', () => aborts === 1);
  });

  test(`${engine}: a hundred clients that hang up in the middle leave nothing behind`, async t => {
    const endings: string[] = [];
    const { server, port } = await serve(t, engine, request => {
      const { sink, ended } = recordingSink();
      request.body.start(sink);
      return ended.then(how => {
        endings.push(how);
        return textReply('');
      });
    });
    const clients = Array.from({ length: 100 }, async () => {
      const connection = await connectTo(t, port);
      await connection.send(put('/', 100_000) + 'x'.repeat(50_000));
      connection.destroy();
    });
    await Promise.all(clients);
    await eventually(t, 'a hundred aborts', () => endings.length === 100);
    t.true(endings.every(how => how === 'aborted'));
    t.is(server.counters.inFlight, 0);
    t.is(server.counters.abortedTotal, 100);
    const connection = await connectTo(t, port);
    await connection.send(`${put('/', 3)}abc`);
    t.is((await connection.readReply())?.status, 200);
  });

  test(`${engine}: an early reply drains the unread body and keeps the connection`, async t => {
    const { port } = await serve(t, engine, request =>
      request.method === 'GET' ? textReply('next') : textReply('denied', 403),
    );
    const connection = await connectTo(t, port);
    for (const length of [10, 100_000, 4 * MIB]) {
      void connection.send(Buffer.concat([Buffer.from(put('/', length)), Buffer.alloc(length)]));
      const reply = await connection.readReply();
      t.is(reply?.status, 403);
      await connection.send(requestHead('GET /'));
      t.is((await connection.readReply())?.body.toString(), 'next');
    }
  });

  test(`${engine}: an early reply to a huge body ends the connection`, async t => {
    const { port } = await serve(t, engine, () => textReply('denied', 403));
    const connection = await connectTo(t, port);
    await connection.send(put('/', HTTP_LIMITS.drainBytesMax + 10 * MIB) + 'x'.repeat(1000));
    const reply = await connection.readReply();
    t.is(reply?.status, 403);
    t.true(reply?.headers.some(([name, value]) => name === 'connection' && value === 'close'));
    await connection.closed();
  });

  test(`${engine}: a reply before the body's end tells the sink that nothing more comes`, async t => {
    const { sink, told } = recordingSink();
    let aborts = 0;
    const { port } = await serve(t, engine, request => {
      if (request.method === 'GET') return textReply('next');
      request.onAborted(() => {
        aborts += 1;
      });
      return new Promise(resolve => {
        request.body.start({
          ...sink,
          chunk: bytes => {
            sink.chunk(bytes);
            resolve(textReply('enough', 400));
          },
        });
      });
    });
    const connection = await connectTo(t, port);
    await connection.send(`${put('/', 100)}first`);
    t.is((await connection.readReply())?.status, 400);
    t.deepEqual(told.ends, ['aborted']);
    await connection.send('x'.repeat(95) + requestHead('GET /'));
    t.is((await connection.readReply())?.body.toString(), 'next');
    t.is(Buffer.concat(told.chunks).toString(), 'first');
    t.deepEqual(told.ends, ['aborted']);
    t.is(aborts, 0);
  });

  test(`${engine}: a sink that throws ends its connection and nothing else`, async t => {
    const { server, port, events } = await serve(t, engine, request => {
      if (request.method === 'GET') return textReply('still here');
      request.body.start({
        chunk: () => {
          throw new Error('sink');
        },
        end: () => undefined,
        aborted: () => undefined,
      });
      return new Promise(() => undefined);
    });
    const connection = await connectTo(t, port);
    await connection.send(put('/', 100));
    await eventually(t, 'the request', () => server.counters.inFlight === 1);
    await connection.send('hello');
    await connection.closed();
    await eventually(t, 'the event', () => events.length > 0);
    t.is(events[0]?.kind, 'sink-failed');
    t.is(server.counters.inFlight, 0);
    const next = await connectTo(t, port);
    await next.send(requestHead('GET /'));
    t.is((await next.readReply())?.body.toString(), 'still here');
  });

  test(`${engine}: a client that waits for 100 Continue is told to go on`, async t => {
    const { port } = await serve(t, engine, countBody);
    const connection = await connectTo(t, port);
    await connection.send(
      requestHead('PUT /', [
        ['Content-Length', '5'],
        ['Expect', '100-continue'],
      ]),
    );
    await eventually(t, '100 Continue', () => connection.pendingBytes > 0);
    await connection.send('hello');
    t.is((await connection.readReply())?.body.toString(), 'end 5');
  });
}

test('net: a client that waits before an empty body is told to go on, too', async t => {
  const { port } = await serve(t, 'net', () => textReply('done'));
  const connection = await connectTo(t, port);
  const first: string[] = [];
  connection.socket.once('data', (bytes: Buffer) => first.push(bytes.toString('latin1')));
  await connection.send(
    requestHead('PUT /', [
      ['Content-Length', '0'],
      ['Expect', '100-continue'],
    ]),
  );
  const reply = await connection.readReply();
  t.is(reply?.body.toString(), 'done');
  t.regex(first[0] ?? '', /^HTTP\/1\.1 100 Continue\r\n\r\n/);
  await connection.send(requestHead('GET /'));
  t.is((await connection.readReply())?.body.toString(), 'done', 'the connection goes on');
});

test('net: a refused body is not asked for, and its connection ends', async t => {
  const { port } = await serve(t, 'net', () => textReply('denied', 403));
  const connection = await connectTo(t, port);
  await connection.send(
    requestHead('PUT /', [
      ['Content-Length', '5'],
      ['Expect', '100-continue'],
    ]),
  );
  await eventually(t, 'the reply', () => connection.pendingBytes > 0);
  await connection.closed();
  const reply = await connection.readReply();
  t.is(reply?.status, 403);
  t.true(reply?.headers.some(([name, value]) => name === 'connection' && value === 'close'));
});

test('net: a client that stalls in its body is closed and the sink hears it', async t => {
  const { sink, told, ended } = recordingSink();
  const { port, environment } = await serve(t, 'net', request => {
    request.body.start(sink);
    return new Promise(() => undefined);
  });
  const connection = await connectTo(t, port);
  await connection.send(`${put('/', 100)}hello`);
  await eventually(t, 'the chunk', () => told.chunks.length > 0);
  environment.advance(HTTP_LIMITS.bodyStallMs - 4000);
  t.deepEqual(told.ends, []);
  environment.advance(8000);
  t.is(await ended, 'aborted');
  await connection.closed();
});

if (ENGINES.includes('uws')) {
  test('uws: a client that stalls in its body is closed by the library in some 12 s', async t => {
    const { sink, ended } = recordingSink();
    const { port } = await serve(t, 'uws', request => {
      request.body.start(sink);
      return new Promise(() => undefined);
    });
    const connection = await connectTo(t, port);
    await connection.send(`${put('/', 100)}hello`);
    t.is(await ended, 'aborted');
    await connection.closed();
  });
}
