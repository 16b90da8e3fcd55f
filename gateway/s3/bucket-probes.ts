/**
 * What clients ask a bucket for although nothing was ever configured there.
 *
 * Owns:          S3's answers for a bucket as it was made.
 * Knows:         the S3 API reference of each.
 * Must not know: how any of these would be configured; that is 501 where it is not built.
 *
 * An answer says what holds here: there is no encryption, so the bucket has no encryption
 * configuration, although one of AWS would have.
 */
import type { S3Action } from '../auth/s3-actions.ts';
import type { BucketCall, S3Handler } from './s3-call.ts';
import { S3Error, type S3ErrorCode } from './s3-error.ts';
import { xmlReply } from './xml-reply.ts';
import { element, s3Document } from './xml-writer.ts';

function document(root: string, content = ''): S3Handler<BucketCall> {
  const text = s3Document(root, content);
  return () => xmlReply(text);
}

function absent(code: S3ErrorCode): S3Handler<BucketCall> {
  return ({ bucketName }) => {
    throw new S3Error(code, { fields: { BucketName: bucketName } });
  };
}

/** Configurations that a bucket has many of: an empty list, and none of that id. */
function emptyList(root: string): S3Handler<BucketCall> {
  const list = document(root, element('IsTruncated', false));
  const one = absent('NoSuchConfiguration');
  return (call, services) => (call.query.has('id') ? one : list)(call, services);
}

/** By sub-resource: the operation's name, what policies call it, and its answer. */
export const bucketProbes: Readonly<
  Record<string, readonly [name: string, action: S3Action, handler: S3Handler<BucketCall>]>
> = {
  accelerate: [
    'GetBucketAccelerateConfiguration',
    's3:GetAccelerateConfiguration',
    document('AccelerateConfiguration'),
  ],
  analytics: [
    'GetBucketAnalyticsConfiguration',
    's3:GetAnalyticsConfiguration',
    emptyList('ListBucketAnalyticsConfigurationResult'),
  ],
  encryption: [
    'GetBucketEncryption',
    's3:GetEncryptionConfiguration',
    absent('ServerSideEncryptionConfigurationNotFoundError'),
  ],
  'intelligent-tiering': [
    'GetBucketIntelligentTieringConfiguration',
    's3:GetIntelligentTieringConfiguration',
    emptyList('ListBucketIntelligentTieringConfigurationsOutput'),
  ],
  inventory: [
    'GetBucketInventoryConfiguration',
    's3:GetInventoryConfiguration',
    emptyList('ListInventoryConfigurationsResult'),
  ],
  logging: ['GetBucketLogging', 's3:GetBucketLogging', document('BucketLoggingStatus')],
  metrics: [
    'GetBucketMetricsConfiguration',
    's3:GetMetricsConfiguration',
    emptyList('ListMetricsConfigurationsResult'),
  ],
  notification: [
    'GetBucketNotificationConfiguration',
    's3:GetBucketNotification',
    document('NotificationConfiguration'),
  ],
  replication: [
    'GetBucketReplication',
    's3:GetReplicationConfiguration',
    absent('ReplicationConfigurationNotFoundError'),
  ],
  requestPayment: [
    'GetBucketRequestPayment',
    's3:GetBucketRequestPayment',
    document('RequestPaymentConfiguration', element('Payer', 'BucketOwner')),
  ],
};
