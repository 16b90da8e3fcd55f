/**
 * A hash thread: computes digests of slabs, and encrypts them, one job after the other.
 *
 * Owns:          the running digests of the streams that are pinned to this thread.
 * Knows:         its messages.
 * Must not know: bodies, blocks in storage.
 *
 * Jobs are done in the order they come, so a stream's digests see its bytes in order.
 */
import { parentPort, type MessagePort } from 'node:worker_threads';
import { assert } from '../../schemas/assert.ts';
import { digestBlock } from './block-digest.ts';
import { ChecksumMaker, type DigestName, type RunningDigest } from './checksum-maker.ts';
import { sealInPlace } from './chunk-cipher.ts';
import type { DigestJob, DigestReply, DigestRequest } from './digest-messages.ts';

class DigestThread {
  readonly #port: MessagePort;
  readonly #checksums = new ChecksumMaker();
  readonly #slabs = new Map<number, Buffer>();
  readonly #streams = new Map<number, readonly RunningDigest[]>();
  /** Since a digest is being loaded; undefined: none is. */
  #waiting: DigestRequest[] | undefined;

  constructor(port: MessagePort) {
    this.#port = port;
  }

  start(): void {
    this.#port.on('message', (request: DigestRequest) => {
      this.#take(request);
    });
  }

  /** In the order in which they came, also where one waits for a digest that is being loaded. */
  #take(request: DigestRequest): void {
    if (this.#waiting !== undefined) {
      this.#waiting.push(request);
      return;
    }
    const isMissing = (name: DigestName): boolean => !this.#checksums.isReady(name);
    const missing = request.kind === 'job' ? request.running.find(isMissing) : undefined;
    if (missing === undefined) this.#receive(request);
    else void this.#load(missing, [request]);
  }

  async #load(name: DigestName, waiting: DigestRequest[]): Promise<void> {
    this.#waiting = waiting;
    await this.#checksums.prepare(name);
    this.#waiting = undefined;
    for (const request of waiting) this.#take(request);
  }

  #receive(request: DigestRequest): void {
    switch (request.kind) {
      case 'slab': {
        const { memory, offset, sizeBytes } = request.place;
        this.#slabs.set(request.slab, Buffer.from(memory, offset, sizeBytes));
        break;
      }
      case 'forget-slab':
        this.#slabs.delete(request.slab);
        break;
      case 'forget-stream':
        this.#streams.delete(request.stream);
        break;
      case 'job':
        this.#port.postMessage(this.#tryJob(request));
        break;
    }
  }

  #tryJob(job: DigestJob): DigestReply {
    try {
      return this.#do(job);
    } catch (error) {
      return { job: job.job, failure: String(error) };
    }
  }

  /** Digests are of the plain bytes, the block is of those that are stored. */
  #do(order: DigestJob): DigestReply {
    const { job, stream, slab, sizeBytes, wantsBlock, running, isLast } = order;
    const memory = this.#slabs.get(slab);
    assert(memory !== undefined, 'the thread was told the slab');
    const digests = this.#streamOf(stream, running);
    for (const digest of digests) digest.update(memory.subarray(0, sizeBytes));
    const stored = memory.subarray(0, storedBytes(order, memory));
    const block = wantsBlock ? digestBlock(stored) : undefined;
    if (!isLast) return { job, ...block };
    this.#streams.delete(stream);
    return { job, ...block, digests: digests.map(digest => digest.digest()) };
  }

  #streamOf(stream: number, running: DigestJob['running']): readonly RunningDigest[] {
    const known = this.#streams.get(stream);
    if (known !== undefined) return known;
    const started = running.map(name => this.#checksums.start(name));
    this.#streams.set(stream, started);
    return started;
  }
}

/** How many bytes the block is; where it is to be encrypted, it is from now on. */
function storedBytes({ sizeBytes, isLast, seal }: DigestJob, memory: Buffer): number {
  if (seal === undefined) return sizeBytes;
  const { key, firstByte } = seal;
  return sealInPlace(key, { firstByte, isLast }, { memory, plainBytes: sizeBytes });
}

assert(parentPort !== null, 'this file runs in a worker thread');
new DigestThread(parentPort).start();
