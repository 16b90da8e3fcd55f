// Method: first AWS's published examples (the S3 API reference's "Signature Calculations", copied
// signatures and all), which neither our signer nor our verifier can have agreed upon; then what
// the independent signer signs in all the ways that clients do; then changes of single characters.
import test from 'ava';
import fc from 'fast-check';
import { authenticate } from '../../../gateway/auth/signature-v4.ts';
import { S3Error } from '../../../gateway/s3/s3-error.ts';
import { EMPTY_SHA256, SigV4Signer, type HeaderPair } from '../../support/sigv4-signer.ts';
import {
  acceptedNow,
  authenticateNow,
  awsExample,
  base,
  exampleOptions,
  exampleSigner,
  good,
  goodUrl,
  header,
  minuteMs,
  presigned,
  requestAt,
  requestOf,
  signed,
  withHeader,
  type TestRequest,
} from './signed-request.ts';

const { accessKeyId, host, timeMs, timestamp } = awsExample;
const welcome = '44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072';

function authorization(signedHeaders: string, signature: string): HeaderPair {
  const credential = `Credential=${accessKeyId}/20130524/us-east-1/s3/aws4_request`;
  const rest = `SignedHeaders=${signedHeaders},Signature=${signature}`;
  return ['Authorization', `AWS4-HMAC-SHA256 ${credential},${rest}`];
}

const published: readonly (TestRequest & { readonly title: string })[] = [
  {
    title: 'GET Object',
    path: '/test.txt',
    headers: [
      ['Host', host],
      ['Range', 'bytes=0-9'],
      ['x-amz-content-sha256', EMPTY_SHA256],
      ['x-amz-date', timestamp],
      authorization(
        'host;range;x-amz-content-sha256;x-amz-date',
        'f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41',
      ),
    ],
  },
  {
    title: 'PUT Object',
    method: 'PUT',
    path: '/test%24file.text',
    headers: [
      ['Host', host],
      ['Date', 'Fri, 24 May 2013 00:00:00 GMT'],
      ['x-amz-date', timestamp],
      ['x-amz-storage-class', 'REDUCED_REDUNDANCY'],
      ['x-amz-content-sha256', welcome],
      authorization(
        'date;host;x-amz-content-sha256;x-amz-date;x-amz-storage-class',
        '98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd',
      ),
    ],
  },
  {
    title: 'GET Bucket Lifecycle',
    query: 'lifecycle',
    headers: [
      ['Host', host],
      ['x-amz-date', timestamp],
      ['x-amz-content-sha256', EMPTY_SHA256],
      authorization(
        'host;x-amz-content-sha256;x-amz-date',
        'fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543',
      ),
    ],
  },
  {
    title: 'Get Bucket (List Objects)',
    query: 'max-keys=2&prefix=J',
    headers: [
      ['Host', host],
      ['x-amz-date', timestamp],
      ['x-amz-content-sha256', EMPTY_SHA256],
      authorization(
        'host;x-amz-content-sha256;x-amz-date',
        '34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7',
      ),
    ],
  },
  {
    title: 'a presigned GET',
    path: '/test.txt',
    query:
      'X-Amz-Algorithm=AWS4-HMAC-SHA256' +
      '&X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20130524%2Fus-east-1%2Fs3%2Faws4_request' +
      '&X-Amz-Date=20130524T000000Z&X-Amz-Expires=86400&X-Amz-SignedHeaders=host' +
      '&X-Amz-Signature=aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404',
    headers: [['Host', host]],
  },
];

for (const { title, ...example } of published) {
  test(`AWS's published example verifies: ${title}`, t => {
    const answer = acceptedNow(requestOf(example));
    t.is(answer.accessKeyId, accessKeyId);
    t.is(answer.signing.scope, '20130524/us-east-1/s3/aws4_request');
    t.is(answer.signing.timestamp, timestamp);
  });

  test(`AWS's published example with another method is refused: ${title}`, t => {
    const error = t.throws(() => authenticateNow(requestOf({ ...example, method: 'DELETE' })), {
      instanceOf: S3Error,
    });
    t.is(error.code, 'SignatureDoesNotMatch');
    t.is(error.status, 403);
  });
}

test('a request without any signature is anonymous', t => {
  const request = requestOf({ query: 'list-type=2', headers: [['Host', host]] });
  const answer = authenticateNow(request);
  t.is(answer.kind, 'anonymous');
  t.is(answer.effectiveHeaders, request.headers);
  t.is(authenticateNow(requestOf({ headers: [['authorization', '']] })).kind, 'anonymous');
});

test('a signed request says who, how, and with what its chunks are signed', t => {
  const request = { ...base, payload: 'STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER' };
  const { headers, seed } = exampleSigner().sign(request);
  const answer = acceptedNow(requestOf({ ...request, headers }));
  t.false(answer.presigned);
  t.deepEqual(answer.payload, { kind: 'streaming-signed', trailer: true });
  t.is(answer.signing.seedSignature, seed.signature);
  t.is(answer.signing.timestamp, seed.timestamp);
  t.true(answer.signing.signingKey.equals(seed.signingKey));
});

test('every payload mode is parsed from its one value', t => {
  const modes = {
    [welcome]: { kind: 'hashed', sha256Hex: welcome },
    [welcome.toUpperCase()]: { kind: 'hashed', sha256Hex: welcome },
    'UNSIGNED-PAYLOAD': { kind: 'unsigned' },
    'STREAMING-AWS4-HMAC-SHA256-PAYLOAD': { kind: 'streaming-signed', trailer: false },
    'STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER': { kind: 'streaming-signed', trailer: true },
    'STREAMING-UNSIGNED-PAYLOAD-TRAILER': { kind: 'streaming-unsigned-trailer' },
  } as const;
  for (const [payload, mode] of Object.entries(modes)) {
    t.deepEqual(acceptedNow(requestOf(signed({ payload }))).payload, mode, payload);
  }
});

test('a secret that must be fetched is awaited, and one that is missing rejects', async t => {
  const request = requestOf(signed());
  const findSecret = (id: string) =>
    Promise.resolve(id === accessKeyId ? awsExample.secretKey : undefined);
  const answer = await authenticate(request, exampleOptions({ findSecret }));
  t.is(answer.kind, 'signed');
  const missing = exampleOptions({ findSecret: () => Promise.resolve(undefined) });
  const error = await t.throwsAsync(async () => authenticate(request, missing), {
    instanceOf: S3Error,
  });
  t.is(error.code, 'InvalidAccessKeyId');
});

test('a request up to 15 minutes off is accepted, before and after', t => {
  for (const offMs of [-15 * minuteMs, 15 * minuteMs]) {
    t.is(authenticateNow(requestOf(good), { nowMs: timeMs + offMs }).kind, 'signed');
  }
});

test('a URL is accepted until the last second of its life', t => {
  const week = presigned({ expiresSeconds: 604_800 });
  const request = requestAt(week, { headers: [['Host', host]] });
  t.is(authenticateNow(request, { nowMs: timeMs + 604_800_000 }).kind, 'signed');
});

test('a Date header alone is enough', t => {
  t.is(authenticateNow(requestOf(signed({ dateHeader: 'date' }))).kind, 'signed');
});

test('x-amz-content-sha256 need not be listed among the signed headers', t => {
  const request = signed({ signedNames: ['host', 'x-amz-date', 'x-amz-meta-color'] });
  t.is(authenticateNow(requestOf(request)).kind, 'signed');
  const error = t.throws(
    () => authenticateNow(requestOf(withHeader(request, 'x-amz-content-sha256', welcome))),
    { instanceOf: S3Error },
  );
  t.is(error.code, 'SignatureDoesNotMatch', 'it is signed all the same');
});

test('fields of the header may be separated by blanks and come in any order', t => {
  const [scheme = '', fields = ''] = header(good, 'authorization').split(' ');
  const shuffled = `${scheme} ${fields.split(',').reverse().join(' ,  ')}`;
  t.is(authenticateNow(requestOf(withHeader(good, 'authorization', shuffled))).kind, 'signed');
});

test('blanks in header values are trimmed and collapsed, repeated headers joined', t => {
  const headers: HeaderPair[] = [
    ['Host', host],
    ['x-amz-meta-a', '  two   words\tmore  '],
    ['x-amz-meta-b', 'first'],
    ['x-amz-meta-b', 'second'],
  ];
  t.is(authenticateNow(requestOf(signed({ headers }))).kind, 'signed');
});

test('a path signed in one encoding and sent in another verifies', t => {
  const pairs = [
    ['/bucket/a@b', '/bucket/a%40b'],
    ['/bucket/a%7Eb', '/bucket/a~b'],
    ['/bucket/%e2%82%ac', '/bucket/%E2%82%AC'],
    ["/bucket/it's(1)!*", '/bucket/it%27s%281%29%21%2A'],
    ['/bucket/a+b', '/bucket/a%2Bb'],
  ];
  for (const [path = '', canonicalPath = ''] of pairs) {
    t.is(authenticateNow(requestOf(signed({ path, canonicalPath }))).kind, 'signed', path);
    t.is(authenticateNow(requestOf(signed({ path }))).kind, 'signed', `${path} as it is`);
  }
});

test('a path is not normalised', t => {
  for (const path of ['/bucket/a//b', '/bucket/../c', '/bucket/./c', '/bucket/%2E%2E/c', '//']) {
    t.is(authenticateNow(requestOf(signed({ path }))).kind, 'signed', path);
    const moved = signed({ path: '/bucket/c', canonicalPath: path });
    const error = t.throws(() => authenticateNow(requestOf(moved)), { instanceOf: S3Error });
    t.is(error.code, 'SignatureDoesNotMatch');
  }
});

test('a query verifies in any order and any encoding', t => {
  const canonical = signed({ query: 'a=&list-type=2&prefix=x%2Fy%20z&prefix-a=~' });
  for (const query of [
    'prefix-a=%7E&prefix=x/y%20z&list-type=2&a',
    'list-type=2&prefix=x%2fy+z&a=&prefix-a=~',
    'a&&list-type=2&prefix=x%2Fy%20z&prefix-a=~',
  ]) {
    t.is(authenticateNow(requestOf({ ...canonical, query })).kind, 'signed', query);
  }
});

test('a presigned URL verifies in any encoding of its parameters', t => {
  const readable = goodUrl.replaceAll('%2F', '/');
  t.not(readable, goodUrl);
  t.is(authenticateNow(requestAt(readable, { headers: [['Host', host]] })).kind, 'signed');
});

test('parameters of a presigned URL that stand for headers reach the handler as headers', t => {
  const query =
    'x-amz-checksum-mode=ENABLED&X-Amz-Meta-Color=deep%20%C3%A9&x-id=PutObject' +
    '&X-Amz-Content-Sha256=STREAMING-UNSIGNED-PAYLOAD-TRAILER';
  const target = presigned({
    method: 'PUT',
    query,
    payload: 'STREAMING-UNSIGNED-PAYLOAD-TRAILER',
  });
  const answer = acceptedNow(requestAt(target, { method: 'PUT', headers: [['Host', host]] }));
  t.deepEqual(answer.payload, { kind: 'streaming-unsigned-trailer' });
  t.is(answer.effectiveHeaders.get('x-amz-checksum-mode'), 'ENABLED');
  t.is(answer.effectiveHeaders.get('x-amz-meta-color'), 'deep é');
  t.is(answer.effectiveHeaders.count('x-amz-meta-color'), 1);
  t.is(answer.effectiveHeaders.get('host'), host);
  t.is(answer.effectiveHeaders.get('x-id'), undefined);
  t.is(answer.effectiveHeaders.get('x-amz-signature'), undefined);
});

test('the checksum of nothing that SDKs presign does not reach the handler, a sent one does', t => {
  const query = 'x-amz-checksum-crc32=AAAAAA%3D%3D&x-amz-sdk-checksum-algorithm=CRC32';
  const headers: HeaderPair[] = [['Host', host]];
  const answer = acceptedNow(requestAt(presigned({ query }), { headers }));
  t.is(answer.effectiveHeaders.get('x-amz-checksum-crc32'), undefined);
  t.is(answer.effectiveHeaders.get('x-amz-sdk-checksum-algorithm'), undefined);
  const sent: HeaderPair[] = [...headers, ['x-amz-checksum-crc32', '1BGVfQ==']];
  const both = acceptedNow(
    requestAt(presigned({ query, headers: sent }), { headers: sent }),
  ).effectiveHeaders;
  t.is(both.get('x-amz-checksum-crc32'), '1BGVfQ==');
  const unsigned = requestAt(presigned({ query }), { headers: sent });
  const error = t.throws(() => authenticateNow(unsigned), { instanceOf: S3Error });
  t.is(error.code, 'AccessDenied');
});

test('a header and a hoisted header that differ are refused, equal ones are one', t => {
  const headers: HeaderPair[] = [
    ['Host', host],
    ['x-amz-meta-a', '1'],
  ];
  const same = presigned({ headers, query: 'x-amz-meta-a=1' });
  const answer = acceptedNow(requestAt(same, { headers }));
  t.is(answer.effectiveHeaders.count('x-amz-meta-a'), 1);
  const other = presigned({ headers, query: 'x-amz-meta-a=2' });
  const error = t.throws(() => authenticateNow(requestAt(other, { headers })), {
    instanceOf: S3Error,
  });
  t.is(error.code, 'InvalidRequest');
});

test('K2V signs the path encoded once more', t => {
  const signer = new SigV4Signer({ ...awsExample, service: 'k2v' });
  const request = { ...base, path: '/bucket/a%20b', canonicalPath: '/bucket/a%2520b' };
  const sent = requestOf({ ...request, headers: signer.sign(request).headers });
  t.is(authenticateNow(sent, { service: 'k2v' }).kind, 'signed');
  const error = t.throws(() => authenticateNow(sent), { instanceOf: S3Error });
  t.is(error.code, 'AuthorizationHeaderMalformed', 'a signature for K2V is none for S3');
});

test('no single change of a character of a signed request is accepted', t => {
  const request = signed({ query: 'partNumber=1&uploadId=abc' });
  const texts = ['method', 'path', 'query', ...request.headers.map(([name]) => name)];
  const change = fc.record({
    where: fc.nat({ max: texts.length - 1 }),
    at: fc.nat({ max: 400 }),
    bit: fc.nat({ max: 6 }),
  });
  fc.assert(
    fc.property(change, ({ where, at, bit }) => {
      const changed = flipped(request, where, { at, bit });
      if (changed === undefined) return;
      const outcome = outcomeOf(changed);
      t.not(outcome, 'signed', JSON.stringify(changed));
    }),
    { numRuns: 2000 },
  );
});

/** `request` with one bit of one text flipped; undefined when that says the same. */
function flipped(
  request: TestRequest,
  where: number,
  { at, bit }: { at: number; bit: number },
): TestRequest | undefined {
  const flip = (text: string): string | undefined => {
    if (text === '') return undefined;
    const index = at % text.length;
    const code = text.charCodeAt(index) ^ (1 << bit);
    // Control characters and blanks do not arrive in a head; `&` splits nothing into nothing.
    if (code <= 0x20 || code === 0x7f) return undefined;
    return text.slice(0, index) + String.fromCharCode(code) + text.slice(index + 1);
  };
  const fields = ['method', 'path', 'query'] as const;
  const field = fields[where];
  if (field !== undefined) {
    const text = flip(request[field] ?? '');
    return text === undefined ? undefined : { ...request, [field]: text };
  }
  const headers = request.headers.map(([name, value], index): HeaderPair => {
    return index === where - fields.length ? [name, flip(value) ?? value] : [name, value];
  });
  const isSame = headers.every(([, value], index) => value === request.headers[index]?.[1]);
  return isSame ? undefined : { ...request, headers };
}

/** `signed`, or the code of the refusal; anything else thrown fails the test. */
function outcomeOf(request: TestRequest): string {
  try {
    return authenticateNow(requestOf(request)).kind;
  } catch (error) {
    if (error instanceof S3Error) return error.code;
    throw error;
  }
}

test('whatever stands in the Authorization header or the query, the answer is a refusal', t => {
  const garbage = fc.string({ unit: 'binary-ascii', maxLength: 200 });
  fc.assert(
    fc.property(garbage, garbage, (text, query) => {
      const header: HeaderPair = ['authorization', `AWS4-HMAC-SHA256 ${text}`];
      t.not(outcomeOf(withHeader(good, header[0], header[1])), 'signed');
      t.not(outcomeOf({ headers: [['host', host]], query: `X-Amz-Algorithm=${query}` }), 'signed');
    }),
    { numRuns: 1000 },
  );
});
