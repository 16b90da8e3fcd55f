// Method: lists and the settings around them through a whole door in process; then nobody, a key
// without grants and the owner ask.
import test from 'ava';
import type { BucketSettings } from '../../../schemas/records/bucket-row.ts';
import { OWNER, READER, s3World, STRANGER, type Answer, type S3World } from './s3-world.ts';

const ACL = 'x-amz-acl';
const ALL_USERS = 'http://acs.amazonaws.com/groups/global/AllUsers';
const AUTHENTICATED = 'http://acs.amazonaws.com/groups/global/AuthenticatedUsers';

/** Where lists are possible. */
function openWorld(settings: BucketSettings = {}): S3World {
  const world = s3World();
  const row = world.directory.buckets.get('pictures');
  if (row === undefined) throw new Error('no bucket');
  world.directory.set('pictures', { ...row, ownership: 'ObjectWriter', ...settings });
  return world;
}

async function outcome(asked: Promise<Answer>): Promise<string> {
  const { status, code } = await asked;
  return code === undefined ? String(status) : `${String(status)} ${code}`;
}

function put(world: S3World, key: string, acl?: string): Promise<Answer> {
  const headers = acl === undefined ? [] : [[ACL, acl] as const];
  return world.ask({ method: 'PUT', target: `/pictures/${key}`, body: key, headers });
}

function get(world: S3World, target: string, as = 'nobody'): Promise<string> {
  return outcome(world.ask({ target: `/pictures${target}`, as }));
}

function putAcl(world: S3World, target: string, acl: string): Promise<string> {
  const headers = [[ACL, acl]] as const;
  return outcome(world.ask({ method: 'PUT', target: `/pictures${target}?acl`, headers }));
}

test('an object is read by whom its list says', async t => {
  const world = openWorld();
  const readers = async (acl: string): Promise<readonly string[]> => {
    t.is((await put(world, acl, acl)).status, 200);
    const who = { nobody: 'nobody', stranger: STRANGER, reader: READER };
    const allowed: string[] = [];
    for (const [name, as] of Object.entries(who)) {
      const said = await get(world, `/${acl}`, as);
      if (said === '200') allowed.push(name);
      else t.is(said, '403 AccessDenied');
    }
    return allowed;
  };
  t.deepEqual(await readers('private'), ['reader']);
  t.deepEqual(await readers('public-read'), ['nobody', 'stranger', 'reader']);
  t.deepEqual(await readers('public-read-write'), ['nobody', 'stranger', 'reader']);
  t.deepEqual(await readers('authenticated-read'), ['stranger', 'reader']);
  t.deepEqual(await readers('bucket-owner-read'), ['reader']);
});

test('a list is not told as a header, not copied, and not lent to other operations', async t => {
  const world = openWorld();
  await put(world, 'open', 'public-read');
  const read = await world.ask({ target: '/pictures/open' });
  t.is(read.header(ACL), undefined);
  const source = [['x-amz-copy-source', '/pictures/open']] as const;
  await world.ask({ method: 'PUT', target: '/pictures/copy', headers: source });
  t.is(await get(world, '/copy'), '403 AccessDenied');
  t.is(await get(world, '/open?acl'), '403 AccessDenied');
  t.is(await get(world, '/open?tagging'), '403 AccessDenied');
  for (const method of ['PUT', 'DELETE']) {
    const asked = world.ask({ method, target: '/pictures/open', as: 'nobody' });
    t.is(await outcome(asked), '403 AccessDenied');
  }
});

test('nobody learns whether a private object is there, nor anything of it', async t => {
  const world = openWorld();
  await put(world, 'shut');
  const since = [['if-modified-since', 'Fri, 24 May 2013 00:00:00 GMT']] as const;
  const texts = ['/pictures/shut', '/pictures/gone'].map(async target => {
    const answer = await world.ask({ target, as: 'nobody', headers: since });
    t.is(answer.status, 403);
    t.is(answer.header('etag'), undefined);
    const id = answer.header('x-amz-request-id') ?? '';
    return answer.text.replaceAll(id, '').replaceAll(target, '');
  });
  t.is(await texts[0], await texts[1]);
});

test('a list is changed, told, and stays with the object', async t => {
  const world = openWorld();
  await put(world, 'k', 'public-read');
  const told = async (as = OWNER): Promise<readonly string[]> => {
    const answer = await world.ask({ target: '/pictures/k?acl', as });
    return [...answer.all('URI'), ...answer.all('Permission')];
  };
  t.deepEqual(await told(), [ALL_USERS, 'FULL_CONTROL', 'READ']);
  t.is(await putAcl(world, '/k', 'private'), '200');
  t.deepEqual(await told(), ['FULL_CONTROL']);
  t.is(await get(world, '/k'), '403 AccessDenied');
  t.is(await putAcl(world, '/k', 'authenticated-read'), '200');
  t.deepEqual(await told(), [AUTHENTICATED, 'FULL_CONTROL', 'READ']);
  t.deepEqual(await told(READER), [AUTHENTICATED, 'READ', 'READ_ACP', 'READ']);
  t.is(await get(world, '/k', STRANGER), '200');
  t.is(await putAcl(world, '/missing', 'private'), '404 NoSuchKey');
  t.is((await world.ask({ target: '/pictures/k' })).text, 'k');
});

test('the list of a bucket lets everybody list, or write, too', async t => {
  const world = openWorld();
  await put(world, 'k');
  t.is(await get(world, ''), '403 AccessDenied');
  t.is(await putAcl(world, '', 'public-read'), '200');
  t.is(await get(world, '?list-type=2'), '200');
  t.is(await get(world, '/k'), '403 AccessDenied');
  t.is(await get(world, '/missing'), '404 NoSuchKey');
  const write = (method: string, target: string): Promise<string> =>
    outcome(world.ask({ method, target: `/pictures${target}`, body: 'x', as: 'nobody' }));
  t.is(await write('PUT', '/new'), '403 AccessDenied');
  t.is(await putAcl(world, '', 'public-read-write'), '200');
  t.is(await write('PUT', '/new'), '200');
  t.is(await write('DELETE', '/k'), '204');
  t.is(await write('PUT', '?cors'), '403 AccessDenied');
  const told = await world.ask({ target: '/pictures?acl' });
  t.deepEqual(told.all('Permission'), ['FULL_CONTROL', 'READ', 'WRITE']);
  t.is(await putAcl(world, '', 'private'), '200');
  t.is(await write('PUT', '/new'), '403 AccessDenied');
});

test('grants in headers are taken where a canned list says the same', async t => {
  const world = openWorld();
  const everybody = `uri="${ALL_USERS}"`;
  const granted = async (
    headers: readonly (readonly [string, string])[],
    target = '/pictures/k',
  ): Promise<string> => {
    const body = target.includes('?') ? '' : 'k';
    const answer = await world.ask({ method: 'PUT', target, headers, body, as: OWNER });
    if (answer.status !== 200) return `${answer.status} ${answer.code}`;
    const told = await world.ask({ target: '/pictures/k?acl', as: OWNER });
    return [...told.all('URI'), ...told.all('Permission')].join(' ');
  };
  const full = ['x-amz-grant-full-control', `id="${OWNER}"`] as const;
  t.is(await granted([full]), 'FULL_CONTROL');
  t.is(await granted([full, ['x-amz-grant-read', everybody]]), `${ALL_USERS} FULL_CONTROL READ`);
  t.is(
    await granted([['x-amz-grant-read', `uri=${AUTHENTICATED}`]], '/pictures/k?acl'),
    `${AUTHENTICATED} FULL_CONTROL READ`,
  );
  t.is(await granted([['x-amz-grant-read', `id="${STRANGER}"`]]), '501 NotImplemented');
  t.is(await granted([['x-amz-grant-read-acp', everybody]]), '501 NotImplemented');
  t.is(await granted([['x-amz-grant-read', 'everybody']]), '400 InvalidArgument');
  t.is(
    await granted([
      ['x-amz-acl', 'private'],
      ['x-amz-grant-read', everybody],
    ]),
    '400 InvalidRequest',
  );
  const row = world.directory.buckets.get('pictures');
  if (row === undefined) throw new Error('no bucket');
  world.directory.set('pictures', { ...row, ownership: 'BucketOwnerEnforced' });
  for (const target of ['/pictures/k', '/pictures/k?acl', '/pictures?acl']) {
    const grants = [['x-amz-grant-read', everybody]] as const;
    t.is(await granted(grants, target), '400 AccessControlListNotSupported');
  }
});

test('where the owner is enforced, lists are refused and none counts', async t => {
  const world = openWorld();
  await put(world, 'open', 'public-read');
  await putAcl(world, '', 'public-read');
  const row = world.directory.buckets.get('pictures');
  if (row === undefined) throw new Error('no bucket');
  world.directory.set('pictures', { ...row, ownership: 'BucketOwnerEnforced' });
  t.is(await get(world, ''), '403 AccessDenied');
  t.is(await get(world, '/open'), '403 AccessDenied');
  for (const acl of ['public-read', 'authenticated-read', 'bucket-owner-read']) {
    t.is(await outcome(put(world, 'k', acl)), '400 AccessControlListNotSupported');
    t.is(await putAcl(world, '', acl), '400 AccessControlListNotSupported');
    t.is(await putAcl(world, '/open', acl), '400 AccessControlListNotSupported');
  }
  for (const acl of ['private', 'bucket-owner-full-control']) {
    t.is(await outcome(put(world, 'k', acl)), '200');
    t.is(await putAcl(world, '', acl), '200');
    t.is(await putAcl(world, '/open', acl), '200');
  }
  t.is(await outcome(put(world, 'k', 'mine')), '400 InvalidArgument');
  const refused = await put(world, 'k', 'public-read');
  t.true(refused.text.includes('BucketOwnerEnforced'));
});

const XSI = 'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"';
const grantee = (type: string, inner: string): string =>
  `<Grantee ${XSI} xsi:type="${type}">${inner}</Grantee>`;
const grant = (who: string, permission: string): string =>
  `<Grant>${who}<Permission>${permission}</Permission></Grant>`;
const all = grantee('Group', `<URI>${ALL_USERS}</URI>`);
const signed = grantee('Group', `<URI>${AUTHENTICATED}</URI>`);
const owner = grantee('CanonicalUser', `<ID>${OWNER}</ID><DisplayName>me</DisplayName>`);
const stranger = grantee('CanonicalUser', `<ID>${STRANGER}</ID>`);

const documents: readonly (readonly [
  title: string,
  grants: string,
  outcome: string,
  ...string[],
])[] = [
  ['nothing', '', '200', 'FULL_CONTROL'],
  ['the owner', grant(owner, 'FULL_CONTROL'), '200', 'FULL_CONTROL'],
  [
    'everybody reading',
    grant(owner, 'FULL_CONTROL') + grant(all, 'READ'),
    '200',
    ...['FULL_CONTROL', 'READ'],
  ],
  [
    'everybody writing, in the other order',
    grant(all, 'WRITE') + grant(all, 'READ') + grant(owner, 'FULL_CONTROL'),
    '200',
    ...['FULL_CONTROL', 'READ', 'WRITE'],
  ],
  ['all keys', grant(signed, 'READ'), '200', 'FULL_CONTROL', 'READ'],
  ['somebody else', grant(stranger, 'READ'), '501 NotImplemented', 'FULL_CONTROL'],
  ['everybody writing alone', grant(all, 'WRITE'), '501 NotImplemented', 'FULL_CONTROL'],
  [
    'an e-mail address',
    grant(grantee('AmazonCustomerByEmail', '<EmailAddress>a@b.c</EmailAddress>'), 'READ'),
    '501 NotImplemented',
    'FULL_CONTROL',
  ],
  ['another permission', grant(all, 'FROB'), '400 MalformedACLError', 'FULL_CONTROL'],
  ['no grantee', grant('', 'READ'), '400 MalformedACLError', 'FULL_CONTROL'],
  ['an unknown element', '<Foo/>', '400 MalformedACLError', 'FULL_CONTROL'],
];

for (const [title, grants, expected, ...permissions] of documents) {
  test(`a list as a document: ${title}`, async t => {
    const world = openWorld();
    await put(world, 'k');
    const body =
      `<AccessControlPolicy><Owner><ID>${OWNER}</ID></Owner>` +
      `<AccessControlList>${grants}</AccessControlList></AccessControlPolicy>`;
    for (const target of ['/pictures?acl', '/pictures/k?acl']) {
      t.is(await outcome(world.ask({ method: 'PUT', target, body })), expected);
      t.deepEqual((await world.ask({ target })).all('Permission'), permissions);
    }
  });
}

test('a request that puts a list says it in one way', async t => {
  const world = openWorld();
  const ask = (headers: readonly (readonly [string, string])[], body?: string): Promise<string> => {
    const asked = { method: 'PUT', target: '/pictures?acl', headers };
    return outcome(world.ask(body === undefined ? asked : { ...asked, body }));
  };
  t.is(await ask([]), '400 MissingSecurityHeader');
  t.is(await ask([[ACL, 'private']], '<x/>'), '400 UnexpectedContent');
  t.is(await ask([], '<x/>'), '400 MalformedACLError');
  t.is(await ask([['x-amz-grant-read', `uri="${ALL_USERS}"`]], '<x/>'), '400 UnexpectedContent');
});

test('ownership controls are put, got and deleted', async t => {
  const world = s3World();
  const target = '/pictures?ownershipControls';
  const set = (content: string, as = OWNER): Promise<string> => {
    const body = `<OwnershipControls>${content}</OwnershipControls>`;
    return outcome(world.ask({ method: 'PUT', target, body, as }));
  };
  const rule = (name: string): string => `<Rule><ObjectOwnership>${name}</ObjectOwnership></Rule>`;
  const told = async (): Promise<string | undefined> =>
    (await world.ask({ target })).one('ObjectOwnership');
  t.is(await told(), 'BucketOwnerEnforced');
  for (const name of ['BucketOwnerPreferred', 'ObjectWriter', 'BucketOwnerEnforced']) {
    t.is(await set(rule(name)), '200');
    t.is(await told(), name);
  }
  t.is(await set(rule('Mine')), '400 MalformedXML');
  t.is(await set(''), '400 MalformedXML');
  t.is(await set(rule('ObjectWriter') + rule('ObjectWriter')), '400 MalformedXML');
  t.is(await set(rule('ObjectWriter'), READER), '403 AccessDenied');
  t.is(await outcome(world.ask({ method: 'DELETE', target })), '204');
  t.is(await outcome(world.ask({ target })), '404 OwnershipControlsNotFoundError');
  t.is(await putAcl(world, '', 'public-read'), '200');
  t.is(await set(rule('BucketOwnerEnforced')), '400 InvalidBucketAclWithObjectOwnership');
});

test('a public access block is put, got and deleted', async t => {
  const world = s3World();
  const target = '/pictures?publicAccessBlock';
  const set = (content: string): Promise<string> => {
    const root = 'PublicAccessBlockConfiguration';
    const body = `<${root}>${content}</${root}>`;
    return outcome(world.ask({ method: 'PUT', target, body }));
  };
  t.is(await set('<BlockPublicAcls>true</BlockPublicAcls>'), '200');
  const told = await world.ask({ target });
  t.is(told.one('BlockPublicAcls'), 'true');
  for (const name of ['IgnorePublicAcls', 'BlockPublicPolicy', 'RestrictPublicBuckets']) {
    t.is(told.one(name), 'false');
  }
  t.is(await set('<BlockPublicAcls>maybe</BlockPublicAcls>'), '400 MalformedXML');
  t.is(await set('<Foo>true</Foo>'), '400 MalformedXML');
  t.is(await outcome(world.ask({ method: 'DELETE', target })), '204');
  t.is(await outcome(world.ask({ target })), '404 NoSuchPublicAccessBlockConfiguration');
});

test('public lists are blocked, and ignored, where the bucket says so', async t => {
  const none = { ignorePublicAcls: false, blockPublicPolicy: false, restrictPublicBuckets: false };
  const blocked = openWorld({ publicAccessBlock: { ...none, blockPublicAcls: true } });
  t.is(await outcome(put(blocked, 'k', 'public-read')), '403 AccessDenied');
  t.is(await outcome(put(blocked, 'k', 'authenticated-read')), '403 AccessDenied');
  t.is(await putAcl(blocked, '', 'public-read-write'), '403 AccessDenied');
  t.is(await outcome(put(blocked, 'k', 'bucket-owner-read')), '200');
  const publicAccessBlock = { ...none, blockPublicAcls: false, ignorePublicAcls: true };
  const ignoring = openWorld({ publicAccessBlock, acl: 'public-read' });
  t.is(await outcome(put(ignoring, 'k', 'public-read')), '200');
  const asked = ignoring.objects.tables.requests.length;
  t.is(await get(ignoring, '/k'), '403 AccessDenied');
  t.is(await get(ignoring, ''), '403 AccessDenied');
  t.is(ignoring.objects.tables.requests.length, asked);
});

test('a bucket is made with the ownership and the list that were asked for', async t => {
  const world = s3World({ ownership: 'BucketOwnerPreferred' });
  const headers = [[ACL, 'public-read']] as const;
  t.is(await outcome(world.ask({ method: 'PUT', target: '/newone', headers })), '200');
  const row = world.directory.buckets.get('newone');
  t.is(row?.ownership, 'BucketOwnerPreferred');
  t.is(row?.acl, 'public-read');
  const plain = s3World();
  await plain.ask({ method: 'PUT', target: '/newone' });
  t.is(plain.directory.buckets.get('newone')?.ownership, 'BucketOwnerEnforced');
});
