/**
 * Documents that must not be believed, and copies of what may not be read.
 *
 * Owns:          rows 50 to 58 of the table.
 * Knows:         the XML of CompleteMultipartUpload and DeleteObjects; x-amz-copy-source.
 * Must not know: how XML is parsed.
 */
import { createHash } from 'node:crypto';
import type { S3Request } from '../../support/signed-requests.ts';
import type { HeaderPair } from '../../support/sigv4-signer.ts';
import type { BadCase, BadWorld } from './bad-case.ts';

const MIB = 1024 * 1024;
const XMLNS = 'xmlns="http://s3.amazonaws.com/doc/2006-03-01/"';
const malformed = ['400 MalformedXML'];

type Part = readonly [number: number | string, etag: string];

function completion(parts: readonly Part[]): string {
  const list = parts.map(
    ([number, etag]) => `<Part><PartNumber>${number}</PartNumber><ETag>${etag}</ETag></Part>`,
  );
  return `<CompleteMultipartUpload ${XMLNS}>${list.join('')}</CompleteMultipartUpload>`;
}

function complete(
  { s3, upload }: BadWorld,
  body: string | Uint8Array,
  other: { readonly key?: string; readonly id?: string } = {},
): Buffer {
  const { key = upload.key, id = upload.id } = other;
  return s3.build({ method: 'POST', key, query: `uploadId=${id}`, body }).bytes;
}

const completions: readonly BadCase[] = (
  [
    ['an empty list', () => completion([]), ['400 MalformedXML']],
    ['an unknown part', ({ upload }) => completion([[9, upload.etags[1]]]), ['400 InvalidPart']],
    [
      'a wrong order',
      ({ upload }) =>
        completion([
          [3, upload.etags[2]],
          [1, upload.etags[0]],
        ]),
      ['400 InvalidPartOrder'],
    ],
    [
      'a small part before the last',
      ({ upload }) =>
        completion([
          [2, upload.etags[1]],
          [3, upload.etags[2]],
        ]),
      ['400 EntityTooSmall'],
    ],
    ['a wrong ETag', () => completion([[1, '"0123456789abcdef"']]), ['400 InvalidPart']],
    [
      'the same part twice',
      ({ upload }) =>
        completion([
          [1, upload.etags[0]],
          [1, upload.etags[0]],
        ]),
      ['400 InvalidPartOrder'],
    ],
    [
      '10001 parts',
      ({ upload }) =>
        completion(Array.from({ length: 10_001 }, (_, index) => [index + 1, upload.etags[0]])),
      ['400 MalformedXML', '400 InvalidArgument', '400 InvalidPart'],
    ],
    [
      'part number 0',
      ({ upload }) => completion([[0, upload.etags[0]]]),
      ['400 MalformedXML', '400 InvalidArgument', '400 InvalidPart'],
    ],
    [
      'a part number that is none',
      ({ upload }) => completion([['one', upload.etags[0]]]),
      malformed,
    ],
  ] as const satisfies readonly (readonly [
    string,
    (world: BadWorld) => string,
    readonly string[],
  ])[]
).map(([title, body, expect]) => ({
  ...{ row: 50, title: `a completion with ${title}`, expect },
  bytes: (world: BadWorld) => complete(world, body(world)),
}));

const gone = ['404 NoSuchUpload'];
const deadUploads: readonly BadCase[] = [
  {
    ...{ row: 51, title: 'a completion after the abort', expect: gone },
    bytes: world => complete(world, completion([[1, world.upload.etags[0]]]), world.abortedUpload),
  },
  {
    ...{ row: 51, title: 'a part after the abort', expect: gone },
    bytes: ({ s3, abortedUpload }) =>
      s3.build({
        ...{ method: 'PUT', key: abortedUpload.key, body: 'abc' },
        query: `partNumber=1&uploadId=${abortedUpload.id}`,
      }).bytes,
  },
  {
    ...{ row: 51, title: 'a second abort', expect: [...gone, '204'] },
    bytes: ({ s3, abortedUpload: { key, id } }) =>
      s3.build({ method: 'DELETE', key, query: `uploadId=${id}` }).bytes,
  },
  {
    ...{ row: 52, title: 'the upload of another key', expect: gone },
    bytes: world =>
      complete(world, completion([[1, world.upload.etags[0]]]), { key: 'another-key' }),
  },
  {
    ...{ row: 52, title: 'a part for the upload of another key', expect: gone },
    bytes: ({ s3, upload }) =>
      s3.build({
        ...{ method: 'PUT', key: 'another-key', body: 'abc' },
        query: `partNumber=1&uploadId=${upload.id}`,
      }).bytes,
  },
];

function deep(levels: number): string {
  return '<a>'.repeat(levels) + '</a>'.repeat(levels);
}

const LAUGHS = Array.from(
  { length: 10 },
  (_, index) => `<!ENTITY l${index + 1} "${`&l${index};`.repeat(10)}">`,
).join('');

/** Whole documents in the place of a completion and of a Delete. */
const DOCUMENTS: readonly (readonly [row: number, title: string, body: string | Buffer])[] = [
  [53, 'nothing', ''],
  [53, 'no XML at all', 'this is no XML'],
  [53, 'an end tag that is missing', '<Delete><Object><Key>k</Key></Object>'],
  [53, 'crossed tags', '<Delete><Object><Key>k</Object></Key></Delete>'],
  [53, 'another root', '<Remove><Object><Key>k</Key></Object></Remove>'],
  [53, 'an unknown element', '<Delete><Thing>1</Thing><Object><Key>known</Key></Object></Delete>'],
  [53, 'text between elements', '<Delete>text<Object><Key>known</Key></Object></Delete>'],
  [53, 'no Boolean', '<Delete><Quiet>maybe</Quiet><Object><Key>known</Key></Object></Delete>'],
  [53, 'two roots', '<Delete><Object><Key>known</Key></Object></Delete><Delete/>'],
  [54, 'a DOCTYPE', '<!DOCTYPE Delete><Delete><Object><Key>known</Key></Object></Delete>'],
  [
    54,
    'a billion laughs',
    `<?xml version="1.0"?><!DOCTYPE d [<!ENTITY l0 "ha">${LAUGHS}]>` +
      '<Delete><Object><Key>&l10;</Key></Object></Delete>',
  ],
  [
    54,
    'an external entity',
    '<!DOCTYPE d [<!ENTITY x SYSTEM "file:///etc/passwd">]>' +
      '<Delete><Object><Key>&x;</Key></Object></Delete>',
  ],
  [54, 'an undeclared entity', '<Delete><Object><Key>&nbsp;</Key></Object></Delete>'],
  [54, 'a nesting of 100000', deep(100_000)],
  [54, 'a nesting of 100000 without end', '<a>'.repeat(100_000)],
  [54, 'an attribute of 1 MiB', `<Delete a="${'x'.repeat(MIB)}"`],
  [55, 'UTF-16', Buffer.from('\ufeff<Delete><Object><Key>k</Key></Object></Delete>', 'utf16le')],
  [
    55,
    'an encoding that it is not in',
    '<?xml version="1.0" encoding="UTF-16"?><Delete><Object><Key>known</Key></Object></Delete>',
  ],
  [55, 'no UTF-8', Buffer.from('<Delete><Object><Key>k\xff</Key></Object></Delete>', 'latin1')],
  [55, 'a reference to NUL', '<Delete><Object><Key>k&#0;</Key></Object></Delete>'],
  [55, 'a reference to a surrogate', '<Delete><Object><Key>&#xD800;</Key></Object></Delete>'],
  [55, 'a reference to nowhere', '<Delete><Object><Key>&#x110000;</Key></Object></Delete>'],
  [55, 'a raw NUL', '<Delete><Object><Key>k\0</Key></Object></Delete>'],
];

function md5(body: string | Uint8Array): HeaderPair {
  return ['content-md5', createHash('md5').update(body).digest('base64')];
}

const documents: readonly BadCase[] = DOCUMENTS.flatMap(([row, title, body]) => [
  {
    ...{ row, title: `DeleteObjects with ${title}` },
    expect: body === '' ? [...malformed, '400 MissingRequestBodyError'] : malformed,
    bytes: ({ s3 }: BadWorld) =>
      s3.build({ method: 'POST', query: 'delete=', body, headers: [md5(body)] }).bytes,
  },
  {
    ...{ row, title: `CompleteMultipartUpload with ${title}` },
    expect:
      body === '' ? [...malformed, '400 MissingRequestBodyError', '400 InvalidRequest'] : malformed,
    bytes: (world: BadWorld) => complete(world, body),
  },
]);

const large: readonly BadCase[] = [
  {
    ...{ row: 54, title: 'a document of 100 MB, announced' },
    expect: [...malformed, '400 EntityTooLarge', '400 MaxMessageLengthExceeded'],
    ...{ unfinished: 'waits' as const },
    bytes: ({ s3, upload }) =>
      s3.build({
        ...{ method: 'POST', key: upload.key, query: `uploadId=${upload.id}` },
        ...{ payload: 'UNSIGNED-PAYLOAD', contentLength: '100000000' },
      }).bytes,
  },
  {
    ...{ row: 54, title: 'a document of 3 MiB' },
    expect: [...malformed, '400 EntityTooLarge', '400 MaxMessageLengthExceeded'],
    ...{ unfinished: 'waits' as const },
    bytes: world => complete(world, ' '.repeat(3 * MIB)),
  },
];

function deleteDocument(keys: readonly string[]): string {
  const objects = keys.map(key => `<Object><Key>${key}</Key></Object>`);
  return `<Delete ${XMLNS}>${objects.join('')}</Delete>`;
}

const deletions: readonly BadCase[] = [
  {
    ...{ row: 56, title: 'DeleteObjects of 1001 keys', expect: malformed },
    bytes: ({ s3, known }) => {
      const body = deleteDocument(Array.from({ length: 1001 }, () => known.key));
      return s3.build({ method: 'POST', query: 'delete=', body, headers: [md5(body)] }).bytes;
    },
  },
  {
    ...{ row: 56, title: 'DeleteObjects of no key', expect: malformed },
    bytes: ({ s3 }) => {
      const body = deleteDocument([]);
      return s3.build({ method: 'POST', query: 'delete=', body, headers: [md5(body)] }).bytes;
    },
  },
  {
    ...{ row: 56, title: 'DeleteObjects without a digest', expect: ['400 InvalidRequest'] },
    bytes: ({ s3, known }) =>
      s3.build({ method: 'POST', query: 'delete=', body: deleteDocument([known.key]) }).bytes,
  },
  {
    ...{ row: 56, title: 'DeleteObjects with the MD5 of another body', expect: ['400 BadDigest'] },
    bytes: ({ s3, known }) => {
      const body = deleteDocument([known.key]);
      return s3.build({ method: 'POST', query: 'delete=', body, headers: [md5('other')] }).bytes;
    },
  },
];

/** `SOURCE` stands for the source that may be read. */
function copy(source: string, wrong: Partial<S3Request> = {}): BadCase['bytes'] {
  return world => {
    const { s3, known, strangersBucket } = world;
    const value = source
      .replace('BUCKET', s3.bucket)
      .replace('KNOWN', known.key)
      .replace('STRANGER', strangersBucket);
    return s3.build({
      ...{ method: 'PUT', key: 'copy' },
      ...wrong,
      headers: [['x-amz-copy-source', value], ...(wrong.headers ?? [])],
    }).bytes;
  };
}

function copyPart(source: string, headers: readonly HeaderPair[] = []): BadCase['bytes'] {
  return world => {
    const query = `partNumber=4&uploadId=${world.upload.id}`;
    return copy(source, { key: world.upload.key, query, headers })(world);
  };
}

const invalid = ['400 InvalidArgument', '400 InvalidRequest', '400 InvalidURI'];

const copies: readonly BadCase[] = [
  ...(
    [
      ['a missing key', '/BUCKET/missing', ['404 NoSuchKey']],
      ['a missing bucket', '/missing-bucket/k', ['404 NoSuchBucket']],
      ['no slash', 'nothing', invalid],
      ['nothing', '', invalid],
      ['a slash alone', '/', invalid],
      ['no key', '/BUCKET/', invalid],
      ['a bad escape', '/BUCKET/%zz', invalid],
      ['no UTF-8', '/BUCKET/%ff', invalid],
      ['a version', '/BUCKET/KNOWN?versionId=abc', ['404 NoSuchVersion', ...invalid]],
      ['a key that is too long', `/BUCKET/${'k'.repeat(1025)}`, ['400', '404 NoSuchKey']],
      ['a bucket of another tenant', '/STRANGER/secret', ['403 AccessDenied']],
      ['a missing key of another tenant', '/STRANGER/missing', ['403 AccessDenied']],
    ] as const
  ).flatMap(([title, source, expect]) => [
    { row: 57, title: `a copy of ${title}`, expect, bytes: copy(source) },
    { row: 58, title: `a part that is a copy of ${title}`, expect, bytes: copyPart(source) },
  ]),
  {
    ...{ row: 57, title: 'a copy onto itself', expect: ['400 InvalidRequest'] },
    bytes: world =>
      world.s3.build({
        ...{ method: 'PUT', key: world.known.key },
        headers: [['x-amz-copy-source', `${world.s3.bucket}/${world.known.key}`]],
      }).bytes,
  },
  {
    ...{ row: 57, title: 'an unknown directive', expect: ['400 InvalidArgument'] },
    bytes: copy('/BUCKET/KNOWN', { headers: [['x-amz-metadata-directive', 'MERGE']] }),
  },
  ...['bytes=0-1000', 'bytes=1000-1001', 'bytes=5-1', 'bytes=0-', 'bytes=-5', 'abc', ''].map(
    range => ({
      ...{ row: 58, title: `a copy of the range ${range} of 1000 bytes` },
      expect: ['400 InvalidRange', '400 InvalidArgument', '416 InvalidRange'],
      bytes: copyPart('/BUCKET/KNOWN', [['x-amz-copy-source-range', range]]),
    }),
  ),
];

export const badDocuments: readonly BadCase[] = [
  ...completions,
  ...deadUploads,
  ...documents,
  ...large,
  ...deletions,
  ...copies,
];
