/**
 * Takes a large body to its blocks: slab, digests, block storage, a few blocks at a time.
 *
 * Owns:          what is under way of one body; the first failure.
 * Knows:         the intake, the digest stream, the upload.
 * Must not know: rows, clients.
 *
 *     client → intake → slab ─┬→ digest threads ─→ name ─→ block storage ─┬→ slab given back
 *                             └→ MD5 and its kin ────────────────────────┘
 *
 * It ends, well or not, when no thread reads a slab any more, and each block has its quorum or was
 * refused. Replicas that are slower than the quorum may read on: their slabs are lent, and go back
 * by themselves. All others were given back.
 */
import { LentBytes } from '../../bus/lent-bytes.ts';
import { INLINE_BYTES_MAX } from '../../schemas/limits.ts';
import type { BlockHash } from '../../schemas/ids.ts';
import { plainBytesOf, sealedBytesOf } from '../../schemas/records/customer-encryption.ts';
import { S3Error } from '../s3/s3-error.ts';
import type { BlockBuffers, Slab, SlabUse } from './block-buffers.ts';
import type { BlockDigest } from './block-digest.ts';
import { BlockIntake, type BlockTaker, type FilledBlock } from './block-intake.ts';
import type { BlockUpload, StoreOutcome } from './block-upload.ts';
import type { BlockListener, DigestPool, DigestStream, StreamSealing } from './digest-pool.ts';
import type { BodyDigests, Payload } from './payload.ts';

export type LargeBodyParts = {
  readonly payload: Payload;
  readonly upload: BlockUpload;
  readonly buffers: BlockBuffers;
  readonly digests: DigestPool;
  /** A body of unknown size that turns out to be this small is handed back instead of stored. */
  readonly mayBeInline: boolean;
  /** Blocks that are likely to be stored already: they are referenced without sending them. */
  readonly known?: ReadonlySet<BlockHash>;
  /** The body is encrypted: its blocks, and what is handed back, are. */
  readonly sealing?: StreamSealing | undefined;
};

export type TakenBody = {
  readonly digests: BodyDigests;
  /** Of the plain bytes. */
  readonly sizeBytes: number;
  readonly inline?: Buffer;
};

export class LargeBody implements BlockTaker {
  readonly #parts: LargeBodyParts;
  readonly #intake: BlockIntake;
  readonly #stream: DigestStream;
  #underWay = 0;
  #isLastIn = false;
  #blockCount = 0;
  #inline: Buffer | undefined;
  #failure: Error | undefined;
  #settle: () => void = () => undefined;

  constructor(parts: LargeBodyParts) {
    this.#parts = parts;
    const { payload, buffers, digests, sealing } = parts;
    const { blockBytes } = buffers;
    const roomBytes = sealing === undefined ? blockBytes : plainBytesOf(blockBytes);
    this.#intake = new BlockIntake(payload, buffers, this, roomBytes);
    this.#stream = digests.openStream(payload.plan, sealing);
  }

  /** Rejects with S3Error, or with what is a bug, once nothing is under way any more. */
  async take(): Promise<TakenBody> {
    await new Promise<void>(resolve => {
      this.#settle = resolve;
      this.#intake.start();
    });
    this.#stream.close();
    if (this.#failure !== undefined) throw this.#failure;
    const taken = { digests: this.#stream.digests(), sizeBytes: this.#intake.totalBytes };
    return this.#inline === undefined ? taken : { ...taken, inline: this.#inline };
  }

  block(block: FilledBlock): void {
    this.#underWay += 1;
    this.#isLastIn = block.isLast;
    const isOnly = block.isLast && this.#blockCount === 0;
    this.#blockCount += 1;
    const { mayBeInline, sealing } = this.#parts;
    const isInline = isOnly && mayBeInline && block.sizeBytes <= INLINE_BYTES_MAX;
    const { slab, sizeBytes } = block;
    const storedBytes = sealing === undefined ? sizeBytes : sealedBytesOf(sizeBytes);
    this.#stream.block(block, new BlockProgress(this, slab, storedBytes, isInline));
  }

  intakeFailed(error: S3Error): void {
    this.fail(error);
    this.#settleIfDone();
  }

  /** The name of a block is known: it is listed and sent, unless something failed already. */
  async send(digest: BlockDigest, bytes: Buffer, lent: LentBytes): Promise<StoreOutcome> {
    const { upload, known } = this.#parts;
    upload.list({ hash: digest.hash, sizeBytes: bytes.length });
    if (known?.has(digest.hash) !== true) return upload.store(digest, bytes, { lent });
    const outcome = await upload.reference(digest.hash);
    if (outcome.kind !== 'send-it') return outcome;
    return upload.store(digest, bytes, { lent, heldBy: outcome.heldBy });
  }

  keepInline(bytes: Buffer): void {
    this.#inline = bytes;
  }

  get hasFailed(): boolean {
    return this.#failure !== undefined;
  }

  /** Only the first failure is told; what is under way ends first. */
  fail(error: Error): void {
    if (this.#failure !== undefined) return;
    this.#failure = error;
    this.#intake.stop();
  }

  /** `use`: how somebody may still read the slab. */
  blockDone(slab: Slab, use?: SlabUse): void {
    this.#underWay -= 1;
    const outcome = this.#intake.blockDone(slab, use);
    if (outcome === 'discarded') this.#parts.digests.forgetSlab(slab);
    this.#settleIfDone();
  }

  #settleIfDone(): void {
    if (this.#underWay > 0) return;
    if (this.#isLastIn || this.#failure !== undefined) this.#settle();
  }
}

/** One block between the threads and the storage: the slab is free when both are done with it. */
class BlockProgress implements BlockListener {
  readonly #body: LargeBody;
  readonly #slab: Slab;
  readonly #bytes: Buffer;
  readonly #isInline: boolean;
  readonly #lent = new LentBytes();
  #isStoring = false;
  #isAbsorbed = false;
  /** Somebody may read the bytes when all else is done. */
  #isRead = false;

  constructor(body: LargeBody, slab: Slab, sizeBytes: number, isInline: boolean) {
    this.#body = body;
    this.#slab = slab;
    this.#bytes = slab.bytes.subarray(0, sizeBytes);
    this.#isInline = isInline;
  }

  hashed(digest: BlockDigest): void {
    if (this.#body.hasFailed || this.#bytes.length === 0) return;
    if (this.#isInline) {
      this.#body.keepInline(Buffer.from(this.#bytes));
      return;
    }
    this.#isStoring = true;
    this.#body.send(digest, this.#bytes, this.#lent).then(
      outcome => {
        this.#stored(outcome);
      },
      (error: unknown) => {
        this.#isRead = true;
        this.#body.fail(error instanceof Error ? error : new Error(String(error)));
        this.#storeEnded();
      },
    );
  }

  absorbed(): void {
    this.#isAbsorbed = true;
    this.#endIfDone();
  }

  failed(error: Error): void {
    this.#body.fail(new S3Error('ServiceUnavailable', { cause: error }));
    this.absorbed();
  }

  #stored(outcome: StoreOutcome): void {
    if (outcome.kind === 'refused') {
      // Without an answer, a storage process may still be writing from this memory.
      if (!outcome.isSettled) this.#isRead = true;
      this.#body.fail(outcome.error);
    } else if (outcome.kind === 'send-it') {
      this.#body.fail(new S3Error('ServiceUnavailable'));
    }
    this.#storeEnded();
  }

  #storeEnded(): void {
    this.#isStoring = false;
    this.#endIfDone();
  }

  #endIfDone(): void {
    if (!this.#isAbsorbed || this.#isStoring) return;
    this.#body.blockDone(this.#slab, this.#use());
  }

  #use(): SlabUse | undefined {
    if (this.#isRead) return { reader: this.#bytes };
    return this.#lent.isFree ? undefined : { lent: this.#lent, reader: this.#bytes };
  }
}
