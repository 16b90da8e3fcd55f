// Method: every operation of the route table, asked for over raw sockets by nobody, by somebody
// with a false signature, by keys that lack the one right it needs, and by a key of another tenant.
// The table itself is read, so that an operation that is added is asked too.
import test from 'ava';
import type { Operation } from '../../gateway/s3/s3-operation.ts';
import { s3Operations } from '../../gateway/s3/s3-operations.ts';
import { newCredentials, type Credentials, type GarageProcess } from '../support/garage-process.ts';
import type { RawReply } from '../support/raw-http.ts';
import { sharedGarage } from '../support/shared-garage.ts';
import { SignedRequests, elements, headText } from '../support/signed-requests.ts';
import type { HeaderPair } from '../support/sigv4-signer.ts';

const shared = sharedGarage();
const SOURCE = 'source';
const RIGHTS = ['read', 'write', 'owner'] as const;
type Right = (typeof RIGHTS)[number];

type World = {
  readonly s3: SignedRequests;
  readonly uploadId: string;
  /** Keys with all rights but this one; and one without any. */
  readonly without: Readonly<Record<Right, Credentials>>;
  readonly stranger: Credentials;
};

async function newKey(server: GarageProcess, name: string): Promise<Credentials> {
  const { stdout } = await server.command('key', 'create', name);
  return {
    accessKeyId: /Key ID: +(\S+)/.exec(stdout)?.[1] ?? '',
    secretKey: /Secret key: +(\S+)/.exec(stdout)?.[1] ?? '',
  };
}

async function makeWorld(server: GarageProcess): Promise<World> {
  const s3 = new SignedRequests(server);
  await s3.put('key', 'what nobody else may have');
  await s3.put(SOURCE, 'the source of a copy');
  const begun = await s3.ask({ method: 'POST', key: 'key', query: 'uploads=' });
  const without: Partial<Record<Right, Credentials>> = {};
  for (const right of RIGHTS) {
    const key = await newKey(server, `without-${right}`);
    const rights = RIGHTS.filter(other => other !== right).map(other => `--${other}`);
    await server.command('bucket', 'allow', ...rights, s3.bucket, '--key', key.accessKeyId);
    without[right] = key;
  }
  return {
    s3,
    uploadId: elements(begun.body.toString(), 'UploadId')[0] ?? '',
    without: without as Record<Right, Credentials>,
    stranger: await newKey(server, 'stranger'),
  };
}

type Asked = {
  readonly method: string;
  readonly path: string;
  readonly query: string;
  readonly headers: readonly HeaderPair[];
  readonly body?: string;
};

/** As well-formed as one request can be for all of them: the right is what is asked about. */
function requestFor({ s3, uploadId }: World, operation: Operation, isCopy: boolean): Asked {
  const { method, place, subresource } = operation;
  const path = { service: '/', bucket: s3.path(), object: s3.path('key') }[place];
  const value = subresource === 'uploadId' ? uploadId : subresource === 'list-type' ? '2' : '';
  const own = subresource === undefined || subresource === '' ? [] : [`${subresource}=${value}`];
  const part = operation.name.startsWith('UploadPart') ? ['partNumber=1'] : [];
  const hasBody = method === 'PUT' || method === 'POST';
  return {
    ...{ method, path, query: [...part, ...own].join('&') },
    headers: isCopy ? [['x-amz-copy-source', `${s3.bucket}/${SOURCE}`]] : [],
    ...(hasBody ? { body: isCopy ? '' : '<x/>' } : {}),
  };
}

/** Every operation, and those that a copy source turns into another one. */
function operations(): readonly { readonly operation: Operation; readonly isCopy: boolean }[] {
  const all = s3Operations({ punycode: 'refused' });
  return all.flatMap(operation => [
    { operation, isCopy: false },
    ...(operation.copyVariant === undefined
      ? []
      : [{ operation: operation.copyVariant, isCopy: true }]),
  ]);
}

/** Those who may not, and the codes that say so. */
function intruders(
  world: World,
  { permission }: Operation,
): readonly (readonly [who: string, credentials: Credentials | undefined, code: string])[] {
  const { s3, without, stranger } = world;
  const { accessKeyId } = accessKeyOf(s3);
  const forged = { accessKeyId, secretKey: newCredentials().secretKey };
  const unknown = newCredentials();
  const everybody = [
    ['nobody', undefined, 'AccessDenied'],
    ['a forger', forged, 'SignatureDoesNotMatch'],
    ['an unknown key', unknown, 'InvalidAccessKeyId'],
  ] as const;
  if (permission === 'any-key') return everybody;
  const strangers = [...everybody, ['a stranger', stranger, 'AccessDenied']] as const;
  if (permission === 'read' || permission === 'write' || permission === 'owner') {
    return [...strangers, [`a key without ${permission}`, without[permission], 'AccessDenied']];
  }
  return strangers;
}

function accessKeyOf(s3: SignedRequests): { accessKeyId: string } {
  return { accessKeyId: /Credential=([^/]+)\//.exec(s3.build({}).head)?.[1] ?? '' };
}

function ask(s3: SignedRequests, asked: Asked, who: Credentials | undefined): Promise<RawReply> {
  const { method, path, query, headers, body } = asked;
  if (who !== undefined) return s3.ask({ ...asked, credentials: who });
  const length: HeaderPair[] =
    body === undefined ? [] : [['content-length', String(Buffer.byteLength(body))]];
  const target = query === '' ? path : `${path}?${query}`;
  const head = headText(`${method} ${target}`, [['host', s3.host], ...headers, ...length]);
  return s3.askBytes(`${head}${body ?? ''}`, method);
}

async function state({ s3, uploadId }: World): Promise<string> {
  const objects = await s3.ask({ query: 'list-type=2' });
  const parts = await s3.ask({ key: 'key', query: `uploadId=${uploadId}` });
  const key = await s3.ask({ key: 'key' });
  const text = `${objects.body.toString()}${parts.body.toString()}`;
  return JSON.stringify([elements(text, 'Key'), elements(text, 'ETag'), key.body.toString()]);
}

test.serial(
  'nobody without the one right that an operation needs gets it, and nothing changes',
  async t => {
    const world = await makeWorld(await shared());
    const before = await state(world);
    const complaints: string[] = [];
    let asked = 0;
    for (const { operation, isCopy } of operations()) {
      // A form says in its body who asks.
      if (operation.permission === 'none' || operation.permission === 'form') continue;
      const request = requestFor(world, operation, isCopy);
      for (const [who, credentials, code] of intruders(world, operation)) {
        const reply = await ask(world.s3, request, credentials);
        asked += 1;
        const found = elements(reply.body.toString(), 'Code')[0];
        const isRight = reply.status === 403 && (request.method === 'HEAD' || found === code);
        if (isRight) continue;
        complaints.push(`${operation.name} by ${who}: ${reply.status} ${found ?? ''}`);
      }
    }
    t.deepEqual(complaints, []);
    t.is(await state(world), before);
    t.log(`${asked} requests refused`);
    t.true(asked > 300);
  },
);

type Rule = readonly [effect: 'Allow' | 'Deny', action: string, resource: string];
type Outcome = readonly [who: 'nobody' | 'stranger' | 'writer', request: string, status: number];

/** What a policy changes: its statements for everybody, then requests and their answers. */
const POLICIES: readonly (readonly [title: string, rules: readonly Rule[], Outcome[]])[] = [
  [
    'reading some keys',
    [['Allow', 's3:GetObject', '/open/*']],
    [
      ['nobody', 'GET open/a', 200],
      ['nobody', 'HEAD open/a', 200],
      ['nobody', 'GET open/missing', 403],
      ['nobody', 'GET shut/a', 403],
      ['nobody', 'GET ', 403],
      ['nobody', 'PUT open/b', 403],
      ['stranger', 'GET open/a', 200],
      ['stranger', 'DELETE open/a', 403],
      ['stranger', 'GET shut/a', 403],
    ],
  ],
  [
    'listing and reading everything',
    [
      ['Allow', 's3:ListBucket', ''],
      ['Allow', 's3:GetObject', '/*'],
    ],
    [
      ['nobody', 'GET ', 200],
      ['nobody', 'HEAD ', 200],
      ['nobody', 'GET open/missing', 404],
      ['nobody', 'GET ?uploads', 403],
      ['nobody', 'GET ?policy', 403],
      ['nobody', 'PUT ?policy', 403],
    ],
  ],
  [
    'writing without reading',
    [['Allow', 's3:PutObject', '/open/*']],
    [
      ['nobody', 'PUT open/new', 200],
      ['nobody', 'POST open/new?uploads', 200],
      ['nobody', 'GET open/new', 403],
      ['nobody', 'PUT shut/new', 403],
    ],
  ],
  [
    'denying those who have the right',
    [
      ['Allow', 's3:*', '/*'],
      ['Deny', 's3:DeleteObject', '/*'],
      ['Deny', 's3:Get*', '/shut/*'],
    ],
    [
      ['writer', 'DELETE open/a', 403],
      ['writer', 'PUT open/a', 200],
      ['stranger', 'GET open/a', 200],
      ['stranger', 'GET shut/a', 403],
      ['nobody', 'GET shut/a', 403],
    ],
  ],
];

for (const [title, rules, outcomes] of POLICIES) {
  test.serial(`a policy: ${title}`, async t => {
    const world = await makeWorld(await shared());
    const { s3 } = world;
    for (const key of ['open/a', 'shut/a']) await s3.put(key, key);
    const Statement = rules.map(([Effect, Action, resource]) => ({
      ...{ Effect, Action, Principal: '*' },
      Resource: `arn:aws:s3:::${s3.bucket}${resource}`,
    }));
    const body = JSON.stringify({ Version: '2012-10-17', Statement });
    t.is((await s3.ask({ method: 'PUT', query: 'policy=', body })).status, 204);
    const whos = { nobody: undefined, stranger: world.stranger, writer: world.without.read };
    for (const [who, request, status] of outcomes) {
      const [method = '', target = ''] = request.split(' ');
      const [key = '', query] = target.split('?');
      const path = key === '' ? s3.path() : s3.path(key);
      const hasBody = method === 'PUT' || method === 'POST';
      const asked = { method, path, query: query === undefined ? '' : `${query}=`, headers: [] };
      const reply = await ask(s3, { ...asked, ...(hasBody ? { body: '' } : {}) }, whos[who]);
      t.is(reply.status, status, `${who}: ${request}`);
    }
    t.is((await s3.ask({ method: 'DELETE', query: 'policy=' })).status, 204);
  });
}

test.serial('a copy needs the right to read its source, too', async t => {
  const server = await shared();
  const world = await makeWorld(server);
  const { s3, without } = world;
  const headers = [['x-amz-copy-source', `${s3.bucket}/${SOURCE}`]] as const;
  for (const query of ['', `partNumber=1&uploadId=${world.uploadId}`]) {
    const request = { method: 'PUT', key: 'key', query, headers, body: '' };
    const refused = await s3.ask({ ...request, credentials: without.read });
    t.is(refused.status, 403);
    t.is((await s3.ask({ ...request, credentials: without.owner })).status, 200);
  }
});
