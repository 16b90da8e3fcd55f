// Method: every permission class against every kind of caller, written out as a table.
import test from 'ava';
import { decide, type Grants, type Permission } from '../../../gateway/auth/permissions.ts';

const plainKey = { accessKeyId: 'GK1', canCreateBuckets: false };
const creator = { accessKeyId: 'GK2', canCreateBuckets: true };
const none: Grants = { read: false, write: false, owner: false };

const callers = {
  'nobody signed': { key: undefined, grants: undefined },
  'nobody signed, bucket grants all': {
    key: undefined,
    grants: { read: true, write: true, owner: true },
  },
  'a key without grants': { key: plainKey, grants: undefined },
  'a key with refused grants': { key: plainKey, grants: none },
  'a key that may create': { key: creator, grants: undefined },
  reader: { key: plainKey, grants: { ...none, read: true } },
  writer: { key: plainKey, grants: { ...none, write: true } },
  owner: { key: plainKey, grants: { ...none, owner: true } },
} as const;

const allowed: Record<Permission, readonly (keyof typeof callers)[]> = {
  none: Object.keys(callers) as (keyof typeof callers)[],
  'any-key': [
    'a key without grants',
    'a key with refused grants',
    'a key that may create',
    'reader',
    'writer',
    'owner',
  ],
  'create-bucket': ['a key that may create'],
  read: ['reader'],
  write: ['writer'],
  owner: ['owner'],
};

for (const [permission, who] of Object.entries(allowed) as [Permission, readonly string[]][]) {
  test(`${permission} is allowed to exactly those it belongs to`, t => {
    for (const [name, caller] of Object.entries(callers)) {
      const expected = who.includes(name) ? 'allowed' : 'denied';
      t.is(decide({ permission, ...caller }), expected, name);
    }
  });
}
