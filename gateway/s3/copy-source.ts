/**
 * The source of a copy: what `x-amz-copy-source` names, and whether the caller may read it.
 *
 * Owns:          the header's grammar; the permission on the source's bucket.
 * Knows:         "CopyObject" of the S3 API reference; the directory.
 * Must not know: the destination, which was authorised like that of any write.
 *
 * The source is authorised here because no route names it: a copy is a read of one bucket and a
 * write of another.
 */
import type { ObjectKey } from '../../schemas/ids.ts';
import { OBJECT_KEY_BYTES_MAX, PUT_BYTES_MAX } from '../../schemas/limits.ts';
import type { BucketRow } from '../../schemas/records/bucket-row.ts';
import type { DeleteMarker, ObjectVersion, VersionRef } from '../../schemas/records/object-row.ts';
import { versionRefOf } from '../../schemas/records/object-row.ts';
import { timestampMs } from '../../schemas/timestamp.ts';
import type { ReplyHeaders, RequestHeaders } from '../http/exchange.ts';
import { ContentGone } from '../object/content-gone.ts';
import type { CustomerKey } from '../object/customer-key.ts';
import type { FoundObject } from '../object/object-reader.ts';
import { unlock } from '../object/unlock.ts';
import { checkSource } from './conditions.ts';
import { sourceKeyOf } from './customer-key-headers.ts';
import { checkExpectedSourceOwner } from './expected-owner.ts';
import { checkFound, decideFor } from './object-access.ts';
import { checkedVersionRef, placeOf } from './object-place.ts';
import { noSuchObject } from './object-versions.ts';
import type { Access, S3Call, S3Services } from './s3-call.ts';
import { S3Error } from './s3-error.ts';

const HEADER = 'x-amz-copy-source';
const VERSION_MARK = '?versionId=';
/** How often a source that is overwritten while it is copied is looked up. */
const LOOKUPS_MAX = 3;

export type CopySource = {
  readonly bucketName: string;
  readonly key: ObjectKey;
  /** undefined: the current one. */
  readonly version: VersionRef | undefined;
};

/**
 * `bucket/key`, percent-encoded, with or without a slash in front, and perhaps a version id.
 *
 * @throws S3Error InvalidArgument.
 */
export function parseCopySource(headers: RequestHeaders): CopySource {
  const text = headers.get(HEADER) ?? '';
  const mark = text.lastIndexOf(VERSION_MARK);
  const version = mark < 0 ? undefined : checkedVersionRef(text.slice(mark + VERSION_MARK.length));
  const path = decoded(mark < 0 ? text : text.slice(0, mark)).replace(/^\//, '');
  const slash = path.indexOf('/');
  const bucketName = path.slice(0, Math.max(slash, 0));
  const key = path.slice(slash + 1);
  if (bucketName === '' || key === '' || Buffer.byteLength(key) > OBJECT_KEY_BYTES_MAX) {
    throw invalidSource('It must be a bucket name, a slash, and a key.', text);
  }
  return { bucketName, key: key as ObjectKey, version };
}

/** A source whose bucket the caller may read, or perhaps only this object of it. */
export type AuthorisedSource = {
  readonly bucket: BucketRow;
  readonly key: ObjectKey;
  /** undefined: the current one. */
  readonly version: VersionRef | undefined;
  readonly access: Access;
  /** With which it is encrypted, as the client says. */
  readonly customerKey: CustomerKey | undefined;
};

/** Rejects with S3Error NoSuchBucket, AccessDenied, InvalidArgument. */
export async function authoriseSource(
  call: S3Call,
  services: S3Services,
): Promise<AuthorisedSource> {
  const { bucketName, key, version } = parseCopySource(call.headers);
  const customerKey = sourceKeyOf(call.headers);
  const bucket = await services.directory.resolveBucket(bucketName, call.caller?.accessKeyId);
  if (bucket === undefined) {
    if (call.caller === undefined) throw new S3Error('AccessDenied');
    throw new S3Error('NoSuchBucket', { fields: { BucketName: bucketName } });
  }
  const action = version === undefined ? 's3:GetObject' : 's3:GetObjectVersion';
  const right = { permission: 'read', action } as const;
  const verdict = decideFor(call, services, { ...right, bucket, objectKey: key });
  if (verdict === 'denied') throw new S3Error('AccessDenied');
  const access = verdict === 'by-object' ? right : verdict;
  checkExpectedSourceOwner(call.headers, bucket);
  return { bucket, key, version, access, customerKey };
}

/**
 * Finds the source, checks its key and its conditions and hands it to `copy`; again when it was
 * overwritten while it was copied. Rejects with S3Error.
 */
export async function withSource<Result>(
  call: S3Call,
  services: S3Services,
  source: AuthorisedSource,
  copy: (source: FoundObject) => Promise<Result>,
): Promise<Result> {
  const place = placeOf(source);
  for (let lookups = 1; ; lookups += 1) {
    const found = await services.reader.look(place, 'content', source.version);
    if (found?.kind !== 'object') throw noSource(call, services, { source, marker: found });
    const { etag, timestamp } = found.version;
    checkFound(call, services, { ...source, version: found.version });
    const unlocked = unlock(found, source.customerKey);
    checkSource(call.headers, { etag, lastModifiedMs: timestampMs(timestamp) });
    try {
      return await copy(unlocked);
    } catch (error) {
      if (!(error instanceof ContentGone)) throw error;
      if (lookups === LOOKUPS_MAX) throw new S3Error('InternalError', { cause: error });
    }
  }
}

/** A delete marker cannot be copied, whether it is named or not. */
function noSource(
  call: S3Call,
  services: S3Services,
  {
    source,
    marker,
  }: { readonly source: AuthorisedSource; readonly marker: DeleteMarker | undefined },
): S3Error {
  const { version } = source;
  if (version === undefined || marker === undefined) {
    return noSuchObject(call, services, { ...source, marker });
  }
  return new S3Error('InvalidRequest', {
    message: 'The source of a copy request may not specifically refer to a delete marker.',
  });
}

/** Which version was copied, where the source's bucket keeps several. */
export function sourceVersionHeaders(
  { bucket }: AuthorisedSource,
  source: ObjectVersion,
): ReplyHeaders {
  if (bucket.versioning === undefined) return [];
  return [['x-amz-copy-source-version-id', versionRefOf(source)]];
}

/** @throws S3Error InvalidRequest for more than one request may copy. */
export function checkCopySize(sizeBytes: number): void {
  if (sizeBytes <= PUT_BYTES_MAX) return;
  throw new S3Error('InvalidRequest', {
    message: `The source of the copy is larger than ${String(PUT_BYTES_MAX)} bytes.`,
  });
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch (cause) {
    throw invalidSource('It is not percent-encoded UTF-8.', text, cause);
  }
}

function invalidSource(reason: string, text: string, cause?: unknown): S3Error {
  return new S3Error('InvalidArgument', {
    message: `The source of the copy is not valid. ${reason}`,
    fields: { ArgumentName: HEADER, ArgumentValue: text },
    cause,
  });
}
