/**
 * The conditions of writes and deletions, and the right that they take.
 *
 * Owns:          which headers and elements are conditions, and how those are refused that cannot
 *                be read: a condition is decided or refused, never ignored.
 * Knows:         "PutObject", "CopyObject", "CompleteMultipartUpload", "DeleteObject" and
 *                "DeleteObjects" of the S3 API reference; "Conditional requests" of its user guide.
 * Must not know: what stands there; the table's actor decides, in the step that writes.
 *
 * Whether a condition holds tells what stands there. So who names an ETag, a time or a size must be
 * allowed to read the object; `*` asks only whether there is one.
 */
import type { ObjectKey } from '../../schemas/ids.ts';
import type { WriteCondition } from '../../schemas/messages/table.ts';
import { parseHttpTime } from '../auth/request-time.ts';
import type { RequestHeaders } from '../http/exchange.ts';
import { writeCondition } from './conditions.ts';
import { parseIsoTime } from './iso-time.ts';
import { invalidArgument } from './list-parameters.ts';
import { decideFor } from './object-access.ts';
import type { BucketCall, ObjectCall, S3Services } from './s3-call.ts';
import { S3Error } from './s3-error.ts';
import { malformed } from './s3-xml.ts';

const TIME_HEADER = 'x-amz-if-match-last-modified-time';
const INITIATED_HEADER = 'x-amz-if-match-initiated-time';
const SIZE_HEADER = 'x-amz-if-match-size';
const SIZE = /^\d{1,15}$/;

/** Of an upload or a copy. @throws S3Error NotImplemented, AccessDenied. */
export function conditionOfWrite(
  call: ObjectCall,
  services: S3Services,
): WriteCondition | undefined {
  const condition = writeCondition(call.headers);
  if (condition !== undefined) checkMayLook(call, services, { key: call.key, condition });
  return condition;
}

/** Of DeleteObject. @throws S3Error NotImplemented, InvalidArgument, AccessDenied. */
export function conditionOfDeletion(
  call: ObjectCall,
  services: S3Services,
): WriteCondition | undefined {
  const { headers } = call;
  const time = headers.get(TIME_HEADER);
  const size = headers.get(SIZE_HEADER);
  const etags = writeCondition(headers);
  if (time === undefined && size === undefined && etags === undefined) return undefined;
  const condition: WriteCondition = {
    ...etags,
    ...(time === undefined ? {} : { ifModifiedMs: timeOfHeader(TIME_HEADER, time) }),
    ...(size === undefined ? {} : { ifSizeBytes: sizeOfHeader(size) }),
  };
  checkMayLook(call, services, { key: call.key, condition });
  return condition;
}

/**
 * Of AbortMultipartUpload: when the upload began, which its id tells, so nothing comes between.
 *
 * @throws S3Error InvalidArgument, PreconditionFailed.
 */
export function checkInitiated(headers: RequestHeaders, initiatedMs: number): 'holds' | 'none' {
  const text = headers.get(INITIATED_HEADER);
  if (text === undefined) return 'none';
  const ms = timeOfHeader(INITIATED_HEADER, text);
  if (Math.floor(ms / 1000) === Math.floor(initiatedMs / 1000)) return 'holds';
  throw new S3Error('PreconditionFailed', { fields: { Condition: INITIATED_HEADER } });
}

/** What an entry of DeleteObjects says of the object that it deletes. */
export type EntryCondition = {
  readonly etag: string | undefined;
  readonly lastModifiedTime: string | undefined;
  readonly size: string | undefined;
};

/** @throws S3Error MalformedXML. */
export function conditionOfEntry(entry: EntryCondition): WriteCondition | undefined {
  const { etag, lastModifiedTime: time, size } = entry;
  if (etag === undefined && time === undefined && size === undefined) return undefined;
  return {
    ...(etag === undefined ? {} : { ifMatch: etagsOfEntry(etag) }),
    ...(time === undefined ? {} : { ifModifiedMs: timeOfEntry(time) }),
    ...(size === undefined ? {} : { ifSizeBytes: sizeOfEntry(size) }),
  };
}

/** @throws S3Error AccessDenied for a condition that would tell what must not be read. */
export function checkMayLook(
  call: BucketCall,
  services: S3Services,
  { key, condition }: { readonly key: ObjectKey; readonly condition: WriteCondition },
): void {
  const { ifMatch, ifModifiedMs, ifSizeBytes } = condition;
  const tells = (ifMatch ?? 'any') !== 'any' || (ifModifiedMs ?? ifSizeBytes) !== undefined;
  if (!tells) return;
  const right = { permission: 'read', action: 's3:GetObject', objectKey: key } as const;
  if (decideFor(call, services, { ...right, bucket: call.bucket }) !== 'allowed') {
    throw new S3Error('AccessDenied', {
      message: 'A condition on what stands there needs the right to read it.',
    });
  }
}

function timeOfHeader(name: string, text: string): number {
  const ms = timeOf(text);
  if (ms === undefined) throw invalidArgument(name, text, 'The header is not a date.');
  return ms;
}

function timeOfEntry(text: string): number {
  const ms = timeOf(text);
  if (ms === undefined) throw malformed('LastModifiedTime is a date.');
  return ms;
}

/** As Last-Modified tells it, or as lists do. */
function timeOf(text: string): number | undefined {
  return parseHttpTime(text)?.ms ?? parseIsoTime(text);
}

function sizeOfHeader(text: string): number {
  if (SIZE.test(text)) return Number(text);
  throw invalidArgument(SIZE_HEADER, text, 'The header is not a number of bytes.');
}

function sizeOfEntry(text: string): number {
  if (SIZE.test(text)) return Number(text);
  throw malformed('Size is a number of bytes.');
}

function etagsOfEntry(text: string): readonly string[] | 'any' {
  if (text === '*') return 'any';
  const etag = text.replace(/^"(.*)"$/, '$1');
  if (etag === '') throw malformed('An ETag is not empty.');
  return [etag];
}
