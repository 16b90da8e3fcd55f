/**
 * What the documents of multipart uploads share.
 *
 * Owns:          the names of checksum elements; the upload id of a request.
 * Knows:         the S3 API reference.
 * Must not know: which operation writes it.
 */
import type { UploadId } from '../../schemas/ids.ts';
import { parseUploadId } from '../../schemas/ids.ts';
import type { ChecksumAlgorithm, StoredChecksum } from '../../schemas/records/checksum.ts';
import { CHECKSUM_ALGORITHMS } from '../../schemas/records/checksum.ts';
import type { S3Call } from './s3-call.ts';
import { S3Error } from './s3-error.ts';
import { element } from './xml-writer.ts';

/** `ChecksumCRC32` and so on → its algorithm. */
export const CHECKSUM_ELEMENTS: ReadonlyMap<string, ChecksumAlgorithm> = new Map(
  CHECKSUM_ALGORITHMS.map(algorithm => [`Checksum${algorithm}`, algorithm]),
);

/** Nothing when there is none. */
export function checksumElement(checksum: StoredChecksum | undefined): string {
  return checksum === undefined ? '' : element(`Checksum${checksum.algorithm}`, checksum.value);
}

/** @throws S3Error NoSuchUpload for what cannot be an upload id: it names no upload. */
export function uploadIdOfCall({ query }: S3Call): UploadId {
  const uploadId = parseUploadId(query.get('uploadId') ?? '');
  if (uploadId === undefined) throw new S3Error('NoSuchUpload');
  return uploadId;
}
