import test from 'ava';
import { chunkedFraming, type StreamingMode } from '../../../gateway/auth/chunked-framing.ts';
import { S3Error } from '../../../gateway/s3/s3-error.ts';
import type { HeaderPair } from '../../support/sigv4-signer.ts';
import {
  headersOf,
  signedMode,
  signedTrailerMode,
  unsignedTrailerMode,
} from './chunked-outcome.ts';

type Header = { readonly title: string; readonly headers: readonly HeaderPair[] };
const badFramings: readonly (Header & { mode: StreamingMode; code: string; status: number })[] = [
  {
    title: 'no decoded length',
    mode: signedMode,
    headers: [],
    code: 'MissingContentLength',
    status: 411,
  },
  ...['-1', '9223372036854775808', '1e3', '0x10', '1,1', ' ', '12a'].map(length => ({
    title: `the decoded length ${JSON.stringify(length)}`,
    mode: signedMode,
    headers: [['x-amz-decoded-content-length', length]] as const,
    code: 'InvalidArgument',
    status: 400,
  })),
  {
    title: 'a signed trailer without x-amz-trailer',
    mode: signedTrailerMode,
    headers: [['x-amz-decoded-content-length', '1']] as const,
    code: 'MalformedTrailerError',
    status: 400,
  },
  {
    title: 'x-amz-trailer without a trailer mode',
    mode: signedMode,
    headers: [
      ['x-amz-decoded-content-length', '1'],
      ['x-amz-trailer', 'x-amz-checksum-crc32'],
    ],
    code: 'InvalidRequest',
    status: 400,
  },
  {
    title: 'a trailer that S3 does not know',
    mode: unsignedTrailerMode,
    headers: [
      ['x-amz-decoded-content-length', '1'],
      ['x-amz-trailer', 'x-amz-meta-late'],
    ],
    code: 'InvalidRequest',
    status: 400,
  },
];

for (const { title, mode, headers, code, status } of badFramings) {
  test(`${title}: ${code}`, t => {
    const error = t.throws(() => chunkedFraming(mode, headersOf(headers)), { instanceOf: S3Error });
    t.is(error.code, code as S3Error['code']);
    t.is(error.status, status);
  });
}

test('x-amz-trailer may name several, in any case', t => {
  const framing = chunkedFraming(
    unsignedTrailerMode,
    headersOf([
      ['x-amz-decoded-content-length', '12'],
      ['x-amz-trailer', 'X-Amz-Checksum-CRC32 ,x-amz-checksum-sha1'],
    ]),
  );
  t.deepEqual(framing, {
    decodedBytes: 12,
    signed: false,
    trailers: new Set(['x-amz-checksum-crc32', 'x-amz-checksum-sha1']),
  });
});
