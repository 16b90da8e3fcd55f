/**
 * The bytes of a reply's head, for the wire that writes them itself.
 *
 * Owns:          their order; the headers that only the server writes.
 * Knows:         RFC 9112 4 and 6.
 * Must not know: sockets.
 */
import { isServerHeader, statusText } from './reply-head.ts';
import type { WireHead } from './wire.ts';

/** The head as text to be sent as UTF-8, the empty line included. */
export function writeHeadText(
  head: WireHead,
  own: {
    readonly contentLength: number | undefined;
    readonly date: string;
    readonly closes: boolean;
  },
): string {
  let text = `HTTP/1.1 ${statusText(head.status)}\r\n`;
  for (const [name, value] of head.headers) {
    if (!isServerHeader(name)) text += `${name}: ${value}\r\n`;
  }
  text += `Date: ${own.date}\r\n`;
  if (own.closes) text += 'Connection: close\r\n';
  if (own.contentLength !== undefined) text += `Content-Length: ${String(own.contentLength)}\r\n`;
  return `${text}\r\n`;
}
