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
import { SigningKeys } from '../auth/signing-keys.ts';
import {
  createBucket,
  deleteBucket,
  getBucketLocation,
  headBucket,
  listBuckets,
} from './bucket.ts';
import { getBucketVersioning, putBucketVersioning } from './bucket-versioning.ts';
import { completeMultipartUpload } from './complete-upload.ts';
import { copyObject } from './copy-object.ts';
import { preflight, servicePreflight } from './cors-preflight.ts';
import { deleteObject } from './delete-object.ts';
import { deleteObjects } from './delete-objects.ts';
import { getObject, headObject } from './get-object.ts';
import { listObjects, listObjectsV2 } from './list-objects.ts';
import { listParts } from './list-parts.ts';
import { listMultipartUploads } from './list-uploads.ts';
import { listObjectVersions } from './list-versions.ts';
import { abortMultipartUpload, createMultipartUpload } from './multipart-upload.ts';
import { getObjectAcl, putObjectAcl } from './object-acl.ts';
import { getObjectAttributes } from './object-attributes.ts';
import { deleteObjectTagging, getObjectTagging, putObjectTagging } from './object-tagging.ts';
import { lockOperations } from './lock-operations.ts';
import { built, owner, read, write } from './operation-rows.ts';
import { postObject } from './post-object.ts';
import { putObject } from './put-object.ts';
import { S3Error } from './s3-error.ts';
import type { Operation } from './s3-operation.ts';
import { settingOperations } from './setting-operations.ts';
import { uploadPart, uploadPartCopy } from './upload-part.ts';

const NO_VERSION = ['versionId'] as const;

const copyObjectOperation: Operation = {
  name: 'CopyObject',
  method: 'PUT',
  place: 'object',
  permission: 'write',
  action: 's3:PutObject',
  scope: 'object',
  handler: copyObject,
};

const uploadPartCopyOperation: Operation = {
  name: 'UploadPartCopy',
  method: 'PUT',
  place: 'object',
  subresource: 'uploadId',
  permission: 'write',
  action: 's3:PutObject',
  scope: 'object',
  handler: uploadPartCopy,
};

/** For what is open to everybody, or to nobody: no policy is asked about it. */
const NO_MATTER = 's3:ListAllMyBuckets';

const BUILT: readonly Operation[] = [
  built('ListBuckets', 'GET service', {
    permission: 'any-key',
    action: 's3:ListAllMyBuckets',
    scope: 'service',
    handler: listBuckets,
  }),
  built('Options', 'OPTIONS service', {
    permission: 'none',
    action: NO_MATTER,
    scope: 'service',
    handler: servicePreflight,
  }),
  built('Options', 'OPTIONS bucket', {
    permission: 'none',
    action: NO_MATTER,
    scope: 'name',
    handler: preflight('BUCKET'),
  }),
  built('Options', 'OPTIONS object', {
    permission: 'none',
    action: NO_MATTER,
    scope: 'name',
    handler: preflight('OBJECT'),
  }),

  built('HeadBucket', 'HEAD bucket', {
    ...read('s3:ListBucket'),
    scope: 'bucket',
    handler: headBucket,
  }),
  built('DeleteBucket', 'DELETE bucket', {
    ...owner('s3:DeleteBucket'),
    scope: 'bucket',
    handler: deleteBucket,
  }),
  built('GetBucketLocation', 'GET bucket location', {
    ...read('s3:GetBucketLocation'),
    scope: 'bucket',
    handler: getBucketLocation,
  }),
  built('GetBucketVersioning', 'GET bucket versioning', {
    ...read('s3:GetBucketVersioning'),
    scope: 'bucket',
    handler: getBucketVersioning,
  }),
  built('PutBucketVersioning', 'PUT bucket versioning', {
    ...owner('s3:PutBucketVersioning'),
    scope: 'bucket',
    handler: putBucketVersioning,
  }),

  built('ListObjects', 'GET bucket', {
    ...read('s3:ListBucket'),
    scope: 'bucket',
    handler: listObjects,
  }),
  built('ListObjectsV2', 'GET bucket list-type', {
    ...read('s3:ListBucket'),
    scope: 'bucket',
    handler: listObjectsV2,
  }),
  built('ListObjectVersions', 'GET bucket versions', {
    ...read('s3:ListBucketVersions'),
    scope: 'bucket',
    handler: listObjectVersions,
  }),
  built('ListMultipartUploads', 'GET bucket uploads', {
    ...read('s3:ListBucketMultipartUploads'),
    scope: 'bucket',
    handler: listMultipartUploads,
  }),
  built('DeleteObjects', 'POST bucket delete', {
    ...write('s3:DeleteObject'),
    decidedBy: 'entries',
    scope: 'bucket',
    handler: deleteObjects,
  }),

  built('GetObject', 'GET object', {
    ...read('s3:GetObject'),
    versionAction: 's3:GetObjectVersion',
    decidedBy: 'object',
    scope: 'object',
    handler: getObject,
  }),
  built('HeadObject', 'HEAD object', {
    ...read('s3:GetObject'),
    versionAction: 's3:GetObjectVersion',
    decidedBy: 'object',
    scope: 'object',
    handler: headObject,
  }),
  built('PutObject', 'PUT object', {
    ...write('s3:PutObject'),
    scope: 'object',
    handler: putObject,
    copyVariant: copyObjectOperation,
    refuses: ['partNumber', 'versionId'],
  }),
  built('DeleteObject', 'DELETE object', {
    ...write('s3:DeleteObject'),
    versionAction: 's3:DeleteObjectVersion',
    scope: 'object',
    handler: deleteObject,
  }),
  built('CreateMultipartUpload', 'POST object uploads', {
    ...write('s3:PutObject'),
    scope: 'object',
    handler: createMultipartUpload,
    refuses: NO_VERSION,
  }),
  built('UploadPart', 'PUT object uploadId', {
    ...write('s3:PutObject'),
    scope: 'object',
    handler: uploadPart,
    copyVariant: uploadPartCopyOperation,
    refuses: NO_VERSION,
  }),
  built('CompleteMultipartUpload', 'POST object uploadId', {
    ...write('s3:PutObject'),
    scope: 'object',
    handler: completeMultipartUpload,
    refuses: NO_VERSION,
  }),
  built('AbortMultipartUpload', 'DELETE object uploadId', {
    ...write('s3:AbortMultipartUpload'),
    scope: 'object',
    handler: abortMultipartUpload,
    refuses: NO_VERSION,
  }),
  built('GetObjectAttributes', 'GET object attributes', {
    ...read('s3:GetObjectAttributes'),
    versionAction: 's3:GetObjectVersionAttributes',
    decidedBy: 'object',
    scope: 'object',
    handler: getObjectAttributes,
  }),
  built('GetObjectTagging', 'GET object tagging', {
    ...read('s3:GetObjectTagging'),
    versionAction: 's3:GetObjectVersionTagging',
    decidedBy: 'object',
    scope: 'object',
    handler: getObjectTagging,
  }),
  built('PutObjectTagging', 'PUT object tagging', {
    ...write('s3:PutObjectTagging'),
    versionAction: 's3:PutObjectVersionTagging',
    decidedBy: 'document',
    scope: 'object',
    handler: putObjectTagging,
  }),
  built('DeleteObjectTagging', 'DELETE object tagging', {
    ...write('s3:DeleteObjectTagging'),
    versionAction: 's3:DeleteObjectVersionTagging',
    decidedBy: 'object',
    scope: 'object',
    handler: deleteObjectTagging,
  }),
  built('GetObjectAcl', 'GET object acl', {
    ...read('s3:GetObjectAcl'),
    versionAction: 's3:GetObjectVersionAcl',
    decidedBy: 'object',
    scope: 'object',
    handler: getObjectAcl,
  }),
  built('PutObjectAcl', 'PUT object acl', {
    ...write('s3:PutObjectAcl'),
    versionAction: 's3:PutObjectVersionAcl',
    decidedBy: 'object',
    scope: 'object',
    handler: putObjectAcl,
  }),
  built('ListParts', 'GET object uploadId', {
    ...read('s3:ListMultipartUploadParts'),
    scope: 'object',
    handler: listParts,
  }),
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
  [
    'PUT bucket',
    'owner',
    {
      abac: 'PutBucketAbac',
      accelerate: 'PutBucketAccelerateConfiguration',
      analytics: 'PutBucketAnalyticsConfiguration',
      encryption: 'PutBucketEncryption',
      'intelligent-tiering': 'PutBucketIntelligentTieringConfiguration',
      inventory: 'PutBucketInventoryConfiguration',
      logging: 'PutBucketLogging',
      metadataInventoryTable: 'UpdateBucketMetadataInventoryTableConfiguration',
      metadataJournalTable: 'UpdateBucketMetadataJournalTableConfiguration',
      metrics: 'PutBucketMetricsConfiguration',
      notification: 'PutBucketNotificationConfiguration',
      replication: 'PutBucketReplication',
      requestPayment: 'PutBucketRequestPayment',
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
  ['GET object', 'read', { torrent: 'GetObjectTorrent' }],
  ['PUT object', 'write', { encryption: 'UpdateObjectEncryption', renameObject: 'RenameObject' }],
  ['POST object', 'write', { restore: 'RestoreObject' }],
  ['POST object', 'read', { select: 'SelectObjectContent' }],
];

function notBuilt([route, permission, names]: NotBuilt): readonly Operation[] {
  return Object.entries(names).map(([subresource, name]) =>
    built(name, subresource === '' ? route : `${route} ${subresource}`, {
      permission,
      action: NO_MATTER,
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
    action: 's3:CreateBucket',
    scope: 'name',
    handler: createBucket(punycode),
  });
  const post = built('PostObject', 'POST bucket', {
    permission: 'form',
    action: 's3:PutObject',
    scope: 'name',
    handler: postObject(new SigningKeys()),
  });
  return [
    create,
    post,
    ...BUILT,
    ...lockOperations,
    ...settingOperations,
    ...NOT_BUILT.flatMap(notBuilt),
  ];
}
