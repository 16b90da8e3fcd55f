import test from 'ava';
import { createHash } from 'node:crypto';
import { crc32 } from '@node-rs/crc32';
import { escapeXml } from '../../../gateway/s3/xml-writer.ts';
import type { HeaderPair } from '../../support/sigv4-signer.ts';
import { READER, s3World, type Answer, type Ask, type S3World } from './s3-world.ts';

function md5(body: string): HeaderPair {
  return ['content-md5', createHash('md5').update(body).digest('base64')];
}

function bodyOf(keys: readonly string[], rest = ''): string {
  const objects = keys.map(key => `<Object><Key>${escapeXml(key)}</Key></Object>`);
  const namespace = 'http://s3.amazonaws.com/doc/2006-03-01/';
  return `<Delete xmlns="${namespace}">${objects.join('')}${rest}</Delete>`;
}

function ask(world: S3World, body: string, headers?: readonly HeaderPair[]): Promise<Answer> {
  const target = '/pictures?delete';
  return world.ask({ method: 'POST', target, body, headers: headers ?? [md5(body)] });
}

async function put(world: S3World, key: string): Promise<Answer> {
  return world.ask({ method: 'PUT', target: `/pictures/${encodeURIComponent(key)}`, body: 'abc' });
}

function keysLeft(world: S3World): string[] {
  return [...world.objects.tables.objects]
    .filter(([, { row }]) => row.kind === 'version')
    .map(([name]) => name.slice(65));
}

test('keys are deleted exactly, in order, whether they were there or not', async t => {
  const world = s3World();
  const keys = ['a', 'b\rc', ' d ', 'é/<&>"', 'not there', '..', '\x01'];
  for (const key of [...keys, 'b\nc', 'stays']) if (key !== 'not there') await put(world, key);
  const answer = await ask(world, bodyOf(keys));
  t.is(answer.status, 200);
  t.deepEqual(answer.all('Key'), keys);
  t.deepEqual(answer.all('Code'), []);
  t.deepEqual(keysLeft(world), ['b\nc', 'stays']);
});

test('quiet answers tell only what failed', async t => {
  const world = s3World();
  await put(world, 'a');
  const long = 'k'.repeat(1025);
  const answer = await ask(world, bodyOf(['a', long], '<Quiet>true</Quiet>'));
  t.deepEqual(answer.all('Key'), [long]);
  t.deepEqual(answer.all('Code'), ['KeyTooLongError']);
  t.deepEqual(keysLeft(world), []);
});

test('a thousand keys with bounded concurrency, results in order', async t => {
  const world = s3World();
  const keys = Array.from({ length: 1000 }, (_, index) => `key-${String(index)}`);
  const answer = await ask(world, bodyOf(keys));
  t.deepEqual(answer.all('Key'), keys);
});

test('the ETag of an entry is its condition', async t => {
  const world = s3World();
  await put(world, 'same');
  await put(world, 'other');
  const etag = '900150983cd24fb0d6963f7d28e17f72';
  const body =
    '<Delete>' +
    `<Object><Key>same</Key><ETag>&quot;${etag}&quot;</ETag></Object>` +
    `<Object><Key>other</Key><ETag>${'0'.repeat(32)}</ETag></Object>` +
    `<Object><Key>absent</Key><ETag>*</ETag></Object>` +
    '</Delete>';
  const answer = await ask(world, body);
  t.deepEqual(answer.all('Code'), ['PreconditionFailed', 'NoSuchKey']);
  t.deepEqual(keysLeft(world), ['other']);
});

test('the null version is the object, others are not there', async t => {
  const world = s3World();
  await put(world, 'a');
  await put(world, 'b');
  const body =
    '<Delete><Object><Key>a</Key><VersionId>null</VersionId></Object>' +
    '<Object><Key>b</Key><VersionId>xyz</VersionId></Object></Delete>';
  const answer = await ask(world, body);
  t.deepEqual(answer.all('Code'), ['NoSuchVersion']);
  t.deepEqual(keysLeft(world), ['b']);
});

test('size and time of an entry are its conditions; what is absent meets them', async t => {
  const world = s3World();
  const entries: [key: string, size: number, timeMs: number][] = [
    ['right', 3, 0],
    ['size', 4, 0],
    ['early', 3, -1000],
    ['absent', 9, 0],
  ];
  for (const [key] of entries) if (key !== 'absent') await put(world, key);
  const madeMs = world.objects.environment.clock.wallMs();
  const objects = entries.map(([key, size, offsetMs], index) => {
    const time = new Date(madeMs + offsetMs);
    // As the SDKs write it, and as lists do.
    const text = index % 2 === 0 ? time.toUTCString() : time.toISOString();
    const conditions = `<LastModifiedTime>${text}</LastModifiedTime><Size>${String(size)}</Size>`;
    return `<Object><Key>${key}</Key>${conditions}</Object>`;
  });
  const answer = await ask(world, `<Delete>${objects.join('')}</Delete>`);
  t.deepEqual(answer.all('Code'), ['PreconditionFailed', 'PreconditionFailed']);
  t.deepEqual(keysLeft(world), ['size', 'early']);
});

test('a condition on what may not be read is refused, and tells nothing', async t => {
  const world = s3World();
  world.directory.addBucket('drop', { [READER]: 'w' });
  const drop = (request: Partial<Ask>): Promise<Answer> =>
    world.ask({ method: 'PUT', target: '/drop/a', as: READER, body: 'abc', ...request });
  t.is((await drop({})).status, 200);
  const etag = '900150983cd24fb0d6963f7d28e17f72';
  t.is((await drop({ headers: [['if-match', etag]] })).code, 'AccessDenied');
  t.is((await drop({ headers: [['if-match', '*']] })).status, 200);
  t.is((await drop({ headers: [['if-none-match', '*']] })).code, 'PreconditionFailed');
  const remove = (headers: readonly HeaderPair[]): Promise<Answer> =>
    drop({ method: 'DELETE', body: '', headers });
  t.is((await remove([['x-amz-if-match-size', '3']])).code, 'AccessDenied');
  const body = '<Delete><Object><Key>a</Key><Size>3</Size></Object></Delete>';
  const request = { method: 'POST', target: '/drop?delete', body, headers: [md5(body)] };
  t.deepEqual((await drop(request)).all('Code'), ['AccessDenied']);
});

test('one entry that fails leaves the others deleted', async t => {
  const world = s3World();
  for (const key of ['a', 'b', 'c']) await put(world, key);
  const { tables } = world.objects;
  const usual = tables.interfere;
  tables.interfere = request =>
    request.kind === 'object-write' && request.place.key === ('b' as string)
      ? { kind: 'unknown' }
      : usual(request);
  const answer = await ask(world, bodyOf(['a', 'b', 'c']));
  t.is(answer.status, 200);
  t.deepEqual(answer.all('Code'), ['ServiceUnavailable']);
  t.deepEqual(keysLeft(world), ['b']);
});

const key = '<Object><Key>a</Key></Object>';
const refusals: readonly (readonly [title: string, body: string, code: string])[] = [
  ['no keys', '<Delete/>', 'MalformedXML'],
  ['an empty ETag', '<Delete><Object><Key>a</Key><ETag/></Object></Delete>', 'MalformedXML'],
  [
    'a size that is none',
    '<Delete><Object><Key>a</Key><Size>3.5</Size></Object></Delete>',
    'MalformedXML',
  ],
  [
    'a time that is none',
    '<Delete><Object><Key>a</Key><LastModifiedTime>now</LastModifiedTime></Object></Delete>',
    'MalformedXML',
  ],
  ['1001 keys', bodyOf(Array.from({ length: 1001 }, (_, index) => String(index))), 'MalformedXML'],
  ['an empty key', bodyOf(['']), 'MalformedXML'],
  ['no key in an entry', '<Delete><Object><ETag>x</ETag></Object></Delete>', 'MalformedXML'],
  [
    'two keys in an entry',
    '<Delete><Object><Key>a</Key><Key>a</Key></Object></Delete>',
    'MalformedXML',
  ],
  ['an unknown element', `<Delete>${key}<Foo/></Delete>`, 'MalformedXML'],
  ['a word for Quiet', `<Delete>${key}<Quiet>maybe</Quiet></Delete>`, 'MalformedXML'],
  ['another root', `<Remove>${key}</Remove>`, 'MalformedXML'],
  ['NUL in a key', '<Delete><Object><Key>a&#0;</Key></Object></Delete>', 'MalformedXML'],
  ['nothing', '', 'MalformedXML'],
];
for (const [title, body, code] of refusals) {
  test(`DeleteObjects with ${title}: ${code}`, async t => {
    const world = s3World();
    await put(world, 'a');
    const answer = await ask(world, body);
    t.is(answer.status, 400);
    t.is(answer.code, code);
    t.deepEqual(keysLeft(world), ['a']);
  });
}

test('a digest of the body is demanded, and must be right', async t => {
  const world = s3World();
  const body = bodyOf(['a']);
  await put(world, 'a');
  t.is((await ask(world, body, [])).code, 'InvalidRequest');
  t.is((await ask(world, body, [md5('other')])).code, 'BadDigest');
  const value = Buffer.alloc(4);
  value.writeUInt32BE(crc32(Buffer.from(body)));
  const wrong: HeaderPair = ['x-amz-checksum-crc32', 'AAAAAA=='];
  t.is((await ask(world, body, [wrong])).status, 400);
  t.deepEqual(keysLeft(world), ['a']);
  const right: HeaderPair = ['x-amz-checksum-crc32', value.toString('base64')];
  t.is((await ask(world, body, [right])).status, 200);
  t.deepEqual(keysLeft(world), []);
});

test('a key without the right to write deletes nothing', async t => {
  const world = s3World();
  await put(world, 'a');
  const body = bodyOf(['a']);
  const headers = [md5(body)];
  const answer = await world.ask({
    method: 'POST',
    target: '/pictures?delete',
    body,
    headers,
    as: READER,
  });
  t.is(answer.code, 'AccessDenied');
  t.deepEqual(keysLeft(world), ['a']);
});
