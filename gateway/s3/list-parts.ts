/**
 * ListParts.
 *
 * Owns:          its parameters and document.
 * Knows:         the S3 API reference.
 * Must not know: how attempts at parts are stored.
 */
import { tableRefusal } from '../object/refusals.ts';
import type { UploadRow } from '../../schemas/records/upload-row.ts';
import type { PartRow } from '../../schemas/records/upload-row.ts';
import { ownerXml } from './bucket.ts';
import { customerKeyOf } from './customer-key-headers.ts';
import { abortHeaders } from './lifecycle-headers.ts';
import { entriesMax, integerOf } from './list-parameters.ts';
import { TimeWriter } from './list-times.ts';
import { placeOf } from './object-place.ts';
import type { ObjectCall, S3Handler } from './s3-call.ts';
import { keyOfUpload, toldPart } from './upload-encryption.ts';
import { checksumElement, uploadIdOfCall } from './upload-xml.ts';
import { xmlReply } from './xml-reply.ts';
import { element, s3Document, wrap } from './xml-writer.ts';
import { timestampMs } from '../../schemas/timestamp.ts';

type PartPage = {
  readonly upload: UploadRow;
  readonly parts: readonly PartRow[];
  readonly truncated: boolean;
};

export const listParts: S3Handler<ObjectCall> = async (call, { tables, calendar }) => {
  const { query } = call;
  const uploadId = uploadIdOfCall(call);
  const given = customerKeyOf(call.headers);
  const place = placeOf(call);
  const maxParts = entriesMax(query, 'max-parts');
  const after = integerOf(query, 'part-number-marker') ?? 0;
  const answer = await tables.askPlace({
    kind: 'part-list',
    place,
    uploadId,
    after,
    // The upload must exist even when no part is wanted.
    limit: Math.max(1, maxParts),
  });
  if (answer.kind !== 'parts') throw tableRefusal(answer);
  const key = keyOfUpload(answer.upload, place, given);
  const told = answer.parts.map(part => toldPart(part, place, key));
  const page =
    maxParts === 0 ? { ...answer, parts: [], truncated: false } : { ...answer, parts: told };
  const begun = { key: call.key, createdMs: timestampMs(uploadId) };
  const headers = abortHeaders(call.bucket, calendar, begun);
  return xmlReply(document(call, page, { after, maxParts }), headers);
};

function document(
  { bucketName, key, caller }: ObjectCall,
  { upload, parts, truncated }: PartPage,
  { after, maxParts }: { readonly after: number; readonly maxParts: number },
): string {
  const initiator = element('ID', upload.initiator) + element('DisplayName', upload.initiator);
  const { checksum } = upload;
  const times = new TimeWriter();
  const content =
    element('Bucket', bucketName) +
    element('Key', key) +
    element('UploadId', upload.uploadId) +
    wrap('Initiator', initiator) +
    wrap('Owner', caller === undefined ? '' : ownerXml(caller)) +
    element('StorageClass', 'STANDARD') +
    element('PartNumberMarker', after) +
    element('NextPartNumberMarker', parts.at(-1)?.partNumber ?? 0) +
    element('MaxParts', maxParts) +
    (checksum === undefined
      ? ''
      : element('ChecksumAlgorithm', checksum.algorithm) + element('ChecksumType', checksum.type)) +
    element('IsTruncated', truncated) +
    parts.map(part => partXml(part, times)).join('');
  return s3Document('ListPartsResult', content);
}

function partXml(part: PartRow, times: TimeWriter): string {
  return wrap(
    'Part',
    element('PartNumber', part.partNumber) +
      element('LastModified', times.write(timestampMs(part.timestamp))) +
      element('ETag', `"${part.etag}"`) +
      element('Size', part.sizeBytes) +
      checksumElement(part.checksum),
  );
}
