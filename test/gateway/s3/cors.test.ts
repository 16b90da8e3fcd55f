// Method: preflights and requests of pages through a whole door in process.
import test from 'ava';
import type { HeaderPair } from '../../support/sigv4-signer.ts';
import {
  OWNER,
  READER,
  s3World,
  STRANGER,
  type Ask,
  type Answer,
  type S3World,
} from './s3-world.ts';

const ORIGIN = 'https://page.example';

function corsWorld(): S3World {
  const world = s3World();
  const row = world.directory.buckets.get('pictures');
  if (row === undefined) throw new Error('the bucket is there');
  const rule = {
    ...{ id: undefined, allowedOrigins: [ORIGIN], allowedMethods: ['GET', 'PUT'] },
    ...{ allowedHeaders: ['*'], exposeHeaders: ['ETag'], maxAgeSeconds: 30 },
  };
  world.directory.set('pictures', { ...row, cors: [rule] });
  world.directory.addBucket('plain', { [OWNER]: 'rwo' });
  return world;
}

function ofPage(origin = ORIGIN): readonly HeaderPair[] {
  return [['origin', origin]];
}

function preflight(
  world: S3World,
  target: string,
  { method = 'GET', origin = ORIGIN, headers = 'authorization, x-amz-date' } = {},
): Promise<Answer> {
  return world.ask({
    ...{ method: 'OPTIONS', target, as: 'nobody' },
    headers: [
      ...ofPage(origin),
      ['access-control-request-method', method],
      ['access-control-request-headers', headers],
    ],
  });
}

function allowedOrigin(answer: Answer): string | undefined {
  return answer.header('access-control-allow-origin');
}

test('a preflight that a rule allows is told so, for the bucket and its objects', async t => {
  const world = corsWorld();
  for (const target of [
    '/pictures',
    '/pictures/a/b',
    '/pictures?list-type=2',
    '/pictures/k?uploads',
  ]) {
    const answer = await preflight(world, target, { method: 'PUT' });
    t.is(answer.status, 200);
    t.is(answer.text, '');
    t.is(allowedOrigin(answer), ORIGIN);
    t.is(answer.header('access-control-allow-methods'), 'GET, PUT');
    t.is(answer.header('access-control-allow-headers'), 'authorization, x-amz-date');
    t.is(answer.header('access-control-max-age'), '30');
    t.is(answer.header('access-control-expose-headers'), 'ETag');
    t.regex(answer.header('vary') ?? '', /^Origin/);
    t.truthy(answer.header('x-amz-request-id'));
  }
});

const refusals: readonly (readonly [string, string, object, string, string])[] = [
  ['another origin', '/pictures/k', { origin: 'https://evil' }, 'AccessForbidden', 'OBJECT'],
  ['the origin null', '/pictures', { origin: 'null' }, 'AccessForbidden', 'BUCKET'],
  ['another method', '/pictures/k', { method: 'DELETE' }, 'AccessForbidden', 'OBJECT'],
  ['no rules', '/plain/k', {}, 'AccessForbidden', 'OBJECT'],
  ['a method of nobody', '/pictures', { method: 'PATCH' }, 'BadRequest', ''],
];

for (const [title, target, asked, code, resource] of refusals) {
  test(`a preflight with ${title}: ${code}`, async t => {
    const answer = await preflight(corsWorld(), target, asked);
    t.is(answer.code, code);
    t.is(answer.status, code === 'BadRequest' ? 400 : 403);
    t.is(answer.one('ResourceType') ?? '', resource);
    t.is(allowedOrigin(answer), undefined);
  });
}

test('a name that is not known to everybody may be one of a key: its preflight is let through', async t => {
  const world = corsWorld();
  const answer = await preflight(world, '/nobody-knows/k', { method: 'PUT' });
  t.is(answer.status, 200);
  t.is(allowedOrigin(answer), '*');
  t.is(answer.header('access-control-allow-methods'), 'PUT');
  t.is(answer.header('access-control-allow-headers'), 'authorization, x-amz-date');
  t.is(answer.header('access-control-allow-credentials'), undefined);
});

test('a presigned URL names its key, whose names are then known', async t => {
  const world = corsWorld();
  const row = world.directory.buckets.get('pictures');
  const resolved: unknown[] = [];
  world.directory.resolveBucket = (name, accessKeyId?: string) => {
    resolved.push(accessKeyId);
    return name === 'mine' && accessKeyId === OWNER ? row : undefined;
  };
  const target = `/mine/k?X-Amz-Credential=${OWNER}%2F20260101%2Fgarage%2Fs3%2Faws4_request`;
  t.is(allowedOrigin(await preflight(world, target)), ORIGIN);
  t.is((await preflight(world, target, { origin: 'https://evil' })).code, 'AccessForbidden');
  t.deepEqual(resolved, [OWNER, OWNER]);
});

test('the list of buckets may be read by any page, signed', async t => {
  const world = corsWorld();
  t.is(allowedOrigin(await preflight(world, '/')), '*');
  t.is((await preflight(world, '/', { method: 'PUT' })).code, 'AccessForbidden');
  const list = await world.ask({ target: '/', headers: ofPage('https://any') });
  t.is(allowedOrigin(list), '*');
  t.is(allowedOrigin(await world.ask({ target: '/' })), undefined);
});

const pageAsks: readonly (readonly [string, Ask, number])[] = [
  ['an object', { target: '/pictures/k' }, 200],
  ['the head of an object', { target: '/pictures/k', method: 'HEAD' }, 200],
  ['a listing', { target: '/pictures' }, 200],
  ['a range', { target: '/pictures/k', headers: [['range', 'bytes=0-0']] }, 206],
  ['an upload', { target: '/pictures/other', method: 'PUT', body: 'x' }, 200],
  ['a missing object', { target: '/pictures/nothing' }, 404],
  ['what is not implemented', { target: '/pictures/k?torrent' }, 501],
  [
    'an upload that is not allowed',
    { target: '/pictures/k', method: 'PUT', body: '', as: READER },
    403,
  ],
  ['a request without a signature', { target: '/pictures/k', as: 'nobody' }, 403],
];

for (const [title, ask, status] of pageAsks) {
  test(`a page may read the answer to ${title}: ${String(status)}`, async t => {
    const world = corsWorld();
    await world.ask({ method: 'PUT', target: '/pictures/k', body: 'content' });
    const answer = await world.ask({ ...ask, headers: [...(ask.headers ?? []), ...ofPage()] });
    t.is(answer.status, ask.method === 'HEAD' ? 200 : status);
    // HEAD is not in the rule, and GET does not stand for it.
    const expected = ask.method === 'HEAD' ? undefined : ORIGIN;
    t.is(allowedOrigin(answer), expected);
    t.regex(answer.header('vary') ?? '', /Origin/);
    const foreign = await world.ask({
      ...ask,
      headers: [...(ask.headers ?? []), ...ofPage('https://evil')],
    });
    t.is(allowedOrigin(foreign), undefined);
  });
}

test('a wrong signature is told to the page too', async t => {
  const world = corsWorld();
  world.directory.keys.delete(STRANGER);
  const answer = await world.ask({ target: '/pictures/k', as: STRANGER, headers: ofPage() });
  t.is(answer.code, 'InvalidAccessKeyId');
  t.is(allowedOrigin(answer), ORIGIN);
  const unknown = await world.ask({ target: '/nothing/k', as: 'nobody', headers: ofPage() });
  t.is(unknown.code, 'AccessDenied');
  t.is(allowedOrigin(unknown), undefined);
});

test('a bucket without rules says nothing, and is asked for once', async t => {
  const world = corsWorld();
  world.directory.asked.length = 0;
  const answer = await world.ask({ target: '/plain', headers: ofPage() });
  t.is(answer.header('vary'), undefined);
  t.is(allowedOrigin(answer), undefined);
  t.deepEqual(
    world.directory.asked.filter(name => name.startsWith('bucket')),
    ['bucket plain'],
  );
});
