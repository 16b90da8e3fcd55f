/**
 * Who sent a request: Signature Version 4, in the header or in the query.
 *
 * Owns:          the order of the checks and the one decision that a signature holds.
 * Knows:         S3's refusals ("Authenticating Requests (AWS Signature Version 4)").
 * Must not know: routes, permissions, bodies.
 *
 * The signature is verified for every payload mode and both places alike, before anything else
 * looks at the request. What a handler learns about the body (its mode) and about headers (the
 * effective ones) comes from here and is covered by the signature.
 */
import type { KeyObject } from 'node:crypto';
import { SIGNATURE_SKEW_MS_MAX } from '../../schemas/limits.ts';
import type { HttpRequest, RequestHeaders } from '../http/exchange.ts';
import { S3Error } from '../s3/s3-error.ts';
import { otherVersion, parseAuthorization } from './authorization-header.ts';
import { canonicalQuery, parseQuery, type QueryParameter } from './canonical-query.ts';
import {
  canonicalHeaders,
  canonicalRequest,
  parseSignedHeaders,
  stringToSign,
  unsignedHeaders,
  type SignedHeaderList,
} from './canonical-request.ts';
import { checkScopeDate, parseCredential, type CredentialScope } from './credential-scope.ts';
import { effectiveHeaders } from './effective-headers.ts';
import { UNSIGNED_PAYLOAD, parsePayloadMode, type PayloadMode } from './payload-mode.ts';
import { parsePresigned, queryError, queryMechanism } from './presigned-query.ts';
import {
  basicTime,
  extendedTime,
  parseBasicTime,
  parseHttpTime,
  type RequestTime,
} from './request-time.ts';
import { isSameSignature, signatureOf, type SigningKeys } from './signing-keys.ts';
import { canonicalPath, encodedPath } from './uri-encoding.ts';

export type Credentials = { readonly accessKeyId: string; readonly secretKey: string };

type FoundSecret = string | undefined;

export type AuthenticateOptions = {
  readonly region: string;
  readonly service: 's3' | 'k2v';
  readonly nowMs: number;
  /** One for each door, kept as long as the door: it remembers derived keys. */
  readonly signingKeys: SigningKeys;
  /** The secret of a live key; undefined when there is none. */
  readonly findSecret: (accessKeyId: string) => FoundSecret | Promise<FoundSecret>;
};

/** What the chunks of a streaming body are signed with. */
export type SigningContext = {
  /** YYYYMMDDTHHMMSSZ */
  readonly timestamp: string;
  /** `date/region/service/aws4_request` */
  readonly scope: string;
  readonly signingKey: KeyObject;
  /** The signature of the request, which the first chunk's continues. */
  readonly seedSignature: string;
};

export type Authenticated =
  /** No signature at all; the route decides whether that is enough. */
  | { readonly kind: 'anonymous'; readonly effectiveHeaders: RequestHeaders }
  | {
      readonly kind: 'signed';
      readonly accessKeyId: string;
      readonly presigned: boolean;
      readonly payload: PayloadMode;
      /** The headers that handlers must use: in a presigned URL some stand in the query. */
      readonly effectiveHeaders: RequestHeaders;
      readonly signing: SigningContext;
    };

/**
 * Answers at once when `findSecret` does, so that a known key costs no turn of the event loop.
 *
 * @throws S3Error with S3's code for every request whose signature does not hold; the promise
 *   rejects with the same.
 */
export function authenticate(
  request: HttpRequest,
  options: AuthenticateOptions,
): Authenticated | Promise<Authenticated> {
  const claim = readClaim(request, options);
  if (claim === undefined) return { kind: 'anonymous', effectiveHeaders: request.headers };
  const secret = options.findSecret(claim.credential.accessKeyId);
  if (typeof secret !== 'object') return verify(request, claim, options, secret);
  return secret.then(found => verify(request, claim, options, found));
}

/** What the client says: who signed, when, what; checked in form but not yet believed. */
type Claim = {
  readonly credential: CredentialScope;
  readonly timestamp: string;
  readonly signedHeaders: SignedHeaderList;
  readonly signature: string;
  readonly query: string;
  readonly payloadText: string;
  readonly payload: PayloadMode;
  readonly presigned: boolean;
  readonly headers: RequestHeaders;
};

function readClaim(request: HttpRequest, options: AuthenticateOptions): Claim | undefined {
  const { headers } = request;
  const parameters = parseQuery(request.rawQuery);
  const mechanism = queryMechanism(parameters);
  const authorization = headers.get('authorization') ?? '';
  if (authorization !== '') {
    if (mechanism !== 'none' || headers.count('authorization') > 1) {
      throw new S3Error('InvalidArgument', {
        message: 'Only one authorization mechanism is allowed: one header, or the query.',
        fields: { ArgumentName: 'Authorization', ArgumentValue: authorization },
      });
    }
    return headerClaim(request, authorization, parameters, options);
  }
  switch (mechanism) {
    case 'none':
      return undefined;
    case 'signature-v2':
      throw otherVersion();
    case 'signature-v4':
      return presignedClaim(request, parameters, options);
  }
}

function headerClaim(
  { headers }: HttpRequest,
  authorization: string,
  parameters: readonly QueryParameter[],
  { region, service, nowMs }: AuthenticateOptions,
): Claim {
  const fields = parseAuthorization(authorization);
  const expected = { region, service, code: 'AuthorizationHeaderMalformed' } as const;
  const credential = parseCredential(fields.credential, expected);
  const time = requestTime(headers);
  checkScopeDate(credential, time.timestamp, expected);
  checkSkew(time, nowMs);
  const payloadText = headers.get('x-amz-content-sha256');
  if (payloadText === undefined) {
    throw new S3Error('InvalidRequest', {
      message: 'The request lacks the header x-amz-content-sha256.',
    });
  }
  return {
    credential,
    timestamp: time.timestamp,
    signedHeaders: checkedSignedHeaders(fields.signedHeaders, headers),
    signature: fields.signature,
    query: canonicalQuery(parameters),
    payloadText,
    payload: parsePayloadMode(payloadText),
    presigned: false,
    headers,
  };
}

function presignedClaim(
  request: HttpRequest,
  parameters: readonly QueryParameter[],
  { region, service, nowMs }: AuthenticateOptions,
): Claim {
  const fields = parsePresigned(parameters);
  const expected = { region, service, code: 'AuthorizationQueryParametersError' } as const;
  const credential = parseCredential(fields.credential, expected);
  const time = parseBasicTime(fields.date);
  if (time === undefined) throw queryError('X-Amz-Date must be YYYYMMDDTHHMMSSZ.');
  checkScopeDate(credential, time.timestamp, expected);
  checkLifetime(time, fields.expiresSeconds, nowMs);
  const signedHeaders = checkedSignedHeaders(fields.signedHeaders, request.headers);
  const headers = effectiveHeaders(request.headers, fields.hoisted);
  const payloadText = headers.get('x-amz-content-sha256') ?? UNSIGNED_PAYLOAD;
  return {
    credential,
    timestamp: time.timestamp,
    signedHeaders,
    signature: fields.signature,
    query: canonicalQuery(parameters),
    payloadText,
    payload: parsePayloadMode(payloadText),
    presigned: true,
    headers,
  };
}

/** x-amz-date goes before Date, which browsers and proxies set on their own. */
function requestTime(headers: RequestHeaders): RequestTime {
  const text = headers.get('x-amz-date') ?? headers.get('date') ?? '';
  const time = parseBasicTime(text) ?? parseHttpTime(text);
  if (time !== undefined) return time;
  throw new S3Error('AccessDenied', {
    message: 'AWS authentication requires a valid Date or x-amz-date header',
  });
}

function checkSkew({ ms, timestamp }: RequestTime, nowMs: number): void {
  if (Math.abs(nowMs - ms) <= SIGNATURE_SKEW_MS_MAX) return;
  throw new S3Error('RequestTimeTooSkewed', {
    fields: {
      RequestTime: timestamp,
      ServerTime: extendedTime(nowMs),
      MaxAllowedSkewMilliseconds: String(SIGNATURE_SKEW_MS_MAX),
    },
  });
}

function checkLifetime({ ms }: RequestTime, expiresSeconds: number, nowMs: number): void {
  if (ms - nowMs > SIGNATURE_SKEW_MS_MAX) {
    throw new S3Error('AccessDenied', {
      message: 'The request is not valid yet.',
      fields: { 'X-Amz-Date': basicTime(ms), ServerTime: extendedTime(nowMs) },
    });
  }
  const expiresMs = ms + expiresSeconds * 1000;
  if (nowMs <= expiresMs) return;
  throw new S3Error('AccessDenied', {
    message: 'Request has expired',
    fields: {
      'X-Amz-Expires': String(expiresSeconds),
      Expires: extendedTime(expiresMs),
      ServerTime: extendedTime(nowMs),
    },
  });
}

function checkedSignedHeaders(text: string, headers: RequestHeaders): SignedHeaderList {
  const signedHeaders = parseSignedHeaders(text);
  const unsigned = unsignedHeaders(signedHeaders.names, headers);
  if (unsigned.length === 0) return signedHeaders;
  throw new S3Error('AccessDenied', {
    message: 'There were headers present in the request which were not signed',
    fields: { HeadersNotSigned: unsigned.join(', ') },
  });
}

function verify(
  request: HttpRequest,
  claim: Claim,
  { service, signingKeys }: AuthenticateOptions,
  secretKey: FoundSecret,
): Authenticated {
  const { credential, timestamp, signature } = claim;
  if (secretKey === undefined) {
    throw new S3Error('InvalidAccessKeyId', {
      fields: { AWSAccessKeyId: credential.accessKeyId },
    });
  }
  const signingKey = signingKeys.signingKey(credential, secretKey);
  const headerLines = canonicalHeaders(claim.signedHeaders.names, request.headers);
  const asSent = signable(request, claim, headerLines, signedPath(request.rawPath, service));
  const isValid =
    headerLines !== undefined &&
    (isSameSignature(signature, signatureOf(asSent.stringToSign, signingKey)) ||
      isSignedReencoded({ request, claim, headerLines, service, signingKey }));
  if (!isValid) throw mismatch(claim, asSent);
  return {
    kind: 'signed',
    accessKeyId: credential.accessKeyId,
    presigned: claim.presigned,
    payload: claim.payload,
    effectiveHeaders: claim.headers,
    signing: { timestamp, scope: credential.scope, signingKey, seedSignature: signature },
  };
}

/**
 * Some clients sign one encoding of a path and send another (`@` and `%40`, `~` and `%7E`): when
 * the path as sent does not verify, its canonical encoding may. Both decode to the same key.
 */
function isSignedReencoded(attempt: {
  readonly request: HttpRequest;
  readonly claim: Claim;
  readonly headerLines: string;
  readonly service: 's3' | 'k2v';
  readonly signingKey: KeyObject;
}): boolean {
  const { request, claim, headerLines, service, signingKey } = attempt;
  const path = canonicalPath(request.rawPath);
  if (path === undefined || path === request.rawPath) return false;
  const reencoded = signable(request, claim, headerLines, signedPath(path, service));
  return isSameSignature(claim.signature, signatureOf(reencoded.stringToSign, signingKey));
}

/** S3 signs the path as it is; every other AWS service encodes it once more. */
function signedPath(path: string, service: 's3' | 'k2v'): string {
  return service === 's3' ? path : encodedPath(path);
}

type Signable = { readonly canonicalRequest: string; readonly stringToSign: string };

function signable(
  { method }: HttpRequest,
  claim: Claim,
  headerLines: string | undefined,
  path: string,
): Signable {
  const canonical = canonicalRequest({
    method,
    path,
    query: claim.query,
    headers: headerLines ?? '',
    signedHeaders: claim.signedHeaders.text,
    payload: claim.payloadText,
  });
  const { timestamp, credential } = claim;
  const text = stringToSign(canonical, { timestamp, scope: credential.scope });
  return { canonicalRequest: canonical, stringToSign: text };
}

/** S3 tells what it would have signed, so that a client's author can find the difference. */
function mismatch({ credential, signature }: Claim, expected: Signable): S3Error {
  return new S3Error('SignatureDoesNotMatch', {
    fields: {
      AWSAccessKeyId: credential.accessKeyId,
      StringToSign: expected.stringToSign,
      SignatureProvided: signature,
      CanonicalRequest: expected.canonicalRequest,
    },
  });
}
