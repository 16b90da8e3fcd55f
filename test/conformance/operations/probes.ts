/**
 * What clients ask a bucket for although it was never configured there.
 *
 * Owns:          one case for each such operation.
 * Knows:         the API reference of each: what it answers for a bucket as it was made.
 * Must not know: how these would be configured; that is in not-offered.ts.
 */
import { table } from '../s3-case.ts';

export const probes = table(
  'GetBucketAccelerateConfiguration, GetBucketAnalyticsConfiguration, GetBucketEncryption, ' +
    'GetBucketIntelligentTieringConfiguration, GetBucketInventoryConfiguration, ' +
    'GetBucketLogging, ' +
    'GetBucketMetricsConfiguration, GetBucketNotificationConfiguration, GetBucketReplication, ' +
    'GetBucketRequestPayment',
  'the answer of a bucket where it was never configured',
  {
    'there is no acceleration': {
      ...{ ask: 'GET /{common}?accelerate', answer: '200' },
      xml: { root: 'AccelerateConfiguration', Status: null },
    },
    'there are no analytics': {
      ...{ ask: 'GET /{common}?analytics', answer: '200', xml: { IsTruncated: 'false' } },
    },
    'there are no analytics of that id': {
      ...{ ask: 'GET /{common}?analytics&id=1', answer: '404 NoSuchConfiguration' },
    },
    'there is no encryption': {
      ask: 'GET /{common}?encryption',
      answer: '404 ServerSideEncryptionConfigurationNotFoundError',
    },
    'there is no tiering': {
      ...{ ask: 'GET /{common}?intelligent-tiering', answer: '200', xml: { IsTruncated: 'false' } },
    },
    'there is no inventory': {
      ...{ ask: 'GET /{common}?inventory', answer: '200', xml: { IsTruncated: 'false' } },
    },
    'there is no log': {
      ...{ ask: 'GET /{common}?logging', answer: '200' },
      xml: { root: 'BucketLoggingStatus', LoggingEnabled: null },
    },
    'there are no metrics': {
      ...{ ask: 'GET /{common}?metrics', answer: '200', xml: { IsTruncated: 'false' } },
    },
    'nobody is notified': {
      ...{ ask: 'GET /{common}?notification', answer: '200' },
      xml: { root: 'NotificationConfiguration' },
    },
    'nothing is replicated': {
      ask: 'GET /{common}?replication',
      answer: '404 ReplicationConfigurationNotFoundError',
    },
    'the owner pays': {
      ...{ ask: 'GET /{common}?requestPayment', answer: '200', xml: { Payer: 'BucketOwner' } },
    },
    'the SDK asks for the encryption': {
      ...{ call: 'GetBucketEncryption', input: { Bucket: '{common}' } },
      answer: '404 ServerSideEncryptionConfigurationNotFoundError',
    },
    'a key of another tenant is told nothing': {
      ...{ ask: 'GET /{common}?logging', as: 'stranger', answer: '403 AccessDenied' },
    },
  },
);
