import test from 'ava';
import { HeaderList } from '../../../gateway/http/request-headers.ts';
import {
  checkSource,
  decideRead,
  rangeCounts,
  writeCondition,
} from '../../../gateway/s3/conditions.ts';
import { S3Error } from '../../../gateway/s3/s3-error.ts';

const etag = 'd41d8cd98f00b204e9800998ecf8427e';
/** 2023-11-14T22:13:20.678Z */
const lastModifiedMs = 1_700_000_000_678;
const same = 'Tue, 14 Nov 2023 22:13:20 GMT';
const before = 'Tue, 14 Nov 2023 22:13:19 GMT';
const after = 'Tue, 14 Nov 2023 22:13:21 GMT';

function headersOf(entries: Readonly<Record<string, string>>): HeaderList {
  const headers = new HeaderList();
  for (const [name, value] of Object.entries(entries)) headers.add(name, value);
  return headers;
}

function verdictOf(entries: Readonly<Record<string, string>>): 200 | 304 | 412 {
  try {
    const verdict = decideRead(headersOf(entries), { etag, lastModifiedMs });
    return verdict === 'go-on' ? 200 : 304;
  } catch (error) {
    if (error instanceof S3Error && error.code === 'PreconditionFailed') return 412;
    throw error;
  }
}

const READS: readonly (readonly [headers: Readonly<Record<string, string>>, status: number])[] = [
  [{}, 200],
  [{ 'if-match': `"${etag}"` }, 200],
  [{ 'if-match': etag }, 200],
  [{ 'if-match': '*' }, 200],
  [{ 'if-match': `"x", "${etag}"` }, 200],
  [{ 'if-match': '"x"' }, 412],
  [{ 'if-match': `W/"${etag}"` }, 412],
  [{ 'if-none-match': `"${etag}"` }, 304],
  [{ 'if-none-match': `W/"${etag}"` }, 304],
  [{ 'if-none-match': '*' }, 304],
  [{ 'if-none-match': `"x",W/"${etag}"` }, 304],
  [{ 'if-none-match': '"x"' }, 200],
  [{ 'if-modified-since': same }, 304],
  [{ 'if-modified-since': after }, 304],
  [{ 'if-modified-since': before }, 200],
  [{ 'if-modified-since': 'yesterday' }, 200],
  [{ 'if-unmodified-since': same }, 200],
  [{ 'if-unmodified-since': after }, 200],
  [{ 'if-unmodified-since': before }, 412],
  [{ 'if-unmodified-since': 'yesterday' }, 200],
  // RFC 9110 13.2.2: an ETag's condition makes the date's of no account.
  [{ 'if-match': `"${etag}"`, 'if-unmodified-since': before }, 200],
  [{ 'if-match': '"x"', 'if-unmodified-since': after }, 412],
  [{ 'if-none-match': '"x"', 'if-modified-since': same }, 200],
  [{ 'if-none-match': `"${etag}"`, 'if-modified-since': before }, 304],
  [{ 'if-match': `"${etag}"`, 'if-none-match': `"${etag}"` }, 304],
  [{ 'if-match': '"x"', 'if-none-match': `"${etag}"` }, 412],
  [{ 'if-unmodified-since': before, 'if-none-match': `"${etag}"` }, 412],
  [{ 'if-unmodified-since': after, 'if-modified-since': after }, 304],
];

for (const [headers, status] of READS) {
  test(`a read with ${JSON.stringify(headers)} is answered ${String(status)}`, t => {
    t.is(verdictOf(headers), status as 200);
  });
}

test('every failed condition on the source of a copy is 412', t => {
  const source = { etag, lastModifiedMs };
  const failing = [
    ['x-amz-copy-source-if-match', '"x"'],
    ['x-amz-copy-source-if-none-match', `"${etag}"`],
    ['x-amz-copy-source-if-modified-since', same],
    ['x-amz-copy-source-if-unmodified-since', before],
  ] as const;
  for (const [name, value] of failing) {
    const fails = (): void => checkSource(headersOf({ [name]: value }), source);
    t.is(t.throws<S3Error>(fails)?.code, 'PreconditionFailed');
  }
  t.notThrows(() =>
    checkSource(
      headersOf({
        'x-amz-copy-source-if-match': etag,
        'x-amz-copy-source-if-unmodified-since': before,
      }),
      source,
    ),
  );
  // The destination's own conditions are not those of the source.
  t.notThrows(() => checkSource(headersOf({ 'if-none-match': '*' }), source));
});

test('If-Range lets a range count only for exactly this version', t => {
  const validators = { etag, lastModifiedMs };
  t.true(rangeCounts(undefined, validators));
  t.true(rangeCounts(`"${etag}"`, validators));
  t.true(rangeCounts(same, validators));
  t.false(rangeCounts(`W/"${etag}"`, validators));
  t.false(rangeCounts('"x"', validators));
  t.false(rangeCounts(before, validators));
  t.false(rangeCounts(after, validators));
});

test('conditions of writes are parsed, and what S3 does not define is refused', t => {
  t.is(writeCondition(headersOf({})), undefined);
  t.deepEqual(writeCondition(headersOf({ 'if-none-match': '*' })), { ifNoneMatch: 'any' });
  t.deepEqual(writeCondition(headersOf({ 'if-match': '*' })), { ifMatch: 'any' });
  t.deepEqual(writeCondition(headersOf({ 'if-match': '"a","b"' })), { ifMatch: ['a', 'b'] });
  t.deepEqual(writeCondition(headersOf({ 'if-match': 'W/"a"' })), { ifMatch: [] });
  t.deepEqual(writeCondition(headersOf({ 'if-match': 'a', 'if-none-match': '*' })), {
    ifMatch: ['a'],
    ifNoneMatch: 'any',
  });
  const fails = (): unknown => writeCondition(headersOf({ 'if-none-match': '"a"' }));
  t.is(t.throws<S3Error>(fails)?.code, 'NotImplemented');
});
