/**
 * What may stand in the head of a reply, whoever made it.
 *
 * Owns:          status lines; the headers that only the server writes; the guard against
 *                response splitting.
 * Knows:         RFC 9110 and 9112.
 * Must not know: the library that writes the bytes.
 *
 * Header values may come from users (metadata, `response-*` parameters). One with a line break in
 * it would be read as further headers, so such a reply is never written.
 */
import type { HttpReply, ReplyBody } from './exchange.ts';

const REASONS: ReadonlyMap<number, string> = new Map([
  [200, 'OK'],
  [201, 'Created'],
  [202, 'Accepted'],
  [204, 'No Content'],
  [206, 'Partial Content'],
  [301, 'Moved Permanently'],
  [302, 'Found'],
  [303, 'See Other'],
  [304, 'Not Modified'],
  [307, 'Temporary Redirect'],
  [308, 'Permanent Redirect'],
  [400, 'Bad Request'],
  [401, 'Unauthorized'],
  [403, 'Forbidden'],
  [404, 'Not Found'],
  [405, 'Method Not Allowed'],
  [408, 'Request Timeout'],
  [409, 'Conflict'],
  [411, 'Length Required'],
  [412, 'Precondition Failed'],
  [413, 'Content Too Large'],
  [414, 'URI Too Long'],
  [416, 'Range Not Satisfiable'],
  [429, 'Too Many Requests'],
  [431, 'Request Header Fields Too Large'],
  [500, 'Internal Server Error'],
  [501, 'Not Implemented'],
  [503, 'Service Unavailable'],
  [507, 'Insufficient Storage'],
]);

/** Names the server writes itself; written twice they would contradict each other. */
const SERVER_HEADERS: ReadonlySet<string> = new Set([
  'connection',
  'content-length',
  'date',
  'keep-alive',
  'transfer-encoding',
]);

const HEADER_NAME = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
// eslint-disable-next-line no-control-regex -- controls are what this is about
const UNSAFE_VALUE = /[\0-\x08\x0a-\x1f\x7f]/;

/** The status line after the version, `404 Not Found`. */
export function statusText(status: number): string {
  const reason = REASONS.get(status);
  return reason === undefined ? `${String(status)} Status` : `${String(status)} ${reason}`;
}

/** `server`: a handler's reply must not decide it. */
type NameKind = 'plain' | 'server' | 'bad';

/** Replies repeat a few names, but user metadata brings others. */
const NAMES_REMEMBERED_MAX = 1000;
/** What was found out about names: each is looked at once. */
const nameKinds = new Map<string, NameKind>();

function nameKind(name: string): NameKind {
  const known = nameKinds.get(name);
  if (known !== undefined) return known;
  if (nameKinds.size >= NAMES_REMEMBERED_MAX) nameKinds.clear();
  const isServer = SERVER_HEADERS.has(name.toLowerCase());
  const kind = isServer ? 'server' : HEADER_NAME.test(name) ? 'plain' : 'bad';
  nameKinds.set(name, kind);
  return kind;
}

/** True for the headers that a handler's reply must not decide. */
export function isServerHeader(name: string): boolean {
  return nameKind(name) === 'server';
}

/** What is wrong with a reply, as a sentence for the log; undefined when it can be written. */
export function replyFault(reply: HttpReply, method: string): string | undefined {
  if (!Number.isInteger(reply.status) || reply.status < 200 || reply.status > 599) {
    return `a reply has the status ${String(reply.status)}`;
  }
  // One look at all values: a look has a price of its own, and almost all replies are sound.
  let values = '';
  for (const [name, value] of reply.headers) {
    if (nameKind(name) === 'bad') return `a reply has a header with a bad name`;
    values += value;
  }
  if (UNSAFE_VALUE.test(values)) return unsafeValue(reply.headers);
  return bodyFault(reply.body, method);
}

function unsafeValue(headers: HttpReply['headers']): string {
  const name = headers.find(([, value]) => UNSAFE_VALUE.test(value))?.[0] ?? '';
  return `a reply's header ${name} has a control in its value`;
}

function bodyFault(body: ReplyBody | undefined, method: string): string | undefined {
  if (body === undefined || body.kind === 'bytes') return undefined;
  if (!Number.isSafeInteger(body.sizeBytes) || body.sizeBytes < 0) {
    return `a reply's body has the size ${String(body.sizeBytes)}`;
  }
  if (body.kind === 'head' && method !== 'HEAD') return `a reply to ${method} has no body`;
  return undefined;
}

/** True for the statuses whose replies end with their head (RFC 9112 6.3). */
export function isBodyless(status: number): boolean {
  return status === 204 || status === 304;
}

/** How long the body is, in bytes. */
export function bodySizeBytes(body: ReplyBody | undefined): number {
  if (body === undefined) return 0;
  return body.kind === 'bytes' ? Buffer.byteLength(body.bytes) : body.sizeBytes;
}
