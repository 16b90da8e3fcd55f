/**
 * All tables of the conformance suite, in the order in which README shows them.
 *
 * Owns:          the order.
 * Knows:         the tables.
 * Must not know: how they are run.
 */
import { conditionalReads, conditionalWrites } from './operations/conditions.ts';
import { copyObject } from './operations/copy-object.ts';
import { deleteObject, deleteObjects } from './operations/delete-object.ts';
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
import {
  bucketLocation,
  createBucket,
  deleteBucket,
  headBucket,
  listBuckets,
} from './operations/buckets.ts';
import { attributes } from './operations/attributes.ts';
import { probes } from './operations/probes.ts';
import {
  bucketTagging,
  deleteObjectTagging,
  getObjectTagging,
  putObjectTagging,
} from './operations/tagging.ts';
import { getVersioning, listVersions, putVersioning, versions } from './operations/versioning.ts';
import { putObject } from './operations/put-object.ts';
import { getObject } from './operations/get-object.ts';
import { notOffered } from './operations/not-offered.ts';
import type { OperationTable } from './s3-case.ts';

export const tables: readonly OperationTable[] = [
  ...[
    putObject,
    getObject,
    conditionalReads,
    conditionalWrites,
    copyObject,
    deleteObject,
    deleteObjects,
  ],
  ...[listObjectsV2, listObjects],
  ...[
    createUpload,
    uploadPart,
    uploadPartCopy,
    completeUpload,
    abortUpload,
    listParts,
    listUploads,
  ],
  ...[createBucket, headBucket, deleteBucket, listBuckets, bucketLocation],
  ...[attributes, putObjectTagging, getObjectTagging, deleteObjectTagging, bucketTagging, probes],
  ...[getVersioning, putVersioning, versions, listVersions],
  notOffered,
];
