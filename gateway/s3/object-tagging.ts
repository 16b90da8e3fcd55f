/**
 * Tags of objects: PutObjectTagging, GetObjectTagging, DeleteObjectTagging, and the headers with
 * which tags come along with an object.
 *
 * Owns:          the header's grammar, the directive of copies, the three operations.
 * Knows:         the S3 API reference of each; "Object tagging" of the S3 user guide.
 * Must not know: how tags are stored, what they are used for.
 */
import type { Tag } from '../../schemas/records/bucket-settings/bucket-tags.ts';
import { faultOfTags, OBJECT_TAGS_MAX } from '../../schemas/records/bucket-settings/bucket-tags.ts';
import type { Tagging } from '../../schemas/records/object-extras.ts';
import type { ObjectVersion } from '../../schemas/records/object-row.ts';
import type { HttpReply, ReplyHeaders, RequestHeaders } from '../http/exchange.ts';
import { readVouchedDocument, refuseFault } from './bucket-document.ts';
import { readTagging, tagXml } from './bucket-tagging.ts';
import { decideFor } from './object-access.ts';
import { changeObject, findVersion } from './object-versions.ts';
import type { ObjectCall, S3Handler, S3Services } from './s3-call.ts';
import { S3Error } from './s3-error.ts';
import { xmlReply } from './xml-reply.ts';
import { s3Document, wrap } from './xml-writer.ts';

const HEADER = 'x-amz-tagging';
const DIRECTIVE = 'x-amz-tagging-directive';
/** Room for as many tags as there may be, every character a reference. */
const DOCUMENT_BYTES_MAX = 64 * 1024;

export const getObjectTagging: S3Handler<ObjectCall> = async (call, services) => {
  const { found, headers } = await findVersion(call, services);
  const tags = found.version.tagging?.tags ?? [];
  const document = s3Document('Tagging', wrap('TagSet', tags.map(tagXml).join('')));
  return xmlReply(document, headers);
};

export const putObjectTagging: S3Handler<ObjectCall> = async (call, services) => {
  const body = await readVouchedDocument(call, DOCUMENT_BYTES_MAX);
  const tags = readTagging(body);
  const permitted = { ...call, requestTags: tags, access: accessByTags(call, services, tags) };
  refuseFault(faultOfTags(tags, OBJECT_TAGS_MAX));
  return { status: 200, headers: await change(permitted, services, tags) };
};

/** A policy may speak of the tags in the document; without one the door has decided. */
function accessByTags(
  call: ObjectCall,
  services: S3Services,
  requestTags: readonly Tag[],
): ObjectCall['access'] {
  const { bucket, key: objectKey, query } = call;
  if (bucket.policy === undefined) return call.access;
  const isOfVersion = query.has('versionId');
  const action = isOfVersion ? 's3:PutObjectVersionTagging' : 's3:PutObjectTagging';
  const right = { permission: 'write', action } as const;
  const verdict = decideFor({ ...call, requestTags }, services, { ...right, bucket, objectKey });
  if (verdict === 'denied') throw new S3Error('AccessDenied');
  return verdict === 'by-object' ? right : verdict;
}

export const deleteObjectTagging: S3Handler<ObjectCall> = async (call, services) => {
  const reply: HttpReply = { status: 204, headers: await change(call, services, []) };
  return reply;
};

function change(
  call: ObjectCall,
  services: S3Services,
  tags: readonly Tag[],
): Promise<ReplyHeaders> {
  return changeObject(call, services, { tagging: { stamp: services.stamper.now(), tags } });
}

/**
 * The tags that a new object comes with.
 *
 * @throws S3Error InvalidArgument for a header that is not a query string of distinct names,
 *   InvalidTag for tags that may not be.
 */
export function taggingOf(headers: RequestHeaders): Tagging | undefined {
  const text = headers.get(HEADER);
  if (text === undefined || text === '') return undefined;
  const pairs = text.split('&').filter(pair => pair !== '');
  const tags = pairs.map(pair => readPair(text, pair));
  if (new Set(tags.map(({ key }) => key)).size < tags.length) throw invalidHeader(text);
  refuseFault(faultOfTags(tags, OBJECT_TAGS_MAX));
  return { tags };
}

function readPair(text: string, pair: string): Tag {
  const at = pair.indexOf('=');
  const key = at < 0 ? pair : pair.slice(0, at);
  const value = at < 0 ? '' : pair.slice(at + 1);
  try {
    return { key: decode(key), value: decode(value) };
  } catch {
    throw invalidHeader(text);
  }
}

function decode(text: string): string {
  return decodeURIComponent(text.replaceAll('+', ' '));
}

function invalidHeader(text: string): S3Error {
  return new S3Error('InvalidArgument', {
    message: `${HEADER} is a query string in UTF-8, URL-encoded, of distinct names.`,
    fields: { ArgumentName: HEADER, ArgumentValue: text },
  });
}

/** Those of a copy: the source's, unless the request says otherwise. @throws S3Error as above. */
export function copiedTagging(headers: RequestHeaders, source: ObjectVersion): Tagging | undefined {
  if (taggingDirective(headers) === 'REPLACE') return taggingOf(headers);
  const tags = source.tagging?.tags ?? [];
  return tags.length === 0 ? undefined : { tags };
}

/** @throws S3Error InvalidArgument. */
export function taggingDirective(headers: RequestHeaders): 'COPY' | 'REPLACE' {
  const text = headers.get(DIRECTIVE) ?? 'COPY';
  if (text === 'COPY' || text === 'REPLACE') return text;
  throw new S3Error('InvalidArgument', {
    message: `${DIRECTIVE} must be COPY or REPLACE.`,
    fields: { ArgumentName: DIRECTIVE, ArgumentValue: text },
  });
}
