// Method: forms through a whole door in process: each rule of a policy kept and broken, each way a
// form can be malformed, and what the browser is told.
import { createHash } from 'node:crypto';
import test, { type ExecutionContext } from 'ava';
import {
  FORM_TYPE,
  formBody,
  signedPolicy,
  type FormPart,
  type SignedPolicy,
} from '../../support/browser-form.ts';
import { OWNER, READER, REGION, s3World, type Answer, type S3World } from './s3-world.ts';

type Post = {
  readonly fields?: Readonly<Record<string, string>>;
  readonly conditions?: readonly unknown[];
  readonly file?: string | Uint8Array;
  readonly fileName?: string;
  readonly as?: string;
  readonly change?: Parameters<typeof signedPolicy>[2];
  readonly target?: string;
  readonly headers?: readonly (readonly [string, string])[];
};

/** The hash threads, which read every file of unknown length, end with the test. */
function formWorld(t: ExecutionContext): S3World {
  const world = s3World();
  t.teardown(() => world.objects.digests.close());
  return world;
}

const anyKey = ['starts-with', '$key', ''];

function policyOf(
  world: S3World,
  { conditions = [anyKey], as = OWNER, change, target = '/pictures' }: Post,
): SignedPolicy {
  const nowMs = world.objects.environment.clock.wallMs();
  const key = { accessKeyId: as, secretKey: `secret of ${as}`, region: REGION, nowMs };
  const hasBucket = JSON.stringify(conditions).includes('bucket');
  const all = hasBucket ? conditions : [...conditions, { bucket: target.slice(1) }];
  return signedPolicy(key, all, change);
}

function send(
  world: S3World,
  body: Uint8Array,
  { target = '/pictures', headers = [] }: Pick<Post, 'target' | 'headers'> = {},
): Promise<Answer> {
  const type = ['content-type', FORM_TYPE] as const;
  return world.ask({ method: 'POST', target, body, headers: [type, ...headers], as: 'nobody' });
}

function partsOf(fields: Readonly<Record<string, string>>): FormPart[] {
  return Object.entries(fields).map(([name, value]) => ({ name, value }));
}

function post(world: S3World, asked: Post): Promise<Answer> {
  const { fields = { key: 'k' }, file = 'the file', fileName = 'cat.png', as } = asked;
  const signed = as === 'nobody' ? {} : policyOf(world, asked);
  const parts = partsOf({ ...fields, ...signed });
  return send(world, formBody([...parts, { name: 'file', value: file, fileName }]), asked);
}

async function outcome(asked: Promise<Answer>): Promise<string> {
  const { status, code } = await asked;
  return code === undefined ? String(status) : `${String(status)} ${code}`;
}

function stored(world: S3World): readonly string[] {
  return [...world.objects.tables.objects.keys()].map(name => name.slice(65));
}

test('a form stores its file with what its fields say', async t => {
  const world = formWorld(t);
  const fields = {
    key: 'uploads/${filename}', // eslint-disable-line no-template-curly-in-string -- S3's name
    'Content-Type': 'image/png',
    'x-amz-meta-Who': 'ä b',
    tagging: '<Tagging><TagSet><Tag><Key>a</Key><Value>1</Value></Tag></TagSet></Tagging>',
    'x-ignore-this': 'x',
  };
  const conditions = [
    { bucket: 'pictures' },
    ['starts-with', '$key', 'uploads/'],
    ['starts-with', '$Content-Type', 'image/'],
    ['eq', '$x-amz-meta-who', 'ä b'],
    ['starts-with', '$tagging', ''],
    ['content-length-range', 1, 100],
  ];
  const answer = await post(world, { fields, conditions, fileName: 'C:\\pictures\\my cat.png' });
  t.is(answer.status, 204, answer.text);
  t.is(answer.header('etag'), `"${createHash('md5').update('the file').digest('hex')}"`);
  t.is(answer.header('location'), 'http://s3.garage.test/pictures/uploads/my%20cat.png');
  const read = await world.ask({ target: '/pictures/uploads/my%20cat.png' });
  t.is(read.text, 'the file');
  t.is(read.header('content-type'), 'image/png');
  t.is(read.header('x-amz-meta-who'), 'ä b');
  t.is(read.header('x-amz-tagging-count'), '1');
});

test('a form may lock what it stores, where its bucket has locks', async t => {
  const world = formWorld(t);
  const headers = [['x-amz-bucket-object-lock-enabled', 'true']] as const;
  t.is((await world.ask({ method: 'PUT', target: '/vault', headers })).status, 200);
  const lock = {
    'x-amz-object-lock-mode': 'GOVERNANCE',
    'x-amz-object-lock-retain-until-date': '2030-01-01T00:00:00.000Z',
    'x-amz-object-lock-legal-hold': 'ON',
  };
  const digest = createHash('md5').update('the file').digest('base64');
  const fields = { key: 'k', 'Content-MD5': digest, ...lock };
  const names = ['key', ...Object.keys(lock), 'Content-MD5'];
  const conditions = names.map(name => ['starts-with', `$${name}`, '']);
  const form = { fields, conditions };
  t.is(await outcome(post(world, form)), '400 InvalidRequest');
  t.is(await outcome(post(world, { ...form, target: '/vault' })), '204');
  const read = await world.ask({ method: 'HEAD', target: '/vault/k' });
  for (const [name, value] of Object.entries(lock)) t.is(read.header(name), value);
  const unvouched = { key: 'k2', ...lock };
  const bare = { fields: unvouched, conditions: conditions.slice(0, -1), target: '/vault' };
  t.is(await outcome(post(world, bare)), '400 InvalidRequest');
});

test('a file may be empty, or hold what looks like the end of a form', async t => {
  const world = formWorld(t);
  const contents = ['', '\r\n', '\r\n--', '--browser', '\r\n------browser7MA4YWx\r\n\r', 'a\r'];
  for (const file of contents) {
    t.is(await outcome(post(world, { file })), '204');
    t.is((await world.ask({ target: '/pictures/k' })).text, file);
  }
});

test('a large file arrives whole', async t => {
  const world = formWorld(t);
  const file = Buffer.alloc(3 * 1024 * 1024 + 17, 'ab\r\n--');
  t.is(await outcome(post(world, { file })), '204');
  t.true((await world.ask({ target: '/pictures/k' })).bytes.equals(file));
});

test('the browser is told what the form asks to be told', async t => {
  const world = formWorld(t);
  const tell = (fields: Readonly<Record<string, string>>): Promise<Answer> => {
    const conditions = [
      anyKey,
      ...Object.keys(fields).map(name => ['starts-with', `$${name}`, '']),
    ];
    return post(world, { fields: { key: 'a b', ...fields }, conditions });
  };
  t.is((await tell({ success_action_status: '200' })).status, 200);
  t.is((await tell({ success_action_status: '204' })).status, 204);
  t.is((await tell({ success_action_status: '404' })).status, 204);
  const created = await tell({ success_action_status: '201' });
  t.is(created.status, 201);
  t.is(created.one('Bucket'), 'pictures');
  t.is(created.one('Key'), 'a b');
  t.is(created.one('Location'), 'http://s3.garage.test/pictures/a%20b');
  const redirected = await tell({ success_action_redirect: 'https://example.org/done?x=1' });
  t.is(redirected.status, 303);
  const target = new URL(redirected.header('location') ?? '');
  t.is(target.searchParams.get('x'), '1');
  t.is(target.searchParams.get('bucket'), 'pictures');
  t.is(target.searchParams.get('key'), 'a b');
  t.is(target.searchParams.get('etag'), created.header('etag') ?? '');
  t.is((await tell({ success_action_redirect: 'javascript:alert(1)' })).status, 204);
});

const range = (min: unknown, max: unknown): readonly unknown[] => [
  anyKey,
  ['content-length-range', min, max],
];
const EXPIRED = { expiration: '2001-01-01T00:00:00Z' };

const refusals: readonly (readonly [title: string, asked: Post, outcome: string])[] = [
  [
    'a key that does not begin so',
    { conditions: [['starts-with', '$key', 'a']] },
    '403 AccessDenied',
  ],
  ['a key that is another', { conditions: [['eq', '$key', 'K']] }, '403 AccessDenied'],
  ['a field that must be there', { conditions: [anyKey, { acl: 'private' }] }, '403 AccessDenied'],
  [
    'a field that no condition covers',
    { fields: { key: 'k', 'x-amz-meta-a': '1' } },
    '403 AccessDenied',
  ],
  ['a policy for another bucket', { conditions: [anyKey, { bucket: 'b' }] }, '403 AccessDenied'],
  ['a form for another bucket', { fields: { key: 'k', bucket: 'b' } }, '403 AccessDenied'],
  ['an expired policy', { change: EXPIRED }, '403 AccessDenied'],
  ['a key without the right to write', { as: READER }, '403 AccessDenied'],
  ['an unknown key', { as: 'GKunknown00' }, '403 InvalidAccessKeyId'],
  ['nobody', { as: 'nobody' }, '403 AccessDenied'],
  ['no bucket', { target: '/nothing' }, '404 NoSuchBucket'],
  ['a file that is too large', { conditions: range(0, 7) }, '400 EntityTooLarge'],
  ['a file that is too small', { conditions: range('9', '20') }, '400 EntityTooSmall'],
  ['a policy that is no JSON', { change: { document: '{' } }, '400 InvalidPolicyDocument'],
  ['a policy without conditions', { change: { document: {} } }, '400 InvalidPolicyDocument'],
  [
    'a policy that never expires',
    { change: { document: { conditions: [] } } },
    '400 InvalidPolicyDocument',
  ],
  ['an empty condition', { conditions: [anyKey, {}] }, '400 InvalidPolicyDocument'],
  ['an unknown operator', { conditions: [['is', '$key', 'k']] }, '400 InvalidPolicyDocument'],
  [
    'a range of one number',
    { conditions: [anyKey, ['content-length-range', 1]] },
    '400 InvalidPolicyDocument',
  ],
  ['a range of words', { conditions: range('a', 'b') }, '400 InvalidPolicyDocument'],
  ['a time that is none', { change: { expiration: 'tomorrow' } }, '400 InvalidPolicyDocument'],
  ['no key', { fields: {} }, '400 UserKeyMustBeSpecified'],
  ['a key that is too long', { fields: { key: 'k'.repeat(1025) } }, '400 KeyTooLongError'],
  [
    'a header that breaks its line',
    {
      fields: { key: 'k', 'x-amz-meta-a': '1\r\nSet-Cookie: x' },
      conditions: [anyKey, ['starts-with', '$x-amz-meta-a', '']],
    },
    '400 InvalidArgument',
  ],
  [
    'a digest of another file',
    {
      fields: { key: 'k', 'content-md5': createHash('md5').update('x').digest('base64') },
      conditions: [anyKey, ['starts-with', '$content-md5', '']],
    },
    '400 BadDigest',
  ],
  [
    'a list where none are possible',
    { fields: { key: 'k', acl: 'public-read' }, conditions: [anyKey, { acl: 'public-read' }] },
    '400 AccessControlListNotSupported',
  ],
  [
    'encryption that is not done',
    {
      fields: { key: 'k', 'x-amz-server-side-encryption': 'AES256' },
      conditions: [anyKey, { 'x-amz-server-side-encryption': 'AES256' }],
    },
    '501 NotImplemented',
  ],
];

for (const [title, asked, expected] of refusals) {
  test(`a form is refused, and stores nothing: ${title}`, async t => {
    const world = formWorld(t);
    t.is(await outcome(post(world, asked)), expected);
    await world.objects.writer.idle();
    t.deepEqual(stored(world), []);
  });
}

test('a form may give a key that its file is encrypted with', async t => {
  const world = formWorld(t);
  const key = Buffer.alloc(32, 7);
  const keyed = {
    'x-amz-server-side-encryption-customer-algorithm': 'AES256',
    'x-amz-server-side-encryption-customer-key': key.toString('base64'),
    'x-amz-server-side-encryption-customer-key-MD5': createHash('md5').update(key).digest('base64'),
  };
  const conditions = [
    anyKey,
    ...Object.keys(keyed).map(name => ['starts-with', `$${name.toLowerCase()}`, '']),
  ];
  const answer = await post(world, { fields: { key: 'k', ...keyed }, conditions });
  t.is(answer.status, 204, answer.text);
  t.is(answer.header('x-amz-server-side-encryption-customer-algorithm'), 'AES256');
  const target = '/pictures/k';
  t.is((await world.ask({ target })).code, 'InvalidRequest');
  t.is((await world.ask({ target, headers: Object.entries(lowered(keyed)) })).text, 'the file');
  t.is(await outcome(post(world, { fields: { key: 'k', ...keyed } })), '403 AccessDenied');
});

function lowered(fields: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(fields).map(([name, value]) => [name.toLowerCase(), value]),
  );
}

test('a signature holds for its policy and no other', async t => {
  const world = formWorld(t);
  const signed = policyOf(world, {});
  const file = { name: 'file', value: 'x', fileName: 'x' };
  const ask = (change: Readonly<Record<string, string>>): Promise<string> =>
    outcome(send(world, formBody([...partsOf({ key: 'k', ...signed, ...change }), file])));
  t.is(await ask({}), '204');
  const other = policyOf(world, { conditions: [anyKey, { acl: 'private' }] });
  t.is(await ask({ policy: other['policy'] ?? '' }), '403 SignatureDoesNotMatch');
  t.is(await ask({ 'x-amz-signature': 'f'.repeat(64) }), '403 SignatureDoesNotMatch');
  t.is(await ask({ 'x-amz-algorithm': 'AWS4' }), '400 InvalidArgument');
  t.is(await ask({ 'x-amz-date': 'today' }), '400 InvalidArgument');
  t.is(await ask({ 'x-amz-signature': '' }), '400 InvalidArgument');
  t.is(await ask({ AWSAccessKeyId: OWNER }), '400 InvalidRequest');
  const { policy: _policy, ...without } = signed;
  const body = formBody([...partsOf({ key: 'k', ...without }), file]);
  t.is(await outcome(send(world, body)), '400 InvalidArgument');
});

test('a form that is none is refused', async t => {
  const world = formWorld(t);
  const signed = partsOf({ key: 'k', ...policyOf(world, {}) });
  const file = { name: 'file', value: 'x', fileName: 'x' };
  const cases: readonly (readonly [title: string, body: Buffer, outcome: string])[] = [
    ['no file', formBody(signed), '400 InvalidArgument'],
    ['two files', formBody([...signed, file, file]), '400 IncorrectNumberOfFilesInPostRequest'],
    ['no end', formBody([...signed, file], ''), '400 MalformedPOSTRequest'],
    ['half an end', formBody([...signed, file], '------bro'), '400 MalformedPOSTRequest'],
    ['nothing', Buffer.from('nothing'), '400 MalformedPOSTRequest'],
    ['a field twice', formBody([...signed, ...signed, file]), '400 InvalidArgument'],
    [
      'a part without a name',
      formBody([{ name: '', value: '' }, file]),
      '400 MalformedPOSTRequest',
    ],
    [
      'a field that is too large',
      formBody([{ name: 'x', value: 'x'.repeat(1024 * 1024) }, ...signed, file]),
      '400 MaxPostPreDataLengthExceeded',
    ],
    [
      'a field that is no text',
      formBody([{ name: 'x', value: Buffer.from([0xff]) }, ...signed, file]),
      '400 MalformedPOSTRequest',
    ],
  ];
  for (const [title, body, expected] of cases)
    t.is(await outcome(send(world, body)), expected, title);
  const ask = (type: string): Promise<string> => {
    const headers = [['content-type', type]] as const;
    const body = formBody([...signed, file]);
    const asked = { method: 'POST', target: '/pictures', headers, body, as: 'nobody' };
    return outcome(world.ask(asked));
  };
  t.is(await ask('text/plain'), '412 PreconditionFailed');
  t.is(await ask('multipart/form-data'), '400 MalformedPOSTRequest');
  await world.objects.writer.idle();
  t.deepEqual(stored(world), []);
});

test('what follows the file is passed over', async t => {
  const world = formWorld(t);
  const parts = partsOf({ key: 'k', ...policyOf(world, {}) });
  const file = { name: 'file', value: 'x', fileName: 'x' };
  const body = formBody([
    ...parts,
    file,
    { name: 'key', value: 'other' },
    { name: 'a', value: '' },
  ]);
  t.is(await outcome(send(world, body)), '204');
  t.deepEqual(stored(world), ['k']);
});

test('everybody may post where a list or a policy says so', async t => {
  const world = formWorld(t);
  const row = world.directory.buckets.get('pictures');
  if (row === undefined) throw new Error('no bucket');
  world.directory.set('pictures', { ...row, ownership: 'ObjectWriter', acl: 'public-read-write' });
  t.is(await outcome(post(world, { as: 'nobody' })), '204');
  t.is(await outcome(post(world, { as: READER, fields: { key: 'l' } })), '204');
  const policy = JSON.stringify({
    Statement: {
      ...{ Effect: 'Deny', Principal: '*', Action: 's3:PutObject' },
      ...{ Resource: 'arn:aws:s3:::pictures/*' },
      Condition: { StringEquals: { 's3:authType': 'POST' } },
    },
  });
  world.directory.set('pictures', { ...row, policy });
  t.is(await outcome(post(world, {})), '403 AccessDenied');
  t.is((await world.ask({ method: 'PUT', target: '/pictures/k', body: 'x' })).status, 200);
});

test('a page of another origin reads the answer where the rules let it', async t => {
  const world = formWorld(t);
  const row = world.directory.buckets.get('pictures');
  if (row === undefined) throw new Error('no bucket');
  const rule = {
    ...{ id: undefined, allowedOrigins: ['https://a.example'], allowedMethods: ['POST'] },
    ...{ allowedHeaders: [], exposeHeaders: ['ETag'], maxAgeSeconds: undefined },
  } as const;
  world.directory.set('pictures', { ...row, cors: [rule] });
  const headers = [['origin', 'https://a.example']] as const;
  const allowed = await post(world, { headers });
  t.is(allowed.header('access-control-allow-origin'), 'https://a.example');
  const refused = await post(world, { headers, change: EXPIRED });
  t.is(refused.header('access-control-allow-origin'), 'https://a.example');
});
