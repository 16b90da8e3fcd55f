import test from 'ava';
import { hash } from 'node:crypto';
import { readSmallBody } from '../../../gateway/object/small-body.ts';
import type { S3Error } from '../../../gateway/s3/s3-error.ts';
import { callOf, type CallOptions } from '../../support/object-calls.ts';

const body = Buffer.from('<a/>');

async function codeOf(options: CallOptions): Promise<string> {
  try {
    return (await readSmallBody(callOf(options), 100)).toString();
  } catch (error) {
    return (error as S3Error).code;
  }
}

test('a small body is read whole and verified', async t => {
  t.is(await codeOf({ body }), '<a/>');
  t.is(await codeOf({ body, framing: 'chunked' }), '<a/>');
  t.is(await codeOf({ body, headers: { 'content-md5': hash('md5', body, 'base64') } }), '<a/>');
  t.is(await codeOf({ body, sha256: hash('sha256', 'x') }), 'XAmzContentSHA256Mismatch');
  t.is(await codeOf({ body, headers: { 'content-md5': hash('md5', 'x', 'base64') } }), 'BadDigest');
  t.is(
    await codeOf({ body, headers: { 'x-amz-checksum-crc64nvme': 'AAAAAAAAAAA=' } }),
    'BadDigest',
  );
});

test('a request without a body has an empty one, whose promises hold', async t => {
  t.is(await codeOf({ framing: 'none' }), '');
  t.is(await codeOf({ framing: 'none', sha256: 'UNSIGNED-PAYLOAD' }), '');
  t.is(await codeOf({ framing: 'none', isAnonymous: true }), '');
  t.is(await codeOf({ framing: 'none', sha256: hash('sha256', 'x') }), 'XAmzContentSHA256Mismatch');
});

test('a body over the bound is refused, whether its length was told or not', async t => {
  const large = Buffer.alloc(101, 32);
  t.is(await codeOf({ body: large }), 'MalformedXML');
  t.is(await codeOf({ body: large, framing: 'chunked' }), 'MalformedXML');
  t.is((await codeOf({ body: Buffer.alloc(100, 32) })).length, 100);
});
