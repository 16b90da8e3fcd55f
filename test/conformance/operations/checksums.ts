/**
 * Checksums: "Checking object integrity for data uploads in Amazon S3".
 *
 * Owns:          their cases on every operation that knows them.
 * Knows:         the user guide; values that were computed apart.
 * Must not know: how a checksum is computed.
 */
import { FIRST_PART, LAST_PART } from '../fixtures.ts';
import { each, table, type Cases, type Step } from '../s3-case.ts';

/** Of `hello`. */
const HELLO = [
  ['crc32', 'NhCmhg=='],
  ['crc32c', 'mnG7TA=='],
  ['crc64nvme', 'M3eFcAZSQlc='],
  ['sha1', 'qvTGHdzF6KLavt4PO0gs2a6pQ00='],
  ['sha256', 'LPJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ='],
  ['md5', 'XUFAKrxLKna5cZ2REBfFkg=='],
  [
    'sha512',
    'm3HSJL1i83hdltRq0+o9czGb+8KJDKra4t/3JRlnPKcjI8PZm6XBHXx6zG4UuMXaDEZjR1wuXDre9G9zvN7AQw==',
  ],
  ['xxhash64', 'JseCfYifbaM='],
  ['xxhash3', 'lVXoVVxi3P0='],
  ['xxhash128', 'tenBrQcbPn/Hec+qXlI4GA=='],
] as const;
/** Of something else, and of the right length. */
const WRONG: Readonly<Record<string, string>> = {
  crc32: 'AAAAAA==',
  crc32c: 'AAAAAA==',
  crc64nvme: 'AAAAAAAAAAA=',
  sha1: '2jmj7l5rSw0yVb/vlWAYkK/YBwk=',
  sha256: '47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=',
  md5: '1B2M2Y8AsgTpgAmY7PhCfg==',
  sha512:
    'z4PhNX7vuL3xVChQ1m2AB9Yg5AULVxXcg/SpIdNs6c5H0NE8XYXysP+DGNKHfuwvY7kxvUdBeoGlODJ6+SfaPg==',
  xxhash64: '70bbN1HY6Zk=',
  xxhash3: 'LQaABTjTlMI=',
  xxhash128: 'maoG0wFHmNhgAcMkRo1Jfw==',
};

const MODE = { 'x-amz-checksum-mode': 'ENABLED' };

function told(name: string, value: string): Readonly<Record<string, string>> {
  return { [`x-amz-checksum-${name}`]: value, 'x-amz-checksum-type': 'FULL_OBJECT' };
}

const headers: Cases = {
  ...each(HELLO, ([name, value]) => [
    `${name} in a header`,
    {
      ...{ ask: 'PUT /{key}', body: 'hello', headers: { [`x-amz-checksum-${name}`]: value } },
      ...{ answer: '200', has: told(name, value) },
      then: [
        { ask: 'GET /{key}', headers: MODE, answer: '200', has: told(name, value) },
        { ask: 'HEAD /{key}', headers: MODE, answer: '200', has: told(name, value) },
        { ask: 'GET /{key}', answer: '200', has: { [`x-amz-checksum-${name}`]: null } },
        {
          ...{ ask: 'GET /{key}', headers: { ...MODE, range: 'bytes=0-1' }, answer: '206' },
          has: { [`x-amz-checksum-${name}`]: null },
        },
      ],
    },
  ]),
  ...each(HELLO, ([name]) => [
    `a wrong ${name} in a header`,
    {
      ask: 'PUT /{key}',
      ...{ body: 'hello', headers: { [`x-amz-checksum-${name}`]: WRONG[name] ?? '' } },
      ...{ answer: '400 BadDigest', then: ['GET /{key} = 404 NoSuchKey'] },
    },
  ]),
  ...each(HELLO, ([name]) => [
    `a ${name} that is none`,
    {
      ...{ ask: 'PUT /{key}', body: 'hello', headers: { [`x-amz-checksum-${name}`]: 'bad' } },
      answer: '400 InvalidRequest',
    },
  ]),
  'two checksums': {
    ask: 'PUT /{key}',
    headers: { 'x-amz-checksum-crc32': 'NhCmhg==', 'x-amz-checksum-crc32c': 'mnG7TA==' },
    ...{ body: 'hello', answer: '400 InvalidRequest' },
  },
  'x-amz-sdk-checksum-algorithm without a checksum': {
    ask: 'PUT /{key}',
    ...{ headers: { 'x-amz-sdk-checksum-algorithm': 'CRC32' }, body: 'hello' },
    answer: '400 InvalidRequest',
  },
  'x-amz-sdk-checksum-algorithm that is none': {
    ask: 'PUT /{key}',
    ...{ headers: { 'x-amz-sdk-checksum-algorithm': 'CRC7' }, body: 'hello' },
    answer: '400 InvalidRequest',
  },
  ...each(['CRC32', 'CRC32C', 'SHA1', 'SHA256', 'CRC64NVME'], ChecksumAlgorithm => [
    `the SDK with ${ChecksumAlgorithm}`,
    {
      call: 'PutObject',
      ...{ input: { Bucket: '{bucket}', Key: 'a', Body: 'hello', ChecksumAlgorithm } },
      ...{ answer: '200', gives: { [`Checksum${ChecksumAlgorithm}`]: /=$/ } },
      then: [
        {
          call: 'GetObject',
          ...{ input: { Bucket: '{bucket}', Key: 'a', ChecksumMode: 'ENABLED' }, answer: '200' },
          gives: { Body: 'hello', [`Checksum${ChecksumAlgorithm}`]: /=$/ },
        },
      ],
    },
  ]),
};

const trailers: Cases = {
  ...each(HELLO, ([name, value]) => [
    `${name} in a trailer, unsigned`,
    {
      ...{ ask: 'PUT /{key}', body: 'hello' },
      chunks: { are: 'unsigned' as const, trailers: [[`x-amz-checksum-${name}`, value]] },
      ...{ answer: '200', has: told(name, value), then: ['GET /{key} > hello'] },
    },
  ]),
  ...each(HELLO, ([name, value]) => [
    `${name} in a trailer, signed`,
    {
      ...{ ask: 'PUT /{key}', body: 'hello' },
      chunks: { are: 'signed' as const, trailers: [[`x-amz-checksum-${name}`, value]] },
      ...{ answer: '200', has: told(name, value), then: ['GET /{key} > hello'] },
    },
  ]),
  ...each(HELLO, ([name]) => [
    `a wrong ${name} in a trailer`,
    {
      ...{ ask: 'PUT /{key}', body: 'hello' },
      chunks: {
        are: 'unsigned' as const,
        trailers: [[`x-amz-checksum-${name}`, WRONG[name] ?? '']],
      },
      ...{ answer: '400 BadDigest', then: ['GET /{key} = 404 NoSuchKey'] },
    },
  ]),
};

const CRC64 = { 'x-amz-checksum-algorithm': 'CRC64NVME' };

function begun(more: Readonly<Record<string, string>>): Step {
  return { ask: 'POST /{bucket}/a?uploads', headers: more, answer: '200' };
}

const PART = 'PUT /{bucket}/a?partNumber=1&uploadId={1.UploadId}';
const COMPLETE = 'POST /{bucket}/a?uploadId={1.UploadId}';
const ONE_PART =
  '<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>{2.etag}</ETag>' +
  '</Part></CompleteMultipartUpload>';

const ALGORITHMS = [
  ['CRC32', 'COMPOSITE'],
  ['CRC32', 'FULL_OBJECT'],
  ['CRC32C', 'COMPOSITE'],
  ['CRC32C', 'FULL_OBJECT'],
  ['CRC64NVME', 'FULL_OBJECT'],
  ['SHA1', 'COMPOSITE'],
  ['SHA256', 'COMPOSITE'],
  ['MD5', 'COMPOSITE'],
  ['SHA512', 'COMPOSITE'],
  ['XXHASH64', 'COMPOSITE'],
  ['XXHASH3', 'COMPOSITE'],
  ['XXHASH128', 'COMPOSITE'],
] as const;

const uploads: Cases = {
  ...each(ALGORITHMS, ([algorithm, type]) => {
    const name = algorithm.toLowerCase();
    const value = HELLO.find(([one]) => one === name)?.[1] ?? '';
    const header = { [`x-amz-checksum-${name}`]: value };
    const whole = type === 'COMPOSITE' ? /^[\w+/]+=*-1$/ : value;
    return [
      `an upload with ${algorithm}, ${type}`,
      {
        given: [
          begun({ 'x-amz-checksum-algorithm': algorithm, 'x-amz-checksum-type': type }),
          { ask: PART, body: 'hello', headers: header, answer: '200', has: header },
        ],
        ask: COMPLETE,
        body: ONE_PART.replace(
          '</Part>',
          `<Checksum${algorithm}>${value}</Checksum${algorithm}></Part>`,
        ),
        answer: '200',
        xml: { [`Checksum${algorithm}`]: whole, ChecksumType: type },
        then: [
          {
            ...{ ask: 'HEAD /{bucket}/a', headers: MODE, answer: '200' },
            has: { [`x-amz-checksum-${name}`]: whole, 'x-amz-checksum-type': type },
          },
        ],
      },
    ];
  }),
  ...each(
    [
      ['CRC64NVME', 'COMPOSITE'],
      ['SHA1', 'FULL_OBJECT'],
      ['SHA256', 'FULL_OBJECT'],
      ['XXHASH3', 'FULL_OBJECT'],
      ['CRC32', 'PARTIAL'],
      ['CRC7', 'COMPOSITE'],
    ] as const,
    ([algorithm, type]) => [
      `no upload has ${algorithm}, ${type}`,
      {
        ask: 'POST /{key}?uploads',
        headers: { 'x-amz-checksum-algorithm': algorithm, 'x-amz-checksum-type': type },
        answer: '400 InvalidRequest',
      },
    ],
  ),
  'the algorithm and type are told at the beginning': {
    ...{ ask: 'POST /{key}?uploads', headers: { 'x-amz-checksum-algorithm': 'SHA256' } },
    answer: '200',
    has: { 'x-amz-checksum-algorithm': 'SHA256', 'x-amz-checksum-type': 'COMPOSITE' },
  },
  'a type without an algorithm': {
    ...{ ask: 'POST /{key}?uploads', headers: { 'x-amz-checksum-type': 'COMPOSITE' } },
    answer: '400 InvalidRequest',
  },
  'a part with another algorithm than was announced': {
    given: [begun({ 'x-amz-checksum-algorithm': 'SHA256' })],
    ...{ ask: PART, body: 'hello', headers: { 'x-amz-checksum-crc32': 'NhCmhg==' } },
    answer: '400 InvalidRequest',
  },
  'a part with a wrong checksum': {
    given: [begun({ 'x-amz-checksum-algorithm': 'CRC32' })],
    ...{ ask: PART, body: 'hello', headers: { 'x-amz-checksum-crc32': 'AAAAAA==' } },
    answer: '400 BadDigest',
  },
  'completing with a wrong checksum of a part': {
    given: [
      begun({ 'x-amz-checksum-algorithm': 'CRC32' }),
      { ask: PART, body: 'hello', headers: { 'x-amz-checksum-crc32': 'NhCmhg==' }, answer: '200' },
    ],
    ask: COMPLETE,
    body: ONE_PART.replace('</Part>', '<ChecksumCRC32>AAAAAA==</ChecksumCRC32></Part>'),
    answer: '400 InvalidPart',
  },
  'completing with a wrong checksum of the whole': {
    given: [
      begun(CRC64),
      {
        ask: PART,
        body: 'hello',
        headers: { 'x-amz-checksum-crc64nvme': 'M3eFcAZSQlc=' },
        answer: '200',
      },
    ],
    ...{ ask: COMPLETE, body: ONE_PART, headers: { 'x-amz-checksum-crc64nvme': 'AAAAAAAAAAA=' } },
    answer: '400 BadDigest',
  },
  'completing with the right checksum of the whole': {
    given: [
      begun(CRC64),
      {
        ask: PART,
        body: 'hello',
        headers: { 'x-amz-checksum-crc64nvme': 'M3eFcAZSQlc=' },
        answer: '200',
      },
    ],
    ...{ ask: COMPLETE, body: ONE_PART, headers: { 'x-amz-checksum-crc64nvme': 'M3eFcAZSQlc=' } },
    answer: '200',
  },
  ...each(['CRC32', 'CRC32C', 'CRC64NVME'] as const, algorithm => {
    const header = `x-amz-checksum-${algorithm.toLowerCase()}`;
    const value = HELLO.find(([one]) => header.endsWith(`-${one}`))?.[1] ?? '';
    const asked = {
      'x-amz-checksum-algorithm': algorithm,
      'x-amz-checksum-type': 'FULL_OBJECT',
    };
    return [
      `a part without a checksum, of an upload with ${algorithm}, FULL_OBJECT`,
      {
        given: [
          begun(asked),
          { ask: PART, body: 'hello', answer: '200', has: { [header]: value } },
        ],
        ...{ ask: COMPLETE, body: ONE_PART, answer: '200' },
        xml: { [`Checksum${algorithm}`]: value, ChecksumType: 'FULL_OBJECT' },
      },
    ];
  }),
  'a part without a checksum, of an upload with CRC32, COMPOSITE': {
    given: [begun({ 'x-amz-checksum-algorithm': 'CRC32' })],
    ...{ ask: PART, body: 'hello', answer: '400 InvalidRequest' },
  },
  'attributes tell a composite checksum without the number of parts': {
    given: [
      begun({ 'x-amz-checksum-algorithm': 'CRC32' }),
      { ask: PART, body: 'hello', headers: { 'x-amz-checksum-crc32': 'NhCmhg==' }, answer: '200' },
      {
        ask: COMPLETE,
        body: ONE_PART.replace('</Part>', '<ChecksumCRC32>NhCmhg==</ChecksumCRC32></Part>'),
        ...{ answer: '200', xml: { ChecksumCRC32: /-1$/ } },
      },
    ],
    ask: 'GET /{bucket}/a?attributes',
    ...{ headers: { 'x-amz-object-attributes': 'Checksum' }, answer: '200' },
    xml: { 'Checksum.ChecksumCRC32': /^[\w+/]{6}==$/, 'Checksum.ChecksumType': 'COMPOSITE' },
  },
  ...each(
    [
      ['COMPOSITE', '{3.x-amz-checksum-crc32}'],
      ['FULL_OBJECT', null],
    ] as const,
    ([type, told]) => {
      const asked = { 'x-amz-checksum-algorithm': 'CRC32', 'x-amz-checksum-type': type };
      const crc32 = { 'x-amz-checksum-algorithm': 'CRC32' };
      const checksum = (step: number): string =>
        `<ChecksumCRC32>{${step}.x-amz-checksum-crc32}</ChecksumCRC32></Part>`;
      return [
        `a part that is read by its number, of an upload with CRC32, ${type}`,
        {
          given: [
            begun(asked),
            { ask: PART, body: FIRST_PART, answer: '200', headers: crc32 },
            { ask: PART.replace('r=1', 'r=2'), body: LAST_PART, answer: '200', headers: crc32 },
            {
              ask: COMPLETE,
              body:
                '<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>{2.etag}</ETag>' +
                `${checksum(2)}<Part><PartNumber>2</PartNumber><ETag>{3.etag}</ETag>` +
                `${checksum(3)}</CompleteMultipartUpload>`,
              answer: '200',
            },
          ],
          ...{ ask: 'GET /{bucket}/a?partNumber=2', headers: MODE, answer: '206' },
          ...{ text: LAST_PART, has: { 'x-amz-checksum-crc32': told } },
        },
      ];
    },
  ),
  'the size that is announced at the end counts': {
    given: [begun({}), `${PART} < hello`],
    ...{ ask: COMPLETE, body: ONE_PART, headers: { 'x-amz-mp-object-size': '6' } },
    answer: '400 InvalidRequest',
  },
  'the sum of two parts is that of the whole': {
    given: [
      begun(CRC64),
      { ask: PART, body: FIRST_PART, answer: '200', headers: CRC64 },
      { ask: PART.replace('r=1', 'r=2'), body: LAST_PART, answer: '200', headers: CRC64 },
      {
        ask: COMPLETE,
        body:
          '<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>{2.etag}</ETag></Part>' +
          '<Part><PartNumber>2</PartNumber><ETag>{3.etag}</ETag></Part></CompleteMultipartUpload>',
        answer: '200',
      },
      {
        ask: 'PUT /{bucket}/b',
        body: Buffer.concat([FIRST_PART, Buffer.from(LAST_PART)]),
        headers: CRC64,
        answer: '200',
      },
      { ask: 'HEAD /{bucket}/b', headers: MODE, answer: '200' },
    ],
    ...{ ask: 'HEAD /{bucket}/a', headers: MODE, answer: '200' },
    has: { 'x-amz-checksum-crc64nvme': '{6.x-amz-checksum-crc64nvme}' },
  },
};

const copies: Cases = {
  'a copy has the checksum of its source': {
    given: [
      {
        ask: 'PUT /{bucket}/a',
        body: 'hello',
        headers: { 'x-amz-checksum-crc32': 'NhCmhg==' },
        answer: '200',
      },
    ],
    ...{ ask: 'PUT /{bucket}/b', headers: { 'x-amz-copy-source': '{bucket}/a' }, answer: '200' },
    xml: { ChecksumCRC32: 'NhCmhg==', ChecksumType: 'FULL_OBJECT' },
  },
  'a copy is given another checksum when it is asked for': {
    given: ['PUT /{bucket}/a < hello'],
    ask: 'PUT /{bucket}/b',
    headers: { 'x-amz-copy-source': '{bucket}/a', 'x-amz-checksum-algorithm': 'SHA256' },
    ...{ answer: '200', xml: { ChecksumSHA256: 'LPJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ=' } },
  },
  ...each(
    ALGORITHMS.filter(([, type]) => type === 'COMPOSITE'),
    ([algorithm]) => {
      const name = algorithm.toLowerCase();
      const value = HELLO.find(([one]) => one === name)?.[1] ?? '';
      const asked = { 'x-amz-checksum-algorithm': algorithm };
      return [
        `a copy of an upload with ${algorithm}, COMPOSITE, has the checksum of all bytes`,
        {
          given: [
            begun(asked),
            {
              ...{ ask: PART, body: 'hello', headers: { [`x-amz-checksum-${name}`]: value } },
              answer: '200',
            },
            {
              ask: COMPLETE,
              body: ONE_PART.replace(
                '</Part>',
                `<Checksum${algorithm}>${value}</Checksum${algorithm}></Part>`,
              ),
              ...{ answer: '200', xml: { ChecksumType: 'COMPOSITE' } },
            },
          ],
          ask: 'PUT /{bucket}/b',
          headers: { 'x-amz-copy-source': '{bucket}/a' },
          answer: '200',
          xml: { [`Checksum${algorithm}`]: value, ChecksumType: 'FULL_OBJECT' },
          then: [
            'GET /{bucket}/b > hello',
            {
              ...{ ask: 'HEAD /{bucket}/b', headers: MODE, answer: '200' },
              has: { [`x-amz-checksum-${name}`]: value, 'x-amz-checksum-type': 'FULL_OBJECT' },
            },
          ],
        },
      ];
    },
  ),
  ...each(['CRC32', 'CRC32C', 'SHA1'] as const, algorithm => {
    const asked = { 'x-amz-checksum-algorithm': algorithm };
    const header = `x-amz-checksum-${algorithm.toLowerCase()}`;
    const told = (step: number): string =>
      `<Checksum${algorithm}>{${step}.${header}}</Checksum${algorithm}></Part>`;
    return [
      `a copy of two parts with ${algorithm}, COMPOSITE, has the checksum of all bytes`,
      {
        given: [
          begun(asked),
          { ask: PART, body: FIRST_PART, answer: '200', headers: asked },
          { ask: PART.replace('r=1', 'r=2'), body: LAST_PART, answer: '200', headers: asked },
          {
            ask: COMPLETE,
            body:
              `<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>{2.etag}</ETag>` +
              `${told(2)}<Part><PartNumber>2</PartNumber><ETag>{3.etag}</ETag>${told(3)}` +
              '</CompleteMultipartUpload>',
            answer: '200',
          },
          {
            ask: 'PUT /{bucket}/b',
            body: Buffer.concat([FIRST_PART, Buffer.from(LAST_PART)]),
            headers: asked,
            answer: '200',
          },
          { ask: 'HEAD /{bucket}/b', headers: MODE, answer: '200' },
        ],
        ask: 'PUT /{bucket}/c',
        headers: { 'x-amz-copy-source': '{bucket}/a' },
        answer: '200',
        xml: {
          [`Checksum${algorithm}`]: `{6.${header}}`,
          ChecksumType: 'FULL_OBJECT',
        },
      },
    ];
  }),
};

export const checksums = table(
  'checksums',
  'CRC32, CRC32C, CRC64NVME, SHA1, SHA256, SHA512, MD5, XXHASH64, XXHASH3, XXHASH128; in headers ' +
    'and trailers, composite and of the whole object',
  ...[headers, trailers, uploads, copies],
);
