/**
 * The hash threads, and which thread computes what of which body.
 *
 * Owns:          the threads; the two lanes of every stream.
 * Knows:         what the digests cost.
 * Must not know: bodies, blocks in storage.
 *
 * MD5 is serial: a stream's MD5 is pinned to one thread. Its blocks' names, and its SHA-256 or
 * SHA-1 if one is asked for, are pinned to another, so that a single body keeps two cores busy:
 *
 *     thread 1   MD5 1 | MD5 2 | MD5 3 | …          and CRCs
 *     thread 2   SHA 1 | SHA 2 | SHA 3 | …          names, chunk checksums, SHA of the whole
 *
 * A body of one block needs no SHA-256 of the whole: the block's name is it.
 *
 * A body that is encrypted stays on one thread: what was computed of its plain bytes comes before
 * the block is encrypted where it is, and its name after.
 */
import { assert } from '../../schemas/assert.ts';
import type { Slab } from './block-buffers.ts';
import type { BlockDigest } from './block-digest.ts';
import type { DigestName } from './checksum-maker.ts';
import { ChecksumMaker } from './checksum-maker.ts';
import type { DigestReply } from './digest-messages.ts';
import { DigestThread, startDigestWorker } from './digest-thread.ts';
import type { DigestWorker, JobListener } from './digest-thread.ts';
import type { BodyDigests, DigestPlan } from './payload.ts';

/** What MD5 with its CRC, and a block's name with a SHA of the whole, cost of a thread's time. */
const SERIAL_LOAD = 5;
const NAMING_LOAD = 4;
const THREADS_DEFAULT = 2;

export type DigestPoolOptions = {
  /** More than two help only many bodies at once on more than two cores. */
  readonly threads?: number;
  /** Tests hold on to the workers to see what becomes of bodies when one dies. */
  readonly startWorker?: () => DigestWorker;
  /** Told when a thread died: a bug, or no memory. */
  readonly onThreadDeath?: (error: Error) => void;
};

/** For a body that is encrypted on its way. */
export type StreamSealing = {
  readonly key: Uint8Array;
  /** Whether anybody wants to know the MD5. */
  readonly wantsMd5: boolean;
};

/** Told of one block. `hashed` comes before `absorbed`; after `failed` comes nothing. */
export interface BlockListener {
  hashed(digest: BlockDigest): void;
  /** Every digest has taken the bytes: the threads do not look at the slab any more. */
  absorbed(): void;
  failed(error: Error): void;
}

export class DigestPool {
  /** For bodies that are hashed where they are. */
  readonly checksums = new ChecksumMaker();
  readonly #threadCount: number;
  readonly #startWorker: () => DigestWorker;
  readonly #onThreadDeath: (error: Error) => void;
  readonly #threads: DigestThread[] = [];
  #nextStream = 1;
  #isClosed = false;

  constructor(options: DigestPoolOptions = {}) {
    this.#threadCount = options.threads ?? THREADS_DEFAULT;
    this.#startWorker = options.startWorker ?? startDigestWorker;
    this.#onThreadDeath = options.onThreadDeath ?? (() => undefined);
  }

  /** Threads that live; they are started when the first large body comes. */
  get threadCount(): number {
    return this.#threads.length;
  }

  openStream(plan: DigestPlan, sealing?: StreamSealing): DigestStream {
    assert(!this.#isClosed, 'the hash threads are open');
    while (this.#threads.length < this.#threadCount) this.#startThread();
    const [serial, naming = serial] = this.#threads.toSorted((a, b) => a.load - b.load);
    assert(serial !== undefined && naming !== undefined, 'there is a hash thread');
    const id = this.#nextStream;
    this.#nextStream += 1;
    if (sealing === undefined) return new DigestStream({ id, plan, serial, naming, sealing });
    return new DigestStream({ id, plan, serial, naming: serial, sealing });
  }

  /** The slab was discarded: the threads let go of its memory. */
  forgetSlab(slab: Slab): void {
    for (const thread of this.#threads) thread.forgetSlab(slab.id);
  }

  /** Ends the threads; what is under way fails. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await Promise.all(this.#threads.map(thread => thread.close()));
  }

  #startThread(): void {
    const thread = new DigestThread(this.#startWorker(), (dead, error) => {
      this.#threads.splice(this.#threads.indexOf(dead), 1);
      if (!this.#isClosed) this.#onThreadDeath(error);
    });
    this.#threads.push(thread);
  }
}

type StreamParts = {
  readonly id: number;
  readonly plan: DigestPlan;
  readonly serial: DigestThread;
  readonly naming: DigestThread;
  readonly sealing: StreamSealing | undefined;
};

/** The digests of one body, block after block. */
export class DigestStream {
  readonly #parts: StreamParts;
  readonly #serialNames: readonly DigestName[];
  #blockCount = 0;
  #plainBytes = 0;
  #isOver = false;
  readonly #found = new Map<DigestName, Buffer>();

  constructor(parts: StreamParts) {
    this.#parts = parts;
    this.#serialNames = serialNames(parts.plan, parts.sealing);
    parts.serial.load += SERIAL_LOAD;
    parts.naming.load += NAMING_LOAD;
  }

  /** The next block, in order. After the last one is absorbed, `digests` may be asked for. */
  block(
    block: { readonly slab: Slab; readonly sizeBytes: number; readonly isLast: boolean },
    listener: BlockListener,
  ): void {
    const { serial, naming, id, plan, sealing } = this.#parts;
    const isOnly = this.#blockCount === 0 && block.isLast && sealing === undefined;
    this.#blockCount += 1;
    const seal = sealing && { key: sealing.key, firstByte: this.#plainBytes };
    this.#plainBytes += block.sizeBytes;
    const namingNames = shaNames(plan, isOnly);
    const progress = new BlockProgress({
      listener,
      found: this.#found,
      isOnly,
      jobs: serial === naming ? 1 : 2,
    });
    const order = { stream: id, ...block };
    if (serial === naming) {
      const running = [...this.#serialNames, ...namingNames];
      serial.give({ ...order, wantsBlock: true, running, seal }, progress.listenFor(running));
      return;
    }
    naming.give(
      { ...order, wantsBlock: true, running: namingNames },
      progress.listenFor(namingNames),
    );
    serial.give(
      { ...order, wantsBlock: false, running: this.#serialNames },
      progress.listenFor(this.#serialNames),
    );
  }

  /** After the last block was absorbed. */
  digests(): BodyDigests {
    const { plan } = this.#parts;
    const md5 = this.#found.get('MD5');
    const isMissing = md5 === undefined && this.#serialNames.includes('MD5');
    assert(!isMissing, 'the last block was absorbed');
    const sha256Hex = this.#found.get('SHA256')?.toString('hex');
    const checksum = plan.checksum && this.#found.get(plan.checksum)?.toString('base64');
    return {
      md5Hex: md5?.toString('hex') ?? '',
      ...(sha256Hex === undefined ? {} : { sha256Hex }),
      ...(checksum === undefined ? {} : { checksum }),
    };
  }

  /** No further block comes. To be called once for every stream, however it ended. */
  close(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    const { serial, naming, id } = this.#parts;
    serial.load -= SERIAL_LOAD;
    naming.load -= NAMING_LOAD;
    serial.forgetStream(id);
    naming.forgetStream(id);
  }
}

/** Left to the thread that names the blocks: the other one has the MD5 to make. */
const SHA_NAMES: ReadonlySet<DigestName> = new Set(['SHA1', 'SHA256', 'SHA512']);

function serialNames(
  { checksum }: DigestPlan,
  sealing: StreamSealing | undefined,
): readonly DigestName[] {
  const further = checksum === undefined || SHA_NAMES.has(checksum) ? [] : [checksum];
  const wantsMd5 = checksum !== 'MD5' && (sealing?.wantsMd5 ?? true);
  return wantsMd5 ? ['MD5', ...further] : further;
}

/** What takes the whole body beside the blocks' names; the name of an only block is a SHA-256. */
function shaNames({ sha256, checksum }: DigestPlan, isOnly: boolean): readonly DigestName[] {
  const names: DigestName[] = [];
  if (!isOnly && (sha256 || checksum === 'SHA256')) names.push('SHA256');
  if (checksum === 'SHA1' || checksum === 'SHA512') names.push(checksum);
  return names;
}

type ProgressParts = {
  readonly listener: BlockListener;
  readonly found: Map<DigestName, Buffer>;
  /** The whole body is this block. */
  readonly isOnly: boolean;
  readonly jobs: number;
};

/** Puts the answers about one block together. */
class BlockProgress {
  readonly #parts: ProgressParts;
  #missing: number;
  #failure: Error | undefined;

  constructor(parts: ProgressParts) {
    this.#parts = parts;
    this.#missing = parts.jobs;
  }

  listenFor(names: readonly DigestName[]): JobListener {
    return {
      answered: reply => {
        this.#take(reply, names);
        this.#end();
      },
      failed: error => {
        this.#failure ??= error;
        this.#end();
      },
    };
  }

  #take({ hash, checksums, digests }: DigestReply, names: readonly DigestName[]): void {
    const { found, isOnly, listener } = this.#parts;
    digests?.forEach((bytes, index) => {
      const name = names[index];
      if (name !== undefined) found.set(name, Buffer.from(bytes));
    });
    if (hash === undefined || checksums === undefined) return;
    if (isOnly) found.set('SHA256', Buffer.from(hash, 'hex'));
    if (this.#failure === undefined) listener.hashed({ hash, checksums });
  }

  /** A failure is told only when no thread looks at the slab any more. */
  #end(): void {
    this.#missing -= 1;
    if (this.#missing > 0) return;
    if (this.#failure === undefined) this.#parts.listener.absorbed();
    else this.#parts.listener.failed(this.#failure);
  }
}
