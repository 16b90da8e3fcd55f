/**
 * CopyObject: API_CopyObject.
 *
 * Owns:          its cases, except versions, tags and ACLs.
 * Knows:         the API reference.
 * Must not know: how copies share blocks.
 */
import { LARGE } from '../fixtures.ts';
import { each, table, type Cases } from '../s3-case.ts';

const ETAG = '"781e5e245d69b566979b86e28d23f2c7"';
const OTHER = '"00000000000000000000000000000000"';
const OBJECT = { 'x-amz-copy-source': '/{object}' };

const copied: Cases = {
  'an object is copied with everything that was said of it': {
    ...{ ask: 'PUT /{key}', headers: OBJECT, answer: '200' },
    xml: { root: 'CopyObjectResult', ETag: ETAG, LastModified: /^\d{4}-\d\d-\d\dT[\d:.]+Z$/ },
    then: [
      {
        ...{ ask: 'GET /{key}', answer: '200', text: '0123456789' },
        has: {
          'content-type': 'text/x-conformance',
          'cache-control': 'max-age=60',
          'content-disposition': 'attachment; filename="ten.txt"',
          'content-encoding': 'identity',
          'content-language': 'en, de',
          expires: 'Thu, 01 Dec 2033 16:00:00 GMT',
          'x-amz-meta-colour': 'blue',
          etag: ETAG,
        },
      },
    ],
  },
  'the source may be without a slash in front': {
    ...{ ask: 'PUT /{key}', headers: { 'x-amz-copy-source': '{object}' }, answer: '200' },
  },
  'an empty object is copied': {
    ...{ ask: 'PUT /{key}', headers: { 'x-amz-copy-source': '{empty}' }, answer: '200' },
    then: ['GET /{key} > '],
  },
  'an object in blocks is copied': {
    ...{ ask: 'PUT /{key}', headers: { 'x-amz-copy-source': '{large}' }, answer: '200' },
    then: [{ ask: 'GET /{key}', answer: '200', text: LARGE }],
  },
  'a copy stays when its source is deleted': {
    given: [{ ask: 'PUT /{bucket}/a', body: LARGE, answer: '200' }],
    ...{ ask: 'PUT /{bucket}/b', headers: { 'x-amz-copy-source': '{bucket}/a' }, answer: '200' },
    then: ['DELETE /{bucket}/a', { ask: 'GET /{bucket}/b', answer: '200', text: LARGE }],
  },
  'an object is copied to another bucket': {
    given: ['PUT /{bucket}/a < x'],
    ...{ ask: 'PUT /{bucket2}/a', headers: { 'x-amz-copy-source': '/{bucket}/a' }, answer: '200' },
    then: ['GET /{bucket2}/a > x'],
  },
  'what was there is replaced': {
    given: ['PUT /{key} < old'],
    ...{ ask: 'PUT /{key}', headers: OBJECT, answer: '200', then: ['GET /{key} > 0123456789'] },
  },
  'the SDK copies': {
    given: ['PUT /{bucket}/a < hello'],
    call: 'CopyObject',
    input: { Bucket: '{bucket}', Key: 'b', CopySource: '{bucket}/a' },
    answer: '200',
    gives: { CopyObjectResult: { ETag: '"5d41402abc4b2a76b9719d911017c592"' } },
    then: ['GET /{bucket}/b > hello'],
  },
  ...each(
    ['a%20b', 'a+b', 'a%2Bb', '%C3%BC', 'a%2Fb', 'a%3Fb', 'a%3FversionId%3Db', 'a%25b'],
    key => [
      `a source whose key is sent as ${key}`,
      {
        given: [`PUT /{bucket}/${key} < x`],
        ask: 'PUT /{bucket}/copy',
        ...{ headers: { 'x-amz-copy-source': `/{bucket}/${key}` }, answer: '200' },
        then: ['GET /{bucket}/copy > x'],
      },
    ],
  ),
};

const REPLACED = {
  'x-amz-metadata-directive': 'REPLACE',
  'x-amz-meta-new': '1',
  'content-type': 'text/new',
};

const directives: Cases = {
  'REPLACE takes what the request says': {
    ...{ ask: 'PUT /{key}', headers: { ...OBJECT, ...REPLACED }, answer: '200' },
    then: [
      {
        ...{ ask: 'HEAD /{key}', answer: '200' },
        has: {
          'x-amz-meta-new': '1',
          'content-type': 'text/new',
          'x-amz-meta-colour': null,
          'cache-control': null,
        },
      },
    ],
  },
  'COPY ignores what the request says': {
    ask: 'PUT /{key}',
    headers: { ...OBJECT, 'x-amz-metadata-directive': 'COPY', 'x-amz-meta-new': '1' },
    answer: '200',
    then: [
      {
        ask: 'HEAD /{key}',
        answer: '200',
        has: { 'x-amz-meta-new': null, 'x-amz-meta-colour': 'blue' },
      },
    ],
  },
  'another directive is none': {
    ...{ ask: 'PUT /{key}', headers: { ...OBJECT, 'x-amz-metadata-directive': 'KEEP' } },
    answer: '400 InvalidArgument',
  },
  'a copy to itself that changes nothing': {
    given: ['PUT /{key} < x'],
    ...{
      ask: 'PUT /{key}',
      headers: { 'x-amz-copy-source': '/{key}' },
      answer: '400 InvalidRequest',
    },
  },
  'a copy to itself with other metadata': {
    given: ['PUT /{key} < x'],
    ...{
      ask: 'PUT /{key}',
      headers: { 'x-amz-copy-source': '/{key}', ...REPLACED },
      answer: '200',
    },
    then: [{ ask: 'GET /{key}', answer: '200', text: 'x', has: { 'x-amz-meta-new': '1' } }],
  },
  'a redirect is never copied': {
    given: [
      {
        ask: 'PUT /{bucket}/a',
        headers: { 'x-amz-website-redirect-location': '/b' },
        answer: '200',
      },
    ],
    ...{ ask: 'PUT /{bucket}/b', headers: { 'x-amz-copy-source': '{bucket}/a' }, answer: '200' },
    then: [
      { ask: 'HEAD /{bucket}/b', answer: '200', has: { 'x-amz-website-redirect-location': null } },
    ],
  },
};

const sources: Cases = {
  'a source key that is not there': {
    ...{ ask: 'PUT /{key}', headers: { 'x-amz-copy-source': '/{common}/missing' } },
    ...{ answer: '404 NoSuchKey', xml: { Key: 'missing' } },
  },
  'a source bucket that is not there': {
    ...{ ask: 'PUT /{key}', headers: { 'x-amz-copy-source': '/{free}/a' } },
    answer: '404 NoSuchBucket',
  },
  'a destination that is not there': {
    ...{ ask: 'PUT /{free}/a', headers: OBJECT, answer: '404 NoSuchBucket' },
  },
  ...each(['', '/', 'bucket', '/bucket', '/bucket/', '/{common}/%zz'], source => [
    `the source '${source}' is none`,
    {
      ...{ ask: 'PUT /{key}', headers: { 'x-amz-copy-source': source } },
      answer: '400 InvalidArgument',
    },
  ]),
  'a source that the caller may not read': {
    given: [{ ask: 'PUT /{free}', as: 'stranger', answer: '200' }],
    ...{ ask: 'PUT /{free}/a', as: 'stranger', headers: OBJECT, answer: '403 AccessDenied' },
  },
  'a destination that the caller may not write': {
    ...{ ask: 'PUT /{key}', as: 'stranger', headers: OBJECT, answer: '403 AccessDenied' },
  },
  'a body is not what a copy is of': {
    ...{ ask: 'PUT /{key}', headers: OBJECT, body: 'text', answer: '200' },
    then: ['GET /{key} > 0123456789'],
  },
};

const CONDITIONS: readonly (readonly [Readonly<Record<string, string>>, string])[] = [
  [{ 'if-match': ETAG }, '200'],
  [{ 'if-match': OTHER }, '412 PreconditionFailed'],
  [{ 'if-none-match': OTHER }, '200'],
  [{ 'if-none-match': ETAG }, '412 PreconditionFailed'],
  [{ 'if-modified-since': '{past}' }, '200'],
  [{ 'if-modified-since': '{future}' }, '412 PreconditionFailed'],
  [{ 'if-unmodified-since': '{future}' }, '200'],
  [{ 'if-unmodified-since': '{past}' }, '412 PreconditionFailed'],
  [{ 'if-match': ETAG, 'if-unmodified-since': '{past}' }, '200'],
  [{ 'if-none-match': ETAG, 'if-modified-since': '{past}' }, '412 PreconditionFailed'],
];

const conditions: Cases = each(CONDITIONS, ([asked, answer]) => {
  const told = Object.entries(asked).map(([name, value]) => {
    const short = value === ETAG ? 'its ETag' : value === OTHER ? 'another' : value.slice(1, -1);
    return `${name} ${short}`;
  });
  const headers: Record<string, string> = { ...OBJECT };
  for (const [name, value] of Object.entries(asked)) headers[`x-amz-copy-source-${name}`] = value;
  return [`the source ${told.join(', ')}`, { ask: 'PUT /{key}', headers, answer }];
});

export const copyObject = table(
  'CopyObject',
  'metadata copied or replaced, conditions on the source',
  ...[copied, directives, sources, conditions],
);
