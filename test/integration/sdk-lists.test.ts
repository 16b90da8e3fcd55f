// Method: a naive listing of the keys in memory is the oracle; every page of the server must be
// what it says, for every parameter and both versions of the listing.
import {
  ListObjectsCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  type ListObjectsV2CommandInput,
} from '@aws-sdk/client-s3';
import test from 'ava';
import { refusal, sdkWorlds, type SdkWorld } from './sdk-fixture.ts';

const world = sdkWorlds();

const KEYS = [
  ...['a', 'a/', 'a/1', 'a/2', 'a/b/1', 'a/b/2', 'a/b/c/1', 'a0', 'aa/x', 'b', 'b/1'],
  ...['c//1', 'c//2', 'c/1', 'photos/2006/January/1.jpg', 'photos/2006/February/2.jpg'],
  ...['photos/index', 'z z/1', 'z z/2', 'ü/1', 'ü/2', '日本/1', '🦀/1', '\uffee/1'],
];

type Entries = { readonly keys: readonly string[]; readonly prefixes: readonly string[] };

function bytewise(left: string, right: string): number {
  return Buffer.compare(Buffer.from(left), Buffer.from(right));
}

/** Everything that a listing must tell, page by page, by the S3 documentation. */
function naiveNames(prefix: string, delimiter: string, after: string): readonly string[] {
  const names = new Set<string>();
  for (const key of [...KEYS].sort(bytewise)) {
    if (!key.startsWith(prefix)) continue;
    const at = delimiter === '' ? -1 : key.indexOf(delimiter, prefix.length);
    const name = at < 0 ? key : key.slice(0, at + delimiter.length);
    const isPrefix = at >= 0;
    // A folder counts as passed only when the start lies behind it as a whole.
    const isPassed = isPrefix
      ? bytewise(key, after) <= 0 || name === after
      : bytewise(key, after) <= 0;
    if (after === '' || !isPassed) names.add(isPrefix ? `${name}\0` : name);
  }
  return [...names];
}

async function fill({ client, Bucket }: SdkWorld): Promise<void> {
  await Promise.all(
    KEYS.map((Key, index) =>
      client.send(new PutObjectCommand({ Bucket, Key, Body: Buffer.alloc(index) })),
    ),
  );
}

function entriesOf(output: {
  readonly Contents?: readonly { readonly Key?: string | undefined }[] | undefined;
  readonly CommonPrefixes?: readonly { readonly Prefix?: string | undefined }[] | undefined;
}): Entries {
  return {
    keys: (output.Contents ?? []).map(({ Key = '' }) => Key),
    prefixes: (output.CommonPrefixes ?? []).map(({ Prefix = '' }) => Prefix),
  };
}

function split(names: readonly string[]): Entries {
  return {
    keys: names.filter(name => !name.endsWith('\0')),
    prefixes: names.filter(name => name.endsWith('\0')).map(name => name.slice(0, -1)),
  };
}

const LISTINGS: readonly (readonly [Prefix: string, Delimiter: string])[] = [
  ['', ''],
  ['', '/'],
  ['a', '/'],
  ['a/', '/'],
  ['a/b/', '/'],
  ['c/', '/'],
  ['photos/2006/', '/'],
  ['', 'a'],
  ['', '/1'],
  ['ü', '/'],
  ['', 'b/'],
  ['missing', '/'],
  ['a', ''],
];

test('every listing, in pages of every size, tells each key and folder once', async t => {
  const here = await world(t);
  const { client, Bucket } = here;
  await fill(here);
  for (const [Prefix, Delimiter] of LISTINGS) {
    const names = naiveNames(Prefix, Delimiter, '');
    for (const MaxKeys of [1, 2, 3, 7, 1000]) {
      const told: { keys: string[]; prefixes: string[] } = { keys: [], prefixes: [] };
      let ContinuationToken: string | undefined;
      let pages = 0;
      do {
        const input: ListObjectsV2CommandInput = { Bucket, Prefix, Delimiter, MaxKeys };
        if (ContinuationToken !== undefined) input.ContinuationToken = ContinuationToken;
        const page = await client.send(new ListObjectsV2Command(input));
        const { keys, prefixes } = entriesOf(page);
        told.keys.push(...keys);
        told.prefixes.push(...prefixes);
        t.is(page.KeyCount, keys.length + prefixes.length);
        t.true(keys.length + prefixes.length <= MaxKeys);
        t.is(page.IsTruncated, page.NextContinuationToken !== undefined);
        ContinuationToken = page.NextContinuationToken;
        pages += 1;
      } while (ContinuationToken !== undefined);
      const place = `prefix "${Prefix}", delimiter "${Delimiter}", ${String(MaxKeys)} a page`;
      t.deepEqual(told, split(names), place);
      t.is(pages, Math.max(1, Math.ceil(names.length / MaxKeys)), place);
    }
  }
});

test('the first version of the listing goes on from its markers', async t => {
  const here = await world(t);
  const { client, Bucket } = here;
  await fill(here);
  for (const [Prefix, Delimiter] of LISTINGS) {
    for (const MaxKeys of [1, 3, 1000]) {
      const told: { keys: string[]; prefixes: string[] } = { keys: [], prefixes: [] };
      let Marker: string | undefined = '';
      do {
        const input: object = { Bucket, Prefix, Delimiter, MaxKeys, Marker };
        const page = await client.send(new ListObjectsCommand(input as { Bucket: string }));
        const { keys, prefixes } = entriesOf(page);
        told.keys.push(...keys);
        told.prefixes.push(...prefixes);
        if (Delimiter === '') t.is(page.NextMarker, undefined, 'only with a delimiter');
        Marker = page.IsTruncated === true ? (page.NextMarker ?? keys.at(-1)) : undefined;
      } while (Marker !== undefined);
      t.deepEqual(told, split(naiveNames(Prefix, Delimiter, '')), `${Prefix} ${Delimiter}`);
    }
  }
});

test('a listing starts behind any key, there or not', async t => {
  const here = await world(t);
  const { client, Bucket } = here;
  await fill(here);
  for (const StartAfter of ['a', 'a/', 'a/1x', 'a/b/1', 'c/', 'zzzz', 'ü/1', '\u{10ffff}']) {
    for (const [Prefix, Delimiter] of LISTINGS.slice(0, 5)) {
      const input = { Bucket, StartAfter, Prefix, Delimiter };
      const page = await client.send(new ListObjectsV2Command(input));
      t.is(page.StartAfter, StartAfter);
      const wanted = split(naiveNames(Prefix, Delimiter, StartAfter));
      t.deepEqual(entriesOf(page), wanted, `${StartAfter}: "${Prefix}" "${Delimiter}"`);
    }
  }
});

test('an entry tells size, ETag, time, class and, when asked, its owner', async t => {
  const here = await world(t);
  const { client, Bucket, server } = here;
  await fill(here);
  const plain = await client.send(new ListObjectsV2Command({ Bucket, MaxKeys: 2 }));
  const [first, second] = plain.Contents ?? [];
  t.is(first?.Size, 0);
  t.is(first?.ETag, '"d41d8cd98f00b204e9800998ecf8427e"');
  t.is(first?.StorageClass, 'STANDARD');
  t.true(Math.abs(Date.now() - (first?.LastModified?.getTime() ?? 0)) < 120_000);
  t.is(first?.Owner, undefined);
  t.is(second?.Size, 1);
  t.is(plain.Name, Bucket);
  t.is(plain.MaxKeys, 2);
  const owned = await client.send(
    new ListObjectsV2Command({ Bucket, MaxKeys: 1, FetchOwner: true }),
  );
  t.is(owned.Contents?.[0]?.Owner?.ID, server.credentials.accessKeyId);
});

test('URL encoding is told and covers keys, prefixes and markers', async t => {
  const { client, Bucket } = await world(t);
  for (const Key of ['a b/\n1', 'a b/2', 'a+b', 'ü&<>']) {
    await client.send(new PutObjectCommand({ Bucket, Key, Body: Buffer.alloc(0) }));
  }
  const EncodingType = 'url' as const;
  const all = await client.send(new ListObjectsV2Command({ Bucket, EncodingType }));
  t.is(all.EncodingType, 'url');
  t.deepEqual(entriesOf(all).keys.map(decodeURIComponent), ['a b/\n1', 'a b/2', 'a+b', 'ü&<>']);
  t.true(entriesOf(all).keys.every(key => /^[A-Za-z0-9._/%-]+$/.test(key)));
  const folders = await client.send(
    new ListObjectsV2Command({ Bucket, EncodingType, Delimiter: '/', Prefix: 'a b' }),
  );
  t.deepEqual(entriesOf(folders).prefixes.map(decodeURIComponent), ['a b/']);
  t.is(decodeURIComponent(folders.Prefix ?? ''), 'a b');
  const marked = await client.send(
    new ListObjectsCommand({ Bucket, EncodingType, Delimiter: '\n', MaxKeys: 1 }),
  );
  t.is(decodeURIComponent(marked.NextMarker ?? ''), 'a b/\n');
});

test('no keys are asked for, or more than there may be', async t => {
  const here = await world(t);
  const { client, Bucket } = here;
  await fill(here);
  const none = await client.send(new ListObjectsV2Command({ Bucket, MaxKeys: 0 }));
  t.is(none.KeyCount, 0);
  t.is(none.IsTruncated, false);
  const many = await client.send(new ListObjectsV2Command({ Bucket, MaxKeys: 5000 }));
  t.is(many.MaxKeys, 1000);
  t.is(many.KeyCount, KEYS.length);
  const bad = client.send(new ListObjectsV2Command({ Bucket, ContinuationToken: 'made up' }));
  t.is(await refusal(bad), '400 InvalidArgument');
});

test('a thousand and some keys need two pages', async t => {
  const { client, Bucket } = await world(t);
  const keys = Array.from({ length: 1203 }, (_, index) => `k${String(index).padStart(5, '0')}`);
  for (let at = 0; at < keys.length; at += 100) {
    const some = keys.slice(at, at + 100);
    await Promise.all(
      some.map(Key => client.send(new PutObjectCommand({ Bucket, Key, Body: Buffer.alloc(0) }))),
    );
  }
  const first = await client.send(new ListObjectsV2Command({ Bucket }));
  t.is(first.KeyCount, 1000);
  t.true(first.IsTruncated);
  const second = await client.send(
    new ListObjectsV2Command({ Bucket, ContinuationToken: first.NextContinuationToken }),
  );
  t.is(second.ContinuationToken, first.NextContinuationToken);
  t.deepEqual([...entriesOf(first).keys, ...entriesOf(second).keys], keys);
});
