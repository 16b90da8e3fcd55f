import test from 'ava';

import type { HttpReply } from '../../../gateway/http/exchange.ts';
import { headerValue, headerValues, rawRequest, requestHead } from '../../support/raw-http.ts';
import { connectTo, countBody, ENGINES, eventually, serve, textReply } from './server-fixture.ts';

for (const engine of ENGINES) {
  test(`${engine}: a handler sees method, path, query and headers as they were sent`, async t => {
    const { port } = await serve(t, engine, request =>
      textReply(
        JSON.stringify({
          method: request.method,
          rawPath: request.rawPath,
          rawQuery: request.rawQuery,
          double: request.headers.get('x-double'),
          count: request.headers.count('x-double'),
          absent: request.headers.get('x-absent') ?? null,
          entries: request.headers.entries,
          peer: request.peerAddress,
        }),
      ),
    );
    const reply = await rawRequest({ port }, [
      requestHead('GET /a//b/../%2F%2f?x=1?y&z', [
        ['X-Double', '  one '],
        ['Accept', '*/*'],
        ['x-double', 'two'],
        ['X-Empty', ''],
      ]),
    ]);
    t.deepEqual(JSON.parse(reply?.body.toString() ?? ''), {
      method: 'GET',
      rawPath: '/a//b/../%2F%2f',
      rawQuery: 'x=1?y&z',
      double: 'one,two',
      count: 2,
      absent: null,
      entries: [
        ['host', 'localhost'],
        ['x-double', 'one'],
        ['accept', '*/*'],
        ['x-double', 'two'],
        ['x-empty', ''],
      ],
      peer: '127.0.0.1',
    });
  });

  test(`${engine}: Content-Length, Date and Connection are the server's to write`, async t => {
    const { port } = await serve(t, engine, () => ({
      status: 200,
      headers: [
        ['Content-Length', '99'],
        ['Date', 'yesterday'],
        ['Connection', 'upgrade'],
        ['Transfer-Encoding', 'chunked'],
        ['X-Text', 'käse'],
      ],
      body: { kind: 'bytes', bytes: 'grüße' },
    }));
    const reply = await rawRequest({ port }, [requestHead('GET /')]);
    t.true(reply?.isComplete);
    t.is(reply?.body.toString(), 'grüße');
    t.is(reply && headerValue(reply, 'content-length'), '7');
    t.is(reply && headerValue(reply, 'x-text'), 'käse');
    t.deepEqual(reply && headerValues(reply, 'connection'), []);
    t.deepEqual(reply && headerValues(reply, 'transfer-encoding'), []);
    const dates = reply === undefined ? [] : headerValues(reply, 'date');
    t.is(dates.length, 1);
    t.regex(dates[0] ?? '', /^\w{3}, \d{2} \w{3} \d{4} \d{2}:\d{2}:\d{2} GMT$/);
  });

  test(`${engine}: a reply to HEAD has the length that GET would have, and no body`, async t => {
    let cancels = 0;
    const bodies: HttpReply['body'][] = [
      { kind: 'head', sizeBytes: 5 * 2 ** 30 },
      { kind: 'head', sizeBytes: 0 },
      { kind: 'bytes', bytes: 'an error' },
      {
        kind: 'stream',
        sizeBytes: 77,
        source: {
          next: () => Promise.resolve(undefined),
          cancel: () => {
            cancels += 1;
          },
        },
      },
      undefined,
    ];
    const { port } = await serve(t, engine, request => {
      const body = bodies[Number(request.rawQuery)];
      return { status: 200, headers: [], ...(body === undefined ? {} : { body }) };
    });
    const connection = await connectTo(t, port);
    const lengths: unknown[] = [];
    for (const index of bodies.keys()) {
      await connection.send(requestHead(`HEAD /?${String(index)}`));
      const reply = await connection.readReply({ method: 'HEAD' });
      lengths.push(reply && headerValue(reply, 'content-length'));
    }
    t.deepEqual(lengths, ['5368709120', '0', '8', '77', '0']);
    t.is(cancels, 1);
    t.is(connection.pendingBytes, 0);
  });

  test(`${engine}: 204 and 304 end with their head and keep the connection`, async t => {
    const { port } = await serve(t, engine, request => ({
      status: Number(request.rawQuery),
      headers: [['ETag', '"x"']],
      body: { kind: 'bytes', bytes: 'not to be sent' },
    }));
    const connection = await connectTo(t, port);
    for (const status of [204, 304, 204]) {
      await connection.send(requestHead(`GET /?${String(status)}`));
      const reply = await connection.readReply();
      t.is(reply?.status, status);
      t.deepEqual(reply && headerValues(reply, 'content-length'), []);
      t.is(reply && headerValue(reply, 'etag'), '"x"');
      t.is(connection.pendingBytes, 0);
    }
  });

  test(`${engine}: a handler that throws or rejects is answered with a bare 500`, async t => {
    const { server, port, events } = await serve(t, engine, request => {
      if (request.rawPath === '/throw') throw new Error('thrown');
      if (request.rawPath === '/reject') return Promise.reject(new Error('rejected'));
      return textReply('still here');
    });
    for (const path of ['/throw', '/reject']) {
      const reply = await rawRequest({ port }, [requestHead(`GET ${path}`)]);
      t.is(reply?.status, 500);
      t.is(reply?.body.length, 0);
    }
    t.deepEqual(
      events.map(event => String(event.error)),
      ['Error: thrown', 'Error: rejected'],
    );
    t.is(server.counters.failedTotal, 2);
    const reply = await rawRequest({ port }, [requestHead('GET /')]);
    t.is(reply?.body.toString(), 'still here');
  });

  test(`${engine}: a reply that would split the response is not written`, async t => {
    const replies: HttpReply[] = [
      { status: 200, headers: [['X-A', 'a\r\nSet-Cookie: b']] },
      { status: 200, headers: [['X-A', 'a\nb']] },
      { status: 200, headers: [['X-A', 'a\0b']] },
      { status: 200, headers: [['X A', 'b']] },
      { status: 99, headers: [] },
      { status: 200, headers: [], body: { kind: 'head', sizeBytes: 3 } },
    ];
    const { port } = await serve(
      t,
      engine,
      request => replies[Number(request.rawQuery)] ?? textReply(''),
    );
    for (const index of replies.keys()) {
      const reply = await rawRequest({ port }, [requestHead(`GET /?${String(index)}`)]);
      t.is(reply?.status, 500, String(index));
      t.deepEqual(reply && headerValues(reply, 'set-cookie'), []);
    }
  });

  test(`${engine}: 2,000 requests over 16 connections are all answered, each once`, async t => {
    const { server, port } = await serve(t, engine, request =>
      request.method === 'PUT' ? countBody(request) : textReply(request.rawQuery),
    );
    const run = async (worker: number): Promise<number> => {
      const connection = await connectTo(t, port);
      let right = 0;
      for (let turn = 0; turn < 125; turn += 1) {
        const isPut = turn % 3 === 0;
        const text = `${String(worker)}-${String(turn)}`;
        await connection.send(
          isPut
            ? requestHead('PUT /k', [['Content-Length', '1024']]) + 'x'.repeat(1024)
            : requestHead(`GET /k?${text}`),
        );
        const reply = await connection.readReply();
        if (reply?.body.toString() === (isPut ? 'end 1024' : text)) right += 1;
      }
      return right;
    };
    const rights = await Promise.all(Array.from({ length: 16 }, (_, worker) => run(worker)));
    t.is(
      rights.reduce((sum, right) => sum + right),
      2000,
    );
    t.is(server.counters.requestsTotal, 2000);
    t.is(server.counters.inFlight, 0);
    t.is(server.counters.abortedTotal, 0);
  });

  test(`${engine}: requests that come in one packet are answered in their order`, async t => {
    const { port } = await serve(t, engine, request =>
      request.method === 'PUT' ? countBody(request) : textReply(request.rawQuery),
    );
    const connection = await connectTo(t, port);
    const gets = ['1', '2', '3', '4', '5'].map(text => requestHead(`GET /?${text}`)).join('');
    await connection.send(gets);
    const bodies: unknown[] = [];
    for (let turn = 0; turn < 5; turn += 1) {
      bodies.push((await connection.readReply())?.body.toString());
    }
    t.deepEqual(bodies, ['1', '2', '3', '4', '5']);
  });

  test(`${engine}: fetch is served`, async t => {
    const { port } = await serve(t, engine, countBody);
    const url = `http://127.0.0.1:${String(port)}/a`;
    const put = await fetch(url, { method: 'PUT', body: 'x'.repeat(100_000) });
    t.is(await put.text(), 'end 100000');
    const get = await fetch(url);
    t.is(await get.text(), 'end 0');
  });

  test(`${engine}: the client's word closes the connection after the reply`, async t => {
    const { port } = await serve(t, engine, () => textReply('bye'));
    const connection = await connectTo(t, port);
    await connection.send(requestHead('GET /', [['Connection', 'close']]));
    t.is((await connection.readReply())?.body.toString(), 'bye');
    await connection.closed();
    t.pass();
  });

  test(`${engine}: a request is counted while it is in flight and the abort is heard once`, async t => {
    let aborts = 0;
    let isWaiting = false;
    const { server, port } = await serve(t, engine, request => {
      request.onAborted(() => {
        aborts += 1;
      });
      isWaiting = true;
      return new Promise(() => undefined);
    });
    const connection = await connectTo(t, port);
    await connection.send(requestHead('GET /'));
    await eventually(t, 'the request', () => isWaiting);
    t.is(server.counters.inFlight, 1);
    connection.destroy();
    await eventually(t, 'the abort', () => aborts > 0);
    t.is(aborts, 1);
    t.is(server.counters.inFlight, 0);
    t.is(server.counters.abortedTotal, 1);
  });

  test(`${engine}: onAborted after the client left is called at once`, async t => {
    const order: string[] = [];
    let release: () => void = () => undefined;
    const gate = new Promise<void>(resolve => {
      release = resolve;
    });
    const { server, port } = await serve(t, engine, async request => {
      order.push('asked');
      await gate;
      request.onAborted(() => order.push('aborted'));
      order.push('registered');
      return textReply('too late');
    });
    const connection = await connectTo(t, port);
    await connection.send(requestHead('GET /'));
    await eventually(t, 'the request', () => order.length === 1);
    connection.destroy();
    await eventually(t, 'the abort', () => server.counters.abortedTotal === 1);
    release();
    await eventually(t, 'the handler', () => order.length === 3);
    t.deepEqual(order, ['asked', 'aborted', 'registered']);
    const reply = await rawRequest({ port }, [requestHead('GET /')]);
    t.is(reply?.body.toString(), 'too late');
  });

  test(`${engine}: X-Forwarded-For counts only from a trusted proxy`, async t => {
    const handler = (request: { peerAddress: string }): HttpReply => textReply(request.peerAddress);
    const open = await serve(t, engine, handler);
    const trusting = await serve(t, engine, handler, { trustedProxies: ['127.0.0.0/8'] });
    const head = requestHead('GET /', [
      ['X-Forwarded-For', '198.51.100.1, 203.0.113.7, 127.0.0.9'],
    ]);
    t.is((await rawRequest(open, [head]))?.body.toString(), '127.0.0.1');
    t.is((await rawRequest(trusting, [head]))?.body.toString(), '203.0.113.7');
  });
}

test('net: pipelined requests wait for the slow reply before them', async t => {
  const { port } = await serve(t, 'net', async request => {
    if (request.rawQuery === 'slow') await new Promise(resolve => setTimeout(resolve, 30));
    return request.method === 'PUT' ? countBody(request) : textReply(request.rawQuery);
  });
  const connection = await connectTo(t, port);
  await connection.send(
    requestHead('GET /?slow') +
      requestHead('PUT /', [['Content-Length', '5']]) +
      'hello' +
      requestHead('GET /?last'),
  );
  const bodies: unknown[] = [];
  for (let turn = 0; turn < 3; turn += 1) {
    bodies.push((await connection.readReply())?.body.toString());
  }
  t.deepEqual(bodies, ['slow', 'end 5', 'last']);
});

test('net: a pipelining client that reads nothing holds one reply, not many', async t => {
  let asked = 0;
  const text = 'x'.repeat(512 * 1024);
  const { port } = await serve(t, 'net', () => {
    asked += 1;
    return textReply(text);
  });
  const connection = await connectTo(t, port);
  connection.socket.pause();
  await connection.send(requestHead('GET /').repeat(100));
  await new Promise(resolve => setTimeout(resolve, 300));
  // The kernel's buffers take some replies; the rest is not even asked for.
  t.true(asked < 40, `${String(asked)} replies were made`);
  connection.socket.resume();
  for (let turn = 0; turn < 100; turn += 1) {
    const reply = await connection.readReply();
    if (reply?.body.length !== text.length) t.fail(`reply ${String(turn)} is short`);
  }
  t.is(asked, 100);
});

test('net: the last reply of a connection is not cut while a slow client reads it', async t => {
  const text = 'x'.repeat(16 * 1024 * 1024);
  const { server, port, environment } = await serve(t, 'net', () => textReply(text));
  const connection = await connectTo(t, port);
  connection.socket.pause();
  await connection.send(requestHead('GET /', [['Connection', 'close']]));
  await eventually(t, 'the reply', () => server.counters.requestsTotal === 1);
  environment.advance(60_000);
  connection.socket.resume();
  const reply = await connection.readReply();
  t.true(reply?.isComplete);
  t.is(reply?.body.length, text.length);
  await connection.closed();
});
