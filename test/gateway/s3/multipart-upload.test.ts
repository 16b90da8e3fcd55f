// Method: uploads are begun through the door; parts that would be large are put into the tables as
// rows, because what is tested here looks at their sizes and checksums only.
import { crc32 } from '@node-rs/crc32';
import test from 'ava';
import { createHash } from 'node:crypto';
import type { UploadId } from '../../../schemas/ids.ts';
import { attemptIdOf } from '../../../schemas/ids.ts';
import { EMPTY_BLOCK_LIST } from '../../../schemas/records/block-list.ts';
import type { StoredChecksum } from '../../../schemas/records/checksum.ts';
import type { ObjectVersion } from '../../../schemas/records/object-row.ts';
import type { HeaderPair } from '../../support/sigv4-signer.ts';
import { HOST, OWNER, READER, s3World, type Answer, type S3World } from './s3-world.ts';

const MIB = 1024 * 1024;

async function begin(
  world: S3World,
  headers: readonly HeaderPair[] = [],
  key = 'k',
): Promise<UploadId> {
  const answer = await world.ask({ method: 'POST', target: `/pictures/${key}?uploads`, headers });
  if (answer.status !== 200) throw new Error(answer.text);
  return (answer.one('UploadId') ?? '') as UploadId;
}

type Part = {
  readonly sizeBytes: number;
  readonly etag: string;
  readonly checksum?: StoredChecksum;
};

function etagOf(text: string): string {
  return createHash('md5').update(text).digest('hex');
}

/** Puts a part's row where the tables have it. */
function addPart(world: S3World, uploadId: UploadId, partNumber: number, part: Part): void {
  const timestamp = world.objects.stamper.now();
  const content = { kind: 'blocks', blocks: EMPTY_BLOCK_LIST } as const;
  const attemptId = attemptIdOf(timestamp);
  world.objects.tables.parts.set(attemptId, {
    ...{ uploadId, partNumber, attemptId, timestamp, content },
    ...part,
  });
}

function addParts(world: S3World, uploadId: UploadId, sizes: readonly number[]): void {
  sizes.forEach((sizeBytes, index) => {
    addPart(world, uploadId, index + 1, { sizeBytes, etag: etagOf(`part ${String(index + 1)}`) });
  });
}

type Listed = { readonly number: number | string; readonly etag?: string; readonly more?: string };

function bodyOf(parts: readonly Listed[]): string {
  const listed = parts.map(({ number, etag = etagOf(`part ${String(number)}`), more = '' }) => {
    return `<Part><PartNumber>${String(number)}</PartNumber><ETag>${etag}</ETag>${more}</Part>`;
  });
  const namespace = 'http://s3.amazonaws.com/doc/2006-03-01/';
  const root = 'CompleteMultipartUpload';
  return `<${root} xmlns="${namespace}">${listed.join('')}</${root}>`;
}

function complete(
  world: S3World,
  uploadId: string,
  parts: readonly Listed[],
  headers: readonly HeaderPair[] = [],
): Promise<Answer> {
  const target = `/pictures/k?uploadId=${uploadId}`;
  return world.ask({ method: 'POST', target, body: bodyOf(parts), headers });
}

function stored(world: S3World, key = 'k'): ObjectVersion | undefined {
  const bucket = world.directory.buckets.get('pictures')?.id ?? '';
  const row = world.objects.tables.objects.get(`${bucket}/${key}`)?.row;
  return row?.kind === 'version' ? row : undefined;
}

test('an upload keeps the headers of its beginning, and tells its checksum', async t => {
  const world = s3World();
  const answer = await world.ask({
    method: 'POST',
    target: '/pictures/a%0Db?uploads=',
    headers: [
      ['content-type', 'image/png'],
      ['x-amz-meta-who', 'me'],
      ['x-amz-checksum-algorithm', 'crc32c'],
    ],
  });
  t.is(answer.status, 200);
  t.is(answer.one('Bucket'), 'pictures');
  t.is(answer.one('Key'), 'a\rb');
  t.is(answer.header('x-amz-checksum-algorithm'), 'CRC32C');
  t.is(answer.header('x-amz-checksum-type'), 'COMPOSITE');
  const upload = world.objects.tables.uploads.get(answer.one('UploadId') ?? '');
  t.like(upload, {
    initiator: OWNER,
    state: { kind: 'open' },
    headers: [
      ['content-type', 'image/png'],
      ['x-amz-meta-who', 'me'],
    ],
    checksum: { algorithm: 'CRC32C', type: 'COMPOSITE' },
  });
});

const beginnings: readonly (readonly [
  algorithm: string | undefined,
  type: string | undefined,
  outcome: string,
])[] = [
  ['CRC64NVME', undefined, 'FULL_OBJECT'],
  ['CRC32', undefined, 'COMPOSITE'],
  ['SHA256', undefined, 'COMPOSITE'],
  ['CRC32', 'FULL_OBJECT', 'FULL_OBJECT'],
  ['CRC32C', 'full_object', 'FULL_OBJECT'],
  ['SHA1', 'COMPOSITE', 'COMPOSITE'],
  ['CRC64NVME', 'COMPOSITE', 'InvalidRequest'],
  ['SHA1', 'FULL_OBJECT', 'InvalidRequest'],
  ['SHA256', 'FULL_OBJECT', 'InvalidRequest'],
  [undefined, 'COMPOSITE', 'InvalidRequest'],
  ['CRC32', 'PARTIAL', 'InvalidRequest'],
  ['MD5', undefined, 'COMPOSITE'],
  ['XXHASH3', 'FULL_OBJECT', 'InvalidRequest'],
  ['CRC7', undefined, 'InvalidRequest'],
];
for (const [algorithm, type, outcome] of beginnings) {
  test(`an upload with ${String(algorithm)} of type ${String(type)}: ${outcome}`, async t => {
    const headers: HeaderPair[] = [];
    if (algorithm !== undefined) headers.push(['x-amz-checksum-algorithm', algorithm]);
    if (type !== undefined) headers.push(['x-amz-checksum-type', type]);
    const target = '/pictures/k?uploads';
    const answer = await s3World().ask({ method: 'POST', target, headers });
    t.is(answer.code ?? answer.header('x-amz-checksum-type'), outcome);
  });
}

for (const header of [
  ['x-amz-acl', 'public-read', 'AccessControlListNotSupported'],
  ['x-amz-server-side-encryption', 'AES256', 'NotImplemented'],
  ['x-amz-object-lock-mode', 'COMPLIANCE', 'InvalidArgument'],
  ['x-amz-object-lock-legal-hold', 'ON', 'InvalidRequest'],
] as const) {
  const [name, value, code] = header;
  test(`an upload that asks for ${name} is refused`, async t => {
    const world = s3World();
    const target = '/pictures/k?uploads';
    const answer = await world.ask({ method: 'POST', target, headers: [[name, value]] });
    t.is(answer.code, code);
    t.is(world.objects.tables.uploads.size, 0);
  });
}

test('parts become the object, by quoted and by bare ETags, gaps allowed', async t => {
  const world = s3World();
  const uploadId = await begin(world, [['content-type', 'image/png']]);
  addParts(world, uploadId, [5 * MIB, 6 * MIB, 7 * MIB, 1]);
  const listed = [
    { number: 1, etag: `&quot;${etagOf('part 1')}&quot;` },
    { number: 3 },
    { number: 4, etag: `"${etagOf('part 4')}"` },
  ];
  const answer = await complete(world, uploadId, listed);
  t.is(answer.status, 200, answer.text);
  const binary = [1, 3, 4].map(number => etagOf(`part ${String(number)}`)).join('');
  const etag = `${createHash('md5').update(binary, 'hex').digest('hex')}-3`;
  t.is(answer.one('ETag'), `"${etag}"`);
  t.is(answer.one('Bucket'), 'pictures');
  t.is(answer.one('Key'), 'k');
  t.is(answer.one('Location'), `http://${HOST}/pictures/k`);
  t.like(stored(world), {
    etag,
    sizeBytes: 12 * MIB + 1,
    headers: [['content-type', 'image/png']],
  });
  const write = world.objects.tables.requests.find(({ kind }) => kind === 'object-write');
  t.deepEqual(
    write?.kind === 'object-write' && write.completes?.parts.map(({ partNumber }) => partNumber),
    [1, 3, 4],
  );
});

test('the newest attempt at a part is the part', async t => {
  const world = s3World();
  const uploadId = await begin(world);
  addPart(world, uploadId, 1, { sizeBytes: 3, etag: etagOf('old') });
  addPart(world, uploadId, 1, { sizeBytes: 4, etag: etagOf('new') });
  const old = await complete(world, uploadId, [{ number: 1, etag: etagOf('old') }]);
  t.is(old.code, 'InvalidPart');
  const latest = await complete(world, uploadId, [{ number: 1, etag: etagOf('new') }]);
  t.is(latest.status, 200);
  t.is(stored(world)?.sizeBytes, 4);
});

type Refusal = {
  readonly title: string;
  readonly parts?: readonly Listed[];
  readonly headers?: readonly HeaderPair[];
  readonly code: string;
  readonly status?: number;
};
const refusals: readonly Refusal[] = [
  { title: 'no parts', parts: [], code: 'MalformedXML' },
  {
    title: 'a part that was not uploaded',
    parts: [{ number: 1 }, { number: 9 }],
    code: 'InvalidPart',
  },
  {
    title: 'parts in the wrong order',
    parts: [{ number: 2 }, { number: 1 }],
    code: 'InvalidPartOrder',
  },
  { title: 'a part twice', parts: [{ number: 1 }, { number: 1 }], code: 'InvalidPartOrder' },
  { title: 'another ETag', parts: [{ number: 1, etag: 'f'.repeat(32) }], code: 'InvalidPart' },
  {
    title: 'a small part before the last',
    parts: [{ number: 2 }, { number: 3 }],
    code: 'EntityTooSmall',
  },
  { title: 'part 0', parts: [{ number: 0 }], code: 'InvalidArgument' },
  { title: 'part 10001', parts: [{ number: 10_001 }], code: 'InvalidArgument' },
  { title: 'part -1', parts: [{ number: -1 }], code: 'MalformedXML' },
  { title: 'part abc', parts: [{ number: 'abc' }], code: 'MalformedXML' },
  { title: 'an unknown element', parts: [{ number: 1, more: '<Foo/>' }], code: 'MalformedXML' },
  { title: 'two ETags', parts: [{ number: 1, more: '<ETag>x</ETag>' }], code: 'MalformedXML' },
  {
    title: '10001 parts',
    parts: Array.from({ length: 10_001 }, (_, index) => ({ number: index + 1 })),
    code: 'MalformedXML',
  },
  {
    title: 'a checksum the part does not have',
    parts: [{ number: 1, more: '<ChecksumCRC32>AAAAAA==</ChecksumCRC32>' }],
    code: 'InvalidPart',
  },
  { title: 'another size', headers: [['x-amz-mp-object-size', '7']], code: 'InvalidRequest' },
  {
    title: 'a size that is none',
    headers: [['x-amz-mp-object-size', '-7']],
    code: 'InvalidArgument',
  },
  {
    title: 'a checksum the upload does not have',
    headers: [['x-amz-checksum-crc32', 'AAAAAA==']],
    code: 'InvalidRequest',
  },
  {
    title: 'a checksum type it does not have',
    headers: [['x-amz-checksum-type', 'COMPOSITE']],
    code: 'InvalidRequest',
  },
  {
    title: 'If-Match on what is not there',
    headers: [['if-match', '"x"']],
    code: 'NoSuchKey',
    status: 404,
  },
  {
    title: 'If-None-Match of an ETag',
    headers: [['if-none-match', '"x"']],
    code: 'NotImplemented',
    status: 501,
  },
];
for (const { title, parts = [{ number: 1 }, { number: 2 }], headers, code, status } of refusals) {
  test(`Complete with ${title}: ${code}, and the upload stays open`, async t => {
    const world = s3World();
    const uploadId = await begin(world);
    addParts(world, uploadId, [5 * MIB, 5 * MIB - 1, 1]);
    const answer = await complete(world, uploadId, parts, headers);
    t.is(answer.code, code, answer.text);
    t.is(answer.status, status ?? 400);
    t.is(stored(world), undefined);
    const right = await complete(world, uploadId, [{ number: 1 }, { number: 2 }]);
    t.is(right.status, 200);
  });
}

test('an object of more than 5 TiB is refused', async t => {
  const world = s3World();
  const uploadId = await begin(world);
  const fiveGib = 5 * 1024 * MIB;
  addParts(world, uploadId, new Array<number>(1025).fill(fiveGib));
  const numbers = Array.from({ length: 1025 }, (_, index) => ({ number: index + 1 }));
  t.is((await complete(world, uploadId, numbers)).code, 'EntityTooLarge');
  t.is((await complete(world, uploadId, numbers.slice(0, 1024))).status, 200);
  t.is(stored(world)?.sizeBytes, 5 * 1024 * 1024 * MIB);
});

test('10,000 parts are read page by page and completed', async t => {
  const world = s3World();
  const uploadId = await begin(world);
  addParts(world, uploadId, new Array<number>(10_000).fill(5 * MIB));
  const numbers = Array.from({ length: 10_000 }, (_, index) => ({ number: index + 1 }));
  const answer = await complete(world, uploadId, numbers);
  t.is(answer.status, 200, answer.text.slice(0, 500));
  t.is(world.lists.partRequests, 10);
  t.regex(answer.one('ETag') ?? '', /-10000"$/);
});

test('a repeated Complete gets the first answer, while the object is there', async t => {
  const world = s3World();
  const uploadId = await begin(world);
  addParts(world, uploadId, [5 * MIB, 1]);
  const parts = [{ number: 1 }, { number: 2 }];
  const none: HeaderPair = ['if-none-match', '*'];
  const first = await complete(world, uploadId, parts, [none]);
  const again = await complete(world, uploadId, parts, [none]);
  t.is(again.status, 200);
  t.is(again.text, first.text);
  t.is((await complete(world, uploadId, [{ number: 1 }])).code, 'NoSuchUpload');
  await world.ask({ method: 'PUT', target: '/pictures/k', body: 'newer' });
  t.is((await complete(world, uploadId, parts)).code, 'NoSuchUpload');
});

test('the conditions of a Complete are decided with its write', async t => {
  const world = s3World();
  const etag = (await world.ask({ method: 'PUT', target: '/pictures/k', body: 'x' })).header(
    'etag',
  );
  const uploadId = await begin(world);
  addParts(world, uploadId, [1]);
  const parts = [{ number: 1 }];
  t.is((await complete(world, uploadId, parts, [['if-none-match', '*']])).status, 412);
  t.is((await complete(world, uploadId, parts, [['if-match', '"other"']])).status, 412);
  t.is((await complete(world, uploadId, parts, [['if-match', etag ?? '']])).status, 200);
});

test('an upload belongs to its key', async t => {
  const world = s3World();
  const uploadId = await begin(world, [], 'other');
  addParts(world, uploadId, [1]);
  t.is((await complete(world, uploadId, [{ number: 1 }])).code, 'NoSuchUpload');
  const listed = await world.ask({ target: `/pictures/k?uploadId=${uploadId}` });
  t.is(listed.code, 'NoSuchUpload');
  const aborted = await world.ask({ method: 'DELETE', target: `/pictures/k?uploadId=${uploadId}` });
  t.is(aborted.code, 'NoSuchUpload');
});

test('an upload is given up if it began when it is said to have', async t => {
  const world = s3World();
  const abort = async (uploadId: string, time: string): Promise<string> => {
    const headers = [['x-amz-if-match-initiated-time', time]] as const;
    const target = `/pictures/k?uploadId=${uploadId}`;
    const { status, code } = await world.ask({ method: 'DELETE', target, headers });
    return code ?? String(status);
  };
  const ms = 1_700_000_000_678;
  const id = `${ms.toString(16).padStart(12, '0')}${'0'.repeat(20)}`;
  t.is(await abort(id, 'yesterday'), 'InvalidArgument');
  t.is(await abort(id, new Date(ms + 1000).toUTCString()), 'PreconditionFailed');
  t.is(await abort(id, new Date(ms).toUTCString()), '204', 'there is nothing to give up');
});

test('an aborted upload is gone', async t => {
  const world = s3World();
  const uploadId = await begin(world);
  addParts(world, uploadId, [1]);
  const target = `/pictures/k?uploadId=${uploadId}`;
  t.is((await world.ask({ method: 'DELETE', target })).status, 204);
  t.is((await world.ask({ method: 'DELETE', target })).code, 'NoSuchUpload');
  t.is((await complete(world, uploadId, [{ number: 1 }])).code, 'NoSuchUpload');
  t.is((await world.ask({ target })).code, 'NoSuchUpload');
});

test('a part goes in through the door, and the object comes out', async t => {
  const world = s3World();
  const uploadId = await begin(world);
  const target = `/pictures/k?partNumber=1&uploadId=${uploadId}`;
  const part = await world.ask({ method: 'PUT', target, body: 'the whole text' });
  t.is(part.status, 200, part.text);
  const etag = part.header('etag') ?? '';
  t.is((await complete(world, uploadId, [{ number: 1, etag }])).status, 200);
  t.is(stored(world)?.sizeBytes, 14);
});

function crcOf(text: string): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(crc32(Buffer.from(text)));
  return bytes;
}

const pieces = ['x'.repeat(5 * MIB), 'y'];

function checkedUpload(world: S3World, uploadId: UploadId): Listed[] {
  return pieces.map((piece, index) => {
    const value = crcOf(piece).toString('base64');
    const checksum = { algorithm: 'CRC32', type: 'FULL_OBJECT', value } as const;
    const etag = etagOf(`part ${String(index + 1)}`);
    addPart(world, uploadId, index + 1, { sizeBytes: piece.length, etag, checksum });
    return { number: index + 1, more: `<ChecksumCRC32>${value}</ChecksumCRC32>` };
  });
}

test('a composite checksum is that of the checksums, with their number', async t => {
  const world = s3World();
  const uploadId = await begin(world, [['x-amz-checksum-algorithm', 'CRC32']]);
  const parts = checkedUpload(world, uploadId);
  const bare = parts.map(({ number }) => ({ number }));
  t.is((await complete(world, uploadId, bare)).code, 'InvalidRequest');
  const digest = Buffer.alloc(4);
  digest.writeUInt32BE(crc32(Buffer.concat(pieces.map(crcOf))));
  const value = `${digest.toString('base64')}-2`;
  const wrong: HeaderPair = ['x-amz-checksum-crc32', 'AAAAAA==-2'];
  t.is((await complete(world, uploadId, parts, [wrong])).code, 'BadDigest');
  const other: HeaderPair = ['x-amz-checksum-sha1', 'A'.repeat(28)];
  t.is((await complete(world, uploadId, parts, [other])).code, 'InvalidRequest');
  const full: HeaderPair = ['x-amz-checksum-type', 'FULL_OBJECT'];
  t.is((await complete(world, uploadId, parts, [full])).code, 'InvalidRequest');
  const right: HeaderPair[] = [
    ['x-amz-checksum-crc32', value],
    ['x-amz-checksum-type', 'COMPOSITE'],
  ];
  const answer = await complete(world, uploadId, parts, right);
  t.is(answer.status, 200, answer.text);
  t.is(answer.one('ChecksumCRC32'), value);
  t.is(answer.one('ChecksumType'), 'COMPOSITE');
  t.deepEqual(stored(world)?.checksum, { algorithm: 'CRC32', type: 'COMPOSITE', value });
});

test('a full-object checksum is that of all the bytes', async t => {
  const world = s3World();
  const uploadId = await begin(world, [
    ['x-amz-checksum-algorithm', 'CRC32'],
    ['x-amz-checksum-type', 'FULL_OBJECT'],
  ]);
  checkedUpload(world, uploadId);
  const parts = [{ number: 1 }, { number: 2 }];
  const value = crcOf(pieces.join('')).toString('base64');
  const wrong: HeaderPair = ['x-amz-checksum-crc32', 'AAAAAA=='];
  t.is((await complete(world, uploadId, parts, [wrong])).code, 'BadDigest');
  const bad: HeaderPair = ['x-amz-checksum-crc32', 'not base64'];
  t.is((await complete(world, uploadId, parts, [bad])).code, 'InvalidRequest');
  const right: HeaderPair = ['x-amz-checksum-crc32', value];
  const answer = await complete(world, uploadId, parts, [right]);
  t.is(answer.status, 200, answer.text);
  t.is(answer.one('ChecksumCRC32'), value);
  t.is(answer.one('ChecksumType'), 'FULL_OBJECT');
});

test('an upload with a checksum needs one in every part', async t => {
  const world = s3World();
  const uploadId = await begin(world, [['x-amz-checksum-algorithm', 'CRC64NVME']]);
  addParts(world, uploadId, [1]);
  t.is((await complete(world, uploadId, [{ number: 1 }])).code, 'InvalidPart');
});

test('ListParts tells parts in pages', async t => {
  const world = s3World();
  const uploadId = await begin(world, [['x-amz-checksum-algorithm', 'CRC32']]);
  checkedUpload(world, uploadId);
  addParts(world, uploadId, []);
  const target = `/pictures/k?uploadId=${uploadId}`;
  const first = await world.ask({ target: `${target}&max-parts=1`, as: READER });
  t.is(first.one('Key'), 'k');
  t.deepEqual(first.all('ID'), [OWNER, READER]);
  t.deepEqual(first.all('PartNumber'), ['1']);
  t.is(first.one('NextPartNumberMarker'), '1');
  t.is(first.one('IsTruncated'), 'true');
  t.is(first.one('MaxParts'), '1');
  t.is(first.one('ChecksumAlgorithm'), 'CRC32');
  t.is(first.one('ChecksumCRC32'), crcOf(pieces[0] ?? '').toString('base64'));
  t.is(first.one('Size'), String(5 * MIB));
  t.is(first.one('ETag'), `"${etagOf('part 1')}"`);
  const second = await world.ask({ target: `${target}&max-parts=1&part-number-marker=1` });
  t.deepEqual(second.all('PartNumber'), ['2']);
  t.is(second.one('IsTruncated'), 'false');
  t.is(second.one('PartNumberMarker'), '1');
  const none = await world.ask({ target: `${target}&max-parts=0` });
  t.deepEqual(none.all('PartNumber'), []);
  t.is(none.one('IsTruncated'), 'false');
  for (const query of ['max-parts=-1', 'max-parts=x', 'part-number-marker=x']) {
    t.is((await world.ask({ target: `${target}&${query}` })).code, 'InvalidArgument');
  }
});
