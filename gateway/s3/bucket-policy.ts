/**
 * PutBucketPolicy, GetBucketPolicy, DeleteBucketPolicy, GetBucketPolicyStatus.
 *
 * Owns:          the document's bound, and which policies may be put.
 * Knows:         the S3 API reference; the grammar of policies.
 * Must not know: how a policy is evaluated.
 *
 * A policy is kept and given back as it was sent.
 */
import { isUtf8 } from 'node:buffer';
import type { BucketRow } from '../../schemas/records/bucket-row.ts';
import {
  faultOfTargets,
  parsePolicy,
  POLICY_BYTES_MAX,
  type Policy,
} from '../auth/bucket-policy.ts';
import { namesOf } from '../auth/permissions.ts';
import { decideSettings, readDocument, SETTING_DELETED } from './bucket-document.ts';
import type { BucketCall, S3Handler } from './s3-call.ts';
import { S3Error } from './s3-error.ts';
import { xmlReply } from './xml-reply.ts';
import { element, s3Document } from './xml-writer.ts';

/** Enough of a document that is too large to say so. */
const DOCUMENT_BYTES_MAX = 64 * 1024;

export const putBucketPolicy: S3Handler<BucketCall> = async (call, services) => {
  const body = await readDocument(call, DOCUMENT_BYTES_MAX);
  if (body.length > POLICY_BYTES_MAX) {
    throw malformed('The policy exceeds the maximum allowed document size.');
  }
  if (!isUtf8(body)) throw malformed('The policy is not valid UTF-8.');
  const text = body.toString();
  checkPolicy(readPolicy(text), call);
  await decideSettings(call, services, { policy: text });
  return SETTING_DELETED;
};

function readPolicy(text: string): Policy {
  const reading = parsePolicy(text);
  if (reading.kind === 'policy') return reading.policy;
  if (reading.kind === 'malformed') throw malformed(reading.message);
  throw new S3Error('NotImplemented', { message: reading.message });
}

function checkPolicy(policy: Policy, { bucket, bucketName }: BucketCall): void {
  const fault = faultOfTargets(policy, [bucketName, ...namesOf(bucket)]);
  if (fault !== undefined) throw malformed(fault);
  if (!policy.isPublic || bucket.publicAccessBlock?.blockPublicPolicy !== true) return;
  throw new S3Error('AccessDenied', {
    message:
      'Public policies are blocked by the setting BlockPublicPolicy of the ' +
      'public access block of this bucket.',
  });
}

export const getBucketPolicy: S3Handler<BucketCall> = call => ({
  status: 200,
  headers: [['Content-Type', 'application/json']],
  body: { kind: 'bytes', bytes: policyOf(call) },
});

export const deleteBucketPolicy: S3Handler<BucketCall> = async (call, services) => {
  await decideSettings(call, services, { policy: null });
  return SETTING_DELETED;
};

export const getBucketPolicyStatus: S3Handler<BucketCall> = call => {
  policyOf(call);
  return xmlReply(s3Document('PolicyStatus', element('IsPublic', isPublicByPolicy(call.bucket))));
};

function isPublicByPolicy({ policy }: BucketRow): boolean {
  const reading = parsePolicy(policy ?? '');
  return reading.kind === 'policy' && reading.policy.isPublic;
}

function policyOf({ bucket, bucketName }: BucketCall): string {
  if (bucket.policy !== undefined) return bucket.policy;
  throw new S3Error('NoSuchBucketPolicy', { fields: { BucketName: bucketName } });
}

function malformed(message: string): S3Error {
  return new S3Error('MalformedPolicy', { message });
}
