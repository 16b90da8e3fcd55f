/**
 * A payload whose chunks a test cuts.
 *
 * Owns:          the delivery: at once, or a chunk per turn of the event loop, paused or not.
 * Knows:         the payload interface.
 * Must not know: what is tested.
 */
import type {
  BodyDigests,
  DigestPlan,
  Payload,
  PayloadSink,
} from '../../gateway/object/payload.ts';
import { S3Error } from '../../gateway/s3/s3-error.ts';
import type { StoredChecksum } from '../../schemas/records/checksum.ts';

export type BytePayloadOptions = {
  readonly bytes: Uint8Array;
  readonly chunkBytes?: readonly number[];
  readonly knowsSize?: boolean;
  readonly plan?: DigestPlan;
  /** The client goes away after so many bytes. */
  readonly breaksAfter?: number;
  readonly verdict?: (digests: BodyDigests) => void;
  readonly comparesMd5?: boolean;
};

export class BytePayload implements Payload {
  readonly sizeBytes: number | undefined;
  readonly plan: DigestPlan;
  readonly comparesMd5: boolean;
  readonly #options: BytePayloadOptions;
  pauses = 0;
  isCancelled = false;
  #isPaused = false;
  #wake: () => void = () => undefined;

  constructor(options: BytePayloadOptions) {
    this.#options = options;
    this.sizeBytes = options.knowsSize === false ? undefined : options.bytes.length;
    this.plan = options.plan ?? { sha256: true };
    this.comparesMd5 = options.comparesMd5 ?? false;
  }

  start(sink: PayloadSink): void {
    void this.#deliver(sink);
  }

  pause(): void {
    this.pauses += 1;
    this.#isPaused = true;
  }

  resume(): void {
    this.#isPaused = false;
    this.#wake();
  }

  cancel(): void {
    this.isCancelled = true;
  }

  verify(digests: BodyDigests): StoredChecksum | undefined {
    this.#options.verdict?.(digests);
    const { checksum: algorithm } = this.plan;
    if (algorithm === undefined) return undefined;
    return { algorithm, type: 'FULL_OBJECT', value: digests.checksum ?? 'none' };
  }

  async #deliver(sink: PayloadSink): Promise<void> {
    const { bytes, chunkBytes = [512 * 1024], breaksAfter = Infinity } = this.#options;
    // One buffer for all chunks, as a server has: a sink that keeps a chunk is found out.
    const borrowed = new Uint8Array(Math.max(1, ...chunkBytes));
    let at = 0;
    for (let index = 0; at < bytes.length; index += 1) {
      const size = Math.max(1, chunkBytes[index % chunkBytes.length] ?? 1);
      const chunk = bytes.subarray(at, Math.min(at + size, bytes.length, breaksAfter));
      borrowed.set(chunk);
      sink.bytes(borrowed.subarray(0, chunk.length));
      borrowed.fill(0xee);
      at += chunk.length;
      if (at >= breaksAfter) {
        sink.failed(new S3Error('IncompleteBody'));
        return;
      }
      await new Promise(resolve => setImmediate(resolve));
      if (this.#isPaused) await new Promise<void>(resolve => (this.#wake = resolve));
    }
    sink.end();
  }
}
