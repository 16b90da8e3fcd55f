/**
 * Signatures in the query: presigned URLs.
 *
 * Owns:          which mechanism a query uses, its X-Amz-* parameters, and the x-amz-* parameters
 *                that stand for headers.
 * Knows:         "Authenticating Requests: Using Query Parameters".
 * Must not know: keys, the clock.
 *
 * A signer moves headers into the query so that whoever uses the URL need not send them. Values
 * come percent-encoded, so they may hold what no header can; such a value is refused, for it would
 * reach an answer's headers one day.
 */
import { PRESIGNED_SECONDS_MAX } from '../../schemas/limits.ts';
import { S3Error } from '../s3/s3-error.ts';
import { ALGORITHM } from './authorization-header.ts';
import { SIGNATURE_PARAMETER, decodedComponent, type QueryParameter } from './canonical-query.ts';

const ALGORITHM_PARAMETER = 'X-Amz-Algorithm';
const CREDENTIAL_PARAMETER = 'X-Amz-Credential';
const DATE_PARAMETER = 'X-Amz-Date';
const EXPIRES_PARAMETER = 'X-Amz-Expires';
const SIGNED_HEADERS_PARAMETER = 'X-Amz-SignedHeaders';
const REQUIRED = [
  ALGORITHM_PARAMETER,
  CREDENTIAL_PARAMETER,
  DATE_PARAMETER,
  EXPIRES_PARAMETER,
  SIGNED_HEADERS_PARAMETER,
  SIGNATURE_PARAMETER,
] as const;
const HOISTED_PREFIX = 'x-amz-';
const EXPIRES_DIGITS_MAX = 10;

/**
 * The value of a checksum in the query is signed but not compared, as with S3: SDKs presign an
 * upload before there is a body, and put the checksum of nothing there. As a header it counts.
 */
const CHECKSUM_PREFIX = 'x-amz-checksum-';
const checksumSettings: ReadonlySet<string> = new Set([
  'x-amz-checksum-algorithm',
  'x-amz-checksum-mode',
  'x-amz-checksum-type',
]);
const CHECKSUM_NOTE = 'x-amz-sdk-checksum-algorithm';

/** Those of the signature itself; they never stand for a header. */
const ofSignature: ReadonlySet<string> = new Set(REQUIRED.map(name => name.toLowerCase()));

export type QueryMechanism = 'none' | 'signature-v4' | 'signature-v2';

export function queryMechanism(parameters: readonly QueryParameter[]): QueryMechanism {
  let mechanism: QueryMechanism = 'none';
  for (const { name } of parameters) {
    if (
      name === ALGORITHM_PARAMETER ||
      name === CREDENTIAL_PARAMETER ||
      name === SIGNATURE_PARAMETER
    ) {
      return 'signature-v4';
    }
    if (name === 'Signature' || name === 'AWSAccessKeyId') mechanism = 'signature-v2';
  }
  return mechanism;
}

export type PresignedFields = {
  readonly credential: string;
  /** As sent: YYYYMMDDTHHMMSSZ when the client is right. */
  readonly date: string;
  readonly expiresSeconds: number;
  readonly signedHeaders: string;
  readonly signature: string;
  /** Parameters that stand for headers: names in lower case, values decoded and trimmed. */
  readonly hoisted: readonly (readonly [name: string, value: string])[];
};

/**
 * @throws S3Error AuthorizationQueryParametersError (a parameter is missing, repeated or out of
 *   range), SignatureDoesNotMatch (two signatures), InvalidArgument (a hoisted header is none).
 */
export function parsePresigned(parameters: readonly QueryParameter[]): PresignedFields {
  const found = new Map<string, string>();
  const hoisted: (readonly [string, string])[] = [];
  for (const { name, value } of parameters) {
    if ((REQUIRED as readonly string[]).includes(name)) {
      if (found.has(name)) throw repeated(name);
      found.set(name, decodedComponent(value));
    } else if (isHoisted(name)) {
      hoisted.push(hoistedHeader(name, value));
    }
  }
  for (const name of REQUIRED) {
    if ((found.get(name) ?? '') === '') {
      throw queryError(INCOMPLETE);
    }
  }
  if (found.get(ALGORITHM_PARAMETER) !== ALGORITHM) {
    throw queryError(`${ALGORITHM_PARAMETER} supports only "${ALGORITHM}".`);
  }
  return {
    credential: found.get(CREDENTIAL_PARAMETER) ?? '',
    date: found.get(DATE_PARAMETER) ?? '',
    expiresSeconds: parseExpires(found.get(EXPIRES_PARAMETER) ?? ''),
    signedHeaders: found.get(SIGNED_HEADERS_PARAMETER) ?? '',
    signature: found.get(SIGNATURE_PARAMETER) ?? '',
    hoisted,
  };
}

const INCOMPLETE =
  'Query-string authentication version 4 requires the X-Amz-Algorithm, X-Amz-Credential, ' +
  'X-Amz-Signature, X-Amz-Date, X-Amz-SignedHeaders, and X-Amz-Expires parameters.';

/** The refusal of everything that is wrong with the parameters themselves. */
export function queryError(message: string): S3Error {
  return new S3Error('AuthorizationQueryParametersError', { message });
}

function repeated(name: string): S3Error {
  return name === SIGNATURE_PARAMETER
    ? new S3Error('SignatureDoesNotMatch')
    : queryError(`${name} is there more than once.`);
}

function parseExpires(text: string): number {
  const isNumber = text.length <= EXPIRES_DIGITS_MAX && /^\d+$/.test(text);
  if (text.startsWith('-')) throw queryError(`${EXPIRES_PARAMETER} must be non-negative`);
  if (!isNumber) throw queryError(`${EXPIRES_PARAMETER} should be a number`);
  const seconds = Number(text);
  if (seconds < 1) throw queryError(`${EXPIRES_PARAMETER} must be at least a second`);
  if (seconds > PRESIGNED_SECONDS_MAX) {
    throw queryError(
      `${EXPIRES_PARAMETER} must be less than a week (in seconds); that is, the given ` +
        `${EXPIRES_PARAMETER} must be less than ${PRESIGNED_SECONDS_MAX} seconds`,
    );
  }
  return seconds;
}

function isHoisted(name: string): boolean {
  if (name.length <= HOISTED_PREFIX.length) return false;
  const lower = name.toLowerCase();
  if (!lower.startsWith(HOISTED_PREFIX) || ofSignature.has(lower)) return false;
  if (lower.startsWith(CHECKSUM_PREFIX)) return checksumSettings.has(lower);
  return lower !== CHECKSUM_NOTE;
}

function hoistedHeader(name: string, value: string): readonly [string, string] {
  const decodedName = decodedComponent(name).toLowerCase();
  const decodedValue = decodedComponent(value).trim();
  // RFC 9110 5.6.2 (token) and 5.5 (field value).
  const isHeader =
    /^[a-z0-9!#$&'*+.^_`|~-]+$/.test(decodedName) && !hasControlCharacter(decodedValue);
  if (isHeader) return [decodedName, decodedValue];
  throw new S3Error('InvalidArgument', {
    message: 'A parameter of the query stands for a header but is none.',
    fields: { ArgumentName: name, ArgumentValue: value },
  });
}

function hasControlCharacter(text: string): boolean {
  for (let index = 0; index < text.length; index++) {
    const code = text.charCodeAt(index);
    if ((code < 0x20 && code !== 0x09) || code === 0x7f) return true;
  }
  return false;
}
