// Method: the whole door on tables and blocks in memory; an answer is compared with that to the
// same request for a plain object.
import test, { type ExecutionContext } from 'ava';
import { hash } from 'node:crypto';
import { seededBytes } from '../../support/seeded-bytes.ts';
import type { HeaderPair } from '../../support/sigv4-signer.ts';
import { s3World, type Answer, type S3World } from './s3-world.ts';

const KIB = 1024;
const ENCRYPTION = 'x-amz-server-side-encryption-customer-';
const SOURCE = 'x-amz-copy-source-server-side-encryption-customer-';

/** The hash threads of large bodies end with the test. */
function open(t: ExecutionContext): S3World {
  const world = s3World();
  t.teardown(() => world.objects.digests.close());
  return world;
}

const md5Of = (key: Buffer): string => hash('md5', key, 'base64');

/** The three headers of a key. */
function keyed(seed: number, prefix = ENCRYPTION): HeaderPair[] {
  const key = seededBytes(seed, 32);
  return [
    [`${prefix}algorithm`, 'AES256'],
    [`${prefix}key`, key.toString('base64')],
    [`${prefix}key-md5`, md5Of(key)],
  ];
}

function put(world: S3World, body: Buffer, headers: readonly HeaderPair[], key = 'k') {
  return world.ask({ method: 'PUT', target: `/pictures/${key}`, headers, body });
}

function get(world: S3World, headers: readonly HeaderPair[] = [], target = '/pictures/k') {
  return world.ask({ target, headers });
}

function copy(
  world: S3World,
  source: string,
  headers: readonly HeaderPair[],
  key = 'copy',
): Promise<Answer> {
  return put(
    world,
    Buffer.alloc(0),
    [['x-amz-copy-source', `/pictures/${source}`], ...headers],
    key,
  );
}

const ALL_HEADERS = ['content-length', 'content-range', 'content-type', 'x-amz-meta-a'];

for (const size of [0, 3, 3000, 50 * KIB, 500 * KIB]) {
  test(`an encrypted object of ${String(size)} bytes answers as a plain one`, async t => {
    const world = open(t);
    const body = seededBytes(size, size);
    const headers: HeaderPair[] = [
      ['content-type', 'a/b'],
      ['x-amz-meta-a', 'v'],
      ['x-amz-checksum-sha256', hash('sha256', body, 'base64')],
      ['content-md5', hash('md5', body, 'base64')],
    ];
    await put(world, body, headers, 'plain');
    const stored = await put(world, body, [...headers, ...keyed(1)]);
    t.is(stored.status, 200, stored.text);
    const asked: HeaderPair[][] = [
      [],
      [['x-amz-checksum-mode', 'ENABLED']],
      [['range', 'bytes=1-2']],
      [['range', 'bytes=-1000']],
      [['range', 'bytes=40000-']],
      [['range', `bytes=${String(size)}-`]],
    ];
    for (const extra of asked) {
      for (const method of ['GET', 'HEAD']) {
        const plain = await world.ask({ method, target: '/pictures/plain', headers: extra });
        const ours = [...extra, ...keyed(1)];
        const answer = await world.ask({ method, target: '/pictures/k', headers: ours });
        t.is(answer.status, plain.status);
        t.is(answer.code, plain.code);
        for (const name of ALL_HEADERS) t.is(answer.header(name), plain.header(name), name);
        const checksum = 'x-amz-checksum-sha256';
        t.is(answer.header(checksum), plain.header(checksum));
        if (answer.status < 300) {
          t.true(answer.bytes.equals(plain.bytes));
          t.is(answer.header(`${ENCRYPTION}algorithm`), 'AES256');
          t.is(answer.header('etag'), stored.header('etag'));
        }
      }
    }
    t.is(world.objects.reader.readerCount, 0);
  });
}

test('answers tell the algorithm and the MD5 of the key, and never the key', async t => {
  const world = open(t);
  const body = seededBytes(1, 100);
  const md5 = md5Of(seededBytes(1, 32));
  const key = seededBytes(1, 32).toString('base64');
  const answers = [
    await put(world, body, keyed(1)),
    await get(world, keyed(1)),
    await world.ask({ method: 'HEAD', target: '/pictures/k', headers: keyed(1) }),
    await copy(world, 'k', [...keyed(1), ...keyed(1, SOURCE)]),
    await world.ask({ method: 'POST', target: '/pictures/u?uploads', headers: keyed(1) }),
  ];
  for (const { status, header, reply } of answers) {
    t.is(status, 200);
    t.is(header(`${ENCRYPTION}algorithm`), 'AES256');
    t.is(header(`${ENCRYPTION}key-md5`), md5);
    const names = reply.headers.map(([name]) => name);
    t.true(names.includes('x-amz-server-side-encryption-customer-key-MD5'));
    t.false(JSON.stringify(reply.headers).includes(key));
  }
  const plain = await put(world, body, [], 'plain');
  t.is(plain.header(`${ENCRYPTION}algorithm`), undefined);
});

test('the ETag is not the MD5 of the bytes, and differs each time', async t => {
  const world = open(t);
  const body = seededBytes(1, 100);
  const first = await put(world, body, keyed(1));
  const second = await put(world, body, keyed(1));
  t.regex(first.header('etag') ?? '', /^"[0-9a-f]{32}"$/);
  t.not(first.header('etag'), `"${hash('md5', body)}"`);
  t.not(first.header('etag'), second.header('etag'));
  const etag = second.header('etag') ?? '';
  const fresh: HeaderPair[] = [['if-none-match', etag], ...keyed(1)];
  t.is((await get(world, fresh)).status, 304);
  const other: HeaderPair[] = [['if-match', first.header('etag') ?? ''], ...keyed(1)];
  t.is((await get(world, other)).code, 'PreconditionFailed');
});

const parts = keyed(1);
const without = (name: string): HeaderPair[] =>
  parts.filter(([header]) => header !== ENCRYPTION + name);
const instead = (name: string, value: string): HeaderPair[] => [
  ...without(name),
  [ENCRYPTION + name, value],
];
const short = seededBytes(1, 31);

/** What AWS answers to a key that is none. */
const badKeys: readonly (readonly [
  title: string,
  headers: HeaderPair[],
  code: string,
  says: RegExp,
])[] = [
  ['no key', without('key'), 'InvalidArgument', /appropriate secret key/],
  ['no MD5', without('key-md5'), 'InvalidArgument', /client calculated MD5/],
  ['no algorithm', without('algorithm'), 'InvalidArgument', /valid encryption algorithm/],
  ['only a key', [parts[1]!], 'InvalidArgument', /valid encryption algorithm/],
  ['only an algorithm', [parts[0]!], 'InvalidArgument', /appropriate secret key/],
  ['AES128', instead('algorithm', 'AES128'), 'InvalidEncryptionAlgorithmError', /is AES256/],
  ['aes256', instead('algorithm', 'aes256'), 'InvalidEncryptionAlgorithmError', /is AES256/],
  ['no base64', instead('key', '?'.repeat(44)), 'InvalidArgument', /was invalid for/],
  ['an empty key', instead('key', ''), 'InvalidArgument', /was invalid for/],
  [
    'a key of 248 bits',
    [
      ...without('key').slice(0, 1),
      [`${ENCRYPTION}key`, short.toString('base64')],
      [`${ENCRYPTION}key-md5`, md5Of(short)],
    ],
    'InvalidArgument',
    /was invalid for/,
  ],
  ['another MD5', instead('key-md5', md5Of(short)), 'InvalidArgument', /did not match the hash/],
  ['an MD5 in hex', instead('key-md5', hash('md5', 'a')), 'InvalidArgument', /did not match/],
];

for (const [title, headers, code, says] of badKeys) {
  test(`${title} is refused before anything is read or stored`, async t => {
    const world = open(t);
    await put(world, seededBytes(1, 100), keyed(1), 'there');
    const before = world.objects.tables.requests.length;
    const copied: HeaderPair[] = [['x-amz-copy-source', '/pictures/there'], ...keyed(1, SOURCE)];
    const ofSource = headers.map(([name, value]): HeaderPair => [
      name.replace('x-amz-', 'x-amz-copy-source-'),
      value,
    ]);
    const body = Buffer.from('b');
    const target = '/pictures/there';
    for (const answer of [
      await put(world, body, headers),
      await get(world, headers, target),
      await put(world, Buffer.alloc(0), [...copied, ...headers]),
      await put(world, Buffer.alloc(0), [copied[0]!, ...ofSource]),
      await world.ask({ method: 'POST', target: '/pictures/u?uploads', headers }),
    ]) {
      t.is(answer.status, 400);
      t.is(answer.code, code);
      t.regex(answer.one('Message') ?? '', says);
      const sent = headers.find(([name]) => name === `${ENCRYPTION}key`)?.[1] ?? '';
      t.false(sent !== '' && answer.text.includes(sent));
    }
    t.is((await world.ask({ method: 'HEAD', target, headers })).status, 400);
    t.is(world.objects.tables.requests.length, before);
  });
}

test('what is encrypted is answered to its key only', async t => {
  const world = open(t);
  for (const size of [100, 300 * KIB]) {
    await put(world, seededBytes(1, size), keyed(1));
    const attributes: HeaderPair = ['x-amz-object-attributes', 'ETag,ObjectSize'];
    const cases = [
      [[], 400, 'InvalidRequest', /stored using a form of Server Side Encryption/],
      [keyed(2), 403, 'AccessDenied', /./],
    ] as const;
    for (const [headers, status, code, says] of cases) {
      const extra: HeaderPair[] = [['if-none-match', '*'], ['range', 'bytes=0-9'], ...headers];
      for (const answer of [
        await get(world, headers),
        await get(world, extra),
        await get(world, [attributes, ...headers], '/pictures/k?attributes'),
        await copy(
          world,
          'k',
          headers.map(([name, value]) => [name.replace('x-amz-', 'x-amz-copy-source-'), value]),
        ),
      ]) {
        t.is(answer.status, status, answer.text);
        t.is(answer.code, code);
        t.regex(answer.one('Message') ?? '', says);
      }
      const head = await world.ask({ method: 'HEAD', target: '/pictures/k', headers });
      t.is(head.status, status);
      t.is(head.bytes.length, 0);
      t.is(head.header('etag'), undefined);
    }
  }
});

test('a key for what is not encrypted is refused', async t => {
  const world = open(t);
  await put(world, seededBytes(1, 100), []);
  for (const answer of [
    await get(world, keyed(1)),
    await copy(world, 'k', keyed(1, SOURCE)),
    await get(world, [['x-amz-object-attributes', 'ETag'], ...keyed(1)], '/pictures/k?attributes'),
  ]) {
    t.is(answer.status, 400);
    t.is(answer.code, 'InvalidRequest');
    t.is(answer.one('Message'), 'The encryption parameters are not applicable to this object.');
  }
  const head = await world.ask({ method: 'HEAD', target: '/pictures/k', headers: keyed(1) });
  t.is(head.status, 400);
});

test('other encryptions are refused as before, with a key too', async t => {
  const world = open(t);
  const asked: HeaderPair[][] = [
    [['x-amz-server-side-encryption', 'AES256']],
    [['x-amz-server-side-encryption', 'aws:kms']],
    [['x-amz-server-side-encryption-aws-kms-key-id', 'a']],
    [['x-amz-server-side-encryption-context', 'a']],
    [['x-amz-server-side-encryption', 'AES256'], ...keyed(1)],
    // Of a copy, which this is not.
    keyed(1, SOURCE),
  ];
  for (const headers of asked) {
    t.is((await put(world, Buffer.from('b'), headers)).code, 'NotImplemented');
  }
});

test('what asks for no bytes of an encrypted object needs no key', async t => {
  const world = open(t);
  await put(world, seededBytes(1, 100), [['x-amz-tagging', 'a=b'], ...keyed(1)]);
  t.is((await get(world, [], '/pictures/k?tagging')).all('Key')[0], 'a');
  t.is((await get(world, [], '/pictures/k?acl')).status, 200);
  const listed = await get(world, [], '/pictures?list-type=2');
  t.deepEqual([listed.one('Key'), listed.one('Size')], ['k', '100']);
  t.is((await world.ask({ method: 'DELETE', target: '/pictures/k' })).status, 204);
});

const copies: readonly (readonly [from: number | undefined, to: number | undefined])[] = [
  [1, 2],
  [1, 1],
  [1, undefined],
  [undefined, 2],
];
const named = (key: number | undefined): string =>
  key === undefined ? 'plain' : `key ${String(key)}`;

for (const [from, to] of copies) {
  for (const size of [0, 100, 300 * KIB]) {
    test(`a copy of ${String(size)} bytes from ${named(from)} to ${named(to)}`, async t => {
      const world = open(t);
      const body = seededBytes(1, size);
      const crc = ['x-amz-checksum-sha1', hash('sha1', body, 'base64')] as const;
      const own = from === undefined ? [] : keyed(from);
      await put(world, body, [['x-amz-meta-a', 'v'], crc, ...own]);
      const stores = world.objects.blocks.count('block-store');
      const headers = [
        ...(from === undefined ? [] : keyed(from, SOURCE)),
        ...(to === undefined ? [] : keyed(to)),
      ];
      for (const key of ['copy', 'k']) {
        const copied = await copy(world, 'k', headers, key);
        t.is(copied.status, 200, copied.text);
        t.is(copied.one('ChecksumSHA1'), crc[1]);
        const isPlain = to === undefined;
        t.is(copied.one('ETag') === `"${hash('md5', body)}"`, isPlain);
        const mode: HeaderPair = ['x-amz-checksum-mode', 'ENABLED'];
        const got = await get(world, [mode, ...(isPlain ? [] : keyed(to))], `/pictures/${key}`);
        t.true(got.bytes.equals(body));
        t.is(got.header('x-amz-checksum-sha1'), crc[1]);
        t.is(got.header('x-amz-meta-a'), 'v');
        t.is(got.header(`${ENCRYPTION}algorithm`), isPlain ? undefined : 'AES256');
        const wrong = isPlain ? keyed(1) : [];
        t.is((await get(world, wrong, `/pictures/${key}`)).code, 'InvalidRequest');
      }
      t.is(world.objects.blocks.count('block-store') > stores, size > 4 * KIB);
      t.is(world.objects.reader.readerCount, 0);
    });
  }
}

test('a copy onto itself that names no key of the source changes nothing of it', async t => {
  const world = open(t);
  await put(world, seededBytes(1, 100), []);
  t.is((await copy(world, 'k', [], 'k')).code, 'InvalidRequest');
  t.is((await copy(world, 'k', keyed(1), 'k')).status, 200);
  t.is((await copy(world, 'k', keyed(2), 'k')).code, 'InvalidRequest');
});

test('an upload wants its own key with every part', async t => {
  const world = open(t);
  const begin = async (headers: HeaderPair[]): Promise<string> => {
    const begun = await world.ask({ method: 'POST', target: '/pictures/u?uploads', headers });
    return begun.one('UploadId') ?? '';
  };
  const encrypted = await begin(keyed(1));
  const plain = await begin([]);
  await put(world, seededBytes(1, 100), [], 'source');
  const cases = [
    [encrypted, keyed(1), undefined],
    [
      encrypted,
      [],
      'The multipart upload initiate requested encryption. Subsequent part requests must include the appropriate encryption parameters.',
    ],
    [
      encrypted,
      keyed(2),
      'The provided encryption parameters did not match the ones used originally.',
    ],
    [plain, [], undefined],
    [
      plain,
      keyed(1),
      'The multipart upload initiate did not request encryption. Please resend the request without sending encryption parameters.',
    ],
  ] as const;
  for (const [uploadId, headers, message] of cases) {
    const target = `u?partNumber=1&uploadId=${uploadId}`;
    for (const answer of [
      await put(world, seededBytes(1, 10), headers, target),
      await copy(world, 'source', headers, target),
    ]) {
      t.is(answer.status, message === undefined ? 200 : 400, answer.text);
      t.is(answer.one('Message'), message);
      if (message === undefined) {
        t.is(answer.header(`${ENCRYPTION}algorithm`), headers.length > 0 ? 'AES256' : undefined);
      } else t.is(answer.code, 'InvalidRequest');
    }
  }
  const rows = [...world.objects.tables.parts.values()];
  t.is(rows.filter(part => part.encryption !== undefined).length, 2);
  const stored = Buffer.concat([...world.objects.blocks.blocks.values()]);
  t.is(rows.length, 4);
  t.true(stored.includes(seededBytes(1, 10)), 'of the plain upload');
});

test('neither a key nor a part of it is logged', async t => {
  const world = open(t);
  const key = seededBytes(1, 32).toString('base64');
  await put(world, seededBytes(1, 100), keyed(1));
  await get(world, keyed(1));
  await get(world, instead('key-md5', 'x'));
  const logged = JSON.stringify(world.objects.log);
  t.true(logged.includes('GetObject'));
  t.false(logged.includes(key.slice(0, 16)));
});
