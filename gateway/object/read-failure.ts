/**
 * A failed read, told without S3's documents.
 *
 * Owns:          what doors that are not S3 may say of an S3 error.
 * Knows:         S3 errors.
 * Must not know: how it is rendered.
 */
import type { ReplyHeaders } from '../http/exchange.ts';
import { refusalOf } from '../s3/s3-error-reply.ts';

export type ReadFailure = {
  readonly status: number;
  /** As S3 names it. */
  readonly code: string;
  readonly message: string;
  /** That belong to the answer, `Content-Range` of a 416 for one. */
  readonly headers: ReplyHeaders;
  /** For the log only. */
  readonly cause: unknown;
};

/** undefined when it is not a refusal but a fault of ours. */
export function readFailure(thrown: unknown): ReadFailure | undefined {
  const refusal = refusalOf(thrown);
  if (refusal === undefined) return undefined;
  const { status, code, message, headers, cause } = refusal;
  return { status, code, message, headers, cause };
}
