/**
 * The checksum headers of S3: which checksum a request carries, and how one is told.
 *
 * Owns:          reading `x-amz-checksum-*`, `x-amz-trailer` and `x-amz-sdk-checksum-algorithm`.
 * Knows:         the S3 user guide, "Checking object integrity for data uploads".
 * Must not know: how a checksum is computed, or which operation is under way.
 *
 * A request that carries none is stored without one: S3 itself would add a CRC64NVME of its own.
 */
import type { ChecksumAlgorithm, StoredChecksum } from '../../schemas/records/checksum.ts';
import { CHECKSUM_ALGORITHMS, CHECKSUM_BYTES } from '../../schemas/records/checksum.ts';
import type { RequestHeaders } from '../http/exchange.ts';
import { base64Bytes } from './base64-bytes.ts';
import { S3Error } from './s3-error.ts';

/** The checksum that a body must have, or that is asked for. */
export type BodyChecksum = {
  readonly algorithm: ChecksumAlgorithm;
  /** Base64 in the canonical form; absent when it comes in the trailer, or is only asked for. */
  readonly expected?: string;
  /** The trailer that carries it. */
  readonly trailer?: string;
};

const HEADER_PREFIX = 'x-amz-checksum-';
const ALGORITHMS: ReadonlyMap<string, ChecksumAlgorithm> = new Map(
  CHECKSUM_ALGORITHMS.map(algorithm => [checksumHeader(algorithm), algorithm]),
);
const NO_TRAILERS: ReadonlySet<string> = new Set();

/** The header that carries a checksum of this algorithm, in lower case. */
export function checksumHeader(algorithm: ChecksumAlgorithm): string {
  return HEADER_PREFIX + algorithm.toLowerCase();
}

/** The algorithm as headers name it, in any case; undefined for another. */
export function parseAlgorithm(text: string): ChecksumAlgorithm | undefined {
  const upper = text.toUpperCase();
  return CHECKSUM_ALGORITHMS.find(algorithm => algorithm === upper);
}

/**
 * The checksum of the body, from the headers and the names of the announced trailers.
 *
 * @throws S3Error InvalidRequest: two checksums, a malformed one, or
 *   `x-amz-sdk-checksum-algorithm` without the checksum it announces.
 */
export function bodyChecksum(
  headers: RequestHeaders,
  trailers: ReadonlySet<string> = NO_TRAILERS,
): BodyChecksum | undefined {
  let found: BodyChecksum | undefined;
  // A request has fewer headers than there are algorithms to look up.
  for (const [name] of headers.entries) {
    const algorithm = name.startsWith(HEADER_PREFIX) ? ALGORITHMS.get(name) : undefined;
    if (algorithm === undefined) continue;
    if (found !== undefined) throw severalChecksums();
    found = { algorithm, expected: checkedValue(name, algorithm, headers.get(name) ?? '') };
  }
  for (const name of trailers) {
    const algorithm = ALGORITHMS.get(name);
    if (algorithm === undefined) continue;
    if (found !== undefined) throw severalChecksums();
    found = { algorithm, trailer: name };
  }
  checkAnnounced(headers, found);
  return found ?? askedChecksum(headers);
}

/** @throws S3Error InvalidRequest when it is not base64 of the algorithm's length. */
export function checkedValue(name: string, algorithm: ChecksumAlgorithm, value: string): string {
  if (base64Bytes(value, CHECKSUM_BYTES[algorithm]) !== undefined) return value;
  throw invalid(`The value of ${name} is not valid.`);
}

/** The response headers that tell a checksum. */
export function checksumReplyHeaders(
  checksum: StoredChecksum | undefined,
): (readonly [name: string, value: string])[] {
  if (checksum === undefined) return [];
  return [
    [checksumHeader(checksum.algorithm), checksum.value],
    ['x-amz-checksum-type', checksum.type],
  ];
}

/** `x-amz-checksum-algorithm`: a checksum that the server is asked to compute. */
export function askedChecksum(headers: RequestHeaders): BodyChecksum | undefined {
  const text = headers.get('x-amz-checksum-algorithm');
  if (text === undefined) return undefined;
  const algorithm = parseAlgorithm(text);
  if (algorithm === undefined) throw invalid('The value of x-amz-checksum-algorithm is not valid.');
  return { algorithm };
}

function checkAnnounced(headers: RequestHeaders, found: BodyChecksum | undefined): void {
  const text = headers.get('x-amz-sdk-checksum-algorithm');
  if (text === undefined) return;
  const algorithm = parseAlgorithm(text);
  if (algorithm === undefined || (found !== undefined && found.algorithm !== algorithm)) {
    throw invalid('The value of x-amz-sdk-checksum-algorithm is not valid.');
  }
  if (found !== undefined) return;
  throw invalid(
    'x-amz-sdk-checksum-algorithm needs the x-amz-checksum- header or trailer it announces.',
  );
}

function severalChecksums(): S3Error {
  return invalid('Expecting a single x-amz-checksum- header or trailer.');
}

function invalid(message: string): S3Error {
  return new S3Error('InvalidRequest', { message });
}
