/**
 * One version of an object, for the operations that read or change what is told of it.
 *
 * Owns:          finding it, and what is answered when it is not there.
 * Knows:         `versionId`; the reader and the tables.
 * Must not know: what is read or changed.
 */
import type { ObjectChange } from '../../schemas/messages/table.ts';
import type { ReplyHeaders } from '../http/exchange.ts';
import type { FoundObject } from '../object/object-reader.ts';
import { tableRefusal } from '../object/refusals.ts';
import { absentKey } from './object-access.ts';
import { checkVersionId, placeOf } from './object-place.ts';
import type { ObjectCall, S3Services } from './s3-call.ts';
import { S3Error } from './s3-error.ts';

export type AskedVersion = {
  readonly found: FoundObject;
  /** Which version it is, where the bucket keeps several. */
  readonly headers: ReplyHeaders;
};

/** Rejects with S3Error NoSuchKey. */
export async function findVersion(call: ObjectCall, services: S3Services): Promise<AskedVersion> {
  checkVersionId(call.query);
  const found = await services.reader.find(placeOf(call), 'row');
  if (found === undefined) throw absentKey(call, services, call);
  return { found, headers: [] };
}

/** Answers with the headers that tell which version was changed. Rejects with S3Error NoSuchKey. */
export async function changeObject(
  call: ObjectCall,
  { tables }: S3Services,
  change: Pick<ObjectChange, 'tagging' | 'acl'>,
): Promise<ReplyHeaders> {
  checkVersionId(call.query);
  const place = placeOf(call);
  const answer = await tables.askPlace({ kind: 'object-change', place, ...change });
  if (answer.kind === 'written') return [];
  if (answer.kind !== 'no-such-version') throw tableRefusal(answer);
  throw new S3Error('NoSuchKey', { fields: { Key: call.key } });
}
