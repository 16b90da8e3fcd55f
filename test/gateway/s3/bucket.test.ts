import test from 'ava';
import type { HeaderPair } from '../../support/sigv4-signer.ts';
import { OWNER, READER, s3World, STRANGER } from './s3-world.ts';

function configuration(content: string): string {
  const namespace = 'http://s3.amazonaws.com/doc/2006-03-01/';
  return `<CreateBucketConfiguration xmlns="${namespace}">${content}</CreateBucketConfiguration>`;
}

function located(region: string): string {
  return configuration(`<LocationConstraint>${region}</LocationConstraint>`);
}

function tagged(key: string, value: string): string {
  return `<Tags><Tag><Key>${key}</Key><Value>${value}</Value></Tag></Tags>`;
}

for (const name of [
  'ab',
  'a'.repeat(64),
  'UPPER',
  'a..b',
  '-ab',
  'ab-',
  '192.168.0.1',
  'xn--abc',
  'a_b',
  'abc-s3alias',
]) {
  test(`no bucket is called ${name}`, async t => {
    const world = s3World();
    const answer = await world.ask({ method: 'PUT', target: `/${name}` });
    t.is(answer.code, 'InvalidBucketName');
    t.is(answer.status, 400);
    t.false(world.directory.buckets.has(name));
  });
}

test('a bucket is made, and found again', async t => {
  const world = s3World();
  const made = await world.ask({ method: 'PUT', target: '/new.one' });
  t.is(made.status, 200);
  t.is(made.header('location'), '/new.one');
  t.is(made.text, '');
  const head = await world.ask({ method: 'HEAD', target: '/new.one' });
  t.is(head.status, 200);
  t.is(head.header('x-amz-bucket-region'), 'garage');
  t.is((await world.ask({ target: '/?x-id=ListBuckets' })).all('Name').join(), 'new.one,pictures');
});

test('a name that is taken is told by whom', async t => {
  const world = s3World();
  world.directory.addBucket('foreign', { [STRANGER]: 'rwo' });
  const mine = await world.ask({ method: 'PUT', target: '/pictures' });
  t.is(mine.status, 409);
  t.is(mine.code, 'BucketAlreadyOwnedByYou');
  const foreign = await world.ask({ method: 'PUT', target: '/foreign' });
  t.is(foreign.status, 409);
  t.is(foreign.code, 'BucketAlreadyExists');
});

const creations: readonly (readonly [
  title: string,
  body: string,
  headers: readonly HeaderPair[],
  code: string | undefined,
])[] = [
  ['the right location', located('garage'), [], undefined],
  ['no location', configuration(''), [], undefined],
  ['an empty location', located(''), [], undefined],
  ['another region', located('eu-west-1'), [], 'IllegalLocationConstraintException'],
  ['no region at all', located('nowhere'), [], 'InvalidLocationConstraint'],
  ['two locations', configuration('<LocationConstraint/>'.repeat(2)), [], 'MalformedXML'],
  ['an unknown element', configuration('<Foo/>'), [], 'MalformedXML'],
  [
    'a directory bucket',
    configuration('<Bucket><Type>Directory</Type></Bucket>'),
    [],
    'NotImplemented',
  ],
  ['tags', configuration(tagged('team', 'web')), [], undefined],
  ['a tag without a key', configuration('<Tags><Tag/></Tags>'), [], 'MalformedXML'],
  ['a tag of AWS', configuration(tagged('aws:x', '')), [], 'InvalidTag'],
  ['another document', '<Delete/>', [], 'MalformedXML'],
  ['a private ACL', '', [['x-amz-acl', 'private']], undefined],
  ['a public ACL', '', [['x-amz-acl', 'public-read']], 'InvalidBucketAclWithObjectOwnership'],
  [
    'a public ACL and another ownership',
    '',
    [
      ['x-amz-acl', 'public-read'],
      ['x-amz-object-ownership', 'ObjectWriter'],
    ],
    undefined,
  ],
  ['no ACL that there is', '', [['x-amz-acl', 'mine']], 'InvalidArgument'],
  ['an ACL for services of AWS', '', [['x-amz-acl', 'aws-exec-read']], 'NotImplemented'],
  ['a grant', '', [['x-amz-grant-read', 'id=x']], 'NotImplemented'],
  ['a lock', '', [['x-amz-bucket-object-lock-enabled', 'true']], undefined],
  ['no lock', '', [['x-amz-bucket-object-lock-enabled', 'false']], undefined],
  ['the usual ownership', '', [['x-amz-object-ownership', 'BucketOwnerEnforced']], undefined],
  ['another ownership', '', [['x-amz-object-ownership', 'ObjectWriter']], undefined],
  ['no ownership', '', [['x-amz-object-ownership', 'mine']], 'InvalidArgument'],
];

for (const [title, body, headers, code] of creations) {
  test(`CreateBucket with ${title}: ${code ?? 'made'}`, async t => {
    const world = s3World();
    const answer = await world.ask({ method: 'PUT', target: '/newone', body, headers });
    t.is(answer.code, code, answer.text);
    t.is(world.directory.buckets.has('newone'), code === undefined);
  });
}

test('DeleteBucket tells what became of it', async t => {
  const world = s3World();
  for (const [kind, status, code] of [
    ['deleted', 204, undefined],
    ['not-empty', 409, 'BucketNotEmpty'],
    ['gone', 404, 'NoSuchBucket'],
    ['unavailable', 503, 'ServiceUnavailable'],
  ] as const) {
    world.directory.deletion = kind;
    const answer = await world.ask({ method: 'DELETE', target: '/pictures' });
    t.is(answer.status, status);
    t.is(answer.code, code);
  }
});

test('the probes of clients are answered', async t => {
  const world = s3World();
  const location = await world.ask({ target: '/pictures?location' });
  t.is(
    location.text,
    '<?xml version="1.0" encoding="UTF-8"?>\n<LocationConstraint ' +
      'xmlns="http://s3.amazonaws.com/doc/2006-03-01/">garage</LocationConstraint>',
  );
  const versioning = await world.ask({ target: '/pictures?versioning' });
  t.true(versioning.text.includes('<VersioningConfiguration'));
  t.is(versioning.one('Status'), undefined);
  const owner = await world.ask({ target: '/pictures?acl' });
  t.deepEqual(owner.all('Permission'), ['FULL_CONTROL']);
  t.deepEqual(owner.all('ID'), [OWNER, OWNER]);
  const reader = await world.ask({ target: '/pictures?acl', as: READER });
  t.deepEqual(reader.all('Permission'), ['READ', 'READ_ACP']);
});

test('ListBuckets shows a key its own buckets, by prefix and in pages', async t => {
  const world = s3World();
  for (const name of ['aa-1', 'aa-2', 'aa-3', 'bb-1']) {
    world.directory.addBucket(name, { [OWNER]: 'r' });
  }
  world.directory.addBucket('aa-foreign', { [STRANGER]: 'r' });
  const all = await world.ask({ target: '/' });
  t.deepEqual(all.all('Name'), ['aa-1', 'aa-2', 'aa-3', 'bb-1', 'pictures']);
  t.is(all.one('ID'), OWNER);
  t.is(all.one('CreationDate'), '2020-09-13T12:26:40.000Z');
  t.is(all.one('BucketRegion'), undefined);

  const first = await world.ask({ target: '/?prefix=aa-&max-buckets=2' });
  t.deepEqual(first.all('Name'), ['aa-1', 'aa-2']);
  t.is(first.one('Prefix'), 'aa-');
  t.is(first.one('BucketRegion'), 'garage');
  const token = encodeURIComponent(first.one('ContinuationToken') ?? '');
  const target = `/?prefix=aa-&max-buckets=2&continuation-token=${token}`;
  const second = await world.ask({ target });
  t.deepEqual(second.all('Name'), ['aa-3']);
  t.is(second.one('ContinuationToken'), undefined);

  t.deepEqual((await world.ask({ target: '/?bucket-region=mars' })).all('Name'), []);
  t.deepEqual((await world.ask({ target: '/', as: READER })).all('Name'), ['pictures']);
  for (const query of [
    'max-buckets=0',
    'max-buckets=10001',
    'max-buckets=x',
    'continuation-token=%25',
  ]) {
    t.is((await world.ask({ target: `/?${query}` })).code, 'InvalidArgument');
  }
});
