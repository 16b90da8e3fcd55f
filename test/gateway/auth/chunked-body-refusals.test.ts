// Method: a good body with one thing wrong, fed whole and byte by byte: both get the same answer.
import test from 'ava';
import { ChunkEncoder, type HeaderPair } from '../../support/sigv4-signer.ts';
import {
  checksum,
  data,
  encoded,
  outcomeOf,
  prepared,
  replaced,
  sentAs,
  type ModeName,
} from './chunked-outcome.ts';

type Wrong = {
  readonly title: string;
  readonly name: ModeName;
  readonly body: () => string | Buffer;
  readonly code: string;
  readonly decodedBytes?: number;
  readonly trailerNames?: string;
};

const zeroSignature = '0'.repeat(64);

/** The body with the `index`th chunk signature replaced. */
function withChunkSignature(name: ModeName, index: number): string {
  let seen = 0;
  return encoded(name)
    .toString('latin1')
    .replace(/chunk-signature=[0-9a-f]{64}/g, found =>
      seen++ === index ? `chunk-signature=${zeroSignature}` : found,
    );
}

/** Chunks and trailers as given, all signed as they come. */
function built(
  name: ModeName,
  chunks: readonly Uint8Array[],
  trailers: readonly HeaderPair[],
): Buffer {
  const encoder = new ChunkEncoder({ seed: prepared(name).encoderSeed });
  return Buffer.concat([...chunks.map(chunk => encoder.chunk(chunk)), encoder.last(trailers)]);
}

const wrongs: readonly Wrong[] = [
  ...(['signed', 'signed-trailer'] as const).flatMap(name =>
    [0, 1, 2, 3].map(index => ({
      title: `a wrong signature of chunk ${index} of 4 (${name})`,
      name,
      body: () => withChunkSignature(name, index),
      code: 'SignatureDoesNotMatch',
    })),
  ),
  {
    title: 'a signature in capitals',
    name: 'signed',
    body: () =>
      encoded('signed')
        .toString('latin1')
        .replace(/=[0-9a-f]{64}/g, found => found.toUpperCase()),
    code: 'SignatureDoesNotMatch',
  },
  {
    title: 'two chunks exchanged',
    name: 'signed',
    body: () => {
      const [first = '', second = '', ...rest] = encoded('signed', 52)
        .toString('latin1')
        .split(/(?=34;chunk)|(?=0;chunk)/);
      return [second, first, ...rest].join('');
    },
    code: 'SignatureDoesNotMatch',
  },
  {
    title: 'the last chunk missing',
    name: 'signed',
    body: () => replaced('signed', /0;chunk-signature=.*\r\n\r\n$/, ''),
    code: 'IncompleteBody',
  },
  {
    title: 'the last chunk missing, unsigned',
    name: 'unsigned-trailer',
    body: () => replaced('unsigned-trailer', /0\r\n.*\r\n\r\n$/, ''),
    code: 'IncompleteBody',
  },
  {
    title: 'a decoded length that is one too small',
    name: 'signed',
    body: () => encoded('signed'),
    decodedBytes: data.length - 1,
    code: 'IncompleteBody',
  },
  {
    title: 'a decoded length that is one too large',
    name: 'signed',
    body: () => encoded('signed'),
    decodedBytes: data.length + 1,
    code: 'IncompleteBody',
  },
  {
    title: 'a decoded length that is one too large, unsigned',
    name: 'unsigned-trailer',
    body: () => encoded('unsigned-trailer'),
    decodedBytes: data.length + 1,
    code: 'IncompleteBody',
  },
  {
    title: 'a chunk larger than the rest',
    name: 'unsigned-trailer',
    body: () => replaced('unsigned-trailer', /^28\r\n/, 'ffff\r\n'),
    code: 'IncompleteBody',
  },
  {
    title: 'a chunk of 2^63 bytes',
    name: 'unsigned-trailer',
    body: () => replaced('unsigned-trailer', /^28\r\n/, '8000000000000000\r\n'),
    code: 'IncompleteBody',
  },
  ...['0x28', 'g', '-28', ' 28', '28 ', '', '+28', '2.8', '00000000000000028'].map(size => ({
    title: `the chunk size ${JSON.stringify(size)}`,
    name: 'unsigned-trailer' as const,
    body: () => replaced('unsigned-trailer', /^28\r\n/, `${size}\r\n`),
    code: 'InvalidRequest',
  })),
  {
    title: 'a chunk header without a signature',
    name: 'signed',
    body: () => replaced('signed', /;chunk-signature=[0-9a-f]{64}/, ''),
    code: 'InvalidRequest',
  },
  {
    title: 'a chunk header with another extension',
    name: 'signed',
    body: () => replaced('signed', ';chunk-signature=', ';chunk-checksum='),
    code: 'InvalidRequest',
  },
  {
    title: 'a chunk signature where none is expected',
    name: 'unsigned-trailer',
    body: () => replaced('unsigned-trailer', /^28\r\n/, `28;chunk-signature=${zeroSignature}\r\n`),
    code: 'InvalidRequest',
  },
  {
    title: 'a chunk header that ends with a bare line feed',
    name: 'signed',
    body: () => replaced('signed', '\r\n', '\n'),
    code: 'InvalidRequest',
  },
  {
    title: 'a chunk not followed by CR LF',
    name: 'unsigned-trailer',
    body: () => replaced('unsigned-trailer', /(?<=^28\r\n.{40})\r\n/s, '\n\n'),
    code: 'InvalidRequest',
  },
  {
    title: 'a chunk header without end',
    name: 'signed',
    body: () => '0'.repeat(100_000),
    code: 'InvalidRequest',
  },
  {
    title: 'a trailer without end',
    name: 'unsigned-trailer',
    body: () => replaced('unsigned-trailer', /crc32:/, `crc32:${'A'.repeat(100_000)}`),
    code: 'InvalidRequest',
  },
  {
    title: 'an announced trailer missing',
    name: 'unsigned-trailer',
    body: () => replaced('unsigned-trailer', /x-amz-checksum.*\r\n/, ''),
    code: 'MalformedTrailerError',
  },
  {
    title: 'an announced trailer missing although the rest is signed',
    name: 'signed-trailer',
    body: () => built('signed-trailer', [data], []),
    code: 'MalformedTrailerError',
  },
  {
    title: 'a trailer that was not announced',
    name: 'unsigned-trailer',
    body: () => built('unsigned-trailer', [data], [checksum, ['x-amz-checksum-sha1', 'AAAA']]),
    code: 'MalformedTrailerError',
  },
  {
    title: 'another trailer than the announced one',
    name: 'unsigned-trailer',
    body: () => built('unsigned-trailer', [data], [checksum]),
    trailerNames: 'x-amz-checksum-sha256',
    code: 'MalformedTrailerError',
  },
  {
    title: 'a trailer twice',
    name: 'unsigned-trailer',
    body: () => built('unsigned-trailer', [data], [checksum, checksum]),
    code: 'MalformedTrailerError',
  },
  {
    title: 'a signed trailer twice',
    name: 'signed-trailer',
    body: () => built('signed-trailer', [data], [checksum, checksum]),
    code: 'MalformedTrailerError',
  },
  {
    title: 'a trailer in a mode without trailers',
    name: 'signed',
    body: () => built('signed', [data], [checksum]),
    code: 'MalformedTrailerError',
  },
  {
    title: 'a trailer without a colon',
    name: 'unsigned-trailer',
    body: () => replaced('unsigned-trailer', 'crc32:', 'crc32='),
    code: 'MalformedTrailerError',
  },
  {
    title: 'a trailer without a value',
    name: 'unsigned-trailer',
    body: () => replaced('unsigned-trailer', /crc32:.*\r\n/, 'crc32:\r\n'),
    code: 'MalformedTrailerError',
  },
  {
    title: 'a trailer with a wrong signature',
    name: 'signed-trailer',
    body: () =>
      replaced('signed-trailer', /trailer-signature:.*\r/, `trailer-signature:${zeroSignature}\r`),
    code: 'SignatureDoesNotMatch',
  },
  {
    title: 'a trailer that was changed after it was signed',
    name: 'signed-trailer',
    body: () => replaced('signed-trailer', /crc32:./, 'crc32:_'),
    code: 'SignatureDoesNotMatch',
  },
  {
    title: 'a trailer without its signature',
    name: 'signed-trailer',
    body: () => replaced('signed-trailer', /x-amz-trailer-signature:.*\r\n/, ''),
    code: 'MalformedTrailerError',
  },
  {
    title: 'a trailer behind the signature of the trailer',
    name: 'signed-trailer',
    body: () =>
      replaced(
        'signed-trailer',
        /\r\n(x-amz-checksum.*\r\n)(x-amz-trailer-signature.*\r\n)/,
        '\r\n$2$1',
      ),
    code: 'SignatureDoesNotMatch',
  },
];

for (const { title, name, body, code, decodedBytes, trailerNames } of wrongs) {
  test(`${title}: ${code}`, t => {
    const bytes = Buffer.from(body() as string, 'latin1');
    const sent = sentAs(name, [bytes], decodedBytes);
    const changed = trailerNames === undefined ? sent : { ...sent, trailerNames };
    t.deepEqual(outcomeOf(changed), { kind: 'refused', code });
    const bytewise = Array.from(bytes, (_, index) => bytes.subarray(index, index + 1));
    t.deepEqual(outcomeOf({ ...changed, pieces: bytewise }), { kind: 'refused', code });
  });
}
