/**
 * GetObject and HeadObject: API_GetObject, API_HeadObject.
 *
 * Owns:          their cases, except conditions (conditions.ts) and checksums (checksums.ts).
 * Knows:         the API reference, RFC 9110 on ranges.
 * Must not know: how objects are read.
 */
import { LARGE, FIRST_PART, LAST_PART } from '../fixtures.ts';
import { each, table, type Cases } from '../s3-case.ts';

const described = {
  'content-type': 'text/x-conformance',
  'cache-control': 'max-age=60',
  'content-disposition': 'attachment; filename="ten.txt"',
  'content-encoding': 'identity',
  'content-language': 'en, de',
  expires: 'Thu, 01 Dec 2033 16:00:00 GMT',
  'x-amz-meta-colour': 'blue',
  etag: '"781e5e245d69b566979b86e28d23f2c7"',
  'content-length': '10',
  'accept-ranges': 'bytes',
  'last-modified': /^\w{3}, \d{2} \w{3} \d{4} \d{2}:\d{2}:\d{2} GMT$/,
};

const whole: Cases = {
  'an object comes with everything that was said of it': {
    ...{ ask: 'GET /{object}', answer: '200', text: '0123456789' },
    has: { ...described, 'content-range': null, 'x-amz-version-id': null },
  },
  'HEAD says the same without a body': {
    ...{ ask: 'HEAD /{object}', answer: '200', text: '', has: described },
  },
  'an empty object is empty': {
    ...{ ask: 'GET /{empty}', answer: '200', text: '' },
    has: { 'content-length': '0', etag: '"d41d8cd98f00b204e9800998ecf8427e"' },
  },
  'an object without a type is binary': {
    ...{ ask: 'GET /{empty}', answer: '200', has: { 'content-type': 'binary/octet-stream' } },
  },
  'an object in blocks comes byte for byte': {
    ...{ ask: 'GET /{large}', answer: '200', text: LARGE },
  },
  'a missing key': {
    ...{ ask: 'GET /{common}/missing', answer: '404 NoSuchKey', xml: { Key: 'missing' } },
  },
  'HEAD of a missing key has no body': { ask: 'HEAD /{common}/missing', answer: '404', text: '' },
  'a missing bucket': {
    ...{ ask: 'GET /no-such-bucket/a', answer: '404 NoSuchBucket' },
    xml: { BucketName: 'no-such-bucket' },
  },
  'unknown parameters are ignored': {
    ...{ ask: 'GET /{object}?foo=bar&x-id=GetObject', answer: '200', text: '0123456789' },
  },
  'the SDK reads it': {
    ...{ call: 'GetObject', input: { Bucket: '{listed}', Key: 'c+d' }, answer: '200' },
    gives: { Body: 'x', ContentLength: 1 },
  },
  'the SDK is told what is missing': {
    ...{ call: 'GetObject', input: { Bucket: '{common}', Key: 'no' }, answer: '404 NoSuchKey' },
  },
  'the SDK is told by HEAD too': {
    ...{ call: 'HeadObject', input: { Bucket: '{common}', Key: 'no' }, answer: '404 NotFound' },
  },
};

/** Of ten bytes. */
const goodRanges = [
  ['bytes=0-0', 'bytes 0-0/10', '0'],
  ['bytes=3-5', 'bytes 3-5/10', '345'],
  ['bytes=5-', 'bytes 5-9/10', '56789'],
  ['bytes=9-9', 'bytes 9-9/10', '9'],
  ['bytes=5-500', 'bytes 5-9/10', '56789'],
  ['bytes=-3', 'bytes 7-9/10', '789'],
  ['bytes=-500', 'bytes 0-9/10', '0123456789'],
  ['bytes=0-9', 'bytes 0-9/10', '0123456789'],
] as const;

const ranges: Cases = {
  ...each(goodRanges, ([range, contentRange, text]) => [
    `${range} of ten bytes`,
    {
      ...{ ask: 'GET /{object}', headers: { range }, answer: '206', text },
      has: { 'content-range': contentRange, 'content-length': String(text.length) },
    },
  ]),
  ...each(goodRanges.slice(0, 3), ([range, contentRange, text]) => [
    `HEAD of ${range}`,
    {
      ...{ ask: 'HEAD /{object}', headers: { range }, answer: '206' },
      has: { 'content-range': contentRange, 'content-length': String(text.length) },
    },
  ]),
  ...each(['bytes=10-', 'bytes=10-20', 'bytes=-0'], range => [
    `${range} of ten bytes cannot be satisfied`,
    {
      ...{ ask: 'GET /{object}', headers: { range }, answer: '416 InvalidRange' },
      has: { 'content-range': 'bytes */10' },
      xml: { ActualObjectSize: '10', RangeRequested: range },
    },
  ]),
  ...each(
    ['bytes=5-3', 'bytes=a-b', 'lines=0-1', 'bytes=0-1,3-4', 'bytes', '0-1', 'bytes= 0-1'],
    range => [
      `${range} is ignored`,
      { ask: 'GET /{object}', headers: { range }, answer: '200', text: '0123456789' },
    ],
  ),
  'the last bytes of an empty object are all of it': {
    ...{ ask: 'GET /{empty}', headers: { range: 'bytes=-5' }, answer: '200', text: '' },
    has: { 'content-range': null, 'content-length': '0' },
  },
  ...each(['bytes=0-0', 'bytes=0-', 'bytes=-0'], range => [
    `${range} of an empty object cannot be satisfied`,
    { ask: 'GET /{empty}', headers: { range }, answer: '416 InvalidRange' },
  ]),
  'a range over the seam of two blocks': {
    ...{ ask: 'GET /{large}', headers: { range: 'bytes=1048570-1048580' }, answer: '206' },
    text: LARGE.subarray(1048570, 1048581),
  },
  'a range over the seam of two parts': {
    ...{ ask: 'GET /{parts}', headers: { range: 'bytes=5242878-5242881' }, answer: '206' },
    text: Buffer.concat([FIRST_PART.subarray(-2), Buffer.from(LAST_PART.slice(0, 2))]),
  },
};

const parts: Cases = {
  'a part by its number': {
    ...{ ask: 'GET /{parts}?partNumber=2', answer: '206', text: LAST_PART },
    has: { 'x-amz-mp-parts-count': '2', 'content-range': 'bytes 5242880-5242892/5242893' },
  },
  'HEAD of a part': {
    ...{ ask: 'HEAD /{parts}?partNumber=1', answer: '206' },
    has: { 'content-length': '5242880', 'x-amz-mp-parts-count': '2' },
  },
  'a part that is not there': {
    ...{ ask: 'GET /{parts}?partNumber=3', answer: '416 InvalidPartNumber' },
  },
  'part 1 of an object that was not uploaded in parts is all of it': {
    ...{ ask: 'GET /{object}?partNumber=1', answer: '206', text: '0123456789' },
  },
  'part 2 of an object that was not uploaded in parts': {
    ...{ ask: 'GET /{object}?partNumber=2', answer: '416 InvalidPartNumber' },
  },
  ...each(['0', '-1', '10001', 'abc', '1.5'], number => [
    `part ${number} cannot be`,
    { ask: `GET /{object}?partNumber=${number}`, answer: '400 InvalidArgument' },
  ]),
  'a part and a range exclude each other': {
    ...{ ask: 'GET /{parts}?partNumber=1', headers: { range: 'bytes=0-1' } },
    answer: '400 InvalidRequest',
  },
};

const overrides: Cases = {
  'response-* parameters replace headers': {
    ask:
      'GET /{object}?response-content-type=text%2Fhtml&response-cache-control=no-store' +
      '&response-content-disposition=inline&response-content-encoding=x-none' +
      '&response-content-language=fr&response-expires=Thu%2C%2001%20Jan%202099%2000%3A00%3A00%20GMT',
    answer: '200',
    has: {
      'content-type': 'text/html',
      'cache-control': 'no-store',
      'content-disposition': 'inline',
      'content-encoding': 'x-none',
      'content-language': 'fr',
      expires: 'Thu, 01 Jan 2099 00:00:00 GMT',
    },
  },
  'response-* parameters apply to a range too': {
    ask: 'GET /{object}?response-content-type=text%2Fhtml',
    ...{ headers: { range: 'bytes=0-1' }, answer: '206', has: { 'content-type': 'text/html' } },
  },
  'response-* parameters need a signature': {
    given: [{ ask: 'PUT /{acls}/a', headers: { 'x-amz-acl': 'public-read' }, answer: '200' }],
    ...{ ask: 'GET /{acls}/a?response-content-type=text%2Fhtml', as: 'nobody' },
    answer: '400 InvalidRequest',
  },
};

export const getObject = table(
  'GetObject, HeadObject',
  'ranges, parts by number, `response-*` parameters',
  ...[whole, ranges, parts, overrides],
);
