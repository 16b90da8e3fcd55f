/**
 * ListObjectVersions.
 *
 * Owns:          its parameters and document.
 * Knows:         the S3 API reference.
 * Must not know: how shards are merged, how versions are stored.
 */
import type { ObjectKey } from '../../schemas/ids.ts';
import type { ListedPrefix, ListedVersion, VersionStart } from '../../schemas/messages/table.ts';
import { tableRefusal } from '../object/refusals.ts';
import { ownerXml } from './bucket.ts';
import { entriesMax, invalidArgument, keyEncoder, type KeyEncoder } from './list-parameters.ts';
import { listPage, type Page } from './list-pages.ts';
import { TimeWriter } from './list-times.ts';
import { parseVersionRef } from './object-place.ts';
import type { BucketCall, S3Handler, S3Services } from './s3-call.ts';
import { xmlReply } from './xml-reply.ts';
import { element, optionalElement, s3Root, wrap, XmlBytes } from './xml-writer.ts';

type Entry = ListedVersion | ListedPrefix;
type Wanted = {
  readonly prefix: string;
  readonly delimiter: string;
  readonly keyMarker: string;
  readonly versionMarker: string;
  readonly maxKeys: number;
  readonly encode: KeyEncoder;
  readonly encodingType: string | undefined;
};

const EMPTY_PAGE: Page<Entry> = { entries: [], truncated: false };

export const listObjectVersions: S3Handler<BucketCall> = async (call, services) => {
  const { query } = call;
  const wanted: Wanted = {
    prefix: query.get('prefix') ?? '',
    delimiter: query.get('delimiter') ?? '',
    keyMarker: query.get('key-marker') ?? '',
    versionMarker: query.get('version-id-marker') ?? '',
    maxKeys: entriesMax(query, 'max-keys'),
    encode: keyEncoder(query),
    encodingType: (query.get('encoding-type') ?? '') === '' ? undefined : 'url',
  };
  const start = startAfter(wanted, query.has('version-id-marker'));
  const page =
    wanted.maxKeys === 0 ? EMPTY_PAGE : await readPage(call, services, { wanted, start });
  return xmlReply(document(call, wanted, page));
};

/** A version says nothing without its key. */
function startAfter(
  { keyMarker, versionMarker }: Wanted,
  hasVersion: boolean,
): VersionStart | undefined {
  if (hasVersion && keyMarker === '') {
    const message = 'A version-id marker cannot be specified without a key marker.';
    throw invalidArgument('version-id-marker', versionMarker, message);
  }
  if (keyMarker === '') return undefined;
  const key = keyMarker as ObjectKey;
  if (!hasVersion) return { key };
  if (versionMarker === '') {
    const message = 'A version-id marker cannot be empty.';
    throw invalidArgument('version-id-marker', versionMarker, message);
  }
  const version = parseVersionRef(versionMarker);
  if (version !== undefined) return { key, version };
  throw invalidArgument('version-id-marker', versionMarker, 'Invalid version id specified.');
}

async function readPage(
  { bucket }: BucketCall,
  { tables }: S3Services,
  { wanted, start }: { readonly wanted: Wanted; readonly start: VersionStart | undefined },
): Promise<Page<Entry>> {
  const { prefix, delimiter, maxKeys } = wanted;
  return listPage<Entry, { readonly after: VersionStart | undefined }>({
    shards: bucket.indexShards,
    limit: maxKeys,
    start: { after: start },
    fetch: async (shard, { after }, limit) => {
      const place = { bucket: bucket.id, shard };
      const request = { kind: 'version-list', ...place, prefix, delimiter, limit } as const;
      const answer = await tables.ask(
        tables.partitionOf(place),
        after === undefined ? request : { ...request, after },
      );
      if (answer.kind !== 'version-page') throw tableRefusal(answer);
      const { entries, next } = answer;
      return next === undefined ? { entries } : { entries, next: { after: next } };
    },
    nameOf,
    isPrefix: entry => entry.kind === 'prefix',
  });
}

function nameOf(entry: Entry): string {
  return entry.kind === 'prefix' ? entry.prefix : entry.key;
}

function document(
  { bucketName, caller }: BucketCall,
  wanted: Wanted,
  { entries, truncated }: Page<Entry>,
): Uint8Array {
  const { prefix, delimiter, keyMarker, versionMarker, maxKeys, encode, encodingType } = wanted;
  const last = truncated ? entries.at(-1) : undefined;
  const [opening, closing] = s3Root('ListVersionsResult');
  const out = new XmlBytes(
    opening +
      element('Name', bucketName) +
      element('Prefix', encode(prefix)) +
      element('KeyMarker', encode(keyMarker)) +
      element('VersionIdMarker', versionMarker) +
      optionalElement('NextKeyMarker', last && encode(nameOf(last))) +
      optionalElement('NextVersionIdMarker', last?.kind === 'version' ? last.version : undefined) +
      element('MaxKeys', maxKeys) +
      optionalElement('Delimiter', delimiter === '' ? undefined : encode(delimiter)) +
      optionalElement('EncodingType', encodingType) +
      element('IsTruncated', truncated),
  );
  const times = new TimeWriter();
  const owner = wrap('Owner', caller === undefined ? '' : ownerXml(caller));
  let prefixes = '';
  for (const entry of entries) {
    if (entry.kind === 'version') out.add(versionXml(entry, { encode, times, owner }));
    else prefixes += wrap('CommonPrefixes', element('Prefix', encode(entry.prefix)));
  }
  out.add(prefixes);
  return out.end(closing);
}

/** Versions and delete markers in one order, as S3 writes them. */
function versionXml(
  entry: ListedVersion,
  how: { readonly encode: KeyEncoder; readonly times: TimeWriter; readonly owner: string },
): string {
  const { key, version, isLatest, isMarker, lastModifiedMs, sizeBytes, etag, checksum } = entry;
  const names =
    element('Key', how.encode(key)) +
    element('VersionId', version) +
    element('IsLatest', isLatest) +
    element('LastModified', how.times.write(lastModifiedMs));
  if (isMarker) return wrap('DeleteMarker', names + how.owner);
  const sums =
    checksum === undefined
      ? ''
      : element('ChecksumAlgorithm', checksum.algorithm) + element('ChecksumType', checksum.type);
  const content = element('ETag', `"${etag}"`) + sums + element('Size', sizeBytes);
  return wrap('Version', names + content + how.owner + element('StorageClass', 'STANDARD'));
}
