import { setImmediate } from 'node:timers/promises';
import test from 'ava';
import type { AccessKeyId } from '../../../schemas/ids.ts';
import { settingsWorld } from '../../support/settings-world.ts';

const ALICE = 'GKalice00' as AccessKeyId;
const BOB = 'GKbob00000' as AccessKeyId;

test('of many creators of one name exactly one wins, and the others are told who has it', async t => {
  const { lookup, directory } = settingsWorld();
  const keys = Array.from({ length: 16 }, (_, n) => `GKracer${String(n).padStart(3, '0')}`);
  const outcomes = await Promise.all(
    keys.map(key => lookup.createBucket('photos', key as AccessKeyId)),
  );
  t.is(outcomes.filter(outcome => outcome.kind === 'created').length, 1);
  t.is(outcomes.filter(outcome => outcome.kind === 'taken').length, 15);
  const buckets = await directory.listBuckets();
  t.deepEqual(
    buckets.map(bucket => bucket.globalAliases),
    [['photos']],
  );
});

test('a creator that stopped half-way does not keep its name', async t => {
  const { lookup, settings, names } = settingsWorld();
  const left = await settings.change('bucket', 'b'.repeat(64), () => ({
    ...{ kind: 'bucket' as const, id: 'b'.repeat(64) as never, createdMs: 1 },
    ...{ state: 'creating' as const, globalAliases: ['photos'], localAliases: [] },
    ...{ grants: [], indexShards: 1 },
  }));
  t.is(await names.take('photos', left?.id ?? t.fail()), 'ours');
  t.is(await lookup.resolveBucket('photos', ALICE), undefined);
  t.deepEqual(await lookup.createBucket('photos', ALICE), { kind: 'created' });
  t.is((await settings.read('bucket', 'b'.repeat(64)))?.state, 'deleted');
});

test('a second CreateBucket is told whose the bucket is', async t => {
  const { lookup } = settingsWorld();
  await lookup.createBucket('photos', ALICE);
  t.deepEqual(await lookup.createBucket('photos', ALICE), { kind: 'owned-by-you' });
  t.deepEqual(await lookup.createBucket('photos', BOB), { kind: 'taken' });
});

test('names per key: two keys may use one name for two buckets', async t => {
  const { lookup } = settingsWorld({ namespace: 'per_key' });
  t.deepEqual(await lookup.createBucket('photos', ALICE), { kind: 'created' });
  t.deepEqual(await lookup.createBucket('photos', BOB), { kind: 'created' });
  const alices = await lookup.resolveBucket('photos', ALICE);
  const bobs = await lookup.resolveBucket('photos', BOB);
  t.not(alices?.id, bobs?.id);
  t.is(await lookup.resolveBucket('photos', undefined), undefined);
  t.deepEqual(
    (await lookup.bucketsOf(ALICE)).map(bucket => bucket.name),
    ['photos'],
  );
});

test('a bucket with objects is not deleted, and takes writes again', async t => {
  const { lookup, filled, fences } = settingsWorld();
  await lookup.createBucket('photos', ALICE);
  const bucket = (await lookup.resolveBucket('photos', ALICE)) ?? t.fail();
  // The first object is written between the first look and the fence.
  fences.push = (...kinds) => {
    filled.add(bucket.id);
    return Array.prototype.push.apply(fences, kinds);
  };
  t.deepEqual(await lookup.deleteBucket(bucket), { kind: 'not-empty' });
  t.deepEqual([...fences], ['bucket-fence', 'bucket-unfence']);
  t.is((await lookup.resolveBucket('photos', ALICE))?.state, 'active');
});

test('an attempt to delete a bucket with objects turns nobody away', async t => {
  const { lookup, filled, fences } = settingsWorld();
  await lookup.createBucket('photos', ALICE);
  const bucket = (await lookup.resolveBucket('photos', ALICE)) ?? t.fail();
  filled.add(bucket.id);
  t.deepEqual(await lookup.deleteBucket(bucket), { kind: 'not-empty' });
  t.deepEqual(fences, [], 'nothing was fenced');
});

test('two deletions of a bucket at once are not both made', async t => {
  const { lookup } = settingsWorld();
  await lookup.createBucket('photos', ALICE);
  const bucket = (await lookup.resolveBucket('photos', ALICE)) ?? t.fail();
  const deletions = await Promise.all([lookup.deleteBucket(bucket), lookup.deleteBucket(bucket)]);
  const kinds = deletions.map(({ kind }) => kind).sort();
  t.is(kinds[0], 'deleted');
  t.regex(kinds[1] ?? '', /^(?:under-way|gone)$/);
});

test('a deleted bucket frees its name, and its id never comes back', async t => {
  const { lookup, settings } = settingsWorld();
  await lookup.createBucket('photos', ALICE);
  const bucket = (await lookup.resolveBucket('photos', ALICE)) ?? t.fail();
  t.deepEqual(await lookup.deleteBucket(bucket), { kind: 'deleted' });
  t.is(await lookup.resolveBucket('photos', ALICE), undefined);
  t.is((await settings.read('bucket', bucket.id))?.state, 'deleted');
  t.deepEqual(await lookup.deleteBucket(bucket), { kind: 'gone' });
  t.deepEqual(await lookup.createBucket('photos', BOB), { kind: 'created' });
});

test('a deletion that stopped half-way is given up by the next who meets it', async t => {
  const { lookup, settings, environment, fences } = settingsWorld();
  await lookup.createBucket('photos', ALICE);
  const bucket = (await lookup.resolveBucket('photos', ALICE)) ?? t.fail();
  await settings.change('bucket', bucket.id, row => row && { ...row, state: 'deleting' as const });
  await lookup.resolveBucket('photos', ALICE);
  environment.advance(120_000);
  const stuck = await lookup.resolveBucket('photos', ALICE);
  t.is(stuck?.state, 'deleting');
  for (let turns = 0; turns < 50 && fences.length === 0; turns += 1) await setImmediate();
  t.deepEqual(fences, ['bucket-unfence']);
  t.is((await settings.read('bucket', bucket.id))?.state, 'active');
});

test('administration: aliases, permissions and the last name', async t => {
  const { directory } = settingsWorld();
  const key = await directory.createKey({
    ...{ name: 'app', expiresMs: undefined, canCreateBucket: false },
  });
  const created = await directory.createBucket({ globalAlias: 'web' });
  if (created.kind !== 'created') return t.fail();
  const { id } = created.bucket;
  t.is((await directory.createBucket({ globalAlias: 'web' })).kind, 'alias-taken');
  const change = {
    bucketId: id,
    accessKeyId: key.id,
    flags: ['read', 'owner'],
    value: true,
  } as const;
  await directory.changePermissions(change);
  await directory.addAlias(id, { kind: 'global', name: 'site.example' });
  await directory.addAlias(id, { kind: 'local', name: 'mine', accessKeyId: key.id });
  const info = await directory.bucket(id);
  t.deepEqual(info?.globalAliases, ['site.example', 'web']);
  t.deepEqual(info?.grants, [
    {
      accessKeyId: key.id,
      keyName: 'app',
      permissions: { read: true, write: false, owner: true },
      localAliases: ['mine'],
    },
  ]);
  await directory.removeAlias(id, { kind: 'global', name: 'site.example' });
  await directory.removeAlias(id, { kind: 'local', name: 'mine', accessKeyId: key.id });
  const last = await directory.removeAlias(id, { kind: 'global', name: 'web' });
  t.is(last.kind, 'last-alias');
  return t.is((await directory.bucketByGlobalAlias('web'))?.id, id);
});

test('administration: a deleted key leaves nothing, and its id never comes back', async t => {
  const { directory, lookup } = settingsWorld();
  const imported = await directory.importKey({ id: ALICE, secret: 's'.repeat(16), name: 'alice' });
  t.is(imported.kind, 'imported');
  t.is(await lookup.secretOf(ALICE), 's'.repeat(16));
  await lookup.createBucket('photos', ALICE);
  t.is((await directory.deleteKey(ALICE)).kind, 'deleted');
  t.is(await lookup.secretOf(ALICE), undefined);
  t.deepEqual((await directory.listBuckets())[0]?.grants, []);
  const again = await directory.importKey({ id: ALICE, secret: 'x'.repeat(16), name: 'a' });
  t.is(again.kind, 'id-taken');
});

test('a key that expired has no secret any more', async t => {
  const { directory, lookup, environment } = settingsWorld();
  const expiresMs = environment.clock.wallMs() + 1000;
  const key = await directory.createKey({ name: 'brief', expiresMs, canCreateBucket: false });
  t.is(await lookup.secretOf(key.id), key.secret);
  environment.advance(1001);
  t.is(await lookup.secretOf(key.id), undefined);
});

test('a change is seen at once, though rows are remembered', async t => {
  const { directory, lookup } = settingsWorld();
  const key = await directory.createKey({
    ...{ name: 'k', expiresMs: undefined, canCreateBucket: false },
  });
  t.is((await lookup.keyOf(key.id))?.canCreateBucket, false);
  await directory.updateKey(key.id, { canCreateBucket: true });
  t.is((await lookup.keyOf(key.id))?.canCreateBucket, true);
});

test('settings are changed one by one, at once seen by those who resolve the name', async t => {
  const { lookup } = settingsWorld();
  await lookup.createBucket('photos', ALICE, { tags: [{ key: 'k', value: 'v' }] });
  const made = await lookup.resolveBucket('photos', ALICE);
  t.deepEqual(made?.tags, [{ key: 'k', value: 'v' }]);
  const id = made?.id ?? t.fail();
  const website = { kind: 'redirect-all', hostName: 'a', protocol: undefined } as const;
  t.deepEqual(await lookup.changeSettings(id, { website }), { kind: 'changed' });
  const changed = await lookup.resolveBucket('photos', ALICE);
  t.deepEqual(changed?.website, website);
  t.deepEqual(changed?.tags, made?.tags);
  await lookup.changeSettings(id, { tags: null });
  t.false('tags' in ((await lookup.resolveBucket('photos', ALICE)) ?? {}));
});

test('object lock stays, and versions with it, whatever was known when a change was asked', async t => {
  const { lookup } = settingsWorld();
  await lookup.createBucket('photos', ALICE);
  const { id } = (await lookup.resolveBucket('photos', ALICE)) ?? t.fail();
  const objectLock = { defaultRetention: undefined };
  const against = { kind: 'against-lock' } as const;
  t.deepEqual(await lookup.changeSettings(id, { objectLock }), against);
  await lookup.changeSettings(id, { versioning: 'enabled' });
  t.deepEqual(await lookup.changeSettings(id, { objectLock }), { kind: 'changed' });
  t.deepEqual(await lookup.changeSettings(id, { versioning: 'suspended' }), against);
  t.deepEqual(await lookup.changeSettings(id, { versioning: null }), against);
  t.deepEqual(await lookup.changeSettings(id, { objectLock: null }), against);
  const bucket = await lookup.resolveBucket('photos', ALICE);
  t.deepEqual([bucket?.versioning, bucket?.objectLock], ['enabled', objectLock]);
});

test('settings of a bucket that is not there any more are not changed', async t => {
  const { lookup } = settingsWorld();
  await lookup.createBucket('photos', ALICE);
  const bucket = (await lookup.resolveBucket('photos', ALICE)) ?? t.fail();
  await lookup.deleteBucket(bucket);
  t.deepEqual(await lookup.changeSettings(bucket.id, { tags: null }), { kind: 'gone' });
});
