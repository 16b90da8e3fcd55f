/**
 * The canonical request and the string to sign of Signature Version 4.
 *
 * Owns:          both texts, and which headers of a request a signature leaves open.
 * Knows:         "Create a signed AWS API request".
 * Must not know: keys, time, error codes.
 *
 * A header that is named as signed but absent is not an empty one: a proxy that drops a header must
 * not go unnoticed.
 */
import { hash } from 'node:crypto';
import type { RequestHeaders } from '../http/exchange.ts';

const AMAZON_PREFIX = 'x-amz-';
/** Its value is a line of the canonical request, signed with or without being listed. */
const ALWAYS_SIGNED = 'x-amz-content-sha256';

export type SignedHeaderList = {
  /** Lower case, sorted. */
  readonly names: readonly string[];
  /** The names joined by `;`. */
  readonly text: string;
};

/** Parses `host;x-amz-date`, and sorts what a client left unsorted. */
export function parseSignedHeaders(text: string): SignedHeaderList {
  const names = text.split(';');
  for (let index = 1; index < names.length; index++) {
    if (names[index]! < names[index - 1]!) {
      names.sort();
      return { names, text: names.join(';') };
    }
  }
  return { names, text };
}

/** `name:value` lines of the signed headers, a repeated one joined by commas; undefined when one of
 *  them was not sent. */
export function canonicalHeaders(
  names: readonly string[],
  headers: RequestHeaders,
): string | undefined {
  let out = '';
  for (const name of names) {
    const value = headers.get(name);
    if (value === undefined) return undefined;
    out += `${name}:${canonicalValue(value)}\n`;
  }
  return out;
}

/** The headers that must be signed but are not: `host`, and each x-amz-* that was sent. */
export function unsignedHeaders(names: readonly string[], headers: RequestHeaders): string[] {
  const unsigned = names.includes('host') ? [] : ['host'];
  for (const [name] of headers.entries) {
    if (!name.startsWith(AMAZON_PREFIX) || name === ALWAYS_SIGNED || names.includes(name)) continue;
    unsigned.push(name);
  }
  return unsigned;
}

export type CanonicalParts = {
  readonly method: string;
  readonly path: string;
  readonly query: string;
  /** From `canonicalHeaders`: each line ends with a line feed. */
  readonly headers: string;
  /** The names joined by `;`. */
  readonly signedHeaders: string;
  /** The value of x-amz-content-sha256, whatever mode it says. */
  readonly payload: string;
};

export function canonicalRequest(parts: CanonicalParts): string {
  const { method, path, query, headers, signedHeaders, payload } = parts;
  return `${method}\n${path}\n${query}\n${headers}\n${signedHeaders}\n${payload}`;
}

export function stringToSign(
  canonical: string,
  { timestamp, scope }: { readonly timestamp: string; readonly scope: string },
): string {
  return `AWS4-HMAC-SHA256\n${timestamp}\n${scope}\n${hash('sha256', canonical, 'hex')}`;
}

/** Trimmed, with inner runs of blanks collapsed, as the SDKs sign it. */
function canonicalValue(value: string): string {
  const isClean =
    !value.includes('  ') &&
    !value.includes('\t') &&
    !value.startsWith(' ') &&
    !value.endsWith(' ');
  return isClean ? value : collapsed(value);
}

function collapsed(value: string): string {
  return value
    .split(/[ \t]/)
    .filter(word => word !== '')
    .join(' ');
}
