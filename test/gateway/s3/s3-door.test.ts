// Method: requests of the exchange's shape go through the whole door, on tables in memory.
import test from 'ava';
import { fakeRequest, replyBytes, replyHeader } from '../../support/fake-exchange.ts';
import type { HeaderPair } from '../../support/sigv4-signer.ts';
import { answerOf, HOST, OWNER, REGION, s3World, type Ask } from './s3-world.ts';

const unsignedHost: readonly HeaderPair[] = [['host', HOST]];

test('an anonymous request is refused before any object is looked up', async t => {
  const world = s3World();
  for (const method of ['GET', 'HEAD', 'PUT', 'DELETE', 'POST']) {
    for (const target of ['/', '/pictures', '/pictures/k', '/pictures/k?uploads']) {
      t.is((await world.ask({ method, target, as: 'nobody' })).status >= 400, true);
    }
  }
  t.deepEqual(world.objects.tables.requests, []);
});

test('nobody gets the same bytes for what exists and what does not', async t => {
  const world = s3World();
  await world.ask({ method: 'PUT', target: '/pictures/here', body: 'x' });
  const since: HeaderPair = ['if-modified-since', 'Fri, 24 May 2013 00:00:00 GMT'];
  for (const method of ['GET', 'HEAD']) {
    const texts = ['/pictures/here', '/pictures/gone', '/nothing/gone'].map(async target => {
      const answer = await world.ask({ method, target, as: 'nobody', headers: [since] });
      t.is(answer.status, 403);
      t.is(answer.header('etag'), undefined);
      t.is(answer.header('last-modified'), undefined);
      const id = answer.header('x-amz-request-id') ?? '';
      return answer.text.replaceAll(id, '').replaceAll(target, '');
    });
    const [here, gone, nothing] = await Promise.all(texts);
    t.is(here, gone);
    t.is(here, nothing);
  }
});

test('HEAD is refused without a body', async t => {
  const answer = await s3World().ask({ method: 'HEAD', target: '/pictures/nothing' });
  t.is(answer.status, 404);
  t.is(answer.reply.body, undefined);
  t.truthy(answer.header('x-amz-request-id'));
});

test('an object goes in and comes out, by both styles of addressing', async t => {
  const world = s3World();
  const stored = await world.ask({
    method: 'PUT',
    target: '/pictures/a%2F%C3%A9//..',
    body: 'abc',
  });
  t.is(stored.status, 200);
  t.deepEqual(
    [...world.objects.tables.objects.keys()].map(name => name.slice(65)),
    ['a/é//..'],
  );
  for (const [target, host] of [
    ['/pictures/a/%C3%A9//..', HOST],
    ['/a%2f%c3%a9//..', `pictures.${HOST}`],
    ['/a/%C3%A9//..', `PICTURES.${HOST}:3900`],
  ] as const) {
    const read = await world.ask({ target, host });
    t.is(read.text, 'abc');
    t.is(read.header('etag'), '"900150983cd24fb0d6963f7d28e17f72"');
  }
});

test('what the directory remembers is answered without waiting for it', async t => {
  const world = s3World();
  const reply = world.door.handler(world.signed({ target: '/pictures?versioning' }));
  t.false(reply instanceof Promise);
  world.directory.isSlow = true;
  const slow = world.door.handler(world.signed({ target: '/pictures?versioning' }));
  t.true(slow instanceof Promise);
  t.is((await slow).status, 200);
});

test('a key that is deleted between its secret and its rights is refused', async t => {
  const world = s3World();
  world.directory.keyOf = () => undefined;
  const answer = await world.ask({ target: '/' });
  t.is(answer.code, 'InvalidAccessKeyId');
});

test('a presigned URL may carry the source of a copy', async t => {
  const world = s3World();
  await world.ask({ method: 'PUT', target: '/pictures/from', body: 'abc' });
  const source = encodeURIComponent('/pictures/from');
  const { target } = world.signer().presign({
    ...{ method: 'PUT', path: '/pictures/to', headers: unsignedHost, expiresSeconds: 60 },
    query: `x-amz-copy-source=${source}`,
    timeMs: world.objects.environment.clock.wallMs(),
  });
  const empty = fakeRequest({
    method: 'PUT',
    target,
    headers: unsignedHost,
    body: Buffer.alloc(0),
  });
  const answer = await answerOf(await world.door.handler(empty));
  t.is(answer.status, 200, answer.text);
  t.is((await world.ask({ target: '/pictures/to' })).text, 'abc');
});

test('one line is logged for a request: what an operator needs, nothing secret', async t => {
  const world = s3World();
  const answer = await world.ask({ method: 'PUT', target: '/pictures/private-name', body: 'abc' });
  const [line] = world.objects.log.lines;
  t.is(world.objects.log.lines.length, 1);
  t.like(line?.fields, {
    requestId: answer.header('x-amz-request-id'),
    operation: 'PutObject',
    bucket: 'pictures',
    accessKeyId: OWNER,
    peer: '192.0.2.1',
    status: 200,
    received: 3,
    bytes: 0,
  });
  const text = JSON.stringify(world.objects.log.lines);
  t.false(text.includes('secret'));
  t.false(text.includes('private-name'));
  t.false(text.includes('Signature'));
});

test('a streamed answer is logged when its last byte was taken, or when it was cut', async t => {
  const world = s3World();
  t.teardown(() => world.objects.digests.close());
  const body = Buffer.alloc(300_000, 7);
  await world.ask({ method: 'PUT', target: '/pictures/large', body });
  const { lines } = world.objects.log;
  const read = world.signed({ target: '/pictures/large' });
  const reply = await world.door.handler(read);
  t.is(reply.body?.kind, 'stream');
  t.is(lines.length, 1);
  t.is((await replyBytes(reply)).length, body.length);
  t.is(lines.length, 2);
  t.like(lines[1]?.fields, { operation: 'GetObject', status: 200, bytes: body.length });
  t.is(lines[1]?.fields['cut'], undefined);

  const cut = await world.door.handler(world.signed({ target: '/pictures/large' }));
  if (cut.body?.kind !== 'stream') throw new Error('a large object is streamed');
  const first = await cut.body.source.next();
  cut.body.source.cancel();
  t.like(lines[2]?.fields, { cut: true, bytes: first?.length ?? 0 });
  t.is(lines.length, 3);
});

test('what is thrown by mistake is an InternalError without its text, logged with it', async t => {
  const world = s3World();
  world.directory.bucketsOf = () => Promise.reject(new Error('the secret reason'));
  const answer = await world.ask({ target: '/' });
  t.is(answer.status, 500);
  t.is(answer.code, 'InternalError');
  t.false(answer.text.includes('secret reason'));
  const [line] = world.objects.log.lines;
  t.is(line?.level, 'error');
  t.is((line?.fields['error'] as Error).message, 'the secret reason');
});

test('ids of requests differ, and the host id stays', async t => {
  const world = s3World();
  const ids = new Set<string | undefined>();
  const hosts = new Set<string | undefined>();
  for (let count = 0; count < 50; count += 1) {
    const answer = await world.ask({ target: '/pictures?location' });
    ids.add(answer.header('x-amz-request-id'));
    hosts.add(answer.header('x-amz-id-2'));
  }
  t.is(ids.size, 50);
  t.is(hosts.size, 1);
});

test('what the server refuses by itself is told in the same form', async t => {
  const world = s3World();
  for (const [reason, status, code] of [
    ['bad-request', 400, 'BadRequest'],
    ['not-implemented', 501, 'NotImplemented'],
    ['head-too-large', 400, 'RequestHeaderSectionTooLarge'],
    ['method', 405, 'MethodNotAllowed'],
  ] as const) {
    const refusal = { reason, detail: 'Because.' };
    const reply = world.door.refuse(refusal, fakeRequest({ target: '/<x>' }));
    t.is(reply.status, status);
    const text = (await replyBytes(reply)).toString();
    t.true(text.includes(`<Code>${code}</Code><Message>Because.</Message>`));
    t.true(text.includes('<Resource>/&lt;x&gt;</Resource>'));
    t.truthy(replyHeader(reply, 'x-amz-request-id'));
  }
});

test('a wrong region is told the right one', async t => {
  const world = s3World();
  const ask: Ask = { target: '/pictures' };
  const timeMs = world.objects.environment.clock.wallMs();
  const { headers } = world.signer().sign({
    ...{ method: 'GET', path: ask.target, headers: unsignedHost, timeMs },
    payload: 'UNSIGNED-PAYLOAD',
    scope: { region: 'elsewhere' },
  });
  const answer = await answerOf(
    await world.door.handler(fakeRequest({ target: ask.target, headers })),
  );
  t.is(answer.code, 'AuthorizationHeaderMalformed');
  t.is(answer.one('Region'), REGION);
});
