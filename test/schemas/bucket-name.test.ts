import test from 'ava';
import { isBucketName } from '../../schemas/bucket-name.ts';

test('names that S3 allows are taken', t => {
  for (const name of ['abc', 'a-b', 'site.example', '0ab', 'a'.repeat(63), '1.2.3']) {
    t.true(isBucketName(name, 'refused'), name);
  }
});

test('names that S3 refuses are refused', t => {
  const names = [
    ...['', 'ab', 'a'.repeat(64), 'UPPER', 'a..b', '-ab', 'ab-', '.ab', 'ab.', 'a_b', 'a b'],
    ...['192.168.0.1', 'my-bucket-s3alias', 'ä-bucket', 'a/b', 'abc\n'],
    ...['sthree-ab', 'amzn-s3-demo-bucket', 'ab--ol-s3', 'ab.mrap', 'ab--x-s3', 'ab--table-s3'],
  ];
  for (const name of names) t.false(isBucketName(name, 'allowed'), JSON.stringify(name));
});

test('internationalised names are taken only where they are allowed', t => {
  for (const name of ['xn--bcher-kva', 'www.xn--bcher-kva.example']) {
    t.false(isBucketName(name, 'refused'));
    t.true(isBucketName(name, 'allowed'));
  }
  t.true(isBucketName('axn--b', 'refused'));
});
