/**
 * All tables of the conformance suite, in the order in which README shows them.
 *
 * Owns:          the order.
 * Knows:         the tables.
 * Must not know: how they are run.
 */
import {
  aclRights,
  bucketAcls,
  objectAcls,
  ownershipTable,
  publicBlock,
} from './operations/access.ts';
import { attributes } from './operations/attributes.ts';
import {
  bucketLocation,
  createBucket,
  deleteBucket,
  headBucket,
  listBuckets,
} from './operations/buckets.ts';
import { checksums } from './operations/checksums.ts';
import { conditionalReads, conditionalWrites } from './operations/conditions.ts';
import { copyObject } from './operations/copy-object.ts';
import { bucketCors, corsRequests } from './operations/cors.ts';
import { deleteObject, deleteObjects } from './operations/delete-object.ts';
import { errors } from './operations/errors.ts';
import { getObject } from './operations/get-object.ts';
import { bucketLifecycle } from './operations/lifecycle.ts';
import { listObjects, listObjectsV2 } from './operations/list-objects.ts';
import {
  abortUpload,
  completeUpload,
  createUpload,
  listParts,
  listUploads,
  uploadPart,
  uploadPartCopy,
} from './operations/multipart.ts';
import { notOffered } from './operations/not-offered.ts';
import { bucketPolicy, policyRights, policyStatus } from './operations/policy.ts';
import { customerKeys } from './operations/customer-keys.ts';
import { legalHold, lockConfiguration, objectRetention } from './operations/object-lock.ts';
import { postObject } from './operations/post-object.ts';
import { probes } from './operations/probes.ts';
import { putObject } from './operations/put-object.ts';
import { chunkedBodies, presignedUrls, signatures } from './operations/signatures.ts';
import {
  bucketTagging,
  deleteObjectTagging,
  getObjectTagging,
  putObjectTagging,
} from './operations/tagging.ts';
import { getVersioning, listVersions, putVersioning, versions } from './operations/versioning.ts';
import { bucketWebsite, websiteVisits } from './operations/website.ts';
import type { OperationTable } from './s3-case.ts';

export const sections: Readonly<Record<string, readonly OperationTable[]>> = {
  objects: [putObject, getObject, copyObject, deleteObject, deleteObjects, attributes],
  listings: [listObjectsV2, listObjects],
  uploads: [
    ...[createUpload, uploadPart, uploadPartCopy, completeUpload, abortUpload],
    ...[listParts, listUploads],
  ],
  buckets: [createBucket, headBucket, deleteBucket, listBuckets, bucketLocation],
  settings: [bucketWebsite, bucketCors, bucketLifecycle, bucketTagging, probes],
  versions: [putVersioning, getVersioning, listVersions, versions],
  locks: [lockConfiguration, objectRetention, legalHold],
  tags: [putObjectTagging, getObjectTagging, deleteObjectTagging],
  'who may': [
    ...[bucketPolicy, policyStatus, policyRights, bucketAcls, objectAcls, aclRights],
    ...[ownershipTable, publicBlock],
  ],
  browsers: [postObject, corsRequests, websiteVisits],
  'every request': [
    ...[signatures, presignedUrls, chunkedBodies, checksums, conditionalReads, conditionalWrites],
    ...[customerKeys, errors],
  ],
};

/** Its titles are names of operations. */
export const refused: OperationTable = notOffered;

export const tables: readonly OperationTable[] = [...Object.values(sections).flat(), refused];
