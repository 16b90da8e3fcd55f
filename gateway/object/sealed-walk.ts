/**
 * The chunks of an encrypted version that hold a range of its plain bytes, block by block.
 *
 * Owns:          the walk; the step from plain to stored bytes.
 * Knows:         streams: a version is one, or each of its parts is.
 * Must not know: ciphers, bytes.
 *
 * Only whole chunks can be opened. A chunk never reaches into the next block, so what is read of a
 * block is some chunks of it.
 */
import type { BlockRef } from '../../schemas/records/block-list.ts';
import { blockAt, blockCount } from '../../schemas/records/block-list.ts';
import {
  PLAIN_CHUNK_BYTES,
  plainBytesOf,
  SEALED_CHUNK_BYTES,
} from '../../schemas/records/customer-encryption.ts';
import type { ByteRange } from '../s3/ranges.ts';
import { S3Error } from '../s3/s3-error.ts';
import type { BlockSlice, Listed, Walked } from './block-walk.ts';
import { listsOf, partRow, partsOf } from './block-walk.ts';
import { SealBroken } from './chunk-cipher.ts';
import { ContentGone } from './content-gone.ts';
import { keysOfPart, type Unlocked } from './unlock.ts';

/** Some chunks of one block. */
export type SealedSlice = BlockSlice & {
  /** Of the stream. */
  readonly key: Uint8Array;
  /** The offset in the stream of the first chunk's plain bytes, and how many the stream has. */
  readonly firstByte: number;
  readonly streamBytes: number;
  /** Of the plain bytes of these chunks, those that are wanted. */
  readonly wanted: ByteRange;
};

/** What is encrypted with one key, and the range of it that is wanted. */
type Stream = {
  readonly key: Uint8Array;
  readonly streamBytes: number;
  readonly wanted: ByteRange;
  readonly lists: AsyncGenerator<Listed>;
};

/** The slices whose wanted bytes together are `range` of the version. Throws as the walk over its
 *  blocks does. */
export async function* sealedSlices(
  walked: Walked,
  unlocked: Unlocked,
  range: ByteRange,
): AsyncGenerator<SealedSlice> {
  if (range.sizeBytes === 0) return;
  for await (const stream of streamsOf(walked, unlocked, range)) yield* slicesOf(stream);
}

async function* streamsOf(
  walked: Walked,
  { customerKey, keys }: Unlocked,
  range: ByteRange,
): AsyncGenerator<Stream> {
  const { tables, version } = walked;
  const { content, versionId, sizeBytes: streamBytes } = version;
  if (content.kind === 'inline') return;
  if (content.kind !== 'parts') {
    const lists = listsOf(tables, content, versionId);
    yield { key: keys.data, streamBytes, wanted: range, lists };
    return;
  }
  const end = range.first + range.sizeBytes;
  let before = 0;
  for await (const part of partsOf(walked, content)) {
    // The number is what a part is bound to, so their order is that of the client, too.
    if (part.partNumber <= before) throw outOfOrder();
    before = part.partNumber;
    if (part.firstByte >= end) return;
    const first = Math.max(range.first - part.firstByte, 0);
    const last = Math.min(end - part.firstByte, part.sizeBytes);
    if (first >= last) continue;
    const row = await partRow(walked, content, part);
    yield {
      key: keysOfPart(customerKey, walked, { ...row, partNumber: part.partNumber }).data,
      streamBytes: part.sizeBytes,
      wanted: { first, sizeBytes: last - first },
      lists: listsOf(tables, row.content, part.attemptId),
    };
  }
}

function outOfOrder(): S3Error {
  const cause = new SealBroken('the parts of an encrypted object are not in their order');
  return new S3Error('InternalError', { cause });
}

async function* slicesOf(stream: Stream): AsyncGenerator<SealedSlice> {
  const { first, sizeBytes } = stream.wanted;
  const end = first + sizeBytes;
  let blockFirst = 0;
  for await (const { blocks } of stream.lists) {
    const count = blockCount(blocks);
    for (let index = 0; index < count; index += 1) {
      const block = blockAt(blocks, index);
      const blockEnd = blockFirst + plainBytesOf(block.sizeBytes);
      if (blockEnd > first) yield sliceOf(stream, block, { blockFirst, blockEnd });
      if (blockEnd >= end) return;
      blockFirst = blockEnd;
    }
  }
  throw new ContentGone('the blocks of a version are fewer than its bytes');
}

function sliceOf(
  { key, streamBytes, wanted }: Stream,
  { hash, sizeBytes: blockBytes }: BlockRef,
  { blockFirst, blockEnd }: { readonly blockFirst: number; readonly blockEnd: number },
): SealedSlice {
  const from = Math.max(wanted.first - blockFirst, 0);
  const to = Math.min(wanted.first + wanted.sizeBytes, blockEnd) - blockFirst;
  const chunk = Math.floor(from / PLAIN_CHUNK_BYTES);
  const chunkEnd = Math.ceil(to / PLAIN_CHUNK_BYTES);
  const first = chunk * SEALED_CHUNK_BYTES;
  const plainFirst = chunk * PLAIN_CHUNK_BYTES;
  return {
    ...{ hash, blockBytes, first, key, streamBytes },
    sizeBytes: Math.min(chunkEnd * SEALED_CHUNK_BYTES, blockBytes) - first,
    firstByte: blockFirst + plainFirst,
    wanted: { first: from - plainFirst, sizeBytes: to - from },
  };
}
