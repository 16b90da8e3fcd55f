// Method: the whole door in process; what the table's actor decides is tested beside it, so tables
// keep one version of each key here.
import test from 'ava';
import { createHash } from 'node:crypto';
import type { VersionDelete } from '../../../schemas/messages/table.ts';
import type { HeaderPair } from '../../support/sigv4-signer.ts';
import { OWNER, READER, s3World, STRANGER, type Answer, type S3World } from './s3-world.ts';

const START_MS = 1_700_000_000_000;
const DAY_MS = 86_400_000;
const LATER = new Date(START_MS + 10 * DAY_MS).toISOString();
const SOONER = new Date(START_MS + 5 * DAY_MS).toISOString();

function md5(body: string): HeaderPair {
  return ['content-md5', createHash('md5').update(body).digest('base64')];
}

async function lockedWorld(): Promise<S3World> {
  const world = s3World();
  const headers: HeaderPair[] = [['x-amz-bucket-object-lock-enabled', 'true']];
  const made = await world.ask({ method: 'PUT', target: '/vault', headers });
  if (made.status !== 200) throw new Error(made.text);
  return world;
}

function put(
  world: S3World,
  headers: readonly HeaderPair[] = [],
  target = '/vault/a',
): Promise<Answer> {
  return world.ask({ method: 'PUT', target, body: 'abc', headers: [md5('abc'), ...headers] });
}

function configuration(rule = '', enabled = 'Enabled'): string {
  const status = `<ObjectLockEnabled>${enabled}</ObjectLockEnabled>`;
  return `<ObjectLockConfiguration>${status}${rule}</ObjectLockConfiguration>`;
}

function rule(retention: string): string {
  return `<Rule><DefaultRetention>${retention}</DefaultRetention></Rule>`;
}

function configure(world: S3World, body: string, target = '/vault?object-lock'): Promise<Answer> {
  return world.ask({ method: 'PUT', target, body });
}

const YEAR = rule('<Mode>COMPLIANCE</Mode><Years>1</Years>');

test('a bucket with object lock keeps versions, for ever', async t => {
  const world = await lockedWorld();
  const versioning = await world.ask({ target: '/vault?versioning' });
  t.is(versioning.one('Status'), 'Enabled');
  const suspended = '<VersioningConfiguration><Status>Suspended</Status></VersioningConfiguration>';
  const suspend = await world.ask({ method: 'PUT', target: '/vault?versioning', body: suspended });
  t.is(suspend.code, 'InvalidBucketState');
  t.is(suspend.status, 409);
  const lock = await world.ask({ target: '/vault?object-lock' });
  t.is(lock.one('ObjectLockEnabled'), 'Enabled');
  t.is(lock.one('Rule'), undefined);
  const headers: HeaderPair[] = [['x-amz-bucket-object-lock-enabled', 'yes']];
  t.is((await world.ask({ method: 'PUT', target: '/other', headers })).code, 'InvalidArgument');
});

test('a configuration is put, told, and put again without a default', async t => {
  const world = await lockedWorld();
  t.is((await configure(world, configuration(YEAR))).status, 200);
  const told = await world.ask({ target: '/vault?object-lock' });
  t.is(told.one('Mode'), 'COMPLIANCE');
  t.is(told.one('Years'), '1');
  t.is(told.one('Days'), undefined);
  t.is((await configure(world, configuration())).status, 200);
  t.is((await world.ask({ target: '/vault?object-lock' })).one('Mode'), undefined);
});

test('object lock comes to a bucket only once it keeps versions', async t => {
  const world = s3World();
  const target = '/pictures?object-lock';
  t.is((await world.ask({ target })).code, 'ObjectLockConfigurationNotFoundError');
  t.is((await configure(world, configuration(YEAR), target)).code, 'InvalidBucketState');
  const enabled = '<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>';
  await world.ask({ method: 'PUT', target: '/pictures?versioning', body: enabled });
  t.is((await configure(world, configuration(YEAR), target)).status, 200);
  t.is((await world.ask({ target })).one('Years'), '1');
});

const CONFIGURATIONS: readonly (readonly [title: string, body: string, code: string])[] = [
  ['no document', '', 'MissingRequestBodyError'],
  ['another root', '<ObjectLock/>', 'MalformedXML'],
  ['no status', '<ObjectLockConfiguration/>', 'MalformedXML'],
  ['another status', configuration(YEAR, 'Disabled'), 'MalformedXML'],
  ['a rule of nothing', configuration('<Rule/>'), 'MalformedXML'],
  ['no mode', configuration(rule('<Days>1</Days>')), 'MalformedXML'],
  ['an unknown mode', configuration(rule('<Mode>STRICT</Mode><Days>1</Days>')), 'MalformedXML'],
  [
    'a mode in small letters',
    configuration(rule('<Mode>governance</Mode><Days>1</Days>')),
    'MalformedXML',
  ],
  ['no period', configuration(rule('<Mode>GOVERNANCE</Mode>')), 'MalformedXML'],
  [
    'two periods',
    configuration(rule('<Mode>GOVERNANCE</Mode><Days>1</Days><Years>1</Years>')),
    'MalformedXML',
  ],
  [
    'a word for days',
    configuration(rule('<Mode>GOVERNANCE</Mode><Days>ten</Days>')),
    'MalformedXML',
  ],
  [
    'no days',
    configuration(rule('<Mode>GOVERNANCE</Mode><Days>0</Days>')),
    'InvalidRetentionPeriod',
  ],
  [
    'negative years',
    configuration(rule('<Mode>GOVERNANCE</Mode><Years>-1</Years>')),
    'InvalidRetentionPeriod',
  ],
  [
    'more than a hundred years',
    configuration(rule('<Mode>GOVERNANCE</Mode><Days>36501</Days>')),
    'InvalidRetentionPeriod',
  ],
];
for (const [title, body, code] of CONFIGURATIONS) {
  test(`PutObjectLockConfiguration with ${title}: ${code}`, async t => {
    const world = await lockedWorld();
    const answer = await configure(world, body);
    t.is(answer.code, code);
    t.is(answer.status, 400);
  });
}

test('only the owner configures locks', async t => {
  const world = await lockedWorld();
  world.directory.addBucket('pictures', { [OWNER]: 'rwo', [READER]: 'rw' });
  const ask = { method: 'PUT', target: '/pictures?object-lock', body: configuration(YEAR) };
  t.is((await world.ask({ ...ask, as: READER })).code, 'AccessDenied');
});

const MODE = 'x-amz-object-lock-mode';
const UNTIL = 'x-amz-object-lock-retain-until-date';
const HOLD = 'x-amz-object-lock-legal-hold';

test('a lock comes with a version, and is told by GET and HEAD', async t => {
  const world = await lockedWorld();
  const headers: HeaderPair[] = [
    [MODE, 'GOVERNANCE'],
    [UNTIL, LATER],
    [HOLD, 'ON'],
  ];
  t.is((await put(world, headers)).status, 200);
  for (const method of ['GET', 'HEAD']) {
    const told = await world.ask({ method, target: '/vault/a' });
    t.deepEqual(
      headers.map(([name]) => told.header(name)),
      ['GOVERNANCE', LATER, 'ON'],
    );
  }
  await put(world, [], '/vault/bare');
  const bare = await world.ask({ target: '/vault/bare' });
  t.deepEqual(
    headers.map(([name]) => bare.header(name)),
    [undefined, undefined, undefined],
  );
});

test('the default comes with what asks for nothing, and not with a copy or a hold less', async t => {
  const world = await lockedWorld();
  await configure(world, configuration(rule('<Mode>GOVERNANCE</Mode><Days>3</Days>')));
  const until = async (target: string): Promise<string | undefined> =>
    (await world.ask({ method: 'HEAD', target })).header(UNTIL);
  await world.ask({ method: 'PUT', target: '/vault/plain', body: 'abc' });
  t.is(await until('/vault/plain'), new Date(START_MS + 3 * DAY_MS).toISOString());
  await put(world, [[HOLD, 'ON']]);
  t.is(await until('/vault/a'), new Date(START_MS + 3 * DAY_MS).toISOString());
  const own: HeaderPair[] = [
    [MODE, 'COMPLIANCE'],
    [UNTIL, LATER],
  ];
  await put(world, own);
  t.is(await until('/vault/a'), LATER);
  const source: HeaderPair = ['x-amz-copy-source', '/vault/a'];
  await world.ask({ method: 'PUT', target: '/vault/copy', headers: [source] });
  t.is(await until('/vault/copy'), new Date(START_MS + 3 * DAY_MS).toISOString());
  await world.ask({ method: 'PUT', target: '/vault/held', headers: [source, ...own] });
  t.is(await until('/vault/held'), LATER);
  await world.ask({ method: 'PUT', target: '/pictures/copy', headers: [source] });
  t.is(await until('/pictures/copy'), undefined);
});

test('what the default holds for years came as it was sent', async t => {
  const world = await lockedWorld();
  await configure(world, configuration(YEAR));
  const upload = { method: 'PUT', target: '/vault/a', body: 'abc' };
  const payload = 'UNSIGNED-PAYLOAD';
  t.is((await world.ask({ ...upload, payload })).code, 'InvalidRequest');
  t.is((await world.ask({ ...upload, payload, headers: [md5('abc')] })).status, 200);
  t.is((await world.ask(upload)).status, 200, 'its SHA-256 was signed');
});

const HEADERS: readonly (readonly [title: string, headers: readonly HeaderPair[], code: string])[] =
  [
    ['a mode alone', [[MODE, 'GOVERNANCE']], 'InvalidArgument'],
    ['a date alone', [[UNTIL, LATER]], 'InvalidArgument'],
    [
      'an unknown mode',
      [
        [MODE, 'governance'],
        [UNTIL, LATER],
      ],
      'InvalidArgument',
    ],
    [
      'a date that has passed',
      [
        [MODE, 'GOVERNANCE'],
        [UNTIL, new Date(START_MS).toISOString()],
      ],
      'InvalidArgument',
    ],
    [
      'no date',
      [
        [MODE, 'GOVERNANCE'],
        [UNTIL, 'for ever'],
      ],
      'InvalidArgument',
    ],
    ['an unknown hold', [[HOLD, 'on']], 'InvalidArgument'],
  ];
for (const [title, headers, code] of HEADERS) {
  test(`an upload with ${title} is refused: ${code}`, async t => {
    const world = await lockedWorld();
    t.is((await put(world, headers)).code, code);
    const create = await world.ask({ method: 'POST', target: '/vault/a?uploads', headers });
    t.is(create.code, code);
    t.is(world.objects.tables.objects.size, 0);
  });
}

test('a lock needs a bucket with locks, and a body that something vouches for', async t => {
  const world = await lockedWorld();
  const lock: HeaderPair[] = [
    [MODE, 'GOVERNANCE'],
    [UNTIL, LATER],
  ];
  t.is((await put(world, lock, '/pictures/a')).code, 'InvalidRequest');
  t.is((await put(world, [[HOLD, 'OFF']], '/pictures/a')).code, 'InvalidRequest');
  const unvouched = { method: 'PUT', target: '/vault/a', body: 'abc', headers: lock };
  t.is((await world.ask(unvouched)).code, 'InvalidRequest');
  const sha256 = createHash('sha256').update('abc').digest('base64');
  const vouched = [...lock, ['x-amz-checksum-sha256', sha256] as const];
  t.is((await world.ask({ ...unvouched, headers: vouched })).status, 200);
});

function retention(mode: string, until: string): string {
  return `<Retention><Mode>${mode}</Mode><RetainUntilDate>${until}</RetainUntilDate></Retention>`;
}

test('retention and hold are put and told', async t => {
  const world = await lockedWorld();
  await put(world);
  const ask = (method: string, what: string, body = ''): Promise<Answer> =>
    world.ask({ method, target: `/vault/a?${what}`, ...(body === '' ? {} : { body }) });
  t.is((await ask('GET', 'retention')).code, 'NoSuchObjectLockConfiguration');
  t.is((await ask('GET', 'legal-hold')).code, 'NoSuchObjectLockConfiguration');
  t.is((await ask('PUT', 'retention', retention('GOVERNANCE', LATER))).status, 200);
  const told = await ask('GET', 'retention');
  t.deepEqual([told.one('Mode'), told.one('RetainUntilDate')], ['GOVERNANCE', LATER]);
  t.is((await ask('GET', 'legal-hold')).code, 'NoSuchObjectLockConfiguration');
  for (const status of ['ON', 'OFF']) {
    const body = `<LegalHold><Status>${status}</Status></LegalHold>`;
    t.is((await ask('PUT', 'legal-hold', body)).status, 200);
    t.is((await ask('GET', 'legal-hold')).one('Status'), status);
    t.is((await ask('HEAD', 'x')).header(HOLD), status);
  }
  t.is((await ask('PUT', 'retention', retention('GOVERNANCE', SOONER))).code, 'AccessDenied');
  t.is((await world.ask({ target: '/vault/none?retention' })).code, 'NoSuchKey');
});

const RETENTIONS: readonly (readonly [title: string, body: string, code: string])[] = [
  ['no document', '', 'MissingRequestBodyError'],
  ['a mode alone', '<Retention><Mode>GOVERNANCE</Mode></Retention>', 'MalformedXML'],
  [
    'a date alone',
    `<Retention><RetainUntilDate>${LATER}</RetainUntilDate></Retention>`,
    'MalformedXML',
  ],
  ['an unknown mode', retention('governance', LATER), 'MalformedXML'],
  ['no date', retention('GOVERNANCE', 'tomorrow'), 'MalformedXML'],
  ['a date that has passed', retention('GOVERNANCE', '2023-01-01T00:00:00Z'), 'InvalidArgument'],
];
for (const [title, body, code] of RETENTIONS) {
  test(`PutObjectRetention with ${title}: ${code}`, async t => {
    const world = await lockedWorld();
    await put(world);
    const answer = await world.ask({ method: 'PUT', target: '/vault/a?retention', body });
    t.is(answer.code, code);
  });
}

test('a bucket without locks has no retention and no hold', async t => {
  const world = s3World();
  await put(world, [], '/pictures/a');
  const asks = [
    ['GET', 'retention', undefined],
    ['GET', 'legal-hold', undefined],
    ['PUT', 'retention', retention('GOVERNANCE', LATER)],
    ['PUT', 'legal-hold', '<LegalHold><Status>ON</Status></LegalHold>'],
  ] as const;
  for (const [method, what, body] of asks) {
    const target = `/pictures/a?${what}`;
    const answer = await world.ask(
      body === undefined ? { method, target } : { method, target, body },
    );
    t.is(answer.code, 'InvalidRequest');
  }
  t.is((await lockedHold(world, 'MAYBE')).code, 'InvalidRequest');
  t.is((await lockedHold(await lockedWorld(), 'MAYBE', '/vault/a')).code, 'MalformedXML');
});

function lockedHold(world: S3World, status: string, path = '/pictures/a'): Promise<Answer> {
  const body = `<LegalHold><Status>${status}</Status></LegalHold>`;
  return world.ask({ method: 'PUT', target: `${path}?legal-hold`, body });
}

test('governance is bypassed by who asks for it and may', async t => {
  const world = await lockedWorld();
  const vault = world.directory.buckets.get('vault');
  const grants = [{ accessKeyId: STRANGER as never, read: true, write: true, owner: false }];
  if (vault !== undefined) {
    world.directory.set('vault', { ...vault, grants: [...vault.grants, ...grants] });
  }
  await put(world);
  await world.ask({
    ...{ method: 'PUT', target: '/vault/a?retention' },
    body: retention('GOVERNANCE', LATER),
  });
  const headers: HeaderPair[] = [['x-amz-bypass-governance-retention', 'true']];
  const shorten = { method: 'PUT', target: '/vault/a?retention' };
  const body = retention('GOVERNANCE', SOONER);
  t.is((await world.ask({ ...shorten, body })).code, 'AccessDenied');
  t.is((await world.ask({ ...shorten, body, headers, as: STRANGER })).code, 'AccessDenied');
  t.is((await world.ask({ ...shorten, body, headers })).status, 200);
  t.is((await world.ask({ target: '/vault/a?retention' })).one('RetainUntilDate'), SOONER);
  const none = '<Retention/>';
  t.is((await world.ask({ ...shorten, body: none, headers })).status, 200);
  t.is((await world.ask({ target: '/vault/a?retention' })).code, 'NoSuchObjectLockConfiguration');
});

test('a policy bounds retentions, in headers and in documents', async t => {
  const world = await lockedWorld();
  const deny = (Action: string, condition: object): object => ({
    ...{ Effect: 'Deny', Principal: '*', Action, Resource: 'arn:aws:s3:::vault/*' },
    Condition: condition,
  });
  const days = (count: string) => ({
    NumericGreaterThan: { 's3:object-lock-remaining-retention-days': count },
  });
  const policy = {
    Version: '2012-10-17',
    Statement: [
      deny('s3:PutObjectRetention', days('10')),
      deny('s3:PutObjectRetention', { StringEquals: { 's3:object-lock-mode': 'COMPLIANCE' } }),
      deny('s3:PutObjectLegalHold', { StringEquals: { 's3:object-lock-legal-hold': 'OFF' } }),
    ],
  };
  const set = { method: 'PUT', target: '/vault?policy', body: JSON.stringify(policy) };
  t.is((await world.ask(set)).status, 204);
  const until = (count: number): string => new Date(START_MS + count * DAY_MS).toISOString();
  const upload = async (mode: string, date: string) => {
    const headers: HeaderPair[] = [
      [MODE, mode],
      [UNTIL, date],
    ];
    const answer = await put(world, headers);
    return answer.code ?? answer.status;
  };
  t.is(await upload('GOVERNANCE', until(10)), 200);
  t.is(await upload('GOVERNANCE', until(10.1)), 'AccessDenied');
  t.is(await upload('COMPLIANCE', until(1)), 'AccessDenied');
  const retain = async (body: string) => {
    const answer = await world.ask({ method: 'PUT', target: '/vault/a?retention', body });
    return answer.code ?? answer.status;
  };
  t.is(await retain(retention('GOVERNANCE', until(11))), 'AccessDenied');
  t.is(await retain(retention('COMPLIANCE', until(10))), 'AccessDenied');
  t.is(await retain(retention('GOVERNANCE', until(10))), 200);
  t.is((await lockedHold(world, 'ON', '/vault/a')).status, 200);
  t.is((await lockedHold(world, 'OFF', '/vault/a')).code, 'AccessDenied');
  const stranger = { method: 'PUT', target: '/vault/a?retention', as: STRANGER };
  const body = retention('GOVERNANCE', until(10));
  t.is((await world.ask({ ...stranger, body })).code, 'AccessDenied');
  const nobody = { ...stranger, body, headers: [md5(body)], as: 'nobody' };
  t.is((await world.ask(nobody)).code, 'AccessDenied');
});

test('a deletion of a version says whether governance may be bypassed', async t => {
  const world = await lockedWorld();
  const deletions: VersionDelete[] = [];
  const usual = world.objects.tables.interfere;
  world.objects.tables.interfere = request => {
    if (request.kind !== 'version-delete') return usual(request);
    deletions.push(request);
    return { kind: 'version-locked', because: 'held' };
  };
  const headers: HeaderPair[] = [['x-amz-bypass-governance-retention', 'true']];
  const target = `/vault/a?versionId=${'0'.repeat(32)}`;
  const held = await world.ask({ method: 'DELETE', target });
  t.is(held.code, 'AccessDenied');
  t.regex(held.text, /object lock/);
  await world.ask({ method: 'DELETE', target, headers });
  const entry = `<Object><Key>a</Key><VersionId>${'0'.repeat(32)}</VersionId></Object>`;
  const body = `<Delete>${entry}</Delete>`;
  const several = { method: 'POST', target: '/vault?delete', body };
  const answer = await world.ask({ ...several, headers: [md5(body), ...headers] });
  t.deepEqual(answer.all('Code'), ['AccessDenied']);
  t.deepEqual(
    deletions.map(({ mayBypass }) => mayBypass === true),
    [false, true, true],
  );
});

test('who may read an object is not told of its lock unless that is allowed, too', async t => {
  const world = await lockedWorld();
  await put(world, [[HOLD, 'ON']]);
  const policy = (actions: string): string =>
    `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":${actions},` +
    '"Resource":"arn:aws:s3:::vault/*"}]}';
  const told = async (actions: string): Promise<string | undefined> => {
    const set = { method: 'PUT', target: '/vault?policy', body: policy(actions) };
    t.is((await world.ask(set)).status, 204);
    const answer = await world.ask({ target: '/vault/a', as: 'nobody' });
    t.is(answer.status, 200);
    return answer.header(HOLD);
  };
  t.is(await told('"s3:GetObject"'), undefined);
  t.is(await told('["s3:GetObject","s3:GetObjectLegalHold"]'), 'ON');
});
