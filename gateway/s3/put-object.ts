/**
 * PutObject.
 *
 * Owns:          what the operation accepts and tells; the body is the writer's work.
 * Knows:         "PutObject" of the S3 API reference.
 * Must not know: blocks, rows.
 *
 * All headers are checked before the first byte of the body is read.
 */
import { httpPayload } from '../object/http-payload.ts';
import type { Written } from '../object/object-writer.ts';
import type { Payload } from '../object/payload.ts';
import { quotaOf, refuseEarly } from '../object/quota.ts';
import { extrasOf, writtenHeaders } from '../object/version-extras.ts';
import type { HttpReply, ReplyHeaders } from '../http/exchange.ts';
import { askedAcl } from './access-control.ts';
import { checksumReplyHeaders } from './checksum-headers.ts';
import { customerKeyHeaders, customerKeyOf } from './customer-key-headers.ts';
import { expirationHeaders } from './lifecycle-headers.ts';
import { checkUploadHeaders, storedHeaders, withAcl } from './object-headers.ts';
import { lockOfBody } from './object-lock-headers.ts';
import { placeOf } from './object-place.ts';
import { taggingOf } from './object-tagging.ts';
import type { ObjectCall, S3Handler, S3Services } from './s3-call.ts';
import { conditionOfWrite } from './write-conditions.ts';

export const putObject: S3Handler<ObjectCall> = async (call, services) => {
  checkUploadHeaders(call.headers);
  const { written, further } = await storeObject(call, services, () => httpPayload(call));
  return uploadReply(written, further);
};

export type StoredObject = { readonly written: Written; readonly further: ReplyHeaders };

/**
 * Stores a new version, as the headers of the call say; `payload` is made once they were checked.
 * Rejects with S3Error.
 */
export async function storeObject(
  call: ObjectCall,
  services: S3Services,
  payload: () => Payload,
): Promise<StoredObject> {
  const { headers, auth } = call;
  const { tables, writer, calendar } = services;
  const tagging = taggingOf(headers);
  const customerKey = customerKeyOf(headers);
  const lock = lockOfBody(call, services.clock.wallMs());
  const target = {
    kind: 'version',
    place: placeOf(call),
    headers: withAcl(storedHeaders(headers, auth), askedAcl(headers, call.bucket)),
    extras: extrasOf(call.bucket, { tagging, lock }),
    condition: conditionOfWrite(call, services),
    quota: quotaOf(call.bucket),
    customerKey,
  } as const;
  const body = payload();
  const { place, quota } = target;
  if (quota !== undefined) {
    await refuseEarly(tables, quota, { place, kind: 'object', sizeBytes: body.sizeBytes });
  }
  const written = await writer.write(body, target);
  const version = writtenHeaders(call.bucket, written.version);
  const told =
    customerKey === undefined ? version : [...version, ...customerKeyHeaders(customerKey)];
  if (call.bucket.lifecycle === undefined) return { written, further: told };
  const { sizeBytes, lastModifiedMs: createdMs } = written;
  const subject = { key: call.key, sizeBytes, createdMs, tags: tagging?.tags };
  const expiration = expirationHeaders(call.bucket, calendar, subject);
  return { written, further: [...told, ...expiration] };
}

/** What PutObject and UploadPart answer. */
export function uploadReply({ etag, checksum }: Written, further: ReplyHeaders = []): HttpReply {
  return {
    status: 200,
    headers: [['ETag', `"${etag}"`], ...checksumReplyHeaders(checksum), ...further],
  };
}
