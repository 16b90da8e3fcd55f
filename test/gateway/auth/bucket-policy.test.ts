// Method: documents in, verdicts or complaints out; a table for each part of the language.
import test from 'ava';
import {
  evaluate,
  faultOfTargets,
  parsePolicy,
  type Policy,
} from '../../../gateway/auth/bucket-policy.ts';
import type { RequestFacts } from '../../../gateway/auth/request-facts.ts';
import type { S3Action } from '../../../gateway/auth/s3-actions.ts';
import { HeaderList } from '../../../gateway/http/request-headers.ts';

const KEY = 'GKsomebody1';
const NOW_MS = Date.UTC(2026, 5, 15, 12);
/** A variable of the language of policies; no template of ours. */
const variable = (name: string): string => `$\{${name}}`;
const NAMES = ['pictures', 'photos'];

type Scene = {
  readonly as?: string;
  readonly action?: S3Action;
  readonly key?: string | undefined;
  readonly headers?: Readonly<Record<string, string>>;
  readonly query?: Readonly<Record<string, string>>;
  readonly peerAddress?: string;
  readonly isSecure?: boolean;
};

function factsOf({ as, headers, query, peerAddress, isSecure }: Scene): RequestFacts {
  const list = new HeaderList();
  for (const [name, value] of Object.entries(headers ?? {})) list.add(name, value);
  const signing = { timestamp: '20260615T115900Z' };
  const auth =
    as === undefined
      ? { kind: 'anonymous', effectiveHeaders: list }
      : { kind: 'signed', accessKeyId: as, presigned: false, effectiveHeaders: list, signing };
  return {
    http: { headers: list, peerAddress: peerAddress ?? '192.0.2.7', isSecure: isSecure ?? false },
    headers: list,
    query: new Map(Object.entries(query ?? {})),
    auth: auth as RequestFacts['auth'],
    nowMs: NOW_MS,
  };
}

function parsed(text: string): Policy {
  const reading = parsePolicy(text);
  if (reading.kind !== 'policy') throw new Error(reading.message);
  return reading.policy;
}

const allow = {
  ...{ Effect: 'Allow', Principal: '*', Action: 's3:GetObject' },
  Resource: 'arn:aws:s3:::pictures/*',
};

function policyOf(statement: object, version = '2012-10-17'): Policy {
  return parsed(JSON.stringify({ Version: version, Statement: [{ ...allow, ...statement }] }));
}

function says(policy: Policy, scene: Scene): string {
  return evaluate(policy, {
    action: scene.action ?? 's3:GetObject',
    target: { bucketNames: NAMES, key: 'key' in scene ? scene.key : 'k' },
    accessKeyId: scene.as,
    facts: factsOf(scene),
  });
}

function allows(statement: object, scene: Scene = {}, version?: string): boolean {
  return says(policyOf(statement, version), scene) === 'allow';
}

test('principals are everybody, or keys by id or ARN', t => {
  const arn = (account: string, name: string): string => `arn:aws:iam::${account}:user/${name}`;
  for (const Principal of [
    { AWS: KEY },
    { AWS: ['GKsomebody2', KEY] },
    { AWS: arn('123456789012', KEY) },
    { AWS: arn('', `team/${KEY}`) },
    { CanonicalUser: KEY },
  ]) {
    t.true(allows({ Principal }, { as: KEY }));
    t.false(allows({ Principal }, { as: 'GKsomebody3' }));
    t.false(allows({ Principal }));
  }
  for (const Principal of ['*', { AWS: '*' }, { AWS: ['*', KEY] }]) {
    t.true(allows({ Principal }));
    t.true(allows({ Principal }, { as: KEY }));
  }
  const NotPrincipal = { AWS: KEY };
  t.false(allows({ Principal: undefined, NotPrincipal }, { as: KEY }));
  t.true(allows({ Principal: undefined, NotPrincipal }, { as: 'GKsomebody2' }));
  t.true(allows({ Principal: undefined, NotPrincipal }));
});

test('actions have no case, have wildcards, and may be those not meant', t => {
  for (const Action of ['s3:GetObject', 'S3:getobject', 's3:Get*', 's3:*', '*', 's3:GetObjec?']) {
    t.true(allows({ Action }), Action);
  }
  t.false(allows({ Action: 's3:PutObject' }));
  t.false(allows({ Action: ['s3:GetObjectAcl', 's3:PutObject'] }));
  t.false(allows({ Action: undefined, NotAction: 's3:Get*' }));
  t.true(allows({ Action: undefined, NotAction: 's3:Put*' }));
});

const arn = (name: string): string => `arn:aws:s3:::${name}`;

test('resources are the bucket or objects, by whatever name the bucket is asked for', t => {
  const on = (Resource: string | string[], key: string | undefined): boolean =>
    allows({ Resource, Action: 's3:*' }, { key, action: 's3:GetObject' });
  t.true(on(arn('pictures'), undefined));
  t.false(on(arn('pictures'), 'k'));
  t.true(on(arn('pictures/*'), 'a/b'));
  t.false(on(arn('pictures/*'), undefined));
  t.true(on(arn('pictures/a?c/*.jpg'), 'abc/d/e.jpg'));
  t.false(on(arn('pictures/a?c/*.jpg'), 'ac/d.jpg'));
  t.true(on(arn('pictures*'), undefined));
  t.true(on(arn('pictures*'), 'k'));
  t.true(on('*', 'k'));
  t.true(on([arn('pictures/x'), arn('pictures/k')], 'k'));
  // Another name that the bucket had when the policy was put.
  t.true(on(arn('renamed/*'), 'k'));
  t.true(on(arn('*/secret'), 'deep/secret'));
  t.false(on(arn('other*'), 'k'));
});

test('resources that are not meant are told by the whole name', t => {
  const others = (NotResource: string, key: string | undefined): boolean =>
    allows({ Resource: undefined, NotResource, Action: 's3:*' }, { key });
  t.false(others(arn('pictures/open/*'), 'open/k'));
  t.false(others(arn('photos/open/*'), 'open/k'));
  t.true(others(arn('pictures/open/*'), 'k'));
  t.true(others(arn('elsewhere/*'), 'k'));
});

type Held = readonly [condition: object, holds: Scene, fails: Scene];

const conditions: Readonly<Record<string, Held>> = {
  'StringEquals of a parameter': [
    { StringEquals: { 's3:prefix': ['', 'home/'] } },
    { query: { prefix: 'home/' } },
    { query: { prefix: 'home' } },
  ],
  'StringEquals without the key': [
    { StringEqualsIfExists: { 's3:prefix': 'a' } },
    {},
    { query: { prefix: 'b' } },
  ],
  StringNotEquals: [
    { StringNotEquals: { 's3:x-amz-acl': 'public-read' } },
    { headers: { 'x-amz-acl': 'private' } },
    { headers: { 'x-amz-acl': 'public-read' } },
  ],
  'a negated operator without the key': [
    { StringNotEquals: { 's3:x-amz-acl': 'public-read' } },
    {},
    { headers: { 'x-amz-acl': 'public-read' } },
  ],
  StringLike: [
    { StringLike: { 'aws:Referer': ['https://example.com/*', 'https://www.example.com/*'] } },
    { headers: { referer: 'https://example.com/page' } },
    { headers: { referer: 'https://example.org/page' } },
  ],
  StringNotLike: [
    { StringNotLike: { 'aws:UserAgent': '*bot*' } },
    { headers: { 'user-agent': 'curl' } },
    { headers: { 'user-agent': 'a robot' } },
  ],
  StringEqualsIgnoreCase: [
    { StringEqualsIgnoreCase: { 'aws:username': KEY.toUpperCase() } },
    { as: KEY },
    { as: 'GKsomebody2' },
  ],
  IpAddress: [
    { IpAddress: { 'aws:SourceIp': ['192.0.2.0/24', '2001:db8::/32'] } },
    { peerAddress: '2001:db8::1' },
    { peerAddress: '198.51.100.1' },
  ],
  NotIpAddress: [
    { NotIpAddress: { 'aws:SourceIp': '192.0.2.0/24' } },
    { peerAddress: '198.51.100.1' },
    { peerAddress: '192.0.2.1' },
  ],
  Bool: [{ Bool: { 'aws:SecureTransport': true } }, { isSecure: true }, {}],
  NumericLessThanEquals: [
    { NumericLessThanEquals: { 's3:max-keys': '10' } },
    { query: { 'max-keys': '10' } },
    { query: { 'max-keys': '11' } },
  ],
  'an operator without the key it needs': [
    { NumericLessThanEquals: { 's3:max-keys': 10 } },
    { query: { 'max-keys': '1' } },
    {},
  ],
  Null: [
    { Null: { 's3:x-amz-server-side-encryption-customer-algorithm': 'false' } },
    { headers: { 'x-amz-server-side-encryption-customer-algorithm': 'AES256' } },
    {},
  ],
  'Null, wanted': [{ Null: { 's3:x-amz-acl': true } }, {}, { headers: { 'x-amz-acl': 'private' } }],
  ForAllValues: [
    { 'ForAllValues:StringEquals': { 's3:RequestObjectTagKeys': ['a', 'b'] } },
    { headers: { 'x-amz-tagging': 'a=1' } },
    { headers: { 'x-amz-tagging': 'a=1&c=2' } },
  ],
  ForAnyValue: [
    { 'ForAnyValue:StringEquals': { 's3:RequestObjectTagKeys': ['a', 'b'] } },
    { headers: { 'x-amz-tagging': 'a=1&c=2' } },
    {},
  ],
  'a tag of the request': [
    { StringEquals: { 's3:RequestObjectTag/Team': 'red' } },
    { headers: { 'x-amz-tagging': 'Team=red' } },
    { headers: { 'x-amz-tagging': 'team=red' } },
  ],
  'all conditions at once': [
    { Bool: { 'aws:SecureTransport': 'true' }, StringEquals: { 's3:prefix': 'a' } },
    { isSecure: true, query: { prefix: 'a' } },
    { isSecure: true },
  ],
};

for (const [name, [Condition, good, bad]] of Object.entries(conditions)) {
  test(`conditions: ${name}`, t => {
    t.true(allows({ Condition }, good));
    t.false(allows({ Condition }, bad));
  });
}

test('dates are compared as times, in either form', t => {
  const at = (operator: string, text: string): boolean =>
    allows({ Condition: { [operator]: { 'aws:CurrentTime': text } } });
  t.true(at('DateLessThan', '2026-06-15T12:00:01Z'));
  t.false(at('DateLessThan', '2026-06-15T12:00:00Z'));
  t.true(at('DateGreaterThan', '2026-06-15'));
  t.true(at('DateEquals', String(NOW_MS / 1000)));
  t.true(allows({ Condition: { NumericLessThan: { 's3:signatureAge': 61_000 } } }, { as: KEY }));
  t.false(allows({ Condition: { NumericLessThan: { 's3:signatureAge': 59_000 } } }, { as: KEY }));
});

test('variables stand for the key that signed, since the language has them', t => {
  const Resource = `arn:aws:s3:::pictures/${variable('aws:username')}/*`;
  t.true(allows({ Resource }, { as: KEY, key: `${KEY}/k` }));
  t.false(allows({ Resource }, { as: KEY, key: 'GKsomebody2/k' }));
  t.false(allows({ Resource }, { key: '/k' }));
  t.false(allows({ Resource }, { as: KEY, key: `${KEY}/k` }, '2008-10-17'));
  t.true(allows({ Resource }, { key: `${variable('aws:username')}/k` }, '2008-10-17'));
});

const refused: Readonly<Record<string, unknown>> = {
  'no JSON': '{',
  'a list': [],
  'no statement': { Version: '2012-10-17' },
  'an empty list of statements': { Statement: [] },
  'another version': { Version: '2020-01-01', Statement: allow },
  'an unknown field': { Statement: allow, Name: 'x' },
  'an unknown field of a statement': { Statement: { ...allow, Actions: 's3:*' } },
  'no principal': { Statement: { ...allow, Principal: undefined } },
  'two principals': { Statement: { ...allow, NotPrincipal: '*' } },
  'a principal of text': { Statement: { ...allow, Principal: KEY } },
  'an account': { Statement: { ...allow, Principal: { AWS: '123456789012' } } },
  'a service': { Statement: { ...allow, Principal: { Service: 'cloudfront.amazonaws.com' } } },
  'no principal in its object': { Statement: { ...allow, Principal: {} } },
  'another effect': { Statement: { ...allow, Effect: 'allow' } },
  'no action': { Statement: { ...allow, Action: [] } },
  'an unknown action': { Statement: { ...allow, Action: 's3:Frob' } },
  'an action of another service': { Statement: { ...allow, Action: 'ec2:*' } },
  'an action of buckets on objects': { Statement: { ...allow, Action: 's3:ListBucket' } },
  'an action of objects on a bucket': { Statement: { ...allow, Resource: arn('pictures') } },
  'a resource of another service': { Statement: { ...allow, Resource: 'arn:aws:sqs:::q' } },
  'a resource that is a number': { Statement: { ...allow, Resource: [{}] } },
  'an unknown operator': { Statement: { ...allow, Condition: { StringIs: { 's3:prefix': '' } } } },
  'an unknown condition key': { Statement: { ...allow, Condition: { Bool: { x: true } } } },
  'a network that is none': {
    Statement: { ...allow, Condition: { IpAddress: { 'aws:SourceIp': '192.0.2.0/33' } } },
  },
  'a number that is none': {
    Statement: { ...allow, Condition: { NumericEquals: { 's3:max-keys': 'ten' } } },
  },
  'two statements of one id': {
    Statement: [
      { ...allow, Sid: 'a' },
      { ...allow, Sid: 'a' },
    ],
  },
  'a condition that is a list': { Statement: { ...allow, Condition: [] } },
};

for (const [name, document] of Object.entries(refused)) {
  test(`a policy is malformed: ${name}`, t => {
    const text = typeof document === 'string' ? document : JSON.stringify(document);
    const reading = parsePolicy(text);
    t.is(reading.kind, 'malformed');
    t.true(reading.kind !== 'policy' && reading.message.endsWith('.'));
  });
}

test('what would never come true here is refused as not implemented', t => {
  for (const statement of [
    { Condition: { StringEquals: { 'aws:PrincipalOrgID': 'o-1' } } },
    { Condition: { StringEquals: { 's3:TlsVersion': '1.3' } } },
    { Resource: `arn:aws:s3:::pictures/${variable('aws:PrincipalTag/team')}/*` },
  ]) {
    const text = JSON.stringify({ Version: '2012-10-17', Statement: { ...allow, ...statement } });
    t.is(parsePolicy(text).kind, 'unsupported');
  }
});

test('names of objects that JSON may carry change nothing', t => {
  const text = JSON.stringify({ Statement: allow }).replace('{', '{"__proto__":{"Statement":1},');
  t.is(parsePolicy(text).kind, 'malformed');
  const keyed = '{"Statement":{"Effect":"Allow","Principal":{"__proto__":"x"}}}';
  t.is(parsePolicy(keyed).kind, 'malformed');
});

test('every statement must be about the bucket', t => {
  t.is(faultOfTargets(policyOf({}), NAMES), undefined);
  t.is(faultOfTargets(policyOf({ Resource: arn('p*/x') }), NAMES), undefined);
  t.truthy(faultOfTargets(policyOf({ Resource: arn('other/x') }), NAMES));
  t.truthy(faultOfTargets(policyOf({ Resource: [arn('pictures/x'), arn('other/*')] }), NAMES));
});

test('a policy is public when something is for everybody without a fixed condition', t => {
  const sourceIp = (text: string): object => ({ IpAddress: { 'aws:SourceIp': text } });
  const isPublic = (statement: object): boolean => policyOf(statement).isPublic;
  t.true(isPublic({}));
  t.true(isPublic({ Principal: { AWS: '*' } }));
  t.false(isPublic({ Principal: { AWS: KEY } }));
  t.false(isPublic({ Effect: 'Deny' }));
  t.false(isPublic({ Condition: sourceIp('192.0.2.0/24') }));
  t.true(isPublic({ Condition: sourceIp('0.0.0.0/1') }));
  t.true(isPublic({ Condition: { NotIpAddress: { 'aws:SourceIp': '192.0.2.0/24' } } }));
  t.true(isPublic({ Condition: { StringLike: { 'aws:Referer': 'https://example.com/*' } } }));
  t.false(isPublic({ Condition: { StringEquals: { 'aws:username': KEY } } }));
  t.true(isPublic({ Principal: undefined, NotPrincipal: { AWS: KEY } }));
});
