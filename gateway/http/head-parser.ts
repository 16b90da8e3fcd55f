/**
 * Reads the head of a request from its bytes, by the grammar of RFC 9112 and nothing beside it.
 *
 * Owns:          the grammar of the request line and of header lines.
 * Knows:         HTTP/1.1 and the little of HTTP/1.0 that still comes.
 * Must not know: what headers mean (head-rules.ts judges them); sockets.
 *
 * Where the RFC lets a server repair something (a bare LF, a folded line, blanks before a colon)
 * this one refuses: two readers that repair differently are how requests are smuggled.
 */
import { isUtf8 } from 'node:buffer';

import type { Refusal, RequestLine } from './head-rules.ts';
import { HeaderList } from './request-headers.ts';

export type ParsedHead = {
  readonly kind: 'parsed';
  readonly line: RequestLine;
  readonly headers: HeaderList;
  /** HTTP/1.0: no chunks, and the connection ends with the reply. */
  readonly isOld: boolean;
};

/** Of the text as latin1, where a byte of UTF-8 may look like a blank (0x85, 0xa0): no `\s`. */
const REQUEST_LINE = /^([!#$%&'*+\-.^_`|~0-9A-Za-z]+) ([\x21-\x7e\x80-\xff]+) HTTP\/1\.([01])$/;
const HEADER_NAME = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
const ABSOLUTE_FORM = /^https?:\/\/[^/?#]+/i;
const NON_ASCII = /[\x80-\xff]/;
/** Stands for bytes that are not UTF-8; head-rules.ts refuses what has it. */
const NOT_TEXT = '\ufffd';
const TAB = 9;
const BLANK = 32;

/** `text` is the head as latin1, from the request line to before the empty line. */
export function parseHead(text: string): ParsedHead | ({ readonly kind: 'refused' } & Refusal) {
  const lines = text.split('\r\n');
  const match = REQUEST_LINE.exec(lines[0] ?? '');
  if (match === null) return bad('The request line is not one of HTTP/1.1.');
  const [, method = '', rawTarget = '', minor] = match;
  const isAscii = !NON_ASCII.test(text);
  const line = splitTarget(method, isAscii ? rawTarget : exactText(rawTarget));
  if (line === undefined) return bad('The request target is not a path.');
  const headers = new HeaderList();
  for (let index = 1; index < lines.length; index += 1) {
    const headerLine = lines[index] ?? '';
    const colon = headerLine.indexOf(':');
    const name = headerLine.slice(0, Math.max(colon, 0));
    if (!HEADER_NAME.test(name)) return bad('A header line is not a name, a colon and a value.');
    const value = trimBlanks(headerLine, colon + 1);
    headers.add(name.toLowerCase(), isAscii ? value : exactText(value));
  }
  return { kind: 'parsed', line, headers, isOld: minor === '0' };
}

/** The origin form, or the absolute form without its authority (RFC 9112 3.2). */
function splitTarget(method: string, target: string): RequestLine | undefined {
  let origin = target;
  const authority = ABSOLUTE_FORM.exec(target)?.[0];
  if (authority !== undefined) {
    const rest = target.slice(authority.length);
    origin = rest.startsWith('/') ? rest : `/${rest}`;
  }
  // CONNECT names a host; it is refused for its method, so its target need not be kept.
  if (method === 'CONNECT') origin = '/';
  if (!origin.startsWith('/')) return undefined;
  const question = origin.indexOf('?');
  if (question === -1) return { method, rawPath: origin, rawQuery: '' };
  return { method, rawPath: origin.slice(0, question), rawQuery: origin.slice(question + 1) };
}

/** What follows `start`, without the spaces and tabs around it (no other blanks: they are text). */
function trimBlanks(text: string, start: number): string {
  let from = start;
  let to = text.length;
  while (from < to && isBlank(text.charCodeAt(from))) from += 1;
  while (to > from && isBlank(text.charCodeAt(to - 1))) to -= 1;
  return text.slice(from, to);
}

function isBlank(code: number): boolean {
  return code === BLANK || code === TAB;
}

/** The text whose UTF-8 bytes are the characters of `latin1`. */
function exactText(latin1: string): string {
  if (!NON_ASCII.test(latin1)) return latin1;
  const bytes = Buffer.from(latin1, 'latin1');
  return isUtf8(bytes) ? bytes.toString('utf8') : NOT_TEXT;
}

function bad(detail: string): { readonly kind: 'refused' } & Refusal {
  return { kind: 'refused', reason: 'bad-request', detail };
}
