/**
 * What the documents of a bucket's settings have in common: how they arrive, how they are refused,
 * how they are decided.
 *
 * Owns:          their bound, the digest they need, the errors.
 * Knows:         "PutBucketCors" and its kin of the S3 API reference; the directory.
 * Must not know: any setting.
 */
import type { SettingFault } from '../../schemas/records/bucket-settings/setting-fault.ts';
import type { SettingsChange } from '../../schemas/records/bucket-row.ts';
import { CHECKSUM_ALGORITHMS } from '../../schemas/records/checksum.ts';
import type { HttpReply, RequestHeaders } from '../http/exchange.ts';
import { readSmallBody } from '../object/payload.ts';
import { checksumHeader } from './checksum-headers.ts';
import type { BucketCall, S3Call, S3Services } from './s3-call.ts';
import { S3Error } from './s3-error.ts';

const CHECKSUM_HEADERS = CHECKSUM_ALGORITHMS.map(checksumHeader);

/** Does the request say what its body must be, beside the signature? */
export function hasDigest(headers: RequestHeaders): boolean {
  if (headers.get('content-md5') !== undefined) return true;
  if (headers.get('x-amz-trailer')?.toLowerCase().includes('x-amz-checksum-') === true) return true;
  return CHECKSUM_HEADERS.some(name => headers.get(name) !== undefined);
}

/** Does the signature cover the body? */
export function isHashed({ auth }: Pick<S3Call, 'auth'>): boolean {
  return auth.kind === 'signed' && auth.payload.kind !== 'unsigned';
}

/**
 * A document that must not arrive with a flipped bit: Content-MD5, a checksum, or the SHA-256 of a
 * signed body vouch for it.
 *
 * Rejects with S3Error InvalidRequest, MissingRequestBodyError, MalformedXML, and what the body's
 * own digests say.
 */
export async function readVouchedDocument(call: S3Call, bytesMax: number): Promise<Buffer> {
  if (!isHashed(call) && !hasDigest(call.headers)) {
    throw new S3Error('InvalidRequest', {
      message: 'This request needs the header Content-MD5 or a checksum of its body.',
    });
  }
  return readDocument(call, bytesMax);
}

/** Rejects with S3Error MissingRequestBodyError, MalformedXML. */
export async function readDocument(call: S3Call, bytesMax: number): Promise<Buffer> {
  const body = await readSmallBody(call, bytesMax);
  if (body.length === 0) throw new S3Error('MissingRequestBodyError');
  return body;
}

/** @throws S3Error with the fault's code. */
export function refuseFault(fault: SettingFault | undefined): void {
  if (fault === undefined) return;
  const { code, message, argument } = fault;
  throw new S3Error(code, { message, ...(argument && { fields: faultFields(fault) }) });
}

function faultFields({ code, argument }: SettingFault): Readonly<Record<string, string>> {
  if (argument === undefined) return {};
  if (code === 'InvalidTag') return { [argument.name]: argument.value };
  return { ArgumentName: argument.name, ArgumentValue: argument.value };
}

/** Rejects with S3Error NoSuchBucket, InvalidBucketState, ServiceUnavailable. */
export async function decideSettings(
  { bucket, bucketName }: BucketCall,
  { directory }: S3Services,
  change: SettingsChange,
): Promise<void> {
  const { kind } = await directory.changeSettings(bucket.id, change);
  if (kind === 'changed') return;
  if (kind === 'unavailable') throw new S3Error('ServiceUnavailable');
  if (kind === 'against-lock') {
    throw new S3Error('InvalidBucketState', {
      message: 'With object lock the versions of a bucket are kept, and neither ends.',
    });
  }
  throw new S3Error('NoSuchBucket', { fields: { BucketName: bucketName } });
}

/** What a deletion of a setting answers, whether there was one or not. */
export const SETTING_DELETED: HttpReply = { status: 204, headers: [] };
export const SETTING_STORED: HttpReply = { status: 200, headers: [] };
