/**
 * The headers with which a lock comes along with a version, those that tell of it, and the one that
 * asks to bypass governance.
 *
 * Owns:          their grammar; which lock a new version has; who is told of it.
 * Knows:         "PutObject", "CopyObject", "CreateMultipartUpload", "GetObject" and "DeleteObject"
 *                of the S3 API reference; the bucket's default.
 * Must not know: what a lock keeps from happening.
 */
import type { ObjectKey } from '../../schemas/ids.ts';
import type { BucketRow } from '../../schemas/records/bucket-row.ts';
import { LOCK_MODES } from '../../schemas/records/bucket-settings/access-settings.ts';
import { retentionFrom } from '../../schemas/records/bucket-settings/default-retention.ts';
import type { ObjectLock, Retention } from '../../schemas/records/object-lock.ts';
import type { ReplyHeaders, RequestHeaders } from '../http/exchange.ts';
import { hasDigest, isHashed } from './bucket-document.ts';
import { parseIsoTime } from './iso-time.ts';
import { invalidArgument } from './list-parameters.ts';
import { decideFor } from './object-access.ts';
import type { ObjectCall, S3Call, S3Services } from './s3-call.ts';
import { S3Error } from './s3-error.ts';

const MODE = 'x-amz-object-lock-mode';
const UNTIL = 'x-amz-object-lock-retain-until-date';
const HOLD = 'x-amz-object-lock-legal-hold';
const BYPASS = 'x-amz-bypass-governance-retention';

type LockedCall = Pick<ObjectCall, 'bucket' | 'headers'>;

/**
 * The lock of a version that is made now: what the headers ask for, else the bucket's default.
 *
 * @throws S3Error InvalidArgument, InvalidRequest.
 */
export function lockOfVersion(call: LockedCall, nowMs: number): ObjectLock | undefined {
  const asked = askedLock(call, nowMs);
  return call.bucket.objectLock === undefined ? asked : withDefault(call.bucket, asked, nowMs);
}

/**
 * The same of a version whose bytes come with the request: they must be vouched for. Where only the
 * bucket's default holds it a signed SHA-256 does, too: the upload asked for nothing.
 *
 * @throws S3Error InvalidArgument, InvalidRequest.
 */
export function lockOfBody(
  call: LockedCall & Pick<ObjectCall, 'auth'>,
  nowMs: number,
): ObjectLock | undefined {
  const lock = lockOfVersion(call, nowMs);
  const { headers } = call;
  if (lock === undefined || hasDigest(headers)) return lock;
  const isByDefault = (headers.get(MODE) ?? headers.get(HOLD)) === undefined;
  if (isByDefault && isHashed(call)) return lock;
  throw new S3Error('InvalidRequest', {
    message:
      'Content-MD5 or an x-amz-checksum- header is required for uploads with object lock ' +
      'parameters.',
  });
}

/** What a version has that began, with what it asked for, as an upload. */
export function withDefault(
  { objectLock }: Pick<BucketRow, 'objectLock'>,
  asked: ObjectLock | undefined,
  nowMs: number,
): ObjectLock | undefined {
  const byDefault = objectLock?.defaultRetention;
  if (byDefault === undefined || asked?.retention !== undefined) return asked;
  return { ...asked, retention: retentionFrom(byDefault, nowMs) };
}

/** What the headers say by themselves. @throws S3Error InvalidArgument, InvalidRequest. */
export function askedLock({ bucket, headers }: LockedCall, nowMs: number): ObjectLock | undefined {
  const mode = headers.get(MODE);
  const until = headers.get(UNTIL);
  const hold = headers.get(HOLD);
  if (mode === undefined && until === undefined && hold === undefined) return undefined;
  const retention = mode === undefined && until === undefined ? undefined : { mode, until };
  const lock: ObjectLock = {
    ...(retention && { retention: readRetention(retention, nowMs) }),
    ...(hold === undefined ? {} : { legalHold: readHold(hold) }),
  };
  if (bucket.objectLock === undefined) throw noConfiguration();
  return lock;
}

export function noConfiguration(): S3Error {
  return new S3Error('InvalidRequest', {
    message: 'Bucket is missing Object Lock Configuration',
  });
}

function readRetention(
  { mode, until }: { readonly mode: string | undefined; readonly until: string | undefined },
  nowMs: number,
): Retention {
  if (mode === undefined || until === undefined) {
    const given = mode === undefined ? UNTIL : MODE;
    const message = `${UNTIL} and ${MODE} must both be supplied.`;
    throw invalidArgument(given, mode ?? until ?? '', message);
  }
  const known = LOCK_MODES.find(candidate => candidate === mode);
  if (known === undefined) throw invalidArgument(MODE, mode, 'The mode of the lock is not known.');
  const untilMs = parseIsoTime(until);
  if (untilMs === undefined) {
    const message = 'The retain until date must be provided in ISO 8601 format.';
    throw invalidArgument(UNTIL, until, message);
  }
  checkFuture(untilMs, nowMs, UNTIL);
  return { mode: known, untilMs };
}

/** @throws S3Error InvalidArgument. */
export function checkFuture(untilMs: number, nowMs: number, name: string): void {
  if (untilMs > nowMs) return;
  throw invalidArgument(name, timeOf(untilMs), 'The retain until date must be in the future!');
}

function readHold(text: string): boolean {
  if (text === 'ON') return true;
  if (text === 'OFF') return false;
  throw invalidArgument(HOLD, text, 'The legal hold is ON or OFF.');
}

/** As documents and headers tell the end of a retention. */
export function timeOf(ms: number): string {
  return new Date(ms).toISOString();
}

/** What GET and HEAD tell of a version's lock, to who may read it. */
export function lockHeaders(
  call: S3Call & { readonly bucket: BucketRow; readonly key: ObjectKey },
  services: S3Services,
  lock: ObjectLock | undefined,
): ReplyHeaders {
  if (lock === undefined) return [];
  const { bucket, key: objectKey } = call;
  const may = (action: 's3:GetObjectRetention' | 's3:GetObjectLegalHold'): boolean =>
    decideFor(call, services, { permission: 'read', action, bucket, objectKey }) === 'allowed';
  const { retention, legalHold } = lock;
  const told: [string, string][] = [];
  if (retention !== undefined && may('s3:GetObjectRetention')) {
    told.push([MODE, retention.mode], [UNTIL, timeOf(retention.untilMs)]);
  }
  if (legalHold !== undefined && may('s3:GetObjectLegalHold')) {
    told.push([HOLD, legalHold ? 'ON' : 'OFF']);
  }
  return told;
}

/**
 * Whether governance is to be bypassed for a key: asked for, and allowed.
 *
 * @throws S3Error AccessDenied: asked for, and not allowed.
 */
export function mayBypass(
  call: S3Call & { readonly bucket: BucketRow },
  services: S3Services,
  objectKey: ObjectKey,
): boolean {
  const { bucket, headers } = call;
  if (bucket.objectLock === undefined || !isBypass(headers)) return false;
  const action = 's3:BypassGovernanceRetention';
  const asked = { permission: 'owner', action, bucket, objectKey } as const;
  if (decideFor(call, services, asked) === 'allowed') return true;
  throw new S3Error('AccessDenied', {
    message: 'Bypassing governance needs the owner right, or s3:BypassGovernanceRetention.',
  });
}

function isBypass(headers: RequestHeaders): boolean {
  return headers.get(BYPASS)?.toLowerCase() === 'true';
}
