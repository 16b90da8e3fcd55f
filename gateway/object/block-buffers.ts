/**
 * The memory in which bodies become blocks: slabs of one block each, shared with the hash threads.
 *
 * Owns:          the slabs, their number, and who waits for one.
 * Knows:         page-aligned memory: from there blocks go to the disk without another copy.
 * Must not know: bodies, threads.
 *
 * A slab is made when it is first needed and kept; the one given back last is taken first, so that
 * a quiet gateway touches little memory. Those who wait are served in the order they came: a body
 * that holds a full slab gives it back without needing another, so waiting always ends.
 *
 * A copy into shared memory is slow byte by byte unless both sides are aligned alike, so bytes go
 * through a small aligned buffer: two fast copies, which stay in the processor's cache, are six
 * times as fast as one slow one.
 */
import type { LentBytes } from '../../bus/lent-bytes.ts';
import { sharedAlignedMemory } from '../../schemas/aligned-memory.ts';
import { assert } from '../../schemas/assert.ts';

export type Slab = {
  /** Never used again for another slab: the threads know slabs by it. */
  readonly id: number;
  /** All slabs lie in one memory, each at its place. */
  readonly memory: SharedArrayBuffer;
  readonly offset: number;
  readonly bytes: Buffer;
};

export type BlockBuffersOptions = {
  /** The size of a slab: that of a block. */
  readonly blockBytes: number;
  /** How much memory all slabs together may take; at least MIN_SLABS fit in any case. */
  readonly bytesMax: number;
};

const MIN_SLABS = 4;
const STAGING_BYTES = 64 * 1024;
const WORD_BYTES = 8;
const PAGE_BYTES = 4096;

/** How a slab is still read after its owner is done with it, through `reader`: by those that it was
 *  lent to, or (absent) by nobody knows whom. */
export type SlabUse = { readonly lent?: LentBytes; readonly reader: Uint8Array };

/** Somebody who waits for a slab; `cancel` is idempotent. */
export interface SlabWait {
  cancel(): void;
}

type Waiter = { readonly receive: (slab: Slab) => void };

export class BlockBuffers {
  readonly blockBytes: number;
  readonly slabsMax: number;
  readonly #free: Slab[] = [];
  readonly #waiters = new Set<Waiter>();
  /** Slabs that are read on by replicas which are slower than others. */
  readonly #lent = new Set<LentBytes>();
  /** Where slabs can be made; some of them are lost while somebody still reads them. */
  readonly #places: number[] = [];
  readonly #found = new FinalizationRegistry<number>(offset => {
    this.#places.push(offset);
    this.#serve();
  });
  #memory: SharedArrayBuffer | undefined;
  readonly #staging = new Uint8Array(new ArrayBuffer(STAGING_BYTES + WORD_BYTES));
  #slabCount = 0;
  #nextId = 1;

  constructor({ blockBytes, bytesMax }: BlockBuffersOptions) {
    this.blockBytes = blockBytes;
    this.slabsMax = Math.max(MIN_SLABS, Math.floor(bytesMax / blockBytes));
  }

  /** Slabs that somebody holds. */
  get inUse(): number {
    return this.#slabCount - this.#free.length;
  }

  get waiting(): number {
    return this.#waiters.size;
  }

  /** A slab, if one is left and nobody waited earlier. */
  take(): Slab | undefined {
    if (this.#waiters.size > 0) return undefined;
    return this.#takeFree() ?? (this.#recallOne() ? this.#takeFree() : undefined);
  }

  /** Calls `receive` later, once, with a slab; behind everybody who waits already. */
  wait(receive: (slab: Slab) => void): SlabWait {
    const waiter: Waiter = { receive };
    this.#waiters.add(waiter);
    return { cancel: () => this.#waiters.delete(waiter) };
  }

  /**
   * The owner of the slab is done with it; it can be used again once nobody else reads it.
   * `discarded`: it never comes back. Of those that cannot be recalled (a replica in this process
   * with a disk that hangs) no more are waited for than half of all.
   */
  giveAfter(slab: Slab, use: SlabUse | undefined): 'kept' | 'discarded' {
    if (use === undefined) {
      this.give(slab);
      return 'kept';
    }
    const { lent, reader } = use;
    if (lent !== undefined && (this.#waiters.size > 0 || this.#isMuchLent())) lent.recall();
    if (lent === undefined || (!lent.isFree && this.#isMuchLent())) {
      this.discard(slab, reader);
      return 'discarded';
    }
    this.#lent.add(lent);
    lent.whenFree(() => {
      this.#lent.delete(lent);
      this.give(slab);
    });
    return 'kept';
  }

  #isMuchLent(): boolean {
    return 2 * this.#lent.size >= this.slabsMax;
  }

  /** Nobody reads or writes the slab any more. */
  give(slab: Slab): void {
    assert(this.inUse > 0, 'a slab is given back once');
    this.#free.push(slab);
    this.#serve();
  }

  /**
   * Somebody may still read the slab, nobody knows how long: its place is used again only once
   * `reader`, through which it is read, is gone. Others are made meanwhile, but never so many that
   * all of them together are more than twice what was allowed.
   */
  discard(slab: Slab, reader: Uint8Array): void {
    assert(this.inUse > 0, 'a slab is given back once');
    assert(reader !== slab.bytes, 'a reader has a view of its own');
    this.#slabCount -= 1;
    this.#found.register(reader, slab.offset);
    this.#serve();
  }

  /** Who is slow must not hold up those who are not: true when a slab came back. */
  #recallOne(): boolean {
    for (const lent of [...this.#lent]) {
      lent.recall();
      if (lent.isFree) return true;
    }
    return false;
  }

  /** Copies `bytes` into the slab at `offset`; they must fit. */
  fill(slab: Slab, offset: number, bytes: Uint8Array): void {
    const { length } = bytes;
    for (let done = 0; done < length; done += STAGING_BYTES) {
      const count = Math.min(STAGING_BYTES, length - done);
      const target = offset + done;
      const shift = target % WORD_BYTES;
      const piece = count === length ? bytes : bytes.subarray(done, done + count);
      this.#staging.set(piece, shift);
      slab.bytes.set(this.#staging.subarray(shift, shift + count), target);
    }
  }

  #takeFree(): Slab | undefined {
    const free = this.#free.pop();
    if (free !== undefined) return free;
    if (this.#slabCount >= this.slabsMax) return undefined;
    const memory = (this.#memory ??= this.#makeMemory());
    const offset = this.#places.pop();
    if (offset === undefined) return undefined;
    this.#slabCount += 1;
    const id = this.#nextId;
    this.#nextId += 1;
    return { id, memory, offset, bytes: Buffer.from(memory, offset, this.blockBytes) };
  }

  /** Twice as many places as slabs; a place costs nothing before it is written to. */
  #makeMemory(): SharedArrayBuffer {
    const stride = Math.ceil(this.blockBytes / PAGE_BYTES) * PAGE_BYTES;
    const count = 2 * this.slabsMax;
    for (let place = count - 1; place >= 0; place -= 1) this.#places.push(place * stride);
    return sharedAlignedMemory(count * stride);
  }

  #serve(): void {
    for (const waiter of this.#waiters) {
      const slab = this.#takeFree();
      if (slab === undefined) return;
      this.#waiters.delete(waiter);
      waiter.receive(slab);
    }
  }
}
