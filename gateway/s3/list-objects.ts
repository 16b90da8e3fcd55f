/**
 * ListObjects and ListObjectsV2.
 *
 * Owns:          their parameters, tokens and documents.
 * Knows:         the S3 API reference of both.
 * Must not know: how shards are merged, how rows are stored.
 *
 * A continuation token names the last entry that was given, and the next page begins behind it: an
 * object that is written between two pages is listed wherever it belongs to what follows. The
 * document is put together by hand: a page of 1000 keys is the hot path of every synchronisation.
 */
import { createHash } from 'node:crypto';
import { tableRefusal } from '../object/refusals.ts';
import type { BucketId, ObjectKey } from '../../schemas/ids.ts';
import type { ListedEntry, ListedObject, ListStart } from '../../schemas/messages/table.ts';
import { entriesMax, invalidArgument, keyEncoder, type KeyEncoder } from './list-parameters.ts';
import { listPage, type Page } from './list-pages.ts';
import { TimeWriter } from './list-times.ts';
import type { BucketCall, S3Handler, S3Services } from './s3-call.ts';
import { xmlReply } from './xml-reply.ts';
import { element, escapeXml, optionalElement, s3Root, wrap, XmlBytes } from './xml-writer.ts';

type Wanted = {
  readonly prefix: string;
  /** Empty: none. */
  readonly delimiter: string;
  readonly maxKeys: number;
  readonly encode: KeyEncoder;
  readonly encodingType: string | undefined;
};

const EMPTY_PAGE: Page<ListedEntry> = { entries: [], truncated: false };
const TOKEN_CHECK_BYTES = 6;

/** Version 1: goes on by key. */
export const listObjects: S3Handler<BucketCall> = async (call, services) => {
  const wanted = readWanted(call);
  const marker = call.query.get('marker') ?? '';
  const page = await readPage(call, services, { wanted, after: marker });
  const { encode, delimiter } = wanted;
  // S3 gives NextMarker only with a delimiter: without, the last key is the marker.
  const isMarked = page.truncated && delimiter !== '';
  const nextMarker = isMarked ? encode(lastName(page.entries)) : undefined;
  const head =
    element('Marker', encode(marker)) +
    optionalElement('NextMarker', nextMarker) +
    commonHead(wanted, page);
  return xmlReply(document(call, wanted, { head, page, owner: ownerOf(call) }));
};

/** Version 2: goes on by a token. */
export const listObjectsV2: S3Handler<BucketCall> = async (call, services) => {
  const { query, bucket } = call;
  const listType = query.get('list-type') ?? '';
  if (listType !== '2') throw invalidArgument('list-type', listType, 'list-type must be 2.');
  const wanted = readWanted(call);
  const token = query.get('continuation-token');
  const startAfter = query.get('start-after');
  const after =
    token === undefined || token === '' ? (startAfter ?? '') : readToken(bucket.id, token);
  const page = await readPage(call, services, { wanted, after });
  const next = page.truncated ? writeToken(bucket.id, lastName(page.entries)) : undefined;
  const head =
    optionalElement('NextContinuationToken', next) +
    optionalElement('ContinuationToken', token) +
    optionalElement(
      'StartAfter',
      startAfter === undefined ? undefined : wanted.encode(startAfter),
    ) +
    element('KeyCount', page.entries.length) +
    commonHead(wanted, page);
  const isOwnerAsked = query.get('fetch-owner') === 'true';
  const owner = isOwnerAsked ? ownerOf(call) : '';
  return xmlReply(document(call, wanted, { head, page, owner }));
};

function readWanted({ query }: BucketCall): Wanted {
  return {
    prefix: query.get('prefix') ?? '',
    delimiter: query.get('delimiter') ?? '',
    maxKeys: entriesMax(query, 'max-keys'),
    encode: keyEncoder(query),
    encodingType: (query.get('encoding-type') ?? '') === '' ? undefined : 'url',
  };
}

/** `after`: the marker, token or start of the client; empty for the beginning. */
async function readPage(
  { bucket }: BucketCall,
  { tables }: S3Services,
  { wanted, after }: { readonly wanted: Wanted; readonly after: string },
): Promise<Page<ListedEntry>> {
  const { prefix, delimiter, maxKeys } = wanted;
  if (maxKeys === 0) return EMPTY_PAGE;
  return listPage<ListedEntry, ListStart | 'begin'>({
    shards: bucket.indexShards,
    limit: maxKeys,
    start: startBehind(after),
    fetch: async (shard, from, limit) => {
      const request = { kind: 'object-list', bucket: bucket.id, shard, prefix, delimiter } as const;
      const partition = tables.partitionOf({ bucket: bucket.id, shard });
      const answer = await tables.ask(partition, {
        ...request,
        limit,
        ...(from === 'begin' ? {} : { from }),
      });
      if (answer.kind !== 'object-page') throw tableRefusal(answer);
      return answer;
    },
    nameOf,
    isPrefix: entry => entry.kind === 'prefix',
  });
}

/** Behind a common prefix is behind all its keys: the tables know, a page may end with one. */
function startBehind(after: string): ListStart | 'begin' {
  return after === '' ? 'begin' : { key: after as ObjectKey, inclusive: false };
}

function nameOf(entry: ListedEntry): string {
  return entry.kind === 'object' ? entry.key : entry.prefix;
}

function lastName(entries: readonly ListedEntry[]): string {
  const last = entries.at(-1);
  return last === undefined ? '' : nameOf(last);
}

function commonHead(wanted: Wanted, page: Page<ListedEntry>): string {
  const { delimiter, maxKeys, encode, encodingType } = wanted;
  return (
    element('MaxKeys', maxKeys) +
    optionalElement('Delimiter', delimiter === '' ? undefined : encode(delimiter)) +
    optionalElement('EncodingType', encodingType) +
    element('IsTruncated', page.truncated)
  );
}

function ownerOf({ caller }: BucketCall): string {
  const content =
    element('ID', caller?.accessKeyId ?? '') + element('DisplayName', caller?.keyName ?? '');
  return wrap('Owner', content);
}

function document(
  { bucketName }: BucketCall,
  { prefix, encode }: Wanted,
  parts: { readonly head: string; readonly page: Page<ListedEntry>; readonly owner: string },
): Uint8Array {
  const names = element('Name', bucketName) + element('Prefix', encode(prefix));
  const [opening, closing] = s3Root('ListBucketResult');
  const out = new XmlBytes(opening + names + parts.head);
  writeEntries(out, parts, encode);
  return out.end(closing);
}

/** Objects first, then common prefixes, as S3 writes them. */
export function writeEntries(
  out: XmlBytes,
  { page, owner }: { readonly page: Page<ListedEntry>; readonly owner: string },
  encode: KeyEncoder,
): void {
  const times = new TimeWriter();
  let prefixes = '';
  for (const entry of page.entries) {
    if (entry.kind === 'object') {
      const key = escapeXml(encode(entry.key));
      const time = times.write(entry.lastModifiedMs);
      const size = String(entry.sizeBytes);
      const checksum = entry.checksum === undefined ? '' : checksumXml(entry.checksum);
      const rest = `<Size>${size}</Size>${owner}<StorageClass>STANDARD</StorageClass></Contents>`;
      out.add(
        `<Contents><Key>${key}</Key><LastModified>${time}</LastModified>` +
          `<ETag>&quot;${entry.etag}&quot;</ETag>${checksum}${rest}`,
      );
    } else {
      const prefix = escapeXml(encode(entry.prefix));
      prefixes += `<CommonPrefixes><Prefix>${prefix}</Prefix></CommonPrefixes>`;
    }
  }
  out.add(prefixes);
}

function checksumXml({ algorithm, type }: NonNullable<ListedObject['checksum']>): string {
  return element('ChecksumAlgorithm', algorithm) + element('ChecksumType', type);
}

/** A token is the name of the last entry with a check, so that a made-up one is noticed. */
function writeToken(bucket: BucketId, name: string): string {
  const text = Buffer.from(name);
  return Buffer.concat([tokenCheck(bucket, text), text]).toString('base64url');
}

function readToken(bucket: BucketId, token: string): string {
  const bytes = Buffer.from(token, 'base64url');
  const text = bytes.subarray(TOKEN_CHECK_BYTES);
  const check = bytes.subarray(0, TOKEN_CHECK_BYTES);
  const isOurs = tokenCheck(bucket, text).equals(check) && bytes.toString('base64url') === token;
  if (isOurs) return text.toString();
  const message = 'The continuation token provided is incorrect.';
  throw invalidArgument('continuation-token', token, message);
}

function tokenCheck(bucket: BucketId, text: Uint8Array): Buffer {
  const hash = createHash('sha256').update(bucket, 'latin1').update(text).digest();
  return hash.subarray(0, TOKEN_CHECK_BYTES);
}
