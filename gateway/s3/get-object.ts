/**
 * GetObject and HeadObject.
 *
 * Owns:          the order: find, conditions, part or range, head of the answer, body.
 * Knows:         "GetObject" and "HeadObject" of the S3 API reference; RFC 9110.
 * Must not know: blocks.
 *
 * An object may be overwritten between finding it and reading its first piece; what was found is
 * then looked up again, so that the client gets one version or the other, whole.
 */
import type { StoredChecksum } from '../../schemas/records/checksum.ts';
import type { ObjectVersion } from '../../schemas/records/object-row.ts';
import type { ObjectPlace } from '../../schemas/messages/table.ts';
import type { Soon } from '../../schemas/soon.ts';
import { chain } from '../../schemas/soon.ts';
import { timestampMs } from '../../schemas/timestamp.ts';
import type { HttpReply, ReplyBody } from '../http/exchange.ts';
import { ContentGone } from '../object/content-gone.ts';
import type { FoundObject } from '../object/object-reader.ts';
import { checksumReplyHeaders } from './checksum-headers.ts';
import { decideRead, rangeCounts } from './conditions.ts';
import { describeObject } from './object-headers.ts';
import { checkVersionId, parsePartNumber, placeOf } from './object-place.ts';
import type { ByteRange } from './ranges.ts';
import { contentRange, parseRange } from './ranges.ts';
import type { ObjectCall, S3Handler, S3Services } from './s3-call.ts';
import { S3Error } from './s3-error.ts';

/** How often an object that is overwritten again and again is looked up. */
const LOOKUPS_MAX = 3;

/** Who sends a key believes that the object is encrypted with it. */
const CUSTOMER_KEY_HEADER = 'x-amz-server-side-encryption-customer-algorithm';

const OVERRIDES = [
  'cache-control',
  'content-disposition',
  'content-encoding',
  'content-language',
  'content-type',
  'expires',
] as const;
const NO_OVERRIDES: ReadonlyMap<string, string> = new Map();
/** What a 304 repeats of the head of a 200 (RFC 9110 15.4.5). */
const NOT_MODIFIED_HEADERS: ReadonlySet<string> = new Set([
  'Last-Modified',
  'ETag',
  'Cache-Control',
  'Expires',
]);

/** What a request asks for, checked before the object is looked up. */
type Asked = {
  readonly partNumber: number | undefined;
  readonly overrides: ReadonlyMap<string, string>;
  readonly wantsChecksum: boolean;
};

/** What is sent of the object; `checksum` is that of exactly these bytes. */
type Selection = {
  readonly range: ByteRange;
  readonly isPartial: boolean;
  readonly partCount?: number;
  readonly checksum?: StoredChecksum;
};

export const getObject: S3Handler<ObjectCall> = (call, services) =>
  answer(call, services, 'content');

export const headObject: S3Handler<ObjectCall> = (call, services) => answer(call, services, 'row');

/** A small object is answered without a promise: its row and its bytes were there at once. */
function answer(call: ObjectCall, services: S3Services, want: 'content' | 'row'): Soon<HttpReply> {
  return lookUp(call, services, { asked: readAsked(call), want, place: placeOf(call) }, 1);
}

type Wanted = {
  readonly asked: Asked;
  readonly want: 'content' | 'row';
  readonly place: ObjectPlace;
};

function lookUp(
  call: ObjectCall,
  services: S3Services,
  wanted: Wanted,
  lookups: number,
): Soon<HttpReply> {
  const reply = chain(services.reader.find(wanted.place, wanted.want), found => {
    if (found === undefined) throw new S3Error('NoSuchKey', { fields: { Key: call.key } });
    return answerWith(call, services, { ...wanted, found });
  });
  if (!(reply instanceof Promise)) return reply;
  return reply.catch((error: unknown) => {
    if (!(error instanceof ContentGone)) throw error;
    if (lookups === LOOKUPS_MAX) throw new S3Error('InternalError', { cause: error });
    return lookUp(call, services, wanted, lookups + 1);
  });
}

function readAsked({ query, headers, caller }: ObjectCall): Asked {
  checkVersionId(query);
  if (headers.get(CUSTOMER_KEY_HEADER) !== undefined) {
    throw new S3Error('NotImplemented', { fields: { Header: CUSTOMER_KEY_HEADER } });
  }
  const partNumber = parsePartNumber(query.get('partNumber'));
  if (partNumber !== undefined && headers.get('range') !== undefined) {
    throw new S3Error('InvalidRequest', {
      message: 'Range and partNumber exclude each other.',
    });
  }
  const overrides = query.size === 0 ? NO_OVERRIDES : overridesOf(query);
  if (overrides.size > 0 && caller === undefined) {
    throw new S3Error('InvalidRequest', {
      message: 'Headers of the answer can only be chosen by a signed request.',
    });
  }
  const wantsChecksum = headers.get('x-amz-checksum-mode')?.toUpperCase() === 'ENABLED';
  return { partNumber, overrides, wantsChecksum };
}

function overridesOf(query: ObjectCall['query']): ReadonlyMap<string, string> {
  const overrides = new Map<string, string>();
  for (const name of OVERRIDES) {
    const value = query.get(`response-${name}`);
    if (value !== undefined) overrides.set(name, checkedOverride(name, value));
  }
  return overrides;
}

/** A line break in a header would be read as further headers. */
function checkedOverride(name: string, value: string): string {
  // eslint-disable-next-line no-control-regex -- controls are what this is about
  if (!/[\0-\x08\x0a-\x1f\x7f]/.test(value)) return value;
  throw new S3Error('InvalidArgument', { fields: { ArgumentName: `response-${name}` } });
}

type Answering = Wanted & { readonly found: FoundObject };

function answerWith(call: ObjectCall, services: S3Services, answering: Answering): Soon<HttpReply> {
  const { found, asked, want } = answering;
  const { version } = found;
  const validators = { etag: version.etag, lastModifiedMs: timestampMs(version.timestamp) };
  const described = describeObject(version, asked.overrides);
  if (decideRead(call.headers, validators) === 'not-modified') {
    const headers = described.filter(([name]) => NOT_MODIFIED_HEADERS.has(name));
    return { status: 304, headers };
  }
  return chain(select(call, services, answering), selection => {
    const { range, isPartial, partCount, checksum } = selection;
    if (isPartial) {
      described.push(['Content-Range', contentRange(range, version.sizeBytes)]);
    }
    if (partCount !== undefined) described.push(['x-amz-mp-parts-count', String(partCount)]);
    if (asked.wantsChecksum) described.push(...checksumReplyHeaders(checksum));
    const body: Soon<ReplyBody> =
      want === 'row'
        ? { kind: 'head', sizeBytes: range.sizeBytes }
        : services.reader.open(found, range);
    const status = isPartial ? 206 : 200;
    return chain(body, opened => ({ status, headers: described, body: opened }));
  });
}

function select(
  { headers }: ObjectCall,
  { reader }: S3Services,
  { found, asked }: Answering,
): Soon<Selection> {
  const { version } = found;
  if (asked.partNumber !== undefined) return selectPart(reader, found, asked.partNumber);
  const rangeText = headers.get('range');
  if (rangeText === undefined) return whole(version);
  const validators = { etag: version.etag, lastModifiedMs: timestampMs(version.timestamp) };
  if (!rangeCounts(headers.get('if-range'), validators)) return whole(version);
  const range = parseRange(rangeText, version.sizeBytes);
  return range === undefined ? whole(version) : { range, isPartial: true };
}

function whole({ sizeBytes, checksum }: ObjectVersion): Selection {
  const selection = { range: { first: 0, sizeBytes }, isPartial: false };
  return checksum === undefined ? selection : { ...selection, checksum };
}

/** An object that was not uploaded in parts has one, itself. */
async function selectPart(
  reader: S3Services['reader'],
  found: FoundObject,
  partNumber: number,
): Promise<Selection> {
  const { version } = found;
  if (version.content.kind !== 'parts') {
    if (partNumber === 1) return { ...whole(version), isPartial: version.sizeBytes > 0 };
    throw new S3Error('InvalidPartNumber');
  }
  const part = await reader.part(found, partNumber);
  if (part === undefined) throw new S3Error('InvalidPartNumber');
  return { ...part, isPartial: true };
}
