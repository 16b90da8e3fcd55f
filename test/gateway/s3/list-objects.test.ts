// Method: a door on naive tables; what it lists is compared with a twin that has all keys in an
// array. Pages are walked to their end in every way a client may.
import test from 'ava';
import fc from 'fast-check';
import type { ObjectKey } from '../../../schemas/ids.ts';
import { versionIdOf } from '../../../schemas/ids.ts';
import { writeEntries } from '../../../gateway/s3/list-objects.ts';
import { asItIs, encodeUrl } from '../../../gateway/s3/list-parameters.ts';
import { XmlBytes } from '../../../gateway/s3/xml-writer.ts';
import type { ListedEntry } from '../../../schemas/messages/table.ts';
import type { StoredChecksum } from '../../../schemas/records/checksum.ts';
import type { ObjectVersion } from '../../../schemas/records/object-row.ts';
import { byBytes, twin, type Twin } from './naive-lists.ts';
import { OWNER, queryOf, s3World, type Answer, type S3World } from './s3-world.ts';

const ETAG = '0123456789abcdef0123456789abcdef';

function put(world: S3World, key: string, checksum?: StoredChecksum): void {
  const { stamper, tables } = world.objects;
  const timestamp = stamper.now();
  const bucket = world.directory.buckets.get('pictures')?.id ?? '';
  const row: ObjectVersion = {
    kind: 'version',
    timestamp,
    versionId: versionIdOf(timestamp),
    sizeBytes: key.length,
    etag: ETAG,
    content: { kind: 'inline' },
    headers: [],
  };
  const stored = checksum === undefined ? row : { ...row, checksum };
  tables.objects.set(`${bucket}/${key}`, { row: stored, inline: undefined });
}

type Walk = Twin & { readonly pages: readonly Answer[] };

async function walk(
  world: S3World,
  query: Readonly<Record<string, string>>,
  next: (page: Answer) => Readonly<Record<string, string>>,
): Promise<Walk> {
  const keys: string[] = [];
  const prefixes: string[] = [];
  const pages: Answer[] = [];
  let more: Readonly<Record<string, string>> = {};
  for (;;) {
    const target = `/pictures?${queryOf({ ...query, ...more })}`;
    const page = await world.ask({ target });
    if (page.status !== 200) throw new Error(page.text);
    pages.push(page);
    const decode = query['encoding-type'] === 'url' ? decodeURIComponent : asItIs;
    keys.push(...page.all('Key').map(decode));
    const common = page.text.matchAll(/<CommonPrefixes>(<Prefix>[^<]*<\/Prefix>)/g);
    prefixes.push(...Array.from(common, ([, xml]) => decode(textOf(xml ?? ''))));
    if (page.one('IsTruncated') !== 'true') return { keys, prefixes, pages };
    more = next(page);
    if (pages.length > 200) throw new Error('the listing does not end');
  }
}

function textOf(xml: string): string {
  return xml
    .replace(/<\/?Prefix>/g, '')
    .replace(/&#(\d+);/g, (_all, point: string) => String.fromCodePoint(Number(point)))
    .replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>')
    .replaceAll('&quot;', '"')
    .replaceAll('&apos;', "'")
    .replaceAll('&amp;', '&');
}

const unit = fc.constantFrom(
  'a',
  'b',
  '/',
  '//',
  '-',
  ' ',
  '+',
  '%',
  '&',
  '<',
  '\r',
  'é',
  '\ud7ff',
  '\ue000',
  '😀',
  '\u{10ffff}',
);
const keyText = fc.string({ unit, minLength: 1, maxLength: 6 });
const scenario = fc.record({
  keys: fc.array(keyText, { maxLength: 30 }),
  prefix: fc.oneof(fc.constant(''), fc.string({ unit, maxLength: 2 })),
  delimiter: fc.constantFrom('', '/', '//', 'a', '-/', '😀'),
  maxKeys: fc.integer({ min: 1, max: 9 }),
  encoding: fc.constantFrom('', 'url'),
  shards: fc.constantFrom(1, 1, 2, 7),
  entriesPerAnswer: fc.constantFrom(1, 3, 1001),
});

test('pages of version 2 together are the whole listing, whatever the parameters', async t => {
  await fc.assert(
    fc.asyncProperty(scenario, async ({ keys, prefix, delimiter, maxKeys, encoding, ...how }) => {
      const world = s3World(how);
      for (const key of keys) put(world, key);
      const query = { 'list-type': '2', prefix, delimiter, 'max-keys': String(maxKeys) };
      const listed = await walk(world, { ...query, 'encoding-type': encoding }, page => ({
        'continuation-token': page.one('NextContinuationToken') ?? '',
      }));
      const expected = twin(keys, prefix, delimiter);
      t.deepEqual(listed.keys, [...expected.keys]);
      t.deepEqual(listed.prefixes, [...expected.prefixes]);
      const total = expected.keys.length + expected.prefixes.length;
      t.is(listed.pages.length, Math.max(1, Math.ceil(total / maxKeys)));
      for (const page of listed.pages) {
        const count = page.all('Key').length + page.all('CommonPrefixes').length;
        t.true(count <= maxKeys);
      }
    }),
    { numRuns: 150 },
  );
});

test('pages of version 1 together are the whole listing, by marker and by last key', async t => {
  await fc.assert(
    fc.asyncProperty(scenario, async ({ keys, prefix, delimiter, maxKeys, encoding, ...how }) => {
      const world = s3World(how);
      for (const key of keys) put(world, key);
      const decode = encoding === 'url' ? decodeURIComponent : asItIs;
      const query = { prefix, delimiter, 'max-keys': String(maxKeys), 'encoding-type': encoding };
      const listed = await walk(world, query, page => {
        const marker = delimiter === '' ? page.all('Key').at(-1) : page.one('NextMarker');
        return { marker: decode(marker ?? '') };
      });
      const expected = twin(keys, prefix, delimiter);
      t.deepEqual(listed.keys, [...expected.keys]);
      t.deepEqual(listed.prefixes, [...expected.prefixes]);
    }),
    { numRuns: 150 },
  );
});

test('start-after and marker leave out what is not behind them', async t => {
  await fc.assert(
    fc.asyncProperty(scenario, keyText, async ({ keys, encoding, ...how }, after) => {
      const world = s3World(how);
      for (const key of keys) put(world, key);
      const expected = [...new Set(keys)].filter(key => byBytes(key, after) > 0).sort(byBytes);
      const decode = encoding === 'url' ? decodeURIComponent : asItIs;
      for (const query of [{ 'list-type': '2', 'start-after': after }, { marker: after }]) {
        const parameters = queryOf({ ...query, 'encoding-type': encoding });
        const page = await world.ask({ target: `/pictures?${parameters}` });
        t.deepEqual(page.all('Key').map(decode), expected);
        const echo = 'marker' in query ? page.one('Marker') : page.one('StartAfter');
        t.is(decode(echo ?? ''), after);
      }
    }),
    { numRuns: 60 },
  );
});

test('a page of version 2 says everything S3 says', async t => {
  const world = s3World();
  put(world, 'a/1', { algorithm: 'CRC64NVME', type: 'FULL_OBJECT', value: 'AAAAAAAAAAA=' });
  put(world, 'b');
  const target = '/pictures?list-type=2&delimiter=%2F&fetch-owner=true&start-after=%20&max-keys=5';
  const page = await world.ask({ target });
  t.is(page.header('content-type'), 'application/xml');
  t.is(
    page.text,
    '<?xml version="1.0" encoding="UTF-8"?>\n' +
      '<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Name>pictures</Name>' +
      '<Prefix></Prefix><StartAfter> </StartAfter><KeyCount>2</KeyCount><MaxKeys>5</MaxKeys>' +
      '<Delimiter>/</Delimiter><IsTruncated>false</IsTruncated>' +
      `<Contents><Key>b</Key><LastModified>2023-11-14T22:13:20.000Z</LastModified>` +
      `<ETag>&quot;${ETAG}&quot;</ETag><Size>1</Size><Owner><ID>${OWNER}</ID>` +
      `<DisplayName>name of ${OWNER}</DisplayName></Owner>` +
      '<StorageClass>STANDARD</StorageClass></Contents>' +
      '<CommonPrefixes><Prefix>a/</Prefix></CommonPrefixes></ListBucketResult>',
  );
  const whole = await world.ask({ target: '/pictures?list-type=2' });
  t.is(whole.one('ChecksumAlgorithm'), 'CRC64NVME');
  t.is(whole.one('ChecksumType'), 'FULL_OBJECT');
  t.is(whole.one('Owner'), undefined);
  t.is(whole.one('Delimiter'), undefined);
  t.is(whole.one('MaxKeys'), '1000');
});

test('version 1 gives NextMarker only with a delimiter, and always the owner', async t => {
  const world = s3World();
  for (const key of ['a/1', 'b', 'c']) put(world, key);
  const plain = await world.ask({ target: '/pictures?max-keys=1' });
  t.is(plain.one('IsTruncated'), 'true');
  t.is(plain.one('NextMarker'), undefined);
  t.is(plain.one('ID'), OWNER);
  const folded = await world.ask({ target: '/pictures?max-keys=1&delimiter=/' });
  t.is(folded.one('NextMarker'), 'a/');
});

test('no keys wanted: an empty page that is not truncated', async t => {
  const world = s3World();
  put(world, 'a');
  for (const version of ['', '&list-type=2']) {
    const page = await world.ask({ target: `/pictures?max-keys=0${version}` });
    t.is(page.status, 200);
    t.is(page.one('IsTruncated'), 'false');
    t.is(page.one('MaxKeys'), '0');
    t.deepEqual(page.all('Key'), []);
  }
});

test('an empty token is the beginning, and is told again', async t => {
  const world = s3World();
  put(world, 'a');
  const page = await world.ask({ target: '/pictures?list-type=2&continuation-token=' });
  t.deepEqual(page.all('Key'), ['a']);
  t.is(page.one('ContinuationToken'), '');
});

const refusals = [
  'max-keys=-1',
  'max-keys=abc',
  'max-keys=1.5',
  'max-keys=2147483648',
  'max-keys=99999999999',
  'max-keys=1&max-keys=1',
  'encoding-type=foo',
  'list-type=1',
  'list-type=',
  'list-type=2&continuation-token=abc',
  'list-type=2&continuation-token=%21%21',
  'list-type=2&continuation-token=AAAAAAAAAAAAAA',
];
for (const query of refusals) {
  test(`${query}: InvalidArgument`, async t => {
    const answer = await s3World().ask({ target: `/pictures?${query}` });
    t.is(answer.status, 400);
    t.is(answer.code, 'InvalidArgument');
  });
}

test('a token of another bucket, or one with a flipped bit, is refused', async t => {
  const world = s3World();
  world.directory.addBucket('other', { [OWNER]: 'r' });
  for (const key of ['a', 'b', 'c']) put(world, key);
  const page = await world.ask({ target: '/pictures?list-type=2&max-keys=1' });
  const token = page.one('NextContinuationToken') ?? '';
  const other = await world.ask({ target: `/other?list-type=2&continuation-token=${token}` });
  t.is(other.code, 'InvalidArgument');
  for (let index = 0; index < token.length; index += 1) {
    const letter = token[index] === 'A' ? 'B' : 'A';
    const changed = token.slice(0, index) + letter + token.slice(index + 1);
    const query = `list-type=2&continuation-token=${changed}`;
    const answer = await world.ask({ target: `/pictures?${query}` });
    t.is(answer.code, 'InvalidArgument');
  }
});

test('URL encoding is undone by both ways in which clients decode', t => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), text => {
      const encoded = encodeUrl(text);
      t.is(decodeURIComponent(encoded), text);
      t.is(decodeURIComponent(encoded.replaceAll('+', ' ')), text);
      t.regex(encoded, /^[A-Za-z0-9._/%-]*$/);
    }),
  );
  t.is(encodeUrl('test_file(3).png'), 'test_file%283%29.png');
});

test('refusals of the tables are told as what they are', async t => {
  const world = s3World();
  for (const [kind, code, status] of [
    ['overloaded', 'SlowDown', 503],
    ['unknown', 'ServiceUnavailable', 503],
    ['damaged', 'InternalError', 500],
  ] as const) {
    world.objects.tables.interfere = () => ({ kind });
    const answer = await world.ask({ target: '/pictures?list-type=2' });
    t.is(answer.code, code);
    t.is(answer.status, status);
  }
});

test('a page of a thousand keys is written in well under a millisecond', t => {
  const entries: ListedEntry[] = Array.from({ length: 1000 }, (_, index) => ({
    kind: 'object',
    key: `photos/2024/holidays/picture-${String(index).padStart(6, '0')}.jpeg` as ObjectKey,
    lastModifiedMs: 1_700_000_000_000 + index * 7919,
    sizeBytes: 100_000 + index,
    etag: ETAG,
  }));
  const page = { entries, truncated: true };
  let bestMs = Infinity;
  for (let round = 0; round < 300; round += 1) {
    const started = process.hrtime.bigint();
    const out = new XmlBytes('');
    writeEntries(out, { page, owner: '' }, asItIs);
    if (out.end('').length < 100_000) t.fail('the page is too short');
    bestMs = Math.min(bestMs, Number(process.hrtime.bigint() - started) / 1e6);
  }
  t.log(`${bestMs.toFixed(3)} ms`);
  t.true(bestMs < 4);
});
