/**
 * The checksum and the ETag of an object that was uploaded in parts.
 *
 * Owns:          how they follow from those of the parts, and what a client may expect of them.
 * Knows:         "Checking object integrity": composite and full-object checksums.
 * Must not know: how parts are chosen or stored.
 */
import { createHash } from 'node:crypto';
import { assert } from '../../schemas/assert.ts';
import type { StoredChecksum } from '../../schemas/records/checksum.ts';
import { CHECKSUM_ALGORITHMS } from '../../schemas/records/checksum.ts';
import type { PartRow, UploadRow } from '../../schemas/records/upload-row.ts';
import type { RequestHeaders } from '../http/exchange.ts';
import { ChecksumMaker } from '../object/checksum-maker.ts';
import { checkedValue, checksumHeader } from './checksum-headers.ts';
import { CrcCombiner, isCombinable } from './crc-combine.ts';
import { S3Error } from './s3-error.ts';

/** MD5 of the parts' MD5s, with their number. */
export function etagOfParts(etags: readonly string[]): string {
  const md5 = createHash('md5');
  for (const etag of etags) md5.update(etag, 'hex');
  return `${md5.digest('hex')}-${String(etags.length)}`;
}

/**
 * The checksum that the upload promised.
 *
 * Rejects with S3Error InvalidPart when a part has none of this algorithm.
 */
export async function checksumOfParts(
  upload: UploadRow,
  parts: readonly PartRow[],
): Promise<StoredChecksum | undefined> {
  if (upload.checksum === undefined) return undefined;
  const { algorithm, type } = upload.checksum;
  const pieces = parts.map(part => {
    if (part.checksum?.algorithm === algorithm) return Buffer.from(part.checksum.value, 'base64');
    throw new S3Error('InvalidPart', {
      message: `Part ${String(part.partNumber)} has no ${algorithm} checksum.`,
    });
  });
  if (type === 'COMPOSITE') {
    const maker = new ChecksumMaker();
    await maker.prepare(algorithm);
    const digest = maker.of(algorithm, Buffer.concat(pieces));
    return { algorithm, type, value: `${digest.toString('base64')}-${String(parts.length)}` };
  }
  assert(isCombinable(algorithm), 'only CRCs are promised for the whole object');
  const combiner = new CrcCombiner(algorithm);
  parts.forEach(({ sizeBytes }, index) => {
    const piece = pieces[index];
    if (piece !== undefined) combiner.append(piece, sizeBytes);
  });
  return { algorithm, type, value: combiner.digest().toString('base64') };
}

/**
 * Compares what the client says of the whole object.
 *
 * @throws S3Error InvalidRequest when it names a checksum that the upload does not have, BadDigest
 *   when the value differs.
 */
export function checkExpected(headers: RequestHeaders, checksum: StoredChecksum | undefined): void {
  const type = headers.get('x-amz-checksum-type')?.toUpperCase();
  if (type !== undefined && type !== checksum?.type) {
    throw invalid(
      checksum === undefined
        ? 'The upload was created without a checksum.'
        : `The upload was created using the ${checksum.type} checksum mode. ` +
            'The complete request must use the same checksum mode.',
    );
  }
  let found = 0;
  for (const algorithm of CHECKSUM_ALGORITHMS) {
    const name = checksumHeader(algorithm);
    const value = headers.get(name);
    if (value === undefined) continue;
    found += 1;
    if (found > 1) throw invalid('Expecting a single x-amz-checksum- header.');
    if (checksum?.algorithm !== algorithm) {
      throw invalid(`The upload was not created with a ${algorithm} checksum.`);
    }
    compare(name, value, checksum);
  }
}

function compare(name: string, value: string, checksum: StoredChecksum): void {
  const dash = checksum.type === 'COMPOSITE' ? value.lastIndexOf('-') : -1;
  // The number of parts may be left out.
  checkedValue(name, checksum.algorithm, dash < 0 ? value : value.slice(0, dash));
  const expected = dash < 0 ? checksum.value.replace(/-\d+$/, '') : checksum.value;
  if (value === expected) return;
  throw new S3Error('BadDigest', {
    message: `The ${checksum.algorithm} you specified did not match the calculated checksum.`,
  });
}

function invalid(message: string): S3Error {
  return new S3Error('InvalidRequest', { message });
}
