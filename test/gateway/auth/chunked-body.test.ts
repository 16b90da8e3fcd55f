// Method: AWS's two published examples of chunked uploads, byte for byte; then bodies of the
// independent encoder, cut at every place and damaged in every way.
import test from 'ava';
import fc from 'fast-check';
import { ChunkedBody } from '../../../gateway/auth/chunked-body.ts';
import { chunkedFraming, type StreamingMode } from '../../../gateway/auth/chunked-framing.ts';
import { chunkedBody, chunkedLength, type HeaderPair } from '../../support/sigv4-signer.ts';
import {
  crcTrailer,
  data,
  encoded,
  headersOf,
  modeTexts,
  outcomeOf,
  prepared,
  replaced,
  sentAs,
  signedMode,
  signedTrailerMode,
  stored,
  type ModeName,
  type Outcome,
} from './chunked-outcome.ts';
import { acceptedNow, awsExample, requestOf } from './signed-request.ts';

const exampleData = Buffer.alloc(66_560, 'a');
const exampleHeaders: readonly HeaderPair[] = [
  ['Host', 's3.amazonaws.com'],
  ['x-amz-date', awsExample.timestamp],
  ['x-amz-storage-class', 'REDUCED_REDUNDANCY'],
  ['Content-Encoding', 'aws-chunked'],
  ['x-amz-decoded-content-length', '66560'],
  ['Content-Length', '66824'],
];

type Published = {
  readonly title: string;
  readonly mode: StreamingMode;
  readonly signedHeaders: string;
  readonly seed: string;
  readonly chunks: readonly [string, string, string];
  readonly headers: readonly HeaderPair[];
  readonly trailer: string;
};

const published: readonly Published[] = [
  {
    title: 'Transferring Payload in Multiple Chunks',
    mode: signedMode,
    signedHeaders:
      'content-encoding;content-length;host;x-amz-content-sha256;x-amz-date;' +
      'x-amz-decoded-content-length;x-amz-storage-class',
    seed: '4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9',
    chunks: [
      'ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288648',
      '0055627c9e194cb4542bae2aa5492e3c1575bbb81b612b7d234b86a503ef5497',
      'b6c6ea8a5354eaf15b3cb7646744f4275b71ea724fed81ceb9323e279d449df9',
    ],
    headers: [['x-amz-content-sha256', 'STREAMING-AWS4-HMAC-SHA256-PAYLOAD']],
    trailer: '',
  },
  {
    title: 'Including Trailing Headers',
    mode: signedTrailerMode,
    signedHeaders:
      'content-encoding;host;x-amz-content-sha256;x-amz-date;' +
      'x-amz-decoded-content-length;x-amz-storage-class;x-amz-trailer',
    seed: '106e2a8a18243abcf37539882f36619c00e2dfc72633413f02d3b74544bfeb8e',
    chunks: [
      'b474d8862b1487a5145d686f57f013e54db672cee1c953b3010fb58501ef5aa2',
      '1c1344b170168f8e65b41376b44b20fe354e373826ccbbe2c1d40a8cae51e5c7',
      '2ca2aba2005185cf7159c6277faf83795951dd77a3a99e6e65d5c9f85863f992',
    ],
    headers: [
      ['x-amz-content-sha256', 'STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER'],
      ['x-amz-trailer', 'x-amz-checksum-crc32c'],
    ],
    trailer:
      'x-amz-checksum-crc32c:sOO8/Q==\r\n' +
      'x-amz-trailer-signature:' +
      'd81f82fc3505edab99d459891051a732e8730629a2e4a59689829ca17fe2e435\r\n',
  },
];

function exampleBody({ chunks, trailer }: Published): Buffer {
  const [first, second, last] = chunks;
  return Buffer.concat([
    Buffer.from(`10000;chunk-signature=${first}\r\n`),
    exampleData.subarray(0, 65_536),
    Buffer.from(`\r\n400;chunk-signature=${second}\r\n`),
    exampleData.subarray(65_536),
    Buffer.from(`\r\n0;chunk-signature=${last}\r\n${trailer}\r\n`),
  ]);
}

for (const example of published) {
  test(`AWS's published example verifies: ${example.title}`, t => {
    const credential = `${awsExample.accessKeyId}/20130524/us-east-1/s3/aws4_request`;
    const authorization: HeaderPair = [
      'Authorization',
      `AWS4-HMAC-SHA256 Credential=${credential},` +
        `SignedHeaders=${example.signedHeaders},Signature=${example.seed}`,
    ];
    const headers = [...exampleHeaders, ...example.headers, authorization];
    const request = requestOf({ method: 'PUT', path: '/examplebucket/chunkObject.txt', headers });
    const { signing, payload } = acceptedNow(request);
    t.deepEqual(payload, example.mode);
    const trailerNames = request.headers.get('x-amz-trailer');
    const outcome = outcomeOf({
      mode: example.mode,
      signing,
      decodedBytes: exampleData.length,
      pieces: [exampleBody(example)],
      ...(trailerNames === undefined ? {} : { trailerNames }),
    });
    const sent: HeaderPair = ['x-amz-checksum-crc32c', 'sOO8/Q=='];
    const trailers = trailerNames === undefined ? [] : [sent];
    t.deepEqual(outcome, { kind: 'stored', data: exampleData, trailers });
  });
}

const names = Object.keys(modeTexts) as ModeName[];

for (const name of names) {
  test(`a body decodes whole and byte by byte: ${name}`, t => {
    const body = encoded(name);
    t.deepEqual(outcomeOf(sentAs(name, [body])), stored(name));
    const bytes = Array.from(body, (_, index) => body.subarray(index, index + 1));
    t.deepEqual(outcomeOf(sentAs(name, bytes)), stored(name));
    t.deepEqual(outcomeOf(sentAs(name, [new Uint8Array(0), body])), stored(name));
  });

  test(`an empty body decodes: ${name}`, t => {
    const { encoderSeed, trailers } = prepared(name);
    const nothing = new Uint8Array(0);
    const body = chunkedBody(nothing, { seed: encoderSeed, chunkBytes: 10, trailers });
    const outcome = outcomeOf(sentAs(name, [body], 0));
    t.deepEqual(outcome, { kind: 'stored', data: Buffer.alloc(0), trailers });
  });

  test(`the encoder knows the length beforehand: ${name}`, t => {
    const { trailers } = prepared(name);
    const signed = name !== 'unsigned-trailer';
    for (const chunkBytes of [1, 26, 40, 104, 1000]) {
      const length = chunkedLength({ decodedBytes: data.length, chunkBytes, signed, trailers });
      t.is(length, encoded(name, chunkBytes).length);
    }
  });

  test(`splitting a body anywhere gives the same result: ${name}`, t => {
    const body = encoded(name);
    const cuts = fc.uniqueArray(fc.nat({ max: body.length }), { maxLength: 12 });
    fc.assert(
      fc.property(cuts, positions => {
        t.deepEqual(outcomeOf(sentAs(name, split(body, positions))), stored(name));
      }),
      { numRuns: 300 },
    );
  });

  test(`a body that was cut short is never stored: ${name}`, t => {
    const body = encoded(name);
    // Behind trailers some clients leave out the blank line; what it ends is complete without it.
    const optional = name === 'signed' ? 0 : 2;
    for (let length = 0; length < body.length - optional; length++) {
      const outcome = outcomeOf(sentAs(name, [body.subarray(0, length)]));
      t.is(outcome.kind, 'refused', `${length} of ${body.length} bytes`);
    }
  });

  test(`a body with something behind its end is never stored: ${name}`, t => {
    for (const extra of ['x', '\r\n', '0\r\n\r\n', 'x-amz-checksum-sha1:AAAA\r\n']) {
      const body = Buffer.concat([encoded(name), Buffer.from(extra)]);
      t.is(outcomeOf(sentAs(name, [body])).kind, 'refused', JSON.stringify(extra));
    }
  });

  test(`no flipped, dropped, doubled or swapped bytes are stored as other data: ${name}`, t => {
    const body = encoded(name, 30);
    let refusals = 0;
    fc.assert(
      fc.property(damages(body.length), (damage: readonly Damage[]) => {
        const damaged = damage.reduce<Buffer>(damagedBy, body);
        const outcome = outcomeOf(sentAs(name, split(damaged, [damage[0]!.at])));
        if (outcome.kind === 'refused') refusals++;
        if (outcome.kind === 'refused' || outcome.data.equals(data)) return true;
        // Unsigned chunks are protected by the checksum, which the object's writer compares.
        return name === 'unsigned-trailer' && !holdsChecksum(outcome);
      }),
      { numRuns: 3000 },
    );
    t.true(refusals > 1000, 'most damage is seen');
  });

  test(`a client that goes away is a refusal: ${name}`, t => {
    for (const length of [0, 1, 60, 200]) {
      const pieces = [encoded(name).subarray(0, length)];
      const outcome = outcomeOf({ ...sentAs(name, pieces), ending: 'aborted' });
      t.deepEqual(outcome, { kind: 'refused', code: 'IncompleteBody' });
    }
    t.is(outcomeOf({ ...sentAs(name, [encoded(name)]), ending: 'aborted' }).kind, 'refused');
  });
}

function split(body: Uint8Array, positions: readonly number[]): Uint8Array[] {
  const cuts = [0, ...[...positions].sort((left, right) => left - right), body.length];
  return cuts.slice(1).map((end, index) => body.subarray(cuts[index], Math.max(end, 0)));
}

type Damage = {
  readonly kind: 'flip' | 'drop' | 'double' | 'swap' | 'zero';
  readonly at: number;
  readonly length: number;
  readonly bit: number;
};

function damages(bodyLength: number): fc.Arbitrary<Damage[]> {
  const one = fc.record({
    kind: fc.constantFrom('flip', 'drop', 'double', 'swap', 'zero' as const),
    at: fc.nat({ max: bodyLength - 1 }),
    length: fc.integer({ min: 1, max: 60 }),
    bit: fc.nat({ max: 7 }),
  });
  return fc.array(one, { minLength: 1, maxLength: 3 });
}

function damagedBy(body: Buffer, { kind, at, length, bit }: Damage): Buffer {
  const before = body.subarray(0, at);
  const hit = body.subarray(at, at + length);
  const after = body.subarray(at + length);
  switch (kind) {
    case 'flip': {
      const flipped = Buffer.from(body);
      if (at < flipped.length) flipped[at] = flipped[at]! ^ (1 << bit);
      return flipped;
    }
    case 'drop':
      return Buffer.concat([before, after]);
    case 'double':
      return Buffer.concat([before, hit, hit, after]);
    case 'swap':
      return Buffer.concat([after, hit, before]);
    case 'zero':
      return Buffer.concat([before, Buffer.alloc(hit.length), after]);
  }
}

function holdsChecksum({ data: bytes, trailers }: Extract<Outcome, { kind: 'stored' }>): boolean {
  const [name, value] = crcTrailer(bytes);
  return trailers.some(trailer => trailer[0] === name && trailer[1] === value);
}

test('trailer lines that end with LF CR LF, as minio-go writes them, are read', t => {
  for (const name of ['signed-trailer', 'unsigned-trailer'] as const) {
    const { encoderSeed, trailers } = prepared(name);
    const options = { seed: encoderSeed, chunkBytes: 50, trailers, trailerEnd: '\n\r\n' } as const;
    const body = chunkedBody(data, options);
    t.deepEqual(outcomeOf(sentAs(name, [body])), stored(name));
  }
});

test('a blank line between the last chunk and the trailers is read over', t => {
  for (const name of ['signed-trailer', 'unsigned-trailer'] as const) {
    const body = replaced(name, '\r\nx-amz-checksum', '\r\n\r\nx-amz-checksum');
    t.deepEqual(outcomeOf(sentAs(name, [Buffer.from(body, 'latin1')])), stored(name));
  }
});

test('trailer names are compared without case, values without blanks around them', t => {
  const body = replaced('unsigned-trailer', 'x-amz-checksum-crc32:', 'X-Amz-Checksum-CRC32: ');
  const outcome = outcomeOf(sentAs('unsigned-trailer', [Buffer.from(body, 'latin1')]));
  t.deepEqual(outcome, stored('unsigned-trailer'));
});

test('data are passed on as they come, not a chunk at a time', t => {
  const { mode, signing } = prepared('signed');
  const headers = headersOf([['x-amz-decoded-content-length', String(data.length)]]);
  let passedOn = 0;
  const body = new ChunkedBody(chunkedFraming(mode, headers), signing, {
    bytes: bytes => (passedOn += bytes.length),
    end: () => t.fail(),
    refused: () => t.fail(),
  });
  const bytes = encoded('signed', data.length);
  const headerLength = bytes.indexOf('\n') + 1;
  body.chunk(bytes.subarray(0, headerLength + 7));
  t.is(passedOn, 7);
});

test('what follows a refusal is ignored', t => {
  const { mode, signing } = prepared('signed');
  const headers = headersOf([['x-amz-decoded-content-length', '1']]);
  const codes: string[] = [];
  const body = new ChunkedBody(chunkedFraming(mode, headers), signing, {
    bytes: () => t.fail(),
    end: () => t.fail(),
    refused: error => codes.push(error.code),
  });
  body.chunk(Buffer.from('zzz\r\n'));
  body.chunk(encoded('signed'));
  body.end();
  body.aborted();
  t.deepEqual(codes, ['InvalidRequest']);
});
