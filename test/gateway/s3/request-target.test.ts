import test from 'ava';
import fc from 'fast-check';
import { parseParameters, TargetReader } from '../../../gateway/s3/request-target.ts';
import { S3Error } from '../../../gateway/s3/s3-error.ts';

const reader = new TargetReader('s3.garage.test');

function read(path: string, host = 's3.garage.test'): unknown {
  try {
    const target = reader.read(path, host);
    if (target.place === 'service') return 'service';
    return target.place === 'bucket' ? [target.bucketName] : [target.bucketName, target.key];
  } catch (error) {
    return error instanceof S3Error ? error.code : error;
  }
}

const targets: readonly (readonly [path: string, host: string, expected: unknown])[] = [
  ['/', 's3.garage.test', 'service'],
  ['/b', 's3.garage.test', ['b']],
  ['/b/', 's3.garage.test', ['b']],
  ['/b/k', 's3.garage.test', ['b', 'k']],
  ['/b/k/', 's3.garage.test', ['b', 'k/']],
  // Nothing is normalised, and the bucket's boundary is the first slash.
  ['/b//k', 's3.garage.test', ['b', '/k']],
  ['/b///', 's3.garage.test', ['b', '//']],
  ['/b/..', 's3.garage.test', ['b', '..']],
  ['/b/.', 's3.garage.test', ['b', '.']],
  ['/b/a/../b', 's3.garage.test', ['b', 'a/../b']],
  ['/b/a%2Fb', 's3.garage.test', ['b', 'a/b']],
  ['/b/%2e%2e%2f', 's3.garage.test', ['b', '../']],
  ['/b%2Fk', 's3.garage.test', ['b/k']],
  ['/b/%2F', 's3.garage.test', ['b', '/']],
  ['/b/a+b', 's3.garage.test', ['b', 'a+b']],
  ['/b/a%2Bb', 's3.garage.test', ['b', 'a+b']],
  ['/b/a%20b', 's3.garage.test', ['b', 'a b']],
  ['/b/%00', 's3.garage.test', ['b', '\0']],
  ['/b/%0D%0A', 's3.garage.test', ['b', '\r\n']],
  ['/b/k#f', 's3.garage.test', ['b', 'k#f']],
  ['/b/%C3%A9', 's3.garage.test', ['b', 'é']],
  ['/b/é', 's3.garage.test', ['b', 'é']],
  ['/b/e%CC%81', 's3.garage.test', ['b', 'e\u0301']],
  ['/b/%ff', 's3.garage.test', 'InvalidURI'],
  ['/b/%C3', 's3.garage.test', 'InvalidURI'],
  ['/b/%C0%AF', 's3.garage.test', 'InvalidURI'],
  ['/b/%ED%A0%80', 's3.garage.test', 'InvalidURI'],
  ['/b/%F4%90%80%80', 's3.garage.test', 'InvalidURI'],
  ['/b/%zz', 's3.garage.test', 'InvalidURI'],
  ['/b/%', 's3.garage.test', 'InvalidURI'],
  ['/b/%4', 's3.garage.test', 'InvalidURI'],
  ['/%ff/k', 's3.garage.test', 'InvalidURI'],
  ['//k', 's3.garage.test', 'InvalidBucketName'],
  [`/b/${'k'.repeat(1024)}`, 's3.garage.test', ['b', 'k'.repeat(1024)]],
  [`/b/${'k'.repeat(1025)}`, 's3.garage.test', 'KeyTooLongError'],
  [`/b/${'%C3%A9'.repeat(512)}`, 's3.garage.test', ['b', 'é'.repeat(512)]],
  [`/b/${'%C3%A9'.repeat(513)}`, 's3.garage.test', 'KeyTooLongError'],
  [`/b/${'%E2%82%AC'.repeat(341)}`, 's3.garage.test', ['b', '€'.repeat(341)]],
  [`/b/${'%E2%82%AC'.repeat(342)}`, 's3.garage.test', 'KeyTooLongError'],
  // The host names the bucket: one rule for every spelling.
  ['/', 'b1.s3.garage.test', ['b1']],
  ['/k', 'b1.s3.garage.test', ['b1', 'k']],
  ['/b2/k', 'b1.s3.garage.test', ['b1', 'b2/k']],
  ['//k', 'b1.s3.garage.test', ['b1', '/k']],
  ['/k', 'B1.S3.Garage.Test:3900', ['b1', 'k']],
  ['/k', 'b1.s3.garage.test.', ['b1', 'k']],
  ['/k', 'b1.s3.garage.test.:80', ['b1', 'k']],
  ['/k', 'a.b.s3.garage.test', ['a.b', 'k']],
  ['/k', '.s3.garage.test', 'InvalidHostHeader'],
  ['/b/k', 'xs3.garage.test', ['b', 'k']],
  ['/b/k', '127.0.0.1:3900', ['b', 'k']],
  ['/b/k', '[::1]:3900', ['b', 'k']],
  ['/b/k', '[::1]', ['b', 'k']],
  ['/b/k', '', ['b', 'k']],
  ['/b/k', 'host:port', 'InvalidHostHeader'],
  ['/b/k', '[::1]x', 'InvalidHostHeader'],
];

for (const [path, host, expected] of targets) {
  const shown = path.length > 40 ? `${path.slice(0, 20)}… of ${String(path.length)}` : path;
  const meaning = JSON.stringify(expected).slice(0, 40);
  test(`${shown} at ${host === '' ? 'no host' : host} is ${meaning}`, t => {
    t.deepEqual(read(path, host), expected);
    // The second time the host is remembered.
    t.deepEqual(read(path, host), expected);
  });
}

test('without a root domain every host is path style', t => {
  const path = new TargetReader(undefined).read('/b/k', 'b1.s3.garage.test');
  t.deepEqual(path, { place: 'object', bucketName: 'b', key: 'k' as never });
});

test('leading dots and the case of the root domain do not matter', t => {
  const target = new TargetReader('.S3.Garage.Test').read('/k', 'b.s3.garage.test');
  t.is(target.place === 'object' && target.bucketName, 'b');
});

test('a key is the bytes that were sent, however many of them were percent-encoded', t => {
  fc.assert(
    fc.property(
      fc.string({ unit: 'binary', minLength: 1, maxLength: 200 }),
      fc.infiniteStream(fc.boolean()),
      (key, encodes) => {
        let path = '';
        for (const character of key) {
          const isPlain = /^[A-Za-z0-9._~/-]$/.test(character);
          const isLeft = isPlain && encodes.next().value === true;
          path += isLeft ? character : percentEncoded(character);
        }
        const target = reader.read(`/b/${path}`, 'h');
        t.is(target.place === 'object' && target.key, key as never);
      },
    ),
  );
});

function percentEncoded(character: string): string {
  return [...Buffer.from(character)].map(byte => `%${byte.toString(16).padStart(2, '0')}`).join('');
}

const queries: readonly (readonly [query: string, expected: unknown])[] = [
  ['', []],
  ['uploads', [['uploads', '']]],
  ['uploads=', [['uploads', '']]],
  ['&&a=1&', [['a', '1']]],
  ['a=b=c', [['a', 'b=c']]],
  ['prefix=a+b%2B%20', [['prefix', 'a b+ ']]],
  ['pre%66ix=x', [['prefix', 'x']]],
  ['prefix=%C3%A9', [['prefix', 'é']]],
  ['prefix=%ff', 'InvalidURI'],
  ['%zz=1', 'InvalidURI'],
  ['prefix=1&prefix=1', 'InvalidArgument'],
  ['prefix=1&pre%66ix=2', 'InvalidArgument'],
  ['foo=1&foo=2', [['foo', '1']]],
  ['__proto__=1', [['__proto__', '1']]],
];

for (const [query, expected] of queries) {
  test(`the query "${query}" is ${JSON.stringify(expected)}`, t => {
    try {
      t.deepEqual([...parseParameters(query)], expected as never);
    } catch (error) {
      t.is(error instanceof S3Error ? error.code : error, expected);
    }
  });
}
