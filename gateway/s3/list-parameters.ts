/**
 * The parameters that listings share: numbers, encoding, what is written back.
 *
 * Owns:          their parsing, and the URL encoding of `encoding-type=url`.
 * Knows:         S3's limits and its error for each.
 * Must not know: what is listed.
 */
import { LIST_ENTRIES_MAX } from '../../schemas/limits.ts';
import type { QueryParameters } from './s3-call.ts';
import { S3Error } from './s3-error.ts';

const INTEGER_MAX = 2 ** 31 - 1;
const INTEGER = /^\d{1,10}$/;
const UNRESERVED = /^[A-Za-z0-9._/-]*$/;
const KEPT_BY_PLATFORM = /[!'()*~]|%2F/g;

/** Writes a key or prefix into an answer: as it is, or URL-encoded. Not yet escaped for XML. */
export type KeyEncoder = (text: string) => string;

/**
 * How many entries a page may have: 1000 when the client does not say, or says more.
 *
 * @throws S3Error InvalidArgument for anything but an integer from 0 to 2^31 - 1.
 */
export function entriesMax(query: QueryParameters, name: string): number {
  return entriesMaxOf(query.get(name), name);
}

/** The same of a header. */
export function entriesMaxOf(text: string | undefined, name: string): number {
  return Math.min(integerIn(text, name) ?? LIST_ENTRIES_MAX, LIST_ENTRIES_MAX);
}

/** undefined when it is absent or empty. */
export function integerOf(query: QueryParameters, name: string): number | undefined {
  return integerIn(query.get(name), name);
}

export function integerIn(text: string | undefined, name: string): number | undefined {
  if (text === undefined || text === '') return undefined;
  const value = INTEGER.test(text) ? Number(text) : INTEGER_MAX + 1;
  if (value <= INTEGER_MAX) return value;
  throw invalidArgument(name, text, `${name} is not an integer from 0 to ${String(INTEGER_MAX)}.`);
}

/** @throws S3Error InvalidArgument for another encoding than `url`. */
export function keyEncoder(query: QueryParameters): KeyEncoder {
  const type = query.get('encoding-type') ?? '';
  if (type === '') return asItIs;
  if (type.toLowerCase() === 'url') return encodeUrl;
  throw invalidArgument('encoding-type', type, 'Invalid encoding method specified.');
}

export function asItIs(text: string): string {
  return text;
}

/**
 * `/` stays and a blank is `%20`, so that both ways in which clients decode (with `+` as a blank
 * and without) give back the key.
 */
export function encodeUrl(text: string): string {
  if (UNRESERVED.test(text)) return text;
  return encodeURIComponent(text).replace(KEPT_BY_PLATFORM, encodeKept);
}

function encodeKept(match: string): string {
  if (match === '%2F') return '/';
  return `%${match.charCodeAt(0).toString(16).toUpperCase()}`;
}

export function invalidArgument(name: string, value: string, message: string): S3Error {
  return new S3Error('InvalidArgument', {
    message,
    fields: { ArgumentName: name, ArgumentValue: value },
  });
}
