/**
 * The query of a request as AWS signs it: each name and value in one encoding, sorted.
 *
 * Owns:          splitting a raw query and writing its canonical form.
 * Knows:         "Create a signed AWS API request", CanonicalQueryString.
 * Must not know: headers, what a parameter means beyond X-Amz-Signature.
 *
 * Names and values are kept encoded, so that `X-Amz-%53ignature` and `X-Amz-Signature` are one name
 * here whatever the client wrote: a parameter cannot hide from the checks behind its spelling.
 */
import { S3Error } from '../s3/s3-error.ts';
import { canonicalComponent } from './uri-encoding.ts';

/** Both in canonical encoding. */
export type QueryParameter = { readonly name: string; readonly value: string };

export const SIGNATURE_PARAMETER = 'X-Amz-Signature';

const NO_PARAMETERS: readonly QueryParameter[] = [];

/**
 * The parameters in the order sent; one without `=` has an empty value.
 *
 * @throws S3Error InvalidURI for a `%` without two hex digits.
 */
export function parseQuery(rawQuery: string): readonly QueryParameter[] {
  if (rawQuery === '') return NO_PARAMETERS;
  const parameters: QueryParameter[] = [];
  let start = 0;
  while (start <= rawQuery.length) {
    const next = rawQuery.indexOf('&', start);
    const end = next < 0 ? rawQuery.length : next;
    if (end > start) parameters.push(parseParameter(rawQuery.slice(start, end)));
    start = end + 1;
  }
  return parameters;
}

/** The canonical query; X-Amz-Signature itself is left out. */
export function canonicalQuery(parameters: readonly QueryParameter[]): string {
  if (parameters.length === 0) return '';
  const signed = parameters
    .filter(({ name }) => name !== SIGNATURE_PARAMETER)
    .sort(byNameThenValue);
  let out = '';
  for (const { name, value } of signed) out += `${out === '' ? '' : '&'}${name}=${value}`;
  return out;
}

/**
 * A canonical name or value as text.
 *
 * @throws S3Error InvalidURI when the bytes are not UTF-8.
 */
export function decodedComponent(canonical: string): string {
  try {
    return decodeURIComponent(canonical);
  } catch (cause) {
    throw new S3Error('InvalidURI', { message: 'The query is not valid UTF-8.', cause });
  }
}

function parseParameter(text: string): QueryParameter {
  const equals = text.indexOf('=');
  const name = canonicalComponent(equals < 0 ? text : text.slice(0, equals));
  const value = equals < 0 ? '' : canonicalComponent(text.slice(equals + 1));
  if (name === undefined || value === undefined) throw new S3Error('InvalidURI');
  return { name, value };
}

/** By bytes: both are ASCII. */
function byNameThenValue(left: QueryParameter, right: QueryParameter): number {
  if (left.name !== right.name) return left.name < right.name ? -1 : 1;
  if (left.value === right.value) return 0;
  return left.value < right.value ? -1 : 1;
}
