/**
 * Who signed a browser's form: Signature Version 4 over its policy.
 *
 * Owns:          the fields of the signature, and the one decision that it holds.
 * Knows:         "Authenticating requests in browser-based uploads using POST".
 * Must not know: what the policy says.
 */
import type { RequestHeaders } from '../http/exchange.ts';
import { S3Error } from '../s3/s3-error.ts';
import { ALGORITHM, otherVersion } from './authorization-header.ts';
import { checkScopeDate, parseCredential } from './credential-scope.ts';
import { parseBasicTime } from './request-time.ts';
import type { Authenticated, AuthenticateOptions } from './signature-v4.ts';
import { isSameSignature, signatureOf } from './signing-keys.ts';

const FIELDS = ['x-amz-algorithm', 'x-amz-credential', 'x-amz-date', 'x-amz-signature'] as const;
const SIGNATURE_V2 = ['awsaccesskeyid', 'signature'] as const;
const UNSIGNED = { kind: 'unsigned' } as const;

/**
 * `fields` by lower-case name; `headers` are those that the form stands for. Rejects with S3Error
 * for every form whose signature does not hold; one without policy and signature is anonymous.
 */
export async function authenticateForm(
  fields: ReadonlyMap<string, string>,
  headers: RequestHeaders,
  { region, service, signingKeys, findSecret }: Omit<AuthenticateOptions, 'nowMs'>,
): Promise<Authenticated> {
  if (SIGNATURE_V2.some(name => fields.has(name))) throw otherVersion();
  const policy = fields.get('policy');
  if (policy === undefined && !FIELDS.some(name => fields.has(name))) {
    return { kind: 'anonymous', effectiveHeaders: headers };
  }
  if (policy === undefined) throw missingField('policy');
  const [algorithm, credentialText, date, signature] = FIELDS.map(name => required(fields, name));
  if (algorithm !== ALGORITHM) {
    throw new S3Error('InvalidArgument', {
      message: `x-amz-algorithm must be ${ALGORITHM}.`,
      fields: { ArgumentName: 'x-amz-algorithm', ArgumentValue: algorithm ?? '' },
    });
  }
  const expected = { region, service, code: 'AuthorizationHeaderMalformed' } as const;
  const credential = parseCredential(credentialText ?? '', expected);
  const time = parseBasicTime(date ?? '');
  if (time === undefined) {
    throw new S3Error('InvalidArgument', { message: 'x-amz-date must be YYYYMMDDTHHMMSSZ.' });
  }
  checkScopeDate(credential, time.timestamp, expected);
  const { accessKeyId } = credential;
  const secret = await findSecret(accessKeyId);
  if (secret === undefined) {
    throw new S3Error('InvalidAccessKeyId', { fields: { AWSAccessKeyId: accessKeyId } });
  }
  const signingKey = signingKeys.signingKey(credential, secret);
  if (!isSameSignature(signature ?? '', signatureOf(policy, signingKey))) {
    throw new S3Error('SignatureDoesNotMatch', { fields: { AWSAccessKeyId: accessKeyId } });
  }
  return {
    ...{ kind: 'signed', accessKeyId, presigned: false, payload: UNSIGNED },
    effectiveHeaders: headers,
    signing: {
      ...{ timestamp: time.timestamp, scope: credential.scope, signingKey },
      seedSignature: signature ?? '',
    },
  };
}

function required(fields: ReadonlyMap<string, string>, name: string): string {
  const value = fields.get(name);
  if (value === undefined || value === '') throw missingField(name);
  return value;
}

function missingField(name: string): S3Error {
  return new S3Error('InvalidArgument', {
    message: `The form must contain a field named ${name}, before the file.`,
    fields: { ArgumentName: name },
  });
}
