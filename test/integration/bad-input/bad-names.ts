/**
 * Requests that name or ask for something that cannot be.
 *
 * Owns:          rows 36 to 49 of the table that end in a refusal, and 59.
 * Knows:         bucket names, keys, URIs, metadata, ranges, parameters.
 * Must not know: how they are parsed.
 */
import { headText, type S3Request } from '../../support/signed-requests.ts';
import type { BadCase, BadWorld } from './bad-case.ts';

const BUCKET_NAMES = [
  ...['ab', 'b'.repeat(64), 'UPPER', 'a..b', '-a', 'a-', '.ab', 'ab.', '192.168.0.1', 'xn--a'],
  ...['a_b', 'a%20b', 'a%2Fb', '%C3%BCber', 'x-s3alias'],
];

function ask(request: S3Request): BadCase['bytes'] {
  return ({ s3 }) => s3.build(request).bytes;
}

const buckets: readonly BadCase[] = [
  ...BUCKET_NAMES.map(name => ({
    ...{ row: 36, title: `a bucket named ${name} is created`, expect: ['400 InvalidBucketName'] },
    bytes: ask({ method: 'PUT', path: `/${name}` }),
  })),
  ...(['GET', 'HEAD', 'PUT', 'DELETE'] as const).map(method => ({
    ...{ row: 37, title: `${method} of a key in a missing bucket`, method },
    expect: method === 'HEAD' ? ['404'] : ['404 NoSuchBucket'],
    bytes: ask({ method, path: '/missing-bucket/k', ...(method === 'PUT' ? { body: 'a' } : {}) }),
  })),
  ...(['', 'list-type=2', 'uploads=', 'location='] as const).map(query => ({
    ...{ row: 37, title: `GET ?${query} of a missing bucket`, expect: ['404 NoSuchBucket'] },
    bytes: ask({ path: '/missing-bucket', query }),
  })),
  {
    ...{ row: 37, title: 'GET of a missing key', expect: ['404 NoSuchKey'] },
    bytes: ask({ key: 'missing' }),
  },
  {
    ...{ row: 37, title: 'HEAD of a missing key', method: 'HEAD', expect: ['404'] },
    bytes: ask({ key: 'missing', method: 'HEAD' }),
  },
  ...['0'.repeat(64), 'x', '', '../..', '%00', 'z'.repeat(2000)].map(id => ({
    ...{ row: 37, title: `GET of the missing upload ${id.slice(0, 20)}` },
    expect: [
      '404 NoSuchUpload',
      ...(id === '' ? ['400 InvalidArgument', '400 InvalidRequest'] : []),
    ],
    bytes: ask({ key: 'k', query: `uploadId=${id}` }),
  })),
];

const uris: readonly BadCase[] = [
  {
    ...{ row: 38, title: 'a key of 1025 bytes', expect: ['400 KeyTooLongError'] },
    bytes: ask({ method: 'PUT', key: 'k'.repeat(1025), body: 'a' }),
  },
  {
    ...{
      row: 38,
      title: 'a key of 342 characters and 1026 bytes',
      expect: ['400 KeyTooLongError'],
    },
    bytes: ask({ method: 'PUT', key: '%E2%82%AC'.repeat(342), body: 'a' }),
  },
  ...['%ff', 'a%c0%80', '%ed%a0%80', 'a%e2%82', '%f5%80%80%80'].map(key => ({
    ...{ row: 39, title: `a key that is no UTF-8: ${key}`, expect: ['400 InvalidURI'] },
    bytes: ask({ method: 'PUT', key, body: 'a', sign: { canonicalPath: '/x' } }),
  })),
  ...['\xff', 'a\xe9b', '\xc3'].map(key => ({
    ...{ row: 39, title: 'a key with a raw byte that is no UTF-8', expect: ['400'] },
    bytes: ask({ method: 'PUT', key, body: 'a', sign: { canonicalPath: '/x' } }),
  })),
  ...['%zz', '%', '%4', 'a%', '%%', '%u0041'].map(key => ({
    ...{ row: 42, title: `a bad escape: ${key}`, expect: ['400 InvalidURI'] },
    bytes: ask({ method: 'PUT', key, body: 'a', sign: { canonicalPath: '/x' } }),
  })),
  {
    ...{ row: 42, title: 'a bad escape in the query' },
    expect: ['400 InvalidURI', '403 SignatureDoesNotMatch'],
    bytes: ({ s3 }: BadWorld) =>
      Buffer.from(
        s3.build({ query: 'prefix=abc' }).head.replace('prefix=abc', 'prefix=%zz'),
        'latin1',
      ),
  },
  {
    ...{ row: 43, title: 'a URI of 64 KiB' },
    expect: ['400', '414', '431', 'closed'],
    bytes: ask({ key: 'k'.repeat(65_536) }),
  },
  {
    ...{ row: 43, title: 'a header of 20 KiB' },
    expect: ['400 RequestHeaderSectionTooLarge', '431', 'closed'],
    bytes: ask({ key: 'k', headers: [['x-large', 'v'.repeat(20_480)]] }),
  },
  {
    ...{ row: 43, title: '200 headers' },
    expect: ['400 RequestHeaderSectionTooLarge', '431', 'closed'],
    bytes: ask({
      key: 'k',
      headers: Array.from({ length: 200 }, (_, index) => [`x-h${String(index)}`, 'v'] as const),
    }),
  },
];

const metadata: readonly BadCase[] = [
  {
    ...{ row: 44, title: 'metadata above 2 KiB', expect: ['400 MetadataTooLarge'] },
    bytes: ask({
      method: 'PUT',
      key: 'x',
      body: 'a',
      headers: [['x-amz-meta-a', 'v'.repeat(2048)]],
    }),
  },
  {
    ...{ row: 44, title: 'metadata above 2 KiB in many headers', expect: ['400 MetadataTooLarge'] },
    bytes: ask({
      ...{ method: 'PUT', key: 'x', body: 'a' },
      headers: Array.from(
        { length: 22 },
        (_, index) => [`x-amz-meta-${String(index)}`, 'v'.repeat(100)] as const,
      ),
    }),
  },
  ...(
    [
      ['NUL', 'a\0b'],
      ['bare CR', 'a\rb'],
      ['bare LF', 'a\nx-amz-meta-b: c'],
      ['ESC', 'a\x1bb'],
      ['a byte that is no UTF-8', 'a\xffb'],
      ['such a byte in front', '\xffab'],
      ['such a byte at the end', 'ab\xff'],
    ] as const
  ).map(([title, value]) => ({
    ...{ row: 45, title: `metadata with ${title}`, expect: ['400', '403', 'closed'] },
    ...{ unfinished: 'waits' as const },
    bytes: ask({ method: 'PUT', key: 'x', body: 'a', headers: [['x-amz-meta-a', value]] }),
  })),
  ...['%0d%0ax-evil:%201', '%0aa', 'a%00b', '%7f'].map(value => ({
    ...{ row: 45, title: `response-content-type=${value}`, expect: ['400'] },
    bytes: ({ s3, known }: BadWorld) =>
      s3.build({ key: known.key, query: `response-content-type=${value}` }).bytes,
  })),
  {
    ...{ row: 45, title: 'x-amz-meta-a=%0d%0a in a presigned URL', expect: ['400'] },
    bytes: ({ s3 }) => {
      const { target } = s3.signer().presign({
        ...{ method: 'PUT', path: s3.path('x'), expiresSeconds: 60, timeMs: Date.now() },
        ...{ headers: [['host', s3.host]], query: 'x-amz-meta-a=a%0D%0Ax-evil%3A1' },
      });
      return `${headText(`PUT ${target}`, [
        ['host', s3.host],
        ['content-length', '1'],
      ])}a`;
    },
  },
];

const reads: readonly BadCase[] = [
  ...['bytes=10-5', 'bytes=abc', 'bytes=0-0,5-6', 'lines=1-2', 'bytes=', 'bytes=--1', 'x'].map(
    range => ({
      ...{ row: 46, title: `Range: ${range}`, expect: ['200'] },
      bytes: ({ s3, known }: BadWorld) =>
        s3.build({ key: known.key, headers: [['range', range]] }).bytes,
    }),
  ),
  ...['bytes=1000-', 'bytes=1000-2000', 'bytes=99999999999-', 'bytes=-0'].map(range => ({
    ...{ row: 47, title: `Range: ${range} of 1000 bytes`, expect: ['416 InvalidRange'] },
    bytes: ({ s3, known }: BadWorld) =>
      s3.build({ key: known.key, headers: [['range', range]] }).bytes,
  })),
  ...['bytes=0-0', 'bytes=0-', 'bytes=-0'].map(range => ({
    ...{ row: 47, title: `Range: ${range} of nothing`, expect: ['416 InvalidRange'] },
    bytes: ({ s3, emptyKey }: BadWorld) =>
      s3.build({ key: emptyKey, headers: [['range', range]] }).bytes,
  })),
  ...['0', '10001', '-1', 'abc', '1.5', '', '1e2', '99999999999999999999'].flatMap(number => [
    {
      ...{ row: 48, title: `UploadPart with partNumber=${number}` },
      ...{ expect: ['400 InvalidArgument'] },
      bytes: ({ s3, upload }: BadWorld) =>
        s3.build({
          ...{ method: 'PUT', key: upload.key, body: 'abc' },
          query: `partNumber=${number}&uploadId=${upload.id}`,
        }).bytes,
    },
    ...(number === ''
      ? []
      : [
          {
            ...{ row: 48, title: `GET with partNumber=${number}`, expect: ['400 InvalidArgument'] },
            bytes: ({ s3, known }: BadWorld) =>
              s3.build({ key: known.key, query: `partNumber=${number}` }).bytes,
          },
        ]),
  ]),
  {
    ...{ row: 48, title: 'UploadPart without partNumber' },
    ...{ expect: ['400 InvalidArgument', '400 InvalidRequest'] },
    bytes: ({ s3, upload }: BadWorld) =>
      s3.build({ method: 'PUT', key: upload.key, body: 'a', query: `uploadId=${upload.id}` }).bytes,
  },
  {
    ...{ row: 48, title: 'PUT with partNumber alone' },
    ...{ expect: ['400 InvalidArgument', '400 InvalidRequest'] },
    bytes: ask({ method: 'PUT', key: 'x', body: 'a', query: 'partNumber=1' }),
  },
];

const lists: readonly BadCase[] = [
  ...['-1', 'abc', '2147483648', '1.5', '0x10', '99999999999999999999'].flatMap(number => [
    ...['', 'list-type=2&'].map(version => ({
      ...{ row: 49, title: `GET ?${version}max-keys=${number}`, expect: ['400 InvalidArgument'] },
      bytes: ask({ query: `${version}max-keys=${number}` }),
    })),
    {
      ...{ row: 49, title: `max-uploads=${number}`, expect: ['400 InvalidArgument'] },
      bytes: ask({ query: `uploads=&max-uploads=${number}` }),
    },
    {
      ...{ row: 49, title: `max-parts=${number}`, expect: ['400 InvalidArgument'] },
      bytes: ({ s3, upload }: BadWorld) =>
        s3.build({ key: upload.key, query: `uploadId=${upload.id}&max-parts=${number}` }).bytes,
    },
  ]),
  ...['', 'list-type=2&', 'uploads=&'].map(version => ({
    ...{ row: 49, title: `GET ?${version}encoding-type=foo`, expect: ['400 InvalidArgument'] },
    bytes: ask({ query: `${version}encoding-type=foo` }),
  })),
  ...['abc', '%00', 'x'.repeat(2000)].map(token => ({
    ...{ row: 49, title: `continuation-token=${token.slice(0, 10)}` },
    ...{ expect: ['400 InvalidArgument'] },
    bytes: ask({ query: `list-type=2&continuation-token=${token}` }),
  })),
  {
    ...{ row: 49, title: 'list-type=3', expect: ['400 InvalidArgument', '200'] },
    bytes: ask({ query: 'list-type=3' }),
  },
  {
    ...{ row: 49, title: 'max-keys twice', expect: ['400 InvalidArgument'] },
    bytes: ask({ query: 'max-keys=1&max-keys=2' }),
  },
];

const conditions: readonly BadCase[] = [
  {
    ...{ row: 59, title: 'If-None-Match: * on what is there', expect: ['412 PreconditionFailed'] },
    bytes: ({ s3, known }: BadWorld) =>
      s3.build({
        ...{ method: 'PUT', key: known.key, body: 'other' },
        headers: [['if-none-match', '*']],
      }).bytes,
  },
  {
    ...{ row: 59, title: 'a wrong If-Match', expect: ['412 PreconditionFailed'] },
    bytes: ({ s3, known }: BadWorld) =>
      s3.build({
        ...{ method: 'PUT', key: known.key, body: 'other' },
        headers: [['if-match', '"0123"']],
      }).bytes,
  },
  {
    ...{ row: 59, title: 'both, contradicting each other' },
    ...{ expect: ['412 PreconditionFailed', '400', '501'] },
    bytes: ({ s3, known }: BadWorld) =>
      s3.build({
        ...{ method: 'PUT', key: known.key, body: 'other' },
        headers: [
          ['if-match', known.etag],
          ['if-none-match', '*'],
        ],
      }).bytes,
  },
  {
    ...{ row: 59, title: 'If-None-Match with an ETag on a write', expect: ['501 NotImplemented'] },
    bytes: ask({ method: 'PUT', key: 'x', body: 'a', headers: [['if-none-match', '"abc"']] }),
  },
  {
    ...{ row: 59, title: 'DeleteObject with a wrong If-Match', expect: ['412 PreconditionFailed'] },
    bytes: ({ s3, known }: BadWorld) =>
      s3.build({ method: 'DELETE', key: known.key, headers: [['if-match', '"0123"']] }).bytes,
  },
];

export const badNames: readonly BadCase[] = [
  ...buckets,
  ...uris,
  ...metadata,
  ...reads,
  ...lists,
  ...conditions,
];
