/**
 * `Range: bytes=…` and `x-amz-copy-source-range`.
 *
 * Owns:          their grammar and what they select.
 * Knows:         RFC 9110 section 14, and what S3 does where it leaves a choice.
 * Must not know: objects beyond their size.
 *
 * A Range that is not understood, or that has several parts, is ignored: the whole object is the
 * answer. One that is understood and lies beyond the object is refused. The range of a copy is
 * never ignored: a copy of something else would be stored.
 */
import { S3Error } from './s3-error.ts';

const COPY_RANGE_HEADER = 'x-amz-copy-source-range';

/** `sizeBytes` bytes from byte `first` on. */
export type ByteRange = { readonly first: number; readonly sizeBytes: number };

const RANGE = /^bytes=(\d*)-(\d*)$/i;
const COPY_RANGE = /^bytes=(\d+)-(\d+)$/;

/**
 * The bytes a Range header selects; undefined when it is to be ignored.
 *
 * @throws S3Error InvalidRange when it selects nothing of an object of `sizeBytes`.
 */
export function parseRange(text: string, sizeBytes: number): ByteRange | undefined {
  const match = RANGE.exec(text);
  if (match === null) return undefined;
  const [, from = '', to = ''] = match;
  if (from === '' && to === '') return undefined;
  if (from === '') return suffix(text, Number(to), sizeBytes);
  const first = Number(from);
  const last = to === '' ? Infinity : Number(to);
  if (last < first) return undefined;
  if (first >= sizeBytes) throw unsatisfiable(text, sizeBytes);
  return { first, sizeBytes: Math.min(last + 1, sizeBytes) - first };
}

/**
 * The bytes that `x-amz-copy-source-range` selects.
 *
 * @throws S3Error InvalidArgument when it is malformed or goes beyond the source.
 */
export function parseCopyRange(text: string, sizeBytes: number): ByteRange {
  const match = COPY_RANGE.exec(text);
  const first = Number(match?.[1]);
  const last = Number(match?.[2]);
  if (match === null || last < first) {
    throw badCopyRange(text, 'It must be bytes=first-last, both inclusive.');
  }
  if (last >= sizeBytes) {
    throw badCopyRange(text, `The source has ${String(sizeBytes)} bytes.`);
  }
  return { first, sizeBytes: last + 1 - first };
}

function badCopyRange(text: string, reason: string): S3Error {
  return new S3Error('InvalidArgument', {
    message: `The range of the source is not valid. ${reason}`,
    fields: { ArgumentName: COPY_RANGE_HEADER, ArgumentValue: text },
  });
}

/** The value of Content-Range for a part of an object of `objectBytes`. */
export function contentRange({ first, sizeBytes }: ByteRange, objectBytes: number): string {
  return `bytes ${String(first)}-${String(first + sizeBytes - 1)}/${String(objectBytes)}`;
}

/** The last bytes of an empty object are all that it has, as with S3. */
function suffix(text: string, count: number, sizeBytes: number): ByteRange | undefined {
  if (count === 0) throw unsatisfiable(text, sizeBytes);
  if (sizeBytes === 0) return undefined;
  const length = Math.min(count, sizeBytes);
  return { first: sizeBytes - length, sizeBytes: length };
}

function unsatisfiable(text: string, sizeBytes: number): S3Error {
  return new S3Error('InvalidRange', {
    fields: { RangeRequested: text, ActualObjectSize: String(sizeBytes) },
    headers: [['Content-Range', `bytes */${String(sizeBytes)}`]],
  });
}
