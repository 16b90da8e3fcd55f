/**
 * The route table: every operation of S3, what it takes, who may ask for it and who answers.
 *
 * Owns:          the table; no behaviour beyond the answer of what is not built.
 * Knows:         the S3 API reference, "Actions"; the handlers.
 * Must not know: how a request is matched, authenticated or rendered.
 *
 * What S3 knows and this door does not do yet is in the table too: such a request must get 501
 * after its permission was checked, and never be taken for the plain operation of its method (a PUT
 * of an object's tags that was stored as the object would destroy it).
 */
import type { Permission } from '../auth/permissions.ts';
import {
  createBucket,
  deleteBucket,
  getBucketAcl,
  getBucketLocation,
  getBucketVersioning,
  headBucket,
  listBuckets,
} from './bucket.ts';
import { deleteBucketCors, getBucketCors, putBucketCors } from './bucket-cors.ts';
import {
  deleteBucketLifecycle,
  getBucketLifecycle,
  putBucketLifecycle,
} from './bucket-lifecycle.ts';
import { bucketProbes } from './bucket-probes.ts';
import { deleteBucketTagging, getBucketTagging, putBucketTagging } from './bucket-tagging.ts';
import { deleteBucketWebsite, getBucketWebsite, putBucketWebsite } from './bucket-website.ts';
import { completeMultipartUpload } from './complete-upload.ts';
import { copyObject } from './copy-object.ts';
import { preflight, servicePreflight } from './cors-preflight.ts';
import { deleteObject } from './delete-object.ts';
import { deleteObjects } from './delete-objects.ts';
import { getObject, headObject } from './get-object.ts';
import { listObjects, listObjectsV2 } from './list-objects.ts';
import { listParts } from './list-parts.ts';
import { listMultipartUploads } from './list-uploads.ts';
import { abortMultipartUpload, createMultipartUpload } from './multipart-upload.ts';
import { getObjectAttributes } from './object-attributes.ts';
import { getObjectAcl } from './object-probes.ts';
import { deleteObjectTagging, getObjectTagging, putObjectTagging } from './object-tagging.ts';
import { putObject } from './put-object.ts';
import type { BucketCall, S3Handler } from './s3-call.ts';
import { S3Error } from './s3-error.ts';
import type { Method, Operation, OperationHandler, Place } from './s3-operation.ts';
import { uploadPart, uploadPartCopy } from './upload-part.ts';

const NO_VERSION = ['versionId'] as const;

const copyObjectOperation: Operation = {
  name: 'CopyObject',
  method: 'PUT',
  place: 'object',
  permission: 'write',
  scope: 'object',
  handler: copyObject,
};

const uploadPartCopyOperation: Operation = {
  name: 'UploadPartCopy',
  method: 'PUT',
  place: 'object',
  subresource: 'uploadId',
  permission: 'write',
  scope: 'object',
  handler: uploadPartCopy,
};

type Answer = OperationHandler & Pick<Operation, 'permission' | 'copyVariant' | 'refuses'>;

/** `route` is a method, then a place, then a sub-resource where one selects the operation. */
function built(name: string, route: string, answer: Answer): Operation {
  const [method, place, subresource] = route.split(' ') as [Method, Place, string?];
  return { name, method, place, ...(subresource === undefined ? {} : { subresource }), ...answer };
}

const read = { permission: 'read' } as const;
const write = { permission: 'write' } as const;
const owner = { permission: 'owner' } as const;

const BUILT: readonly Operation[] = [
  built('ListBuckets', 'GET service', {
    permission: 'any-key',
    scope: 'service',
    handler: listBuckets,
  }),
  built('Options', 'OPTIONS service', {
    permission: 'none',
    scope: 'service',
    handler: servicePreflight,
  }),
  built('Options', 'OPTIONS bucket', {
    permission: 'none',
    scope: 'name',
    handler: preflight('BUCKET'),
  }),
  built('Options', 'OPTIONS object', {
    permission: 'none',
    scope: 'name',
    handler: preflight('OBJECT'),
  }),

  built('HeadBucket', 'HEAD bucket', { ...read, scope: 'bucket', handler: headBucket }),
  built('DeleteBucket', 'DELETE bucket', { ...owner, scope: 'bucket', handler: deleteBucket }),
  built('GetBucketLocation', 'GET bucket location', {
    ...read,
    scope: 'bucket',
    handler: getBucketLocation,
  }),
  built('GetBucketVersioning', 'GET bucket versioning', {
    ...read,
    scope: 'bucket',
    handler: getBucketVersioning,
  }),
  built('GetBucketAcl', 'GET bucket acl', { ...read, scope: 'bucket', handler: getBucketAcl }),

  built('ListObjects', 'GET bucket', { ...read, scope: 'bucket', handler: listObjects }),
  built('ListObjectsV2', 'GET bucket list-type', {
    ...read,
    scope: 'bucket',
    handler: listObjectsV2,
  }),
  built('ListMultipartUploads', 'GET bucket uploads', {
    ...read,
    scope: 'bucket',
    handler: listMultipartUploads,
  }),
  built('DeleteObjects', 'POST bucket delete', {
    ...write,
    scope: 'bucket',
    handler: deleteObjects,
  }),

  built('GetObject', 'GET object', { ...read, scope: 'object', handler: getObject }),
  built('HeadObject', 'HEAD object', { ...read, scope: 'object', handler: headObject }),
  built('PutObject', 'PUT object', {
    ...write,
    scope: 'object',
    handler: putObject,
    copyVariant: copyObjectOperation,
    refuses: ['partNumber', 'versionId'],
  }),
  built('DeleteObject', 'DELETE object', { ...write, scope: 'object', handler: deleteObject }),
  built('CreateMultipartUpload', 'POST object uploads', {
    ...write,
    scope: 'object',
    handler: createMultipartUpload,
    refuses: NO_VERSION,
  }),
  built('UploadPart', 'PUT object uploadId', {
    ...write,
    scope: 'object',
    handler: uploadPart,
    copyVariant: uploadPartCopyOperation,
    refuses: NO_VERSION,
  }),
  built('CompleteMultipartUpload', 'POST object uploadId', {
    ...write,
    scope: 'object',
    handler: completeMultipartUpload,
    refuses: NO_VERSION,
  }),
  built('AbortMultipartUpload', 'DELETE object uploadId', {
    ...write,
    scope: 'object',
    handler: abortMultipartUpload,
    refuses: NO_VERSION,
  }),
  built('GetObjectAttributes', 'GET object attributes', {
    ...read,
    scope: 'object',
    handler: getObjectAttributes,
  }),
  built('GetObjectTagging', 'GET object tagging', {
    ...read,
    scope: 'object',
    handler: getObjectTagging,
  }),
  built('PutObjectTagging', 'PUT object tagging', {
    ...write,
    scope: 'object',
    handler: putObjectTagging,
  }),
  built('DeleteObjectTagging', 'DELETE object tagging', {
    ...write,
    scope: 'object',
    handler: deleteObjectTagging,
  }),
  built('GetObjectAcl', 'GET object acl', { ...read, scope: 'object', handler: getObjectAcl }),
  built('ListParts', 'GET object uploadId', { ...read, scope: 'object', handler: listParts }),
];

type SettingHandlers = Readonly<Record<'get' | 'put' | 'delete', S3Handler<BucketCall>>>;

/** The three operations on one setting of a bucket: who may read it, and who may change it. */
function setting(
  subresource: string,
  may: { readonly read: Permission; readonly change: Permission },
  names: Readonly<Record<keyof SettingHandlers, string>>,
  handlers: SettingHandlers,
): readonly Operation[] {
  return (['get', 'put', 'delete'] as const).map(way =>
    built(names[way], `${way.toUpperCase()} bucket ${subresource}`, {
      permission: way === 'get' ? may.read : may.change,
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

const SETTINGS: readonly Operation[] = [
  ...setting('cors', { read: 'owner', change: 'owner' }, namesOf('Cors'), {
    get: getBucketCors,
    put: putBucketCors,
    delete: deleteBucketCors,
  }),
  ...setting('website', { read: 'owner', change: 'owner' }, namesOf('Website'), {
    get: getBucketWebsite,
    put: putBucketWebsite,
    delete: deleteBucketWebsite,
  }),
  ...setting('tagging', { read: 'read', change: 'owner' }, namesOf('Tagging'), {
    get: getBucketTagging,
    put: putBucketTagging,
    delete: deleteBucketTagging,
  }),
  ...setting(
    'lifecycle',
    { read: 'read', change: 'write' },
    {
      get: 'GetBucketLifecycleConfiguration',
      put: 'PutBucketLifecycleConfiguration',
      delete: 'DeleteBucketLifecycle',
    },
    { get: getBucketLifecycle, put: putBucketLifecycle, delete: deleteBucketLifecycle },
  ),
  ...Object.entries(bucketProbes).map(([subresource, [name, handler]]) =>
    built(name, `GET bucket ${subresource}`, { ...read, scope: 'bucket', handler }),
  ),
];

/** Names by sub-resource, for one method at one place. */
type NotBuilt = readonly [route: string, permission: Permission, names: Record<string, string>];

const NOT_BUILT: readonly NotBuilt[] = [
  [
    'GET bucket',
    'owner',
    {
      abac: 'GetBucketAbac',
      metadataConfiguration: 'GetBucketMetadataConfiguration',
      metadataTable: 'GetBucketMetadataTableConfiguration',
      session: 'CreateSession',
    },
  ],
  ['GET bucket', 'read', { versions: 'ListObjectVersions' }],
  [
    'PUT bucket',
    'owner',
    {
      abac: 'PutBucketAbac',
      accelerate: 'PutBucketAccelerateConfiguration',
      acl: 'PutBucketAcl',
      analytics: 'PutBucketAnalyticsConfiguration',
      encryption: 'PutBucketEncryption',
      'intelligent-tiering': 'PutBucketIntelligentTieringConfiguration',
      inventory: 'PutBucketInventoryConfiguration',
      logging: 'PutBucketLogging',
      metadataInventoryTable: 'UpdateBucketMetadataInventoryTableConfiguration',
      metadataJournalTable: 'UpdateBucketMetadataJournalTableConfiguration',
      metrics: 'PutBucketMetricsConfiguration',
      notification: 'PutBucketNotificationConfiguration',
      'object-lock': 'PutObjectLockConfiguration',
      ownershipControls: 'PutBucketOwnershipControls',
      policy: 'PutBucketPolicy',
      publicAccessBlock: 'PutPublicAccessBlock',
      replication: 'PutBucketReplication',
      requestPayment: 'PutBucketRequestPayment',
      versioning: 'PutBucketVersioning',
    },
  ],
  [
    'DELETE bucket',
    'owner',
    {
      analytics: 'DeleteBucketAnalyticsConfiguration',
      encryption: 'DeleteBucketEncryption',
      'intelligent-tiering': 'DeleteBucketIntelligentTieringConfiguration',
      inventory: 'DeleteBucketInventoryConfiguration',
      metadataConfiguration: 'DeleteBucketMetadataConfiguration',
      metadataTable: 'DeleteBucketMetadataTableConfiguration',
      metrics: 'DeleteBucketMetricsConfiguration',
      ownershipControls: 'DeleteBucketOwnershipControls',
      policy: 'DeleteBucketPolicy',
      publicAccessBlock: 'DeletePublicAccessBlock',
      replication: 'DeleteBucketReplication',
    },
  ],
  [
    'POST bucket',
    'owner',
    {
      metadataConfiguration: 'CreateBucketMetadataConfiguration',
      metadataTable: 'CreateBucketMetadataTableConfiguration',
    },
  ],
  ['POST bucket', 'write', { '': 'PostObject' }],
  [
    'GET object',
    'read',
    {
      'legal-hold': 'GetObjectLegalHold',
      retention: 'GetObjectRetention',
      torrent: 'GetObjectTorrent',
    },
  ],
  [
    'PUT object',
    'write',
    {
      acl: 'PutObjectAcl',
      encryption: 'UpdateObjectEncryption',
      'legal-hold': 'PutObjectLegalHold',
      renameObject: 'RenameObject',
      retention: 'PutObjectRetention',
    },
  ],
  ['POST object', 'write', { restore: 'RestoreObject' }],
  ['POST object', 'read', { select: 'SelectObjectContent' }],
];

function notBuilt([route, permission, names]: NotBuilt): readonly Operation[] {
  return Object.entries(names).map(([subresource, name]) =>
    built(name, subresource === '' ? route : `${route} ${subresource}`, {
      permission,
      scope: 'bucket',
      handler: () => {
        throw new S3Error('NotImplemented', { message: `${name} is not implemented.` });
      },
    }),
  );
}

export type OperationOptions = {
  /** Whether buckets may be created with internationalised names (`xn--…`). */
  readonly punycode: 'allowed' | 'refused';
};

/** All of them. */
export function s3Operations({ punycode }: OperationOptions): readonly Operation[] {
  const create = built('CreateBucket', 'PUT bucket', {
    permission: 'create-bucket',
    scope: 'name',
    handler: createBucket(punycode),
  });
  return [create, ...BUILT, ...SETTINGS, ...NOT_BUILT.flatMap(notBuilt)];
}
