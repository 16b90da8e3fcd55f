/**
 * The rows of the route table that read and change the settings of buckets.
 *
 * Owns:          their names, and the right and the action of each.
 * Knows:         the handlers.
 * Must not know: how routes are found.
 */
import type { S3Action } from '../auth/s3-actions.ts';
import { deleteBucketCors, getBucketCors, putBucketCors } from './bucket-cors.ts';
import {
  deleteBucketLifecycle,
  getBucketLifecycle,
  putBucketLifecycle,
} from './bucket-lifecycle.ts';
import {
  deleteBucketPolicy,
  getBucketPolicy,
  getBucketPolicyStatus,
  putBucketPolicy,
} from './bucket-policy.ts';
import { bucketProbes } from './bucket-probes.ts';
import { deleteBucketTagging, getBucketTagging, putBucketTagging } from './bucket-tagging.ts';
import { deleteBucketWebsite, getBucketWebsite, putBucketWebsite } from './bucket-website.ts';
import { getBucketAcl, putBucketAcl } from './bucket-acl.ts';
import {
  getObjectLockConfiguration,
  putObjectLockConfiguration,
} from './object-lock-configuration.ts';
import {
  deleteOwnershipControls,
  getOwnershipControls,
  putOwnershipControls,
} from './ownership-controls.ts';
import {
  deletePublicAccessBlock,
  getPublicAccessBlock,
  putPublicAccessBlock,
} from './public-access-block.ts';
import { built, owner, read, write, type Right } from './operation-rows.ts';
import type { BucketCall, S3Handler } from './s3-call.ts';
import type { Operation } from './s3-operation.ts';

type SettingHandlers = Readonly<Record<'get' | 'put' | 'delete', S3Handler<BucketCall>>>;
type SettingRights = Readonly<Record<keyof SettingHandlers, Right>>;

/** The three operations on one setting of a bucket: who may read it, and who may change it. */
function setting(
  subresource: string,
  rights: SettingRights,
  names: Readonly<Record<keyof SettingHandlers, string>>,
  handlers: SettingHandlers,
): readonly Operation[] {
  return (['get', 'put', 'delete'] as const).map(way =>
    built(names[way], `${way.toUpperCase()} bucket ${subresource}`, {
      ...rights[way],
      scope: 'bucket',
      handler: handlers[way],
    }),
  );
}

function namesOf(setting: string): Readonly<Record<keyof SettingHandlers, string>> {
  return {
    get: `GetBucket${setting}`,
    put: `PutBucket${setting}`,
    delete: `DeleteBucket${setting}`,
  };
}

type RightTo = (action: S3Action) => Right;
/** Settings whose taking away is a change like any other. */
type ChangedSetting =
  | 'BucketCORS'
  | 'BucketOwnershipControls'
  | 'BucketPublicAccessBlock'
  | 'BucketTagging'
  | 'LifecycleConfiguration';

function rightsOf(toRead: RightTo, toChange: RightTo, setting: ChangedSetting): SettingRights {
  const change = toChange(`s3:Put${setting}`);
  return { get: toRead(`s3:Get${setting}`), put: change, delete: change };
}

const WEBSITE_RIGHTS: SettingRights = {
  get: owner('s3:GetBucketWebsite'),
  put: owner('s3:PutBucketWebsite'),
  delete: owner('s3:DeleteBucketWebsite'),
};

const POLICY_RIGHTS: SettingRights = {
  get: owner('s3:GetBucketPolicy'),
  put: owner('s3:PutBucketPolicy'),
  delete: owner('s3:DeleteBucketPolicy'),
};

export const settingOperations: readonly Operation[] = [
  ...setting('cors', rightsOf(owner, owner, 'BucketCORS'), namesOf('Cors'), {
    get: getBucketCors,
    put: putBucketCors,
    delete: deleteBucketCors,
  }),
  ...setting('website', WEBSITE_RIGHTS, namesOf('Website'), {
    get: getBucketWebsite,
    put: putBucketWebsite,
    delete: deleteBucketWebsite,
  }),
  ...setting('tagging', rightsOf(read, owner, 'BucketTagging'), namesOf('Tagging'), {
    get: getBucketTagging,
    put: putBucketTagging,
    delete: deleteBucketTagging,
  }),
  ...setting(
    'lifecycle',
    rightsOf(read, write, 'LifecycleConfiguration'),
    {
      get: 'GetBucketLifecycleConfiguration',
      put: 'PutBucketLifecycleConfiguration',
      delete: 'DeleteBucketLifecycle',
    },
    { get: getBucketLifecycle, put: putBucketLifecycle, delete: deleteBucketLifecycle },
  ),
  ...setting('policy', POLICY_RIGHTS, namesOf('Policy'), {
    get: getBucketPolicy,
    put: putBucketPolicy,
    delete: deleteBucketPolicy,
  }),
  ...setting(
    'ownershipControls',
    rightsOf(read, owner, 'BucketOwnershipControls'),
    namesOf('OwnershipControls'),
    { get: getOwnershipControls, put: putOwnershipControls, delete: deleteOwnershipControls },
  ),
  ...setting(
    'publicAccessBlock',
    rightsOf(read, owner, 'BucketPublicAccessBlock'),
    {
      get: 'GetPublicAccessBlock',
      put: 'PutPublicAccessBlock',
      delete: 'DeletePublicAccessBlock',
    },
    { get: getPublicAccessBlock, put: putPublicAccessBlock, delete: deletePublicAccessBlock },
  ),
  built('GetBucketAcl', 'GET bucket acl', {
    ...read('s3:GetBucketAcl'),
    scope: 'bucket',
    handler: getBucketAcl,
  }),
  built('PutBucketAcl', 'PUT bucket acl', {
    ...owner('s3:PutBucketAcl'),
    scope: 'bucket',
    handler: putBucketAcl,
  }),
  built('GetObjectLockConfiguration', 'GET bucket object-lock', {
    ...read('s3:GetBucketObjectLockConfiguration'),
    scope: 'bucket',
    handler: getObjectLockConfiguration,
  }),
  built('PutObjectLockConfiguration', 'PUT bucket object-lock', {
    ...owner('s3:PutBucketObjectLockConfiguration'),
    scope: 'bucket',
    handler: putObjectLockConfiguration,
  }),
  built('GetBucketPolicyStatus', 'GET bucket policyStatus', {
    ...read('s3:GetBucketPolicyStatus'),
    scope: 'bucket',
    handler: getBucketPolicyStatus,
  }),
  ...Object.entries(bucketProbes).map(([subresource, [name, action, handler]]) =>
    built(name, `GET bucket ${subresource}`, { ...read(action), scope: 'bucket', handler }),
  ),
];
