/**
 * PutObjectAcl and GetObjectAcl.
 *
 * Owns:          the change of an object's list, and what is told of it.
 * Knows:         the S3 API reference.
 * Must not know: the grammar of lists, what they allow, how objects are stored.
 */
import { aclDocument, putAcl } from './access-control.ts';
import { aclOf } from './object-access.ts';
import { changeObject, findVersion } from './object-versions.ts';
import type { ObjectCall, S3Handler } from './s3-call.ts';
import { xmlReply } from './xml-reply.ts';

export const putObjectAcl: S3Handler<ObjectCall> = async (call, services) => {
  const acl = (await putAcl(call)) ?? 'private';
  const change = { acl: { stamp: services.stamper.now(), acl } };
  return { status: 200, headers: await changeObject(call, services, change) };
};

export const getObjectAcl: S3Handler<ObjectCall> = async (call, services) => {
  const { found, headers } = await findVersion(call, services);
  return xmlReply(aclDocument(call, aclOf(found.version)), headers);
};
