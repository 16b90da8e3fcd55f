/**
 * A payload taken into one buffer: bodies that are small, and known to be.
 *
 * Owns:          the buffer while it fills.
 * Knows:         payloads.
 * Must not know: what the bytes mean.
 */
import { S3Error } from '../s3/s3-error.ts';
import type { Payload, PayloadSink } from './payload.ts';

/** All bytes of a payload of exactly `sizeBytes`. Rejects with S3Error. */
export function takeWhole(payload: Payload, sizeBytes: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    payload.start(new WholeBody(sizeBytes, resolve, reject));
  });
}

class WholeBody implements PayloadSink {
  readonly #buffer: Buffer;
  readonly #resolve: (bytes: Buffer) => void;
  readonly #reject: (error: S3Error) => void;
  #filledBytes = 0;
  #isOver = false;

  constructor(
    sizeBytes: number,
    resolve: (bytes: Buffer) => void,
    reject: (error: S3Error) => void,
  ) {
    this.#buffer = Buffer.allocUnsafe(sizeBytes);
    this.#resolve = resolve;
    this.#reject = reject;
  }

  bytes(bytes: Uint8Array): void {
    if (this.#isOver) return;
    if (bytes.length > this.#buffer.length - this.#filledBytes) {
      this.failed(new S3Error('IncompleteBody'));
      return;
    }
    this.#buffer.set(bytes, this.#filledBytes);
    this.#filledBytes += bytes.length;
  }

  end(): void {
    if (this.#isOver) return;
    if (this.#filledBytes !== this.#buffer.length) {
      this.failed(new S3Error('IncompleteBody'));
      return;
    }
    this.#isOver = true;
    this.#resolve(this.#buffer);
  }

  failed(error: S3Error): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#reject(error);
  }
}
