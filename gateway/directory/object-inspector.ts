/**
 * What administration asks about the content of buckets.
 *
 * Owns:          adding up the partitions' counters; flattening an object's blocks for showing.
 * Knows:         the tables.
 * Must not know: HTTP, the command line.
 */
import { readBucketUsage } from '../../bus/bucket-usage.ts';
import type { LayoutFeed } from '../../bus/replica-calls.ts';
import type { SettingsClient } from '../../bus/settings-client.ts';
import { partitionOfManifest, type TableAnswer, type TableClient } from '../../bus/table-client.ts';
import type * as Admin from '../../schemas/admin-types.ts';
import { AdminUnavailableError } from '../../schemas/admin-types.ts';
import type { Clock } from '../../schemas/environment.ts';
import type { AttemptId, BucketId, ObjectKey, UploadId, VersionId } from '../../schemas/ids.ts';
import { parseBucketId, shardOfKey } from '../../schemas/ids.ts';
import {
  LIST_ENTRIES_MAX,
  MANIFEST_ROW_BLOCKS,
  PART_LIST_ROW_PARTS,
} from '../../schemas/limits.ts';
import type { ObjectPlace, TableRequest } from '../../schemas/messages/table.ts';
import type { BlockList } from '../../schemas/records/block-list.ts';
import { unpackBlocks } from '../../schemas/records/block-list.ts';
import { NO_COUNTERS } from '../../schemas/records/bucket-counters.ts';
import type { ObjectVersion, PartRef } from '../../schemas/records/object-row.ts';
import type { Stamper } from '../../schemas/stamper.ts';
import { timestampMs } from '../../schemas/timestamp.ts';
import type { ObjectInspector } from '../admin/admin-ports.ts';

type Answer<Kind extends TableAnswer['kind']> = Extract<TableAnswer, { kind: Kind }>;

function expect<Kind extends TableAnswer['kind']>(answer: TableAnswer, kind: Kind): Answer<Kind> {
  if (answer.kind === kind) return answer as Answer<Kind>;
  throw new AdminUnavailableError(`The node that keeps the rows answered: ${answer.kind}.`);
}

export type InspectorOptions = {
  readonly settings: SettingsClient;
  readonly tables: TableClient;
  readonly clock: Clock;
  readonly stamper: Stamper;
  readonly layout: LayoutFeed;
};

export class TableInspector implements ObjectInspector {
  readonly #options: InspectorOptions;

  constructor(options: InspectorOptions) {
    this.#options = options;
  }

  async #shards(bucketId: string): Promise<{ bucket: BucketId; count: number } | undefined> {
    const bucket = parseBucketId(bucketId);
    if (bucket === undefined) return undefined;
    const row = await this.#options.settings.read('bucket', bucket);
    return row && { bucket, count: row.indexShards };
  }

  async bucketUsage(bucketId: string): Promise<Admin.BucketUsage> {
    const { tables } = this.#options;
    const shards = await this.#shards(bucketId);
    let sum = NO_COUNTERS;
    // Before the first layout nothing can have been stored, and there is nobody to ask.
    if (shards !== undefined && this.#options.layout.current.version > 0) {
      const usage = await readBucketUsage(tables, shards.bucket, shards.count);
      sum = usage.kind === 'counted' ? usage.counters : expect(usage.answer, 'counters').counters;
    }
    return {
      objects: sum.objects,
      bytes: sum.bytes,
      unfinishedUploads: sum.uploads,
      unfinishedMultipartUploads: sum.uploads,
      unfinishedMultipartUploadParts: sum.uploadParts,
      unfinishedMultipartUploadBytes: sum.uploadBytes,
    };
  }

  async inspectObject(bucketId: string, objectKey: string): Promise<Admin.InspectedVersion[]> {
    const shards = await this.#shards(bucketId);
    if (shards === undefined) return [];
    const key = objectKey as ObjectKey;
    const place = { bucket: shards.bucket, shard: shardOfKey(key, shards.count), key };
    const request = { kind: 'object-read', place, want: 'row' } as const;
    const { row } = expect(await this.#options.tables.askPlace(request), 'object');
    if (row?.kind !== 'version') return [];
    const version: Admin.InspectedVersion = {
      uuid: row.versionId,
      timestampMs: timestampMs(row.timestamp),
      encrypted: row.encryption !== undefined,
      uploading: false,
      aborted: false,
      deleteMarker: false,
      inline: row.content.kind === 'inline',
      sizeBytes: row.sizeBytes,
      etag: row.etag,
      headers: row.headers,
      blocks: await this.#blocksOf(place, row),
    };
    return [version];
  }

  async #blocksOf(place: ObjectPlace, row: ObjectVersion): Promise<Admin.InspectedBlock[]> {
    const { content } = row;
    switch (content.kind) {
      case 'inline':
        return [];
      case 'blocks':
        return placed(1, 0, [content.blocks]);
      case 'manifest':
        return placed(1, 0, await this.#manifest(row.versionId, content.blockCount));
      case 'parts': {
        const parts =
          content.parts ?? (await this.#partList(place, row.versionId, content.partCount));
        return this.#blocksOfParts(place, content.uploadId, parts);
      }
    }
  }

  async #manifest(id: VersionId | AttemptId, blockCount: number): Promise<BlockList[]> {
    const partition = partitionOfManifest(id);
    const lists: BlockList[] = [];
    for (let index = 0; index * MANIFEST_ROW_BLOCKS < blockCount; index += 1) {
      const request = { kind: 'manifest-read', id, index } as const;
      const answer = expect(await this.#options.tables.ask(partition, request), 'manifest');
      if (answer.blocks !== undefined) lists.push(answer.blocks);
    }
    return lists;
  }

  async #partList(place: ObjectPlace, versionId: VersionId, count: number): Promise<PartRef[]> {
    const parts: PartRef[] = [];
    for (let index = 0; index * PART_LIST_ROW_PARTS < count; index += 1) {
      const request = { kind: 'version-parts-read', place, versionId, index } as const;
      const answer = await this.#options.tables.askPlace(request);
      parts.push(...expect(answer, 'version-parts').parts);
    }
    return parts;
  }

  async #blocksOfParts(
    place: ObjectPlace,
    uploadId: UploadId,
    parts: readonly PartRef[],
  ): Promise<Admin.InspectedBlock[]> {
    const blocks: Admin.InspectedBlock[] = [];
    let offset = 0;
    for (const { partNumber, attemptId, sizeBytes } of parts) {
      const request = { kind: 'part-read', place, uploadId, partNumber, attemptId } as const;
      const { part } = expect(await this.#options.tables.askPlace(request), 'part');
      if (part !== undefined) {
        const { content } = part;
        const lists =
          content.kind === 'blocks'
            ? [content.blocks]
            : await this.#manifest(attemptId, content.blockCount);
        blocks.push(...placed(partNumber, offset, lists));
      }
      offset += sizeBytes;
    }
    return blocks;
  }

  async abortUploads(request: {
    readonly bucketId: string;
    readonly olderThanMs: number;
  }): Promise<number> {
    const shards = await this.#shards(request.bucketId);
    if (shards === undefined) return 0;
    const bornBeforeMs = this.#options.clock.wallMs() - request.olderThanMs;
    let aborted = 0;
    for (let shard = 0; shard < shards.count; shard += 1) {
      aborted += await this.#abortOfShard(shards.bucket, shard, bornBeforeMs);
    }
    return aborted;
  }

  async #abortOfShard(bucket: BucketId, shard: number, bornBeforeMs: number): Promise<number> {
    const { tables } = this.#options;
    const partition = tables.partitionOf({ bucket, shard });
    let aborted = 0;
    let after: { key: string; uploadId: UploadId } | undefined;
    for (;;) {
      const list: TableRequest = {
        ...{ kind: 'upload-list', bucket, shard, prefix: '', delimiter: '' },
        limit: LIST_ENTRIES_MAX,
        ...(after === undefined ? {} : { after }),
      };
      const page = expect(await tables.ask(partition, list), 'upload-page');
      for (const entry of page.entries) {
        if (entry.kind !== 'upload') continue;
        const { uploadId } = entry.upload;
        after = { key: entry.key, uploadId };
        if (timestampMs(uploadId) > bornBeforeMs) continue;
        aborted += await this.#abort({ bucket, shard, key: entry.key }, uploadId);
      }
      if (!page.truncated) return aborted;
    }
  }

  /** 1 when this call ended the upload, 0 when it had ended already. */
  async #abort(place: ObjectPlace, uploadId: UploadId): Promise<number> {
    const { tables, stamper } = this.#options;
    const timestamp = stamper.above(uploadId);
    const answer = await tables.askPlace({ kind: 'upload-abort', place, uploadId, timestamp });
    if (answer.kind === 'no-such-upload') return 0;
    expect(answer, 'written');
    return 1;
  }
}

/** Garage shows each block with its offset from the beginning of its part's object. */
function placed(
  partNumber: number,
  offset: number,
  lists: readonly BlockList[],
): Admin.InspectedBlock[] {
  let at = offset;
  return lists.flatMap(unpackBlocks).map(({ hash, sizeBytes }) => {
    const block = { partNumber, offset: at, hash, size: sizeBytes };
    at += sizeBytes;
    return block;
  });
}
