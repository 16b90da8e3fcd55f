import test from 'ava';
import fc from 'fast-check';
import { S3Error } from '../../../gateway/s3/s3-error.ts';
import { METHODS, PLACES } from '../../../gateway/s3/s3-operation.ts';
import { s3Operations } from '../../../gateway/s3/s3-operations.ts';
import { S3Router } from '../../../gateway/s3/s3-router.ts';

const operations = s3Operations({ punycode: 'refused' });
const router = new S3Router(operations);
const subresources = [...new Set(operations.map(({ subresource }) => subresource ?? ''))];

function route(method: string, place: (typeof PLACES)[number], ...names: string[]): string {
  try {
    return router.route(method, place, new Map(names.map(name => [name, '1']))).name;
  } catch (error) {
    if (!(error instanceof S3Error)) throw error;
    return error.code;
  }
}

test('every method, place and sub-resource has exactly one answer', t => {
  const seen = new Set<string>();
  for (const method of METHODS) {
    for (const place of PLACES) {
      for (const subresource of subresources) {
        const matching = operations.filter(
          operation =>
            operation.method === method &&
            operation.place === place &&
            (operation.subresource ?? '') === subresource,
        );
        t.true(matching.length <= 1);
        const isKnownHere = operations.some(
          operation => operation.place === place && (operation.subresource ?? '') === subresource,
        );
        const missing = isKnownHere ? 'MethodNotAllowed' : 'InvalidRequest';
        const expected = method === 'OPTIONS' ? 'Options' : (matching[0]?.name ?? missing);
        const names = subresource === '' ? [] : [subresource];
        t.is(route(method, place, ...names), expected);
        seen.add(expected);
      }
    }
  }
  for (const { name } of operations) t.true(seen.has(name), `${name} is reachable`);
});

test('two operations for one request are refused when the table is read', t => {
  const [first] = operations;
  if (first === undefined) throw new Error('there are operations');
  t.throws(() => new S3Router([first, first]));
});

test('two sub-resources are refused whichever they are, in any order', t => {
  const names = subresources.filter(name => name !== '');
  fc.assert(
    fc.property(
      fc.uniqueArray(fc.constantFrom(...names), { minLength: 2, maxLength: 3 }),
      fc.constantFrom('GET', 'PUT', 'POST', 'DELETE', 'HEAD'),
      fc.constantFrom(...PLACES),
      (pair, method, place) => {
        t.is(route(method, place, ...pair), 'InvalidRequest');
      },
    ),
  );
});

test('parameters that select nothing change nothing', t => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), name => {
      fc.pre(!subresources.includes(name) && name !== 'partNumber' && name !== 'versionId');
      t.is(route('PUT', 'object', name), 'PutObject');
      t.is(route('GET', 'bucket', name, 'uploads'), 'ListMultipartUploads');
    }),
  );
});

const routes: readonly (readonly [string, (typeof PLACES)[number], string[], string])[] = [
  ['GET', 'object', ['x-id'], 'GetObject'],
  ['GET', 'object', ['constructor'], 'GetObject'],
  ['GET', 'object', ['__proto__'], 'GetObject'],
  ['GET', 'object', ['partNumber'], 'GetObject'],
  ['GET', 'object', ['uploadId', 'partNumber'], 'ListParts'],
  ['PUT', 'object', ['uploadId', 'partNumber'], 'UploadPart'],
  ['PUT', 'object', ['partNumber'], 'InvalidArgument'],
  ['PUT', 'object', ['versionId'], 'InvalidArgument'],
  ['PUT', 'object', ['tagging'], 'PutObjectTagging'],
  ['PUT', 'object', ['lifecycle'], 'InvalidRequest'],
  ['GET', 'bucket', ['acl', 'policy'], 'InvalidRequest'],
  ['GET', 'object', ['torrent'], 'GetObjectTorrent'],
  ['POST', 'object', ['select', 'select-type'], 'SelectObjectContent'],
  ['POST', 'object', [], 'MethodNotAllowed'],
  ['POST', 'bucket', [], 'PostObject'],
  ['PUT', 'service', [], 'MethodNotAllowed'],
  ['FROB', 'object', [], 'MethodNotAllowed'],
  ['get', 'object', [], 'MethodNotAllowed'],
  ['TRACE', 'bucket', ['acl'], 'MethodNotAllowed'],
  ['constructor', 'object', [], 'MethodNotAllowed'],
  ['OPTIONS', 'bucket', ['uploads'], 'Options'],
];

for (const [method, place, names, expected] of routes) {
  test(`${method} of a ${place} with ${JSON.stringify(names)} is ${expected}`, t => {
    t.is(route(method, place, ...names), expected);
  });
}

test('a method that is not allowed is told which are', t => {
  const error = t.throws(() => router.route('FROB', 'object', new Map()), { instanceOf: S3Error });
  t.deepEqual(error.headers, [['allow', 'OPTIONS, GET, HEAD, PUT, DELETE']]);
});
