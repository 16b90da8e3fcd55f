/**
 * The headers that are stored with an object, and those that tell of it.
 *
 * Owns:          which headers are stored, which are accepted in one form only, which are refused.
 * Knows:         PutObject, GetObject and HeadObject of the S3 API reference.
 * Must not know: bodies, rows.
 *
 * A header that asks for something this server does not do is refused, never ignored: a client that
 * asked for encryption or a lock must not believe that it got it.
 */
import { USER_METADATA_BYTES_MAX } from '../../schemas/limits.ts';
import type { CannedAcl } from '../../schemas/records/bucket-settings/access-settings.ts';
import type { ObjectVersion, StoredHeaders } from '../../schemas/records/object-row.ts';
import { timestampMs } from '../../schemas/timestamp.ts';
import { storedContentEncoding } from '../auth/content-encoding.ts';
import { type PayloadMode } from '../auth/payload-mode.ts';
import type { Authenticated } from '../auth/signature-v4.ts';
import type { RequestHeaders } from '../http/exchange.ts';
import { httpDate } from '../http/http-date.ts';
import { CUSTOMER_KEY_HEADERS } from './customer-key-headers.ts';
import { ACL_HEADER } from './object-access.ts';
import { S3Error } from './s3-error.ts';

export const DEFAULT_CONTENT_TYPE = 'binary/octet-stream';
export const REDIRECT_HEADER = 'x-amz-website-redirect-location';

const METADATA_PREFIX = 'x-amz-meta-';
const SYSTEM_HEADERS = [
  'cache-control',
  'content-disposition',
  'content-language',
  'content-type',
  'expires',
] as const;
const REDIRECT_TARGET = /^(?:\/|https?:\/\/)/;
/** What is not done yet, by the beginning of the header's name. */
const REFUSED_PREFIXES = [
  'x-amz-server-side-encryption',
  'x-amz-copy-source-server-side-encryption',
  'x-amz-write-offset-bytes',
] as const;

/** Names as they are spelt in answers. */
const REPLY_NAMES: ReadonlyMap<string, string> = new Map([
  ['cache-control', 'Cache-Control'],
  ['content-disposition', 'Content-Disposition'],
  ['content-encoding', 'Content-Encoding'],
  ['content-language', 'Content-Language'],
  ['content-type', 'Content-Type'],
  ['expires', 'Expires'],
]);

/**
 * The headers to store with a new object.
 *
 * @throws S3Error MetadataTooLarge, InvalidRedirectLocation, InvalidRequest.
 */
export function storedHeaders(headers: RequestHeaders, auth: Authenticated): StoredHeaders {
  const stored: (readonly [string, string])[] = [];
  for (const name of SYSTEM_HEADERS) {
    const value = headers.get(name);
    if (value !== undefined && value !== '') stored.push([name, value]);
  }
  const payload: PayloadMode = auth.kind === 'signed' ? auth.payload : { kind: 'unsigned' };
  const encoding = storedContentEncoding(headers.get('content-encoding'), payload);
  if (encoding !== undefined) stored.push(['content-encoding', encoding]);
  const redirect = redirectLocation(headers);
  if (redirect !== undefined) stored.push([REDIRECT_HEADER, redirect]);
  pushMetadata(stored, headers);
  return stored;
}

/** With the access control list that the object has, unless it is `private`. */
export function withAcl(stored: StoredHeaders, acl: CannedAcl | undefined): StoredHeaders {
  return acl === undefined ? stored : [...stored, [ACL_HEADER, acl]];
}

/** The redirect target of the request, which is stored with the object. */
export function redirectLocation(headers: RequestHeaders): string | undefined {
  const target = headers.get(REDIRECT_HEADER);
  if (target === undefined || target === '') return undefined;
  if (REDIRECT_TARGET.test(target)) return target;
  throw new S3Error('InvalidRedirectLocation');
}

/**
 * Refuses what an upload may ask for and does not get; `keyHeaders`: how it may give keys.
 *
 * @throws S3Error InvalidStorageClass, NotImplemented.
 */
export function checkUploadHeaders(
  headers: RequestHeaders,
  keyHeaders = CUSTOMER_KEY_HEADERS,
): void {
  const storageClass = headers.get('x-amz-storage-class');
  if (storageClass !== undefined && storageClass !== 'STANDARD') {
    throw new S3Error('InvalidStorageClass', { fields: { StorageClassRequested: storageClass } });
  }
  for (const [name] of headers.entries) {
    if (!name.startsWith('x-amz-')) continue;
    if (isRefused(name) && !keyHeaders.has(name)) throw notImplemented(name);
  }
}

/** What GET, HEAD and a 304 tell of an object; `overrides` replace stored values by name. */
export function describeObject(
  version: ObjectVersion,
  overrides: ReadonlyMap<string, string> = NO_OVERRIDES,
): (readonly [name: string, value: string])[] {
  const told: (readonly [string, string])[] = [
    ['Last-Modified', httpDate(timestampMs(version.timestamp))],
    ['ETag', `"${version.etag}"`],
    ['Accept-Ranges', 'bytes'],
  ];
  let hasType = false;
  for (const [name, stored] of version.headers) {
    if (name === ACL_HEADER) continue;
    const spelt = REPLY_NAMES.get(name);
    if (name === 'content-type') hasType = true;
    if (spelt === undefined) told.push([name, stored]);
    else if (!overrides.has(name)) told.push([spelt, stored]);
  }
  for (const [name, value] of overrides) told.push([REPLY_NAMES.get(name) ?? name, value]);
  if (!hasType && !overrides.has('content-type')) told.push(['Content-Type', DEFAULT_CONTENT_TYPE]);
  return told;
}

const NO_OVERRIDES: ReadonlyMap<string, string> = new Map();

function pushMetadata(stored: (readonly [string, string])[], headers: RequestHeaders): void {
  let sizeBytes = 0;
  let seen: Set<string> | undefined;
  for (const [name] of headers.entries) {
    if (!name.startsWith(METADATA_PREFIX) || seen?.has(name) === true) continue;
    seen ??= new Set();
    seen.add(name);
    const value = headers.get(name) ?? '';
    sizeBytes += name.length - METADATA_PREFIX.length + Buffer.byteLength(value);
    stored.push([name, value]);
  }
  if (sizeBytes <= USER_METADATA_BYTES_MAX) return;
  throw new S3Error('MetadataTooLarge', {
    fields: { Size: String(sizeBytes), MaxSizeAllowed: String(USER_METADATA_BYTES_MAX) },
  });
}

function isRefused(name: string): boolean {
  return REFUSED_PREFIXES.some(prefix => name.startsWith(prefix));
}

function notImplemented(header: string): S3Error {
  return new S3Error('NotImplemented', {
    message: `The header ${header} asks for something that is not implemented.`,
    fields: { Header: header },
  });
}
