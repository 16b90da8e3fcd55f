/**
 * Conditional requests: the user guide's "Conditional requests", RFC 9110 section 13.
 *
 * Owns:          conditions of reads and of writes; those of a copy's source are in copy-object.ts.
 * Knows:         the API reference of GetObject, PutObject, CompleteMultipartUpload, DeleteObject.
 * Must not know: who decides them.
 */
import { completion } from '../fixtures.ts';
import { each, table, type Cases } from '../s3-case.ts';

const ETAG = '"781e5e245d69b566979b86e28d23f2c7"';
const BARE = ETAG.slice(1, -1);
const OTHER = '"00000000000000000000000000000000"';

type Read = readonly [headers: Readonly<Record<string, string>>, answer: string];

const READS: readonly Read[] = [
  [{ 'if-match': ETAG }, '200'],
  [{ 'if-match': BARE }, '200'],
  [{ 'if-match': '*' }, '200'],
  [{ 'if-match': `${OTHER}, ${ETAG}` }, '200'],
  [{ 'if-match': OTHER }, '412 PreconditionFailed'],
  [{ 'if-match': `W/${ETAG}` }, '412 PreconditionFailed'],
  [{ 'if-none-match': OTHER }, '200'],
  [{ 'if-none-match': ETAG }, '304'],
  [{ 'if-none-match': BARE }, '304'],
  [{ 'if-none-match': '*' }, '304'],
  [{ 'if-none-match': `W/${ETAG}` }, '304'],
  [{ 'if-none-match': `${OTHER}, ${ETAG}` }, '304'],
  [{ 'if-modified-since': '{past}' }, '200'],
  [{ 'if-modified-since': '{future}' }, '304'],
  [{ 'if-unmodified-since': '{future}' }, '200'],
  [{ 'if-unmodified-since': '{past}' }, '412 PreconditionFailed'],
  [{ 'if-modified-since': 'yesterday' }, '200'],
  [{ 'if-unmodified-since': 'yesterday' }, '200'],
  // Two of them: what AWS documents in GetObject, "Additional considerations".
  [{ 'if-match': ETAG, 'if-unmodified-since': '{past}' }, '200'],
  [{ 'if-match': OTHER, 'if-unmodified-since': '{future}' }, '412 PreconditionFailed'],
  [{ 'if-none-match': ETAG, 'if-modified-since': '{past}' }, '304'],
  [{ 'if-none-match': OTHER, 'if-modified-since': '{future}' }, '200'],
  [{ 'if-match': ETAG, 'if-none-match': ETAG }, '304'],
  [{ 'if-match': OTHER, 'if-none-match': ETAG }, '412 PreconditionFailed'],
  [{ 'if-match': ETAG, 'if-modified-since': '{future}' }, '304'],
  [{ 'if-unmodified-since': '{past}', 'if-modified-since': '{future}' }, '412 PreconditionFailed'],
];

function told([headers]: Read): string {
  const texts = Object.entries(headers).map(([name, value]) => {
    const short = value.replaceAll(BARE, 'its-etag').replaceAll(OTHER, '"another"');
    return `${name}: ${short.replace(/[{}]/g, '')}`;
  });
  return texts.join(', ');
}

const reads: Cases = {
  ...each(READS, read => [
    `GET with ${told(read)} answers ${read[1]}`,
    { ask: 'GET /{object}', headers: read[0], answer: read[1] },
  ]),
  ...each(READS, read => [
    `HEAD with ${told(read)} answers ${read[1].slice(0, 3)}`,
    { ask: 'HEAD /{object}', headers: read[0], answer: read[1].slice(0, 3) },
  ]),
  'a 304 tells the validators, and has no body': {
    ...{ ask: 'GET /{object}', headers: { 'if-none-match': ETAG }, answer: '304', text: '' },
    has: { etag: ETAG, 'last-modified': /GMT$/, 'cache-control': 'max-age=60' },
  },
  'a 412 names the condition': {
    ...{ ask: 'GET /{object}', headers: { 'if-match': OTHER }, answer: '412 PreconditionFailed' },
    xml: { Condition: 'If-Match' },
  },
  'a condition on a missing key is moot': {
    ...{ ask: 'GET /{common}/missing', headers: { 'if-none-match': '*' } },
    answer: '404 NoSuchKey',
  },
  'the second of Last-Modified itself counts as not modified since': {
    given: ['HEAD /{object}'],
    ...{ ask: 'GET /{object}', headers: { 'if-modified-since': '{1.last-modified}' } },
    answer: '304',
  },
  'the second of Last-Modified itself counts as unmodified since': {
    given: ['HEAD /{object}'],
    ...{ ask: 'GET /{object}', headers: { 'if-unmodified-since': '{1.last-modified}' } },
    answer: '200',
  },
  'If-Range that holds: the range counts': {
    ...{ ask: 'GET /{object}', headers: { range: 'bytes=0-1', 'if-range': ETAG }, answer: '206' },
  },
  'If-Range that does not hold: all of it': {
    ...{ ask: 'GET /{object}', headers: { range: 'bytes=0-1', 'if-range': OTHER }, answer: '200' },
  },
  'a condition is decided before a range': {
    ask: 'GET /{object}',
    ...{ headers: { range: 'bytes=90-', 'if-none-match': ETAG }, answer: '304' },
  },
};

const limited = { cluster: 'conditional writes' } as const;

const writes: Cases = {
  'If-None-Match: * on a key that is free': {
    ...{ ask: 'PUT /{key}', body: 'a', headers: { 'if-none-match': '*' }, answer: '200' },
    ...{ then: ['GET /{key} > a'], ...limited },
  },
  'If-None-Match: * on a key that is taken': {
    given: ['PUT /{key} < a'],
    ...{ ask: 'PUT /{key}', body: 'b', headers: { 'if-none-match': '*' } },
    ...{ answer: '412 PreconditionFailed', then: ['GET /{key} > a'], ...limited },
  },
  'If-None-Match: * on a key that was deleted': {
    given: ['PUT /{key} < a', 'DELETE /{key}'],
    ...{ ask: 'PUT /{key}', body: 'b', headers: { 'if-none-match': '*' }, answer: '200' },
    ...limited,
  },
  'If-None-Match with an ETag is not defined for writes': {
    ...{ ask: 'PUT /{key}', body: 'b', headers: { 'if-none-match': ETAG } },
    answer: '501 NotImplemented',
  },
  'If-Match that holds': {
    given: ['PUT /{key} < a'],
    ...{ ask: 'PUT /{key}', body: 'b', headers: { 'if-match': '{1.etag}' }, answer: '200' },
    ...{ then: ['GET /{key} > b'], ...limited },
  },
  'If-Match that does not hold': {
    given: ['PUT /{key} < a'],
    ...{ ask: 'PUT /{key}', body: 'b', headers: { 'if-match': OTHER } },
    ...{ answer: '412 PreconditionFailed', then: ['GET /{key} > a'], ...limited },
  },
  'If-Match on a key that is free': {
    ...{ ask: 'PUT /{key}', body: 'b', headers: { 'if-match': ETAG }, answer: '404 NoSuchKey' },
    ...limited,
  },
  'CompleteMultipartUpload with If-None-Match: * on a key that is taken': {
    given: [
      'POST /{key}?uploads',
      'PUT /{key}?partNumber=1&uploadId={1.UploadId} < x',
      'PUT /{key} < a',
    ],
    ask: 'POST /{key}?uploadId={1.UploadId}',
    headers: { 'if-none-match': '*' },
    body: completion([1, '{2.etag}']),
    ...{ answer: '412 PreconditionFailed', then: ['GET /{key} > a'], ...limited },
  },
  'CompleteMultipartUpload with If-Match that holds': {
    given: [
      'POST /{key}?uploads',
      'PUT /{key}?partNumber=1&uploadId={1.UploadId} < x',
      'PUT /{key} < a',
    ],
    ask: 'POST /{key}?uploadId={1.UploadId}',
    headers: { 'if-match': '{3.etag}' },
    body: completion([1, '{2.etag}']),
    ...{ answer: '200', then: ['GET /{key} > x'], ...limited },
  },
  'DeleteObject with If-Match that holds': {
    given: ['PUT /{key} < a'],
    ...{ ask: 'DELETE /{key}', headers: { 'if-match': '{1.etag}' }, answer: '204' },
    ...{ then: ['GET /{key} = 404 NoSuchKey'], ...limited },
  },
  'DeleteObject with If-Match that does not hold': {
    given: ['PUT /{key} < a'],
    ...{ ask: 'DELETE /{key}', headers: { 'if-match': OTHER }, answer: '412 PreconditionFailed' },
    ...{ then: ['GET /{key} > a'], ...limited },
  },
  'DeleteObject with If-Match: * on what is there': {
    given: ['PUT /{key} < a'],
    ...{ ask: 'DELETE /{key}', headers: { 'if-match': '*' }, answer: '204', ...limited },
  },
  'DeleteObject with the size and the time of what is there': {
    given: ['PUT /{key} < a', 'HEAD /{key}'],
    ask: 'DELETE /{key}',
    headers: {
      'x-amz-if-match-size': '1',
      'x-amz-if-match-last-modified-time': '{2.last-modified}',
    },
    ...{ answer: '204', then: ['GET /{key} = 404 NoSuchKey'], ...limited },
  },
  'DeleteObject with another size': {
    given: ['PUT /{key} < a'],
    ...{ ask: 'DELETE /{key}', headers: { 'x-amz-if-match-size': '2' } },
    ...{ answer: '412 PreconditionFailed', then: ['GET /{key} > a'], ...limited },
  },
  'DeleteObject with another time': {
    given: ['PUT /{key} < a'],
    ...{ ask: 'DELETE /{key}', headers: { 'x-amz-if-match-last-modified-time': '{past}' } },
    ...{ answer: '412 PreconditionFailed', then: ['GET /{key} > a'], ...limited },
  },
  'DeleteObject with a size, of what is not there': {
    ...{ ask: 'DELETE /{key}', headers: { 'x-amz-if-match-size': '2' }, answer: '204', ...limited },
  },
  'DeleteObject with a size that is none': {
    ...{ ask: 'DELETE /{key}', headers: { 'x-amz-if-match-size': 'two' } },
    answer: '400 InvalidArgument',
  },
  'DeleteObject with a time that is none': {
    ...{ ask: 'DELETE /{key}', headers: { 'x-amz-if-match-last-modified-time': 'then' } },
    answer: '400 InvalidArgument',
  },
  'DeleteObject with If-Match on what is not there': {
    ...{ ask: 'DELETE /{key}', headers: { 'if-match': ETAG }, answer: '404 NoSuchKey' },
    ...limited,
  },
  'CopyObject with If-None-Match: * on a key that is taken': {
    given: ['PUT /{key} < a'],
    ask: 'PUT /{key}',
    headers: { 'x-amz-copy-source': '/{object}', 'if-none-match': '*' },
    ...{ answer: '412 PreconditionFailed', then: ['GET /{key} > a'], ...limited },
  },
  'CopyObject with If-Match that holds': {
    given: ['PUT /{key} < a'],
    ask: 'PUT /{key}',
    headers: { 'x-amz-copy-source': '/{object}', 'if-match': '{1.etag}' },
    ...{ answer: '200', then: ['GET /{key} > 0123456789'], ...limited },
  },
  'CopyObject with If-Match on a key that is free': {
    ask: 'PUT /{key}',
    headers: { 'x-amz-copy-source': '/{object}', 'if-match': ETAG },
    ...{ answer: '404 NoSuchKey', ...limited },
  },
  'AbortMultipartUpload of an upload that began at another time': {
    given: ['POST /{key}?uploads'],
    ask: 'DELETE /{key}?uploadId={1.UploadId}',
    headers: { 'x-amz-if-match-initiated-time': '{past}' },
    answer: '412 PreconditionFailed',
    then: ['GET /{key}?uploadId={1.UploadId}'],
  },
  'the SDK creates an object once': {
    given: ['PUT /{bucket}/a < a'],
    call: 'PutObject',
    input: { Bucket: '{bucket}', Key: 'a', Body: 'b', IfNoneMatch: '*' },
    ...{ answer: '412 PreconditionFailed', ...limited },
  },
};

export const conditionalReads = table(
  'conditional reads',
  'all four conditions, their precedence, If-Range',
  reads,
);
export const conditionalWrites = table(
  'conditional writes',
  '`If-Match`, `If-None-Match` on PutObject, CopyObject, CompleteMultipartUpload; ETag, time and size on DeleteObject and DeleteObjects; the beginning of an upload on AbortMultipartUpload',
  writes,
);
