import test from 'ava';
import { hash } from 'node:crypto';
import { putObject } from '../../../gateway/s3/put-object.ts';
import { getObject, headObject } from '../../../gateway/s3/get-object.ts';
import { deleteObject } from '../../../gateway/s3/delete-object.ts';
import { answerOf, type CallOptions } from '../../support/object-calls.ts';
import { objectWorld } from '../../support/object-world.ts';
import { seededBytes } from '../../support/seeded-bytes.ts';

const KIB = 1024;
const body = Buffer.from('hello, world');
const md5 = hash('md5', body);
const md5Base64 = hash('md5', body, 'base64');
const crc32cBase64 = 'aZmkHw==';

test('an object is stored with its headers and given back with them', async t => {
  const world = objectWorld(t);
  const headers = {
    'cache-control': 'max-age=60',
    'content-disposition': 'attachment; filename="é.txt"',
    'content-encoding': 'gzip',
    'content-language': 'de',
    'content-type': 'text/plain',
    expires: 'Thu, 01 Dec 2033 16:00:00 GMT',
    'x-amz-website-redirect-location': '/other',
    'x-amz-meta-colour': 'blue',
    'x-amz-meta-empty': '',
    'x-amz-acl': 'private',
    'x-amz-storage-class': 'STANDARD',
  };
  const put = await answerOf(putObject, world, { body, headers });
  t.is(put.status, 200);
  t.is(put.headers.get('etag'), `"${md5}"`);
  for (const handler of [getObject, headObject]) {
    const got = await answerOf(handler, world, {});
    t.is(got.status, 200);
    for (const [name, value] of Object.entries(headers)) {
      const isKept = name !== 'x-amz-acl' && name !== 'x-amz-storage-class';
      t.is(got.headers.get(name), isKept ? value : undefined, name);
    }
    t.is(got.headers.get('accept-ranges'), 'bytes');
    t.is(got.headers.get('last-modified'), 'Tue, 14 Nov 2023 22:13:20 GMT');
    t.is(got.sizeBytes, body.length);
  }
  t.is((await answerOf(getObject, world, {})).body.toString(), 'hello, world');
});

test('an object without a type is told as binary', async t => {
  const world = objectWorld(t);
  await answerOf(putObject, world, { body });
  const got = await answerOf(headObject, world, {});
  t.is(got.headers.get('content-type'), 'binary/octet-stream');
});

test('aws-chunked is a coding of the transfer and is not stored', async t => {
  const world = objectWorld(t);
  const chunked = Buffer.from(
    `c\r\nhello, world\r\n0\r\nx-amz-checksum-crc32c:${crc32cBase64}\r\n\r\n`,
  );
  const put = await answerOf(putObject, world, {
    body: chunked,
    sha256: 'STREAMING-UNSIGNED-PAYLOAD-TRAILER',
    headers: {
      'content-encoding': 'gzip, aws-chunked',
      'x-amz-decoded-content-length': '12',
      'x-amz-trailer': 'x-amz-checksum-crc32c',
      'x-amz-sdk-checksum-algorithm': 'CRC32C',
    },
  });
  t.is(put.code, undefined);
  t.is(put.headers.get('x-amz-checksum-crc32c'), crc32cBase64);
  t.is(put.headers.get('x-amz-checksum-type'), 'FULL_OBJECT');
  const got = await answerOf(getObject, world, { headers: { 'x-amz-checksum-mode': 'ENABLED' } });
  t.is(got.headers.get('content-encoding'), 'gzip');
  t.is(got.headers.get('x-amz-checksum-crc32c'), crc32cBase64);
  t.is(got.body.toString(), 'hello, world');
});

type Refusal = CallOptions & { readonly name: string; readonly code: string };

const trailer = {
  sha256: 'STREAMING-UNSIGNED-PAYLOAD-TRAILER',
  headers: { 'x-amz-decoded-content-length': '12', 'x-amz-trailer': 'x-amz-checksum-crc32c' },
};

const REFUSALS: readonly Refusal[] = [
  {
    name: 'another body than was signed',
    sha256: hash('sha256', 'other'),
    code: 'XAmzContentSHA256Mismatch',
  },
  {
    name: 'a Content-MD5 that is not base64',
    headers: { 'content-md5': '!' },
    code: 'InvalidDigest',
  },
  {
    name: 'a Content-MD5 of 15 bytes',
    headers: { 'content-md5': Buffer.alloc(15).toString('base64') },
    code: 'InvalidDigest',
  },
  {
    name: 'the Content-MD5 of another body',
    headers: { 'content-md5': hash('md5', 'other', 'base64') },
    code: 'BadDigest',
  },
  {
    name: 'a malformed checksum',
    headers: { 'x-amz-checksum-crc32c': 'AAAA' },
    code: 'InvalidRequest',
  },
  {
    name: 'the checksum of another body',
    headers: { 'x-amz-checksum-crc32c': 'AAAAAA==' },
    code: 'BadDigest',
  },
  {
    name: 'two checksums',
    headers: { 'x-amz-checksum-crc32c': crc32cBase64, 'x-amz-checksum-crc32': 'AAAAAA==' },
    code: 'InvalidRequest',
  },
  {
    name: 'an announced checksum that is not there',
    headers: { 'x-amz-sdk-checksum-algorithm': 'CRC32' },
    code: 'InvalidRequest',
  },
  {
    name: 'another checksum than the one announced',
    headers: { 'x-amz-sdk-checksum-algorithm': 'SHA1', 'x-amz-checksum-crc32c': crc32cBase64 },
    code: 'InvalidRequest',
  },
  {
    name: 'a wrong trailing checksum',
    ...trailer,
    body: Buffer.from('c\r\nhello, world\r\n0\r\nx-amz-checksum-crc32c:AAAAAA==\r\n\r\n'),
    code: 'BadDigest',
  },
  {
    name: 'a trailing checksum of the wrong length',
    ...trailer,
    body: Buffer.from('c\r\nhello, world\r\n0\r\nx-amz-checksum-crc32c:AAAA\r\n\r\n'),
    code: 'InvalidRequest',
  },
  {
    name: 'no trailer where one was announced',
    ...trailer,
    body: Buffer.from('c\r\nhello, world\r\n0\r\n\r\n'),
    code: 'MalformedTrailerError',
  },
  {
    name: 'chunks that are less than the decoded length',
    ...trailer,
    headers: { ...trailer.headers, 'x-amz-decoded-content-length': '13' },
    body: Buffer.from('c\r\nhello, world\r\n0\r\n\r\n'),
    code: 'IncompleteBody',
  },
  {
    name: 'a trailer without a streaming mode',
    headers: { 'x-amz-trailer': 'x-amz-checksum-crc32c' },
    code: 'InvalidRequest',
  },
  { name: 'no length', framing: 'none', code: 'MissingContentLength' },
  { name: '6 GiB', declaredBytes: 6 * 1024 ** 3, code: 'EntityTooLarge' },
  { name: 'fewer bytes than declared', declaredBytes: 100, code: 'IncompleteBody' },
  {
    name: 'too much metadata',
    headers: { 'x-amz-meta-a': 'x'.repeat(2 * KIB) },
    code: 'MetadataTooLarge',
  },
  {
    name: 'a public ACL',
    headers: { 'x-amz-acl': 'public-read' },
    code: 'AccessControlListNotSupported',
  },
  {
    name: 'a grant',
    headers: { 'x-amz-grant-read': 'id=1' },
    code: 'AccessControlListNotSupported',
  },
  { name: 'a tag of AWS', headers: { 'x-amz-tagging': 'aws:a=b' }, code: 'InvalidTag' },
  {
    name: 'a lock without its end',
    headers: { 'x-amz-object-lock-mode': 'GOVERNANCE' },
    code: 'InvalidArgument',
  },
  {
    name: 'a hold where nothing is locked',
    headers: { 'x-amz-object-lock-legal-hold': 'ON' },
    code: 'InvalidRequest',
  },
  {
    name: 'encryption',
    headers: { 'x-amz-server-side-encryption': 'AES256' },
    code: 'NotImplemented',
  },
  {
    name: 'encryption with a key that is not there',
    headers: { 'x-amz-server-side-encryption-customer-algorithm': 'AES256' },
    code: 'InvalidArgument',
  },
  {
    name: 'another storage class',
    headers: { 'x-amz-storage-class': 'GLACIER' },
    code: 'InvalidStorageClass',
  },
  {
    name: 'a redirect that is none',
    headers: { 'x-amz-website-redirect-location': 'javascript:alert(1)' },
    code: 'InvalidRedirectLocation',
  },
  {
    name: 'If-None-Match with an ETag',
    headers: { 'if-none-match': '"a"' },
    code: 'NotImplemented',
  },
  { name: 'If-Match on nothing', headers: { 'if-match': '"a"' }, code: 'NoSuchKey' },
];

for (const { name, code, ...options } of REFUSALS) {
  test(`a PUT with ${name} is refused and stores nothing`, async t => {
    const world = objectWorld(t);
    const answer = await answerOf(putObject, world, { body, ...options });
    t.is(answer.code, code);
    await world.writer.idle();
    t.is(world.tables.objects.size, 0);
    t.is(world.blocks.references.size, 0);
  });
}

test('digests that are right are accepted, each with its checksum told again', async t => {
  const world = objectWorld(t);
  const checksums = {
    'x-amz-checksum-crc32c': crc32cBase64,
    'x-amz-checksum-sha1': hash('sha1', body, 'base64'),
    'x-amz-checksum-sha256': hash('sha256', body, 'base64'),
  };
  for (const [name, value] of Object.entries(checksums)) {
    const headers = { [name]: value, 'content-md5': md5Base64 };
    const put = await answerOf(putObject, world, { body, headers, sha256: 'UNSIGNED-PAYLOAD' });
    t.is(put.headers.get(name), value);
  }
});

test('a body without a length is stored when it is chunked', async t => {
  const world = objectWorld(t);
  for (const size of [0, 100, 3000 * KIB]) {
    const bytes = seededBytes(size, size);
    const put = await answerOf(putObject, world, { body: bytes, framing: 'chunked' });
    t.is(put.headers.get('etag'), `"${hash('md5', bytes)}"`);
    t.true((await answerOf(getObject, world, {})).body.equals(bytes));
  }
});

test('conditions of a write are decided with the write', async t => {
  const world = objectWorld(t);
  const create = { body, headers: { 'if-none-match': '*' } };
  t.is((await answerOf(putObject, world, create)).status, 200);
  t.is((await answerOf(putObject, world, create)).code, 'PreconditionFailed');
  const replace = { body, headers: { 'if-match': `"${md5}"` } };
  t.is((await answerOf(putObject, world, replace)).status, 200);
  t.is((await answerOf(putObject, world, { body, headers: { 'if-match': 'x' } })).status, 412);
});

test('a deletion on conditions of size and time is decided with it, or refused', async t => {
  const world = objectWorld(t);
  await answerOf(putObject, world, { body });
  const lastModified = (await answerOf(getObject, world, {})).headers.get('last-modified') ?? '';
  const size = 'x-amz-if-match-size';
  const time = 'x-amz-if-match-last-modified-time';
  const deletion = async (headers: Readonly<Record<string, string>>) => {
    const { code, status } = await answerOf(deleteObject, world, { headers });
    return code ?? status;
  };
  t.is(await deletion({ [size]: '' }), 'InvalidArgument');
  t.is(await deletion({ [size]: '-1' }), 'InvalidArgument');
  t.is(await deletion({ [time]: 'yesterday' }), 'InvalidArgument');
  t.is(await deletion({ [size]: String(body.length + 1) }), 'PreconditionFailed');
  t.is(await deletion({ [time]: new Date(0).toUTCString() }), 'PreconditionFailed');
  t.is((await answerOf(getObject, world, {})).status, 200);
  t.is(await deletion({ [size]: String(body.length), [time]: lastModified }), 204);
  t.is((await answerOf(getObject, world, {})).code, 'NoSuchKey');
  t.is(await deletion({ [size]: '7' }), 204);
});

test('deleting succeeds whether or not the object is there, unless a condition fails', async t => {
  const world = objectWorld(t);
  t.is((await answerOf(deleteObject, world, {})).status, 204);
  await answerOf(putObject, world, { body });
  const wrong = { headers: { 'if-match': '"x"' } };
  t.is((await answerOf(deleteObject, world, wrong)).code, 'PreconditionFailed');
  t.is((await answerOf(getObject, world, {})).status, 200);
  t.is((await answerOf(deleteObject, world, { query: { versionId: 'null' } })).status, 204);
  t.is((await answerOf(getObject, world, {})).code, 'NoSuchKey');
  const version = { query: { versionId: 'abc' } };
  t.is((await answerOf(deleteObject, world, version)).code, 'InvalidArgument');
});
