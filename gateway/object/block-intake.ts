/**
 * Cuts a payload into blocks, each in a slab, and holds the client back when slabs are short.
 *
 * Owns:          the slab that fills; what came while there was none; pausing and resuming.
 * Knows:         payloads, slabs.
 * Must not know: digests, where blocks go.
 *
 * A full slab is handed on only when more bytes come or the body ends, so that the last block is
 * known to be the last when it is handed on, whether the size was declared or not.
 * A paused client may still send a little (the rest of the chunk that filled the slab, and what the
 * server lets through to see that the client lives): where no slab is free, that is kept aside.
 */
import { PUT_BYTES_MAX } from '../../schemas/limits.ts';
import { S3Error } from '../s3/s3-error.ts';
import type { BlockBuffers, Slab, SlabUse, SlabWait } from './block-buffers.ts';
import { tooLarge } from './http-payload.ts';
import type { Payload, PayloadSink } from './payload.ts';

/** Blocks of one body that are handed on and not done: then the client is held back. A block takes
 *  as long as two fsyncs, or a round trip to another site, so a single body needs several. */
const BLOCKS_UNDER_WAY_MAX = 12;
/** What a held-back client still sends goes to so many slabs more, if they are free. */
const SLABS_MAX = BLOCKS_UNDER_WAY_MAX + 2;

export type FilledBlock = {
  readonly slab: Slab;
  readonly sizeBytes: number;
  readonly isLast: boolean;
};

export interface BlockTaker {
  /** A block of the body, in order; the taker calls `blockDone` once it needs the slab no more. */
  block(block: FilledBlock): void;
  /** The body did not end well; no block comes after this. */
  intakeFailed(error: S3Error): void;
}

export class BlockIntake implements PayloadSink {
  readonly #payload: Payload;
  readonly #buffers: BlockBuffers;
  readonly #taker: BlockTaker;
  readonly #roomBytes: number;
  #slab: Slab | undefined;
  #filledBytes = 0;
  #totalBytes = 0;
  #underWay = 0;
  #aside: Buffer[] = [];
  #wait: SlabWait | undefined;
  #isPaused = false;
  #hasEnded = false;
  #isOver = false;

  /** `roomBytes`: how much of a slab is filled. */
  constructor(
    payload: Payload,
    buffers: BlockBuffers,
    taker: BlockTaker,
    roomBytes = buffers.blockBytes,
  ) {
    this.#payload = payload;
    this.#buffers = buffers;
    this.#taker = taker;
    this.#roomBytes = roomBytes;
  }

  /** What has come so far, in bytes. */
  get totalBytes(): number {
    return this.#totalBytes;
  }

  /** Waits for a first slab before the client is asked for a byte. */
  start(): void {
    this.#slab = this.#buffers.take();
    if (this.#slab !== undefined) {
      this.#payload.start(this);
      return;
    }
    this.#wait = this.#buffers.wait(slab => {
      this.#wait = undefined;
      this.#slab = slab;
      this.#payload.start(this);
    });
  }

  /** The taker needs a slab no more; but somebody may still read it. */
  blockDone(slab: Slab, use?: SlabUse): 'kept' | 'discarded' {
    this.#underWay -= 1;
    const outcome = this.#buffers.giveAfter(slab, use);
    if (this.#aside.length > 0) this.#awaitSlab();
    else this.#letGoOn();
    return outcome;
  }

  /** Gives back what is held; nothing is handed on any more. Idempotent. */
  stop(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#wait?.cancel();
    this.#wait = undefined;
    this.#aside = [];
    if (this.#slab !== undefined) this.#buffers.give(this.#slab);
    this.#slab = undefined;
    this.#payload.cancel();
  }

  bytes(bytes: Uint8Array): void {
    if (this.#isOver || this.#hasEnded) return;
    this.#totalBytes += bytes.length;
    if (this.#totalBytes > (this.#payload.sizeBytes ?? PUT_BYTES_MAX)) {
      this.failed(
        this.#payload.sizeBytes === undefined
          ? tooLarge(this.#totalBytes)
          : new S3Error('IncompleteBody'),
      );
      return;
    }
    const taken = this.#aside.length > 0 ? 0 : this.#put(bytes);
    if (this.#isDone()) return;
    if (taken < bytes.length) {
      this.#aside.push(Buffer.from(bytes.subarray(taken)));
      this.#holdBack();
      this.#awaitSlab();
    } else if (this.#underWay >= BLOCKS_UNDER_WAY_MAX) {
      this.#holdBack();
    }
  }

  /** Asked after a call that may have ended the intake. */
  #isDone(): boolean {
    return this.#isOver;
  }

  end(): void {
    if (this.#isOver || this.#hasEnded) return;
    this.#hasEnded = true;
    const { sizeBytes } = this.#payload;
    if (sizeBytes !== undefined && sizeBytes !== this.#totalBytes) {
      this.failed(new S3Error('IncompleteBody'));
      return;
    }
    this.#finishIfAllIsIn();
  }

  failed(error: S3Error): void {
    if (this.#isOver) return;
    this.stop();
    this.#taker.intakeFailed(error);
  }

  /** Fills slabs with `bytes`, as far as there are slabs; returns how many were taken. */
  #put(bytes: Uint8Array): number {
    let taken = 0;
    while (taken < bytes.length) {
      const slab = this.#slabWithRoom();
      if (slab === undefined) break;
      const room = this.#roomBytes - this.#filledBytes;
      const count = Math.min(room, bytes.length - taken);
      const isAll = count === bytes.length;
      const piece = isAll ? bytes : bytes.subarray(taken, taken + count);
      this.#buffers.fill(slab, this.#filledBytes, piece);
      this.#filledBytes += count;
      taken += count;
    }
    return taken;
  }

  #slabWithRoom(): Slab | undefined {
    if (this.#slab !== undefined && this.#filledBytes < this.#roomBytes) return this.#slab;
    if (this.#slab !== undefined) this.#handOn(this.#slab, 'more');
    if (this.#isOver || this.#wait !== undefined) return undefined;
    if (this.#underWay < SLABS_MAX) this.#slab = this.#buffers.take();
    return this.#slab;
  }

  #handOn(slab: Slab, what: 'more' | 'last'): void {
    const sizeBytes = this.#filledBytes;
    this.#slab = undefined;
    this.#filledBytes = 0;
    this.#underWay += 1;
    this.#taker.block({ slab, sizeBytes, isLast: what === 'last' });
  }

  #holdBack(): void {
    if (this.#isPaused) return;
    this.#isPaused = true;
    this.#payload.pause();
  }

  #letGoOn(): void {
    if (!this.#isPaused || this.#isOver || this.#underWay >= BLOCKS_UNDER_WAY_MAX) return;
    this.#isPaused = false;
    this.#payload.resume();
  }

  /** Asks for the next slab unless too many are held: then `blockDone` asks. */
  #awaitSlab(): void {
    if (this.#isOver || this.#slab !== undefined || this.#wait !== undefined) return;
    if (this.#underWay >= SLABS_MAX) return;
    this.#slab = this.#buffers.take();
    if (this.#slab !== undefined) {
      this.#catchUp();
      return;
    }
    this.#wait = this.#buffers.wait(slab => {
      this.#wait = undefined;
      this.#slab = slab;
      this.#catchUp();
    });
  }

  /** Puts into slabs what was put aside, and lets the client go on once nothing is left. */
  #catchUp(): void {
    let next = this.#aside[0];
    while (next !== undefined) {
      const taken = this.#put(next);
      if (this.#isOver) return;
      if (taken < next.length) {
        this.#aside[0] = next.subarray(taken);
        this.#awaitSlab();
        return;
      }
      this.#aside.shift();
      next = this.#aside[0];
    }
    this.#finishIfAllIsIn();
    this.#letGoOn();
  }

  #finishIfAllIsIn(): void {
    if (this.#isOver || !this.#hasEnded || this.#aside.length > 0) return;
    const slab = this.#slab;
    if (slab === undefined) return;
    this.#isOver = true;
    this.#handOn(slab, 'last');
  }
}
