/**
 * Stores bodies: as an object's new version, or as an attempt at a part.
 *
 * Owns:          the order of a write: blocks, manifest, the verdict on the body, the row.
 * Knows:         rows, owners, digests.
 * Must not know: S3 headers, HTTP.
 *
 * The row is what makes a write visible, so it is sent last: after the last byte, after every
 * signature, trailer and digest was found right, and after every block and manifest row was
 * acknowledged. Whatever fails before is undone in the background; whatever the row's answer leaves
 * unknown is decided by the row's partition, which is asked before anything is undone.
 */
import type { BlockClient } from '../../bus/block-client.ts';
import type { ObjectWriteAnswer } from '../../bus/object-writes.ts';
import type { Unavailable } from '../../bus/replica-calls.ts';
import type { TableAnswer, TableClient } from '../../bus/table-client.ts';
import type { Randomness, Timers } from '../../schemas/environment.ts';
import type { BlockHash, UploadId } from '../../schemas/ids.ts';
import { attemptIdOf, versionIdOf } from '../../schemas/ids.ts';
import { HASH_INLINE_BYTES_MAX, INLINE_BYTES_MAX } from '../../schemas/limits.ts';
import type { BucketQuota, ObjectPlace, WriteCondition } from '../../schemas/messages/table.ts';
import type { BlockOwner } from '../../schemas/records/block-owner.ts';
import type { StoredChecksum } from '../../schemas/records/checksum.ts';
import type { ObjectExtras } from '../../schemas/records/object-extras.ts';
import type {
  ObjectContent,
  ObjectVersion,
  StoredHeaders,
  VersionRef,
} from '../../schemas/records/object-row.ts';
import type { PartContent, PartRow } from '../../schemas/records/upload-row.ts';
import type { Soon } from '../../schemas/soon.ts';
import type { Stamper } from '../../schemas/stamper.ts';
import type { Log } from '../../schemas/telemetry.ts';
import type { Timestamp } from '../../schemas/timestamp.ts';
import { timestampMs } from '../../schemas/timestamp.ts';
import type { BlockBuffers } from './block-buffers.ts';
import { chunkChecksums } from './block-digest.ts';
import { BlockUpload } from './block-upload.ts';
import { ByteBudget } from './byte-budget.ts';
import { sealWhole } from './chunk-cipher.ts';
import type { ContentName, CustomerKey, NewContent } from './customer-key.ts';
import type { DigestPool } from './digest-pool.ts';
import { LargeBody } from './large-body.ts';
import type { Payload } from './payload.ts';
import { tableRefusal } from './refusals.ts';
import { takeWhole } from './whole-body.ts';
import { wholeDigests } from './whole-digests.ts';
import { WriteCleanup } from './write-cleanup.ts';

const INLINE: ObjectContent = { kind: 'inline' };
/** Memory for bodies that are too small for a slab. */
const SMALL_BODIES_BYTES_MAX = 64 * 1024 * 1024;

export type ObjectWriterOptions = {
  readonly tables: TableClient;
  readonly blocks: BlockClient;
  readonly stamper: Stamper;
  readonly timers: Timers;
  readonly random: Randomness;
  readonly log: Log;
  readonly buffers: BlockBuffers;
  readonly digests: DigestPool;
};

export type VersionTarget = {
  readonly kind: 'version';
  readonly place: ObjectPlace;
  readonly headers: StoredHeaders;
  /** Tags and lock; absent for a version without any. */
  readonly extras?: ObjectExtras | undefined;
  readonly condition?: WriteCondition | undefined;
  readonly quota?: BucketQuota | undefined;
  /** To encrypt the bytes with. */
  readonly customerKey?: CustomerKey | undefined;
};
export type PartTarget = {
  readonly kind: 'part';
  readonly place: ObjectPlace;
  readonly uploadId: UploadId;
  readonly partNumber: number;
  readonly quota?: BucketQuota | undefined;
  readonly customerKey?: CustomerKey | undefined;
};
export type WriteTarget = VersionTarget | PartTarget;

export type Written = {
  /** Without quotes. */
  readonly etag: string;
  readonly sizeBytes: number;
  readonly checksum?: StoredChecksum;
  readonly lastModifiedMs: number;
  /** Where the bucket keeps versions. */
  readonly version?: VersionRef;
};

/** What stands in the row beside its names. */
export type RowContent = {
  readonly etag: string;
  readonly sizeBytes: number;
  readonly content: ObjectContent;
  readonly inline?: Uint8Array | undefined;
  readonly checksum?: StoredChecksum | undefined;
  /** The bytes and blocks are encrypted; size and checksum are of the plain bytes. */
  readonly sealing?: NewContent | undefined;
};

export class ObjectWriter {
  readonly #options: ObjectWriterOptions;
  readonly #cleanup: WriteCleanup;
  readonly #smallBodies = new ByteBudget(SMALL_BODIES_BYTES_MAX);

  constructor(options: ObjectWriterOptions) {
    this.#options = options;
    this.#cleanup = new WriteCleanup(options);
  }

  /**
   * Stores a body. `known`: blocks that are likely to be there already (a copy).
   * Rejects with S3Error; nothing is visible then, or (ServiceUnavailable) nobody knows.
   */
  async write(
    payload: Payload,
    target: WriteTarget,
    known?: ReadonlySet<BlockHash>,
  ): Promise<Written> {
    const { digests, tables } = this.#options;
    const { checksums } = digests;
    const isConditional = target.kind === 'version' && target.condition !== undefined;
    if (isConditional && !tables.decidesConditions(target.place)) {
      throw tableRefusal({ kind: 'no-conditions' });
    }
    if (!checksums.isReady(payload.plan.checksum)) {
      await checksums.prepare(payload.plan.checksum);
    }
    const { sizeBytes } = payload;
    if (sizeBytes === undefined || sizeBytes > HASH_INLINE_BYTES_MAX) {
      return this.#writeLarge(payload, target, known);
    }
    // Its encrypted bytes lie beside the plain ones.
    const memoryBytes = target.customerKey === undefined ? sizeBytes : 2 * sizeBytes;
    if (!this.#smallBodies.tryTake(memoryBytes)) await this.#smallBodies.take(memoryBytes);
    try {
      const bytes = await takeWhole(payload, sizeBytes);
      return sizeBytes <= INLINE_BYTES_MAX && target.kind === 'version'
        ? await this.#writeInline(payload, target, bytes)
        : await this.#writeOneBlock(payload, target, bytes);
    } finally {
      this.#smallBodies.give(memoryBytes);
    }
  }

  /** Stores a version whose content is bytes that were verified already. */
  writeInlineVersion(target: VersionTarget, row: RowContent): Promise<Written> {
    return this.#writeRow(target, this.#options.stamper.now(), row);
  }

  /**
   * Stores a row whose blocks `build` brings about; undoes them when anything fails. A version with
   * blocks is stamped after its blocks, so that it wins over what was written meanwhile.
   */
  async writeBlocks(
    target: WriteTarget,
    build: (upload: BlockUpload) => Promise<RowContent>,
  ): Promise<Written> {
    const { tables, blocks, stamper } = this.#options;
    const stamp = stamper.now();
    const upload = new BlockUpload({ tables, blocks, owner: ownerOf(target, stamp) });
    const stampAbove = this.#stampAbove(target);
    const undo = (): void => {
      const { owner, hashes, hasManifestRows } = upload;
      this.#cleanup.undo({ owner, hashes, hasManifestRows });
    };
    try {
      return await this.#writeRow(target, stamp, await build(upload), { stampAbove, undo });
    } catch (error) {
      if (upload.hasBegun) {
        await upload.settled();
        undo();
      }
      throw error;
    }
  }

  /** Resolves when no failed write is being undone any more: for tests and for an orderly end. */
  idle(): Promise<void> {
    return this.#cleanup.idle();
  }

  /** undefined for a body that is stored as it is. */
  #sealing(target: WriteTarget): NewContent | undefined {
    return target.customerKey?.newContent(this.#options.random, contentName(target));
  }

  #writeInline(payload: Payload, target: VersionTarget, bytes: Buffer): Promise<Written> {
    const sealing = this.#sealing(target);
    const digests = wholeDigests(this.#options.digests.checksums, bytes, payload.plan);
    const checksum = payload.verify(digests);
    const inline = sealing === undefined ? bytes : sealWhole(sealing.keys.data, bytes);
    return this.writeInlineVersion(target, {
      etag: sealing?.etag ?? digests.md5Hex,
      sizeBytes: bytes.length,
      content: INLINE,
      inline: bytes.length === 0 ? undefined : inline,
      checksum,
      sealing,
    });
  }

  #writeOneBlock(payload: Payload, target: WriteTarget, bytes: Buffer): Promise<Written> {
    const { checksums } = this.#options.digests;
    const sealing = this.#sealing(target);
    return this.writeBlocks(target, async upload => {
      const stored = sealing === undefined ? bytes : sealWhole(sealing.keys.data, bytes);
      const hash = checksums.hexOf('SHA256', stored) as BlockHash;
      const known = sealing === undefined ? hash : undefined;
      const digests = wholeDigests(checksums, bytes, payload.plan, known);
      const checksum = payload.verify(digests);
      if (bytes.length > 0) {
        upload.list({ hash, sizeBytes: stored.length });
        const outcome = await upload.store({ hash, checksums: chunkChecksums(stored) }, stored);
        if (outcome.kind === 'refused') throw outcome.error;
      }
      return {
        etag: sealing?.etag ?? digests.md5Hex,
        sizeBytes: bytes.length,
        content: await upload.seal(),
        checksum,
        sealing,
      };
    });
  }

  #writeLarge(
    payload: Payload,
    target: WriteTarget,
    known: ReadonlySet<BlockHash> | undefined,
  ): Promise<Written> {
    const sealing = this.#sealing(target);
    const { buffers, digests } = this.#options;
    const mayBeInline = target.kind === 'version';
    const wantsMd5 = payload.comparesMd5;
    const inThreads = sealing && { key: sealing.keys.data, wantsMd5 };
    return this.writeBlocks(target, async upload => {
      const parts = { payload, upload, buffers, digests, mayBeInline, sealing: inThreads };
      const body = new LargeBody(known === undefined ? parts : { ...parts, known });
      const taken = await body.take();
      const checksum = payload.verify(taken.digests);
      const isInline = mayBeInline && taken.sizeBytes <= INLINE_BYTES_MAX;
      return {
        etag: sealing?.etag ?? taken.digests.md5Hex,
        sizeBytes: taken.sizeBytes,
        content: isInline ? INLINE : await upload.seal(),
        inline: taken.inline,
        checksum,
        sealing,
      };
    });
  }

  /** Read while the blocks are under way. Undefined: the row's partition raises any stamp, or all
   *  stamps are of one clock. */
  #stampAbove(target: WriteTarget): Promise<Timestamp | Unavailable> | undefined {
    const { tables } = this.#options;
    const { place } = target;
    if (tables.decidesConditions(place)) return undefined;
    if (target.kind === 'version') return tables.stampAbove(place);
    return tables.stampAbovePart(place, target.uploadId, target.partNumber);
  }

  async #writeRow(
    target: WriteTarget,
    begun: Timestamp,
    row: RowContent,
    blocks?: BlocksOfRow,
  ): Promise<Written> {
    const isInline = row.content.kind === 'inline';
    const above = isInline ? undefined : blocks?.stampAbove;
    const timestamp = isInline ? begun : ((await above) ?? this.#options.stamper.now());
    if (typeof timestamp !== 'string') throw tableRefusal(timestamp);
    const answer =
      target.kind === 'version'
        ? await this.#writeVersion(target, versionRow(target, row, { begun, timestamp }), {
            inline: row.inline,
            isAbove: above === undefined ? 'unknown' : 'above-quorum',
          })
        : await this.#writePart(target, row, { begun, timestamp });
    if (answer.kind === 'superseded') blocks?.undo();
    else if (answer.kind !== 'written') throw tableRefusal(answer);
    const { etag, sizeBytes, checksum } = row;
    const lastModifiedMs = timestampMs(timestamp);
    const written: Written =
      checksum === undefined
        ? { etag, sizeBytes, lastModifiedMs }
        : { etag, sizeBytes, lastModifiedMs, checksum };
    const version = answer.kind === 'written' ? answer.version : undefined;
    return version === undefined ? written : { ...written, version };
  }

  #writeVersion(
    { place, condition, quota }: VersionTarget,
    row: ObjectVersion,
    { inline, isAbove }: { inline: Uint8Array | undefined; isAbove: 'above-quorum' | 'unknown' },
  ): Promise<ObjectWriteAnswer> {
    const write = { kind: 'object-write', place, row, inline, condition, quota } as const;
    return this.#options.tables.writeObject(write, isAbove);
  }

  #writePart(
    { place, uploadId, partNumber, quota }: PartTarget,
    row: RowContent,
    { begun, timestamp }: Stamps,
  ): Soon<TableAnswer> {
    const { etag, sizeBytes, checksum, sealing } = row;
    const part: PartRow = {
      ...{ uploadId, partNumber, attemptId: attemptIdOf(begun), timestamp },
      ...{ etag, sizeBytes, content: row.content as PartContent },
      ...(checksum === undefined ? {} : { checksum }),
    };
    return this.#options.tables.askPlace({
      kind: 'part-write',
      place,
      part: sealing?.row(part) ?? part,
      quota,
    });
  }
}

/** Under several replicas: the stamp that is being found; what to do when others were faster. */
type BlocksOfRow = {
  readonly stampAbove: Promise<Timestamp | Unavailable> | undefined;
  readonly undo: () => void;
};

/** When the write began, which names it, and the stamp that decides who wins. */
type Stamps = { readonly begun: Timestamp; readonly timestamp: Timestamp };

/** Written out: it is the path of every small PUT, and spreading one object into the next is not
 *  free. */
function versionRow(
  { headers, extras }: VersionTarget,
  { sizeBytes, etag, content, checksum, sealing }: RowContent,
  { begun, timestamp }: Stamps,
): ObjectVersion {
  const kind = 'version';
  const versionId = versionIdOf(begun);
  const version: ObjectVersion =
    checksum === undefined
      ? { kind, timestamp, versionId, sizeBytes, etag, content, headers }
      : { kind, timestamp, versionId, sizeBytes, etag, content, headers, checksum };
  const complete = extras === undefined ? version : { ...version, ...extras };
  return sealing === undefined ? complete : sealing.row(complete);
}

function contentName(target: WriteTarget): ContentName {
  const { place } = target;
  if (target.kind === 'version') return { kind: 'version', place };
  const { uploadId, partNumber } = target;
  return { kind: 'part', place, uploadId, partNumber };
}

function ownerOf(target: WriteTarget, stamp: Timestamp): BlockOwner {
  const { bucket, shard, key } = target.place;
  if (target.kind === 'version') {
    return { kind: 'version', bucket, shard, key, versionId: versionIdOf(stamp) };
  }
  const { uploadId, partNumber } = target;
  const attemptId = attemptIdOf(stamp);
  return { kind: 'part', bucket, shard, key, uploadId, partNumber, attemptId };
}
