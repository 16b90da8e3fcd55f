/**
 * GetObjectAttributes: API_GetObjectAttributes.
 *
 * Owns:          its cases.
 * Knows:         the API reference.
 * Must not know: where attributes come from.
 */
import { table, type Cases } from '../s3-case.ts';

const ASK = 'GET /{object}?attributes';

const cases: Cases = {
  'what is asked for is told': {
    ask: ASK,
    headers: { 'x-amz-object-attributes': 'ETag,ObjectSize,StorageClass' },
    ...{ answer: '200', has: { 'last-modified': /GMT$/ } },
    xml: {
      ...{ root: 'GetObjectAttributesResponse', ETag: '781e5e245d69b566979b86e28d23f2c7' },
      ...{ ObjectSize: '10', StorageClass: 'STANDARD', ObjectParts: null },
    },
  },
  'what is not asked for is not told': {
    ...{ ask: ASK, headers: { 'x-amz-object-attributes': 'ObjectSize' }, answer: '200' },
    xml: { ObjectSize: '10', ETag: null, StorageClass: null },
  },
  'nothing is asked for': { ask: ASK, answer: '400 InvalidRequest' },
  'something that there is not': {
    ...{
      ask: ASK,
      headers: { 'x-amz-object-attributes': 'Colour' },
      answer: '400 InvalidArgument',
    },
  },
  'the number of parts': {
    ask: 'GET /{parts}?attributes',
    ...{ headers: { 'x-amz-object-attributes': 'ObjectParts,ObjectSize' }, answer: '200' },
    xml: { ObjectSize: '5242893', 'ObjectParts.PartsCount': '2' },
  },
  'a checksum': {
    given: [
      {
        ask: 'PUT /{key}',
        body: 'hello',
        headers: { 'x-amz-checksum-crc32': 'NhCmhg==' },
        answer: '200',
      },
    ],
    ask: 'GET /{key}?attributes',
    ...{ headers: { 'x-amz-object-attributes': 'Checksum' }, answer: '200' },
    xml: { 'Checksum.ChecksumCRC32': 'NhCmhg==', 'Checksum.ChecksumType': 'FULL_OBJECT' },
  },
  'a missing key': {
    ask: 'GET /{key}?attributes',
    ...{ headers: { 'x-amz-object-attributes': 'ETag' }, answer: '404 NoSuchKey' },
  },
  'a key of another tenant may not': {
    ...{ ask: ASK, headers: { 'x-amz-object-attributes': 'ETag' }, as: 'stranger' },
    answer: '403 AccessDenied',
  },
  'the SDK asks': {
    given: ['PUT /{bucket}/a < hello'],
    call: 'GetObjectAttributes',
    input: { Bucket: '{bucket}', Key: 'a', ObjectAttributes: ['ObjectSize'] },
    ...{ answer: '200', gives: { ObjectSize: 5 } },
  },
};

export const attributes = table('GetObjectAttributes', 'ETag, size, checksum, parts', cases);
