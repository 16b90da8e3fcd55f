import test from 'ava';

import { HEAD_BYTES_MAX } from '../../../gateway/http/head-rules.ts';
import { HTTP_LIMITS } from '../../../gateway/http/http-core.ts';
import {
  UNOFFICIAL_BODY_BYTES_MAX,
  UNOFFICIAL_HEAD_BYTES,
  UNOFFICIAL_HEADERS_MAX,
} from '../../../gateway/http/uws-loader.ts';
import { rawRequest, requestHead } from '../../support/raw-http.ts';
import { connectTo, countBody, ENGINES, serve, textReply } from './server-fixture.ts';

/** What one Ethernet packet carries of a TCP stream. */
const SEGMENT_BYTES = 1460;

/** A head of exactly `bytes` bytes, most of them in the query, as a presigned URL has. */
function headOf(bytes: number): string {
  const empty = requestHead('GET /k?X-Amz-Signature=');
  return requestHead(`GET /k?X-Amz-Signature=${'a'.repeat(bytes - empty.length)}`);
}

/** A PUT with `bytes` of user metadata in headers of 200, and what SDKs send besides. */
function headWithMetadata(bytes: number): string {
  const headers: [string, string][] = [
    [
      'Authorization',
      `AWS4-HMAC-SHA256 Credential=${'c'.repeat(60)}, Signature=${'d'.repeat(300)}`,
    ],
    ['x-amz-date', '20261124T000000Z'],
    ['x-amz-content-sha256', 'e'.repeat(64)],
    ['User-Agent', 'u'.repeat(200)],
    ['Content-Length', '0'],
  ];
  for (let index = 0; index * 200 < bytes; index += 1) {
    headers.push([`x-amz-meta-${String(index).padStart(4, '0')}`, 'm'.repeat(185)]);
  }
  return requestHead('PUT /k', headers);
}

for (const engine of ENGINES) {
  test(`${engine}: 2 KiB of metadata arrive in packets`, async t => {
    const { port } = await serve(t, engine, request =>
      textReply(String(request.headers.entries.length)),
    );
    const head = headWithMetadata(2048);
    t.true(head.length > 2 * SEGMENT_BYTES && head.length < UNOFFICIAL_HEAD_BYTES);
    const connection = await connectTo(t, port);
    for (const pieceBytes of [SEGMENT_BYTES, 700, 97]) {
      await connection.sendInPieces(head, pieceBytes);
      t.is((await connection.readReply())?.body.toString(), '17');
    }
  });

  test(`${engine}: a head that arrives in packets passes up to the limit that the server names`, async t => {
    const { server, port } = await serve(t, engine, request =>
      textReply(String(request.rawQuery.length)),
    );
    const { headBytes } = server.engine;
    for (const bytes of [3000, headBytes - 100]) {
      const connection = await connectTo(t, port);
      await connection.sendInPieces(headOf(bytes), SEGMENT_BYTES);
      t.is((await connection.readReply())?.status, 200, String(bytes));
    }
    const connection = await connectTo(t, port);
    await connection.sendInPieces(headOf(headBytes + 200), SEGMENT_BYTES);
    // uWebSockets.js closes without a word, node:net answers.
    const reply = await connection.readReply();
    t.is(reply?.status, engine === 'uws' ? undefined : 431);
    await connection.closed();
  });

  test(`${engine}: a header of 20 KB and a URI of 64 KB are refused, in one packet and in many`, async t => {
    const { port } = await serve(t, engine, () => textReply('handled'));
    const header = requestHead('GET /', [['X-Long', 'a'.repeat(20_000)]]);
    const uri = requestHead(`GET /${'a'.repeat(65_536)}`);
    for (const head of [header, uri]) {
      const whole = await rawRequest({ port }, [head]);
      t.true([431, undefined].includes(whole?.status));
      const connection = await connectTo(t, port);
      await connection.sendInPieces(head, SEGMENT_BYTES);
      t.true([431, undefined].includes((await connection.readReply())?.status));
      await connection.closed();
    }
    t.is((await rawRequest({ port }, [requestHead('GET /')]))?.body.toString(), 'handled');
  });

  test(`${engine}: 200 headers reach no handler and harm nobody`, async t => {
    let asked = 0;
    const { port } = await serve(t, engine, () => {
      asked += 1;
      return textReply('handled');
    });
    const many = Array.from({ length: 200 }, (_, index) => [`x-${String(index)}`, 'v'] as const);
    const connection = await connectTo(t, port);
    await connection.send(requestHead('GET /', many));
    if (engine === 'net') t.is((await connection.readReply())?.status, 431);
    t.is(asked, 0);
    connection.destroy();
    t.is((await rawRequest({ port }, [requestHead('GET /')]))?.body.toString(), 'handled');
  });
}

test('net: as many headers as the limits say pass, and one more does not', async t => {
  const { port } = await serve(t, 'net', () => textReply('handled'));
  const headers = (count: number): (readonly [string, string])[] =>
    Array.from({ length: count }, (_, index) => [`x-${String(index)}`, 'v'] as const);
  // Host is one of them.
  const most = await rawRequest({ port }, [
    requestHead('GET /', headers(HTTP_LIMITS.headersMax - 1)),
  ]);
  t.is(most?.status, 200);
  const over = await rawRequest({ port }, [requestHead('GET /', headers(HTTP_LIMITS.headersMax))]);
  t.is(over?.status, 431);
});

test('net: a head of the largest size passes byte by byte', async t => {
  const { port } = await serve(t, 'net', request => textReply(String(request.rawQuery.length)));
  const head = headOf(HEAD_BYTES_MAX - 100);
  const connection = await connectTo(t, port);
  for (let at = 0; at < head.length; at += 7) connection.socket.write(head.slice(at, at + 7));
  t.is((await connection.readReply())?.status, 200);
});

test('net: a body longer than 4 GiB is announced exactly', async t => {
  const { port } = await serve(t, 'net', request => textReply(String(request.body.declaredBytes)));
  const head = requestHead('PUT /', [['Content-Length', String(5 * 2 ** 30)]]);
  t.is((await rawRequest({ port }, [head]))?.body.toString(), String(5 * 2 ** 30));
});

if (ENGINES.includes('uws')) {
  test('uws: the build on npm takes bodies under a billion bytes, and 48 header lines', async t => {
    const { server, port } = await serve(t, 'uws', countBody);
    if (server.engine.name === 'uWebSockets.js') {
      t.pass('the official build is installed');
      return;
    }
    const last = await connectTo(t, port);
    const length = (bytes: number): [string, string] => ['Content-Length', String(bytes)];
    await last.send(`${requestHead('PUT /', [length(UNOFFICIAL_BODY_BYTES_MAX)])}x`);
    const over = await connectTo(t, port);
    await over.send(`${requestHead('PUT /', [length(UNOFFICIAL_BODY_BYTES_MAX + 1)])}x`);
    await over.closed();
    t.is(over.pendingBytes, 0);
    t.false(last.socket.readableEnded);
    const headers = Array.from(
      { length: UNOFFICIAL_HEADERS_MAX - 1 },
      (_, index) => [`x-${String(index)}`, 'v'] as const,
    );
    t.is((await rawRequest({ port }, [requestHead('GET /', headers)]))?.status, 200);
  });
}
