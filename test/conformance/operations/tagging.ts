/**
 * Tags of objects and buckets: API_PutObjectTagging, API_PutBucketTagging and their kin,
 * "Categorizing your objects using tags".
 *
 * Owns:          their cases.
 * Knows:         the API reference and its limits.
 * Must not know: where tags are kept.
 */
import { each, table, type Cases } from '../s3-case.ts';

type Tag = readonly [key: string, value: string];

function tagging(...tags: readonly Tag[]): string {
  const set = tags.map(([key, value]) => `<Tag><Key>${key}</Key><Value>${value}</Value></Tag>`);
  return `<Tagging><TagSet>${set.join('')}</TagSet></Tagging>`;
}

function numbered(count: number): readonly Tag[] {
  return Array.from({ length: count }, (_, index) => [`k${index}`, 'v'] as const);
}

/** What neither an object nor a bucket may have. */
const BAD_TAGS: readonly (readonly [title: string, body: string, answer: string])[] = [
  ['a key of 129 characters', tagging(['k'.repeat(129), 'v']), '400 InvalidTag'],
  ['a value of 257 characters', tagging(['k', 'v'.repeat(257)]), '400 InvalidTag'],
  ['an empty key', tagging(['', 'v']), '400 InvalidTag'],
  ['a key twice', tagging(['k', '1'], ['k', '2']), '400 InvalidTag'],
  ['a key that AWS keeps for itself', tagging(['aws:k', 'v']), '400 InvalidTag'],
  ['a character that tags do not have', tagging(['k!', 'v']), '400 InvalidTag'],
  ['no document', '', '400 MissingRequestBodyError'],
  ['no set', '<Tagging></Tagging>', '400 MalformedXML'],
  ['another root', '<Tags><TagSet></TagSet></Tags>', '400 MalformedXML'],
  [
    'a tag without a value',
    '<Tagging><TagSet><Tag><Key>k</Key></Tag></TagSet></Tagging>',
    '400 MalformedXML',
  ],
];

const GOOD_TAGS: readonly (readonly [title: string, tag: Tag])[] = [
  ['letters, digits and + - = . _ : / @', ['aZ9 +-=._:/@', 'aZ9 +-=._:/@']],
  ['other scripts', ['schlüssel', '値']],
  ['an empty value', ['k', '']],
  ['the longest key and value', ['k'.repeat(128), 'v'.repeat(256)]],
];

const putObjectTags: Cases = {
  ...each(GOOD_TAGS, ([title, [key, value]]) => [
    title,
    {
      given: ['PUT /{key} < x'],
      ...{ ask: 'PUT /{key}?tagging', body: tagging([key, value]), answer: '200', text: '' },
      then: [
        {
          ...{ ask: 'GET /{key}?tagging', answer: '200' },
          xml: { root: 'Tagging', 'TagSet.Tag.Key': key, 'TagSet.Tag.Value': value },
        },
      ],
    },
  ]),
  ...each(BAD_TAGS, ([title, body, answer]) => [
    title,
    { ask: 'PUT /{object}?tagging', body, answer },
  ]),
  'ten tags': {
    given: ['PUT /{key} < x'],
    ask: 'PUT /{key}?tagging',
    body: tagging(...numbered(10)),
    answer: '200',
  },
  'eleven tags': {
    ...{ ask: 'PUT /{object}?tagging', body: tagging(...numbered(11)), answer: '400 BadRequest' },
  },
  'an empty set takes all away': {
    given: ['PUT /{key} < x', `PUT /{key}?tagging < ${tagging(['a', '1'])}`],
    ...{ ask: 'PUT /{key}?tagging', body: tagging(), answer: '200' },
    then: [{ ask: 'GET /{key}?tagging', answer: '200', xml: { 'TagSet.Tag': [] } }],
  },
  'a missing key has no tags to change': {
    ...{ ask: 'PUT /{key}?tagging', body: tagging(['a', '1']), answer: '404 NoSuchKey' },
  },
  'a key of another tenant may not': {
    ...{ ask: 'PUT /{object}?tagging', body: tagging(['a', '1']), as: 'stranger' },
    answer: '403 AccessDenied',
  },
  'the object stays as it is': {
    given: ['PUT /{key} < x'],
    ...{ ask: 'PUT /{key}?tagging', body: tagging(['a', '1'], ['b', '2']), answer: '200' },
    then: [
      {
        ask: 'GET /{key}',
        answer: '200',
        text: 'x',
        has: { 'x-amz-tagging-count': '2', etag: '{1.etag}' },
      },
    ],
  },
  'x-amz-tagging comes with the object': {
    ...{
      ask: 'PUT /{key}',
      body: 'x',
      headers: { 'x-amz-tagging': 'a=1&&b=%C3%BC&c&' },
      answer: '200',
    },
    then: [
      {
        ...{ ask: 'GET /{key}?tagging', answer: '200' },
        xml: { 'TagSet.Tag.Key': ['a', 'b', 'c'], 'TagSet.Tag.Value': ['1', 'ü', ''] },
      },
    ],
  },
  ...each(
    [
      ['a=1&a=2', '400 InvalidArgument'],
      [`${'k'.repeat(129)}=v`, '400 InvalidTag'],
      ['aws:a=1', '400 InvalidTag'],
      [
        numbered(11)
          .map(tag => tag.join('='))
          .join('&'),
        '400 BadRequest',
      ],
    ] as const,
    ([value, answer]) => [
      `x-amz-tagging: ${value.slice(0, 20)}`,
      {
        ...{ ask: 'PUT /{key}', body: 'x', headers: { 'x-amz-tagging': value } },
        answer,
      },
    ],
  ),
  'a copy has the tags of its source': {
    given: ['PUT /{bucket}/a < x', `PUT /{bucket}/a?tagging < ${tagging(['a', '1'])}`],
    ...{ ask: 'PUT /{bucket}/b', headers: { 'x-amz-copy-source': '{bucket}/a' }, answer: '200' },
    then: [{ ask: 'GET /{bucket}/b?tagging', answer: '200', xml: { 'TagSet.Tag.Key': 'a' } }],
  },
  'a copy takes tags of the request when it is told to': {
    given: ['PUT /{bucket}/a < x', `PUT /{bucket}/a?tagging < ${tagging(['a', '1'])}`],
    ask: 'PUT /{bucket}/b',
    headers: {
      'x-amz-copy-source': '{bucket}/a',
      'x-amz-tagging-directive': 'REPLACE',
      'x-amz-tagging': 'b=2',
    },
    answer: '200',
    then: [{ ask: 'GET /{bucket}/b?tagging', answer: '200', xml: { 'TagSet.Tag.Key': 'b' } }],
  },
  'a directive that is none': {
    ask: 'PUT /{key}',
    headers: { 'x-amz-copy-source': '{object}', 'x-amz-tagging-directive': 'KEEP' },
    answer: '400 InvalidArgument',
  },
  'the SDK tags': {
    given: ['PUT /{bucket}/a < x'],
    call: 'PutObjectTagging',
    input: { Bucket: '{bucket}', Key: 'a', Tagging: { TagSet: [{ Key: 'a', Value: '1' }] } },
    answer: '200',
  },
};

const getObjectTags: Cases = {
  'an object without tags': {
    ...{ ask: 'GET /{object}?tagging', answer: '200', xml: { root: 'Tagging', 'TagSet.Tag': [] } },
  },
  'a missing key': { ask: 'GET /{key}?tagging', answer: '404 NoSuchKey' },
  'a key of another tenant may not': {
    ...{ ask: 'GET /{object}?tagging', as: 'stranger', answer: '403 AccessDenied' },
  },
  'the SDK is told': {
    given: [{ ask: 'PUT /{bucket}/a', headers: { 'x-amz-tagging': 'a=1' }, answer: '200' }],
    ...{ call: 'GetObjectTagging', input: { Bucket: '{bucket}', Key: 'a' }, answer: '200' },
    gives: { TagSet: [{ Key: 'a', Value: '1' }] },
  },
};

const deleteObjectTags: Cases = {
  'tags are taken away': {
    given: [{ ask: 'PUT /{key}', headers: { 'x-amz-tagging': 'a=1' }, answer: '200' }],
    ...{ ask: 'DELETE /{key}?tagging', answer: '204', text: '' },
    then: [
      { ask: 'GET /{key}?tagging', answer: '200', xml: { 'TagSet.Tag': [] } },
      { ask: 'HEAD /{key}', answer: '200', has: { 'x-amz-tagging-count': null } },
    ],
  },
  'of an object that has none': { ask: 'DELETE /{object}?tagging', answer: '204' },
  'a missing key': { ask: 'DELETE /{key}?tagging', answer: '404 NoSuchKey' },
  'a key of another tenant may not': {
    ...{ ask: 'DELETE /{object}?tagging', as: 'stranger', answer: '403 AccessDenied' },
  },
};

const bucketTags: Cases = {
  'a bucket without tags': { ask: 'GET /{bucket}?tagging', answer: '404 NoSuchTagSet' },
  'tags are kept': {
    ...{ ask: 'PUT /{bucket}?tagging', body: tagging(['a', '1']), answer: '204' },
    then: [
      {
        ...{ ask: 'GET /{bucket}?tagging', answer: '200' },
        xml: { 'TagSet.Tag.Key': 'a', 'TagSet.Tag.Value': '1' },
      },
    ],
  },
  'tags are replaced': {
    given: [`PUT /{bucket}?tagging < ${tagging(['a', '1'])}`],
    ...{ ask: 'PUT /{bucket}?tagging', body: tagging(['b', '2']), answer: '204' },
    then: [{ ask: 'GET /{bucket}?tagging', answer: '200', xml: { 'TagSet.Tag.Key': ['b'] } }],
  },
  'tags are taken away': {
    given: [`PUT /{bucket}?tagging < ${tagging(['a', '1'])}`],
    ...{ ask: 'DELETE /{bucket}?tagging', answer: '204' },
    then: ['GET /{bucket}?tagging = 404 NoSuchTagSet'],
  },
  'fifty tags': { ask: 'PUT /{bucket}?tagging', body: tagging(...numbered(50)), answer: '204' },
  'fifty-one tags': {
    ...{ ask: 'PUT /{bucket}?tagging', body: tagging(...numbered(51)), answer: '400 BadRequest' },
  },
  ...each(BAD_TAGS, ([title, body, answer]) => [
    title,
    { ask: 'PUT /{bucket}?tagging', body, answer },
  ]),
  'a key of another tenant may not': {
    ...{ ask: 'PUT /{bucket}?tagging', body: tagging(['a', '1']), as: 'stranger' },
    answer: '403 AccessDenied',
  },
  'the SDK tags a bucket': {
    call: 'PutBucketTagging',
    input: { Bucket: '{bucket}', Tagging: { TagSet: [{ Key: 'a', Value: '1' }] } },
    answer: '204',
  },
};

export const putObjectTagging = table(
  'PutObjectTagging',
  'ten tags, also as header of uploads and copies',
  putObjectTags,
);
export const getObjectTagging = table(
  'GetObjectTagging',
  'with `x-amz-tagging-count` on GET',
  getObjectTags,
);
export const deleteObjectTagging = table(
  'DeleteObjectTagging',
  'the object stays',
  deleteObjectTags,
);
export const bucketTagging = table(
  'GetBucketTagging, PutBucketTagging, DeleteBucketTagging',
  'fifty tags',
  bucketTags,
);
