// Method: the rows are data: who asks what, and S3's answer. Requests of the exchange's shape go
// through the whole door, on tables in memory.
import test from 'ava';
import { READER, s3World, STRANGER, type Ask } from './s3-world.ts';

const xmlOf = (root: string, content: string): string => `<${root}>${content}</${root}>`;

type Row = Ask & { readonly title: string; readonly status: number; readonly code?: string };

const rows: readonly Row[] = [
  // What is malformed is refused before anyone is asked who he is.
  {
    title: 'a key of 1025 bytes',
    target: `/pictures/${'k'.repeat(1025)}`,
    status: 400,
    code: 'KeyTooLongError',
  },
  {
    title: 'invalid UTF-8',
    target: '/pictures/%ff',
    as: 'nobody',
    status: 400,
    code: 'InvalidURI',
  },
  {
    title: 'a bad percent',
    target: '/pictures/%zz',
    as: 'nobody',
    status: 400,
    code: 'InvalidURI',
  },
  { title: 'a lone percent', target: '/pictures/%', as: 'nobody', status: 400, code: 'InvalidURI' },
  {
    title: 'a bad percent in the query',
    target: '/pictures?prefix=%zz',
    as: 'nobody',
    status: 400,
    code: 'InvalidURI',
  },
  {
    title: 'an unknown method',
    method: 'FROB',
    target: '/pictures/k',
    status: 405,
    code: 'MethodNotAllowed',
  },
  {
    title: 'a method in small letters',
    method: 'get',
    target: '/pictures/k',
    status: 405,
    code: 'MethodNotAllowed',
  },
  {
    title: 'TRACE',
    method: 'TRACE',
    target: '/pictures/k',
    as: 'nobody',
    status: 405,
    code: 'MethodNotAllowed',
  },
  {
    title: 'two sub-resources',
    target: '/pictures?acl&policy',
    status: 400,
    code: 'InvalidRequest',
  },
  {
    title: 'a parameter twice',
    target: '/pictures?prefix=a&prefix=b',
    status: 400,
    code: 'InvalidArgument',
  },
  // Nobody learns anything.
  {
    title: 'nobody and a bucket',
    target: '/pictures',
    as: 'nobody',
    status: 403,
    code: 'AccessDenied',
  },
  {
    title: 'nobody and no bucket',
    target: '/nothing',
    as: 'nobody',
    status: 403,
    code: 'AccessDenied',
  },
  {
    title: 'nobody and an object',
    target: '/pictures/k',
    as: 'nobody',
    status: 403,
    code: 'AccessDenied',
  },
  { title: 'nobody lists buckets', target: '/', as: 'nobody', status: 403, code: 'AccessDenied' },
  {
    title: 'nobody makes a bucket',
    method: 'PUT',
    target: '/newone',
    as: 'nobody',
    status: 403,
    code: 'AccessDenied',
  },
  {
    title: 'nobody and what is not built',
    target: '/pictures?tagging',
    as: 'nobody',
    status: 403,
    code: 'AccessDenied',
  },
  {
    title: 'nobody posts what is no form',
    method: 'POST',
    target: '/pictures',
    as: 'nobody',
    status: 412,
    code: 'PreconditionFailed',
  },
  // Signatures.
  {
    title: 'a broken Authorization',
    target: '/pictures',
    as: 'nobody',
    headers: [['authorization', 'AWS4-HMAC-SHA256 x']],
    status: 400,
    code: 'AuthorizationHeaderMalformed',
  },
  {
    title: 'another payload hash',
    method: 'PUT',
    target: '/pictures/k',
    body: 'abc',
    payload: 'f'.repeat(64),
    status: 400,
    code: 'XAmzContentSHA256Mismatch',
  },
  {
    title: 'a payload hash that is none',
    method: 'PUT',
    target: '/pictures/k',
    body: 'abc',
    payload: 'zzz',
    status: 400,
    code: 'InvalidArgument',
  },
  // Buckets and permissions.
  { title: 'a bucket that is not there', target: '/nothing', status: 404, code: 'NoSuchBucket' },
  { title: 'a key that is not there', target: '/pictures/nothing', status: 404, code: 'NoSuchKey' },
  {
    title: 'a key that is not there, asked without the right',
    target: '/pictures/nothing',
    as: STRANGER,
    status: 403,
    code: 'AccessDenied',
  },
  {
    title: 'a listing without the right',
    target: '/pictures',
    as: STRANGER,
    status: 403,
    code: 'AccessDenied',
  },
  {
    title: 'writing with a right to read',
    method: 'PUT',
    target: '/pictures/k',
    as: READER,
    body: 'x',
    status: 403,
    code: 'AccessDenied',
  },
  {
    title: 'deleting with a right to read',
    method: 'DELETE',
    target: '/pictures/k',
    as: READER,
    status: 403,
    code: 'AccessDenied',
  },
  {
    title: 'deleting the bucket with a right to read',
    method: 'DELETE',
    target: '/pictures',
    as: READER,
    status: 403,
    code: 'AccessDenied',
  },
  {
    title: 'making a bucket without the flag',
    method: 'PUT',
    target: '/newone',
    as: READER,
    status: 403,
    code: 'AccessDenied',
  },
  // What S3 knows and this door does not, after the permission.
  {
    title: 'the versioning of a bucket without a status',
    method: 'PUT',
    target: '/pictures?versioning',
    body: xmlOf('VersioningConfiguration', ''),
    status: 400,
    code: 'IllegalVersioningConfigurationException',
  },
  {
    title: 'the versioning of a bucket, without the right',
    method: 'PUT',
    target: '/pictures?versioning',
    body: '',
    as: READER,
    status: 403,
    code: 'AccessDenied',
  },
  { title: 'a torrent', target: '/pictures/k?torrent', status: 501, code: 'NotImplemented' },
  {
    title: 'SELECT',
    method: 'POST',
    target: '/pictures/k?select&select-type=2',
    body: '',
    status: 501,
    code: 'NotImplemented',
  },
  {
    title: 'tagging an object without a set of tags',
    method: 'PUT',
    target: '/pictures/k?tagging',
    body: xmlOf('Tagging', ''),
    status: 400,
    code: 'MalformedXML',
  },
  {
    title: 'no ACL of an object',
    method: 'PUT',
    target: '/pictures/k?acl',
    body: '',
    status: 400,
    code: 'MissingSecurityHeader',
  },
  {
    title: 'what is no form',
    method: 'POST',
    target: '/pictures',
    body: '',
    status: 412,
    code: 'PreconditionFailed',
  },
  {
    title: 'versions behind a version without its key',
    target: '/pictures?versions&version-id-marker=null',
    status: 400,
    code: 'InvalidArgument',
  },
  {
    title: 'a part outside of an upload',
    method: 'PUT',
    target: '/pictures/k?partNumber=1',
    body: 'x',
    status: 400,
    code: 'InvalidArgument',
  },
  {
    title: 'an upload that is not there',
    target: '/pictures/k?uploadId=abc',
    status: 404,
    code: 'NoSuchUpload',
  },
  {
    title: 'aborting an upload that is not there',
    method: 'DELETE',
    target: `/pictures/k?uploadId=${'0'.repeat(32)}`,
    status: 404,
    code: 'NoSuchUpload',
  },
  { title: 'an unknown parameter', target: '/pictures?foo', status: 200 },
  { title: 'x-id', target: '/pictures?x-id=GetObject', status: 200 },
];

for (const { title, status, code, ...ask } of rows) {
  test(`${title}: ${String(status)} ${code ?? ''}`, async t => {
    const world = s3World();
    const answer = await world.ask(ask);
    t.is(answer.code, code);
    t.is(answer.status, status);
    t.regex(answer.header('x-amz-request-id') ?? '', /^[0-9A-F]{16}$/);
    t.truthy(answer.header('x-amz-id-2'));
    t.is(world.objects.tables.objects.size, 0, 'nothing is stored');
    t.is(world.objects.log.lines.length, 1, 'one line for the request');
    if (code === undefined) return;
    t.is(answer.header('content-type'), 'application/xml');
    t.is(answer.one('RequestId'), answer.header('x-amz-request-id'));
    t.is(answer.one('HostId'), answer.header('x-amz-id-2'));
    t.is(answer.one('Resource'), ask.target.split('?')[0]);
  });
}
