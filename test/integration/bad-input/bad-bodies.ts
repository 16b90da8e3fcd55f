/**
 * Requests whose body is not what the head promised.
 *
 * Owns:          rows 18 to 35 of the table.
 * Knows:         payload modes, aws-chunked, digests and lengths.
 * Must not know: how a body is read.
 */
import { seededBytes } from '../../support/seeded-bytes.ts';
import {
  SignedRequests,
  headText,
  type BuiltRequest,
  type ChunkedRequest,
  type S3Request,
} from '../../support/signed-requests.ts';
import { chunkedBody, type HeaderPair } from '../../support/sigv4-signer.ts';
import type { BadCase, BadWorld } from './bad-case.ts';

const GIB = 1024 ** 3;
const DATA = seededBytes(77, 200_000);
const CRC32_WRONG = 'AAAAAA==';
/** Bodies that go to blocks, to one block by another way, and into a row. */
const SIZES: readonly (readonly [dataBytes: number, chunkBytes: number])[] = [
  [DATA.length, 64 * 1024],
  [20_000, 8192],
  [3000, 1024],
];

const mismatch = ['403 SignatureDoesNotMatch'];
const chunkRefusals = ['400 InvalidRequest', '400 IncompleteBody', 'closed'];

/** Computed apart from this project. */
function crc32Of(data: Uint8Array): HeaderPair {
  let crc = 0xffffffff;
  for (const byte of data) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit += 1) crc = (crc >>> 1) ^ (crc & 1 ? 0xedb88320 : 0);
  }
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE((crc ^ 0xffffffff) >>> 0);
  return ['x-amz-checksum-crc32', bytes.toString('base64')];
}

/** A PUT of DATA in chunks, with something wrong. */
function chunked(wrong: Partial<ChunkedRequest>): BadCase['bytes'] {
  return ({ s3 }) =>
    s3.buildChunked({ method: 'PUT', key: 'x', data: DATA, chunks: 'signed', ...wrong }).bytes;
}

function put(wrong: Parameters<BadWorld['s3']['build']>[0]): BadCase['bytes'] {
  return ({ s3 }) => s3.build({ method: 'PUT', key: 'x', body: 'abcdef', ...wrong }).bytes;
}

const payloads: readonly BadCase[] = [
  {
    ...{ row: 18, title: 'no x-amz-content-sha256', expect: ['400 InvalidRequest'] },
    bytes: put({
      unsent: ['x-amz-content-sha256'],
      sign: { signedNames: ['host', 'x-amz-date'] },
    }),
  },
  ...['zzz', 'STREAMING-UNSIGNED-PAYLOAD', 'E3B0', 'g'.repeat(64)].map(payload => ({
    ...{ row: 19, title: `x-amz-content-sha256: ${payload}`, expect: ['400 InvalidArgument'] },
    bytes: put({ payload }),
  })),
  ...[6, 100_000, 3_000_000].map(size => ({
    ...{ row: 20, title: `the hash of another body, ${size} bytes` },
    expect: ['400 XAmzContentSHA256Mismatch'],
    bytes: put({ body: seededBytes(size, size), payload: 'ab'.repeat(32) }),
  })),
];

/** Routes with a body: an unsigned-trailer body must not make any of them skip the signature. */
const PUT_LIKE: readonly (readonly [title: string, method: string, key: string, query: string])[] =
  [
    ['PutObject', 'PUT', 'x', ''],
    ['UploadPart', 'PUT', 'open', 'partNumber=4&uploadId=UPLOAD'],
    ['CompleteMultipartUpload', 'POST', 'open', 'uploadId=UPLOAD'],
    ['DeleteObjects', 'POST', '', 'delete='],
    ['CreateBucket', 'PUT', '', ''],
    ['CreateMultipartUpload', 'POST', 'x', 'uploads='],
  ];

const unsignedTrailers: readonly BadCase[] = PUT_LIKE.flatMap(([title, method, key, query]) => [
  {
    ...{ row: 21, title: `unsigned trailer on ${title}, bad signature`, expect: mismatch },
    bytes: ({ s3, server, upload }: BadWorld) =>
      s3.buildChunked({
        ...{ method, key, data: DATA.subarray(0, 1000), chunks: 'unsigned' },
        ...(query === '' ? {} : { query: query.replace('UPLOAD', upload.id) }),
        trailers: [['x-amz-checksum-crc32', CRC32_WRONG]],
        credentials: { ...server.credentials, secretKey: '0'.repeat(64) },
      }).bytes,
  },
  {
    ...{ row: 22, title: `unsigned trailer on ${title}, bad signature in the query` },
    expect: ['403'],
    bytes: ({ s3, upload }: BadWorld) => {
      const { target } = s3
        .signer({ accessKeyId: s3accessKey(s3), secretKey: '0'.repeat(64) })
        .presign({
          ...{ method, path: s3.path(key), expiresSeconds: 60, timeMs: Date.now() },
          headers: [['host', s3.host]],
          ...(query === '' ? {} : { query: query.replace('UPLOAD', upload.id) }),
          payload: 'STREAMING-UNSIGNED-PAYLOAD-TRAILER',
        });
      const body = chunkedBody(DATA.subarray(0, 1000), {
        ...{ seed: undefined, chunkBytes: 500 },
        trailers: [['x-amz-checksum-crc32', CRC32_WRONG]],
      });
      const head = headText(`${method} ${target}`, [
        ['host', s3.host],
        ['x-amz-content-sha256', 'STREAMING-UNSIGNED-PAYLOAD-TRAILER'],
        ['x-amz-decoded-content-length', '1000'],
        ['x-amz-trailer', 'x-amz-checksum-crc32'],
        ['content-encoding', 'aws-chunked'],
        ['content-length', String(body.length)],
      ]);
      return Buffer.concat([Buffer.from(head, 'latin1'), body]);
    },
  },
]);

/** The body with one byte changed, found by the 32 that stand there. */
function flipped(dataOffset: number): (body: Buffer) => Buffer {
  return body => {
    const changed = Buffer.from(body);
    const at = changed.indexOf(DATA.subarray(dataOffset, dataOffset + 32));
    changed[at] = (changed[at] ?? 0) ^ 1;
    return changed;
  };
}

function replaced(find: string | RegExp, instead: string): (body: Buffer) => Buffer {
  return body => Buffer.from(body.toString('latin1').replace(find, instead), 'latin1');
}

const cutLastChunk = (body: Buffer): Buffer => body.subarray(0, body.lastIndexOf('0;chunk-sig'));

type Chunked = typeof chunked;

const chunksOf = (dataBytes: number, send: Chunked): readonly BadCase[] => [
  ...[0, dataBytes / 2, dataBytes - 32].map(offset => ({
    ...{ row: 23, title: `a changed byte of the data at ${offset}`, expect: mismatch },
    bytes: send({ change: flipped(offset) }),
  })),
  ...[0, 1, 2].map(number => ({
    ...{ row: 23, title: `a wrong signature of chunk ${number}`, expect: mismatch },
    bytes: send({
      change: body => {
        const changed = Buffer.from(body);
        let at = -1;
        for (let seen = 0; seen <= number; seen += 1) at = changed.indexOf('signature=', at + 1);
        const digit = at + 'signature='.length;
        changed[digit] = changed[digit] === 0x30 ? 0x31 : 0x30;
        return changed;
      },
    }),
  })),
  {
    ...{ row: 24, title: 'the last chunk is missing', expect: ['400 IncompleteBody'] },
    bytes: send({ change: cutLastChunk }),
  },
  {
    ...{ row: 24, title: 'the last chunk has a wrong signature', expect: mismatch },
    bytes: send({
      change: body => {
        const changed = Buffer.from(body);
        const at = changed.lastIndexOf('signature=') + 'signature='.length;
        changed[at] = changed[at] === 0x30 ? 0x31 : 0x30;
        return changed;
      },
    }),
  },
  ...(
    [
      ['none', '411 MissingContentLength'],
      [String(dataBytes - 1), '400 IncompleteBody'],
      [String(dataBytes + 1), '400 IncompleteBody'],
      ['-1', '400 InvalidArgument'],
      ['9223372036854775808', '400 InvalidArgument'],
      ['abc', '400 InvalidArgument'],
    ] as const
  ).map(([decodedLength, expected]) => ({
    ...{ row: 25, title: `x-amz-decoded-content-length: ${decodedLength}`, expect: [expected] },
    bytes: send({ decodedLength }),
  })),
  ...(
    [
      ['a size beyond what remains', /^[0-9a-f]+;/, 'fffffff;'],
      ['a size that is no number', /^[0-9a-f]+;/, 'xyz;'],
      ['a size of 17 digits', /^[0-9a-f]+;/, '00000000000010000;'],
      ['a negative size', /^[0-9a-f]+;/, '-1;'],
      ['no signature', /^([0-9a-f]+);chunk-signature=[0-9a-f]+/, '$1'],
      ['another extension', /chunk-signature/, 'chonk-signature'],
      ['a bare LF', /\r\n/, '\n'],
    ] as const
  ).map(([title, find, instead]) => ({
    ...{ row: 26, title: `a chunk header with ${title}`, expect: [...chunkRefusals, ...mismatch] },
    bytes: send({ change: replaced(find, instead) }),
  })),
  {
    ...{ row: 26, title: 'a line without end', expect: chunkRefusals },
    bytes: send({ change: () => Buffer.alloc(200_000, 0x31) }),
  },
];

const trailersOf = (trailer: HeaderPair, send: Chunked): readonly BadCase[] =>
  (['signed', 'unsigned'] as const).flatMap(kind => [
    {
      ...{ row: 27, title: `a wrong checksum in a trailer (${kind})`, expect: ['400 BadDigest'] },
      bytes: send({ chunks: kind, trailers: [['x-amz-checksum-crc32', CRC32_WRONG]] }),
    },
    {
      ...{ row: 27, title: `an announced trailer is missing (${kind})` },
      expect: ['400 MalformedTrailerError'],
      bytes: send({
        ...{ chunks: kind, trailers: [], announced: 'x-amz-checksum-crc32' },
        mode:
          kind === 'signed'
            ? 'STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER'
            : 'STREAMING-UNSIGNED-PAYLOAD-TRAILER',
      }),
    },
    {
      ...{ row: 27, title: `a trailer that was not announced (${kind})` },
      expect: ['400 MalformedTrailerError', '400 InvalidRequest'],
      bytes: send({ chunks: kind, trailers: [trailer], announced: 'none' }),
    },
    {
      ...{ row: 27, title: `another trailer than the announced one (${kind})` },
      expect: ['400 MalformedTrailerError'],
      bytes: send({ chunks: kind, trailers: [trailer], announced: 'x-amz-checksum-crc32c' }),
    },
    {
      ...{ row: 27, title: `the same trailer twice (${kind})` },
      expect: ['400 MalformedTrailerError'],
      bytes: send({
        ...{ chunks: kind, trailers: [trailer, trailer] },
        announced: 'x-amz-checksum-crc32',
      }),
    },
    {
      ...{ row: 27, title: `a trailer beside a header with the same checksum (${kind})` },
      expect: ['400 InvalidRequest'],
      bytes: send({ chunks: kind, trailers: [trailer], headers: [trailer] }),
    },
  ]);

const trailerSignaturesOf = (trailer: HeaderPair, send: Chunked): readonly BadCase[] => [
  {
    ...{ row: 28, title: 'a wrong signature of the trailer', expect: mismatch },
    bytes: send({
      trailers: [trailer],
      change: replaced(/trailer-signature:[0-9a-f]{64}/, `trailer-signature:${'0'.repeat(64)}`),
    }),
  },
  {
    ...{ row: 28, title: 'no signature of the trailer' },
    expect: [...mismatch, '400 MalformedTrailerError', '400 IncompleteBody'],
    bytes: send({
      trailers: [trailer],
      change: replaced(/x-amz-trailer-signature:[0-9a-f]{64}\r\n/, ''),
    }),
  },
];

function s3accessKey(s3: BadWorld['s3']): string {
  return /Credential=([^/]+)\//.exec(s3.build({}).head)?.[1] ?? '';
}

const streams: readonly BadCase[] = SIZES.flatMap(([dataBytes, chunkBytes]) => {
  const data = DATA.subarray(0, dataBytes);
  const send: Chunked = wrong => chunked({ data, chunkBytes, ...wrong });
  const trailer = crc32Of(data);
  const cases = [
    ...chunksOf(dataBytes, send),
    ...trailersOf(trailer, send),
    ...trailerSignaturesOf(trailer, send),
  ];
  return cases.map(bad => ({ ...bad, title: `${bad.title}, of ${dataBytes} bytes` }));
});

const md5OfOther = Buffer.alloc(16, 7).toString('base64');
const CHECKSUM_BYTES = [
  ['crc32', 4],
  ['crc32c', 4],
  ['crc64nvme', 8],
  ['sha1', 20],
  ['sha256', 32],
] as const;

const digests: readonly BadCase[] = [
  ...['not base64!', Buffer.alloc(15).toString('base64'), '', 'AAAA'].map(value => ({
    ...{ row: 29, title: `Content-MD5: ${value}`, expect: ['400 InvalidDigest'] },
    bytes: put({ headers: [['content-md5', value]] }),
  })),
  ...[6, 100_000].map(size => ({
    ...{ row: 30, title: `Content-MD5 of another body, ${size} bytes`, expect: ['400 BadDigest'] },
    bytes: put({ headers: [['content-md5', md5OfOther]], body: seededBytes(1, size) }),
  })),
  ...CHECKSUM_BYTES.flatMap(([algorithm, sizeBytes]) => [
    ...['malformed', 'AAA=', Buffer.alloc(sizeBytes + 1).toString('base64'), ''].map(value => ({
      ...{ row: 31, title: `x-amz-checksum-${algorithm}: ${value}` },
      expect: ['400 InvalidRequest'],
      bytes: put({ headers: [[`x-amz-checksum-${algorithm}`, value]] }),
    })),
    ...[6, 100_000].map(size => ({
      ...{ row: 31, title: `a wrong x-amz-checksum-${algorithm}, ${size} bytes` },
      expect: ['400 BadDigest'],
      bytes: put({
        headers: [[`x-amz-checksum-${algorithm}`, Buffer.alloc(sizeBytes).toString('base64')]],
        body: seededBytes(1, size),
      }),
    })),
  ]),
  {
    ...{ row: 31, title: 'another algorithm than the announced one', expect: ['400'] },
    bytes: put({
      headers: [
        ['x-amz-sdk-checksum-algorithm', 'SHA256'],
        ['x-amz-checksum-crc32', CRC32_WRONG],
      ],
    }),
  },
  {
    ...{ row: 31, title: 'checksums of two algorithms', expect: ['400 InvalidRequest'] },
    bytes: put({
      headers: [
        ['x-amz-checksum-crc32c', CRC32_WRONG],
        ['x-amz-checksum-crc32', CRC32_WRONG],
      ],
    }),
  },
];

/** A head for a body of 6 bytes, with these framing headers instead of a Content-Length. */
function framed(framing: readonly HeaderPair[], body = 'abcdef'): BadCase['bytes'] {
  return ({ s3 }) => {
    const { head } = s3.build({
      ...{ method: 'PUT', key: 'x', payload: 'UNSIGNED-PAYLOAD', contentLength: 'none' },
    });
    const lines = framing.map(([name, value]) => `${name}: ${value}\r\n`).join('');
    return `${head.slice(0, -2)}${lines}\r\n${body}`;
  };
}

const lengths: readonly BadCase[] = [
  {
    ...{ row: 32, title: 'neither Content-Length nor chunked' },
    ...{ expect: ['411 MissingContentLength', 'closed'] },
    bytes: framed([], ''),
  },
  {
    ...{ row: 33, title: 'Content-Length of 6 GiB', expect: ['400 EntityTooLarge'] },
    ...{ unfinished: 'waits' as const },
    bytes: framed([['content-length', String(6 * GIB)]], 'abc'),
  },
  {
    ...{ row: 34, title: 'five bytes of a hundred, then the end' },
    ...{ expect: ['400 IncompleteBody', 'closed'], unfinished: 'hangs-up' as const },
    bytes: framed([['content-length', '100']], 'abcde'),
  },
  {
    ...{ row: 34, title: 'a part of a large body, then the end' },
    ...{ expect: ['400 IncompleteBody', 'closed'], unfinished: 'hangs-up' as const },
    bytes: framed([['content-length', '3000000']], 'x'.repeat(2_000_000)),
  },
  ...(
    [
      ['two equal Content-Length', ['content-length', '6'], ['content-length', '6'], '400'],
      ['two different Content-Length', ['content-length', '6'], ['content-length', '5'], '400'],
      ['both framings', ['content-length', '6'], ['transfer-encoding', 'chunked'], '400'],
      ['both, the other way', ['transfer-encoding', 'chunked'], ['content-length', '6'], '400'],
      ['an unknown coding', ['transfer-encoding', 'xchunked'], ['x-a', 'b'], '501'],
      ['gzip and chunked', ['transfer-encoding', 'gzip, chunked'], ['x-a', 'b'], '501'],
      ['chunked twice', ['transfer-encoding', 'chunked, chunked'], ['x-a', 'b'], '501'],
      ['a signed length', ['content-length', '+6'], ['x-a', 'b'], '400'],
      ['a hex length', ['content-length', '0x6'], ['x-a', 'b'], '400'],
      ['an empty length', ['content-length', ''], ['x-a', 'b'], '400'],
      ['a list of lengths', ['content-length', '6, 6'], ['x-a', 'b'], '400'],
      ['a huge length', ['content-length', '99999999999999999999'], ['x-a', 'b'], '400'],
      ['a space before the colon', ['content-length ', '6'], ['x-a', 'b'], '400'],
    ] as const
  ).map(([title, first, second, expected]) => ({
    ...{ row: 35, title, expect: [expected] },
    ...{ unfinished: 'waits' as const },
    bytes: framed([first, second]),
  })),
];

/** The same requests for a part of the upload that is under way. */
function forPart(bad: BadCase): BadCase {
  return {
    ...bad,
    title: `${bad.title}, for a part`,
    bytes: world => bad.bytes({ ...world, s3: new PartRequests(world) }),
  };
}

class PartRequests extends SignedRequests {
  readonly #upload: BadWorld['upload'];

  constructor({ server, upload }: BadWorld) {
    super(server);
    this.#upload = upload;
  }

  override build(request: S3Request): BuiltRequest {
    const query = `partNumber=5&uploadId=${this.#upload.id}`;
    return super.build(
      request.key === 'x' ? { ...request, key: this.#upload.key, query } : request,
    );
  }
}

const ofOneBody: readonly BadCase[] = [...payloads, ...streams, ...digests];

export const badBodies: readonly BadCase[] = [
  ...ofOneBody,
  ...ofOneBody.map(forPart),
  ...unsignedTrailers,
  ...lengths,
];
