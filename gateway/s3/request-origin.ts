/**
 * By which address a client reached us.
 *
 * Owns:          scheme and host of links to what it asked for.
 * Knows:         the request.
 * Must not know: what the links are to.
 */
import type { HttpRequest } from '../http/exchange.ts';

/** `https` behind a proxy that is trusted and says so. */
export function originOf({ headers, isSecure }: Pick<HttpRequest, 'headers' | 'isSecure'>): string {
  return `${isSecure ? 'https' : 'http'}://${headers.get('host') ?? ''}`;
}
