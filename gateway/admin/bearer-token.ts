/**
 * Who may use the admin door: bearer tokens.
 *
 * Owns:          the check of a token.
 * Knows:         the Authorization header (RFC 6750).
 * Must not know: operations.
 *
 * Tokens are compared as hashes of equal length in constant time: neither the length of the right
 * token nor how much of a guess was right can be read from how long the refusal takes.
 */
import { createHash, timingSafeEqual } from 'node:crypto';
import type { RequestHeaders } from '../http/exchange.ts';
import { forbidden } from './admin-error.ts';

/** Throws AdminError AccessDenied unless the request bears `token`; undefined: nobody may. */
export function requireToken(headers: RequestHeaders, token: string | undefined): void {
  const given = bearerToken(headers);
  if (given === undefined) {
    throw forbidden('a bearer token must be given in the Authorization header');
  }
  // The comparison is made even where no token is configured, so that both refusals cost the same.
  const isRight = isSameText(given, token ?? '');
  if (!isRight || token === undefined) throw forbidden('the bearer token is not valid here');
}

function bearerToken(headers: RequestHeaders): string | undefined {
  if (headers.count('authorization') !== 1) return undefined;
  return /^Bearer\s+(\S+)$/i.exec(headers.get('authorization') ?? '')?.[1];
}

function isSameText(a: string, b: string): boolean {
  return timingSafeEqual(digestOf(a), digestOf(b));
}

function digestOf(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
