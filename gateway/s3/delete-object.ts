/**
 * DeleteObject.
 *
 * Owns:          what the operation accepts and tells.
 * Knows:         "DeleteObject" of the S3 API reference: deleting what is not there succeeds.
 * Must not know: rows beyond the tombstone.
 */
import { tableRefusal } from '../object/refusals.ts';
import { writeCondition } from './conditions.ts';
import { checkVersionId, placeOf } from './object-place.ts';
import type { ObjectCall, S3Handler } from './s3-call.ts';
import { S3Error } from './s3-error.ts';

/** Conditions of S3 that only directory buckets have. */
const REFUSED_CONDITIONS = ['x-amz-if-match-last-modified-time', 'x-amz-if-match-size'] as const;

export const deleteObject: S3Handler<ObjectCall> = async (call, { tables, stamper }) => {
  const { headers, query } = call;
  checkVersionId(query);
  for (const name of REFUSED_CONDITIONS) {
    if (headers.get(name) !== undefined) {
      throw new S3Error('NotImplemented', { fields: { Header: name } });
    }
  }
  const condition = writeCondition(headers);
  const answer = await tables.writeObject({
    kind: 'object-write',
    place: placeOf(call),
    row: { kind: 'tombstone', timestamp: stamper.now() },
    ...(condition === undefined ? {} : { condition }),
  });
  if (answer.kind !== 'written') throw tableRefusal(answer);
  return { status: 204, headers: [] };
};
