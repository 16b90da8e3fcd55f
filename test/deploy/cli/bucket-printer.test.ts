import test from 'ava';
import type { BucketAnswer } from '../../../deploy/cli/api-answers.ts';
import { bucketInfo } from '../../../deploy/cli/bucket-printer.ts';

const bucket: BucketAnswer = {
  id: '2c43916db86b097300d2eec003eb46cb5d9c19001b1e11ceed5d75a51879ea45',
  created: '2026-11-23T09:34:05.995Z',
  globalAliases: ['web'],
  websiteAccess: false,
  keys: [],
  ...{ objects: 0, bytes: 0, unfinishedUploads: 0, unfinishedMultipartUploads: 0 },
  unfinishedMultipartUploadBytes: 0,
  quotas: { maxSize: null, maxObjects: null },
  indexShards: 1,
};

function versionLines(shown: Partial<BucketAnswer>): string[] {
  const lines = bucketInfo({ ...bucket, ...shown });
  return lines.filter(line => /^(?:Versioning|Object lock)/.test(line));
}

test('of versions and locks a bucket without them says nothing', t => {
  t.deepEqual(versionLines({}), []);
});

test('versions and locks are told with their default', t => {
  const versioning = 'enabled';
  t.deepEqual(versionLines({ versioning: 'suspended' }), ['Versioning:      suspended']);
  t.deepEqual(versionLines({ versioning, objectLock: { defaultRetention: null } }), [
    'Versioning:      enabled',
    'Object lock:     enabled',
  ]);
  const defaultRetention = { mode: 'GOVERNANCE', unit: 'days', count: 2 } as const;
  t.deepEqual(versionLines({ versioning, objectLock: { defaultRetention } }), [
    'Versioning:      enabled',
    'Object lock:     enabled, GOVERNANCE for 2 days',
  ]);
});
