/**
 * Encryption with keys of the client's (SSE-C): "Using server-side encryption with
 * customer-provided keys" of the S3 user guide, and what the API reference of each operation says.
 *
 * Owns:          its cases, whatever the operation.
 * Knows:         the guide.
 * Must not know: how anything is encrypted.
 */
import { hash } from 'node:crypto';
import { seededBytes } from '../../support/seeded-bytes.ts';
import { completion, LARGE, MIB } from '../fixtures.ts';
import { each, table, type Cases, type Exchange, type S3Case, type Step } from '../s3-case.ts';

type Headers = Readonly<Record<string, string>>;

const PREFIX = 'x-amz-server-side-encryption-customer-';
const SOURCE = 'x-amz-copy-source-server-side-encryption-customer-';

function keyed(letter: string, prefix = PREFIX): Headers {
  const key = Buffer.from(letter.repeat(32));
  return {
    [`${prefix}algorithm`]: 'AES256',
    [`${prefix}key`]: key.toString('base64'),
    [`${prefix}key-md5`]: hash('md5', key, 'base64'),
  };
}

const OURS = keyed('a');
const OTHERS = keyed('b');
const FROM_OURS = keyed('a', SOURCE);
const MD5 = OURS[`${PREFIX}key-md5`] ?? '';
const TOLD = { [`${PREFIX}algorithm`]: 'AES256', [`${PREFIX}key-md5`]: MD5 };
const UNTOLD = { [`${PREFIX}algorithm`]: null, [`${PREFIX}key-md5`]: null };
const FIVE = seededBytes(41, 5 * MIB);
const RANDOM = /^"[0-9a-f]{32}"$/;

function put(body: string | Uint8Array, headers: Headers = OURS): Exchange {
  return { ask: 'PUT /{key}', body, headers, answer: '200' };
}

/** The object of a case, under its key. */
const TEN = put('0123456789');

function lacking(header: string): Headers {
  return Object.fromEntries(Object.entries(OURS).filter(([name]) => name !== header));
}

const sent: Cases = {
  'an object is stored under a key, and the answer tells which': {
    ...{ ...TEN, has: { ...TOLD, etag: RANDOM } },
    then: [{ ask: 'GET /{key}', headers: OURS, answer: '200', text: '0123456789', has: TOLD }],
  },
  'its ETag is not the MD5 of its bytes': {
    ...{ ...TEN, has: { etag: /^(?!"781e5e245d69b566979b86e28d23f2c7")/ } },
  },
  'an empty object': {
    ...{ ...put(''), has: TOLD },
    then: [{ ask: 'GET /{key}', headers: OURS, answer: '200', text: '' }],
  },
  'an object in blocks comes byte for byte': {
    ...put(LARGE),
    then: [{ ask: 'GET /{key}', headers: OURS, answer: '200', text: LARGE }],
  },
  'a wrong Content-MD5 is found': {
    ...{ ...put('0123456789', { ...OURS, 'content-md5': 'AAAAAAAAAAAAAAAAAAAAAA==' }) },
    answer: '400 BadDigest',
    then: [{ ask: 'GET /{key}', headers: OURS, answer: '404 NoSuchKey' }],
  },
  'a checksum is that of the plain bytes': {
    given: [put('0123456789', { ...OURS, 'x-amz-checksum-crc32': 'poTHxg==' })],
    ...{ ask: 'HEAD /{key}', headers: { ...OURS, 'x-amz-checksum-mode': 'ENABLED' } },
    ...{ answer: '200', has: { 'x-amz-checksum-crc32': /^.{8}$/ } },
  },
  'metadata and type are kept': {
    given: [put('x', { ...OURS, 'content-type': 'a/b', 'x-amz-meta-a': 'v' })],
    ...{ ask: 'HEAD /{key}', headers: OURS, answer: '200' },
    has: { ...TOLD, 'content-type': 'a/b', 'x-amz-meta-a': 'v', 'content-length': '1' },
  },
  'a list tells the plain size': {
    given: [{ ...TEN, ask: 'PUT /{bucket}/a' }],
    ...{ ask: 'GET /{bucket}?list-type=2', answer: '200', xml: { 'Contents.Size': '10' } },
  },
  'an object of the longest name': {
    given: [{ ...TEN, ask: `PUT /{bucket}/${'n'.repeat(1024)}` }],
    ...{ ask: `GET /{bucket}/${'n'.repeat(1024)}`, headers: OURS, answer: '200' },
    text: '0123456789',
  },
  'a plain object takes its place': {
    given: [TEN, 'PUT /{key} < plain'],
    ...{ ask: 'GET /{key}', answer: '200', text: 'plain', has: UNTOLD },
  },
  'no key is needed to delete it, or for its tags': {
    given: [put('x', { ...OURS, 'x-amz-tagging': 'a=b' }), 'GET /{key}?tagging'],
    ...{ ask: 'DELETE /{key}', answer: '204' },
  },
  'the SDK stores it': {
    call: 'PutObject',
    input: {
      ...{ Bucket: '{bucket}', Key: 'a', Body: 'x', SSECustomerAlgorithm: 'AES256' },
      SSECustomerKey: OURS[`${PREFIX}key`],
      SSECustomerKeyMD5: MD5,
    },
    ...{ answer: '200', gives: { SSECustomerAlgorithm: 'AES256', SSECustomerKeyMD5: MD5 } },
    then: [{ ask: 'GET /{bucket}/a', headers: OURS, answer: '200', text: 'x' }],
  },
};

const read: Cases = {
  ...each(
    [
      ['bytes=0-0', '0', 'bytes 0-0/10'],
      ['bytes=3-5', '345', 'bytes 3-5/10'],
      ['bytes=8-', '89', 'bytes 8-9/10'],
      ['bytes=-3', '789', 'bytes 7-9/10'],
    ] as const,
    ([range, text, told]) => [
      `${range} of an encrypted object`,
      {
        ...{ given: [TEN], ask: 'GET /{key}', headers: { ...OURS, range }, answer: '206', text },
        has: { ...TOLD, 'content-range': told, 'content-length': String(text.length) },
      },
    ],
  ),
  ...each(
    [
      [0, 1],
      [65_519, 65_521],
      [65_520, 131_040],
      [1_048_319, 1_048_321],
      [1_048_576, LARGE.length],
      [100, 3_000_000],
    ] as const,
    ([first, end]) => [
      `bytes ${first} to ${end} of many blocks`,
      {
        given: [put(LARGE)],
        ask: 'GET /{key}',
        headers: { ...OURS, range: `bytes=${first}-${end - 1}` },
        ...{ answer: '206', text: LARGE.subarray(first, end) },
      },
    ],
  ),
  'a range behind the end': {
    ...{ given: [TEN], ask: 'GET /{key}', headers: { ...OURS, range: 'bytes=10-' } },
    answer: '416 InvalidRange',
  },
  'its only part': {
    ...{ given: [TEN], ask: 'GET /{key}?partNumber=1', headers: OURS, answer: '206' },
    text: '0123456789',
  },
  'its ETag holds for conditions': {
    given: [TEN],
    ...{ ask: 'GET /{key}', headers: { ...OURS, 'if-none-match': '{1.etag}' }, answer: '304' },
  },
  'without the key': {
    given: [TEN],
    ...{ ask: 'GET /{key}', answer: '400 InvalidRequest' },
    xml: { Message: /^The object was stored using a form of Server Side Encryption\./ },
  },
  'HEAD without the key': { given: [TEN], ask: 'HEAD /{key}', answer: '400', text: '' },
  'with another key': {
    given: [TEN],
    ...{ ask: 'GET /{key}', headers: OTHERS, answer: '403 AccessDenied' },
  },
  'HEAD with another key': {
    ...{ given: [TEN], ask: 'HEAD /{key}', headers: OTHERS, answer: '403', text: '' },
  },
  'a condition tells nothing to who has not the key': {
    given: [TEN],
    ...{ ask: 'GET /{key}', headers: { 'if-none-match': '*' }, answer: '400 InvalidRequest' },
  },
  'a key for what is not encrypted': {
    ...{ ask: 'GET /{object}', headers: OURS, answer: '400 InvalidRequest' },
    xml: { Message: 'The encryption parameters are not applicable to this object.' },
  },
  'HEAD with a key for what is not encrypted': {
    ...{ ask: 'HEAD /{object}', headers: OURS, answer: '400', text: '' },
  },
  'a key for what is not there': {
    ...{ ask: 'GET /{common}/missing', headers: OURS, answer: '404 NoSuchKey' },
  },
  'attributes want the key': {
    given: [TEN],
    ask: 'GET /{key}?attributes',
    ...{ headers: { 'x-amz-object-attributes': 'ObjectSize' }, answer: '400 InvalidRequest' },
    then: [
      {
        ask: 'GET /{key}?attributes',
        headers: { ...OURS, 'x-amz-object-attributes': 'ObjectSize' },
        ...{ answer: '200', xml: { ObjectSize: '10' } },
      },
    ],
  },
  'a presigned URL with the headers of the key': {
    ...{ given: [TEN], ask: 'GET /{key}', headers: OURS, presigned: {}, answer: '200' },
    text: '0123456789',
  },
};

const bad = (title: string, headers: Headers, answer: string): readonly [string, S3Case] => [
  title,
  { ask: 'PUT /{key}', body: 'x', headers, answer, then: ['GET /{key} = 404 NoSuchKey'] },
];

const SHORT = Buffer.alloc(16);
const badKeys: Cases = Object.fromEntries([
  bad('a key is missing', lacking(`${PREFIX}key`), '400 InvalidArgument'),
  bad('its MD5 is missing', lacking(`${PREFIX}key-md5`), '400 InvalidArgument'),
  bad('the algorithm is missing', lacking(`${PREFIX}algorithm`), '400 InvalidArgument'),
  bad(
    'another algorithm',
    { ...OURS, [`${PREFIX}algorithm`]: 'AES128' },
    '400 InvalidEncryptionAlgorithmError',
  ),
  bad(
    'a key of 128 bits',
    {
      ...{ ...OURS, [`${PREFIX}key`]: SHORT.toString('base64') },
      [`${PREFIX}key-md5`]: hash('md5', SHORT, 'base64'),
    },
    '400 InvalidArgument',
  ),
  bad('a key that is no base64', { ...OURS, [`${PREFIX}key`]: '%%%' }, '400 InvalidArgument'),
  bad(
    'the MD5 of another key',
    { ...OURS, [`${PREFIX}key-md5`]: OTHERS[`${PREFIX}key-md5`] ?? '' },
    '400 InvalidArgument',
  ),
  bad(
    'a key beside SSE-S3',
    { ...OURS, 'x-amz-server-side-encryption': 'AES256' },
    '501 NotImplemented',
  ),
]);

function copy(headers: Headers, answer = '200'): Exchange {
  return {
    ask: 'PUT /{bucket}/copy',
    headers: { 'x-amz-copy-source': '/{key}', ...headers },
    answer,
  };
}

function readCopy(headers: Headers, text: string | Uint8Array): Step {
  return { ask: 'GET /{bucket}/copy', headers, answer: '200', text };
}

const copies: Cases = {
  ...each(['0123456789', LARGE] as const, body => [
    `${body.length} bytes are copied from one key to another`,
    {
      given: [put(body)],
      ...{ ...copy({ ...FROM_OURS, ...OTHERS }), then: [readCopy(OTHERS, body)] },
    },
  ]),
  ...each(['0123456789', LARGE] as const, body => [
    `${body.length} bytes are copied from a key to none`,
    { given: [put(body)], ...copy(FROM_OURS), then: [readCopy({}, body)] },
  ]),
  ...each(['0123456789', LARGE] as const, body => [
    `${body.length} bytes are copied from no key to one`,
    {
      given: [put(body, {})],
      ...{ ...copy(OURS), has: TOLD },
      then: [readCopy(OURS, body), { ask: 'GET /{key}', answer: '200', text: body }],
    },
  ]),
  'a copy under the same key is another object': {
    given: [TEN],
    ...{
      ...copy({ ...FROM_OURS, ...OURS }),
      then: ['DELETE /{key}', readCopy(OURS, '0123456789')],
    },
  },
  'a copy onto itself changes the key': {
    given: [TEN],
    ask: 'PUT /{key}',
    ...{ headers: { 'x-amz-copy-source': '/{key}', ...FROM_OURS, ...OTHERS }, answer: '200' },
    then: [{ ask: 'GET /{key}', headers: OTHERS, answer: '200', text: '0123456789' }],
  },
  'a copy without the key of its source': {
    ...{ given: [TEN], ...copy(OTHERS, '400 InvalidRequest') },
  },
  'a copy with the key of the source where that of the copy belongs': {
    ...{ given: [TEN], ...copy(OURS, '400 InvalidRequest') },
  },
  'a copy with another key for its source': {
    ...{ given: [TEN], ...copy(keyed('b', SOURCE), '403 AccessDenied') },
  },
  'a copy with a key for a plain source': {
    ...{ given: [put('x', {})], ...copy(FROM_OURS, '400 InvalidRequest') },
  },
};

const BEGIN: Exchange = { ask: 'POST /{key}?uploads', headers: OURS, answer: '200', has: TOLD };

function part(number: number, body: string | Uint8Array, headers: Headers = OURS): Exchange {
  const ask = `PUT /{key}?partNumber=${number}&uploadId={1.UploadId}`;
  return { ask, body, headers, answer: '200' };
}

function partCopy(number: number, headers: Headers): Exchange {
  const source = { 'x-amz-copy-source': '/{large}', 'x-amz-copy-source-range': 'bytes=7-99' };
  return { ...part(number, '', { ...source, ...headers }), has: TOLD };
}

const COMPLETE = 'POST /{key}?uploadId={1.UploadId}';

const uploads: Cases = {
  'parts under one key become an object under it': {
    given: [BEGIN, { ...part(1, FIVE), has: { ...TOLD, etag: RANDOM } }, part(2, 'the rest')],
    ...{ ask: COMPLETE, body: completion([1, '{2.etag}'], [2, '{3.etag}']), answer: '200' },
    xml: { ETag: /^"[0-9a-f]{32}-2"$/ },
    then: [
      {
        ...{ ask: 'GET /{key}', headers: OURS, answer: '200', has: TOLD },
        text: Buffer.concat([FIVE, Buffer.from('the rest')]),
      },
      {
        ask: 'GET /{key}',
        headers: { ...OURS, range: `bytes=${FIVE.length - 3}-${FIVE.length + 2}` },
        ...{ answer: '206', text: Buffer.concat([FIVE.subarray(-3), Buffer.from('the')]) },
      },
      { ask: 'GET /{key}?partNumber=2', headers: OURS, answer: '206', text: 'the rest' },
      'GET /{key} = 400 InvalidRequest',
      { ask: 'GET /{key}', headers: OTHERS, answer: '403 AccessDenied' },
    ],
  },
  'a copied part is encrypted too': {
    given: [BEGIN, partCopy(1, OURS)],
    ...{ ask: COMPLETE, body: completion([1, '{2.ETag}']), answer: '200' },
    then: [{ ask: 'GET /{key}', headers: OURS, answer: '200', text: LARGE.subarray(7, 100) }],
  },
  'a range of an encrypted object becomes a part under another key': {
    given: [
      { ...BEGIN, headers: OTHERS, has: {} },
      { ask: 'PUT /{bucket}/source', body: LARGE, headers: OURS, answer: '200' },
      {
        ...part(1, '', {
          'x-amz-copy-source': '/{bucket}/source',
          'x-amz-copy-source-range': 'bytes=65519-200000',
          ...FROM_OURS,
          ...OTHERS,
        }),
        xml: { root: 'CopyPartResult' },
      },
    ],
    ...{ ask: COMPLETE, body: completion([1, '{3.ETag}']), answer: '200' },
    then: [
      {
        ...{ ask: 'GET /{key}', headers: OTHERS, answer: '200' },
        text: LARGE.subarray(65_519, 200_001),
      },
    ],
  },
  'a part without the key': {
    ...{ given: [BEGIN], ...part(1, 'x', {}), answer: '400 InvalidRequest' },
    xml: { Message: /^The multipart upload initiate requested encryption\./ },
  },
  'a part with another key': {
    ...{ given: [BEGIN], ...part(1, 'x', OTHERS), answer: '400 InvalidRequest' },
    xml: { Message: /did not match the ones used originally/ },
  },
  'a copied part without the key': {
    ...{ given: [BEGIN], ...partCopy(1, {}), has: {}, answer: '400 InvalidRequest' },
  },
  'a part with a key for a plain upload': {
    given: ['POST /{key}?uploads'],
    ...{ ...part(1, 'x'), answer: '400 InvalidRequest' },
  },
  'parts are listed without the key, by their plain sizes': {
    given: [BEGIN, part(1, '0123456789')],
    ...{ ask: 'GET /{key}?uploadId={1.UploadId}', answer: '200' },
    xml: { 'Part.Size': '10', 'Part.ETag': '{2.etag}' },
  },
  'parts with another key are not listed': {
    given: [BEGIN],
    ...{ ask: 'GET /{key}?uploadId={1.UploadId}', headers: OTHERS },
    answer: '400 InvalidRequest',
  },
  'checksums of parts are put together with the key only': {
    given: [
      {
        ...BEGIN,
        headers: {
          ...OURS,
          'x-amz-checksum-algorithm': 'CRC32',
          'x-amz-checksum-type': 'FULL_OBJECT',
        },
      },
      part(1, '0123456789', { ...OURS, 'x-amz-checksum-crc32': 'poTHxg==' }),
    ],
    ...{ ask: COMPLETE, body: completion([1, '{2.etag}']), answer: '400 InvalidRequest' },
    then: [
      {
        ...{ ask: COMPLETE, body: completion([1, '{2.etag}']), headers: OURS, answer: '200' },
        xml: { ChecksumCRC32: /^.{8}$/, ChecksumType: 'FULL_OBJECT' },
      },
    ],
  },
};

export const customerKeys = table(
  'SSE-C',
  'keys of the client on Put, Post, Get, Head, Copy, uploads in parts, attributes; AES-256-GCM',
  ...[sent, read, badKeys, copies, uploads],
);
