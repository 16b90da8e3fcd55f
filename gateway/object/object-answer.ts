/**
 * The answer to a read of one object, whichever door it came through.
 *
 * Owns:          the order: find, key, conditions, part or range, head of the answer, body.
 * Knows:         RFC 9110; the rows and the reader.
 * Must not know: doors: who may read, and what is said when there is nothing to read.
 *
 * An object may be overwritten between finding it and reading its first piece; what was found is
 * then looked up again, so that the client gets one version or the other, whole. A small object is
 * answered without a promise: its row and its bytes were there at once.
 */
import type { ObjectPlace } from '../../schemas/messages/table.ts';
import type { StoredChecksum } from '../../schemas/records/checksum.ts';
import type { Tagging } from '../../schemas/records/object-extras.ts';
import type { DeleteMarker, ObjectVersion, VersionRef } from '../../schemas/records/object-row.ts';
import type { Soon } from '../../schemas/soon.ts';
import { chain } from '../../schemas/soon.ts';
import { timestampMs } from '../../schemas/timestamp.ts';
import type { HttpReply, ReplyBody, ReplyHeaders, RequestHeaders } from '../http/exchange.ts';
import { checksumReplyHeaders } from '../s3/checksum-headers.ts';
import { decideRead, rangeCounts } from '../s3/conditions.ts';
import { customerKeyHeaders } from '../s3/customer-key-headers.ts';
import { describeObject } from '../s3/object-headers.ts';
import type { ByteRange } from '../s3/ranges.ts';
import { contentRange, parseRange } from '../s3/ranges.ts';
import { S3Error } from '../s3/s3-error.ts';
import { ContentGone } from './content-gone.ts';
import type { CustomerKey } from './customer-key.ts';
import { EarlyBody } from './early-body.ts';
import type { FoundObject, ObjectReader } from './object-reader.ts';
import { unlock } from './unlock.ts';

/** How often an object that is overwritten again and again is looked up. */
const LOOKUPS_MAX = 3;

/** With them less than the whole may be sent. */
const PARTIAL_OR_CONDITIONAL = [
  ...['range', 'if-match', 'if-none-match', 'if-modified-since', 'if-unmodified-since'],
] as const;

/** What a 304 repeats of the head of a 200 (RFC 9110 15.4.5). */
const NOT_MODIFIED_HEADERS: ReadonlySet<string> = new Set([
  'Last-Modified',
  'ETag',
  'Cache-Control',
  'Expires',
]);

/** What is asked, checked before the object is looked up. */
export type ObjectQuestion = {
  readonly place: ObjectPlace;
  /** Absent: the current one. */
  readonly version?: VersionRef | undefined;
  /** `row`: the answer has no body. */
  readonly want: 'content' | 'row';
  /** Conditions and range are among them. */
  readonly headers: RequestHeaders;
  readonly partNumber: number | undefined;
  /** Take the place of stored headers. */
  readonly overrides: ReadonlyMap<string, string>;
  readonly wantsChecksum: boolean;
  /** Whether those who ask may know how many tags there are. */
  readonly tellsTags?: boolean;
  /** What the door adds to the head of the answer. */
  readonly added?: ((version: ObjectVersion) => ReplyHeaders) | undefined;
  /** With which the object is encrypted, as the client says. */
  readonly customerKey?: CustomerKey | undefined;
};

/** What a door does in place of the answer. */
export type AnswerHooks = {
  /** There is no object, or a delete marker. */
  readonly absent: (marker: DeleteMarker | undefined) => Soon<HttpReply>;
  /** There is one; an answer of its own, or undefined. */
  readonly instead?: (version: ObjectVersion) => HttpReply | undefined;
};

/** What is sent of the object; `checksum` is that of exactly these bytes. */
type Selection = {
  readonly range: ByteRange;
  readonly isPartial: boolean;
  readonly partCount?: number;
  readonly checksum?: StoredChecksum;
};

/** Throws or rejects with S3Error. */
export function answerObject(
  reader: ObjectReader,
  question: ObjectQuestion,
  hooks: AnswerHooks,
): Soon<HttpReply> {
  return lookUp(reader, question, hooks, 1);
}

function lookUp(
  reader: ObjectReader,
  question: ObjectQuestion,
  hooks: AnswerHooks,
  lookups: number,
): Soon<HttpReply> {
  const { place, want, version } = question;
  const bodies = new EarlyBody(reader);
  const early = (found: FoundObject): void => {
    if (isPlain(question)) bodies.begin(found);
  };
  const reply = chain(reader.look(place, want, version, early), found => {
    if (found?.kind !== 'object') return hooks.absent(found);
    const { customerKey } = question;
    return (
      hooks.instead?.(found.version) ??
      answerFound({ reader, bodies }, question, unlock(found, customerKey))
    );
  });
  if (!(reply instanceof Promise)) return reply;
  return reply.then(
    answer => {
      bodies.drop();
      return answer;
    },
    (error: unknown) => {
      bodies.drop();
      if (!(error instanceof ContentGone)) throw error;
      if (lookups === LOOKUPS_MAX) throw new S3Error('InternalError', { cause: error });
      return lookUp(reader, question, hooks, lookups + 1);
    },
  );
}

/** All of the object is wanted, whatever it is. */
function isPlain({ want, headers, partNumber }: ObjectQuestion): boolean {
  if (want !== 'content' || partNumber !== undefined) return false;
  return PARTIAL_OR_CONDITIONAL.every(name => headers.get(name) === undefined);
}

type Reading = {
  readonly reader: ObjectReader;
  readonly bodies: EarlyBody;
};

function answerFound(
  { reader, bodies }: Reading,
  question: ObjectQuestion,
  found: FoundObject,
): Soon<HttpReply> {
  const { version } = found;
  const { headers, overrides, added } = question;
  const validators = { etag: version.etag, lastModifiedMs: timestampMs(version.timestamp) };
  const described = describeObject(version, overrides);
  if (decideRead(headers, validators) === 'not-modified') {
    return { status: 304, headers: described.filter(([name]) => NOT_MODIFIED_HEADERS.has(name)) };
  }
  if (added !== undefined) described.push(...added(version));
  if (question.customerKey !== undefined) {
    described.push(...customerKeyHeaders(question.customerKey));
  }
  if (version.tagging !== undefined && question.tellsTags === true) {
    described.push(...tagCount(version.tagging));
  }
  return chain(select(reader, question, found), selection => {
    const { range, isPartial, partCount, checksum } = selection;
    if (isPartial) {
      described.push(['Content-Range', contentRange(range, version.sizeBytes)]);
    }
    if (partCount !== undefined) described.push(['x-amz-mp-parts-count', String(partCount)]);
    if (question.wantsChecksum) described.push(...checksumReplyHeaders(checksum));
    const body: Soon<ReplyBody> =
      question.want === 'row'
        ? { kind: 'head', sizeBytes: range.sizeBytes }
        : bodies.take(found, range);
    const status = isPartial ? 206 : 200;
    return chain(body, opened => ({ status, headers: described, body: opened }));
  });
}

function tagCount({ tags }: Tagging): ReplyHeaders {
  return tags.length === 0 ? [] : [['x-amz-tagging-count', String(tags.length)]];
}

function select(
  reader: ObjectReader,
  { headers, partNumber }: ObjectQuestion,
  found: FoundObject,
): Soon<Selection> {
  const { version } = found;
  if (partNumber !== undefined) return selectPart(reader, found, partNumber);
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
  reader: ObjectReader,
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
  // As with S3: where the object has a checksum of all its bytes, its parts tell none.
  if (version.checksum?.type !== 'FULL_OBJECT') return { ...part, isPartial: true };
  const { range, partCount } = part;
  if (partCount === 1) return { range, partCount, checksum: version.checksum, isPartial: true };
  return { range, partCount, isPartial: true };
}
