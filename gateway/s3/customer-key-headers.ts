/**
 * The headers with which a client gives a key of its own, and those that answer them.
 *
 * Owns:          their names; what makes a key valid; AWS's sentences about one that is not.
 * Knows:         "Using server-side encryption with customer-provided keys" of the S3 user guide.
 * Must not know: what the key is for.
 *
 * A refusal never repeats what was sent: it may be most of a key.
 */
import { hash } from 'node:crypto';
import type { ReplyHeaders, RequestHeaders } from '../http/exchange.ts';
import { CUSTOMER_KEY_BYTES, CustomerKey } from '../object/customer-key.ts';
import { base64Bytes } from './base64-bytes.ts';
import { S3Error } from './s3-error.ts';

const PREFIX = 'x-amz-server-side-encryption-customer-';
const SOURCE_PREFIX = 'x-amz-copy-source-server-side-encryption-customer-';

type Names = { readonly algorithm: string; readonly key: string; readonly md5: string };

const NAMES = namesOf(PREFIX);
const SOURCE_NAMES = namesOf(SOURCE_PREFIX);
const ALGORITHM = 'AES256';
const NONE: ReplyHeaders = [];

function namesOf(prefix: string): Names {
  return { algorithm: `${prefix}algorithm`, key: `${prefix}key`, md5: `${prefix}key-md5` };
}

/** What an upload may say of its encryption. */
export const CUSTOMER_KEY_HEADERS: ReadonlySet<string> = new Set(Object.values(NAMES));
/** The same of a copy, whose source may be encrypted too. */
export const COPY_KEY_HEADERS: ReadonlySet<string> = new Set([
  ...CUSTOMER_KEY_HEADERS,
  ...Object.values(SOURCE_NAMES),
]);

/**
 * The key that the object is encrypted with, or is to be; undefined when none was given.
 *
 * @throws S3Error InvalidArgument, InvalidEncryptionAlgorithmError.
 */
export function customerKeyOf(headers: RequestHeaders): CustomerKey | undefined {
  return keyOf(headers, NAMES);
}

/** The key that the source of a copy is encrypted with. @throws the same. */
export function sourceKeyOf(headers: RequestHeaders): CustomerKey | undefined {
  return keyOf(headers, SOURCE_NAMES);
}

/** What the answer says of the key that was used. */
export function customerKeyHeaders(key: CustomerKey | undefined): ReplyHeaders {
  if (key === undefined) return NONE;
  return [
    [NAMES.algorithm, ALGORITHM],
    [`${PREFIX}key-MD5`, key.md5],
  ];
}

function keyOf(headers: RequestHeaders, names: Names): CustomerKey | undefined {
  const algorithm = headers.get(names.algorithm);
  const key = headers.get(names.key);
  const md5 = headers.get(names.md5);
  if (algorithm === undefined && key === undefined && md5 === undefined) return undefined;
  if (algorithm === undefined) throw invalid('must provide a valid encryption algorithm.');
  if (algorithm !== ALGORITHM) {
    throw new S3Error('InvalidEncryptionAlgorithmError', {
      message: 'The encryption request you specified is not valid. The valid value is AES256.',
      fields: { ArgumentName: names.algorithm },
    });
  }
  if (key === undefined) throw invalid('must provide an appropriate secret key.');
  if (md5 === undefined) throw invalid('must provide the client calculated MD5 of the secret key.');
  return new CustomerKey(checkedKey(key, md5), md5);
}

function checkedKey(text: string, md5: string): Buffer {
  const bytes = base64Bytes(text, CUSTOMER_KEY_BYTES);
  if (bytes === undefined) {
    throw refusal('The secret key was invalid for the specified algorithm.');
  }
  if (hash('md5', bytes, 'base64') === md5) return bytes;
  throw refusal('The calculated MD5 hash of the key did not match the hash that was provided.');
}

function invalid(what: string): S3Error {
  return refusal(`Requests specifying Server Side Encryption with Customer provided keys ${what}`);
}

function refusal(message: string): S3Error {
  return new S3Error('InvalidArgument', {
    message,
    fields: { ArgumentName: 'x-amz-server-side-encryption' },
  });
}
