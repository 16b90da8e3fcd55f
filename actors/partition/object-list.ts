/**
 * Listing the objects of one index shard of a bucket.
 *
 * Owns:          pages: their entries, and where the next one begins.
 * Knows:         object rows, by their summaries.
 * Must not know: continuation tokens, XML.
 */
import type { ObjectKey, PartitionId } from '../../schemas/ids.ts';
import type {
  ListedEntry,
  ListedObject,
  ListStart,
  ObjectList,
  TableReply,
} from '../../schemas/messages/table.ts';
import { readObjectSummary } from '../../schemas/records/object-summary.ts';
import { rowKey, TABLE } from '../../schemas/row-tables.ts';
import type { Store, StoreEntry } from '../storage/store.ts';
import type { FoldedPage, FoldedScan, KeyPlacement } from './folded-scan.ts';
import { behindCommonPrefix, scanFolded } from './folded-scan.ts';
import { OBJECT_KEY_AT, shardPrefix } from './row-keys.ts';

/** Tombstones that one request passes at most: then it says where to go on. */
export const LIST_SKIPPED_MAX = 100_000;

const NUL = Buffer.alloc(1);

/** Throws DamagedRowError, CodecError and StoreUnavailableError. */
export async function listObjects(
  { store, partition }: { store: Store; partition: PartitionId },
  request: ObjectList,
): Promise<TableReply> {
  const base = rowKey(partition, TABLE.object, shardPrefix(request.bucket, request.shard));
  const placement: KeyPlacement = { base, escape: keyItself, keyOf: keyBehindShard };
  const folding = {
    placement,
    prefix: Buffer.from(request.prefix),
    delimiter: Buffer.from(request.delimiter),
  };
  const page = await scanFolded<ListedObject>(store, {
    ...folding,
    from: request.from && startKey(folding, request.from),
    limit: request.limit,
    skippedMax: LIST_SKIPPED_MAX,
    entryOf: listedObject,
  });
  return pageReply(page, request);
}

function keyItself(key: Buffer): Buffer {
  return key;
}

function keyBehindShard(key: Buffer): Buffer {
  return key.subarray(OBJECT_KEY_AT);
}

/** A start behind a common prefix lies behind all its keys: the page before has told it. */
function startKey(
  folding: Pick<FoldedScan<unknown>, 'placement' | 'prefix' | 'delimiter'>,
  from: ListStart,
): Buffer {
  const key = Buffer.from(from.key);
  const { base } = folding.placement;
  if (from.inclusive) return Buffer.concat([base, key]);
  return behindCommonPrefix(folding, key) ?? Buffer.concat([base, key, NUL]);
}

function listedObject(row: StoreEntry, key: Buffer): ListedObject | undefined {
  const summary = readObjectSummary(row.value);
  if (summary === undefined) return undefined;
  const { lastModifiedMs, sizeBytes, etag, checksum } = summary;
  const name = key.toString('utf8') as ObjectKey;
  return checksum === undefined
    ? { kind: 'object', key: name, lastModifiedMs, sizeBytes, etag }
    : { kind: 'object', key: name, lastModifiedMs, sizeBytes, etag, checksum };
}

function pageReply({ found, end }: FoldedPage<ListedObject>, { firsts }: ObjectList): TableReply {
  const entries = found.map((item): ListedEntry => {
    if (item.kind === 'entry') return item.entry;
    const prefix = item.prefix.toString('utf8');
    if (firsts !== true) return { kind: 'prefix', prefix };
    const { key, lastModifiedMs, etag } = item.first;
    return { kind: 'prefix', prefix, first: { key, mark: `${String(lastModifiedMs)} ${etag}` } };
  });
  switch (end.kind) {
    case 'complete':
      return { kind: 'object-page', entries };
    case 'work': {
      const key = end.lastKey.toString('utf8') as ObjectKey;
      return { kind: 'object-page', entries, next: { key, inclusive: true } };
    }
    case 'limit': {
      const last = entries[entries.length - 1];
      const key = (last?.kind === 'prefix' ? last.prefix : last?.key) as ObjectKey;
      return { kind: 'object-page', entries, next: { key, inclusive: false } };
    }
  }
}
