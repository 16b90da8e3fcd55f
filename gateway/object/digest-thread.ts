/**
 * One hash thread, as the gateway sees it.
 *
 * Owns:          the worker, and the jobs it was given and has not answered.
 * Knows:         worker threads.
 * Must not know: streams, digests.
 *
 * A thread that dies fails every job it had; it is never started again: whoever held it takes a new
 * one, because the running digests in it are gone.
 */
import { Worker } from 'node:worker_threads';
import type { Slab } from './block-buffers.ts';
import type { DigestJob, DigestReply, DigestRequest } from './digest-messages.ts';

export type JobOrder = Omit<DigestJob, 'kind' | 'job' | 'slab'> & { readonly slab: Slab };

/** Told how a job ended; exactly one of the two is called. */
export interface JobListener {
  answered(reply: DigestReply): void;
  failed(error: Error): void;
}

export type DigestWorker = Worker;

export function startDigestWorker(): DigestWorker {
  return new Worker(new URL('./digest-worker.js', import.meta.url));
}

export class DigestThread {
  /** How much work the streams pinned here bring; kept by who pins them. */
  load = 0;
  readonly #worker: Worker;
  readonly #jobs = new Map<number, JobListener>();
  readonly #knownSlabs = new Set<number>();
  #nextJob = 1;
  #death: Error | undefined;

  constructor(worker: Worker, onDeath: (thread: DigestThread, error: Error) => void) {
    this.#worker = worker;
    // A thread that waits for work does not keep the process alive.
    this.#worker.unref();
    this.#worker.on('message', (reply: DigestReply) => {
      this.#answer(reply);
    });
    this.#worker.on('error', error => {
      this.#death ??= error instanceof Error ? error : new Error(String(error));
    });
    this.#worker.on('exit', code => {
      const death = (this.#death ??= new Error(`a hash thread ended with code ${String(code)}`));
      onDeath(this, death);
      for (const listener of this.#jobs.values()) listener.failed(death);
      this.#jobs.clear();
    });
  }

  /** Jobs given and not answered. */
  get jobCount(): number {
    return this.#jobs.size;
  }

  give(order: JobOrder, listener: JobListener): void {
    if (this.#death !== undefined) {
      listener.failed(this.#death);
      return;
    }
    const { slab } = order;
    if (!this.#knownSlabs.has(slab.id)) {
      this.#knownSlabs.add(slab.id);
      const { memory, offset, bytes } = slab;
      const place = { memory, offset, sizeBytes: bytes.length };
      this.#worker.postMessage({ kind: 'slab', slab: slab.id, place } satisfies DigestRequest);
    }
    const job = this.#nextJob;
    this.#nextJob += 1;
    this.#jobs.set(job, listener);
    this.#worker.postMessage({ ...order, kind: 'job', job, slab: slab.id } satisfies DigestJob);
  }

  forgetStream(stream: number): void {
    if (this.#death === undefined) this.#worker.postMessage({ kind: 'forget-stream', stream });
  }

  forgetSlab(slab: number): void {
    if (!this.#knownSlabs.delete(slab) || this.#death !== undefined) return;
    this.#worker.postMessage({ kind: 'forget-slab', slab });
  }

  async close(): Promise<void> {
    this.#death ??= new Error('the hash threads were closed');
    await this.#worker.terminate();
  }

  #answer(reply: DigestReply): void {
    const listener = this.#jobs.get(reply.job);
    this.#jobs.delete(reply.job);
    if (reply.failure === undefined) listener?.answered(reply);
    else listener?.failed(new Error(reply.failure));
  }
}
