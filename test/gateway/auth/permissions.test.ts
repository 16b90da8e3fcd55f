// Method: every permission class against every kind of caller, written out as a table; then what
// policies and access control lists add to it and take from it.
import fc from 'fast-check';
import test from 'ava';
import { parsePolicy, type Policy } from '../../../gateway/auth/bucket-policy.ts';
import {
  decide,
  decideByObject,
  type GuardedBucket,
  type Permission,
  type PermissionQuestion,
} from '../../../gateway/auth/permissions.ts';
import type { S3Action } from '../../../gateway/auth/s3-actions.ts';
import { HeaderList } from '../../../gateway/http/request-headers.ts';
import type { AccessKeyId, BucketId } from '../../../schemas/ids.ts';
import type { BucketSettings } from '../../../schemas/records/bucket-row.ts';
import type { CannedAcl } from '../../../schemas/records/bucket-settings/access-settings.ts';
import type { WebsiteConfiguration } from '../../../schemas/records/bucket-settings/website.ts';

const KEY = 'GKsomebody1';

function bucketWith(rights: string, settings: BucketSettings = {}): GuardedBucket {
  const accessKeyId = KEY as AccessKeyId;
  const [read, write, owner] = ['r', 'w', 'o'].map(letter => rights.includes(letter));
  const grant = { accessKeyId, read: read === true, write: write === true, owner: owner === true };
  return {
    id: 'b'.repeat(64) as BucketId,
    globalAliases: ['pictures'],
    localAliases: [],
    grants: rights === '-' ? [] : [grant],
    ...settings,
  };
}

type Case = {
  readonly who?: 'nobody' | 'key' | 'creator';
  readonly rights?: string;
  readonly settings?: BucketSettings;
  readonly objectKey?: string;
  readonly policy?: Policy;
};

function question(permission: Permission, action: S3Action, asked: Case): PermissionQuestion {
  const { who = 'key', rights = '-', settings = {}, objectKey, policy } = asked;
  const key = { accessKeyId: KEY, canCreateBuckets: who === 'creator' };
  const headers = new HeaderList();
  const http = { headers, peerAddress: '192.0.2.1', isSecure: false };
  const auth = { kind: 'anonymous', effectiveHeaders: headers } as const;
  const facts = { http, headers, query: new Map<string, string>(), auth, nowMs: 0 };
  return {
    ...{ permission, action, objectKey, bucket: bucketWith(rights, settings) },
    key: who === 'nobody' ? undefined : key,
    policy: policy === undefined ? undefined : { document: policy, facts },
  };
}

function policyOf(...statements: readonly object[]): Policy {
  const reading = parsePolicy(JSON.stringify({ Version: '2012-10-17', Statement: statements }));
  if (reading.kind !== 'policy') throw new Error(reading.message);
  return reading.policy;
}

const callers: Readonly<Record<string, Case>> = {
  'nobody signed': { who: 'nobody' },
  'nobody signed, the bucket grants all': { who: 'nobody', rights: 'rwo' },
  'a key without grants': {},
  'a key with refused grants': { rights: '' },
  'a key that may create': { who: 'creator' },
  reader: { rights: 'r' },
  writer: { rights: 'w' },
  owner: { rights: 'o' },
};

const keys = Object.keys(callers).filter(name => !name.startsWith('nobody'));
const allowed: Record<Exclude<Permission, 'website'>, readonly string[]> = {
  none: Object.keys(callers),
  form: Object.keys(callers),
  'any-key': keys,
  'create-bucket': ['a key that may create'],
  read: ['reader'],
  write: ['writer'],
  owner: ['owner'],
};

for (const [permission, who] of Object.entries(allowed) as [Permission, readonly string[]][]) {
  test(`${permission} is allowed to exactly those it belongs to`, t => {
    for (const [name, caller] of Object.entries(callers)) {
      const expected = who.includes(name) ? 'allowed' : 'denied';
      t.is(decide(question(permission, 's3:PutBucketCORS', caller)), expected, name);
    }
  });
}

test('a website is open to everybody, and only where the bucket is one', t => {
  const website: WebsiteConfiguration = {
    kind: 'pages',
    indexDocument: 'i',
    errorDocument: undefined,
    routingRules: [],
  };
  const visit = (asked: Case): string => decide(question('website', 's3:GetObject', asked));
  t.is(visit({ who: 'nobody', settings: { website } }), 'allowed');
  t.is(visit({ who: 'nobody' }), 'denied');
  t.is(
    visit({ who: 'nobody', settings: { acl: 'public-read', ownership: 'ObjectWriter' } }),
    'denied',
  );
});

const everybodyReads = {
  ...{ Effect: 'Allow', Principal: '*', Action: 's3:GetObject' },
  Resource: 'arn:aws:s3:::pictures/*',
};
const nobodyReads = { ...everybodyReads, Effect: 'Deny' };

test('a policy gives what no grant gives, and takes what every grant gives', t => {
  const ask = (policy: Policy, asked: Case): string =>
    decide(question('read', 's3:GetObject', { objectKey: 'k', policy, ...asked }));
  t.is(ask(policyOf(everybodyReads), { who: 'nobody' }), 'allowed');
  t.is(ask(policyOf(everybodyReads), {}), 'allowed');
  t.is(ask(policyOf(nobodyReads), { rights: 'rwo' }), 'denied');
  t.is(ask(policyOf(everybodyReads, nobodyReads), { rights: 'rwo' }), 'denied');
  t.is(ask(policyOf({ ...nobodyReads, Action: 's3:PutObject' }), { rights: 'r' }), 'allowed');
});

test('an owner can always undo a policy; others cannot', t => {
  const all = { Effect: 'Deny', Principal: '*', Action: '*', Resource: '*' };
  for (const action of ['s3:PutBucketPolicy', 's3:DeleteBucketPolicy'] as const) {
    const ask = (rights: string): string =>
      decide(question('owner', action, { policy: policyOf(all), rights }));
    t.is(ask('o'), 'allowed');
    t.is(ask('rw'), 'denied');
  }
  const cors = question('owner', 's3:PutBucketCORS', { policy: policyOf(all), rights: 'rwo' });
  t.is(decide(cors), 'denied');
});

test('a restricted bucket gives by a public policy to those with a grant alone', t => {
  const publicAccessBlock = {
    ...{ blockPublicAcls: false, ignorePublicAcls: false, blockPublicPolicy: false },
    restrictPublicBuckets: true,
  };
  const ask = (statement: object, asked: Case): string =>
    decide(
      question('read', 's3:GetObject', {
        ...{ objectKey: 'k', policy: policyOf(statement), settings: { publicAccessBlock } },
        ...asked,
      }),
    );
  t.is(ask(everybodyReads, { who: 'nobody' }), 'denied');
  t.is(ask(everybodyReads, {}), 'denied');
  t.is(ask(everybodyReads, { rights: 'w' }), 'allowed');
  t.is(ask({ ...everybodyReads, Principal: { AWS: KEY } }, {}), 'allowed');
});

const LISTS: readonly CannedAcl[] = [
  'private',
  'public-read',
  'public-read-write',
  'authenticated-read',
  'bucket-owner-read',
  'bucket-owner-full-control',
];

test('the list of a bucket gives what S3 says, to whom it says, where lists are possible', t => {
  const given = (acl: CannedAcl, action: S3Action, who: 'nobody' | 'key'): boolean =>
    decide(question('read', action, { who, settings: { acl, ownership: 'ObjectWriter' } })) ===
    'allowed';
  const who = (action: S3Action): readonly string[] =>
    LISTS.filter(acl => given(acl, action, 'key')).map(acl =>
      given(acl, action, 'nobody') ? acl : `${acl}, signed`,
    );
  t.deepEqual(who('s3:ListBucket'), [
    'public-read',
    'public-read-write',
    'authenticated-read, signed',
  ]);
  t.deepEqual(who('s3:PutObject'), ['public-read-write']);
  t.deepEqual(who('s3:DeleteObject'), ['public-read-write']);
  t.deepEqual(who('s3:GetObject'), []);
  t.deepEqual(who('s3:GetBucketCORS'), []);
  const enforced = { acl: 'public-read-write', ownership: 'BucketOwnerEnforced' } as const;
  for (const settings of [enforced, { acl: 'public-read-write' as const }]) {
    t.is(decide(question('read', 's3:ListBucket', { who: 'nobody', settings })), 'denied');
    t.is(decide(question('read', 's3:GetObject', { who: 'nobody', settings })), 'denied');
  }
});

test('the list of an object decides about its reading, where lists are possible', t => {
  const settings = { ownership: 'ObjectWriter' } as const;
  const byObject = (acl: CannedAcl, asked: Case): string => {
    const asking = question('read', 's3:GetObject', { objectKey: 'k', settings, ...asked });
    t.is(decide(asking), 'by-object');
    return decideByObject(asking, acl);
  };
  const who = (asked: Case): readonly CannedAcl[] =>
    LISTS.filter(acl => byObject(acl, asked) === 'allowed');
  t.deepEqual(who({ who: 'nobody' }), ['public-read', 'public-read-write']);
  t.deepEqual(who({}), ['public-read', 'public-read-write', 'authenticated-read']);
  t.deepEqual(who({ rights: 'o' }), LISTS.slice(1));
  t.is(decide(question('write', 's3:PutObject', { settings })), 'denied');
});

test('lists for everybody count no more where the bucket ignores them', t => {
  const publicAccessBlock = {
    ...{ blockPublicAcls: false, blockPublicPolicy: false, restrictPublicBuckets: false },
    ignorePublicAcls: true,
  };
  const settings = { ownership: 'ObjectWriter', publicAccessBlock, acl: 'public-read' } as const;
  t.is(decide(question('read', 's3:ListBucket', { who: 'nobody', settings })), 'denied');
  t.is(decide(question('read', 's3:GetObject', { who: 'nobody', settings })), 'denied');
  const owner = question('read', 's3:GetObject', { rights: 'o', settings });
  t.is(decide(owner), 'by-object');
  t.is(decideByObject(owner, 'public-read'), 'denied');
  t.is(decideByObject(owner, 'bucket-owner-read'), 'allowed');
});

test('whatever else is allowed, a Deny that matches wins; and nothing else takes a grant', t => {
  const action = fc.constantFrom('s3:GetObject', 's3:PutObject', 's3:DeleteObject', 's3:*');
  const statement = fc.record({
    Effect: fc.constantFrom('Allow', 'Deny'),
    Principal: fc.constantFrom('*', { AWS: KEY }, { AWS: 'GKsomebody2' }),
    Action: fc.uniqueArray(action, { minLength: 1 }),
    Resource: fc.constantFrom('arn:aws:s3:::pictures/*', 'arn:aws:s3:::pictures/a?'),
  });
  type Statement = ReturnType<(typeof statement)['generate']>['value'];
  const matches = (
    { Principal, Action, Resource }: Statement,
    key: string,
    who: string,
  ): boolean => {
    const isWho =
      Principal === '*' ||
      (who === 'key' && typeof Principal === 'object' && Principal.AWS === KEY);
    const isKey = Resource.endsWith('*') || /^a.$/.test(key);
    return isWho && isKey && (Action.includes('s3:GetObject') || Action.includes('s3:*'));
  };
  fc.assert(
    fc.property(
      fc.array(statement, { minLength: 1, maxLength: 5 }),
      fc.constantFrom('ab', 'a', 'b/c'),
      fc.constantFrom('nobody' as const, 'key' as const),
      fc.constantFrom('-', 'r', 'wo'),
      (statements, objectKey, who, rights) => {
        const policy = policyOf(...statements);
        const said = decide(question('read', 's3:GetObject', { objectKey, who, rights, policy }));
        const hits = statements.filter(entry => matches(entry, objectKey, who));
        const isDenied = hits.some(({ Effect }) => Effect === 'Deny');
        const isGranted = who === 'key' && rights === 'r';
        t.is(said, !isDenied && (hits.length > 0 || isGranted) ? 'allowed' : 'denied');
      },
    ),
  );
});
