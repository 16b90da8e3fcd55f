/**
 * Signatures: "Authenticating Requests (AWS Signature Version 4)", in the header, in the query, and
 * chunk by chunk.
 *
 * Owns:          their cases.
 * Knows:         the API reference's chapter on signatures, its error codes.
 * Must not know: how a signature is verified.
 */
import { each, table, type Asked, type Cases } from '../s3-case.ts';

const READ = { ask: 'GET /{object}' } as const;

/** Something about the header, and what it is answered. */
const HEADER: readonly (readonly [title: string, change: Omit<Asked, 'ask'>, answer: string])[] = [
  ['a good signature', {}, '200'],
  ['another secret', { wire: { secret: 'wrong' } }, '403 SignatureDoesNotMatch'],
  [
    'an unknown key',
    { wire: { accessKeyId: 'GK000000000000000000000000' } },
    '403 InvalidAccessKeyId',
  ],
  ['another region', { wire: { region: 'us-east-1' } }, '400 AuthorizationHeaderMalformed'],
  [
    'another service',
    { wire: { sign: { scope: { service: 'ec2' } } } },
    '400 AuthorizationHeaderMalformed',
  ],
  [
    'another day',
    { wire: { sign: { scope: { date: '20200101' } } } },
    '400 AuthorizationHeaderMalformed',
  ],
  [
    'another end of the scope',
    { wire: { sign: { scope: { terminator: 'aws5_request' } } } },
    '400 AuthorizationHeaderMalformed',
  ],
  ['a clock 14 minutes behind', { wire: { ageSeconds: 14 * 60 } }, '200'],
  ['a clock 16 minutes behind', { wire: { ageSeconds: 16 * 60 } }, '403 RequestTimeTooSkewed'],
  ['a clock 16 minutes ahead', { wire: { ageSeconds: -16 * 60 } }, '403 RequestTimeTooSkewed'],
  ['the time in Date', { wire: { sign: { dateHeader: 'date' } } }, '200'],
  ['no time', { wire: { sign: { dateHeader: 'none' } } }, '403 AccessDenied'],
  [
    'a header that is not signed',
    { wire: { unsignedHeaders: [['x-amz-meta-a', '1']] } },
    '403 AccessDenied',
  ],
  [
    'a header that was signed and is not sent',
    { headers: { 'x-amz-meta-a': '1' }, wire: { unsent: ['x-amz-meta-a'] } },
    '403 SignatureDoesNotMatch',
  ],
  [
    'a path that was not signed',
    { wire: { sign: { canonicalPath: '/other' } } },
    '403 SignatureDoesNotMatch',
  ],
  ['no signature', { as: 'nobody' }, '403 AccessDenied'],
  ...(
    [
      ['nonsense', '400 InvalidArgument'],
      ['', '403 AccessDenied'],
      ['AWS GK0:signature', '400 InvalidRequest'],
      ['AWS4-HMAC-SHA256', '400 AuthorizationHeaderMalformed'],
      ['AWS4-HMAC-SHA256 Credential=GK0', '400 AuthorizationHeaderMalformed'],
      [
        'AWS4-HMAC-SHA256 Credential=,SignedHeaders=host,Signature=0',
        '400 AuthorizationHeaderMalformed',
      ],
      ['Basic dXNlcjpwYXNz', '400 InvalidArgument'],
      ['Bearer token', '400 InvalidArgument'],
    ] as const
  ).map(
    ([authorization, answer]) =>
      [
        `Authorization: ${authorization}`,
        { as: 'nobody' as const, headers: { authorization } },
        answer,
      ] as const,
  ),
];

const header: Cases = {
  ...each(HEADER, ([title, change, answer]) => [title, { ...READ, ...change, answer }]),
  'a scope of another region is told the right one': {
    ...{ ...READ, wire: { region: 'us-east-1' }, answer: '400 AuthorizationHeaderMalformed' },
    xml: { Region: 'garage' },
  },
  'a clock that is wrong is told the right time': {
    ...{ ...READ, wire: { ageSeconds: 3600 }, answer: '403 RequestTimeTooSkewed' },
    xml: { RequestTime: /Z$/, ServerTime: /Z$/, MaxAllowedSkewMilliseconds: '900000' },
  },
  'what was signed is told to who signed it wrongly': {
    ...{ ...READ, wire: { secret: 'wrong' }, answer: '403 SignatureDoesNotMatch' },
    xml: {
      AWSAccessKeyId: '{owner}',
      StringToSign: /^AWS4-HMAC-SHA256/,
      SignatureProvided: /^[0-9a-f]{64}$/,
    },
  },
  'blanks within a value count once': {
    ...{ ask: 'PUT /{key}', body: 'x', headers: { 'x-amz-meta-a': 'a   b' }, answer: '200' },
  },
};

const presigned: Cases = {
  GET: { ...READ, presigned: {}, answer: '200', text: '0123456789' },
  HEAD: { ask: 'HEAD /{object}', presigned: {}, answer: '200' },
  PUT: {
    ...{ ask: 'PUT /{key}', presigned: {}, body: 'hello', answer: '200' },
    then: ['GET /{key} > hello'],
  },
  DELETE: {
    given: ['PUT /{key} < x'],
    ...{ ask: 'DELETE /{key}', presigned: {}, answer: '204', then: ['GET /{key} = 404 NoSuchKey'] },
  },
  'a list': { ask: 'GET /{listed}?list-type=2&max-keys=1', presigned: {}, answer: '200' },
  'response-* parameters': {
    ...{ ask: 'GET /{object}?response-content-type=text%2Fhtml', presigned: {}, answer: '200' },
    has: { 'content-type': 'text/html' },
  },
  'a week': { ...READ, presigned: { expires: 604800 }, answer: '200' },
  'one second': { ...READ, presigned: { expires: 2 }, answer: '200' },
  ...each(['0', '-1', '604801', 'abc', '', '1.5'], expires => [
    `X-Amz-Expires=${expires}`,
    { ...READ, presigned: { expires }, answer: '400 AuthorizationQueryParametersError' },
  ]),
  expired: {
    ...{ ...READ, presigned: { expires: 60, ageSeconds: 120 }, answer: '403 AccessDenied' },
    xml: { 'X-Amz-Expires': '60', Expires: /Z$/, ServerTime: /Z$/ },
  },
  'from long ago, and still valid': {
    ...{ ...READ, presigned: { expires: 7200, ageSeconds: 3600 }, answer: '200' },
  },
  'from the future': { ...READ, presigned: { ageSeconds: -1800 }, answer: '403 AccessDenied' },
  'for another method': {
    ...{ ask: 'PUT /{key}', body: 'x', presigned: { signedFor: 'GET /{key}' } },
    answer: '403 SignatureDoesNotMatch',
  },
  'HEAD with a URL for GET': {
    ...{ ask: 'HEAD /{object}', presigned: { signedFor: 'GET /{object}' }, answer: '403' },
  },
  'for another key': {
    ...{ ask: 'GET /{empty}', presigned: { signedFor: 'GET /{object}' } },
    answer: '403 SignatureDoesNotMatch',
  },
  'with another parameter': {
    ...{ ...READ, presigned: { append: '&response-content-type=text%2Fhtml' } },
    answer: '403 SignatureDoesNotMatch',
  },
  'with a second signature': {
    ...{
      ...READ,
      presigned: { append: '&X-Amz-Signature=0' },
      answer: '403 SignatureDoesNotMatch',
    },
  },
  'by a key that may not': { ...READ, as: 'stranger', presigned: {}, answer: '403 AccessDenied' },
  'the signature of version 2': {
    ask: 'GET /{object}?AWSAccessKeyId=GK0&Signature=x&Expires=9999999999',
    ...{ as: 'nobody', answer: '400 InvalidRequest' },
  },
  'in the query and in the header': {
    ...{ ...READ, presigned: {}, headers: { authorization: 'AWS4-HMAC-SHA256 Credential=x' } },
    answer: '400 InvalidArgument',
  },
  incomplete: {
    ask: 'GET /{object}?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Signature=0',
    ...{ as: 'nobody', answer: '400 AuthorizationQueryParametersError' },
  },
};

const TEN_THOUSAND = 'z'.repeat(10_000);

function replaced(old: string, now: string): (body: Buffer) => Buffer {
  return body => Buffer.from(body.toString('latin1').replace(old, now), 'latin1');
}

type Chunked = readonly [title: string, chunks: NonNullable<Asked['chunks']>, answer: string];

const BAD_CHUNKS: readonly Chunked[] = [
  [
    'a chunk with a wrong signature',
    { are: 'signed', change: replaced('chunk-signature=', 'chunk-signature=0') },
    '403 SignatureDoesNotMatch',
  ],
  [
    'a chunk that was changed',
    { are: 'signed', change: replaced('zzz', 'zzy') },
    '403 SignatureDoesNotMatch',
  ],
  [
    'a chunk without a signature',
    {
      are: 'signed',
      change: body =>
        Buffer.from(body.toString('latin1').replace(/;chunk-signature=\w+/, ''), 'latin1'),
    },
    '400 InvalidRequest',
  ],
  [
    'no last chunk',
    { are: 'signed', change: body => body.subarray(0, body.lastIndexOf('0;chunk')) },
    '400 IncompleteBody',
  ],
  [
    'a size that is none',
    {
      are: 'unsigned',
      trailers: [['x-amz-checksum-crc32', 'AAAAAA==']],
      change: replaced('2710\r\n', 'size\r\n'),
    },
    '400 InvalidRequest',
  ],
  ['no decoded length', { are: 'signed', decodedLength: 'none' }, '411 MissingContentLength'],
  ['a decoded length that is none', { are: 'signed', decodedLength: 'x' }, '400 InvalidArgument'],
  [
    'a decoded length that is too large',
    { are: 'signed', decodedLength: '10001' },
    '400 IncompleteBody',
  ],
  [
    'a signed trailer without its announcement',
    { are: 'signed', mode: 'STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER' },
    '400 MalformedTrailerError',
  ],
  [
    'a trailer that was announced and is not there',
    { are: 'unsigned', announced: 'x-amz-checksum-crc32' },
    '400 MalformedTrailerError',
  ],
  [
    'a trailer that was not announced',
    { are: 'unsigned', trailers: [['x-amz-checksum-crc32', 'AAAAAA==']], announced: 'none' },
    '400 MalformedTrailerError',
  ],
  [
    'a trailer with a wrong signature',
    {
      are: 'signed',
      trailers: [['x-amz-checksum-crc32', 'AAAAAA==']],
      change: replaced('trailer-signature:', 'trailer-signature:0'),
    },
    '403 SignatureDoesNotMatch',
  ],
];

const chunked: Cases = {
  ...each(['', 'x', TEN_THOUSAND], body => [
    `${body.length} signed bytes`,
    {
      ...{ ask: 'PUT /{key}', body, chunks: { are: 'signed' as const, chunkBytes: 8192 } },
      ...{ answer: '200', then: [`GET /{key} > ${body}`] },
    },
  ]),
  'unsigned chunks may end without a trailer': {
    ...{ ask: 'PUT /{key}', body: 'x', chunks: { are: 'unsigned' }, answer: '200' },
    then: ['GET /{key} > x'],
  },
  'aws-chunked is not kept as the encoding of the object': {
    ...{ ask: 'PUT /{key}', body: 'x', chunks: { are: 'signed' }, answer: '200' },
    then: [{ ask: 'HEAD /{key}', answer: '200', has: { 'content-encoding': null } }],
  },
  ...each(BAD_CHUNKS, ([title, chunks, answer]) => [
    title,
    {
      ...{ ask: 'PUT /{key}', body: TEN_THOUSAND, chunks, answer },
      then: ['GET /{key} = 404 NoSuchKey'],
    },
  ]),
  'a part in chunks': {
    ...{ ask: 'PUT /{upload}&partNumber=1', body: 'x', chunks: { are: 'signed' }, answer: '200' },
  },
};

export const signatures = table('signatures in the header', 'SigV4, 15 minutes of skew', header);
export const presignedUrls = table('presigned URLs', 'every operation, up to a week', presigned);
export const chunkedBodies = table(
  'aws-chunked bodies',
  'signed and unsigned, with and without trailer',
  chunked,
);
