/**
 * Bytes to be stored, and how one knows that they are the right ones.
 *
 * Owns:          the interface between those who have bytes and the writer.
 * Knows:         digests by name.
 * Must not know: HTTP, signatures, where the bytes go.
 *
 * A payload that ended is not yet right: only `verify` says so, and nothing may be visible before.
 */
import type { ChecksumAlgorithm, StoredChecksum } from '../../schemas/records/checksum.ts';
import type { S3Error } from '../s3/s3-error.ts';

export { readSmallBody } from './small-body.ts';

/** What must be computed of the whole body. MD5 is too where it is the ETag. */
export type DigestPlan = {
  /** For the signature of the body. */
  readonly sha256: boolean;
  /** To be compared, or only told. */
  readonly checksum?: ChecksumAlgorithm;
};

export type BodyDigests = {
  /** Empty where it is neither the ETag nor compared. */
  readonly md5Hex: string;
  /** Present when the plan asked for it. */
  readonly sha256Hex?: string | undefined;
  /** Base64 of the planned checksum. */
  readonly checksum?: string | undefined;
};

/** Receives a payload. Exactly one of `end` and `failed` is called, last. */
export interface PayloadSink {
  /** `bytes` is borrowed for the time of the call. */
  bytes(bytes: Uint8Array): void;
  end(): void;
  failed(error: S3Error): void;
}

export interface Payload {
  /** Exact when known. */
  readonly sizeBytes: number | undefined;
  readonly plan: DigestPlan;
  /** Whether `verify` looks at the MD5. */
  readonly comparesMd5: boolean;
  /** Starts delivery; called at most once; may deliver everything before it returns. */
  start(sink: PayloadSink): void;
  /** Stops delivery within a bounded number of bytes. */
  pause(): void;
  resume(): void;
  /** Nobody wants the rest. Idempotent. */
  cancel(): void;
  /**
   * Compares what was computed with what was promised; after `end`. Returns the checksum to store.
   * @throws S3Error with S3's code for the digest that differs.
   */
  verify(digests: BodyDigests): StoredChecksum | undefined;
}
