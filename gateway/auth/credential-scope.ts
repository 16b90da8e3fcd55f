/**
 * The credential of a signature: access key id and scope, and what is wrong with it.
 *
 * Owns:          parsing `id/date/region/service/aws4_request` and checking it against this door.
 * Knows:         AWS's credential scope.
 * Must not know: whether it came in a header or in the query; the caller names the error code.
 */
import { S3Error, type S3ErrorCode } from '../s3/s3-error.ts';

const TERMINATOR = 'aws4_request';
const DATE_CHARACTERS = 8;

export type CredentialScope = {
  readonly accessKeyId: string;
  /** YYYYMMDD */
  readonly date: string;
  readonly region: string;
  readonly service: string;
  /** `date/region/service/aws4_request` */
  readonly scope: string;
  /** The whole credential as sent. */
  readonly text: string;
};

export type ScopeExpectation = {
  readonly region: string;
  readonly service: string;
  /** The code of a refusal, which differs between header and query. */
  readonly code: S3ErrorCode;
};

/** @throws S3Error `expected.code` for anything but a credential of this region and service. */
export function parseCredential(text: string, expected: ScopeExpectation): CredentialScope {
  const afterId = text.indexOf('/');
  const afterDate = text.indexOf('/', afterId + 1);
  const afterRegion = text.indexOf('/', afterDate + 1);
  const afterService = text.indexOf('/', afterRegion + 1);
  const isComplete = afterId > 0 && afterDate > 0 && afterRegion > 0 && afterService > 0;
  if (!isComplete || afterDate <= afterId || afterRegion <= afterDate) {
    throw new S3Error(expected.code, {
      message: 'The Credential must be "<key id>/YYYYMMDD/REGION/SERVICE/aws4_request".',
    });
  }
  const credential: CredentialScope = {
    accessKeyId: text.slice(0, afterId),
    date: text.slice(afterId + 1, afterDate),
    region: text.slice(afterDate + 1, afterRegion),
    service: text.slice(afterRegion + 1, afterService),
    scope: text.slice(afterId + 1),
    text,
  };
  checkScope(credential, text.slice(afterService + 1), expected);
  return credential;
}

function checkScope(
  { date, region, service }: CredentialScope,
  terminator: string,
  expected: ScopeExpectation,
): void {
  if (date.length !== DATE_CHARACTERS) {
    throw new S3Error(expected.code, { message: 'The date of the Credential must be YYYYMMDD.' });
  }
  if (region !== expected.region) {
    throw new S3Error(expected.code, {
      message:
        `The authorization header is malformed; the region '${region}' is wrong; ` +
        `expecting '${expected.region}'`,
      fields: { Region: expected.region },
    });
  }
  if (service !== expected.service) {
    throw new S3Error(expected.code, {
      message: `The service "${service}" is wrong; this endpoint belongs to "${expected.service}".`,
      fields: { Region: expected.region },
    });
  }
  if (terminator !== TERMINATOR) {
    throw new S3Error(expected.code, {
      message: `The Credential must end with "${TERMINATOR}".`,
      fields: { Region: expected.region },
    });
  }
}

/** @throws S3Error when the scope's date is not the day of the request (YYYYMMDDT…). */
export function checkScopeDate(
  { date }: CredentialScope,
  timestamp: string,
  expected: ScopeExpectation,
): void {
  if (timestamp.startsWith(date)) return;
  throw new S3Error(expected.code, {
    message: `The date of the Credential, "${date}", is not the day of the request's date.`,
    fields: { Region: expected.region },
  });
}
