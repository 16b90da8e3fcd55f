/**
 * DeleteObject.
 *
 * Owns:          what the operation accepts and tells.
 * Knows:         "DeleteObject" of the S3 API reference: deleting what is not there succeeds.
 * Must not know: rows beyond the tombstone.
 */
import type { TableClient } from '../../bus/table-client.ts';
import type { ObjectPlace, WriteCondition } from '../../schemas/messages/table.ts';
import type { BucketRow } from '../../schemas/records/bucket-row.ts';
import type { VersionRef } from '../../schemas/records/object-row.ts';
import { deletionRow } from '../../schemas/records/object-row.ts';
import type { Stamper } from '../../schemas/stamper.ts';
import type { ReplyHeaders } from '../http/exchange.ts';
import { tableRefusal } from '../object/refusals.ts';
import { versionHeaders } from '../object/version-extras.ts';
import { mayBypass } from './object-lock-headers.ts';
import { isForeignVersion, placeOf, versionRefOfCall } from './object-place.ts';
import type { ObjectCall, S3Handler } from './s3-call.ts';
import { conditionOfDeletion } from './write-conditions.ts';

export const deleteObject: S3Handler<ObjectCall> = async (call, services) => {
  const { query, bucket } = call;
  const { tables, stamper } = services;
  const named = query.get('versionId');
  // What is not there is deleted.
  if (named !== undefined && isForeignVersion(named)) {
    return { status: 204, headers: [['x-amz-version-id', named]] };
  }
  const version = versionRefOfCall(query);
  const condition = conditionOfDeletion(call, services);
  const place = placeOf(call);
  const bypass = version !== undefined && mayBypass(call, services, call.key);
  const deletion = { bucket, place, version, condition, mayBypass: bypass, stamper };
  const deleted = await deleteVersion(tables, deletion);
  return { status: 204, headers: deletionHeaders(bucket, deleted) };
};

export type Deletion = {
  readonly bucket: BucketRow;
  readonly place: ObjectPlace;
  /** undefined: the object, which leaves a delete marker where versions are kept. */
  readonly version: VersionRef | undefined;
  readonly condition: WriteCondition | undefined;
  /** Governance is to be bypassed. */
  readonly mayBypass: boolean;
  readonly stamper: Stamper;
};

/** What a deletion did where versions are kept. */
export type Deleted = {
  /** The version that is gone, or the delete marker that is new. */
  readonly version?: VersionRef | undefined;
  /** It is, or was, a delete marker. */
  readonly isMarker: boolean;
};

/** Rejects with S3Error. */
export async function deleteVersion(
  tables: TableClient,
  { bucket, place, version, condition, mayBypass: bypass, stamper }: Deletion,
): Promise<Deleted> {
  const timestamp = stamper.now();
  // Where versions were never kept, the null version is the object.
  const isObject = version === undefined || (version === 'null' && bucket.versioning === undefined);
  if (!isObject) {
    const request = { kind: 'version-delete', place, version, timestamp, condition } as const;
    const answer = await tables.deleteVersion(bypass ? { ...request, mayBypass: true } : request);
    if (answer.kind !== 'written') throw tableRefusal(answer);
    return { version, isMarker: answer.marker === true };
  }
  const row = deletionRow(bucket, timestamp);
  const answer = await tables.writeObject({ kind: 'object-write', place, row, condition });
  if (answer.kind !== 'written') throw tableRefusal(answer);
  return { version: answer.version, isMarker: row.kind === 'marker' };
}

function deletionHeaders(bucket: BucketRow, { version, isMarker }: Deleted): ReplyHeaders {
  const told = versionHeaders(bucket, version);
  return isMarker ? [['x-amz-delete-marker', 'true'], ...told] : told;
}
