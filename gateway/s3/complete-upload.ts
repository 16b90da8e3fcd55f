/**
 * CompleteMultipartUpload: the chosen parts become the object.
 *
 * Owns:          the order of the checks, the row that is written, the answer to a repeated
 *                request.
 * Knows:         the S3 API reference.
 * Must not know: how a version and its parts are stored; blocks.
 *
 * The answer to a client that lost the first one must be the first one: an upload that is not open
 * any more, but was completed with the same parts, is told as it was.
 */
import type { Randomness } from '../../schemas/environment.ts';
import { LIST_ENTRIES_MAX, XML_BODY_BYTES_MAX } from '../../schemas/limits.ts';
import type { UploadId } from '../../schemas/ids.ts';
import { versionIdOf } from '../../schemas/ids.ts';
import type { LifecycleCalendar } from '../../schemas/lifecycle-calendar.ts';
import type { ObjectPlace } from '../../schemas/messages/table.ts';
import type { BucketRow } from '../../schemas/records/bucket-row.ts';
import type { ObjectVersion, PartRef, VersionRef } from '../../schemas/records/object-row.ts';
import { versionRefOf } from '../../schemas/records/object-row.ts';
import type { PartRow, UploadRow } from '../../schemas/records/upload-row.ts';
import { timestampMs } from '../../schemas/timestamp.ts';
import type { HttpReply, RequestHeaders } from '../http/exchange.ts';
import { encryptedRow, type CustomerKey } from '../object/customer-key.ts';
import { readSmallBody } from '../object/payload.ts';
import { quotaOf } from '../object/quota.ts';
import { tableRefusal } from '../object/refusals.ts';
import { unlock } from '../object/unlock.ts';
import { extrasOf, writtenHeaders } from '../object/version-extras.ts';
import { customerKeyOf } from './customer-key-headers.ts';
import { expirationHeaders } from './lifecycle-headers.ts';
import { withDefault } from './object-lock-headers.ts';
import { placeOf } from './object-place.ts';
import { chooseParts, readAskedParts, type AskedPart } from './part-choice.ts';
import { originOf } from './request-origin.ts';
import type { ObjectCall, S3Handler, S3Services } from './s3-call.ts';
import { S3Error } from './s3-error.ts';
import { checkExpected, checksumOfParts, etagOfParts } from './upload-checksum.ts';
import { checkKeyForChecksums, keyOfUpload, toldPart } from './upload-encryption.ts';
import { checksumElement, uploadIdOfCall } from './upload-xml.ts';
import { conditionOfWrite } from './write-conditions.ts';
import { xmlReply } from './xml-reply.ts';
import { element, optionalElement, s3Document } from './xml-writer.ts';

type Uploaded = {
  readonly upload: UploadRow;
  /** Of an encrypted upload, if it was given. */
  readonly key: CustomerKey | undefined;
  readonly parts: ReadonlyMap<number, PartRow>;
};

const MD5_HEX = /^[0-9a-f]{32}$/;

export const completeMultipartUpload: S3Handler<ObjectCall> = async (call, services) => {
  const uploadId = uploadIdOfCall(call);
  const given = customerKeyOf(call.headers);
  const condition = conditionOfWrite(call, services);
  const expectedBytes = expectedSize(call.headers);
  const body = await readSmallBody(documentCall(call), XML_BODY_BYTES_MAX);
  const asked = readAskedParts(body);
  const place = placeOf(call);
  const search = { place, uploadId, asked, given };
  const found = await readUploaded(services, search);
  if (found === undefined) return repeated(call, services, search);
  const { upload, key } = found;
  const parts = chooseParts(upload, asked, found.parts);
  const row = await versionOf({ upload, parts, services, bucket: call.bucket });
  checkSize(expectedBytes, row.sizeBytes);
  checkExpected(call.headers, row.checksum);
  const answer = await services.tables.writeObject({
    kind: 'object-write',
    place,
    row: storedRow(row, upload, { place, key, random: services.random }),
    completes: { uploadId, parts: parts.map(partRef) },
    condition,
    quota: quotaOf(call.bucket),
  });
  if (answer.kind !== 'written' && answer.kind !== 'completed-before') throw tableRefusal(answer);
  const version = answer.kind === 'written' ? answer.version : answer.versionId;
  return completedReply(call, services.calendar, { row, version });
};

/** The checksum headers of this request speak of the object, not of its body. */
function documentCall(call: ObjectCall): ObjectCall {
  return { ...call, headers: new WithoutChecksums(call.headers) };
}

class WithoutChecksums implements RequestHeaders {
  readonly #headers: RequestHeaders;

  constructor(headers: RequestHeaders) {
    this.#headers = headers;
  }

  get(name: string): string | undefined {
    return isChecksumHeader(name) ? undefined : this.#headers.get(name);
  }

  count(name: string): number {
    return isChecksumHeader(name) ? 0 : this.#headers.count(name);
  }

  get entries(): RequestHeaders['entries'] {
    return this.#headers.entries.filter(([name]) => !isChecksumHeader(name));
  }
}

function isChecksumHeader(name: string): boolean {
  return name.startsWith('x-amz-checksum-') || name === 'x-amz-sdk-checksum-algorithm';
}

type Search = {
  readonly place: ObjectPlace;
  readonly uploadId: UploadId;
  readonly asked: readonly AskedPart[];
  /** The key that the client gave. */
  readonly given: CustomerKey | undefined;
};

/** undefined when the upload is not open. Reads no further than the last part asked for. Checksums
 *  of encrypted parts are opened page by page: ten thousand at once would hold others up. */
async function readUploaded(
  { tables }: S3Services,
  { place, uploadId, asked, given }: Search,
): Promise<Uploaded | undefined> {
  const parts = new Map<number, PartRow>();
  const last = asked.at(-1)?.partNumber ?? 0;
  let after = 0;
  for (;;) {
    const limit = LIST_ENTRIES_MAX;
    const answer = await tables.askPlace({ kind: 'part-list', place, uploadId, after, limit });
    if (answer.kind === 'no-such-upload') return undefined;
    if (answer.kind !== 'parts') throw tableRefusal(answer);
    const { upload } = answer;
    const key = keyOfUpload(upload, place, given);
    const needsChecksums = upload.checksum !== undefined || asked.some(part => part.checksum);
    if (needsChecksums) checkKeyForChecksums(upload, key);
    for (const part of answer.parts) parts.set(part.partNumber, toldPart(part, place, key));
    after = answer.parts.at(-1)?.partNumber ?? last;
    if (!answer.truncated || after >= last) return { upload, key, parts };
  }
}

async function versionOf(made: {
  readonly upload: UploadRow;
  readonly parts: readonly PartRow[];
  readonly services: S3Services;
  readonly bucket: BucketRow;
}): Promise<ObjectVersion> {
  const { upload, parts, services, bucket } = made;
  const timestamp = services.stamper.now();
  const checksum = await checksumOfParts(upload, parts);
  const { uploadId, tagging } = upload;
  const lock = withDefault(bucket, upload.lock, timestampMs(timestamp));
  return {
    kind: 'version',
    timestamp,
    versionId: versionIdOf(timestamp),
    sizeBytes: parts.reduce((sum, part) => sum + part.sizeBytes, 0),
    etag: etagOfParts(parts.map(part => part.etag)),
    content: { kind: 'parts', uploadId, partCount: parts.length },
    headers: upload.headers,
    ...(checksum === undefined ? {} : { checksum }),
    ...extrasOf(bucket, { tagging, lock }),
  };
}

/** An encrypted upload becomes an object that is encrypted with the same key. */
function storedRow(
  row: ObjectVersion,
  { uploadId, encryption }: UploadRow,
  {
    place,
    key,
    random,
  }: {
    readonly place: ObjectPlace;
    readonly key: CustomerKey | undefined;
    readonly random: Randomness;
  },
): ObjectVersion {
  if (encryption === undefined) return row;
  const keys = key?.keysOf(encryption, { kind: 'upload', place, uploadId });
  // Without the key there was no checksum that could be made of those of the parts.
  return keys === undefined
    ? { ...row, encryption }
    : encryptedRow(row, encryption, { keys, random });
}

function partRef({ partNumber, attemptId, sizeBytes }: PartRow): PartRef {
  return { partNumber, attemptId, sizeBytes };
}

/** What the client says the object's size is; undefined when it does not. */
function expectedSize(headers: RequestHeaders): number | undefined {
  const text = headers.get('x-amz-mp-object-size');
  if (text === undefined) return undefined;
  if (/^\d{1,15}$/.test(text)) return Number(text);
  throw new S3Error('InvalidArgument', {
    message: 'x-amz-mp-object-size is not a number of bytes.',
    fields: { ArgumentName: 'x-amz-mp-object-size', ArgumentValue: text },
  });
}

function checkSize(expectedBytes: number | undefined, sizeBytes: number): void {
  if (expectedBytes === undefined || expectedBytes === sizeBytes) return;
  throw new S3Error('InvalidRequest', {
    message: `The parts have ${String(sizeBytes)} bytes, x-amz-mp-object-size says otherwise.`,
  });
}

/** The first answer again, while its object is still there. */
async function repeated(
  call: ObjectCall,
  { tables, calendar }: S3Services,
  { place, uploadId, asked, given }: Search,
): Promise<HttpReply> {
  const ended = await tables.askPlace({ kind: 'upload-read', place, uploadId });
  if (ended.kind !== 'upload') throw tableRefusal(ended);
  const { state } = ended.upload;
  const isSame =
    state.kind === 'completed' &&
    asked.every(part => MD5_HEX.test(part.etag)) &&
    etagOfParts(asked.map(part => part.etag)) === state.etag;
  if (!isSame) throw new S3Error('NoSuchUpload');
  // Another version may be the current one by now: this one is asked for by its name.
  const version = call.bucket.versioning === undefined ? undefined : state.versionId;
  const request = { kind: 'object-read', place, want: 'row' } as const;
  const made = await tables.askPlace({ ...request, version });
  const current = made.kind === 'object' && made.row !== undefined;
  const found = current ? made : await tables.askPlace(request);
  if (found.kind !== 'object') throw tableRefusal(found);
  const { row } = found;
  if (row?.kind !== 'version' || row.versionId !== state.versionId) {
    throw new S3Error('NoSuchUpload');
  }
  return completedReply(call, calendar, {
    row: toldRow(row, place, given),
    version: versionRefOf(row),
  });
}

/** The checksum of an encrypted object is told to who has its key. */
function toldRow(
  row: ObjectVersion,
  place: ObjectPlace,
  given: CustomerKey | undefined,
): ObjectVersion {
  if (row.encryption === undefined) return row;
  if (given !== undefined) return unlock({ kind: 'object', place, version: row }, given).version;
  const { checksum: _checksum, ...told } = row;
  return told;
}

function completedReply(
  call: ObjectCall,
  calendar: LifecycleCalendar,
  made: { readonly row: ObjectVersion; readonly version: VersionRef | undefined },
): HttpReply {
  const { etag, checksum, sizeBytes, timestamp, tagging } = made.row;
  const { bucket, bucketName, key, http } = call;
  const content =
    element('Location', `${originOf(http)}${http.rawPath}`) +
    element('Bucket', bucketName) +
    element('Key', key) +
    element('ETag', `"${etag}"`) +
    checksumElement(checksum) +
    optionalElement('ChecksumType', checksum?.type);
  const subject = {
    ...{ key, sizeBytes, createdMs: timestampMs(timestamp) },
    tags: tagging?.tags,
  };
  const headers = [
    ...writtenHeaders(bucket, made.version),
    ...expirationHeaders(bucket, calendar, subject),
  ];
  return xmlReply(s3Document('CompleteMultipartUploadResult', content), headers);
}
