/**
 * ListMultipartUploads.
 *
 * Owns:          its parameters and document.
 * Knows:         the S3 API reference.
 * Must not know: how shards are merged, how uploads are stored.
 */
import type { ListedPrefix, ListedUpload, UploadList } from '../../schemas/messages/table.ts';
import { parseUploadId } from '../../schemas/ids.ts';
import { timestampMs } from '../../schemas/timestamp.ts';
import { tableRefusal } from '../object/refusals.ts';
import { ownerXml } from './bucket.ts';
import { entriesMax, invalidArgument, keyEncoder, type KeyEncoder } from './list-parameters.ts';
import { listPage, type Page } from './list-pages.ts';
import { TimeWriter } from './list-times.ts';
import type { BucketCall, S3Handler, S3Services } from './s3-call.ts';
import { xmlReply } from './xml-reply.ts';
import { element, optionalElement, s3Document, wrap } from './xml-writer.ts';

type Entry = ListedUpload | ListedPrefix;
type After = UploadList['after'];
type Wanted = {
  readonly prefix: string;
  readonly delimiter: string;
  readonly keyMarker: string;
  readonly uploadIdMarker: string;
  readonly maxUploads: number;
  readonly encode: KeyEncoder;
};

export const listMultipartUploads: S3Handler<BucketCall> = async (call, services) => {
  const { query } = call;
  const wanted: Wanted = {
    prefix: query.get('prefix') ?? '',
    delimiter: query.get('delimiter') ?? '',
    keyMarker: query.get('key-marker') ?? '',
    uploadIdMarker: query.get('upload-id-marker') ?? '',
    maxUploads: entriesMax(query, 'max-uploads'),
    encode: keyEncoder(query),
  };
  const isEncoded = (query.get('encoding-type') ?? '') !== '';
  const page = await readPage(call, services, wanted);
  return xmlReply(document(call, { wanted, page, isEncoded }));
};

async function readPage(
  { bucket }: BucketCall,
  { tables }: S3Services,
  wanted: Wanted,
): Promise<Page<Entry>> {
  const { prefix, delimiter, maxUploads } = wanted;
  const start = { after: startAfter(wanted) };
  if (maxUploads === 0) return { entries: [], truncated: false };
  return listPage<Entry, { readonly after: After }>({
    shards: bucket.indexShards,
    limit: maxUploads,
    start,
    fetch: async (shard, { after }, limit) => {
      const request = { kind: 'upload-list', bucket: bucket.id, shard, prefix, delimiter } as const;
      const partition = tables.partitionOf({ bucket: bucket.id, shard });
      const answer = await tables.ask(partition, {
        ...request,
        limit,
        ...(after === undefined ? {} : { after }),
      });
      if (answer.kind !== 'upload-page') throw tableRefusal(answer);
      const { entries, truncated } = answer;
      const last = entries.at(-1);
      return truncated && last !== undefined
        ? { entries, next: { after: afterEntry(last) } }
        : { entries };
    },
    nameOf,
    isPrefix: entry => entry.kind === 'prefix',
  });
}

/** An upload id says nothing without its key. */
function startAfter({ keyMarker, uploadIdMarker }: Wanted): After {
  if (keyMarker === '') return undefined;
  if (uploadIdMarker === '') return { key: keyMarker };
  const uploadId = parseUploadId(uploadIdMarker);
  if (uploadId !== undefined) return { key: keyMarker, uploadId };
  throw invalidArgument('upload-id-marker', uploadIdMarker, 'Invalid uploadId marker.');
}

function afterEntry(entry: Entry): NonNullable<After> {
  if (entry.kind === 'prefix') return { key: entry.prefix };
  return { key: entry.key, uploadId: entry.upload.uploadId };
}

function nameOf(entry: Entry): string {
  return entry.kind === 'prefix' ? entry.prefix : entry.key;
}

function document(
  { bucketName, caller }: BucketCall,
  parts: { readonly wanted: Wanted; readonly page: Page<Entry>; readonly isEncoded: boolean },
): string {
  const { wanted, page, isEncoded } = parts;
  const { prefix, delimiter, keyMarker, uploadIdMarker, maxUploads, encode } = wanted;
  const last = page.truncated ? page.entries.at(-1) : undefined;
  const nextUpload = last?.kind === 'upload' ? last.upload.uploadId : '';
  const owner = wrap('Owner', caller === undefined ? '' : ownerXml(caller));
  const content =
    element('Bucket', bucketName) +
    element('KeyMarker', encode(keyMarker)) +
    element('UploadIdMarker', uploadIdMarker) +
    element('NextKeyMarker', last === undefined ? '' : encode(nameOf(last))) +
    element('NextUploadIdMarker', nextUpload) +
    element('Prefix', encode(prefix)) +
    optionalElement('Delimiter', delimiter === '' ? undefined : encode(delimiter)) +
    optionalElement('EncodingType', isEncoded ? 'url' : undefined) +
    element('MaxUploads', maxUploads) +
    element('IsTruncated', page.truncated);
  return s3Document('ListMultipartUploadsResult', content + entriesXml(page, { encode, owner }));
}

/** Uploads first, then common prefixes, as S3 writes them. */
function entriesXml(
  { entries }: Page<Entry>,
  { encode, owner }: { readonly encode: KeyEncoder; readonly owner: string },
): string {
  const times = new TimeWriter();
  let uploads = '';
  let prefixes = '';
  for (const entry of entries) {
    if (entry.kind === 'upload') uploads += uploadXml(entry, { encode, owner, times });
    else prefixes += wrap('CommonPrefixes', element('Prefix', encode(entry.prefix)));
  }
  return uploads + prefixes;
}

function uploadXml(
  { key, upload }: ListedUpload,
  how: { readonly encode: KeyEncoder; readonly owner: string; readonly times: TimeWriter },
): string {
  const { uploadId, initiator, checksum } = upload;
  return wrap(
    'Upload',
    element('Key', how.encode(key)) +
      element('UploadId', uploadId) +
      wrap('Initiator', element('ID', initiator) + element('DisplayName', initiator)) +
      how.owner +
      element('StorageClass', 'STANDARD') +
      // The id is the stamp at which the upload was begun.
      element('Initiated', how.times.write(timestampMs(uploadId))) +
      optionalElement('ChecksumAlgorithm', checksum?.algorithm) +
      optionalElement('ChecksumType', checksum?.type),
  );
}
