/**
 * PutObject: API_PutObject, and what is said of keys and metadata in the user guide.
 *
 * Owns:          its cases, except conditions, checksums, tags, ACLs and signatures.
 * Knows:         the API reference.
 * Must not know: how objects are written.
 */
import { seededBytes } from '../../support/seeded-bytes.ts';
import { each, table, type Cases } from '../s3-case.ts';

const HELLO_ETAG = '"5d41402abc4b2a76b9719d911017c592"';
const HELLO_MD5 = 'XUFAKrxLKna5cZ2REBfFkg==';
const BLOCKS = seededBytes(21, 2_500_000);

const stored: Cases = {
  'an object is stored, and its ETag is the MD5 of its bytes': {
    ...{ ask: 'PUT /{key}', body: 'hello', answer: '200', text: '' },
    ...{ has: { etag: HELLO_ETAG, 'x-amz-version-id': null }, then: ['GET /{key} > hello'] },
  },
  'an empty object is stored': {
    ...{ ask: 'PUT /{key}', body: '', answer: '200' },
    then: [{ ask: 'HEAD /{key}', answer: '200', has: { 'content-length': '0' } }],
  },
  'an object in blocks is stored': {
    ...{ ask: 'PUT /{key}', body: BLOCKS, answer: '200' },
    then: [{ ask: 'GET /{key}', answer: '200', text: BLOCKS }],
  },
  'an object is replaced with all that was said of it': {
    given: [{ ask: 'PUT /{key}', body: 'a', headers: { 'x-amz-meta-a': '1' }, answer: '200' }],
    ...{ ask: 'PUT /{key}', body: 'b', headers: { 'x-amz-meta-b': '2' }, answer: '200' },
    then: [
      {
        ...{ ask: 'GET /{key}', answer: '200', text: 'b' },
        has: { 'x-amz-meta-a': null, 'x-amz-meta-b': '2' },
      },
    ],
  },
  'the SDK stores it with the checksum it makes by itself': {
    call: 'PutObject',
    input: { Bucket: '{bucket}', Key: 'a', Body: 'hello', Metadata: { colour: 'blue' } },
    ...{ answer: '200', gives: { ETag: HELLO_ETAG, ChecksumCRC32: 'NhCmhg==' } },
    then: [
      {
        ...{ call: 'GetObject', input: { Bucket: '{bucket}', Key: 'a' }, answer: '200' },
        gives: { Body: 'hello', Metadata: { colour: 'blue' } },
      },
    ],
  },
  'a bucket that is not there': {
    ...{ ask: 'PUT /{free}/a', body: 'x', answer: '404 NoSuchBucket' },
  },
  'a key of another tenant may not write': {
    ...{ ask: 'PUT /{key}', body: 'x', as: 'stranger', answer: '403 AccessDenied' },
    then: ['GET /{key} = 404 NoSuchKey'],
  },
  'who signs nothing may not write': {
    ...{ ask: 'PUT /{key}', body: 'x', as: 'nobody', answer: '403 AccessDenied' },
  },
  'the path of a bucket with a slash is the bucket, not an empty key': {
    ...{ ask: 'GET /{bucket}/', answer: '200', xml: { root: 'ListBucketResult' } },
  },
};

/** As sent, and as listed with encoding-type=url. */
const KEYS = [
  ['a%20b', 'a b'],
  ['a+b', 'a+b'],
  ['a%2Bb', 'a+b'],
  ['a%2Fb', 'a/b'],
  ['a//b', 'a//b'],
  ['/a', '/a'],
  ['a/', 'a/'],
  ['.', '.'],
  ['..', '..'],
  ['a/../b', 'a/../b'],
  ['a/./b', 'a/./b'],
  ['%C3%BC', 'ü'],
  ['%F0%9F%93%B7', '📷'],
  ['e%CC%81', 'e\u0301'],
  ['a%25b', 'a%b'],
  ['a%22b', 'a"b'],
  ['a%5Cb', 'a\\b'],
  ['a%26b', 'a&b'],
  ['a%3Cb%3E', 'a<b>'],
  ["a!-_.*'()", "a!-_.*'()"],
  ['a~b', 'a~b'],
  ['a%3Fb', 'a?b'],
  ['a%23b', 'a#b'],
  ['__proto__', '__proto__'],
  ['k'.repeat(1024), 'k'.repeat(1024)],
] as const;

const keys: Cases = {
  ...each(KEYS, ([sent, key]) => [
    `the key ${key.slice(0, 20)}${key.length > 20 ? '…' : ''} sent as ${sent.slice(0, 20)}`,
    {
      ...{ ask: `PUT /{bucket}/${sent}`, body: 'x', answer: '200' },
      then: [
        `GET /{bucket}/${sent} > x`,
        { ask: 'GET /{bucket}?list-type=2', answer: '200', xml: { 'Contents.Key': [key] } },
      ],
    },
  ]),
  'a key of 1025 bytes is too long': {
    ...{ ask: `PUT /{common}/${'k'.repeat(1025)}`, body: 'x', answer: '400 KeyTooLongError' },
    xml: { Size: '1025', MaxSizeAllowed: '1024' },
  },
  'a key of 513 letters of two bytes is too long': {
    ...{ ask: `PUT /{common}/${'%C3%BC'.repeat(513)}`, body: 'x', answer: '400 KeyTooLongError' },
  },
  'a key that is no UTF-8 is no key': {
    ...{ ask: 'GET /{common}/%C3', wire: { sign: { canonicalPath: '/x' } } },
    answer: '400 InvalidURI',
  },
};

const LIMIT = 2048;

/** Sent, and told. */
const METADATA = [
  ['x-amz-meta-a', 'plain', 'plain'],
  ['X-Amz-Meta-MixedCase', 'value', 'value'],
  ['x-amz-meta-empty', '', ''],
  ['x-amz-meta-blanks', '  a b  ', 'a b'],
  ['x-amz-meta-with.dot_and-more', '1', '1'],
  ['x-amz-meta-encoded', '=?UTF-8?B?w7w=?=', '=?UTF-8?B?w7w=?='],
] as const;

const metadata: Cases = {
  ...each(METADATA, ([name, sent, told]) => [
    `${name}: ${sent} is kept`,
    {
      ...{ ask: 'PUT /{key}', body: 'x', headers: { [name]: sent }, answer: '200' },
      then: [{ ask: 'HEAD /{key}', answer: '200', has: { [name.toLowerCase()]: told } }],
    },
  ]),
  'metadata in UTF-8 is kept': {
    ask: 'PUT /{key}',
    ...{ body: 'x', headers: { 'x-amz-meta-a': 'Grüße, 世界' }, wire: { encoding: 'utf8' } },
    answer: '200',
    then: [{ ask: 'HEAD /{key}', answer: '200', has: { 'x-amz-meta-a': 'Grüße, 世界' } }],
  },
  'metadata of 2 KiB is kept': {
    ...{ ask: 'PUT /{key}', body: 'x', headers: { 'x-amz-meta-a': 'v'.repeat(LIMIT - 1) } },
    answer: '200',
  },
  'metadata of more than 2 KiB is too large': {
    ...{ ask: 'PUT /{key}', body: 'x', headers: { 'x-amz-meta-a': 'v'.repeat(LIMIT) } },
    ...{ answer: '400 MetadataTooLarge', xml: { MaxSizeAllowed: String(LIMIT) } },
  },
  'the size of metadata counts over all its headers': {
    ask: 'PUT /{key}',
    ...{
      body: 'x',
      headers: { 'x-amz-meta-a': 'v'.repeat(1100), 'x-amz-meta-b': 'v'.repeat(1100) },
    },
    answer: '400 MetadataTooLarge',
  },
};

/** Sent and told alike. */
const SYSTEM_HEADERS = [
  ['content-type', 'text/plain; charset=utf-8'],
  ['cache-control', 'no-cache, max-age=0'],
  ['content-disposition', 'attachment; filename="a b.txt"'],
  ['content-encoding', 'gzip'],
  ['content-encoding', 'gzip, br'],
  ['content-language', 'da'],
  ['expires', 'Thu, 01 Dec 1994 16:00:00 GMT'],
  ['expires', '0'],
  ['x-amz-website-redirect-location', '/elsewhere'],
  ['x-amz-website-redirect-location', 'https://www.example.org/'],
] as const;

const headers: Cases = {
  ...each(SYSTEM_HEADERS, ([name, value]) => [
    `${name}: ${value} is kept`,
    {
      ...{ ask: 'PUT /{key}', body: 'x', headers: { [name]: value }, answer: '200' },
      then: [{ ask: 'GET /{key}', answer: '200', has: { [name]: value } }],
    },
  ]),
  'a redirect to nowhere is refused': {
    ...{ ask: 'PUT /{key}', body: 'x', headers: { 'x-amz-website-redirect-location': 'nowhere' } },
    answer: '400 InvalidRedirectLocation',
  },
  'the storage class STANDARD is what there is': {
    ...{ ask: 'PUT /{key}', body: 'x', headers: { 'x-amz-storage-class': 'STANDARD' } },
    answer: '200',
  },
  ...each(['GLACIER', 'REDUCED_REDUNDANCY', 'nonsense'], value => [
    `the storage class ${value} is not offered`,
    {
      ...{ ask: 'PUT /{key}', body: 'x', headers: { 'x-amz-storage-class': value } },
      answer: '400 InvalidStorageClass',
    },
  ]),
  'an object may announce Expect: 100-continue': {
    ...{ ask: 'PUT /{key}', body: 'hello', headers: { expect: '100-continue' }, answer: '200' },
    then: ['GET /{key} > hello'],
  },
  'x-amz-request-payer says nothing here': {
    ...{ ask: 'PUT /{key}', body: 'x', headers: { 'x-amz-request-payer': 'requester' } },
    answer: '200',
  },
};

const lengths: Cases = {
  'a body without a length': {
    ...{ ask: 'PUT /{key}', wire: { contentLength: 'none' }, answer: '411 MissingContentLength' },
  },
  'a length that is no number': {
    ...{ ask: 'PUT /{key}', body: 'x', wire: { contentLength: 'x' }, answer: '400 BadRequest' },
  },
  'a negative length': {
    ...{ ask: 'PUT /{key}', body: 'x', wire: { contentLength: '-1' }, answer: '400 BadRequest' },
  },
  'a length of more than 5 GiB': {
    ...{ ask: 'PUT /{key}', body: 'x', wire: { contentLength: String(5 * 1024 ** 3 + 1) } },
    answer: '400 EntityTooLarge',
  },
  'Content-MD5 of the body': {
    ...{ ask: 'PUT /{key}', body: 'hello', headers: { 'content-md5': HELLO_MD5 }, answer: '200' },
  },
  'Content-MD5 of another body': {
    ...{ ask: 'PUT /{key}', body: 'hallo', headers: { 'content-md5': HELLO_MD5 } },
    ...{ answer: '400 BadDigest', then: ['GET /{key} = 404 NoSuchKey'] },
  },
  ...each(['', 'rL0Y20zC+Fzt72VPzMSk2A', 'YWJyYWNhZGFicmE=', 'no base64!', HELLO_ETAG], value => [
    `Content-MD5: ${value} is none`,
    {
      ...{ ask: 'PUT /{key}', body: 'hello', headers: { 'content-md5': value } },
      answer: '400 InvalidDigest',
    },
  ]),
  'x-amz-content-sha256 of another body': {
    ...{ ask: 'PUT /{key}', body: 'hello', wire: { payload: '0'.repeat(64) } },
    ...{ answer: '400 XAmzContentSHA256Mismatch', then: ['GET /{key} = 404 NoSuchKey'] },
  },
  'x-amz-content-sha256: UNSIGNED-PAYLOAD vouches for nothing': {
    ...{ ask: 'PUT /{key}', body: 'hello', wire: { payload: 'UNSIGNED-PAYLOAD' }, answer: '200' },
  },
  'x-amz-content-sha256 that is no hash': {
    ...{ ask: 'PUT /{key}', body: 'hello', wire: { payload: 'nonsense' } },
    answer: '400 InvalidArgument',
  },
};

export const putObject = table(
  'PutObject',
  'keys byte for byte, metadata, headers, digests, up to 5 GiB; one storage class',
  ...[stored, keys, metadata, headers, lengths],
);
