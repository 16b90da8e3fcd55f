/**
 * What every operation has in common: routes, methods, parameters, hosts, the form of an error.
 *
 * Owns:          their cases.
 * Knows:         "Error responses" of the API reference.
 * Must not know: the operations.
 */
import { each, table, type Cases } from '../s3-case.ts';

const cases: Cases = {
  'an error is a document with code, message, resource and ids': {
    ...{ ask: 'GET /{common}/missing', answer: '404 NoSuchKey' },
    has: { 'content-type': 'application/xml', 'x-amz-request-id': /./, 'x-amz-id-2': /./ },
    xml: {
      ...{ root: 'Error', Code: 'NoSuchKey', Message: /./, RequestId: /./, HostId: /./ },
      Resource: '/{common}/missing',
    },
  },
  ...each(['FROB', 'PATCH', 'TRACE'], method => [
    `the method ${method}`,
    { ask: `${method} /{object}`, answer: '405 MethodNotAllowed' },
  ]),
  ...each(
    [
      ['POST /', 'GET'],
      ['DELETE /', 'GET'],
      ['PUT /{common}?uploads', 'GET'],
      ['POST /{object}?acl', 'GET'],
      ['DELETE /{object}?acl', 'GET'],
      ['POST /{common}?cors', 'GET'],
    ] as const,
    ([ask, allowed]) => [
      `${ask} is no operation`,
      { ask, answer: '405 MethodNotAllowed', has: { allow: new RegExp(allowed) } },
    ],
  ),
  'a method that is not allowed is told, and on what': {
    ...{ ask: 'POST /', answer: '405 MethodNotAllowed' },
    xml: { Method: 'POST', ResourceType: 'SERVICE' },
  },
  'unknown parameters are ignored': {
    ...{ ask: 'GET /{object}?foo&bar=1&x-id=GetObject', answer: '200', text: '0123456789' },
  },
  'two sub-resources exclude each other': {
    ...{ ask: 'GET /{common}?acl&policy', answer: '400 InvalidRequest' },
  },
  ...each(['%zz', '%', 'a%2'], key => [
    `the path /${key} cannot be decoded`,
    {
      ...{ ask: `GET /{common}/${key}`, wire: { sign: { canonicalPath: '/x' } } },
      answer: '400 InvalidURI',
    },
  ]),
  'the ids of two answers differ': {
    given: ['HEAD /{object}'],
    ...{ ask: 'HEAD /{object}', answer: '200' },
    has: { 'x-amz-request-id': /^(?!{1.x-amz-request-id}).+$/ },
  },
  'the owner of the bucket is the one who is expected': {
    ...{ ask: 'GET /{object}', headers: { 'x-amz-expected-bucket-owner': '{owner}' } },
    answer: '200',
  },
  'the owner of the bucket is not the one who is expected': {
    given: ['PUT /{bucket}/a < x'],
    ...{ ask: 'DELETE /{bucket}/a', headers: { 'x-amz-expected-bucket-owner': '{stranger}' } },
    ...{ answer: '403 AccessDenied', then: ['GET /{bucket}/a > x'] },
  },
  'the owner of the source of a copy is not the one who is expected': {
    ask: 'PUT /{key}',
    headers: {
      'x-amz-copy-source': '/{object}',
      'x-amz-source-expected-bucket-owner': '{stranger}',
    },
    answer: '403 AccessDenied',
  },
  'the SDK expects another owner': {
    call: 'ListObjectsV2',
    input: { Bucket: '{common}', ExpectedBucketOwner: '{stranger}' },
    answer: '403 AccessDenied',
  },
  'Expect: 200 is nothing that could not be met': {
    ...{ ask: 'PUT /{key}', body: 'x', headers: { expect: '200' }, answer: '200' },
  },
  'a PUT of an ACL needs no length': {
    ...{ ask: 'PUT /{acls}?acl', headers: { 'x-amz-acl': 'private' } },
    ...{ wire: { contentLength: 'none' }, answer: '200' },
  },
  'a bucket is created without a length': {
    ...{ ask: 'PUT /{free}', wire: { contentLength: 'none' }, answer: '200' },
  },
  'a bucket may be the host': {
    given: ['PUT /{bucket}/a < x'],
    ...{ ask: 'GET /a', headers: { host: '{bucket}.s3.localhost' }, answer: '200', text: 'x' },
  },
  'a bucket that is the host is listed': {
    given: ['PUT /{bucket}/a < x'],
    ...{ ask: 'GET /', headers: { host: '{bucket}.s3.localhost' }, answer: '200' },
    xml: { root: 'ListBucketResult', 'Contents.Key': 'a' },
  },
  'HEAD errors have no body': { ask: 'HEAD /{free}/a', answer: '404', text: '' },
  'Transfer-Encoding that nobody knows': {
    ...{ ask: 'PUT /{key}', headers: { 'transfer-encoding': 'gzip' } },
    ...{ wire: { contentLength: 'none' }, answer: '501 NotImplemented' },
  },
};

export const errors = table(
  'errors and routes',
  'codes and status of AWS, with request ids',
  cases,
);
