/**
 * Conditions of policies: "Condition keys for Amazon S3", "Categorizing your objects using tags".
 *
 * Owns:          their cases.
 * Knows:         the grammar of policies.
 * Must not know: how a condition is decided.
 */
import { each, type Cases, type Step } from '../s3-case.ts';
import {
  ALLOW_READ,
  changed,
  conditioned,
  DENIED,
  LIST,
  policy,
  READ,
  type Right,
  type Statement,
} from './policy-documents.ts';

const PUBLIC_ONLY = { StringEquals: { 's3:ExistingObjectTag/access': 'public' } };
const NOT_SECRET = { StringNotEquals: { 's3:ExistingObjectTag/access': 'secret' } };
const TAGGED = { 'x-amz-tagging': 'access=public' };
const RETAGGED =
  '<Tagging><TagSet><Tag><Key>access</Key><Value>public</Value></Tag></TagSet></Tagging>';

/** A bucket with `/p` (public), `/s` (secret) and `/n` (no tag) on which these statements hold. */
function tagged(...statements: readonly Statement[]): readonly Step[] {
  return [
    { ask: 'PUT /{bucket}/p', headers: TAGGED, body: 'p', answer: '200' },
    {
      ask: 'PUT /{bucket}/s',
      headers: { 'x-amz-tagging': 'access=secret' },
      body: 's',
      answer: '200',
    },
    'PUT /{bucket}/n < n',
    `PUT /{bucket}?policy < ${policy(...statements)}`,
  ];
}

const ALLOW_PUBLIC = changed({ Condition: PUBLIC_ONLY });
const DENY_SECRET = changed({
  Effect: 'Deny',
  Condition: { StringEquals: { 's3:ExistingObjectTag/access': 'secret' } },
});
const CHANGE = ['s3:GetObject*', 's3:PutObject*', 's3:DeleteObjectTagging'];

export const tags: Cases = {
  ...each(
    [
      ['a tag that allows', [ALLOW_PUBLIC], 'GET /{bucket}/p', '200'],
      ['a tag that does not allow', [ALLOW_PUBLIC], 'GET /{bucket}/s', DENIED],
      ['no tag where one allows', [ALLOW_PUBLIC], 'GET /{bucket}/n', DENIED],
      ['no object where a tag allows', [ALLOW_PUBLIC], 'GET /{bucket}/x', DENIED],
      ['HEAD by a tag that allows', [ALLOW_PUBLIC], 'HEAD /{bucket}/p', '200'],
      ['HEAD by a tag that does not allow', [ALLOW_PUBLIC], 'HEAD /{bucket}/s', '403'],
      ['a tag that denies', [ALLOW_READ, DENY_SECRET], 'GET /{bucket}/s', DENIED],
      ['another tag than the one that denies', [ALLOW_READ, DENY_SECRET], 'GET /{bucket}/p', '200'],
      ['no tag where one denies', [ALLOW_READ, DENY_SECRET], 'GET /{bucket}/n', '200'],
      ['any tag but one', [changed({ Condition: NOT_SECRET })], 'GET /{bucket}/s', DENIED],
      [
        'no tag where any but one allows',
        [changed({ Condition: NOT_SECRET })],
        'GET /{bucket}/n',
        '200',
      ],
      [
        'a tag that must be there',
        [changed({ Condition: { Null: { 's3:ExistingObjectTag/access': 'false' } } })],
        'GET /{bucket}/n',
        DENIED,
      ],
      [
        'reading tags by a tag',
        [changed({ Action: 's3:GetObjectTagging', Condition: PUBLIC_ONLY })],
        'GET /{bucket}/p?tagging',
        '200',
      ],
      [
        'reading tags by another tag',
        [changed({ Action: 's3:GetObjectTagging', Condition: PUBLIC_ONLY })],
        'GET /{bucket}/s?tagging',
        DENIED,
      ],
      [
        'reading the ACL by another tag',
        [changed({ Action: 's3:GetObjectAcl', Condition: PUBLIC_ONLY })],
        'GET /{bucket}/s?acl',
        DENIED,
      ],
      [
        'taking tags away by a tag',
        [changed({ Action: CHANGE, Condition: PUBLIC_ONLY })],
        'DELETE /{bucket}/p?tagging',
        '204',
      ],
      [
        'taking tags away by another tag',
        [changed({ Action: CHANGE, Condition: PUBLIC_ONLY })],
        'DELETE /{bucket}/s?tagging',
        DENIED,
      ],
      [
        'writing has no tag of what is there',
        [changed({ Action: CHANGE, Condition: PUBLIC_ONLY })],
        'PUT /{bucket}/p',
        DENIED,
      ],
      ['listing has no tags', [{ ...LIST, Condition: PUBLIC_ONLY }], 'GET /{bucket}', DENIED],
    ] as const,
    ([title, statements, ask, answer]) => [
      title,
      { given: tagged(...statements), ask, as: 'nobody', answer },
    ],
  ),
  'a tag that denies counts for the owner too': {
    given: tagged(DENY_SECRET),
    ...{ ask: 'GET /{bucket}/s', answer: DENIED },
    then: ['GET /{bucket}/p > p', 'GET /{bucket}/n > n'],
  },
  'a copy of what a tag denies': {
    given: tagged(DENY_SECRET),
    ...{ ask: 'PUT /{bucket}/c', headers: { 'x-amz-copy-source': '{bucket}/s' }, answer: DENIED },
  },
  'a copy of what no tag denies': {
    given: tagged(DENY_SECRET),
    ...{ ask: 'PUT /{bucket}/c', headers: { 'x-amz-copy-source': '{bucket}/p' }, answer: '200' },
  },
  'an older version, by its own tags': {
    given: [
      'PUT /{versioned}/a < old',
      { ask: 'PUT /{versioned}/a', headers: TAGGED, body: 'new', answer: '200' },
      `PUT /{versioned}?policy < ${policy({
        ...{ ...ALLOW_READ, Action: 's3:GetObject*', Condition: PUBLIC_ONLY },
        Resource: 'arn:aws:s3:::{versioned}/*',
      })}`,
      { ask: 'GET /{versioned}/a', as: 'nobody', answer: '200', text: 'new' },
    ],
    ask: 'GET /{versioned}/a?versionId={1.x-amz-version-id}',
    ...{ as: 'nobody', answer: DENIED },
  },
  'new tags by the tags that are there': {
    given: tagged(changed({ Action: CHANGE, Condition: PUBLIC_ONLY })),
    ...{
      ask: 'PUT /{bucket}/s?tagging',
      as: 'nobody',
      hasMd5: true,
      body: RETAGGED,
      answer: DENIED,
    },
    then: [
      { ask: 'PUT /{bucket}/p?tagging', as: 'nobody', hasMd5: true, body: RETAGGED, answer: '200' },
    ],
  },
  'new tags by what they are': {
    given: tagged(
      changed({
        Action: CHANGE,
        Condition: { StringEquals: { 's3:RequestObjectTag/access': 'public' } },
      }),
    ),
    ...{
      ask: 'PUT /{bucket}/n?tagging',
      as: 'nobody',
      hasMd5: true,
      body: RETAGGED,
      answer: '200',
    },
    then: [
      {
        ...{ ask: 'PUT /{bucket}/n?tagging', as: 'nobody', hasMd5: true, answer: DENIED },
        body: RETAGGED.replace('public', 'secret'),
      },
    ],
  },
  'new tags that are denied by what they are': {
    given: tagged(
      changed({
        ...{ Effect: 'Deny', Action: 's3:PutObjectTagging' },
        Condition: { StringEquals: { 's3:RequestObjectTag/access': 'public' } },
      }),
    ),
    ...{ ask: 'PUT /{bucket}/n?tagging', body: RETAGGED, answer: DENIED },
    then: [
      { ask: 'PUT /{bucket}/n?tagging', body: RETAGGED.replace('public', 'x'), answer: '200' },
      { ask: 'PUT /{bucket}/m', headers: TAGGED, body: 'm', answer: DENIED },
    ],
  },
  'an upload with tags, by what they are': {
    given: tagged(
      changed({
        Action: CHANGE,
        Condition: { StringEquals: { 's3:RequestObjectTag/access': 'public' } },
      }),
    ),
    ...{ ask: 'PUT /{bucket}/m', as: 'nobody', headers: TAGGED, body: 'm', answer: '200' },
    then: [{ ask: 'PUT /{bucket}/m', as: 'nobody', body: 'm', answer: DENIED }],
  },
  'names of tags that may come with an upload': {
    given: tagged(
      changed({
        Action: CHANGE,
        Condition: { 'ForAllValues:StringEquals': { 's3:RequestObjectTagKeys': ['access'] } },
      }),
    ),
    ask: 'PUT /{bucket}/m',
    ...{ as: 'nobody', headers: { 'x-amz-tagging': 'access=1&b=2' }, body: 'm', answer: DENIED },
    then: [{ ask: 'PUT /{bucket}/m', as: 'nobody', headers: TAGGED, body: 'm', answer: '200' }],
  },
  'a page of a website, by its tags': {
    given: [
      ...tagged(DENY_SECRET),
      'PUT /{bucket}?website < <WebsiteConfiguration><IndexDocument><Suffix>n</Suffix>' +
        '</IndexDocument></WebsiteConfiguration>',
    ],
    ...{ ask: 'GET /{bucket}/s', door: 'website', as: 'nobody', answer: '403' },
    then: [{ ask: 'GET /{bucket}/p', door: 'website', as: 'nobody', answer: '200', text: 'p' }],
  },
  'a tag without a name': {
    ask: 'PUT /{bucket}?policy',
    body: policy(conditioned('StringEquals', 's3:ExistingObjectTag/', 'x')),
    answer: '501 NotImplemented',
  },
};

const KEYS: readonly Right[] = [
  [
    'one version',
    [conditioned('StringEquals', 's3:VersionId', 'null')],
    'nobody',
    'GET /{bucket}/a/b',
    DENIED,
  ],
  [
    'listing with a delimiter',
    [{ ...LIST, Condition: { StringEquals: { 's3:delimiter': '/' } } }],
    'nobody',
    'GET /{bucket}?delimiter=/',
    '200',
  ],
  [
    'listing without the delimiter',
    [{ ...LIST, Condition: { StringEquals: { 's3:delimiter': '/' } } }],
    'nobody',
    'GET /{bucket}',
    DENIED,
  ],
  [
    'listing at most so many',
    [{ ...LIST, Condition: { NumericLessThanEquals: { 's3:max-keys': '10' } } }],
    'nobody',
    'GET /{bucket}?max-keys=10',
    '200',
  ],
  [
    'listing more',
    [{ ...LIST, Condition: { NumericLessThanEquals: { 's3:max-keys': '10' } } }],
    'nobody',
    'GET /{bucket}?max-keys=11',
    DENIED,
  ],
  [
    'listing a folder by its pattern',
    [{ ...LIST, Condition: { StringLike: { 's3:prefix': ['home/*', ''] } } }],
    'nobody',
    'GET /{bucket}?prefix=home/a',
    '200',
  ],
  [
    'listing another folder than its pattern',
    [{ ...LIST, Condition: { StringLike: { 's3:prefix': ['home/*', ''] } } }],
    'nobody',
    'GET /{bucket}?prefix=hom',
    DENIED,
  ],
  [
    'all but one key',
    [
      {
        ...changed({ Effect: 'Deny' }),
        Condition: { StringNotEquals: { 'aws:username': '{owner}' } },
      },
    ],
    'owner',
    READ,
    '200',
  ],
  [
    'a number that is not equal',
    [conditioned('NumericNotEquals', 's3:max-keys', '5')],
    'nobody',
    READ,
    '200',
  ],
  [
    'seconds since 1970',
    [conditioned('NumericGreaterThan', 'aws:EpochTime', '1600000000')],
    'nobody',
    READ,
    '200',
  ],
  [
    'text without case',
    [conditioned('StringEqualsIgnoreCase', 's3:authType', 'rest-header')],
    'stranger',
    READ,
    '200',
  ],
  [
    'a grant that would come with an upload',
    [conditioned('Null', 's3:x-amz-grant-full-control', 'true')],
    'nobody',
    READ,
    '200',
  ],
];

export const conditionKeys: Cases = {
  ...each(KEYS, ([title, statements, as, ask, answer]) => [
    title,
    {
      given: ['PUT /{bucket}/a/b < x', `PUT /{bucket}?policy < ${policy(...statements)}`],
      ...{ ask, as, answer },
    },
  ]),
  'a referer that is sent': {
    given: [
      'PUT /{bucket}/a < x',
      `PUT /{bucket}?policy < ${policy(conditioned('StringLike', 'aws:Referer', 'https://a/*'))}`,
    ],
    ...{ ask: 'GET /{bucket}/a', as: 'nobody', headers: { referer: 'https://a/b' }, answer: '200' },
  },
  'a program by its name': {
    given: [
      'PUT /{bucket}/a < x',
      `PUT /{bucket}?policy < ${policy(conditioned('StringLike', 'aws:UserAgent', 'good/*'))}`,
    ],
    ...{ ask: 'GET /{bucket}/a', as: 'nobody', headers: { 'user-agent': 'good/1' }, answer: '200' },
    then: [
      {
        ...{ ask: 'GET /{bucket}/a', as: 'nobody', headers: { 'user-agent': 'bad/1' } },
        answer: DENIED,
      },
    ],
  },
};
