/**
 * What cases may take for granted, by name: buckets, objects, uploads.
 *
 * Owns:          their list, and the requests that make each.
 * Knows:         S3.
 * Must not know: who uses them; how they are sent.
 *
 * `{it}` is the name of what is being made. A fixture of a case is that case's own and may be
 * changed; a shared one is made once for all, and must be left as it is.
 */
import { seededBytes } from '../support/seeded-bytes.ts';
import type { Step } from './s3-case.ts';

export type Fixture = {
  readonly scope: 'case' | 'shared';
  /** `{it}` is a bucket's name, or `bucket/key`. */
  readonly kind: 'bucket' | 'key';
  readonly steps: readonly Step[];
  /** What the placeholder becomes; `{it}` when not given. */
  readonly value?: string;
};

export const MIB = 1024 * 1024;
/** Of the object in blocks. */
export const LARGE = seededBytes(11, 3 * MIB + 17);
/** Of the object in two parts. */
export const FIRST_PART = seededBytes(12, 5 * MIB);
export const LAST_PART = 'the last part';

export const ENABLED =
  '<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>';
export const SUSPENDED =
  '<VersioningConfiguration><Status>Suspended</Status></VersioningConfiguration>';

/** The body of CompleteMultipartUpload. */
export function completion(...parts: readonly (readonly [number: number, etag: string])[]): string {
  const list = parts.map(
    ([number, etag]) => `<Part><PartNumber>${number}</PartNumber><ETag>${etag}</ETag></Part>`,
  );
  return `<CompleteMultipartUpload>${list.join('')}</CompleteMultipartUpload>`;
}

const LISTED_KEYS = ['a', 'a/1', 'a/2', 'b', 'b/x/1', 'b/x/2', 'b/y', 'c d', 'c+d', 'ü', 'z'];

function own(kind: Fixture['kind'], steps: readonly Step[], value?: string): Fixture {
  return { scope: 'case', kind, steps, ...(value === undefined ? {} : { value }) };
}

function shared(kind: Fixture['kind'], steps: readonly Step[]): Fixture {
  return { scope: 'shared', kind, steps };
}

export const fixtures: Readonly<Record<string, Fixture>> = {
  /** Buckets without anything. */
  bucket: own('bucket', ['PUT /{it}']),
  bucket2: own('bucket', ['PUT /{it}']),
  /** A name for a bucket that is not there. */
  free: own('bucket', []),
  versioned: own('bucket', ['PUT /{it}', `PUT /{it}?versioning < ${ENABLED}`]),
  /** A bucket whose versions can be locked. */
  locked: own('bucket', [
    { ask: 'PUT /{it}', headers: { 'x-amz-bucket-object-lock-enabled': 'true' }, answer: '200' },
  ]),
  /** A bucket whose ACLs count, and that anybody may be let into. */
  acls: own('bucket', [
    { ask: 'PUT /{it}', headers: { 'x-amz-object-ownership': 'ObjectWriter' }, answer: '200' },
    'DELETE /{it}?publicAccessBlock',
  ]),

  /** A place for an object that is not there yet. */
  key: own('key', []),
  /** An upload in parts that has just begun: `{upload}` is path and query, and
   *  `{upload.path}` the object that it becomes. */
  upload: own('key', ['POST /{it}?uploads'], '{it}?uploadId={1.UploadId}'),

  /** Everything below is shared. */
  common: shared('bucket', ['PUT /{it}']),
  /** Ten bytes with all headers that are kept. */
  object: shared('key', [
    {
      ask: 'PUT /{it}',
      headers: {
        'content-type': 'text/x-conformance',
        'cache-control': 'max-age=60',
        'content-disposition': 'attachment; filename="ten.txt"',
        'content-encoding': 'identity',
        'content-language': 'en, de',
        expires: 'Thu, 01 Dec 2033 16:00:00 GMT',
        'x-amz-meta-colour': 'blue',
      },
      body: '0123456789',
      answer: '200',
    },
  ]),
  empty: shared('key', ['PUT /{it} < ']),
  large: shared('key', [{ ask: 'PUT /{it}', body: LARGE, answer: '200' }]),
  /** Uploaded in two parts: 5 MiB, and a few bytes. */
  parts: shared('key', [
    'POST /{it}?uploads',
    { ask: 'PUT /{it}?partNumber=1&uploadId={1.UploadId}', body: FIRST_PART, answer: '200' },
    `PUT /{it}?partNumber=2&uploadId={1.UploadId} < ${LAST_PART}`,
    `POST /{it}?uploadId={1.UploadId} < ${completion([1, '{2.etag}'], [2, '{3.etag}'])}`,
  ]),
  /** A bucket with eleven keys. */
  listed: shared('bucket', [
    'PUT /{it}',
    ...LISTED_KEYS.map(key => `PUT /{it}/${encodeURIComponent(key).replaceAll('%2F', '/')} < x`),
  ]),
};
