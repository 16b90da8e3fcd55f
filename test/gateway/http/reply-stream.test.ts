import test from 'ava';

import type { HttpReply, ReplySource } from '../../../gateway/http/exchange.ts';
import { HTTP_LIMITS } from '../../../gateway/http/http-core.ts';
import { headerValue, rawRequest, requestHead } from '../../support/raw-http.ts';
import {
  connectTo,
  ENGINES,
  eventually,
  realTimers,
  RecordingSource,
  serve,
  textReply,
} from './server-fixture.ts';

const KIB = 1024;
const PIECE_BYTES = 256 * KIB;

function streamed(sizeBytes: number, source: ReplySource): HttpReply {
  return { status: 200, headers: [['X-A', 'b']], body: { kind: 'stream', sizeBytes, source } };
}

/** Pieces whose bytes tell where they belong, so that a lost or doubled piece is seen. */
function numberedPieces(count: number, bytes: number): Buffer[] {
  return Array.from({ length: count }, (_, index) => Buffer.alloc(bytes, index % 251));
}

for (const engine of ENGINES) {
  test(`${engine}: the pieces arrive as one body with its length, and the source sees its end`, async t => {
    const pieces = [...numberedPieces(20, PIECE_BYTES), Buffer.alloc(0), Buffer.from('tail')];
    const size = 20 * PIECE_BYTES + 4;
    const source = new RecordingSource(pieces);
    const { server, port } = await serve(t, engine, () => streamed(size, source));
    const reply = await rawRequest({ port }, [requestHead('GET /')]);
    t.is(reply?.status, 200);
    t.is(reply && headerValue(reply, 'content-length'), String(size));
    t.is(reply && headerValue(reply, 'x-a'), 'b');
    t.true(reply?.isComplete);
    t.true(reply?.body.equals(Buffer.concat(pieces)));
    await eventually(t, 'the end', () => source.nextCalls === pieces.length + 1);
    t.is(source.cancelCalls, 0);
    t.is(server.counters.inFlight, 0);
  });

  test(`${engine}: streams and other replies alternate on one connection`, async t => {
    const { port } = await serve(t, engine, request =>
      request.rawPath === '/stream'
        ? streamed(8, new RecordingSource([Buffer.from('half'), Buffer.from('half')]))
        : request.rawPath === '/empty'
          ? streamed(0, new RecordingSource([]))
          : textReply('whole'),
    );
    const connection = await connectTo(t, port);
    for (const [path, body] of [
      ['/stream', 'halfhalf'],
      ['/whole', 'whole'],
      ['/empty', ''],
      ['/stream', 'halfhalf'],
    ] as const) {
      await connection.send(requestHead(`GET ${path}`));
      t.is((await connection.readReply())?.body.toString(), body);
    }
  });

  test(`${engine}: a client that reads nothing holds one piece, and loses none of it`, async t => {
    const pieces = numberedPieces(100, PIECE_BYTES);
    const size = 100 * PIECE_BYTES;
    const source = new RecordingSource(pieces);
    const { port, environment } = await serve(t, engine, () => streamed(size, source));
    const connection = await connectTo(t, port);
    connection.socket.pause();
    await connection.send(requestHead('GET /'));
    await eventually(t, 'the first piece', () => source.nextCalls > 0);
    let asked = -1;
    while (asked !== source.nextCalls) {
      asked = source.nextCalls;
      environment.advance(3000);
      await new Promise(resolve => setTimeout(resolve, 100));
    }
    // What was asked for is in the kernel's buffers, except for the one piece that is held.
    t.true(asked < 60, `${String(asked)} pieces were asked for`);
    connection.socket.resume();
    const reply = await connection.readReply();
    t.true(reply?.isComplete);
    t.true(reply?.body.equals(Buffer.concat(pieces)));
    t.is(source.cancelCalls, 0);
  });

  test(`${engine}: a client that takes no byte for too long is closed and the source given back`, async t => {
    const source = new RecordingSource(numberedPieces(200, PIECE_BYTES));
    const size = 200 * PIECE_BYTES;
    const { server, port, environment } = await serve(t, engine, () => streamed(size, source));
    const connection = await connectTo(t, port);
    connection.socket.pause();
    await connection.send(requestHead('GET /'));
    await eventually(t, 'the first piece', () => source.nextCalls > 0);
    let asked = -1;
    while (asked !== source.nextCalls) {
      asked = source.nextCalls;
      await new Promise(resolve => setTimeout(resolve, 100));
    }
    environment.advance(HTTP_LIMITS.replyStallMs - 6000);
    t.is(source.cancelCalls, 0);
    environment.advance(12_000);
    await eventually(t, 'the end', () => source.cancelCalls === 1);
    t.is(server.counters.inFlight, 0);
    t.is(server.counters.abortedTotal, 1);
  });

  test(`${engine}: a source that fails in the middle gives a short body, never wrong bytes`, async t => {
    const source = new RecordingSource([Buffer.alloc(1000, 97), new Error('disk')]);
    const { server, port, events } = await serve(t, engine, () => streamed(2000, source));
    const reply = await rawRequest({ port }, [requestHead('GET /')]);
    t.is(reply?.status, 200);
    t.is(reply?.body.toString(), 'a'.repeat(1000));
    t.false(reply?.isComplete);
    t.is(events[0]?.kind, 'source-failed');
    t.is(source.cancelCalls, 0);
    t.is(server.counters.inFlight, 0);
  });

  test(`${engine}: a source that fails before its first byte is answered with a bare 500`, async t => {
    const source = new RecordingSource([new Error('disk')]);
    const { port } = await serve(t, engine, () => streamed(2000, source));
    const reply = await rawRequest({ port }, [requestHead('GET /')]);
    t.is(reply?.status, 500);
    t.is(reply?.body.length, 0);
    t.true(reply?.isComplete);
  });

  test(`${engine}: a source that ends early or gives too much never completes a body`, async t => {
    const short = new RecordingSource([Buffer.alloc(999, 97)]);
    const long = new RecordingSource([Buffer.alloc(600, 97), Buffer.alloc(600, 98)]);
    const { port } = await serve(t, engine, request =>
      streamed(1000, request.rawPath === '/short' ? short : long),
    );
    const early = await rawRequest({ port }, [requestHead('GET /short')]);
    t.is(early?.body.length, 999);
    t.false(early?.isComplete);
    const over = await rawRequest({ port }, [requestHead('GET /long')]);
    t.is(over?.body.length, 600);
    t.false(over?.isComplete);
    t.is(long.cancelCalls, 1);
  });

  test(`${engine}: a client that leaves in the middle gives the source back once`, async t => {
    const source = new RecordingSource(numberedPieces(400, PIECE_BYTES));
    const size = 400 * PIECE_BYTES;
    let aborts = 0;
    const { server, port } = await serve(t, engine, request => {
      request.onAborted(() => {
        aborts += 1;
      });
      return streamed(size, source);
    });
    const connection = await connectTo(t, port);
    await connection.send(requestHead('GET /'));
    await eventually(t, 'some bytes', () => connection.pendingBytes > PIECE_BYTES);
    connection.destroy();
    await eventually(t, 'the abort', () => source.cancelCalls === 1);
    const asked = source.nextCalls;
    await new Promise(resolve => setTimeout(resolve, 50));
    t.is(source.nextCalls, asked);
    t.is(aborts, 1);
    t.is(server.counters.inFlight, 0);
    t.is(server.counters.abortedTotal, 1);
  });

  test(`${engine}: a stream made for a client that left already is given back`, async t => {
    const source = new RecordingSource([Buffer.alloc(10)]);
    let answer: (reply: HttpReply) => void = () => undefined;
    const { server, port } = await serve(t, engine, () => {
      return new Promise(resolve => {
        answer = resolve;
      });
    });
    const connection = await connectTo(t, port);
    await connection.send(requestHead('GET /'));
    await eventually(t, 'the request', () => server.counters.inFlight === 1);
    connection.destroy();
    await eventually(t, 'the abort', () => server.counters.abortedTotal === 1);
    answer(streamed(10, source));
    await eventually(t, 'the cancel', () => source.cancelCalls === 1);
    t.is(source.nextCalls, 0);
  });

  test(`${engine}: a stream to a request whose body was not read keeps the connection`, async t => {
    const { port } = await serve(t, engine, () =>
      streamed(4, new RecordingSource([Buffer.from('done')])),
    );
    const connection = await connectTo(t, port);
    for (let turn = 0; turn < 3; turn += 1) {
      await connection.send(requestHead('PUT /', [['Content-Length', '100000']]));
      await connection.send('x'.repeat(100_000));
      t.is((await connection.readReply())?.body.toString(), 'done');
    }
  });

  test(`${engine}: a reply of more than 4 GiB announces its whole size`, async t => {
    const size = 5 * 2 ** 30 + 1;
    const source = new RecordingSource([Buffer.alloc(100, 97)]);
    const { port } = await serve(t, engine, () => streamed(size, source));
    const reply = await rawRequest({ port }, [requestHead('GET /')]);
    t.is(reply && headerValue(reply, 'content-length'), String(size));
    t.is(reply?.body.length, 100);
    t.false(reply?.isComplete);
  });
}

if (ENGINES.includes('uws')) {
  test('uws: a client that reads steadily but slowly outlives the 10 s of the library', async t => {
    const pieces = numberedPieces(64, PIECE_BYTES);
    const source = new RecordingSource(pieces);
    const { port } = await serve(t, 'uws', () => streamed(64 * PIECE_BYTES, source), {
      timers: realTimers,
    });
    const connection = await connectTo(t, port);
    connection.socket.pause();
    await connection.send(requestHead('GET /'));
    // Some 60 KB/s for 16 s: longer than the library waits, without much free space.
    for (let step = 0; step < 16; step += 1) {
      connection.socket.resume();
      await new Promise(resolve => setTimeout(resolve, 1));
      connection.socket.pause();
      await new Promise(resolve => setTimeout(resolve, 1000));
    }
    connection.socket.resume();
    const reply = await connection.readReply();
    t.true(reply?.isComplete);
    t.true(reply?.body.equals(Buffer.concat(pieces)));
  });
}
