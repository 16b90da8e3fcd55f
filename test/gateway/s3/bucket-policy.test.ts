// Method: a policy is put through a whole door in process, and then others ask.
import { createHash } from 'node:crypto';
import test from 'ava';
import { OWNER, READER, s3World, STRANGER, type Answer, type S3World } from './s3-world.ts';

const ARN = 'arn:aws:s3:::pictures';
const everybody = { Effect: 'Allow', Principal: '*' };
const readable = { ...everybody, Action: 's3:GetObject', Resource: `${ARN}/open/*` };
const TARGET = '/pictures?policy';

function documentOf(...statements: readonly object[]): string {
  return JSON.stringify({ Version: '2012-10-17', Statement: statements });
}

function put(world: S3World, body: string, as = OWNER): Promise<Answer> {
  return world.ask({ method: 'PUT', target: TARGET, body, as });
}

async function worldWith(...statements: readonly object[]): Promise<S3World> {
  const world = s3World();
  for (const key of ['open/a', 'shut/a']) {
    await world.ask({ method: 'PUT', target: `/pictures/${key}`, body: key });
  }
  const stored = await put(world, documentOf(...statements));
  if (stored.status !== 204) throw new Error(stored.text);
  return world;
}

async function outcome(asked: Promise<Answer>): Promise<string> {
  const { status, code } = await asked;
  return code === undefined ? String(status) : `${status} ${code}`;
}

test('a policy is given back as it was sent, and taken away', async t => {
  const world = s3World();
  const get = (as = OWNER): Promise<Answer> => world.ask({ target: TARGET, as });
  t.is((await get()).code, 'NoSuchBucketPolicy');
  const text = ` ${documentOf(readable)}\n`.trimStart();
  t.is((await put(world, text)).status, 204);
  const got = await get();
  t.is(got.text, text);
  t.is(got.header('content-type'), 'application/json');
  t.is((await get(READER)).code, 'AccessDenied');
  t.is((await world.ask({ method: 'DELETE', target: TARGET })).status, 204);
  t.is((await get()).code, 'NoSuchBucketPolicy');
});

test('a policy that is refused changes nothing', async t => {
  const world = s3World();
  const cases: readonly (readonly [body: string, outcome: string])[] = [
    ['', '400 MissingRequestBodyError'],
    ['{', '400 MalformedPolicy'],
    [documentOf({ ...readable, Effect: 'Maybe' }), '400 MalformedPolicy'],
    [documentOf({ ...readable, Resource: 'arn:aws:s3:::other/*' }), '400 MalformedPolicy'],
    [documentOf({ ...readable, Sid: 'x'.repeat(20 * 1024) }), '400 MalformedPolicy'],
    [
      documentOf({ ...readable, Condition: { Bool: { 'aws:ViaAWSService': true } } }),
      '501 NotImplemented',
    ],
  ];
  for (const [body, expected] of cases) t.is(await outcome(put(world, body)), expected, body);
  t.is((await put(world, documentOf(readable), READER)).code, 'AccessDenied');
  t.is(world.directory.buckets.get('pictures')?.policy, undefined);
});

test('everybody reads what the policy opens, and nothing else', async t => {
  const world = await worldWith(readable);
  const ask = (target: string, method = 'GET', as = 'nobody'): Promise<string> =>
    outcome(world.ask({ target, method, as }));
  t.is(await ask('/pictures/open/a'), '200');
  t.is(await ask('/pictures/open/a', 'HEAD'), '200');
  t.is(await ask('/pictures/open/a', 'GET', STRANGER), '200');
  t.is(await ask('/pictures/shut/a'), '403 AccessDenied');
  t.is(await ask('/pictures/open/a', 'PUT'), '403 AccessDenied');
  t.is(await ask('/pictures/open/a', 'DELETE'), '403 AccessDenied');
  t.is(await ask('/pictures'), '403 AccessDenied');
  t.is(await ask('/pictures/open/a?acl'), '403 AccessDenied');
});

test('without the right to list, what is missing is forbidden', async t => {
  const list = { ...everybody, Action: 's3:ListBucket', Resource: ARN };
  const blind = await worldWith(readable);
  const seeing = await worldWith(readable, list);
  const missing = { target: '/pictures/open/missing', as: 'nobody' };
  t.is(await outcome(blind.ask(missing)), '403 AccessDenied');
  t.is(await outcome(seeing.ask(missing)), '404 NoSuchKey');
  t.is(await outcome(seeing.ask({ target: '/pictures', as: 'nobody' })), '200');
  t.is(await outcome(blind.ask({ ...missing, as: READER })), '404 NoSuchKey');
});

test('everybody writes where the policy lets them', async t => {
  const drop = { ...everybody, Action: 's3:PutObject', Resource: `${ARN}/drop/*` };
  const world = await worldWith(drop);
  const put = (key: string, headers: readonly [string, string][] = []): Promise<string> =>
    outcome(
      world.ask({ method: 'PUT', target: `/pictures/${key}`, body: 'x', headers, as: 'nobody' }),
    );
  t.is(await put('drop/a'), '200');
  t.is(await put('open/a'), '403 AccessDenied');
  // A list of its own is a right of its own.
  t.is(await put('drop/b', [['x-amz-acl', 'bucket-owner-full-control']]), '403 AccessDenied');
  const got = await world.ask({ target: '/pictures/drop/a' });
  t.is(got.text, 'x');
});

test('a Deny takes rights from the owner, except over the policy itself', async t => {
  const world = await worldWith({ ...everybody, Effect: 'Deny', Action: '*', Resource: '*' });
  t.is(await outcome(world.ask({ target: '/pictures/open/a' })), '403 AccessDenied');
  t.is(await outcome(world.ask({ target: '/pictures' })), '403 AccessDenied');
  t.is(await outcome(world.ask({ target: TARGET })), '200');
  t.is(await outcome(world.ask({ method: 'DELETE', target: TARGET })), '204');
  t.is(await outcome(world.ask({ target: '/pictures/open/a' })), '200');
});

test('each entry of a deletion is decided by itself', async t => {
  const world = await worldWith(
    { ...everybody, Action: 's3:DeleteObject', Resource: `${ARN}/open/*` },
    { ...everybody, Effect: 'Deny', Action: 's3:DeleteObject', Resource: `${ARN}/open/kept` },
  );
  const keys = ['open/a', 'open/kept', 'shut/a'];
  const objects = keys.map(key => `<Object><Key>${key}</Key></Object>`).join('');
  const body = `<Delete>${objects}</Delete>`;
  const headers = [['content-md5', md5(body)]] as const;
  const target = '/pictures?delete';
  const answer = await world.ask({ method: 'POST', target, body, headers, as: STRANGER });
  t.is(answer.status, 200);
  t.deepEqual(answer.all('Code'), ['AccessDenied', 'AccessDenied']);
  t.deepEqual(answer.all('Key'), keys);
  t.is((await world.ask({ target: '/pictures/shut/a' })).status, 200);
  t.is((await world.ask({ target: '/pictures/open/a' })).status, 404);
});

test('a copy reads its source by the policy of the source', async t => {
  const world = await worldWith(readable);
  world.directory.addBucket('mine', { [STRANGER]: 'rwo' });
  const copy = (source: string): Promise<string> =>
    outcome(
      world.ask({
        ...{ method: 'PUT', target: '/mine/copy', as: STRANGER },
        headers: [['x-amz-copy-source', source]],
      }),
    );
  t.is(await copy('/pictures/open/a'), '200');
  t.is(await copy('/pictures/shut/a'), '403 AccessDenied');
  t.is(await copy('/pictures/open/missing'), '403 AccessDenied');
});

test('whether a policy is public is told, and may be forbidden', async t => {
  const status = async (...statements: readonly object[]): Promise<string | undefined> =>
    (await (await worldWith(...statements)).ask({ target: '/pictures?policyStatus' })).one(
      'IsPublic',
    );
  t.is(await status(readable), 'true');
  t.is(await status({ ...readable, Principal: { AWS: READER } }), 'false');
  const world = s3World();
  const row = world.directory.buckets.get('pictures');
  if (row === undefined) throw new Error('no bucket');
  const publicAccessBlock = {
    ...{ blockPublicAcls: false, ignorePublicAcls: false, restrictPublicBuckets: false },
    blockPublicPolicy: true,
  };
  world.directory.set('pictures', { ...row, publicAccessBlock });
  t.is(await outcome(put(world, documentOf(readable))), '403 AccessDenied');
  const named = documentOf({ ...readable, Principal: { AWS: READER } });
  t.is(await outcome(put(world, named)), '204');
});

test('a stored policy that cannot be read allows nothing', async t => {
  const world = await worldWith(readable);
  const row = world.directory.buckets.get('pictures');
  if (row === undefined) throw new Error('no bucket');
  world.directory.set('pictures', { ...row, policy: '{"Version":"2099-01-01"}' });
  t.is(await outcome(world.ask({ target: '/pictures/open/a' })), '403 AccessDenied');
  t.is(await outcome(world.ask({ method: 'DELETE', target: TARGET })), '204');
});

test('nobody learns from a refusal whether the bucket has a policy', async t => {
  const world = await worldWith(readable);
  const answers = ['/pictures/shut/a', '/nothing/shut/a'].map(async target => {
    const answer = await world.ask({ target, as: 'nobody' });
    const id = answer.header('x-amz-request-id') ?? '';
    return answer.text.replaceAll(id, '').replaceAll(target, '');
  });
  const [shut, nothing] = await Promise.all(answers);
  t.is(shut, nothing);
});

function md5(text: string): string {
  return createHash('md5').update(text).digest('base64');
}
