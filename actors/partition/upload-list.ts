/**
 * Listing the open uploads of one index shard of a bucket.
 *
 * Owns:          pages of uploads.
 * Knows:         open-upload rows: by key, then by upload id.
 * Must not know: XML, markers of requests.
 */
import type { ObjectKey, PartitionId } from '../../schemas/ids.ts';
import type {
  ListedPrefix,
  ListedUpload,
  TableReply,
  UploadList,
} from '../../schemas/messages/table.ts';
import { decodeOpenUploadRow } from '../../schemas/records/open-upload-row.ts';
import { behindPrefix, rowKey, TABLE } from '../../schemas/row-tables.ts';
import type { Store, StoreEntry } from '../storage/store.ts';
import type { FoldedScan, KeyPlacement } from './folded-scan.ts';
import { behindCommonPrefix, scanFolded } from './folded-scan.ts';
import { endedKey, escapeKey, OBJECT_KEY_AT, shardPrefix, unescapeKey } from './row-keys.ts';

const NUL = Buffer.alloc(1);

/** Throws DamagedRowError, CodecError and StoreUnavailableError. */
export async function listUploads(
  { store, partition }: { store: Store; partition: PartitionId },
  request: UploadList,
): Promise<TableReply> {
  const base = rowKey(partition, TABLE.openUpload, shardPrefix(request.bucket, request.shard));
  const placement: KeyPlacement = { base, escape: escapeKey, keyOf: keyOfRow };
  const folding = {
    placement,
    prefix: Buffer.from(request.prefix),
    delimiter: Buffer.from(request.delimiter),
  };
  const { found, end } = await scanFolded<ListedUpload>(store, {
    ...folding,
    from: request.after && startKey(folding, request.after),
    limit: request.limit,
    skippedMax: Number.POSITIVE_INFINITY,
    entryOf: listedUpload,
  });
  const entries = found.map((item): ListedUpload | ListedPrefix => {
    if (item.kind === 'entry') return item.entry;
    const prefix = item.prefix.toString('utf8');
    if (request.firsts !== true) return { kind: 'prefix', prefix };
    const { key, upload } = item.first;
    return { kind: 'prefix', prefix, first: { key, mark: upload.uploadId } };
  });
  return { kind: 'upload-page', entries, truncated: end.kind !== 'complete' };
}

function keyOfRow(key: Buffer): Buffer {
  return unescapeKey(key.subarray(OBJECT_KEY_AT)).key;
}

function startKey(
  folding: Pick<FoldedScan<unknown>, 'placement' | 'prefix' | 'delimiter'>,
  after: NonNullable<UploadList['after']>,
): Buffer {
  const { base } = folding.placement;
  const ofKey = Buffer.concat([base, endedKey(after.key)]);
  if (after.uploadId !== undefined) {
    return Buffer.concat([ofKey, Buffer.from(after.uploadId, 'hex'), NUL]);
  }
  return behindCommonPrefix(folding, Buffer.from(after.key)) ?? behindPrefix(ofKey);
}

function listedUpload(row: StoreEntry, key: Buffer): ListedUpload {
  const { upload } = decodeOpenUploadRow(row.value);
  return { kind: 'upload', key: key.toString('utf8') as ObjectKey, upload };
}
