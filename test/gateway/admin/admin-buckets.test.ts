import test from 'ava';
import type { BucketAnswer, BucketLine } from '../../../deploy/cli/api-answers.ts';
import { adminWorld, refusal, type AdminWorld } from './admin-world.ts';

type Made = { readonly accessKeyId: string };

async function makeKey({ call }: AdminWorld, name = 'k'): Promise<string> {
  return (await call<Made>('CreateKey', { name })).accessKeyId;
}

async function makeBucket({ call }: AdminWorld, globalAlias = 'web'): Promise<BucketAnswer> {
  return call<BucketAnswer>('CreateBucket', { globalAlias });
}

test('a bucket is made, listed, found by name, id and the beginning of its id', async t => {
  const world = adminWorld();
  const { call } = world;
  const made = await makeBucket(world);
  t.regex(made.id, /^[0-9a-f]{64}$/);
  t.like(made, {
    created: '2023-11-14T22:13:20.000Z',
    globalAliases: ['web'],
    websiteAccess: false,
    keys: [],
    objects: 0,
    quotas: { maxSize: null, maxObjects: null },
  });
  t.false('websiteConfig' in made);
  t.deepEqual(await call<BucketLine[]>('ListBuckets'), [
    { id: made.id, created: made.created, globalAliases: ['web'], localAliases: [] },
  ]);
  const { id } = made;
  const ways = [{ id }, { globalAlias: 'web' }, { search: 'web' }, { search: id.slice(0, 8) }];
  for (const way of ways) t.is((await call<BucketAnswer>('GetBucketInfo', way)).id, id);
});

test('a bucket is asked for in exactly one way', async t => {
  const world = adminWorld();
  await makeBucket(world);
  const ask = (params: unknown): Promise<string> => refusal(world.call('GetBucketInfo', params));
  t.is(await ask({}), 'InvalidRequest');
  t.is(await ask({ search: 'web', globalAlias: 'web' }), 'InvalidRequest');
  t.is(await ask({ search: 'nosuch' }), 'NoSuchBucket');
  t.is(await ask({ globalAlias: 'nosuch' }), 'NoSuchBucket');
  t.is(await ask({ id: 'f'.repeat(64) }), 'NoSuchBucket');
  t.is(await ask({ search: '' }), 'NoSuchBucket');
});

test('a beginning that two ids share names neither', async t => {
  const world = adminWorld();
  const made = await Promise.all(
    Array.from({ length: 17 }, (_, index) => makeBucket(world, `bucket-${String(index)}`)),
  );
  const digits = made.map(({ id }) => id.slice(0, 1));
  const shared = digits.find((digit, index) => digits.indexOf(digit) !== index) ?? '';
  t.not(shared, '', 'sixteen digits and seventeen ids');
  t.is(await refusal(world.call('GetBucketInfo', { search: shared })), 'InvalidRequest');
});

test('a name belongs to one bucket, and must be a name', async t => {
  const world = adminWorld();
  const { call } = world;
  await makeBucket(world);
  t.is(await refusal(call('CreateBucket', { globalAlias: 'web' })), 'BucketAlreadyExists');
  for (const globalAlias of ['ab', 'UPPER', '192.168.0.1', 'xn--a', 'a_b', 'f'.repeat(64)]) {
    t.is(await refusal(call('CreateBucket', { globalAlias })), 'InvalidRequest', globalAlias);
  }
  const localAlias = { accessKeyId: 'GKnosuchkey', alias: 'mine' };
  t.is(await refusal(call('CreateBucket', { localAlias })), 'NoSuchAccessKey');
  const named = await call<BucketAnswer>('CreateBucket', null).catch(() => undefined);
  t.is(named, undefined, 'a body is needed');
  t.deepEqual((await call<BucketAnswer>('CreateBucket', {})).globalAliases, []);
});

test('permissions are given and taken one by one, and a grant of nothing is not shown', async t => {
  const world = adminWorld();
  const { call } = world;
  const accessKeyId = await makeKey(world);
  const { id: bucketId } = await makeBucket(world);
  const change = (operation: string, permissions: unknown): Promise<BucketAnswer> =>
    call<BucketAnswer>(operation, { bucketId, accessKeyId, permissions });

  const allowed = await change('AllowBucketKey', { read: true, owner: true, write: false });
  t.deepEqual(allowed.keys, [
    {
      accessKeyId,
      name: 'k',
      permissions: { read: true, write: false, owner: true },
      bucketLocalAliases: [],
    },
  ]);
  t.deepEqual((await change('DenyBucketKey', { owner: true })).keys[0]?.permissions, {
    read: true,
    write: false,
    owner: false,
  });
  t.deepEqual((await change('DenyBucketKey', { read: true })).keys, []);
  t.deepEqual((await call('GetKeyInfo', { id: accessKeyId }))['buckets'], []);
  const stranger = { bucketId, accessKeyId: 'GKnosuchkey', permissions: { read: true } };
  t.is(await refusal(call('AllowBucketKey', stranger)), 'NoSuchAccessKey');
  const nowhere = { bucketId: 'f'.repeat(64), accessKeyId, permissions: { read: true } };
  t.is(await refusal(call('AllowBucketKey', nowhere)), 'NoSuchBucket');
});

test('names are given and taken, global and local, and the last one stays', async t => {
  const world = adminWorld();
  const { call } = world;
  const accessKeyId = await makeKey(world);
  const { id: bucketId } = await makeBucket(world);
  await makeBucket(world, 'taken');

  const add = (alias: unknown): Promise<BucketAnswer> =>
    call<BucketAnswer>('AddBucketAlias', { bucketId, ...(alias as object) });
  const remove = (alias: unknown): Promise<BucketAnswer> =>
    call<BucketAnswer>('RemoveBucketAlias', { bucketId, ...(alias as object) });

  t.deepEqual((await add({ globalAlias: 'site.example' })).globalAliases, ['site.example', 'web']);
  await add({ localAlias: 'mine', accessKeyId });
  const [line] = (await call<BucketLine[]>('ListBuckets')).filter(({ id }) => id === bucketId);
  t.deepEqual(line?.localAliases, [{ accessKeyId, alias: 'mine' }]);
  t.is(await refusal(add({ globalAlias: 'taken' })), 'InvalidRequest');
  t.is(await refusal(add({ globalAlias: 'NO' })), 'InvalidRequest');
  t.is(await refusal(add({ localAlias: 'mine' })), 'InvalidRequest');
  t.is(await refusal(add({ globalAlias: 'a-b', accessKeyId })), 'InvalidRequest');
  t.is(await refusal(add({ localAlias: 'mine', accessKeyId: 'GKnosuch' })), 'NoSuchAccessKey');

  await remove({ localAlias: 'mine', accessKeyId });
  await remove({ globalAlias: 'site.example' });
  t.is(await refusal(remove({ globalAlias: 'site.example' })), 'InvalidRequest');
  t.is(await refusal(remove({ globalAlias: 'web' })), 'InvalidRequest', 'its only name');
});

test('a bucket becomes a website and stops being one', async t => {
  const world = adminWorld();
  const { call } = world;
  const { id } = await makeBucket(world);
  const update = (body: unknown): Promise<BucketAnswer> =>
    call<BucketAnswer>('UpdateBucket', { id, body });

  const website = { enabled: true, indexDocument: 'i.html', errorDocument: 'e.html' };
  const enabled = await update({ websiteAccess: website });
  t.true(enabled.websiteAccess);
  t.like(enabled.websiteConfig, { indexDocument: 'i.html', errorDocument: 'e.html' });
  t.is(await refusal(update({ websiteAccess: { enabled: true } })), 'InvalidRequest');
  const both = { enabled: false, indexDocument: 'i.html' };
  t.is(await refusal(update({ websiteAccess: both })), 'InvalidRequest');
  t.true((await update({})).websiteAccess, 'nothing said, nothing changed');
  t.false((await update({ websiteAccess: { enabled: false } })).websiteAccess);
});

test('quotas are replaced together and null takes one away', async t => {
  const world = adminWorld();
  const { id } = await makeBucket(world);
  const update = async (quotas: unknown): Promise<unknown> =>
    (await world.call<BucketAnswer>('UpdateBucket', { id, body: { quotas } })).quotas;
  t.deepEqual(await update({ maxSize: 10, maxObjects: 1 }), { maxSize: 10, maxObjects: 1 });
  t.deepEqual(await update({ maxSize: 20 }), { maxSize: 20, maxObjects: null });
  t.is(await refusal(update({ maxSize: -1 })), 'InvalidRequest');
  t.is(await refusal(update({ maxSize: 1.5 })), 'InvalidRequest');
});

type Rules = BucketAnswer & {
  readonly corsRules?: unknown;
  readonly lifecycleRules?: unknown;
  readonly websiteConfig?: { readonly routingRules: unknown };
};

const ruleSets: Readonly<Record<string, readonly unknown[]>> = {
  corsRules: [
    {
      ID: 'one',
      AllowedOrigin: ['https://*.example.org'],
      AllowedMethod: ['GET', 'PUT'],
      AllowedHeader: ['*'],
      ExposeHeader: ['ETag'],
      MaxAgeSeconds: 60,
    },
    { AllowedOrigin: ['*'], AllowedMethod: ['GET'], AllowedHeader: [], ExposeHeader: [] },
  ],
  lifecycleRules: [
    { ID: 'a', Status: 'Enabled', Filter: { Prefix: 'logs/' }, Expiration: { Days: 3 } },
    { ID: 'b', Status: 'Disabled', Expiration: { Date: '2030-01-31' } },
    { ID: 'c', Status: 'Enabled', Prefix: '', Expiration: { ExpiredObjectDeleteMarker: true } },
    {
      ID: 'd',
      Status: 'Enabled',
      Filter: {
        And: {
          Prefix: 'x',
          Tag: [{ Key: 'k', Value: 'v' }],
          ObjectSizeGreaterThan: 1,
          ObjectSizeLessThan: 9,
        },
      },
      Expiration: { Days: 1 },
      NoncurrentVersionExpiration: { NoncurrentDays: 2, NewerNoncurrentVersions: 3 },
    },
    {
      ID: 'e',
      Status: 'Enabled',
      AbortIncompleteMultipartUpload: { DaysAfterInitiation: 7 },
    },
  ],
};

for (const [name, rules] of Object.entries(ruleSets)) {
  test(`${name} are given back as they were set, and an empty list takes them away`, async t => {
    const world = adminWorld();
    const { id } = await makeBucket(world);
    const update = (list: unknown): Promise<Record<string, unknown>> =>
      world.call('UpdateBucket', { id, body: { [name]: list } });
    t.false(name in (await world.call('GetBucketInfo', { id })));
    t.deepEqual((await update(rules))[name], rules);
    t.deepEqual((await world.call('GetBucketInfo', { id }))[name], rules);
    t.deepEqual((await update(null))[name], rules, 'null is as good as nothing');
    t.false(name in (await update([])));
  });
}

test('routing rules belong to the website, and stay when only its documents change', async t => {
  const world = adminWorld();
  const { id } = await makeBucket(world);
  const update = (websiteAccess: unknown): Promise<Rules> =>
    world.call<Rules>('UpdateBucket', { id, body: { websiteAccess } });
  const routingRules = [
    {
      Condition: { KeyPrefixEquals: 'docs/', HttpErrorCodeReturnedEquals: 404 },
      Redirect: { HostName: 'example.org', HttpRedirectCode: 302, Protocol: 'https' },
    },
    { Condition: null, Redirect: { ReplaceKeyWith: 'app.html', HttpRedirectCode: 200 } },
  ];
  const website = { enabled: true, indexDocument: 'i.html' };
  const set = await update({ ...website, routingRules });
  t.deepEqual(set.websiteConfig?.routingRules, routingRules);
  const kept = await update({ ...website, errorDocument: 'e.html' });
  t.deepEqual(kept.websiteConfig?.routingRules, routingRules);
  t.deepEqual((await update({ ...website, routingRules: [] })).websiteConfig?.routingRules, []);
  const off = { enabled: false, routingRules };
  t.is(await refusal(update(off)), 'InvalidRequest');
});

const badRules: readonly (readonly [title: string, body: unknown])[] = [
  ['a CORS rule without a method', { corsRules: [{ AllowedOrigin: ['*'] }] }],
  ['a method of nobody', { corsRules: [{ AllowedOrigin: ['*'], AllowedMethod: ['FROB'] }] }],
  ['a lifecycle rule of nothing', { lifecycleRules: [{}] }],
  ['a lifecycle rule without an action', { lifecycleRules: [{ Status: 'Enabled' }] }],
  ['days of 0', { lifecycleRules: [{ Status: 'Enabled', Expiration: { Days: 0 } }] }],
  [
    'days and a date',
    { lifecycleRules: [{ Status: 'Enabled', Expiration: { Days: 1, Date: '2030-01-01' } }] },
  ],
  [
    'a date that is none',
    { lifecycleRules: [{ Status: 'Enabled', Expiration: { Date: 'tomorrow' } }] },
  ],
  [
    'two conditions without And',
    {
      lifecycleRules: [
        {
          ...{ Status: 'Enabled', Expiration: { Days: 1 } },
          Filter: { Prefix: 'a', ObjectSizeLessThan: 1 },
        },
      ],
    },
  ],
  [
    'a protocol of nobody',
    {
      websiteAccess: {
        ...{ enabled: true, indexDocument: 'i' },
        routingRules: [{ Redirect: { Protocol: 'ftp' } }],
      },
    },
  ],
  ['a slash in the index document', { websiteAccess: { enabled: true, indexDocument: 'a/b' } }],
];

for (const [title, body] of badRules) {
  test(`${title} is refused, and changes nothing`, async t => {
    const world = adminWorld();
    const { id } = await makeBucket(world);
    const before = await world.call('GetBucketInfo', { id });
    t.is(await refusal(world.call('UpdateBucket', { id, body })), 'InvalidRequest');
    t.deepEqual(await world.call('GetBucketInfo', { id }), before);
  });
}

test('what was set over S3 is shown', async t => {
  const world = adminWorld();
  const { id } = await makeBucket(world);
  const website = { kind: 'redirect-all', hostName: 'example.org', protocol: undefined } as const;
  await world.settings.lookup.changeSettings(id as never, { website });
  const shown = await world.call('GetBucketInfo', { id });
  t.true(shown['websiteAccess']);
  t.false('websiteConfig' in shown);
  t.deepEqual(shown['websiteRedirect'], { hostName: 'example.org', protocol: null });
});

test('versions and locks are shown, and no operation of administration takes them away', async t => {
  const world = adminWorld();
  const { id } = await makeBucket(world);
  t.false('versioning' in (await world.call('GetBucketInfo', { id })));
  const defaultRetention = { mode: 'COMPLIANCE', unit: 'years', count: 1 } as const;
  const settings = { versioning: 'enabled', objectLock: { defaultRetention } } as const;
  await world.settings.lookup.changeSettings(id as never, settings);
  const quotas = { maxSize: 1000, maxObjects: null };
  await world.call('UpdateBucket', { id, body: { quotas } });
  const shown = await world.call('GetBucketInfo', { id });
  t.is(shown['versioning'], 'enabled');
  t.deepEqual(shown['objectLock'], { defaultRetention });
});

test('the index of a bucket is cut at its creation', async t => {
  const world = adminWorld();
  const create = (globalAlias: string, indexShards?: number): Promise<BucketAnswer> =>
    world.call<BucketAnswer>('CreateBucket', { globalAlias, indexShards });
  t.is((await create('plain')).indexShards, 1);
  t.is((await create('sharded', 256)).indexShards, 256);
  for (const indexShards of [0, 257, 1.5]) {
    t.is(await refusal(create('refused', indexShards)), 'InvalidRequest');
  }
});

test('only an empty bucket is deleted, and its name is free afterwards', async t => {
  const world = adminWorld();
  const { call, settings } = world;
  const { id } = await makeBucket(world);
  settings.filled.add(id);
  t.is(await refusal(call('DeleteBucket', { id })), 'BucketNotEmpty');
  settings.filled.clear();
  t.is(await call<null>('DeleteBucket', { id }), null);
  t.is(await refusal(call('DeleteBucket', { id })), 'NoSuchBucket');
  t.not((await makeBucket(world)).id, id);
});
