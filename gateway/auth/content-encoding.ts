/**
 * The Content-Encoding that is stored with an object: what was sent, without `aws-chunked`.
 *
 * Owns:          that removal.
 * Knows:         that `aws-chunked` describes the transfer, never the object.
 * Must not know: who stores it.
 *
 * Clients put `aws-chunked` first, last or alone, in one header or two, and some leave it out.
 */
import { S3Error } from '../s3/s3-error.ts';
import type { PayloadMode } from './payload-mode.ts';

const AWS_CHUNKED = 'aws-chunked';

/**
 * The value without `aws-chunked`, the rest as sent; undefined when nothing is left.
 *
 * @throws S3Error InvalidRequest when the body is not aws-chunked although the header says so:
 *   stored like that, no reader could decode the object.
 */
export function storedContentEncoding(
  contentEncoding: string | undefined,
  payload: PayloadMode,
): string | undefined {
  if (contentEncoding === undefined || contentEncoding === '') return undefined;
  const remaining = withoutAwsChunked(contentEncoding);
  if (remaining === contentEncoding) return contentEncoding;
  if (payload.kind === 'hashed' || payload.kind === 'unsigned') {
    throw new S3Error('InvalidRequest', {
      message: 'Content-Encoding aws-chunked needs a STREAMING value of x-amz-content-sha256.',
    });
  }
  return remaining === '' ? undefined : remaining;
}

function withoutAwsChunked(contentEncoding: string): string {
  const codings = contentEncoding.split(',');
  const kept = codings.filter(coding => coding.trim().toLowerCase() !== AWS_CHUNKED);
  return kept.length === codings.length ? contentEncoding : kept.join(',').trim();
}
