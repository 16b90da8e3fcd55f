/**
 * The key of an upload in parts: every request of it must come with the one that it began with.
 *
 * Owns:          the comparison, and what is said of a key too few, too many, or another one.
 * Knows:         the S3 API reference of the operations on uploads.
 * Must not know: how a part is encrypted.
 */
import type { ObjectPlace } from '../../schemas/messages/table.ts';
import type { PartRow, UploadRow } from '../../schemas/records/upload-row.ts';
import type { CustomerKey } from '../object/customer-key.ts';
import { openPart } from '../object/unlock.ts';
import { S3Error } from './s3-error.ts';

/** What a part of the upload is encrypted with. @throws S3Error InvalidRequest. */
export function keyOfPartWrite(
  upload: UploadRow,
  place: ObjectPlace,
  given: CustomerKey | undefined,
): CustomerKey | undefined {
  if (upload.encryption !== undefined && given === undefined) {
    throw invalid(
      'The multipart upload initiate requested encryption. Subsequent part requests must include ' +
        'the appropriate encryption parameters.',
    );
  }
  return keyOfUpload(upload, place, given);
}

/** The same where the key may be left out. */
export function keyOfUpload(
  { uploadId, encryption }: UploadRow,
  place: ObjectPlace,
  given: CustomerKey | undefined,
): CustomerKey | undefined {
  if (given === undefined) return undefined;
  if (encryption === undefined) {
    throw invalid(
      'The multipart upload initiate did not request encryption. Please resend the request ' +
        'without sending encryption parameters.',
    );
  }
  if (given.keysOf(encryption, { kind: 'upload', place, uploadId }) !== undefined) return given;
  throw invalid('The provided encryption parameters did not match the ones used originally.');
}

/** A part as it is told to who gave this key; without one, the checksum of an encrypted part is
 *  not told. */
export function toldPart(part: PartRow, place: ObjectPlace, key: CustomerKey | undefined): PartRow {
  if (part.encryption === undefined) return part;
  if (key !== undefined) return openPart(key, { place }, part);
  const { checksum: _checksum, ...told } = part;
  return told;
}

/** @throws S3Error InvalidRequest where checksums of encrypted parts are needed without a key. */
export function checkKeyForChecksums(upload: UploadRow, key: CustomerKey | undefined): void {
  if (upload.encryption === undefined || key !== undefined) return;
  throw invalid(
    'To retrieve Part Checksum data requests must include appropriate encryption parameters.',
  );
}

function invalid(message: string): S3Error {
  return new S3Error('InvalidRequest', { message });
}
