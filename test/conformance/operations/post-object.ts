/**
 * PostObject: RESTObjectPOST, "Browser-based uploads using POST".
 *
 * Owns:          its cases.
 * Knows:         the API reference, the grammar of policies of forms.
 * Must not know: how a form is read.
 */
import { each, table, type Cases, type Form } from '../s3-case.ts';

const FILE = 'the file';
const FILE_NAME = '${filename}'; // eslint-disable-line no-template-curly-in-string -- S3's name

const ANY_KEY = ['starts-with', '$key', ''];
const BUCKET = { bucket: '{bucket}' };

function form(change: Partial<Form> = {}): Form {
  return { fields: { key: 'a' }, file: FILE, conditions: [ANY_KEY, BUCKET], ...change };
}

/** These fields, each allowed by the policy. */
function fields(values: Readonly<Record<string, string>>, change: Partial<Form> = {}): Form {
  const named = Object.keys(values).map(name => ['starts-with', `$${name}`, '']);
  const conditions = [BUCKET, ...named];
  return { fields: values, file: FILE, conditions, ...change };
}

const ASK = { ask: 'POST /{bucket}' } as const;
const STORED = ['GET /{bucket}/a > the file'];
const NOT_STORED = ['GET /{bucket}/a = 404 NoSuchKey'];

const stored: Cases = {
  'a form stores its file': {
    ...{ ...ASK, form: form(), answer: '204', text: '', then: STORED },
    has: { location: /\/\{bucket\}|\/a$/, etag: /^"[0-9a-f]{32}"$/ },
  },
  'the name of the file is part of the key': {
    ...ASK,
    form: form({ fields: { key: `up/${FILE_NAME}` }, fileName: 'cat.png' }),
    ...{ answer: '204', then: ['GET /{bucket}/up/cat.png > the file'] },
  },
  'what the fields say is kept': {
    ...ASK,
    form: fields({
      key: 'a',
      'Content-Type': 'text/x-form',
      'x-amz-meta-a': '1',
      'Cache-Control': 'no-cache',
    }),
    answer: '204',
    then: [
      {
        ...{ ask: 'GET /{bucket}/a', answer: '200', text: FILE },
        has: { 'content-type': 'text/x-form', 'x-amz-meta-a': '1', 'cache-control': 'no-cache' },
      },
    ],
  },
  'names of fields are of any case': {
    ...{ ...ASK, form: form({ fields: { kEy: 'a' } }), answer: '204', then: STORED },
  },
  'an empty file': {
    ...ASK,
    form: form({ file: '' }),
    answer: '204',
    then: ['GET /{bucket}/a > '],
  },
  tags: {
    ...ASK,
    form: fields({
      key: 'a',
      tagging: '<Tagging><TagSet><Tag><Key>t</Key><Value>1</Value></Tag></TagSet></Tagging>',
    }),
    answer: '204',
    then: [{ ask: 'GET /{bucket}/a?tagging', answer: '200', xml: { 'TagSet.Tag.Key': 't' } }],
  },
  'fields that begin with x-ignore- are': {
    ...{ ...ASK, form: form({ fields: { key: 'a', 'x-ignore-b': '1' } }), answer: '204' },
  },
  'what follows the file is ignored': {
    ...{ ...ASK, form: form({ more: [{ name: 'acl', value: 'public-read' }] }), answer: '204' },
  },
  ...each(
    [
      ['200', '200'],
      ['201', '201'],
      ['204', '204'],
      ['999', '204'],
    ] as const,
    ([wanted, answer]) => [
      `success_action_status ${wanted}`,
      { ...ASK, form: fields({ key: 'a', success_action_status: wanted }), answer },
    ],
  ),
  'success_action_status 201 tells all about it': {
    ...{ ...ASK, form: fields({ key: 'a', success_action_status: '201' }), answer: '201' },
    xml: { root: 'PostResponse', Bucket: '{bucket}', Key: 'a', ETag: /"/, Location: /\/a$/ },
  },
  'success_action_redirect leads there': {
    ...ASK,
    form: fields({ key: 'a', success_action_redirect: 'https://www.example.org/done' }),
    ...{
      answer: '303',
      has: { location: /^https:\/\/www\.example\.org\/done\?bucket=.*&key=a&etag=/ },
    },
  },
  'an anonymous form where nobody may write': {
    ...{ ...ASK, form: form(), as: 'nobody', answer: '403 AccessDenied', then: NOT_STORED },
  },
  'an anonymous form where everybody may write': {
    given: [
      { ask: 'PUT /{acls}?acl', headers: { 'x-amz-acl': 'public-read-write' }, answer: '200' },
    ],
    ...{ ask: 'POST /{acls}', form: form(), as: 'nobody', answer: '204' },
    then: ['GET /{acls}/a > the file'],
  },
  'a form of a key that may not write': {
    ...{ ...ASK, form: form(), as: 'stranger', answer: '403 AccessDenied', then: NOT_STORED },
  },
  'a bucket that is not there': {
    ...{ ask: 'POST /{free}', answer: '404 NoSuchBucket' },
    form: form({ conditions: [ANY_KEY, { bucket: '{free}' }] }),
  },
};

const PAST = '2020-01-01T00:00:00Z';

/** What a policy says, and the fields that it meets. */
const POLICIES: readonly (readonly [title: string, form: Form, answer: string])[] = [
  ['eq that holds', form({ conditions: [['eq', '$key', 'a'], BUCKET] }), '204'],
  ['eq that does not', form({ conditions: [['eq', '$key', 'b']] }), '403 AccessDenied'],
  ['an exact match as an object', form({ conditions: [{ key: 'a' }, BUCKET] }), '204'],
  ['an exact match that does not hold', form({ conditions: [{ key: 'b' }] }), '403 AccessDenied'],
  [
    'starts-with that does not hold',
    form({ conditions: [['starts-with', '$key', 'b']] }),
    '403 AccessDenied',
  ],
  ['no bucket', form({ conditions: [['eq', '$key', 'a']] }), '403 AccessDenied'],
  [
    'another bucket',
    form({ conditions: [['eq', '$key', 'a'], { bucket: 'another' }] }),
    '403 AccessDenied',
  ],
  [
    'a field that no condition covers',
    form({ fields: { key: 'a', 'Content-Type': 'x/y' } }),
    '403 AccessDenied',
  ],
  [
    'a condition on a field that is not there',
    form({
      conditions: [
        ['eq', '$key', 'a'],
        ['eq', '$acl', 'private'],
      ],
    }),
    '403 AccessDenied',
  ],
  [
    'a size in the range',
    form({
      conditions: [['eq', '$key', 'a'], BUCKET, ['content-length-range', 1, 100]],
    }),
    '204',
  ],
  [
    'a file above the range',
    form({
      conditions: [['eq', '$key', 'a'], BUCKET, ['content-length-range', 1, 5]],
    }),
    '400 EntityTooLarge',
  ],
  [
    'a file below the range',
    form({
      conditions: [['eq', '$key', 'a'], BUCKET, ['content-length-range', 50, 100]],
    }),
    '400 EntityTooSmall',
  ],
  ['an empty list of conditions', form({ conditions: [] }), '403 AccessDenied'],
  ['a day that is over', form({ expiration: PAST }), '403 AccessDenied'],
  ['a day that is none', form({ expiration: 'tomorrow' }), '400 InvalidPolicyDocument'],
  ['no JSON', form({ document: 'nonsense' }), '400 InvalidPolicyDocument'],
  ['no expiration', form({ document: { conditions: [] } }), '400 InvalidPolicyDocument'],
  [
    'no conditions',
    form({ document: { expiration: '2100-01-01T00:00:00Z' } }),
    '400 InvalidPolicyDocument',
  ],
  [
    'a condition that is none',
    form({ conditions: [['almost', '$key', 'a']] }),
    '400 InvalidPolicyDocument',
  ],
  [
    'a range that is none',
    form({ conditions: [['content-length-range', 'a', 'b']] }),
    '400 InvalidPolicyDocument',
  ],
];

const policies: Cases = {
  ...each(POLICIES, ([title, asked, answer]) => [
    `policy: ${title}`,
    { ...ASK, form: asked, answer, then: answer === '204' ? STORED : NOT_STORED },
  ]),
};

const malformed: Cases = {
  'no key': { ...ASK, form: form({ fields: {} }), answer: '400 UserKeyMustBeSpecified' },
  'no file': {
    ...{ ...ASK, form: { fields: { key: 'a' } }, answer: '400 InvalidArgument' },
  },
  'no form': {
    ...{ ...ASK, as: 'nobody', body: 'x', headers: { 'content-type': 'text/plain' } },
    answer: '412 PreconditionFailed',
  },
  'a form without a boundary': {
    ...{ ...ASK, as: 'nobody', body: 'x', headers: { 'content-type': 'multipart/form-data' } },
    answer: '400 MalformedPOSTRequest',
  },
  'a field of more than 20 KB': {
    ...ASK,
    form: form({ fields: { key: 'a', 'x-ignore-a': 'v'.repeat(21_000) } }),
    answer: '400 MaxPostPreDataLengthExceeded',
  },
  'a key that is too long': {
    ...{ ...ASK, form: form({ fields: { key: 'k'.repeat(1025) } }), answer: '400 KeyTooLongError' },
  },
  'a list that nobody knows': {
    ...{ ...ASK, form: fields({ key: 'a', acl: 'everybody' }), answer: '400 InvalidArgument' },
  },
  'Content-MD5 of another file': {
    ...{ ...ASK, form: fields({ key: 'a', 'Content-MD5': 'XUFAKrxLKna5cZ2REBfFkg==' }) },
    ...{ answer: '400 BadDigest', then: NOT_STORED },
  },
};

export const postObject = table(
  'PostObject',
  `SigV4 policies with every form of condition, \`${FILE_NAME}\`, \`success_action_*\`, ACL, tags`,
  ...[stored, policies, malformed],
);
