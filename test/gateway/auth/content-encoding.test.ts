import test from 'ava';
import { storedContentEncoding } from '../../../gateway/auth/content-encoding.ts';
import type { PayloadMode } from '../../../gateway/auth/payload-mode.ts';
import { S3Error } from '../../../gateway/s3/s3-error.ts';

const streaming: PayloadMode = { kind: 'streaming-unsigned-trailer' };
const unsigned: PayloadMode = { kind: 'unsigned' };

test('aws-chunked is removed wherever it stands, the rest is kept as sent', t => {
  const cases: readonly (readonly [string | undefined, string | undefined])[] = [
    [undefined, undefined],
    ['', undefined],
    ['aws-chunked', undefined],
    ['AWS-Chunked', undefined],
    ['aws-chunked,gzip', 'gzip'],
    ['aws-chunked, gzip', 'gzip'],
    ['gzip,aws-chunked', 'gzip'],
    ['gzip, aws-chunked, br', 'gzip, br'],
    ['aws-chunked,aws-chunked', undefined],
    ['gzip', 'gzip'],
    ['x-aws-chunked', 'x-aws-chunked'],
  ];
  for (const [sent, kept] of cases) t.is(storedContentEncoding(sent, streaming), kept, sent);
});

test('without a streaming body a real encoding is kept and aws-chunked is refused', t => {
  t.is(storedContentEncoding('gzip, br', unsigned), 'gzip, br');
  for (const value of ['aws-chunked', 'gzip,aws-chunked']) {
    const error = t.throws(() => storedContentEncoding(value, unsigned), { instanceOf: S3Error });
    t.is(error.code, 'InvalidRequest');
  }
});
