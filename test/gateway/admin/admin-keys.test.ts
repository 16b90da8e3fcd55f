import test from 'ava';
import type { KeyAnswer, KeyLine } from '../../../deploy/cli/api-answers.ts';
import { adminWorld, refusal } from './admin-world.ts';

test('the secret of a key is shown when it is made and when it is asked for', async t => {
  const { call } = adminWorld();
  const made = await call<KeyAnswer>('CreateKey', { name: 'app', neverExpires: true });
  t.regex(made.accessKeyId, /^GK[0-9a-f]{24}$/);
  t.regex(made.secretAccessKey ?? '', /^[0-9a-f]{64}$/);
  t.like(made, { name: 'app', expiration: null, expired: false, buckets: [] });
  t.deepEqual(made.permissions, { createBucket: false });
  const { accessKeyId: id } = made;
  t.false('secretAccessKey' in (await call('GetKeyInfo', { id })));
  for (const showSecretKey of [true, 'true']) {
    const shown = await call<KeyAnswer>('GetKeyInfo', { id, showSecretKey });
    t.is(shown.secretAccessKey, made.secretAccessKey);
  }
  t.false('secretAccessKey' in (await call('GetKeyInfo', { id, showSecretKey: 'false' })));
});

test('a key is found by its id, the beginning of its id, and its name', async t => {
  const { call } = adminWorld();
  const { accessKeyId } = await call<KeyAnswer>('CreateKey', { name: 'Twin' });
  const find = async (search: string): Promise<string> =>
    (await call<KeyAnswer>('GetKeyInfo', { search })).accessKeyId;
  for (const search of [accessKeyId, accessKeyId.slice(0, 8), 'Twin', 'tWIN']) {
    t.is(await find(search), accessKeyId, search);
  }
  t.is(await refusal(find('nosuch')), 'NoSuchAccessKey');
  t.is(await refusal(find('')), 'NoSuchAccessKey');
  await call('CreateKey', { name: 'twin' });
  t.is(await refusal(find('twin')), 'InvalidRequest');
  t.is(await refusal(find('GK')), 'InvalidRequest');
  t.is(await find(accessKeyId), accessKeyId);
  t.is(await refusal(call('GetKeyInfo', { id: 'GKnone' })), 'NoSuchAccessKey');
  t.is(await refusal(call('GetKeyInfo', {})), 'InvalidRequest');
  t.is(await refusal(call('GetKeyInfo', { id: accessKeyId, search: 'x' })), 'InvalidRequest');
});

test('a key is imported once, and its id never comes back', async t => {
  const { call } = adminWorld();
  const params = { accessKeyId: 'GK5a1d2f218a2e', secretAccessKey: 's'.repeat(16), name: 'imp' };
  const imported = await call<KeyAnswer>('ImportKey', params);
  t.false('secretAccessKey' in imported);
  t.is(imported.name, 'imp');
  t.is(await refusal(call('ImportKey', params)), 'KeyAlreadyExists');
  t.is(await call<null>('DeleteKey', { id: params.accessKeyId }), null);
  t.is(await refusal(call('ImportKey', params)), 'KeyAlreadyExists');
  t.is(await refusal(call('DeleteKey', { id: params.accessKeyId })), 'NoSuchAccessKey');
});

test('ids and secrets that S3 clients could not use are refused', async t => {
  const { call } = adminWorld();
  const importKey = (accessKeyId: unknown, secretAccessKey: unknown): Promise<string> =>
    refusal(call('ImportKey', { accessKeyId, secretAccessKey }));
  const secret = 's'.repeat(16);
  for (const id of ['short', 'has blank 123', 'slash/12345', 7, null]) {
    t.is(await importKey(id, secret), 'InvalidRequest', String(id));
  }
  for (const wrong of [
    'fifteen-letters',
    'with a blank in it',
    'ümlaut-ümlaut-ümlaut',
    undefined,
  ]) {
    t.is(await importKey('GK5a1d2f218a2e', wrong), 'InvalidRequest', String(wrong));
  }
});

test('a key is renamed, allowed, denied, and given an end', async t => {
  const { call, environment } = adminWorld();
  const { accessKeyId: id } = await call<KeyAnswer>('CreateKey', {});
  const update = (body: unknown): Promise<KeyAnswer> => call<KeyAnswer>('UpdateKey', { id, body });
  t.is((await update({ name: 'new' })).name, 'new');
  t.true((await update({ allow: { createBucket: true } })).permissions.createBucket);
  t.true((await update({ deny: { createBucket: false } })).permissions.createBucket);
  t.false((await update({ deny: { createBucket: true } })).permissions.createBucket);

  const ending = await update({ expiration: '2023-11-14T23:00:00Z' });
  t.like(ending, { name: 'new', expiration: '2023-11-14T23:00:00.000Z', expired: false });
  environment.advance(3_600_000);
  t.true((await call<KeyAnswer>('GetKeyInfo', { id })).expired);
  const [line] = await call<KeyLine[]>('ListKeys');
  t.like(line, { id, name: 'new', created: '2023-11-14T22:13:20.000Z', expired: true });
  t.like(await update({ neverExpires: true }), { expiration: null, expired: false });

  t.is(await refusal(update({ expiration: 'tomorrow' })), 'InvalidRequest');
  const both = { neverExpires: true, expiration: '2030-01-01T00:00:00Z' };
  t.is(await refusal(update(both)), 'InvalidRequest');
  t.is(await refusal(call('UpdateKey', { id: 'GKnone', body: {} })), 'NoSuchAccessKey');
});
