/**
 * Reading uploads and their parts.
 *
 * Owns:          which attempt of a part is shown: the newest.
 * Knows:         upload, part and part-list rows.
 * Must not know: which parts a client will choose.
 */
import type { PartitionId } from '../../schemas/ids.ts';
import type {
  PartList,
  PartRead,
  TableReply,
  UploadRead,
  VersionPartsRead,
} from '../../schemas/messages/table.ts';
import type { PartRow } from '../../schemas/records/upload-row.ts';
import { decodePartRow } from '../../schemas/records/upload-row.ts';
import type { Store } from '../storage/store.ts';
import type { Rows } from '../storage/row-damage.ts';
import { readRow } from '../storage/row-damage.ts';
import { readPartListRow } from './part-lists.ts';
import { partRowKey, partRowRange } from './row-keys.ts';
import { readEndedUpload, readOpenUpload } from './stored-rows.ts';

const PAGE_ROWS = 256;

/** Of an upload that is open, or that has ended not long ago. */
export function readUpload(rows: Rows, partition: PartitionId, read: UploadRead): TableReply {
  const name = { partition, place: read.place, uploadId: read.uploadId };
  const upload = readOpenUpload(rows, name)?.upload ?? readEndedUpload(rows, name);
  return upload === undefined ? { kind: 'no-such-upload' } : { kind: 'upload', upload };
}

export function readPart(rows: Rows, partition: PartitionId, read: PartRead): TableReply {
  const part = readRow(rows, partRowKey(partition, read.place, read), decodePartRow);
  return part === undefined ? { kind: 'part' } : { kind: 'part', part };
}

export function readVersionParts(
  rows: Rows,
  partition: PartitionId,
  read: VersionPartsRead,
): TableReply {
  return { kind: 'version-parts', parts: readPartListRow(rows, partition, read) };
}

/** Throws DamagedRowError, CodecError and StoreUnavailableError. */
export async function listParts(
  { store, partition }: { store: Store; partition: PartitionId },
  request: PartList,
): Promise<TableReply> {
  const { place, uploadId, after, limit } = request;
  const upload = readOpenUpload(store, { partition, place, uploadId })?.upload;
  if (upload === undefined) return { kind: 'no-such-upload' };
  const cursor = store.cursor(partRowRange(partition, place, { uploadId, after }));
  const parts: PartRow[] = [];
  try {
    for (;;) {
      const page = await cursor.next(Math.min(PAGE_ROWS, limit + 1));
      if (page.length === 0) return { kind: 'parts', upload, parts, truncated: false };
      for (const { value } of page) {
        const isBehindLimit = addNewest(parts, decodePartRow(value), limit);
        if (isBehindLimit) return { kind: 'parts', upload, parts, truncated: true };
      }
    }
  } finally {
    await cursor.close();
  }
}

/** True when the part has a number of its own and there is no more room. */
function addNewest(parts: PartRow[], part: PartRow, limit: number): boolean {
  const last = parts[parts.length - 1];
  if (last?.partNumber !== part.partNumber) {
    if (parts.length >= limit) return true;
    parts.push(part);
  } else if (isNewer(part, last)) parts[parts.length - 1] = part;
  return false;
}

function isNewer(a: PartRow, b: PartRow): boolean {
  return a.timestamp === b.timestamp ? a.attemptId > b.attemptId : a.timestamp > b.timestamp;
}
