/**
 * One version of an object, for the operations that read or change what is told of it.
 *
 * Owns:          finding it, and what is answered when it is not there.
 * Knows:         `versionId`; the reader and the tables.
 * Must not know: what is read or changed.
 */
import type { ObjectChange, ObjectPlace } from '../../schemas/messages/table.ts';
import type { BucketRow } from '../../schemas/records/bucket-row.ts';
import type { DeleteMarker, VersionRef } from '../../schemas/records/object-row.ts';
import { versionRefOf } from '../../schemas/records/object-row.ts';
import { timestampMs } from '../../schemas/timestamp.ts';
import type { ReplyHeaders } from '../http/exchange.ts';
import { httpDate } from '../http/http-date.ts';
import type { FoundObject } from '../object/object-reader.ts';
import { tableRefusal } from '../object/refusals.ts';
import { headersOfVersion, versionHeaders } from '../object/version-extras.ts';
import { absentKey, checkFound } from './object-access.ts';
import { placeOf, versionRefOfCall } from './object-place.ts';
import type { ObjectCall, S3Call, S3Services } from './s3-call.ts';
import { S3Error } from './s3-error.ts';

export type AskedVersion = {
  readonly found: FoundObject;
  /** Which version it is, where the bucket keeps several. */
  readonly headers: ReplyHeaders;
};

/** Rejects with S3Error NoSuchKey, NoSuchVersion, MethodNotAllowed, AccessDenied. */
export async function findVersion(call: ObjectCall, services: S3Services): Promise<AskedVersion> {
  const version = versionRefOfCall(call.query);
  const found = await services.reader.look(placeOf(call), 'row', version);
  const { bucket, key } = call;
  if (found?.kind !== 'object') {
    throw noSuchObject(call, services, { bucket, key, version, marker: found });
  }
  checkFound(call, services, { ...call, version: found.version });
  return { found, headers: headersOfVersion(bucket, found.version) };
}

/**
 * Answers with the headers that tell which version was changed.
 * Rejects with S3Error NoSuchKey, NoSuchVersion, MethodNotAllowed, AccessDenied.
 */
export async function changeObject(
  call: ObjectCall,
  services: S3Services,
  change: Pick<ObjectChange, 'tagging' | 'acl' | 'retention' | 'hold'>,
): Promise<ReplyHeaders> {
  const place = placeOf(call);
  const version = await versionToChange(call, services, place);
  const request = { kind: 'object-change', place, version, ...change } as const;
  const answer = await services.tables.changeObject(request);
  if (answer.kind === 'written') return versionHeaders(call.bucket, answer.version);
  if (answer.kind !== 'no-such-version') throw tableRefusal(answer);
  const { bucket, key } = call;
  if (answer.because === 'absent') {
    throw noSuchObject(call, services, { bucket, key, version, marker: undefined });
  }
  throw markerRefusal({ key, version }, [['x-amz-delete-marker', 'true']]);
}

/** Of several replicas one may have another current version than the next: they are told which one
 *  is meant, once a read quorum agrees on it. What is decided by the object is decided here. */
async function versionToChange(
  call: ObjectCall,
  services: S3Services,
  place: ObjectPlace,
): Promise<VersionRef | undefined> {
  const { bucket, access, query } = call;
  const asked = versionRefOfCall(query);
  if (access !== 'allowed') {
    const { found } = await findVersion(call, services);
    return bucket.versioning === undefined ? asked : versionRefOf(found.version);
  }
  if (bucket.versioning === undefined || services.tables.decidesConditions(place)) return asked;
  const found = await services.reader.look(place, 'row', asked);
  return found?.kind === 'object' ? versionRefOf(found.version) : asked;
}

type Absent = {
  readonly bucket: BucketRow;
  readonly key: string;
  /** undefined: the current one was meant. */
  readonly version: VersionRef | undefined;
  /** What is there in place of an object. */
  readonly marker: DeleteMarker | undefined;
};

/** What is answered where there is no object to be read. */
export function noSuchObject(
  call: S3Call,
  services: S3Services,
  { bucket, key, version, marker }: Absent,
): S3Error {
  const refusal = absentKey(call, services, { bucket, key });
  if (refusal.code !== 'NoSuchKey') return refusal;
  if (marker !== undefined) {
    const headers = headersOfVersion(bucket, marker);
    const modified = ['Last-Modified', httpDate(timestampMs(marker.timestamp))] as const;
    const told = version === undefined ? headers : [...headers, modified];
    return markerRefusal({ key, version }, told);
  }
  if (version === undefined) return refusal;
  return new S3Error('NoSuchVersion', { fields: { Key: key, VersionId: version } });
}

/** A delete marker that is asked for by its name is there, and cannot be read. */
function markerRefusal(
  { key, version }: Pick<Absent, 'key' | 'version'>,
  headers: ReplyHeaders,
): S3Error {
  if (version === undefined) return new S3Error('NoSuchKey', { headers, fields: { Key: key } });
  return new S3Error('MethodNotAllowed', {
    headers: [['allow', 'DELETE'], ...headers],
    fields: { ResourceType: 'DeleteMarker' },
  });
}
