/**
 * Bytes that are stored already, as a payload: for copies whose bytes must be looked at.
 *
 * Owns:          pulling pieces and pushing them on, at the writer's pace.
 * Knows:         reply bodies as the reader makes them.
 * Must not know: which object they come from.
 */
import type { ChecksumAlgorithm, StoredChecksum } from '../../schemas/records/checksum.ts';
import type { ReplyBody, ReplySource } from '../http/exchange.ts';
import { S3Error } from '../s3/s3-error.ts';
import type { BodyDigests, DigestPlan, Payload, PayloadSink } from './payload.ts';

export class SourcePayload implements Payload {
  readonly sizeBytes: number;
  readonly plan: DigestPlan;
  readonly comparesMd5 = false;
  readonly #source: ReplySource;
  #isPaused = false;
  #isCancelled = false;
  #wake: () => void = () => undefined;

  /** `checksum`: to be computed and stored. */
  constructor(body: ReplyBody, checksum: ChecksumAlgorithm | undefined) {
    this.#source = body.kind === 'stream' ? body.source : new OnePiece(body);
    this.sizeBytes = body.kind === 'bytes' ? Buffer.byteLength(body.bytes) : body.sizeBytes;
    this.plan = checksum === undefined ? { sha256: false } : { sha256: false, checksum };
  }

  start(sink: PayloadSink): void {
    void this.#pump(sink);
  }

  pause(): void {
    this.#isPaused = true;
  }

  resume(): void {
    this.#isPaused = false;
    this.#wake();
  }

  cancel(): void {
    if (this.#isCancelled) return;
    this.#isCancelled = true;
    this.#source.cancel();
    this.#wake();
  }

  verify({ checksum: value }: BodyDigests): StoredChecksum | undefined {
    const algorithm = this.plan.checksum;
    if (algorithm === undefined || value === undefined) return undefined;
    return { algorithm, type: 'FULL_OBJECT', value };
  }

  async #pump(sink: PayloadSink): Promise<void> {
    try {
      for (;;) {
        if (this.#isPaused) await this.#untilResumed();
        if (this.#isCancelled) return;
        const piece = await this.#source.next();
        if (this.#isCancelled) return;
        if (piece === undefined) break;
        sink.bytes(piece);
      }
      sink.end();
    } catch (cause) {
      sink.failed(cause instanceof S3Error ? cause : new S3Error('ServiceUnavailable', { cause }));
    }
  }

  #untilResumed(): Promise<void> {
    return new Promise(resolve => {
      this.#wake = resolve;
    });
  }
}

class OnePiece implements ReplySource {
  #piece: Uint8Array | undefined;

  constructor(body: Exclude<ReplyBody, { kind: 'stream' }>) {
    this.#piece = body.kind === 'bytes' ? Buffer.from(body.bytes) : undefined;
  }

  next(): Promise<Uint8Array | undefined> {
    const piece = this.#piece;
    this.#piece = undefined;
    return Promise.resolve(piece);
  }

  cancel(): void {
    this.#piece = undefined;
  }
}
