/**
 * Access control lists, ownership, the public access block: API_PutBucketAcl, API_PutObjectAcl,
 * API_PutBucketOwnershipControls, API_PutPublicAccessBlock and their kin.
 *
 * Owns:          their cases, and what a canned ACL lets others do.
 * Knows:         "Access control list (ACL) overview", "Controlling ownership of objects".
 * Must not know: how a right is decided.
 */
import { each, table, type Caller, type Cases, type Step } from '../s3-case.ts';

const FREE_BLOCK =
  '<PublicAccessBlockConfiguration><BlockPublicAcls>true</BlockPublicAcls>' +
  '</PublicAccessBlockConfiguration>';

function acl(...grants: readonly (readonly [grantee: string, permission: string])[]): string {
  const list = grants.map(([grantee, permission]) => {
    const isGroup = grantee.startsWith('http');
    const type = isGroup ? 'Group' : 'CanonicalUser';
    const name = isGroup ? `<URI>${grantee}</URI>` : `<ID>${grantee}</ID>`;
    const typed =
      '<Grantee xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" ' +
      `xsi:type="${type}">${name}</Grantee>`;
    return `<Grant>${typed}<Permission>${permission}</Permission></Grant>`;
  });
  return (
    '<AccessControlPolicy><Owner><ID>{owner}</ID></Owner>' +
    `<AccessControlList>${list.join('')}</AccessControlList></AccessControlPolicy>`
  );
}

const OWN = ['{owner}', 'FULL_CONTROL'] as const;
const ALL_USERS = 'http://acs.amazonaws.com/groups/global/AllUsers';
const AUTHENTICATED = 'http://acs.amazonaws.com/groups/global/AuthenticatedUsers';

function canned(name: string): Readonly<Record<string, string>> {
  return { 'x-amz-acl': name };
}

const bucketAcl: Cases = {
  'a bucket is its owner’s': {
    ...{ ask: 'GET /{bucket}?acl', answer: '200' },
    xml: {
      ...{ root: 'AccessControlPolicy', 'Owner.ID': '{owner}' },
      'AccessControlList.Grant.Permission': ['FULL_CONTROL'],
      'AccessControlList.Grant.Grantee.ID': ['{owner}'],
    },
  },
  ...each(
    [
      ['private', ['FULL_CONTROL']],
      ['public-read', ['FULL_CONTROL', 'READ']],
      ['public-read-write', ['FULL_CONTROL', 'READ', 'WRITE']],
      ['authenticated-read', ['FULL_CONTROL', 'READ']],
    ] as const,
    ([name, permissions]) => [
      `the canned list ${name}`,
      {
        ...{ ask: 'PUT /{acls}?acl', headers: canned(name), answer: '200', text: '' },
        then: [
          {
            ...{ ask: 'GET /{acls}?acl', answer: '200' },
            xml: { 'AccessControlList.Grant.Permission': permissions },
          },
        ],
      },
    ],
  ),
  'a document that a canned list expresses': {
    ...{ ask: 'PUT /{acls}?acl', body: acl(OWN, [ALL_USERS, 'READ']), answer: '200' },
    then: [{ ask: 'GET /{acls}', as: 'nobody', answer: '200' }],
  },
  'a document that no canned list expresses': {
    ...{ ask: 'PUT /{acls}?acl', body: acl(OWN, ['{stranger}', 'READ']) },
    answer: '501 NotImplemented',
  },
  'grants in headers that a canned list expresses': {
    ...{ ask: 'PUT /{acls}?acl', headers: { 'x-amz-grant-read': `uri="${ALL_USERS}"` } },
    ...{ answer: '200', then: [{ ask: 'GET /{acls}', as: 'nobody', answer: '200' }] },
  },
  'grants in headers that none expresses': {
    ...{ ask: 'PUT /{acls}?acl', headers: { 'x-amz-grant-read': 'id="{stranger}"' } },
    answer: '501 NotImplemented',
  },
  'a list that nobody knows': {
    ...{ ask: 'PUT /{acls}?acl', headers: canned('everybody'), answer: '400 InvalidArgument' },
  },
  'a document that is none': {
    ...{ ask: 'PUT /{acls}?acl', body: '<Acl></Acl>', answer: '400 MalformedACLError' },
  },
  'a permission that is none': {
    ...{ ask: 'PUT /{acls}?acl', body: acl(['{owner}', 'EVERYTHING']) },
    answer: '400 MalformedACLError',
  },
  nothing: { ask: 'PUT /{acls}?acl', answer: '400 MissingSecurityHeader' },
  'both a header and a document': {
    ...{ ask: 'PUT /{acls}?acl', headers: canned('private'), body: acl(OWN) },
    answer: '400 UnexpectedContent',
  },
  'both a canned list and grants': {
    ask: 'PUT /{acls}?acl',
    headers: { 'x-amz-acl': 'private', 'x-amz-grant-read': 'id="{stranger}"' },
    answer: '400 InvalidRequest',
  },
  'both grants in headers and a document': {
    ...{
      ask: 'PUT /{acls}?acl',
      headers: { 'x-amz-grant-read': 'id="{stranger}"' },
      body: acl(OWN),
    },
    answer: '400 UnexpectedContent',
  },
  'where ACLs are disabled grants are not taken': {
    ...{ ask: 'PUT /{bucket}?acl', headers: { 'x-amz-grant-read': 'id="{stranger}"' } },
    answer: '400 AccessControlListNotSupported',
  },
  'where ACLs are disabled the private one is taken': {
    ...{ ask: 'PUT /{bucket}?acl', headers: canned('private'), answer: '200' },
  },
  'where ACLs are disabled another one is not': {
    ...{ ask: 'PUT /{bucket}?acl', headers: canned('public-read') },
    answer: '400 AccessControlListNotSupported',
  },
  'where public ACLs are blocked they are refused': {
    given: [`PUT /{acls}?publicAccessBlock < ${FREE_BLOCK}`],
    ...{ ask: 'PUT /{acls}?acl', headers: canned('public-read'), answer: '403 AccessDenied' },
  },
  'a key of another tenant may not read it': {
    ...{ ask: 'GET /{acls}?acl', as: 'stranger', answer: '403 AccessDenied' },
  },
  'a key of another tenant may not change it': {
    ...{ ask: 'PUT /{acls}?acl', headers: canned('public-read'), as: 'stranger' },
    answer: '403 AccessDenied',
  },
  'the SDK reads it': {
    ...{ call: 'GetBucketAcl', input: { Bucket: '{bucket}' }, answer: '200' },
    gives: { Grants: [{ Permission: 'FULL_CONTROL', Grantee: { Type: 'CanonicalUser' } }] },
  },
};

const objectAcl: Cases = {
  'an object is its owner’s': {
    ...{ ask: 'GET /{object}?acl', answer: '200' },
    xml: { 'Owner.ID': '{owner}', 'AccessControlList.Grant.Permission': ['FULL_CONTROL'] },
  },
  'a list given with the object': {
    given: [{ ask: 'PUT /{acls}/a', headers: canned('public-read'), answer: '200' }],
    ...{ ask: 'GET /{acls}/a?acl', answer: '200' },
    xml: {
      'AccessControlList.Grant.Permission': ['FULL_CONTROL', 'READ'],
      'AccessControlList.Grant.Grantee.URI': [ALL_USERS],
    },
  },
  'a list put later': {
    given: ['PUT /{acls}/a < x'],
    ...{ ask: 'PUT /{acls}/a?acl', headers: canned('public-read'), answer: '200' },
    then: [{ ask: 'GET /{acls}/a', as: 'nobody', answer: '200', text: 'x' }],
  },
  'a list put as a document': {
    given: ['PUT /{acls}/a < x'],
    ...{ ask: 'PUT /{acls}/a?acl', body: acl(OWN, [AUTHENTICATED, 'READ']), answer: '200' },
    then: [{ ask: 'GET /{acls}/a', as: 'stranger', answer: '200', text: 'x' }],
  },
  'a list is taken back': {
    given: [{ ask: 'PUT /{acls}/a', headers: canned('public-read'), answer: '200' }],
    ...{ ask: 'PUT /{acls}/a?acl', headers: canned('private'), answer: '200' },
    then: [{ ask: 'GET /{acls}/a', as: 'nobody', answer: '403 AccessDenied' }],
  },
  'where ACLs are disabled the object is not stored': {
    ...{ ask: 'PUT /{bucket}/a', headers: canned('public-read'), body: 'x' },
    ...{ answer: '400 AccessControlListNotSupported', then: ['GET /{bucket}/a = 404 NoSuchKey'] },
  },
  'where ACLs are disabled bucket-owner-full-control is taken': {
    ask: 'PUT /{bucket}/a',
    ...{ headers: canned('bucket-owner-full-control'), body: 'x', answer: '200' },
  },
  'a list that nobody knows': {
    ...{ ask: 'PUT /{acls}/a', headers: canned('everybody'), body: 'x' },
    answer: '400 InvalidArgument',
  },
  'a missing key': { ask: 'GET /{key}?acl', answer: '404 NoSuchKey' },
  'a copy does not have the list of its source': {
    given: [{ ask: 'PUT /{acls}/a', headers: canned('public-read'), answer: '200' }],
    ...{ ask: 'PUT /{acls}/b', headers: { 'x-amz-copy-source': '{acls}/a' }, answer: '200' },
    then: [{ ask: 'GET /{acls}/b', as: 'nobody', answer: '403 AccessDenied' }],
  },
};

/** Who may what, by the canned list of bucket and object. */
type Right = readonly [bucket: string, object: string, as: Caller, ask: string, answer: string];

const READ = 'GET /{acls}/a';
const LIST = 'GET /{acls}';
const WRITE = 'PUT /{acls}/new';
const DENIED = '403 AccessDenied';

const RIGHTS: readonly Right[] = [
  ['private', 'private', 'nobody', READ, DENIED],
  ['private', 'private', 'nobody', LIST, DENIED],
  ['private', 'private', 'stranger', READ, DENIED],
  ['private', 'public-read', 'nobody', READ, '200'],
  ['private', 'public-read', 'stranger', READ, '200'],
  ['private', 'public-read', 'nobody', LIST, DENIED],
  ['private', 'authenticated-read', 'nobody', READ, DENIED],
  ['private', 'authenticated-read', 'stranger', READ, '200'],
  ['public-read', 'private', 'nobody', READ, DENIED],
  ['public-read', 'private', 'nobody', LIST, '200'],
  ['public-read', 'private', 'nobody', WRITE, DENIED],
  ['authenticated-read', 'private', 'nobody', LIST, DENIED],
  ['authenticated-read', 'private', 'stranger', LIST, '200'],
  ['public-read-write', 'private', 'nobody', WRITE, '200'],
  ['public-read-write', 'private', 'nobody', READ, DENIED],
  ['public-read-write', 'private', 'nobody', 'DELETE /{acls}/a', '204'],
  ['public-read-write', 'private', 'stranger', WRITE, '200'],
];

const rights: Cases = {
  ...each(RIGHTS, ([bucket, object, as, ask, answer]) => {
    const what = ask.replace('{acls}', 'bucket');
    const given: readonly Step[] = [
      { ask: 'PUT /{acls}/a', headers: canned(object), body: 'x', answer: '200' },
      { ask: 'PUT /{acls}?acl', headers: canned(bucket), answer: '200' },
    ];
    const body = ask === WRITE ? { body: 'y' } : {};
    return [
      `${as} asks ${what}: the bucket is ${bucket}, the object ${object}`,
      { given, ask, as, ...body, answer },
    ];
  }),
  'a missing key is told to those who may list': {
    given: [{ ask: 'PUT /{acls}?acl', headers: canned('public-read'), answer: '200' }],
    ...{ ask: 'GET /{acls}/missing', as: 'nobody', answer: '404 NoSuchKey' },
  },
  'a missing key is not told to others': {
    ...{ ask: 'GET /{acls}/missing', as: 'nobody', answer: DENIED },
  },
};

function ownership(value: string): string {
  return (
    '<OwnershipControls><Rule>' +
    `<ObjectOwnership>${value}</ObjectOwnership></Rule></OwnershipControls>`
  );
}

const ownershipControls: Cases = {
  'a new bucket has no ACLs': {
    ...{ ask: 'GET /{bucket}?ownershipControls', answer: '200' },
    xml: { root: 'OwnershipControls', 'Rule.ObjectOwnership': 'BucketOwnerEnforced' },
  },
  ...each(['BucketOwnerPreferred', 'ObjectWriter', 'BucketOwnerEnforced'], value => [
    `${value} is kept`,
    {
      ...{ ask: 'PUT /{bucket}?ownershipControls', body: ownership(value), answer: '200' },
      then: [
        {
          ...{ ask: 'GET /{bucket}?ownershipControls', answer: '200' },
          xml: { 'Rule.ObjectOwnership': value },
        },
      ],
    },
  ]),
  'another ownership is none': {
    ...{ ask: 'PUT /{bucket}?ownershipControls', body: ownership('Everybody') },
    answer: '400 MalformedXML',
  },
  'ACLs are not disabled while one is public': {
    given: [{ ask: 'PUT /{acls}?acl', headers: canned('public-read'), answer: '200' }],
    ...{ ask: 'PUT /{acls}?ownershipControls', body: ownership('BucketOwnerEnforced') },
    answer: '400 InvalidBucketAclWithObjectOwnership',
  },
  'they are taken away': {
    ...{ ask: 'DELETE /{bucket}?ownershipControls', answer: '204' },
    then: ['GET /{bucket}?ownershipControls = 404 OwnershipControlsNotFoundError'],
  },
  'a key of another tenant may not change the ownership': {
    ask: 'PUT /{bucket}?ownershipControls',
    ...{ body: ownership('ObjectWriter'), as: 'stranger', answer: DENIED },
  },
};

const FLAGS = ['BlockPublicAcls', 'IgnorePublicAcls', 'BlockPublicPolicy', 'RestrictPublicBuckets'];

function block(flag: string): string {
  return (
    '<PublicAccessBlockConfiguration>' + `<${flag}>true</${flag}></PublicAccessBlockConfiguration>`
  );
}

const publicAccessBlock: Cases = {
  ...each(FLAGS, flag => [
    `${flag} is kept`,
    {
      ...{ ask: 'PUT /{bucket}?publicAccessBlock', body: block(flag), answer: '200' },
      then: [
        {
          ...{ ask: 'GET /{bucket}?publicAccessBlock', answer: '200' },
          xml: {
            root: 'PublicAccessBlockConfiguration',
            ...Object.fromEntries(FLAGS.map(one => [one, String(one === flag)])),
          },
        },
      ],
    },
  ]),
  'it is taken away': {
    given: [`PUT /{bucket}?publicAccessBlock < ${FREE_BLOCK}`],
    ...{ ask: 'DELETE /{bucket}?publicAccessBlock', answer: '204' },
    then: ['GET /{bucket}?publicAccessBlock = 404 NoSuchPublicAccessBlockConfiguration'],
  },
  'a document that is none': {
    ...{ ask: 'PUT /{bucket}?publicAccessBlock', body: '<Block></Block>' },
    answer: '400 MalformedXML',
  },
  'IgnorePublicAcls makes public objects private': {
    given: [
      { ask: 'PUT /{acls}/a', headers: canned('public-read'), body: 'x', answer: '200' },
      `PUT /{acls}?publicAccessBlock < ${block('IgnorePublicAcls')}`,
    ],
    ...{ ask: 'GET /{acls}/a', as: 'nobody', answer: DENIED },
  },
  'a key of another tenant may not change it': {
    ask: 'PUT /{bucket}?publicAccessBlock',
    ...{ body: FREE_BLOCK, as: 'stranger', answer: DENIED },
  },
};

export const bucketAcls = table(
  'GetBucketAcl, PutBucketAcl',
  'canned lists, also as grants in headers or documents; other grants 501',
  bucketAcl,
);
export const objectAcls = table(
  'GetObjectAcl, PutObjectAcl',
  'the same, also with uploads, copies and forms',
  objectAcl,
);
export const aclRights = table('what an ACL allows', 'anonymous callers and other keys', rights);
export const ownershipTable = table(
  'GetBucketOwnershipControls, PutBucketOwnershipControls, DeleteBucketOwnershipControls',
  'new buckets: `BucketOwnerEnforced`, or `default_object_ownership`',
  ownershipControls,
);
export const publicBlock = table(
  'GetPublicAccessBlock, PutPublicAccessBlock, DeletePublicAccessBlock',
  'all four flags',
  publicAccessBlock,
);
