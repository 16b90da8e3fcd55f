/**
 * The Authorization header of Signature Version 4.
 *
 * Owns:          its grammar: `AWS4-HMAC-SHA256 Credential=…, SignedHeaders=…, Signature=…`.
 * Knows:         the refusals S3 gives for other schemes.
 * Must not know: scopes, keys.
 *
 * The three fields come in any order, with or without blanks after the commas; a field twice, or
 * one we do not know, is malformed rather than ignored: two readers must not see two signatures.
 */
import { S3Error } from '../s3/s3-error.ts';

export const ALGORITHM = 'AWS4-HMAC-SHA256';

export type AuthorizationFields = {
  readonly credential: string;
  readonly signedHeaders: string;
  readonly signature: string;
};

/**
 * @throws S3Error InvalidRequest (another signature version), InvalidArgument (no scheme we know),
 *   AuthorizationHeaderMalformed (a field missing, empty, repeated or unknown).
 */
export function parseAuthorization(header: string): AuthorizationFields {
  const blank = header.indexOf(' ');
  const scheme = blank < 0 ? header : header.slice(0, blank);
  if (scheme !== ALGORITHM) throw otherScheme(scheme, header);
  let credential: string | undefined;
  let signedHeaders: string | undefined;
  let signature: string | undefined;
  for (let start = scheme.length; start < header.length;) {
    const comma = header.indexOf(',', start);
    const end = comma < 0 ? header.length : comma;
    const field = header.slice(start, end).trim();
    const equals = field.indexOf('=');
    const name = field.slice(0, Math.max(equals, 0));
    const value = field.slice(equals + 1);
    if (name === 'Credential' && credential === undefined) credential = value;
    else if (name === 'SignedHeaders' && signedHeaders === undefined) signedHeaders = value;
    else if (name === 'Signature' && signature === undefined) signature = value;
    else throw malformed('It has a part that is unknown or repeated.');
    start = end + 1;
  }
  return {
    credential: present(credential, 'Credential'),
    signedHeaders: present(signedHeaders, 'SignedHeaders'),
    signature: present(signature, 'Signature'),
  };
}

function present(value: string | undefined, name: string): string {
  if (value === undefined || value === '') throw malformed(`It lacks ${name}.`);
  return value;
}

function malformed(reason: string): S3Error {
  return new S3Error('AuthorizationHeaderMalformed', {
    message: `The Authorization header is malformed. ${reason}`,
  });
}

/** The refusal of the signatures before version 4, wherever they stand. */
export function otherVersion(): S3Error {
  return new S3Error('InvalidRequest', {
    message:
      'The authorization mechanism you have provided is not supported. ' +
      `Please use ${ALGORITHM}.`,
  });
}

function otherScheme(scheme: string, header: string): S3Error {
  if (scheme === 'AWS' || scheme.startsWith('AWS4-')) {
    return otherVersion();
  }
  return new S3Error('InvalidArgument', {
    message: 'Unsupported Authorization Type',
    fields: { ArgumentName: 'Authorization', ArgumentValue: header },
  });
}
