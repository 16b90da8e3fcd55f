/**
 * What a request names: its bucket, its key and its query parameters.
 *
 * Owns:          the two addressing styles, and the strict decoding of paths and queries.
 * Knows:         RFC 3986 percent-encoding; S3's path style and virtual-host style.
 * Must not know: operations, permissions, whether what is named exists.
 *
 * A key is the bytes the client sent, decoded once: nothing is normalised, no slash is dropped, and
 * `..` is two dots. What does not decode to valid UTF-8 is refused and never repaired: a repaired
 * key is another key. With both styles at once the host names the bucket and the path is the key.
 */
import type { ObjectKey } from '../../schemas/ids.ts';
import { OBJECT_KEY_BYTES_MAX } from '../../schemas/limits.ts';
import { domainSuffix, hostName, labelBefore } from '../http/host-name.ts';
import { decodePercent } from '../http/percent-decoding.ts';
import { S3Error } from './s3-error.ts';
import type { QueryParameters } from './s3-call.ts';

export type RequestTarget =
  | { readonly place: 'service' }
  | { readonly place: 'bucket'; readonly bucketName: string }
  | { readonly place: 'object'; readonly bucketName: string; readonly key: ObjectKey };

const SERVICE: RequestTarget = { place: 'service' };
const NO_PARAMETERS: QueryParameters = new Map();
/** Shorter keys need no counting: a UTF-16 unit is at most 3 bytes of UTF-8. */
const SURELY_SHORT_UNITS = Math.floor(OBJECT_KEY_BYTES_MAX / 3);

/**
 * Parameters that mean something to an operation: one given twice has no one meaning. Signature
 * parameters are not among them, because authentication refuses their duplicates itself.
 */
const SINGLE: ReadonlySet<string> = new Set([
  'continuation-token',
  'delete',
  'delimiter',
  'encoding-type',
  'fetch-owner',
  'key-marker',
  'list-type',
  'marker',
  'max-buckets',
  'max-keys',
  'max-parts',
  'max-uploads',
  'part-number-marker',
  'partNumber',
  'prefix',
  'start-after',
  'upload-id-marker',
  'uploadId',
  'uploads',
  'versionId',
]);

/** Reads targets; remembers the last Host, which nearly all requests of a door share. */
export class TargetReader {
  readonly #suffix: string | undefined;
  #lastHost = '';
  #lastBucket: string | undefined;

  /** `rootDomain`: leading dots are ignored; undefined leaves path style alone. */
  constructor(rootDomain: string | undefined) {
    this.#suffix = domainSuffix(rootDomain ?? '');
  }

  /** @throws S3Error InvalidURI, KeyTooLongError, InvalidBucketName or InvalidHostHeader. */
  read(rawPath: string, host: string | undefined): RequestTarget {
    const vhostBucket = this.#bucketOfHost(host ?? '');
    if (vhostBucket !== undefined) return targetIn(vhostBucket, rawPath.slice(1));
    if (rawPath === '/') return SERVICE;
    const slash = rawPath.indexOf('/', 1);
    const name = decodeStrictly(slash < 0 ? rawPath.slice(1) : rawPath.slice(1, slash));
    if (name === '') throw new S3Error('InvalidBucketName');
    return targetIn(name, slash < 0 ? '' : rawPath.slice(slash + 1));
  }

  #bucketOfHost(host: string): string | undefined {
    if (host === this.#lastHost) return this.#lastBucket;
    const bucket = bucketOfHost(host, this.#suffix);
    this.#lastHost = host;
    this.#lastBucket = bucket;
    return bucket;
  }
}

/**
 * The parameters of a raw query: percent-encoding and `+` decoded, in both names and values.
 *
 * @throws S3Error InvalidURI for what does not decode; InvalidArgument for a parameter with a
 *   meaning that is given twice.
 */
export function parseParameters(rawQuery: string): QueryParameters {
  if (rawQuery === '') return NO_PARAMETERS;
  const parameters = new Map<string, string>();
  for (const piece of rawQuery.split('&')) {
    if (piece === '') continue;
    const equals = piece.indexOf('=');
    const name = decodeQuery(equals < 0 ? piece : piece.slice(0, equals));
    if (!parameters.has(name)) {
      parameters.set(name, equals < 0 ? '' : decodeQuery(piece.slice(equals + 1)));
    } else if (SINGLE.has(name)) {
      throw new S3Error('InvalidArgument', {
        message: 'A parameter is given more than once.',
        fields: { ArgumentName: name },
      });
    }
  }
  return parameters;
}

function targetIn(bucketName: string, rawKey: string): RequestTarget {
  if (rawKey === '') return { place: 'bucket', bucketName };
  const key = decodeStrictly(rawKey);
  if (key.length > SURELY_SHORT_UNITS) {
    const sizeBytes = Buffer.byteLength(key);
    if (sizeBytes > OBJECT_KEY_BYTES_MAX) {
      throw new S3Error('KeyTooLongError', {
        fields: { Size: String(sizeBytes), MaxSizeAllowed: String(OBJECT_KEY_BYTES_MAX) },
      });
    }
  }
  return { place: 'object', bucketName, key: key as ObjectKey };
}

function decodeQuery(text: string): string {
  return decodeStrictly(text.includes('+') ? text.replaceAll('+', ' ') : text);
}

/** What does not decode is refused. */
function decodeStrictly(text: string): string {
  const decoded = decodePercent(text);
  if (decoded === undefined) throw new S3Error('InvalidURI');
  return decoded;
}

function bucketOfHost(host: string, suffix: string | undefined): string | undefined {
  const name = hostName(host);
  if (name === undefined) throw new S3Error('InvalidHostHeader');
  const label = suffix === undefined ? undefined : labelBefore(name, suffix);
  if (label === '') throw new S3Error('InvalidHostHeader');
  return label;
}
