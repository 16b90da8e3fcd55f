/**
 * What S3 has and this server has not, and how it says so.
 *
 * Owns:          one case for each such operation; the title is its name.
 * Knows:         the API reference's list of actions.
 * Must not know: which of them may come.
 */
import { each, table } from '../s3-case.ts';

const REQUESTS: readonly (readonly [operation: string, ask: string])[] = [
  ['CreateBucketMetadataConfiguration', 'POST /{common}?metadataConfiguration'],
  ['CreateBucketMetadataTableConfiguration', 'POST /{common}?metadataTable'],
  ['CreateSession', 'GET /{common}?session'],
  ['DeleteBucketAnalyticsConfiguration', 'DELETE /{common}?analytics&id=1'],
  ['DeleteBucketEncryption', 'DELETE /{common}?encryption'],
  ['DeleteBucketIntelligentTieringConfiguration', 'DELETE /{common}?intelligent-tiering&id=1'],
  ['DeleteBucketInventoryConfiguration', 'DELETE /{common}?inventory&id=1'],
  ['DeleteBucketMetadataConfiguration', 'DELETE /{common}?metadataConfiguration'],
  ['DeleteBucketMetadataTableConfiguration', 'DELETE /{common}?metadataTable'],
  ['DeleteBucketMetricsConfiguration', 'DELETE /{common}?metrics&id=1'],
  ['DeleteBucketReplication', 'DELETE /{common}?replication'],
  ['GetBucketAbac', 'GET /{common}?abac'],
  ['GetBucketMetadataConfiguration', 'GET /{common}?metadataConfiguration'],
  ['GetBucketMetadataTableConfiguration', 'GET /{common}?metadataTable'],
  ['GetObjectTorrent', 'GET /{object}?torrent'],
  ['PutBucketAbac', 'PUT /{common}?abac'],
  ['PutBucketAccelerateConfiguration', 'PUT /{common}?accelerate'],
  ['PutBucketAnalyticsConfiguration', 'PUT /{common}?analytics&id=1'],
  ['PutBucketEncryption', 'PUT /{common}?encryption'],
  ['PutBucketIntelligentTieringConfiguration', 'PUT /{common}?intelligent-tiering&id=1'],
  ['PutBucketInventoryConfiguration', 'PUT /{common}?inventory&id=1'],
  ['PutBucketLogging', 'PUT /{common}?logging'],
  ['PutBucketMetricsConfiguration', 'PUT /{common}?metrics&id=1'],
  ['PutBucketNotificationConfiguration', 'PUT /{common}?notification'],
  ['PutBucketReplication', 'PUT /{common}?replication'],
  ['PutBucketRequestPayment', 'PUT /{common}?requestPayment'],
  ['RenameObject', 'PUT /{object}?renameObject'],
  ['RestoreObject', 'POST /{object}?restore'],
  ['SelectObjectContent', 'POST /{object}?select&select-type=2'],
  ['UpdateBucketMetadataInventoryTableConfiguration', 'PUT /{common}?metadataInventoryTable'],
  ['UpdateBucketMetadataJournalTableConfiguration', 'PUT /{common}?metadataJournalTable'],
  ['UpdateObjectEncryption', 'PUT /{object}?encryption'],
];

export const notOffered = table(
  'not offered',
  'known and refused',
  each(REQUESTS, ([operation, ask]) => [operation, { ask, answer: '501 NotImplemented' }]),
);
