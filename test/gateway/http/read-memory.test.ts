// Method: connections are closed, bodies and pipelined requests are cut into pieces, many at a
// time; whatever would be kept without being copied is overwritten by another connection.
import { createHash } from 'node:crypto';
import { EventEmitter, once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import test from 'ava';
import { ReadMemory } from '../../../gateway/http/read-memory.ts';
import { requestHead } from '../../support/raw-http.ts';
import { seededBytes } from '../../support/seeded-bytes.ts';
import { connectTo, recordingSink, serve, textReply } from './server-fixture.ts';

const CONNECTIONS = 24;
const BODY_BYTES = 200_000;

test('accepted sockets read into memory of ours, and the server counts them', async t => {
  const memory = new ReadMemory();
  const buffers = new Set<ArrayBufferLike>();
  const opened: Socket[] = [];
  const server = createServer({ allowHalfOpen: true, pauseOnConnect: true }, accepted => {
    const socket = memory.open(accepted, server, bytes => {
      buffers.add(bytes.buffer);
      socket.write(bytes.toString());
    });
    socket.on('end', () => socket.end('bye'));
    opened.push(socket);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  const count = (): Promise<number> =>
    new Promise(resolve => server.getConnections((_, number) => resolve(number)));
  for (const word of ['one', 'two']) {
    const client = connect(port, '127.0.0.1');
    client.end(word);
    const answer: Buffer[] = [];
    for await (const piece of client) answer.push(piece as Buffer);
    t.is(Buffer.concat(answer).toString(), `${word}bye`);
  }
  t.is(buffers.size, 1);
  t.is(opened[0]?.remoteAddress, undefined, 'it is closed');
  t.is(await count(), 0);
  server.close();
  await once(server, 'close');
});

test('bodies of many connections do not mix, nor do heads that come in pieces', async t => {
  const { port } = await serve(t, 'net', async request => {
    const { sink, told, ended } = recordingSink();
    request.body.start(sink);
    await ended;
    const digest = createHash('sha256').update(Buffer.concat(told.chunks)).digest('hex');
    return textReply(`${request.rawPath} ${digest}`);
  });
  const replies = Array.from({ length: CONNECTIONS }, async (_, index) => {
    const connection = await connectTo(t, port);
    const body = seededBytes(index + 1, BODY_BYTES);
    const head = requestHead(`PUT /${index}`, [['Content-Length', String(body.length)]]);
    const next = requestHead(`PUT /${index}/next`, [['Content-Length', '4']]);
    await connection.sendInPieces(head, 20 + index);
    await connection.sendInPieces(Buffer.concat([body, Buffer.from(next)]), 7000 + index * 333);
    await connection.send('next');
    const digest = createHash('sha256').update(body).digest('hex');
    t.is((await connection.readReply())?.body.toString(), `/${index} ${digest}`);
    const after = createHash('sha256').update('next').digest('hex');
    t.is((await connection.readReply())?.body.toString(), `/${index}/next ${after}`);
  });
  await Promise.all(replies);
});

test('a request that waits for its turn is not overwritten by other connections', async t => {
  const slow = new EventEmitter();
  const { port } = await serve(t, 'net', async request => {
    if (request.rawPath === '/slow') await once(slow, 'over');
    return textReply(request.rawPath);
  });
  const waiting = await connectTo(t, port);
  await waiting.send(requestHead('GET /slow') + requestHead('GET /waited'));
  const other = await connectTo(t, port);
  for (let turn = 0; turn < 3; turn += 1) {
    await other.send(requestHead('GET /a/longer/path/of/somebody/else'));
    t.is((await other.readReply())?.body.toString(), '/a/longer/path/of/somebody/else');
  }
  slow.emit('over');
  t.is((await waiting.readReply())?.body.toString(), '/slow');
  t.is((await waiting.readReply())?.body.toString(), '/waited');
});
