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
import { quotaOf, refuseEarly } from '../object/quota.ts';
import { extrasOf, versionHeaders } from '../object/version-extras.ts';
import type { HttpReply, ReplyHeaders } from '../http/exchange.ts';
import { askedAcl } from './access-control.ts';
import { checksumReplyHeaders } from './checksum-headers.ts';
import { writeCondition } from './conditions.ts';
import { expirationHeaders } from './lifecycle-headers.ts';
import { checkUploadHeaders, storedHeaders, withAcl } from './object-headers.ts';
import { placeOf } from './object-place.ts';
import { taggingOf } from './object-tagging.ts';
import type { ObjectCall, S3Handler } from './s3-call.ts';

export const putObject: S3Handler<ObjectCall> = async (call, { tables, writer, calendar }) => {
  const { headers, auth } = call;
  checkUploadHeaders(headers);
  const tagging = taggingOf(headers);
  const target = {
    kind: 'version',
    place: placeOf(call),
    headers: withAcl(storedHeaders(headers, auth), askedAcl(headers, call.bucket)),
    extras: extrasOf(call.bucket, { tagging }),
    condition: writeCondition(headers),
    quota: quotaOf(call.bucket),
  } as const;
  const payload = httpPayload(call);
  const { place, quota } = target;
  if (quota !== undefined) {
    await refuseEarly(tables, quota, { place, kind: 'object', sizeBytes: payload.sizeBytes });
  }
  const written = await writer.write(payload, target);
  const version = versionHeaders(call.bucket, written.version);
  if (call.bucket.lifecycle === undefined) return uploadReply(written, version);
  const { sizeBytes, lastModifiedMs: createdMs } = written;
  const subject = { key: call.key, sizeBytes, createdMs, tags: tagging?.tags };
  const expiration = expirationHeaders(call.bucket, calendar, subject);
  return uploadReply(written, [...version, ...expiration]);
};

/** What PutObject and UploadPart answer. */
export function uploadReply({ etag, checksum }: Written, further: ReplyHeaders = []): HttpReply {
  return {
    status: 200,
    headers: [['ETag', `"${etag}"`], ...checksumReplyHeaders(checksum), ...further],
  };
}
