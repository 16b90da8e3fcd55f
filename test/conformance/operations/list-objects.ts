/**
 * ListObjectsV2 and ListObjects: API_ListObjectsV2, API_ListObjects.
 *
 * Owns:          their cases. Both list alike, so most cases are asked of both.
 * Knows:         the API reference, the order of UTF-8.
 * Must not know: how pages are put together.
 */
import { each, table, type Cases, type S3Case, type Step } from '../s3-case.ts';

/** In the order in which they are listed. */
const KEYS = ['a', 'a/1', 'a/2', 'b', 'b/x/1', 'b/x/2', 'b/y', 'c d', 'c+d', 'z', 'ü'];

/** The query, the keys, and the common prefixes if there are any. */
type Listing = readonly [query: string, keys: readonly string[], prefixes?: readonly string[]];

const LISTINGS: readonly Listing[] = [
  ['', KEYS],
  ['prefix=a', ['a', 'a/1', 'a/2']],
  ['prefix=a/', ['a/1', 'a/2']],
  ['prefix=b/x', ['b/x/1', 'b/x/2']],
  ['prefix=%C3%BC', ['ü']],
  ['prefix=c%20', ['c d']],
  ['prefix=c%2B', ['c+d']],
  ['prefix=%20', []],
  ['prefix=nothing', []],
  ['prefix=', KEYS],
  ['prefix=%0A', []],
  ['delimiter=/', ['a', 'b', 'c d', 'c+d', 'z', 'ü'], ['a/', 'b/']],
  ['delimiter=%2F', ['a', 'b', 'c d', 'c+d', 'z', 'ü'], ['a/', 'b/']],
  ['delimiter=/&prefix=a', ['a'], ['a/']],
  ['delimiter=/&prefix=a/', ['a/1', 'a/2']],
  ['delimiter=/&prefix=b/', ['b/y'], ['b/x/']],
  ['delimiter=/&prefix=b/x', [], ['b/x/']],
  ['delimiter=/&prefix=/', []],
  ['delimiter=/x/', ['a', 'a/1', 'a/2', 'b', 'b/y', 'c d', 'c+d', 'z', 'ü'], ['b/x/']],
  ['delimiter=d', ['a', 'a/1', 'a/2', 'b', 'b/x/1', 'b/x/2', 'b/y', 'z', 'ü'], ['c d', 'c+d']],
  ['delimiter=%20', KEYS.filter(key => key !== 'c d'), ['c ']],
  ['delimiter=%C3%BC', KEYS.filter(key => key !== 'ü'), ['ü']],
  ['delimiter=%25', KEYS],
  ['delimiter=%0A', KEYS],
  ['delimiter=nothing', KEYS],
  ['delimiter=', KEYS],
];

const LIST_V2 = 'list-type=2';

function encodePlus(key: string): string {
  return key.replace('+', '%2B');
}

/** `?`, and what is asked of a bucket. */
function query(...parts: readonly string[]): string {
  return `?${parts.filter(part => part !== '').join('&')}`;
}

function listingCases(version: string): Cases {
  return each(LISTINGS, ([asked, keys, prefixes = []]) => [
    asked === '' ? 'all keys, in the order of their bytes' : asked,
    {
      ...{ ask: `GET /{listed}${query(version, asked)}`, answer: '200' },
      xml: {
        ...{ root: 'ListBucketResult', Name: '{listed}', IsTruncated: 'false', MaxKeys: '1000' },
        ...{ 'Contents.Key': keys, 'CommonPrefixes.Prefix': prefixes },
        ...(version === '' ? {} : { KeyCount: String(keys.length + prefixes.length) }),
      },
    },
  ]);
}

const NUMBERS = ['-1', 'abc', '1.5', '2147483648', '0x10'];

function numberCases(version: string): Cases {
  const listing = (asked = ''): string => `GET /{listed}${query(version, asked)}`;
  return {
    ...each(NUMBERS, number => [
      `max-keys=${number} is no number of keys`,
      { ask: listing(`max-keys=${number}`), answer: '400 InvalidArgument' },
    ]),
    'max-keys=0 lists nothing and is not truncated': {
      ...{ ask: listing('max-keys=0'), answer: '200' },
      xml: { Contents: null, IsTruncated: 'false', MaxKeys: '0' },
    },
    'max-keys= is as good as none': {
      ...{ ask: listing('max-keys='), answer: '200' },
      xml: { 'Contents.Key': KEYS, MaxKeys: '1000' },
    },
    'max-keys of more than a thousand is a thousand': {
      ...{ ask: listing('max-keys=2147483647'), answer: '200' },
      xml: { 'Contents.Key': KEYS, IsTruncated: 'false', MaxKeys: '1000' },
    },
    'max-keys that is just enough is not truncated': {
      ...{ ask: listing('max-keys=11'), answer: '200' },
      xml: { 'Contents.Key': KEYS, IsTruncated: 'false', MaxKeys: '11' },
    },
    'another encoding than url': {
      ...{ ask: listing('encoding-type=base64'), answer: '400 InvalidArgument' },
    },
    'encoding-type=url encodes keys, prefixes and what was asked': {
      ask: listing('encoding-type=url&delimiter=%20&prefix=c'),
      answer: '200',
      xml: {
        ...{ EncodingType: 'url', Delimiter: '%20', Prefix: 'c', 'Contents.Key': 'c%2Bd' },
        'CommonPrefixes.Prefix': 'c%20',
      },
    },
    'encoding-type=url leaves slashes': {
      ask: listing('encoding-type=url&prefix=a/1'),
      ...{ answer: '200', xml: { 'Contents.Key': 'a/1', Prefix: 'a/1' } },
    },
    'a key of another tenant may not list': {
      ...{ ask: listing(), as: 'stranger', answer: '403 AccessDenied' },
    },
    'who signs nothing may not list': {
      ...{ ask: listing(), as: 'nobody', answer: '403 AccessDenied' },
    },
    'a bucket that is not there': {
      ...{ ask: `GET /{free}${query(version)}`, answer: '404 NoSuchBucket' },
    },
    'an empty bucket': {
      ...{ ask: `GET /{bucket}${query(version)}`, answer: '200' },
      xml: { Contents: null, CommonPrefixes: null, IsTruncated: 'false', Prefix: '' },
    },
    'what is told of an object': {
      ...{ ask: listing('max-keys=1'), answer: '200' },
      xml: {
        '@xmlns': 'http://s3.amazonaws.com/doc/2006-03-01/',
        'Contents.Key': 'a',
        'Contents.ETag': '"9dd4e461268c8034f5c8564e155c67a6"',
        'Contents.Size': '1',
        'Contents.StorageClass': 'STANDARD',
        'Contents.LastModified': /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/,
      },
    },
    'a delimiter that is not asked for is not told': {
      ...{ ask: listing('delimiter='), answer: '200', xml: { Delimiter: null } },
    },
    'keys with what XML must escape': {
      given: ['PUT /{bucket}/%26%3C%3E%22%27 < x'],
      ask: `GET /{bucket}${query(version)}`,
      ...{ answer: '200', xml: { 'Contents.Key': '&<>"\'' } },
    },
    'a key that XML cannot hold is encoded when it is asked for so': {
      given: ['PUT /{bucket}/a%01b < x'],
      ask: `GET /{bucket}${query(version, 'encoding-type=url')}`,
      ...{ answer: '200', xml: { 'Contents.Key': 'a%01b' } },
    },
  };
}

const V2 = 'GET /{listed}?list-type=2';

/** One page, and the rest by its token. */
function twoPages(asked: string, first: S3Case['xml'], second: S3Case['xml']): S3Case {
  const page: Step = {
    ask: `${V2}&${asked}`,
    answer: '200',
    xml: { IsTruncated: 'true', ...first },
  };
  return {
    given: [page],
    ask:
      `${V2}&${asked.replace(/max-keys=\d+/, 'max-keys=1000')}` +
      '&continuation-token={1.NextContinuationToken}',
    ...{ answer: '200', xml: { IsTruncated: 'false', ...second } },
  };
}

const pagesV2: Cases = {
  'a page, and the rest by its token': twoPages(
    'max-keys=4',
    { 'Contents.Key': KEYS.slice(0, 4), KeyCount: '4', NextContinuationToken: /./ },
    { 'Contents.Key': KEYS.slice(4), NextContinuationToken: null, ContinuationToken: /./ },
  ),
  'a page may end with a common prefix': twoPages(
    'delimiter=/&max-keys=2',
    { 'Contents.Key': ['a'], 'CommonPrefixes.Prefix': ['a/'], KeyCount: '2' },
    { 'Contents.Key': ['b', 'c d', 'c+d', 'z', 'ü'], 'CommonPrefixes.Prefix': ['b/'] },
  ),
  'a page within a prefix': twoPages(
    'prefix=b/&max-keys=1',
    { 'Contents.Key': ['b/x/1'] },
    { 'Contents.Key': ['b/x/2', 'b/y'] },
  ),
  'start-after begins behind a key': {
    ...{ ask: `${V2}&start-after=b/y`, answer: '200' },
    xml: { 'Contents.Key': KEYS.slice(7), StartAfter: 'b/y' },
  },
  'start-after need not be a key': {
    ...{ ask: `${V2}&start-after=bb`, answer: '200', xml: { 'Contents.Key': KEYS.slice(7) } },
  },
  'start-after behind all keys': {
    ...{
      ask: `${V2}&start-after=%C3%BCber`,
      answer: '200',
      xml: { Contents: null, KeyCount: '0' },
    },
  },
  'start-after that no XML can hold': {
    ...{ ask: `${V2}&start-after=%0A`, answer: '200', xml: { 'Contents.Key': KEYS } },
  },
  'start-after within a common prefix passes over what is before it': {
    ...{ ask: `${V2}&start-after=a/1&delimiter=/&prefix=a`, answer: '200' },
    xml: { Contents: null, 'CommonPrefixes.Prefix': 'a/' },
  },
  'start-after counts only for the first page': {
    given: [`${V2}&max-keys=1`],
    ask: `${V2}&start-after=z&continuation-token={1.NextContinuationToken}`,
    ...{ answer: '200', xml: { 'Contents.Key': KEYS.slice(1), StartAfter: 'z' } },
  },
  'an empty token is as good as none': {
    ...{ ask: `${V2}&continuation-token=`, answer: '200', xml: { 'Contents.Key': KEYS } },
  },
  'a token that nobody gave': {
    ...{ ask: `${V2}&continuation-token=nonsense`, answer: '400 InvalidArgument' },
  },
  'no owner is told': { ask: V2, answer: '200', xml: { 'Contents.Owner': [] } },
  'fetch-owner=true tells the owner': {
    ...{ ask: `${V2}&fetch-owner=true&max-keys=1`, answer: '200' },
    xml: { 'Contents.Owner.ID': '{owner}' },
  },
  'fetch-owner=false tells none': {
    ...{ ask: `${V2}&fetch-owner=false`, answer: '200', xml: { 'Contents.Owner': [] } },
  },
  'another version of the listing': {
    ...{ ask: 'GET /{listed}?list-type=3', answer: '400 InvalidArgument' },
  },
  'the SDK lists': {
    ...{ call: 'ListObjectsV2', input: { Bucket: '{listed}', Delimiter: '/' }, answer: '200' },
    gives: {
      KeyCount: 8,
      CommonPrefixes: [{ Prefix: 'a/' }, { Prefix: 'b/' }],
      IsTruncated: false,
    },
  },
};

const V1 = 'GET /{listed}?';

const pagesV1: Cases = {
  'marker begins behind a key': {
    ...{ ask: `${V1}marker=b/y`, answer: '200' },
    xml: { 'Contents.Key': KEYS.slice(7), Marker: 'b/y' },
  },
  'marker need not be a key': {
    ...{ ask: `${V1}marker=bb`, answer: '200', xml: { 'Contents.Key': KEYS.slice(7) } },
  },
  'an empty marker is as good as none': {
    ...{ ask: `${V1}marker=`, answer: '200', xml: { 'Contents.Key': KEYS, Marker: '' } },
  },
  'marker behind all keys': {
    ...{ ask: `${V1}marker=%C3%BCber`, answer: '200', xml: { Contents: null } },
  },
  'marker that no XML can hold, encoded': {
    ...{ ask: `${V1}marker=%0A&encoding-type=url`, answer: '200' },
    xml: { Marker: '%0A', 'Contents.Key': KEYS.map(encodeURI).map(encodePlus) },
  },
  'without a delimiter the last key is the next marker': {
    ...{ ask: `${V1}max-keys=4`, answer: '200' },
    xml: { 'Contents.Key': KEYS.slice(0, 4), IsTruncated: 'true', NextMarker: null },
  },
  'with a delimiter the next marker is told': {
    ...{ ask: `${V1}max-keys=2&delimiter=/`, answer: '200' },
    xml: { 'Contents.Key': ['a'], 'CommonPrefixes.Prefix': ['a/'], NextMarker: 'a/' },
  },
  'a marker that is a common prefix passes over all its keys': {
    ...{ ask: `${V1}marker=a/&delimiter=/`, answer: '200' },
    xml: { 'CommonPrefixes.Prefix': ['b/'], 'Contents.Key': ['b', 'c d', 'c+d', 'z', 'ü'] },
  },
  'the owner is always told': {
    ...{ ask: `${V1}max-keys=1`, answer: '200', xml: { 'Contents.Owner.ID': '{owner}' } },
  },
  'the SDK lists': {
    call: 'ListObjects',
    input: { Bucket: '{listed}', MaxKeys: 2, Delimiter: '/' },
    ...{ answer: '200', gives: { NextMarker: 'a/', IsTruncated: true, Contents: [{ Key: 'a' }] } },
  },
};

export const listObjectsV2 = table(
  'ListObjectsV2',
  'prefixes, delimiters of any length, tokens, `start-after`, `fetch-owner`',
  ...[listingCases(LIST_V2), numberCases(LIST_V2), pagesV2],
);
export const listObjects = table(
  'ListObjects',
  'the same with markers',
  ...[listingCases(''), numberCases(''), pagesV1],
);
