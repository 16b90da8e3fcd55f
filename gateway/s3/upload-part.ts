/**
 * UploadPart and UploadPartCopy.
 *
 * Owns:          what the operations accept and tell; the rules of a declared checksum.
 * Knows:         "UploadPart" and "UploadPartCopy" of the S3 API reference.
 * Must not know: blocks.
 *
 * The upload is looked up before a byte is read. It may end meanwhile: the part's row is then
 * refused in the step that would store it.
 */
import type { BlockHash } from '../../schemas/ids.ts';
import type { UploadRow } from '../../schemas/records/upload-row.ts';
import type { ReplyHeaders } from '../http/exchange.ts';
import { httpPayload } from '../object/http-payload.ts';
import type { PartTarget } from '../object/object-writer.ts';
import { quotaOf, refuseEarly } from '../object/quota.ts';
import { tableRefusal } from '../object/refusals.ts';
import { SourcePayload } from '../object/source-payload.ts';
import { copyResult } from './copy-result.ts';
import { COPY_KEY_HEADERS, customerKeyHeaders, customerKeyOf } from './customer-key-headers.ts';
import { authoriseSource, checkCopySize, sourceVersionHeaders, withSource } from './copy-source.ts';
import { checkUploadHeaders } from './object-headers.ts';
import { parsePartNumber, placeOf } from './object-place.ts';
import { uploadReply } from './put-object.ts';
import type { ByteRange } from './ranges.ts';
import { parseCopyRange } from './ranges.ts';
import type { ObjectCall, S3Handler, S3Services } from './s3-call.ts';
import { S3Error } from './s3-error.ts';
import { keyOfPartWrite } from './upload-encryption.ts';
import { uploadIdOfCall } from './upload-xml.ts';

type OpenPart = { readonly target: PartTarget; readonly declared: UploadRow['checksum'] };

export const uploadPart: S3Handler<ObjectCall> = async (call, services) => {
  checkUploadHeaders(call.headers);
  const sent = httpPayload(call);
  const { target, declared } = await openPart(call, services);
  // That of the whole is made of CRCs that anybody may have computed.
  const isOfWhole = declared?.type === 'FULL_OBJECT';
  const payload = isOfWhole ? sent.computing(declared.algorithm) : sent;
  checkDeclared(declared, payload.plan.checksum);
  await refusePart(services, target, payload.sizeBytes);
  const written = await services.writer.write(payload, target);
  return uploadReply(written, customerKeyHeaders(target.customerKey));
};

export const uploadPartCopy: S3Handler<ObjectCall> = async (call, services) => {
  checkUploadHeaders(call.headers, COPY_KEY_HEADERS);
  const { reader, writer } = services;
  const source = await authoriseSource(call, services);
  const { target, declared } = await openPart(call, services);
  let told: ReplyHeaders = [];
  const written = await withSource(call, services, source, async found => {
    told = sourceVersionHeaders(source, found.version);
    const range = sourceRange(call, found.version.sizeBytes);
    checkCopySize(range.sizeBytes);
    await refusePart(services, target, range.sizeBytes);
    const seen = new Set<BlockHash>();
    const body = await reader.open(found, range, { seen });
    return writer.write(new SourcePayload(body, declared?.algorithm), target, seen);
  });
  return copyResult('CopyPartResult', written, [
    ...told,
    ...customerKeyHeaders(target.customerKey),
  ]);
};

/** A part counts with all its bytes: what it may replace is kept until the upload has ended. */
function refusePart(
  { tables }: S3Services,
  { place, quota }: PartTarget,
  sizeBytes: number | undefined,
): Promise<void> {
  return refuseEarly(tables, quota, { place, kind: 'part', sizeBytes });
}

function sourceRange({ headers }: ObjectCall, sizeBytes: number): ByteRange {
  const text = headers.get('x-amz-copy-source-range');
  return text === undefined ? { first: 0, sizeBytes } : parseCopyRange(text, sizeBytes);
}

/** The part, if its upload is open. Rejects with S3Error NoSuchUpload or InvalidArgument. */
async function openPart(call: ObjectCall, { tables }: S3Services): Promise<OpenPart> {
  const { query } = call;
  const given = customerKeyOf(call.headers);
  const partNumber = parsePartNumber(query.get('partNumber'));
  if (partNumber === undefined) {
    throw new S3Error('InvalidArgument', {
      message: 'A part needs a part number.',
      fields: { ArgumentName: 'partNumber' },
    });
  }
  const uploadId = uploadIdOfCall(call);
  const place = placeOf(call);
  const answer = await tables.askPlace({ kind: 'upload-read', place, uploadId });
  if (answer.kind !== 'upload') throw tableRefusal(answer);
  if (answer.upload.state.kind !== 'open') throw new S3Error('NoSuchUpload');
  const quota = quotaOf(call.bucket);
  const customerKey = keyOfPartWrite(answer.upload, place, given);
  const target = { kind: 'part', place, uploadId, partNumber, quota, customerKey } as const;
  return { target, declared: answer.upload.checksum };
}

/** Every part of an upload that declared a checksum has one: that of the whole is made of them. */
function checkDeclared(declared: UploadRow['checksum'], given: string | undefined): void {
  if (declared === undefined || declared.algorithm === given) return;
  throw new S3Error('InvalidRequest', {
    message:
      `Checksum Type mismatch occurred, expected checksum Type: ` +
      `${declared.algorithm.toLowerCase()}, actual checksum Type: ${given?.toLowerCase() ?? 'null'}`,
  });
}
