/**
 * Uploads in parts: API_CreateMultipartUpload and its kin, "Multipart upload limits".
 *
 * Owns:          their cases, except checksums (checksums.ts) and conditions (conditions.ts).
 * Knows:         the API reference.
 * Must not know: how parts are stored.
 */
import { seededBytes } from '../../support/seeded-bytes.ts';
import { completion, FIRST_PART, LAST_PART, LARGE, MIB } from '../fixtures.ts';
import { each, table, type Cases, type Step } from '../s3-case.ts';

const FIVE = seededBytes(31, 5 * MIB);
const ETAG = '"781e5e245d69b566979b86e28d23f2c7"';
const OTHER = '"00000000000000000000000000000000"';

function bigPart(number: number): Step {
  return { ask: `PUT /{upload}&partNumber=${number}`, body: FIVE, answer: '200' };
}

const begun: Cases = {
  'an upload is begun': {
    ...{ ask: 'POST /{bucket}/a?uploads', answer: '200' },
    xml: {
      ...{ root: 'InitiateMultipartUploadResult', Bucket: '{bucket}', Key: 'a', UploadId: /./ },
    },
    then: ['GET /{bucket}/a = 404 NoSuchKey'],
  },
  'in a bucket that is not there': {
    ...{ ask: 'POST /{free}/a?uploads', answer: '404 NoSuchBucket' },
  },
  'a key of another tenant may not begin one': {
    ...{ ask: 'POST /{key}?uploads', as: 'stranger', answer: '403 AccessDenied' },
  },
  'with more metadata than fits': {
    ...{ ask: 'POST /{key}?uploads', headers: { 'x-amz-meta-a': 'v'.repeat(2048) } },
    answer: '400 MetadataTooLarge',
  },
  'with a storage class that is not offered': {
    ...{ ask: 'POST /{key}?uploads', headers: { 'x-amz-storage-class': 'GLACIER' } },
    answer: '400 InvalidStorageClass',
  },
  'for a key that is too long': {
    ...{ ask: `POST /{common}/${'k'.repeat(1025)}?uploads`, answer: '400 KeyTooLongError' },
  },
  'the SDK begins one': {
    ...{ call: 'CreateMultipartUpload', input: { Bucket: '{bucket}', Key: 'a' }, answer: '200' },
    gives: { Bucket: '{bucket}', Key: 'a', UploadId: /./ },
  },
};

const parts: Cases = {
  'a part is stored, and its ETag is the MD5 of its bytes': {
    ...{ ask: 'PUT /{upload}&partNumber=1', body: '0123456789', answer: '200' },
    ...{ text: '', has: { etag: ETAG } },
  },
  'a part may be empty': { ask: 'PUT /{upload}&partNumber=1', body: '', answer: '200' },
  'part 10000 is the last': {
    ...{ ask: 'PUT /{upload}&partNumber=10000', body: 'x', answer: '200' },
  },
  ...each(['0', '-1', '10001', 'abc', '', '1.5'], number => [
    `part '${number}' cannot be`,
    { ask: `PUT /{upload}&partNumber=${number}`, body: 'x', answer: '400 InvalidArgument' },
  ]),
  'a part without a number': {
    ...{ ask: 'PUT /{upload}', body: 'x', answer: '400 InvalidArgument' },
  },
  'a part of no upload': {
    ...{ ask: 'PUT /{key}?partNumber=1&uploadId=nonsense', body: 'x', answer: '404 NoSuchUpload' },
  },
  'a part of an upload of another key': {
    given: ['POST /{bucket}/a?uploads'],
    ask: 'PUT /{bucket}/b?partNumber=1&uploadId={1.UploadId}',
    ...{ body: 'x', answer: '404 NoSuchUpload' },
  },
  'a part with Content-MD5 of other bytes': {
    ask: 'PUT /{upload}&partNumber=1',
    ...{ body: 'x', headers: { 'content-md5': 'XUFAKrxLKna5cZ2REBfFkg==' } },
    answer: '400 BadDigest',
    then: [{ ask: 'GET /{upload}', answer: '200', xml: { Part: null } }],
  },
  'a part of more than 5 GiB': {
    ask: 'PUT /{upload}&partNumber=1',
    ...{ body: 'x', wire: { contentLength: String(5 * 1024 ** 3 + 1) } },
    answer: '400 EntityTooLarge',
  },
  'a key of another tenant may not add one': {
    ...{ ask: 'PUT /{upload}&partNumber=1', body: 'x', as: 'stranger', answer: '403 AccessDenied' },
  },
};

const copies: Cases = {
  'a part is copied from an object': {
    ask: 'PUT /{upload}&partNumber=1',
    ...{ headers: { 'x-amz-copy-source': '/{object}' }, answer: '200' },
    xml: { root: 'CopyPartResult', ETag: ETAG, LastModified: /Z$/ },
  },
  'a range is copied': {
    given: [
      {
        ask: 'PUT /{upload}&partNumber=1',
        headers: { 'x-amz-copy-source': '/{object}', 'x-amz-copy-source-range': 'bytes=2-5' },
        answer: '200',
      },
    ],
    ...{ ask: 'POST /{upload}', body: completion([1, '{1.ETag}']), answer: '200' },
    then: ['GET /{upload.path} > 2345'],
  },
  'a range of an object in blocks is copied': {
    given: [
      {
        ask: 'PUT /{upload}&partNumber=1',
        headers: {
          'x-amz-copy-source': '/{large}',
          'x-amz-copy-source-range': 'bytes=1000000-2000000',
        },
        answer: '200',
      },
    ],
    ...{ ask: 'POST /{upload}', body: completion([1, '{1.ETag}']), answer: '200' },
    then: [{ ask: 'GET /{upload.path}', answer: '200', text: LARGE.subarray(1000000, 2000001) }],
  },
  ...each(
    ['bytes=0-10', 'bytes=10-11', 'bytes=5-3', 'bytes=-3', 'bytes=2-', '2-3', 'bytes=0-1,3-4'],
    range => [
      `the range ${range} of ten bytes is none to copy`,
      {
        ask: 'PUT /{upload}&partNumber=1',
        headers: { 'x-amz-copy-source': '/{object}', 'x-amz-copy-source-range': range },
        answer: '400 InvalidArgument',
      },
    ],
  ),
  'a source that is not there': {
    ask: 'PUT /{upload}&partNumber=1',
    ...{ headers: { 'x-amz-copy-source': '/{common}/missing' }, answer: '404 NoSuchKey' },
  },
  'a condition on the source that does not hold': {
    ask: 'PUT /{upload}&partNumber=1',
    headers: { 'x-amz-copy-source': '/{object}', 'x-amz-copy-source-if-match': OTHER },
    answer: '412 PreconditionFailed',
  },
  'a source that the caller may not read': {
    given: [
      { ask: 'PUT /{free}', as: 'stranger', answer: '200' },
      { ask: 'POST /{free}/a?uploads', as: 'stranger', answer: '200' },
    ],
    ask: 'PUT /{free}/a?partNumber=1&uploadId={2.UploadId}',
    ...{
      as: 'stranger',
      headers: { 'x-amz-copy-source': '/{object}' },
      answer: '403 AccessDenied',
    },
  },
};

const completed: Cases = {
  'parts become an object, in their order': {
    given: [bigPart(1), 'PUT /{upload}&partNumber=2 < end'],
    ask: 'POST /{upload}',
    body: completion([1, '{1.etag}'], [2, '{2.etag}']),
    answer: '200',
    xml: { root: 'CompleteMultipartUploadResult', ETag: /^"[0-9a-f]{32}-2"$/, Location: /^http/ },
    then: [
      { ask: 'GET /{upload.path}', answer: '200', text: Buffer.concat([FIVE, Buffer.from('end')]) },
    ],
  },
  'numbers may leave gaps': {
    given: [bigPart(3), 'PUT /{upload}&partNumber=9000 < end'],
    ...{ ask: 'POST /{upload}', body: completion([3, '{1.etag}'], [9000, '{2.etag}']) },
    answer: '200',
  },
  'one small part is enough': {
    given: ['PUT /{upload}&partNumber=7 < x'],
    ...{ ask: 'POST /{upload}', body: completion([7, '{1.etag}']), answer: '200' },
    then: ['GET /{upload.path} > x'],
  },
  'of a part that was uploaded twice the last attempt counts': {
    given: ['PUT /{upload}&partNumber=1 < old', 'PUT /{upload}&partNumber=1 < new'],
    ...{ ask: 'POST /{upload}', body: completion([1, '{2.etag}']), answer: '200' },
    then: ['GET /{upload.path} > new'],
  },
  'of a part that was uploaded twice the first attempt is gone': {
    given: ['PUT /{upload}&partNumber=1 < old', 'PUT /{upload}&partNumber=1 < new'],
    ...{ ask: 'POST /{upload}', body: completion([1, '{1.etag}']), answer: '400 InvalidPart' },
  },
  'parts that are not listed are dropped': {
    given: ['PUT /{upload}&partNumber=1 < a', 'PUT /{upload}&partNumber=2 < b'],
    ...{ ask: 'POST /{upload}', body: completion([2, '{2.etag}']), answer: '200' },
    then: ['GET /{upload.path} > b'],
  },
  'an ETag may come without quotes': {
    given: ['PUT /{upload}&partNumber=1 < 0123456789'],
    ...{ ask: 'POST /{upload}', body: completion([1, ETAG.slice(1, -1)]), answer: '200' },
  },
  'headers given at the beginning are the object’s': {
    given: [
      {
        ask: 'POST /{bucket}/a?uploads',
        headers: { 'content-type': 'text/x-up', 'x-amz-meta-up': '1', 'cache-control': 'no-cache' },
        answer: '200',
      },
      'PUT /{bucket}/a?partNumber=1&uploadId={1.UploadId} < x',
    ],
    ask: 'POST /{bucket}/a?uploadId={1.UploadId}',
    ...{ body: completion([1, '{2.etag}']), answer: '200' },
    then: [
      {
        ...{ ask: 'GET /{bucket}/a', answer: '200', text: 'x' },
        has: { 'content-type': 'text/x-up', 'x-amz-meta-up': '1', 'cache-control': 'no-cache' },
      },
    ],
  },
  'wrong order': {
    given: [bigPart(1), bigPart(2)],
    ...{ ask: 'POST /{upload}', body: completion([2, '{2.etag}'], [1, '{1.etag}']) },
    answer: '400 InvalidPartOrder',
  },
  'the same part twice': {
    given: [bigPart(1)],
    ...{ ask: 'POST /{upload}', body: completion([1, '{1.etag}'], [1, '{1.etag}']) },
    answer: '400 InvalidPartOrder',
  },
  'a part that was never uploaded': {
    given: ['PUT /{upload}&partNumber=1 < x'],
    ...{ ask: 'POST /{upload}', body: completion([1, '{1.etag}'], [2, '{1.etag}']) },
    answer: '400 InvalidPart',
  },
  'a wrong ETag': {
    given: ['PUT /{upload}&partNumber=1 < x'],
    ...{ ask: 'POST /{upload}', body: completion([1, OTHER]), answer: '400 InvalidPart' },
    then: [{ ask: 'GET /{upload}', answer: '200', xml: { 'Part.PartNumber': '1' } }],
  },
  'a part below 5 MiB that is not the last': {
    given: ['PUT /{upload}&partNumber=1 < a', 'PUT /{upload}&partNumber=2 < b'],
    ...{ ask: 'POST /{upload}', body: completion([1, '{1.etag}'], [2, '{2.etag}']) },
    answer: '400 EntityTooSmall',
  },
  ...each(
    [
      '',
      'nonsense',
      '<CompleteMultipartUpload></CompleteMultipartUpload>',
      '<CompleteMultipartUpload><Part></Part></CompleteMultipartUpload>',
      '<CompleteMultipartUpload><Part><PartNumber>1</PartNumber></Part></CompleteMultipartUpload>',
      completion([10001, ETAG]),
      completion([0, ETAG]),
    ],
    body => [
      `the list '${body}' is none`,
      {
        ask: 'POST /{upload}',
        body,
        answer: /1000|>0</.test(body) ? '400 InvalidArgument' : '400 MalformedXML',
      },
    ],
  ),
  'more than 10,000 parts': {
    ask: 'POST /{upload}',
    body: completion(...Array.from({ length: 10_001 }, (_, index) => [index + 1, ETAG] as const)),
    answer: '400 MalformedXML',
  },
  'a second completion finds the first': {
    given: [
      'PUT /{upload}&partNumber=1 < x',
      { ask: 'POST /{upload}', body: completion([1, '{1.etag}']), answer: '200' },
    ],
    ...{ ask: 'POST /{upload}', body: completion([1, '{1.etag}']), answer: '200' },
    xml: { ETag: '{2.ETag}' },
  },
  'an upload that was aborted': {
    given: ['PUT /{upload}&partNumber=1 < x', 'DELETE /{upload}'],
    ...{ ask: 'POST /{upload}', body: completion([1, '{1.etag}']), answer: '404 NoSuchUpload' },
  },
  'no upload': {
    ask: 'POST /{key}?uploadId=nonsense',
    ...{ body: completion([1, ETAG]), answer: '404 NoSuchUpload' },
  },
  'the object that is told by ListObjects': {
    given: [
      'POST /{bucket}/a?uploads',
      'PUT /{bucket}/a?partNumber=1&uploadId={1.UploadId} < x',
      {
        ask: 'POST /{bucket}/a?uploadId={1.UploadId}',
        ...{ body: completion([1, '{2.etag}']), answer: '200' },
      },
    ],
    ...{ ask: 'GET /{bucket}', answer: '200' },
    xml: { 'Contents.Size': '1', 'Contents.ETag': '{3.ETag}' },
  },
};

const aborted: Cases = {
  'an upload is aborted': {
    given: ['PUT /{upload}&partNumber=1 < x'],
    ...{ ask: 'DELETE /{upload}', answer: '204', text: '' },
    then: ['GET /{upload} = 404 NoSuchUpload', 'PUT /{upload}&partNumber=2 < x = 404 NoSuchUpload'],
  },
  'a second time': {
    given: ['DELETE /{upload}'],
    ...{ ask: 'DELETE /{upload}', answer: '404 NoSuchUpload' },
  },
  'no upload': { ask: 'DELETE /{key}?uploadId=nonsense', answer: '404 NoSuchUpload' },
  'an object of that key stays': {
    given: ['POST /{key}?uploads', 'PUT /{key} < x'],
    ...{ ask: 'DELETE /{key}?uploadId={1.UploadId}', answer: '204', then: ['GET /{key} > x'] },
  },
  'a key of another tenant may not': {
    ...{ ask: 'DELETE /{upload}', as: 'stranger', answer: '403 AccessDenied' },
  },
  'the SDK aborts': {
    given: ['POST /{bucket}/a?uploads'],
    call: 'AbortMultipartUpload',
    input: { Bucket: '{bucket}', Key: 'a', UploadId: '{1.UploadId}' },
    answer: '204',
  },
};

const THREE_PARTS = [1, 2, 3].map(number => `PUT /{upload}&partNumber=${number} < part`);

const listedParts: Cases = {
  'parts are told in their order': {
    given: THREE_PARTS,
    ...{ ask: 'GET /{upload}', answer: '200' },
    xml: {
      ...{
        root: 'ListPartsResult',
        'Part.PartNumber': ['1', '2', '3'],
        'Part.Size': ['4', '4', '4'],
      },
      ...{
        IsTruncated: 'false',
        MaxParts: '1000',
        PartNumberMarker: '0',
        StorageClass: 'STANDARD',
      },
      ...{ 'Initiator.ID': '{owner}', 'Owner.ID': '{owner}' },
    },
  },
  'an upload without parts': {
    ...{ ask: 'GET /{upload}', answer: '200', xml: { Part: null, IsTruncated: 'false' } },
  },
  'a page of parts': {
    given: THREE_PARTS,
    ...{ ask: 'GET /{upload}&max-parts=2', answer: '200' },
    xml: { 'Part.PartNumber': ['1', '2'], IsTruncated: 'true', NextPartNumberMarker: '2' },
  },
  'the parts behind a marker': {
    given: THREE_PARTS,
    ...{ ask: 'GET /{upload}&part-number-marker=2', answer: '200' },
    xml: { 'Part.PartNumber': ['3'], IsTruncated: 'false', PartNumberMarker: '2' },
  },
  'the parts behind the last': {
    given: THREE_PARTS,
    ...{ ask: 'GET /{upload}&part-number-marker=3', answer: '200', xml: { Part: null } },
  },
  ...each(['-1', 'abc'], number => [
    `max-parts=${number}`,
    { ask: `GET /{upload}&max-parts=${number}`, answer: '400 InvalidArgument' },
  ]),
  'the marker abc': {
    ...{ ask: 'GET /{upload}&part-number-marker=abc', answer: '400 InvalidArgument' },
  },
  'no upload': { ask: 'GET /{key}?uploadId=nonsense', answer: '404 NoSuchUpload' },
};

const TWO_UPLOADS = ['POST /{bucket}/a?uploads', 'POST /{bucket}/b/1?uploads'];

const listedUploads: Cases = {
  'uploads are told by key': {
    given: TWO_UPLOADS,
    ...{ ask: 'GET /{bucket}?uploads', answer: '200' },
    xml: {
      ...{ root: 'ListMultipartUploadsResult', 'Upload.Key': ['a', 'b/1'], IsTruncated: 'false' },
      ...{
        Bucket: '{bucket}',
        MaxUploads: '1000',
        'Upload.UploadId': ['{1.UploadId}', '{2.UploadId}'],
      },
    },
  },
  none: {
    ...{ ask: 'GET /{bucket}?uploads', answer: '200', xml: { Upload: null, IsTruncated: 'false' } },
  },
  'by prefix': {
    given: TWO_UPLOADS,
    ...{ ask: 'GET /{bucket}?uploads&prefix=b', answer: '200', xml: { 'Upload.Key': ['b/1'] } },
  },
  'with a delimiter': {
    given: TWO_UPLOADS,
    ...{ ask: 'GET /{bucket}?uploads&delimiter=/', answer: '200' },
    xml: { 'Upload.Key': ['a'], 'CommonPrefixes.Prefix': ['b/'] },
  },
  'a page': {
    given: TWO_UPLOADS,
    ...{ ask: 'GET /{bucket}?uploads&max-uploads=1', answer: '200' },
    xml: {
      ...{ 'Upload.Key': ['a'], IsTruncated: 'true', NextKeyMarker: 'a' },
      NextUploadIdMarker: '{1.UploadId}',
    },
  },
  'behind a key': {
    given: TWO_UPLOADS,
    ...{ ask: 'GET /{bucket}?uploads&key-marker=a', answer: '200', xml: { 'Upload.Key': ['b/1'] } },
  },
  'behind an upload of a key': {
    given: ['POST /{bucket}/a?uploads', 'POST /{bucket}/a?uploads'],
    ask: 'GET /{bucket}?uploads&key-marker=a&upload-id-marker={1.UploadId}',
    ...{ answer: '200', xml: { 'Upload.UploadId': ['{2.UploadId}'] } },
  },
  'a marker of an upload says nothing without a key': {
    given: TWO_UPLOADS,
    ask: 'GET /{bucket}?uploads&upload-id-marker={1.UploadId}',
    ...{ answer: '200', xml: { 'Upload.Key': ['a', 'b/1'] } },
  },
  'what was completed or aborted is not told': {
    given: [...TWO_UPLOADS, 'DELETE /{bucket}/a?uploadId={1.UploadId}'],
    ...{ ask: 'GET /{bucket}?uploads', answer: '200', xml: { 'Upload.Key': ['b/1'] } },
  },
  'max-uploads=-1': { ask: 'GET /{bucket}?uploads&max-uploads=-1', answer: '400 InvalidArgument' },
  'the SDK lists uploads': {
    given: TWO_UPLOADS,
    ...{ call: 'ListMultipartUploads', input: { Bucket: '{bucket}' }, answer: '200' },
    gives: { Uploads: [{ Key: 'a' }, { Key: 'b/1' }] },
  },
};

const read: Cases = {
  'the parts are read as one': {
    ...{ ask: 'GET /{parts}', answer: '200' },
    text: Buffer.concat([FIRST_PART, Buffer.from(LAST_PART)]),
  },
};

export const createUpload = table('CreateMultipartUpload', 'metadata, tags, ACL, checksum', begun);
export const uploadPart = table('UploadPart', 'parts 1 to 10,000, of up to 5 GiB', parts);
export const uploadPartCopy = table('UploadPartCopy', 'whole objects and ranges', copies);
export const completeUpload = table(
  'CompleteMultipartUpload',
  '5 MiB rule, order, gaps, asked again',
  completed,
  read,
);
export const abortUpload = table('AbortMultipartUpload', 'parts go with it', aborted);
export const listParts = table('ListParts', 'in pages', listedParts);
export const listUploads = table(
  'ListMultipartUploads',
  'in pages, by prefix and delimiter',
  listedUploads,
);
