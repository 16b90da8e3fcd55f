import test from 'ava';

import type { HttpReply } from '../../../gateway/http/exchange.ts';
import { headerValue, rawRequest, RawConnection, requestHead } from '../../support/raw-http.ts';
import type { Engine } from './server-fixture.ts';
import { connectTo, countBody, ENGINES, serve, textReply } from './server-fixture.ts';

type Row = {
  readonly what: string;
  readonly bytes: string;
  /** 0: closed, or never answered, without reaching a handler. */
  readonly status: number;
  /** Where uWebSockets.js decides before us. */
  readonly uws?: number;
};

const H = 'Host: localhost\r\n';
const CHUNKS = '5\r\nhello\r\n0\r\n\r\n';

function put(headers: string, body = 'hello'): string {
  return `PUT / HTTP/1.1\r\n${H}${headers}\r\n${body}`;
}

function get(headers: string): string {
  return `GET / HTTP/1.1\r\n${headers}\r\n`;
}

/** SECURITY: what two readers could understand differently is refused, and its connection ends. */
const ROWS: readonly Row[] = [
  {
    what: 'two equal Content-Lengths',
    bytes: put('Content-Length: 5\r\nContent-Length: 5\r\n'),
    status: 400,
  },
  {
    what: 'two differing Content-Lengths',
    bytes: put('Content-Length: 5\r\nContent-Length: 6\r\n'),
    status: 400,
  },
  { what: 'an empty Content-Length', bytes: put('Content-Length:\r\n', ''), status: 400 },
  { what: 'a signed Content-Length', bytes: put('Content-Length: +5\r\n'), status: 400, uws: 0 },
  { what: 'a negative Content-Length', bytes: put('Content-Length: -5\r\n'), status: 400, uws: 0 },
  { what: 'a Content-Length in hex', bytes: put('Content-Length: 0x5\r\n'), status: 400, uws: 0 },
  {
    what: 'a Content-Length with a blank',
    bytes: put('Content-Length: 5 5\r\n'),
    status: 400,
    uws: 0,
  },
  {
    what: 'a list of Content-Lengths',
    bytes: put('Content-Length: 5, 5\r\n'),
    status: 400,
    uws: 0,
  },
  {
    what: 'a Content-Length of 20 digits',
    bytes: put('Content-Length: 99999999999999999999\r\n'),
    status: 400,
    uws: 0,
  },
  {
    what: 'Content-Length before chunked',
    bytes: put('Content-Length: 5\r\nTransfer-Encoding: chunked\r\n', CHUNKS),
    status: 400,
    uws: 0,
  },
  {
    what: 'Content-Length after chunked',
    bytes: put('Transfer-Encoding: chunked\r\nContent-Length: 5\r\n', CHUNKS),
    status: 400,
    uws: 0,
  },
  {
    what: 'a transfer coding that ends in chunked',
    bytes: put('Transfer-Encoding: xchunked\r\n', CHUNKS),
    status: 501,
  },
  {
    what: 'gzip before chunked',
    bytes: put('Transfer-Encoding: gzip, chunked\r\n', CHUNKS),
    status: 501,
  },
  {
    what: 'chunked twice',
    bytes: put('Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n', CHUNKS),
    status: 501,
  },
  {
    what: 'chunked with a parameter',
    bytes: put('Transfer-Encoding: chunked;q=1\r\n', CHUNKS),
    status: 501,
  },
  { what: 'an empty Transfer-Encoding', bytes: put('Transfer-Encoding:\r\n', CHUNKS), status: 501 },
  { what: 'identity', bytes: put('Transfer-Encoding: identity\r\n'), status: 501, uws: 0 },
  { what: 'no Host', bytes: get('X-A: b\r\n'), status: 400, uws: 0 },
  { what: 'two Hosts', bytes: get(`${H}Host: other\r\n`), status: 400 },
  { what: 'two equal Hosts', bytes: get(`${H}${H}`), status: 400 },
  { what: 'a NUL in a value', bytes: get(`${H}X-A: a\0b\r\n`), status: 400, uws: 0 },
  { what: 'a lone CR in a value', bytes: get(`${H}X-A: a\rb\r\n`), status: 400, uws: 0 },
  { what: 'a lone LF in a value', bytes: get(`${H}X-A: a\nX-B: b\r\n`), status: 400, uws: 0 },
  { what: 'DEL in a value', bytes: get(`${H}X-A: a\x7fb\r\n`), status: 400 },
  { what: 'a folded line', bytes: get(`${H}X-A: a\r\n b\r\n`), status: 400, uws: 0 },
  { what: 'a blank before the colon', bytes: get(`${H}X-A : a\r\n`), status: 400, uws: 0 },
  { what: 'a line without a colon', bytes: get(`${H}X-A\r\n`), status: 400, uws: 0 },
  { what: 'bytes that are not UTF-8', bytes: get(`${H}X-A: a\xe9b\r\n`), status: 400 },
  {
    what: 'a path that is not UTF-8',
    bytes: `GET /a\xe9b HTTP/1.1\r\n${H}\r\n`,
    status: 400,
  },
  { what: 'a control in the path', bytes: `GET /a\x01b HTTP/1.1\r\n${H}\r\n`, status: 400, uws: 0 },
  { what: 'a blank in the path', bytes: `GET /a b HTTP/1.1\r\n${H}\r\n`, status: 400, uws: 0 },
  { what: 'no path', bytes: `GET ?x HTTP/1.1\r\n${H}\r\n`, status: 400, uws: 0 },
  { what: 'an asterisk', bytes: `OPTIONS * HTTP/1.1\r\n${H}\r\n`, status: 400, uws: 0 },
  { what: 'a tunnel', bytes: `CONNECT a:1 HTTP/1.1\r\n${H}\r\n`, status: 405, uws: 0 },
  { what: 'bare line feeds', bytes: 'GET / HTTP/1.1\nHost: a\n\n\r\n\r\n', status: 400, uws: 0 },
  { what: 'another version', bytes: `GET / HTTP/3.0\r\n${H}\r\n`, status: 400, uws: 0 },
  { what: 'no version', bytes: `GET /\r\n${H}\r\n`, status: 400, uws: 0 },
  {
    what: 'chunks over HTTP/1.0',
    bytes: `PUT / HTTP/1.0\r\n${H}Transfer-Encoding: chunked\r\n\r\n${CHUNKS}`,
    status: 400,
    uws: 0,
  },
  { what: 'a preface of HTTP/2', bytes: 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', status: 400, uws: 0 },
  {
    what: 'a TLS hello',
    bytes: '\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03\r\n\r\n',
    status: 400,
    uws: 0,
  },
];

/** uWebSockets.js takes an empty line for the last chunk, and whatever it likes for extensions. */
const BROKEN_CHUNKS: Readonly<Record<Engine, readonly string[]>> = {
  uws: ['zz\r\nhello\r\n0\r\n\r\n', '-5\r\nhello\r\n'],
  net: ['zz\r\nhello\r\n0\r\n\r\n', '-5\r\nhello\r\n', '\r\n', '5\r\nhelloX0\r\n', '5\nhello'],
};

/** What follows the refused request on the wire must never be taken for a request. */
const SMUGGLED = requestHead('GET /smuggled');

for (const engine of ENGINES) {
  for (const row of ROWS) {
    const status = engine === 'uws' ? (row.uws ?? row.status) : row.status;
    test(`${engine}: ${row.what} is ${status === 0 ? 'not answered' : String(status)}`, async t => {
      const seen: string[] = [];
      const { port } = await serve(t, engine, request => {
        seen.push(request.rawPath);
        return countBody(request);
      });
      const alone = await connectTo(t, port);
      await alone.send(row.bytes);
      if (status === 0) {
        // Closed, or waiting for an end that cannot come: either way nobody was asked.
        await Promise.race([alone.closed(), new Promise(resolve => setTimeout(resolve, 50))]);
        t.is(alone.pendingBytes, 0);
      } else {
        t.is((await alone.readReply())?.status, status);
        await alone.closed();
      }
      const smuggling = await connectTo(t, port);
      await smuggling.send(row.bytes + SMUGGLED);
      const ended = smuggling.closed().then(() => true);
      await Promise.race([ended, new Promise(resolve => setTimeout(resolve, 50))]);
      t.deepEqual(seen, []);
    });
  }

  test(`${engine}: the door renders its own refusals, with the request at hand`, async t => {
    const { server, port } = await serve(t, engine, () => textReply('handled'), {
      refuse: (refusal, request): HttpReply => ({
        status: 400,
        headers: [['Content-Type', 'application/xml']],
        body: {
          kind: 'bytes',
          bytes: `<Error>${refusal.reason} ${request.method} ${request.rawPath}</Error>`,
        },
      }),
    });
    const bytes = `GET /b/k HTTP/1.1\r\n${H}${H}\r\n`;
    const reply = await rawRequest({ port }, [bytes]);
    t.is(reply?.body.toString(), '<Error>bad-request GET /b/k</Error>');
    t.is(reply && headerValue(reply, 'content-type'), 'application/xml');
    t.is(server.counters.refusedTotal, 1);
    t.is(server.counters.inFlight, 0);
  });

  test(`${engine}: a refusal that cannot be rendered is a bare 500`, async t => {
    const { port } = await serve(t, engine, () => textReply('handled'), {
      refuse: () => {
        throw new Error('renderer');
      },
    });
    const reply = await rawRequest({ port }, [`GET / HTTP/1.1\r\n${H}${H}\r\n`]);
    t.is(reply?.status, 500);
  });

  test(`${engine}: a refused HEAD has no body and ends its connection`, async t => {
    const { port } = await serve(t, engine, () => textReply('handled'));
    const connection = await connectTo(t, port);
    await connection.send(`HEAD / HTTP/1.1\r\n${H}${H}Content-Length: 30\r\n\r\n`);
    t.is((await connection.readReply({ method: 'HEAD' }))?.status, 400);
    await connection.closed();
    t.is(connection.pendingBytes, 0);
  });

  test(`${engine}: values in UTF-8 arrive exact`, async t => {
    const { port } = await serve(t, engine, request =>
      textReply(JSON.stringify([request.headers.get('x-amz-meta-a'), request.rawPath])),
    );
    const text = Buffer.from('a grüße ☃ z', 'utf8').toString('latin1');
    const path = Buffer.from('/ü', 'utf8').toString('latin1');
    const bytes = `GET ${path} HTTP/1.1\r\n${H}x-amz-meta-a: ${text}\r\n\r\n`;
    const reply = await rawRequest({ port }, [bytes]);
    t.deepEqual(JSON.parse(reply?.body.toString('utf8') ?? ''), ['a grüße ☃ z', '/ü']);
  });

  test(`${engine}: known methods reach the handler as they are`, async t => {
    const { port } = await serve(t, engine, request => textReply(request.method));
    for (const method of ['GET', 'PUT', 'POST', 'DELETE', 'OPTIONS', 'PATCH', 'TRACE']) {
      const reply = await rawRequest({ port }, [requestHead(`${method} /`)]);
      t.is(reply?.body.toString(), method);
    }
  });

  test(`${engine}: broken chunks end the connection and abort the sink`, async t => {
    const { server, port } = await serve(t, engine, countBody);
    for (const chunks of BROKEN_CHUNKS[engine]) {
      const connection = await connectTo(t, port);
      await connection.send(put('Transfer-Encoding: chunked\r\n', chunks));
      await connection.closed();
      t.is(connection.pendingBytes, 0, JSON.stringify(chunks));
    }
    t.is(server.counters.inFlight, 0);
  });
}

test('net: values with non-ASCII at their ends arrive exact', async t => {
  const { port } = await serve(t, 'net', request =>
    textReply(JSON.stringify(request.headers.get('x-amz-meta-a'))),
  );
  for (const value of ['é', 'é b', 'b é', '\u00a0b\u00a0', '☃☃']) {
    const sent = Buffer.from(value, 'utf8').toString('latin1');
    const reply = await rawRequest({ port }, [requestHead('GET /', [['x-amz-meta-a', sent]])]);
    t.is(JSON.parse(reply?.body.toString('utf8') ?? ''), value);
  }
});

test('net: every name that RFC 9110 allows reaches the handler, and any method', async t => {
  const { port } = await serve(t, 'net', request =>
    textReply(`${request.method} ${request.headers.get("x-my_key!#$%&'*+.^`|~") ?? ''}`),
  );
  for (const method of ['get', 'FROB', 'M-SEARCH']) {
    const head = requestHead(`${method} /`, [["X-My_Key!#$%&'*+.^`|~", 'v']]);
    t.is((await rawRequest({ port }, [head]))?.body.toString(), `${method} v`);
  }
});

test('net: the absolute form, an empty line before, and HTTP/1.0 are understood', async t => {
  const { port } = await serve(t, 'net', request =>
    textReply(`${request.rawPath} ${request.rawQuery}`),
  );
  const absolute = `GET http://localhost/a/b?c HTTP/1.1\r\n${H}\r\n`;
  t.is((await rawRequest({ port }, [absolute]))?.body.toString(), '/a/b c');
  t.is((await rawRequest({ port }, [`\r\n${requestHead('GET /x')}`]))?.body.toString(), '/x ');
  const connection = await RawConnection.open({ port });
  await connection.send(`GET /old HTTP/1.0\r\n${H}\r\n`);
  t.is((await connection.readReply())?.body.toString(), '/old ');
  await connection.closed();
  // So proxies ask whether a server is well.
  t.is((await rawRequest({ port }, ['GET /health HTTP/1.0\r\n\r\n']))?.body.toString(), '/health ');
  t.is((await rawRequest({ port }, ['GET /health HTTP/1.1\r\n\r\n']))?.status, 400);
  t.is((await rawRequest({ port }, [`GET /health HTTP/1.0\r\n${H}${H}\r\n`]))?.status, 400);
  t.pass();
});
