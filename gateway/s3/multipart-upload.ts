/**
 * CreateMultipartUpload and AbortMultipartUpload.
 *
 * Owns:          what an upload promises from its beginning: headers, checksum algorithm and type.
 * Knows:         the S3 API reference; "Checking object integrity", which types go together.
 * Must not know: parts, how rows are stored.
 */
import { uploadIdOf } from '../../schemas/ids.ts';
import type { ChecksumType } from '../../schemas/records/checksum.ts';
import type { UploadRow } from '../../schemas/records/upload-row.ts';
import { timestampMs } from '../../schemas/timestamp.ts';
import type { HttpReply, ReplyHeaders, RequestHeaders } from '../http/exchange.ts';
import { tableRefusal } from '../object/refusals.ts';
import { askedAcl } from './access-control.ts';
import { parseAlgorithm } from './checksum-headers.ts';
import { isCombinable } from './crc-combine.ts';
import { customerKeyHeaders, customerKeyOf } from './customer-key-headers.ts';
import { abortHeaders } from './lifecycle-headers.ts';
import { checkUploadHeaders, storedHeaders, withAcl } from './object-headers.ts';
import { askedLock } from './object-lock-headers.ts';
import { placeOf } from './object-place.ts';
import { taggingOf } from './object-tagging.ts';
import type { ObjectCall, S3Handler } from './s3-call.ts';
import { S3Error } from './s3-error.ts';
import { uploadIdOfCall } from './upload-xml.ts';
import { checkInitiated } from './write-conditions.ts';
import { xmlReply } from './xml-reply.ts';
import { element, s3Document } from './xml-writer.ts';

type UploadChecksum = NonNullable<UploadRow['checksum']>;

export const createMultipartUpload: S3Handler<ObjectCall> = async (call, services) => {
  const { headers, auth, caller, bucketName, key } = call;
  checkUploadHeaders(headers);
  const checksum = askedChecksum(headers);
  const customerKey = customerKeyOf(headers);
  const tagging = taggingOf(headers);
  const lock = askedLock(call, services.clock.wallMs());
  const timestamp = services.stamper.now();
  const uploadId = uploadIdOf(timestamp);
  const place = placeOf(call);
  const name = { kind: 'upload', place, uploadId } as const;
  const encryption = customerKey?.newContent(services.random, name).encryption;
  const upload: UploadRow = {
    uploadId,
    timestamp,
    state: { kind: 'open' },
    headers: withAcl(storedHeaders(headers, auth), askedAcl(headers, call.bucket)),
    initiator: caller?.accessKeyId ?? '',
    ...(checksum === undefined ? {} : { checksum }),
    ...(tagging === undefined ? {} : { tagging }),
    ...(encryption === undefined ? {} : { encryption }),
    ...(lock === undefined ? {} : { lock }),
  };
  const answer = await services.tables.askPlace({ kind: 'upload-create', place, upload });
  if (answer.kind !== 'written') throw tableRefusal(answer);
  const content =
    element('Bucket', bucketName) + element('Key', key) + element('UploadId', uploadId);
  const begun = { key, createdMs: timestampMs(timestamp) };
  return xmlReply(s3Document('InitiateMultipartUploadResult', content), [
    ...checksumReplyHeaders(checksum),
    ...customerKeyHeaders(customerKey),
    ...abortHeaders(call.bucket, services.calendar, begun),
  ]);
};

export const abortMultipartUpload: S3Handler<ObjectCall> = async (
  call,
  { tables, stamper },
): Promise<HttpReply> => {
  const uploadId = uploadIdOfCall(call);
  const isConditional = checkInitiated(call.headers, timestampMs(uploadId)) === 'holds';
  const answer = await tables.askPlace({
    kind: 'upload-abort',
    place: placeOf(call),
    uploadId,
    timestamp: stamper.now(),
  });
  const isDone = answer.kind === 'no-such-upload' && isConditional;
  if (answer.kind !== 'written' && !isDone) throw tableRefusal(answer);
  return { status: 204, headers: [] };
};

/**
 * Which checksum every part must have, and how the object's is made of them.
 *
 * @throws S3Error InvalidRequest for an unknown algorithm or type, or two that do not go together:
 *   only CRCs can be combined to that of the whole, and S3 combines CRC64NVME in no other way.
 */
export function askedChecksum(headers: RequestHeaders): UploadChecksum | undefined {
  const name = headers.get('x-amz-checksum-algorithm');
  const typeName = headers.get('x-amz-checksum-type')?.toUpperCase();
  if (name === undefined) {
    if (typeName === undefined) return undefined;
    throw invalid(
      'The x-amz-checksum-type header can only be used with the x-amz-checksum-algorithm header.',
    );
  }
  const algorithm = parseAlgorithm(name);
  if (algorithm === undefined) throw invalid('The checksum algorithm is not supported.');
  const type = checksumType(typeName) ?? (algorithm === 'CRC64NVME' ? 'FULL_OBJECT' : 'COMPOSITE');
  const isPossible = type === 'FULL_OBJECT' ? isCombinable(algorithm) : algorithm !== 'CRC64NVME';
  if (isPossible) return { algorithm, type };
  const told = algorithm.toLowerCase();
  throw invalid(`The ${type} checksum type cannot be used with the ${told} checksum algorithm.`);
}

function checksumType(name: string | undefined): ChecksumType | undefined {
  if (name === undefined || name === 'FULL_OBJECT' || name === 'COMPOSITE') return name;
  throw invalid('Value for x-amz-checksum-type header is invalid.');
}

function checksumReplyHeaders(checksum: UploadChecksum | undefined): ReplyHeaders {
  if (checksum === undefined) return [];
  return [
    ['x-amz-checksum-algorithm', checksum.algorithm],
    ['x-amz-checksum-type', checksum.type],
  ];
}

function invalid(message: string): S3Error {
  return new S3Error('InvalidRequest', { message });
}
