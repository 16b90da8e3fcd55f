/**
 * GetObjectTagging and GetObjectAcl, as far as clients ask for them before they do something else.
 *
 * Owns:          the answers for an object without tags and without an access list of its own.
 * Knows:         their documents in the S3 API reference.
 * Must not know: how objects are stored.
 *
 * Tags and access lists cannot be put yet, so none are there, and saying so is the truth. The AWS
 * command line reads the tags of every object that it copies in parts, and gives up when it may
 * not; s3cmd reads the access list to show an object.
 */
import { getBucketAcl } from './bucket.ts';
import { checkVersionId, placeOf } from './object-place.ts';
import type { ObjectCall, S3Handler, S3Services } from './s3-call.ts';
import { S3Error } from './s3-error.ts';
import { xmlReply } from './xml-reply.ts';
import { s3Document, wrap } from './xml-writer.ts';

export const getObjectTagging: S3Handler<ObjectCall> = async (call, services) => {
  await mustExist(call, services);
  return xmlReply(s3Document('Tagging', wrap('TagSet', '')));
};

/** What a key may do with a bucket it may do with each of its objects. */
export const getObjectAcl: S3Handler<ObjectCall> = async (call, services) => {
  await mustExist(call, services);
  return getBucketAcl(call, services);
};

async function mustExist(call: ObjectCall, { reader }: S3Services): Promise<void> {
  checkVersionId(call.query);
  const found = await reader.find(placeOf(call), 'row');
  if (found === undefined) throw new S3Error('NoSuchKey', { fields: { Key: call.key } });
}
