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
