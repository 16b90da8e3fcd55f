/**
 * DeleteObject and DeleteObjects: API_DeleteObject, API_DeleteObjects.
 *
 * Owns:          their cases in buckets without versions.
 * Knows:         the API reference.
 * Must not know: how deletions merge.
 */
import { each, table, type Cases } from '../s3-case.ts';

function keysOf(...keys: readonly string[]): string {
  return keys.map(key => `<Object><Key>${key}</Key></Object>`).join('');
}

function many(count: number): string {
  const keys = Array.from({ length: count }, (_, index) => `many-${index}`);
  return `<Delete><Quiet>true</Quiet>${keysOf(...keys)}</Delete>`;
}

const one: Cases = {
  'an object is deleted': {
    given: ['PUT /{key} < x'],
    ...{ ask: 'DELETE /{key}', answer: '204', text: '' },
    then: ['GET /{key} = 404 NoSuchKey', 'HEAD /{key} = 404'],
  },
  'a key that is not there is deleted all the same': { ask: 'DELETE /{key}', answer: '204' },
  'a second deletion is like the first': {
    given: ['PUT /{key} < x', 'DELETE /{key}'],
    ...{ ask: 'DELETE /{key}', answer: '204', has: { 'x-amz-delete-marker': null } },
  },
  'a bucket that is not there': { ask: 'DELETE /{free}/a', answer: '404 NoSuchBucket' },
  'a key of another tenant may not delete': {
    ...{ ask: 'DELETE /{object}', as: 'stranger', answer: '403 AccessDenied' },
    then: ['GET /{object} > 0123456789'],
  },
  'who signs nothing may not delete': {
    ...{ ask: 'DELETE /{object}', as: 'nobody', answer: '403 AccessDenied' },
  },
  'a folder is a key like any other': {
    given: ['PUT /{bucket}/a/ < ', 'PUT /{bucket}/a/b < x'],
    ...{ ask: 'DELETE /{bucket}/a/', answer: '204', then: ['GET /{bucket}/a/b > x'] },
  },
  'the SDK deletes': {
    given: ['PUT /{bucket}/a < x'],
    ...{ call: 'DeleteObject', input: { Bucket: '{bucket}', Key: 'a' }, answer: '204' },
    then: ['GET /{bucket}/a = 404 NoSuchKey'],
  },
};

const several: Cases = {
  'objects are deleted, and each is told': {
    given: ['PUT /{bucket}/a < x', 'PUT /{bucket}/b < x', 'PUT /{bucket}/c < x'],
    ask: 'POST /{bucket}?delete',
    hasMd5: true,
    body: `<Delete>${keysOf('a', 'b')}</Delete>`,
    ...{ answer: '200', xml: { root: 'DeleteResult', 'Deleted.Key': ['a', 'b'], Error: null } },
    then: [{ ask: 'GET /{bucket}', answer: '200', xml: { 'Contents.Key': ['c'] } }],
  },
  'a key that is not there is told as deleted': {
    ...{
      ask: 'POST /{bucket}?delete',
      hasMd5: true,
      body: `<Delete>${keysOf('missing')}</Delete>`,
    },
    ...{ answer: '200', xml: { 'Deleted.Key': 'missing', Error: null } },
  },
  'quiet tells only what failed': {
    given: ['PUT /{bucket}/a < x'],
    ask: 'POST /{bucket}?delete',
    hasMd5: true,
    body: `<Delete><Quiet>true</Quiet>${keysOf('a')}</Delete>`,
    ...{ answer: '200', xml: { Deleted: null, Error: null } },
    then: ['GET /{bucket}/a = 404 NoSuchKey'],
  },
  'the document may have a namespace and be printed prettily': {
    given: ['PUT /{bucket}/a < x'],
    ask: 'POST /{bucket}?delete',
    hasMd5: true,
    body: `<?xml version="1.0" encoding="UTF-8"?>
<Delete xmlns="http://s3.amazonaws.com/doc/2006-03-01/">
  <Object>
    <Key>a</Key>
  </Object>
</Delete>`,
    ...{ answer: '200', xml: { 'Deleted.Key': 'a' } },
  },
  'a key with characters that XML escapes': {
    given: ['PUT /{bucket}/a%26%3Cb%3E%22 < x'],
    ...{
      ask: 'POST /{bucket}?delete',
      hasMd5: true,
      body: '<Delete>' + keysOf('a&amp;&lt;b&gt;&quot;') + '</Delete>',
    },
    ...{ answer: '200', xml: { 'Deleted.Key': 'a&<b>"' } },
    then: ['GET /{bucket}/a%26%3Cb%3E%22 = 404 NoSuchKey'],
  },
  'a thousand keys': {
    ask: 'POST /{bucket}?delete',
    hasMd5: true,
    body: many(1000),
    answer: '200',
  },
  'a thousand and one keys': {
    ...{ ask: 'POST /{bucket}?delete', hasMd5: true, body: many(1001), answer: '400 MalformedXML' },
  },
  ...each(
    [
      '',
      'nonsense',
      '<Delete></Delete>',
      '<Delete><Object></Object></Delete>',
      '<Delete><Object><Key></Key></Object></Delete>',
      '<Delete><Object><Key>a</Key></Object>',
      `<Remove>${keysOf('a')}</Remove>`,
      `<Delete><Quiet>maybe</Quiet>${keysOf('a')}</Delete>`,
    ],
    body => [
      `the document ${body} is none`,
      { ask: 'POST /{common}?delete', hasMd5: true, body, answer: '400 MalformedXML' },
    ],
  ),
  'a document that nothing vouches for': {
    ...{ ask: 'POST /{common}?delete', body: `<Delete>${keysOf('a')}</Delete>` },
    answer: '400 InvalidRequest',
  },
  'Content-MD5 of another document': {
    ...{ ask: 'POST /{common}?delete', body: `<Delete>${keysOf('a')}</Delete>` },
    ...{ headers: { 'content-md5': 'XUFAKrxLKna5cZ2REBfFkg==' }, answer: '400 BadDigest' },
  },
  'a key of another tenant may not delete several': {
    ...{ ask: 'POST /{common}?delete', as: 'stranger', body: `<Delete>${keysOf('a')}</Delete>` },
    answer: '403 AccessDenied',
  },
  'who signs nothing may not delete several': {
    ...{ ask: 'POST /{common}?delete', as: 'nobody', body: `<Delete>${keysOf('a')}</Delete>` },
    answer: '403 AccessDenied',
  },
  'a bucket that is not there has nothing to delete': {
    ...{ ask: 'POST /{free}?delete', body: `<Delete>${keysOf('a')}</Delete>` },
    answer: '404 NoSuchBucket',
  },
  'the SDK deletes several': {
    given: ['PUT /{bucket}/a < x'],
    call: 'DeleteObjects',
    input: { Bucket: '{bucket}', Delete: { Objects: [{ Key: 'a' }, { Key: 'b' }] } },
    ...{ answer: '200', gives: { Deleted: [{ Key: 'a' }, { Key: 'b' }] } },
  },
};

export const deleteObject = table(
  'DeleteObject',
  'an object that is not there is deleted too',
  one,
);
export const deleteObjects = table('DeleteObjects', 'up to 1000 keys, quiet or told', several);
