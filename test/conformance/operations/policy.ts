/**
 * Bucket policies: API_PutBucketPolicy and its kin, "Policies and permissions in Amazon S3".
 *
 * Owns:          their cases, and what a policy lets others do.
 * Knows:         the grammar of policies.
 * Must not know: how a right is decided.
 */
import { each, table, type Cases } from '../s3-case.ts';
import { conditionKeys, tags } from './policy-conditions.ts';
import {
  ALLOW_READ,
  changed,
  conditioned,
  DENIED,
  LIST,
  policy,
  READ,
  type Right,
} from './policy-documents.ts';

const document: Cases = {
  'a policy is kept word by word': {
    ...{ ask: 'PUT /{bucket}?policy', body: policy(ALLOW_READ), answer: '204', text: '' },
    then: [`GET /{bucket}?policy > ${policy(ALLOW_READ)}`],
  },
  'a bucket without one': { ask: 'GET /{bucket}?policy', answer: '404 NoSuchBucketPolicy' },
  'a policy is taken away': {
    given: [`PUT /{bucket}?policy < ${policy(ALLOW_READ)}`],
    ...{ ask: 'DELETE /{bucket}?policy', answer: '204' },
    then: ['GET /{bucket}?policy = 404 NoSuchBucketPolicy'],
  },
  'none is taken away': { ask: 'DELETE /{bucket}?policy', answer: '204' },
  'a key of another tenant may not put one': {
    ...{ ask: 'PUT /{bucket}?policy', body: policy(ALLOW_READ), as: 'stranger' },
    answer: '403 AccessDenied',
  },
  'a key of another tenant may not read it': {
    ...{ ask: 'GET /{bucket}?policy', as: 'stranger', answer: '403 AccessDenied' },
  },
  'one that is public is refused where the block says so': {
    given: [
      'PUT /{bucket}?publicAccessBlock < <PublicAccessBlockConfiguration>' +
        '<BlockPublicPolicy>true</BlockPublicPolicy></PublicAccessBlockConfiguration>',
    ],
    ...{ ask: 'PUT /{bucket}?policy', body: policy(ALLOW_READ), answer: '403 AccessDenied' },
  },
  'the SDK puts one': {
    ...{ call: 'PutBucketPolicy', input: { Bucket: '{bucket}', Policy: policy(ALLOW_READ) } },
    answer: '204',
  },
};

const BAD: readonly (readonly [title: string, body: string])[] = [
  ['nothing', ''],
  ['no JSON', '{"Version"'],
  ['a list', '[]'],
  ['an empty object', '{}'],
  ['no statements', policy()],
  ['another version', JSON.stringify({ Version: '2020-01-01', Statement: [ALLOW_READ] })],
  [
    'an unknown element',
    JSON.stringify({ Version: '2012-10-17', Statement: [ALLOW_READ], Extra: 1 }),
  ],
  ['an unknown effect', policy(changed({ Effect: 'Maybe' }))],
  ['no principal', policy(changed({ Principal: undefined }))],
  ['an unknown principal', policy(changed({ Principal: { AWS: 'arn:aws:iam::nobody' } }))],
  ['an unknown kind of principal', policy(changed({ Principal: { Human: '*' } }))],
  ['no action', policy(changed({ Action: undefined }))],
  ['an unknown action', policy(changed({ Action: 's3:FlyToTheMoon' }))],
  ['an action of another service', policy(changed({ Action: 'ec2:RunInstances' }))],
  ['no resource', policy(changed({ Resource: undefined }))],
  ['a resource of another bucket', policy(changed({ Resource: 'arn:aws:s3:::another-bucket/*' }))],
  ['a resource that is none', policy(changed({ Resource: 'everything' }))],
  [
    'an action that does not fit the resource',
    policy(changed({ Resource: 'arn:aws:s3:::{bucket}' })),
  ],
  ['both Action and NotAction', policy(changed({ NotAction: 's3:PutObject' }))],
  ['an unknown operator', policy(conditioned('StringAlmost', 'aws:SourceIp', 'x'))],
  ['an address that is none', policy(conditioned('IpAddress', 'aws:SourceIp', '300.1.1.1'))],
  ['an unknown element of a statement', policy(changed({ Colour: 'blue' }))],
];

const bad: Cases = each(BAD, ([title, body]) => [
  `${title} is no policy`,
  {
    ask: 'PUT /{bucket}?policy',
    body,
    answer: body === '' ? '400 MissingRequestBodyError' : '400 MalformedPolicy',
  },
]);

const STRANGER = { AWS: 'arn:aws:iam:::user/{stranger}' };
const LOCAL = '127.0.0.0/8';

const RIGHTS: readonly Right[] = [
  ['everybody may read', [ALLOW_READ], 'nobody', READ, '200'],
  ['everybody with a key may read too', [ALLOW_READ], 'stranger', READ, '200'],
  ['reading is not listing', [ALLOW_READ], 'nobody', 'GET /{bucket}', DENIED],
  ['reading is not writing', [ALLOW_READ], 'nobody', 'PUT /{bucket}/a/b', DENIED],
  ['reading is not deleting', [ALLOW_READ], 'nobody', 'DELETE /{bucket}/a/b', DENIED],
  ['HEAD is reading', [ALLOW_READ], 'nobody', 'HEAD /{bucket}/a/b', '200'],
  ['everybody may list', [LIST], 'nobody', 'GET /{bucket}', '200'],
  ['listing is not reading', [LIST], 'nobody', READ, DENIED],
  ['principal { AWS: * }', [changed({ Principal: { AWS: '*' } })], 'nobody', READ, '200'],
  ['one key may read', [changed({ Principal: STRANGER })], 'stranger', READ, '200'],
  ['one key, by its id', [changed({ Principal: { AWS: '{stranger}' } })], 'stranger', READ, '200'],
  ['one key may read, nobody else', [changed({ Principal: STRANGER })], 'nobody', READ, DENIED],
  [
    'a list of actions',
    [changed({ Action: ['s3:PutObject', 's3:GetObject'] })],
    'nobody',
    READ,
    '200',
  ],
  ['actions by wildcard', [changed({ Action: 's3:Get*' })], 'nobody', READ, '200'],
  ['all actions', [changed({ Action: 's3:*' })], 'nobody', READ, '200'],
  [
    'all but one action',
    [changed({ Action: undefined, NotAction: 's3:PutObject' })],
    'nobody',
    READ,
    '200',
  ],
  [
    'a part of the keys',
    [changed({ Resource: 'arn:aws:s3:::{bucket}/a/*' })],
    'nobody',
    READ,
    '200',
  ],
  [
    'another part of the keys',
    [changed({ Resource: 'arn:aws:s3:::{bucket}/b/*' })],
    'nobody',
    READ,
    DENIED,
  ],
  ['one letter by ?', [changed({ Resource: 'arn:aws:s3:::{bucket}/a/?' })], 'nobody', READ, '200'],
  [
    'a denial beats a permission',
    [ALLOW_READ, changed({ Effect: 'Deny' })],
    'nobody',
    READ,
    DENIED,
  ],
  ['a denial counts for the owner too', [changed({ Effect: 'Deny' })], 'owner', READ, DENIED],
  ['from this network', [conditioned('IpAddress', 'aws:SourceIp', LOCAL)], 'nobody', READ, '200'],
  [
    'from another network',
    [conditioned('IpAddress', 'aws:SourceIp', '10.0.0.0/8')],
    'nobody',
    READ,
    DENIED,
  ],
  [
    'not from this network',
    [conditioned('NotIpAddress', 'aws:SourceIp', LOCAL)],
    'nobody',
    READ,
    DENIED,
  ],
  ['over TLS only', [conditioned('Bool', 'aws:SecureTransport', 'true')], 'nobody', READ, DENIED],
  ['not over TLS', [conditioned('Bool', 'aws:SecureTransport', 'false')], 'nobody', READ, '200'],
  [
    'before a day that is over',
    [conditioned('DateLessThan', 'aws:CurrentTime', '2020-01-01T00:00:00Z')],
    'nobody',
    READ,
    DENIED,
  ],
  [
    'after a day that is over',
    [conditioned('DateGreaterThan', 'aws:CurrentTime', '2020-01-01T00:00:00Z')],
    'nobody',
    READ,
    '200',
  ],
  [
    'a referer that is not sent',
    [conditioned('StringLike', 'aws:Referer', 'https://a/*')],
    'nobody',
    READ,
    DENIED,
  ],
  [
    'a referer that need not be sent',
    [conditioned('StringLikeIfExists', 'aws:Referer', 'https://a/*')],
    'nobody',
    READ,
    '200',
  ],
  ['no referer', [conditioned('Null', 'aws:Referer', 'true')], 'nobody', READ, '200'],
  [
    'listing one prefix',
    [{ ...LIST, Condition: { StringEquals: { 's3:prefix': 'a/' } } }],
    'nobody',
    'GET /{bucket}?prefix=a/',
    '200',
  ],
  [
    'listing another prefix',
    [{ ...LIST, Condition: { StringEquals: { 's3:prefix': 'a/' } } }],
    'nobody',
    'GET /{bucket}?prefix=b/',
    DENIED,
  ],
];

const rights: Cases = {
  ...each(RIGHTS, ([title, statements, as, ask, answer]) => [
    title,
    {
      given: ['PUT /{bucket}/a/b < x', `PUT /{bucket}?policy < ${policy(...statements)}`],
      ...{ ask, as, answer: ask.startsWith('HEAD') ? answer.slice(0, 3) : answer },
    },
  ]),
  'an owner who is locked out may take the policy back': {
    given: [
      `PUT /{bucket}?policy < ${policy(changed({ Effect: 'Deny', Action: 's3:*', Resource: ['arn:aws:s3:::{bucket}', 'arn:aws:s3:::{bucket}/*'] }))}`,
      'GET /{bucket} = 403 AccessDenied',
    ],
    ...{ ask: 'DELETE /{bucket}?policy', answer: '204', then: ['GET /{bucket} = 200'] },
  },
  'a condition on the ACL of an upload': {
    given: [
      `PUT /{acls}?policy < ${policy({
        ...{ Effect: 'Allow', Principal: '*', Action: ['s3:PutObject', 's3:PutObjectAcl'] },
        Resource: 'arn:aws:s3:::{acls}/*',
        Condition: { StringEquals: { 's3:x-amz-acl': 'public-read' } },
      })}`,
      { ask: 'PUT /{acls}/a', as: 'nobody', body: 'x', answer: DENIED },
    ],
    ...{ ask: 'PUT /{acls}/a', as: 'nobody', body: 'x', headers: { 'x-amz-acl': 'public-read' } },
    answer: '200',
  },
};

const status: Cases = {
  'a public policy': {
    given: [`PUT /{bucket}?policy < ${policy(ALLOW_READ)}`],
    ...{ ask: 'GET /{bucket}?policyStatus', answer: '200' },
    xml: { root: 'PolicyStatus', IsPublic: 'true' },
  },
  'a policy for one key': {
    given: [`PUT /{bucket}?policy < ${policy(changed({ Principal: STRANGER }))}`],
    ...{ ask: 'GET /{bucket}?policyStatus', answer: '200', xml: { IsPublic: 'false' } },
  },
  'no policy': { ask: 'GET /{bucket}?policyStatus', answer: '404 NoSuchBucketPolicy' },
};

export const bucketPolicy = table(
  'GetBucketPolicy, PutBucketPolicy, DeleteBucketPolicy',
  'principals are access keys; what cannot be believed is refused',
  ...[document, bad],
);
export const policyRights = table(
  'what a policy allows',
  'Allow and Deny, wildcards, conditions on text, numbers, dates, networks, `Bool`, `Null`, `…IfExists`; on tags too',
  ...[rights, conditionKeys, tags],
);
export const policyStatus = table('GetBucketPolicyStatus', 'whether it is public', status);
