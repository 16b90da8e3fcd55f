/**
 * The blocks of a version, in order, wherever they are listed: in its row, in manifest rows, in the
 * rows of its parts.
 *
 * Owns:          the walk, and which rows it needs to read.
 * Knows:         object rows, part lists, part rows, manifest rows.
 * Must not know: bytes.
 *
 * A walk is a generator: rows are read as the reader gets to them, the next manifest row one ahead.
 * Throws S3Error when rows cannot be read, ContentGone when they are not there.
 */
import type { TableClient } from '../../bus/table-client.ts';
import { partitionOfManifest } from '../../bus/table-client.ts';
import type { AttemptId, BlockHash, VersionId } from '../../schemas/ids.ts';
import { MANIFEST_ROW_BLOCKS, PART_LIST_ROW_PARTS } from '../../schemas/limits.ts';
import type { ObjectPlace } from '../../schemas/messages/table.ts';
import type { BlockList, BlockRef } from '../../schemas/records/block-list.ts';
import { blockAt, blockCount } from '../../schemas/records/block-list.ts';
import type { ObjectContent, ObjectVersion, PartRef } from '../../schemas/records/object-row.ts';
import type { PartRow } from '../../schemas/records/upload-row.ts';
import type { S3Error } from '../s3/s3-error.ts';
import type { ByteRange } from '../s3/ranges.ts';
import { ContentGone } from './content-gone.ts';
import { tableRefusal } from './refusals.ts';

type PartsContent = Extract<ObjectContent, { kind: 'parts' }>;

export type Walked = {
  readonly tables: TableClient;
  readonly place: ObjectPlace;
  readonly version: ObjectVersion;
};

/** Some bytes of one block. */
export type BlockSlice = {
  readonly hash: BlockHash;
  /** Of the whole block. */
  readonly blockBytes: number;
  readonly first: number;
  readonly sizeBytes: number;
};

/** The slices that together are `range` of the version. */
export async function* blockSlices(walked: Walked, range: ByteRange): AsyncGenerator<BlockSlice> {
  let skipBytes = range.first;
  let leftBytes = range.sizeBytes;
  if (leftBytes === 0) return;
  for await (const list of blockLists(walked, range)) {
    skipBytes -= list.skippedBytes;
    const count = blockCount(list.blocks);
    for (let index = 0; index < count; index += 1) {
      const { hash, sizeBytes } = blockAt(list.blocks, index);
      if (skipBytes >= sizeBytes) {
        skipBytes -= sizeBytes;
        continue;
      }
      const length = Math.min(sizeBytes - skipBytes, leftBytes);
      yield { hash, blockBytes: sizeBytes, first: skipBytes, sizeBytes: length };
      skipBytes = 0;
      leftBytes -= length;
      if (leftBytes === 0) return;
    }
  }
  throw new ContentGone('the blocks of a version are fewer than its bytes');
}

/** All blocks of the version. */
export async function* wholeBlocks(walked: Walked): AsyncGenerator<BlockRef> {
  const everything = { first: 0, sizeBytes: walked.version.sizeBytes };
  for await (const list of blockLists(walked, everything)) {
    const count = blockCount(list.blocks);
    for (let index = 0; index < count; index += 1) yield blockAt(list.blocks, index);
  }
}

/** The parts of a version, with where each begins. */
export async function* partsOf(
  { tables, place, version }: Walked,
  content: PartsContent,
): AsyncGenerator<PartRef & { readonly firstByte: number }> {
  let firstByte = 0;
  for (let index = 0; index * PART_LIST_ROW_PARTS < content.partCount; index += 1) {
    const parts = content.parts ?? (await partListRow(tables, { place, version, index }));
    for (const part of parts) {
      yield { ...part, firstByte };
      firstByte += part.sizeBytes;
    }
    if (content.parts !== undefined) return;
  }
}

/** The row of one part of a version. */
export async function partRow(
  { tables, place }: Walked,
  { uploadId }: PartsContent,
  { partNumber, attemptId }: PartRef,
): Promise<PartRow> {
  const names = { uploadId, partNumber, attemptId };
  const answer = await tables.askPlace({ kind: 'part-read', place, ...names });
  if (answer.kind !== 'part') throw readRefusal(answer);
  if (answer.part === undefined) throw new ContentGone('a part row is not there');
  return answer.part;
}

/** `skippedBytes`: bytes of parts before this list that were not even looked up. */
export type Listed = { readonly blocks: BlockList; readonly skippedBytes: number };

/** The block lists of a content whose row was read; `id` names its manifest rows. */
export async function* listsOf(
  tables: TableClient,
  content: Exclude<ObjectContent, PartsContent>,
  id: VersionId | AttemptId,
  skippedBytes = 0,
): AsyncGenerator<Listed> {
  if (content.kind === 'blocks') yield { blocks: content.blocks, skippedBytes };
  if (content.kind !== 'manifest') return;
  yield* manifestRows(tables, id, content.blockCount, skippedBytes);
}

function blockLists(walked: Walked, range: ByteRange): AsyncGenerator<Listed> {
  const { tables, version } = walked;
  const { content, versionId } = version;
  if (content.kind === 'parts') return partLists(walked, content, range);
  return listsOf(tables, content, versionId);
}

async function* partLists(
  walked: Walked,
  content: PartsContent,
  range: ByteRange,
): AsyncGenerator<Listed> {
  let skippedBytes = 0;
  for await (const part of partsOf(walked, content)) {
    if (part.firstByte >= range.first + range.sizeBytes) return;
    if (part.firstByte + part.sizeBytes <= range.first) {
      skippedBytes += part.sizeBytes;
      continue;
    }
    const row = await partRow(walked, content, part);
    yield* listsOf(walked.tables, row.content, part.attemptId, skippedBytes);
    skippedBytes = 0;
  }
}

async function* manifestRows(
  tables: TableClient,
  id: VersionId | AttemptId,
  count: number,
  skippedBytes: number,
): AsyncGenerator<Listed> {
  const rowCount = Math.ceil(count / MANIFEST_ROW_BLOCKS);
  let ahead = manifestRow(tables, id, 0);
  for (let index = 0; index < rowCount; index += 1) {
    const blocks = await ahead;
    if (index + 1 < rowCount) {
      ahead = manifestRow(tables, id, index + 1);
      // Awaited above if the walk goes so far; where it ends, nobody asks how that read fared.
      ahead.catch(() => undefined);
    }
    yield { blocks, skippedBytes: index === 0 ? skippedBytes : 0 };
  }
}

async function manifestRow(
  tables: TableClient,
  id: VersionId | AttemptId,
  index: number,
): Promise<BlockList> {
  const answer = await tables.ask(partitionOfManifest(id), { kind: 'manifest-read', id, index });
  if (answer.kind !== 'manifest') throw readRefusal(answer);
  if (answer.blocks === undefined) throw new ContentGone('a manifest row is not there');
  return answer.blocks;
}

async function partListRow(
  tables: TableClient,
  row: { readonly place: ObjectPlace; readonly version: ObjectVersion; readonly index: number },
): Promise<readonly PartRef[]> {
  const { place, version, index } = row;
  const { versionId } = version;
  const answer = await tables.askPlace({ kind: 'version-parts-read', place, versionId, index });
  if (answer.kind !== 'version-parts') throw readRefusal(answer);
  if (answer.parts.length === 0) throw new ContentGone('a part list row is not there');
  return answer.parts;
}

/** A refusal of a read: an upload that is not there any more is content that is gone. */
function readRefusal(answer: Parameters<typeof tableRefusal>[0]): S3Error | ContentGone {
  if (answer.kind === 'no-such-upload') return new ContentGone('the upload of a part is not there');
  return tableRefusal(answer);
}
