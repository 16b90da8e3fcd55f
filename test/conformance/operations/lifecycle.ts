/**
 * Lifecycle rules: API_PutBucketLifecycleConfiguration and its kin.
 *
 * Owns:          their cases; that rules are carried out is tested in test/integration.
 * Knows:         the API reference, "Lifecycle configuration elements".
 * Must not know: when anything is due.
 */
import { each, table, type Cases } from '../s3-case.ts';

function rule(inside: string, status = 'Enabled'): string {
  return `<Rule><ID>r</ID>${inside}<Status>${status}</Status></Rule>`;
}

function lifecycle(...rules: readonly string[]): string {
  return `<LifecycleConfiguration>${rules.join('')}</LifecycleConfiguration>`;
}

const ALL = '<Filter></Filter>';
const DAYS = '<Expiration><Days>7</Days></Expiration>';
const ABORT =
  '<AbortIncompleteMultipartUpload><DaysAfterInitiation>3</DaysAfterInitiation>' +
  '</AbortIncompleteMultipartUpload>';
const TAG = '<Tag><Key>a</Key><Value>1</Value></Tag>';

const GOOD: readonly (readonly [
  title: string,
  inside: string,
  xml: Readonly<Record<string, string>>,
])[] = [
  ['expiration by days', `${ALL}${DAYS}`, { 'Rule.Expiration.Days': '7' }],
  [
    'expiration by date',
    `${ALL}<Expiration><Date>2030-01-01T00:00:00Z</Date></Expiration>`,
    { 'Rule.Expiration.Date': '2030-01-01T00:00:00.000Z' },
  ],
  [
    'uploads are aborted',
    `${ALL}${ABORT}`,
    { 'Rule.AbortIncompleteMultipartUpload.DaysAfterInitiation': '3' },
  ],
  ['by prefix', `<Filter><Prefix>a/</Prefix></Filter>${DAYS}`, { 'Rule.Filter.Prefix': 'a/' }],
  ['by prefix, in the older form', `<Prefix>a/</Prefix>${DAYS}`, { 'Rule.Prefix': 'a/' }],
  ['by tag', `<Filter>${TAG}</Filter>${DAYS}`, { 'Rule.Filter.Tag.Key': 'a' }],
  [
    'by size',
    `<Filter><ObjectSizeGreaterThan>500</ObjectSizeGreaterThan></Filter>${DAYS}`,
    { 'Rule.Filter.ObjectSizeGreaterThan': '500' },
  ],
  [
    'by several of them',
    `<Filter><And><Prefix>a/</Prefix>${TAG}<ObjectSizeLessThan>9</ObjectSizeLessThan></And></Filter>${DAYS}`,
    { 'Rule.Filter.And.Prefix': 'a/', 'Rule.Filter.And.Tag.Value': '1' },
  ],
  [
    'noncurrent versions',
    `${ALL}<NoncurrentVersionExpiration><NoncurrentDays>3</NoncurrentDays></NoncurrentVersionExpiration>`,
    { 'Rule.NoncurrentVersionExpiration.NoncurrentDays': '3' },
  ],
  [
    'markers that hide nothing',
    `${ALL}<Expiration><ExpiredObjectDeleteMarker>true</ExpiredObjectDeleteMarker></Expiration>`,
    { 'Rule.Expiration.ExpiredObjectDeleteMarker': 'true' },
  ],
];

const NEWER = '<NewerNoncurrentVersions>2</NewerNoncurrentVersions>';

function noncurrent(inside: string): string {
  return `<NoncurrentVersionExpiration>${inside}</NoncurrentVersionExpiration>`;
}

const BAD: readonly (readonly [title: string, body: string, answer: string])[] = [
  ['no document', '', '400 MissingRequestBodyError'],
  ['nonsense', 'nonsense', '400 MalformedXML'],
  ['no rules', lifecycle(), '400 MalformedXML'],
  ['a rule that does nothing', lifecycle(rule(ALL)), '400 InvalidRequest'],
  ['a status that is none', lifecycle(rule(`${ALL}${DAYS}`, 'Sometimes')), '400 MalformedXML'],
  ['a status in small letters', lifecycle(rule(`${ALL}${DAYS}`, 'enabled')), '400 MalformedXML'],
  ['no status', lifecycle(`<Rule>${ALL}${DAYS}</Rule>`), '400 MalformedXML'],
  [
    'an id twice',
    lifecycle(rule(`<Prefix>a</Prefix>${DAYS}`), rule(`<Prefix>b</Prefix>${DAYS}`)),
    '400 InvalidArgument',
  ],
  [
    'an id of 256 characters',
    lifecycle(`<Rule><ID>${'i'.repeat(256)}</ID>${ALL}${DAYS}<Status>Enabled</Status></Rule>`),
    '400 InvalidArgument',
  ],
  [
    'zero days',
    lifecycle(rule(`${ALL}<Expiration><Days>0</Days></Expiration>`)),
    '400 InvalidArgument',
  ],
  [
    'negative days',
    lifecycle(rule(`${ALL}<Expiration><Days>-1</Days></Expiration>`)),
    '400 InvalidArgument',
  ],
  [
    'uploads after a negative number of days',
    lifecycle(
      rule(
        `${ALL}<AbortIncompleteMultipartUpload><DaysAfterInitiation>-1</DaysAfterInitiation></AbortIncompleteMultipartUpload>`,
      ),
    ),
    '400 InvalidArgument',
  ],
  [
    'noncurrent versions after a negative number of days',
    lifecycle(rule(`${ALL}${noncurrent('<NoncurrentDays>-1</NoncurrentDays>')}`)),
    '400 InvalidArgument',
  ],
  [
    'sizes below zero',
    lifecycle(rule(`<Filter><ObjectSizeGreaterThan>-1</ObjectSizeGreaterThan></Filter>${DAYS}`)),
    '400 MalformedXML',
  ],
  [
    'days that are no number',
    lifecycle(rule(`${ALL}<Expiration><Days>x</Days></Expiration>`)),
    '400 MalformedXML',
  ],
  [
    'days and a date',
    lifecycle(
      rule(`${ALL}<Expiration><Days>1</Days><Date>2030-01-01T00:00:00Z</Date></Expiration>`),
    ),
    '400 MalformedXML',
  ],
  [
    'a date that is not midnight',
    lifecycle(rule(`${ALL}<Expiration><Date>2030-01-01T12:00:00Z</Date></Expiration>`)),
    '400 InvalidArgument',
  ],
  [
    'a date that is none',
    lifecycle(rule(`${ALL}<Expiration><Date>20200101</Date></Expiration>`)),
    '400 MalformedXML',
  ],
  [
    'a filter and a prefix beside it',
    lifecycle(rule(`${ALL}<Prefix>a</Prefix>${DAYS}`)),
    '400 MalformedXML',
  ],
  [
    'two conditions without And',
    lifecycle(rule(`<Filter><Prefix>a</Prefix>${TAG}</Filter>${DAYS}`)),
    '400 MalformedXML',
  ],
  [
    'markers of a tag',
    lifecycle(
      rule(
        `<Filter>${TAG}</Filter><Expiration><ExpiredObjectDeleteMarker>true</ExpiredObjectDeleteMarker></Expiration>`,
      ),
    ),
    '400 InvalidRequest',
  ],
  [
    'noncurrent versions after zero days',
    lifecycle(rule(`${ALL}${noncurrent('<NoncurrentDays>0</NoncurrentDays>')}`)),
    '400 InvalidArgument',
  ],
  [
    'noncurrent versions without days',
    lifecycle(rule(`${ALL}${noncurrent(NEWER)}`)),
    '400 MalformedXML',
  ],
  [
    'newer versions with the older form of a prefix',
    lifecycle(
      rule(`<Prefix>a</Prefix>${noncurrent(`<NoncurrentDays>1</NoncurrentDays>${NEWER}`)}`),
    ),
    '400 InvalidRequest',
  ],
  ['uploads of a tag', lifecycle(rule(`<Filter>${TAG}</Filter>${ABORT}`)), '400 InvalidRequest'],
  [
    'a move to another storage class',
    lifecycle(
      rule(`${ALL}<Transition><Days>1</Days><StorageClass>GLACIER</StorageClass></Transition>`),
    ),
    '501 NotImplemented',
  ],
  [
    'a thousand and one rules',
    lifecycle(
      ...Array.from(
        { length: 1001 },
        (_, index) =>
          `<Rule><ID>${index}</ID><Prefix>${index}</Prefix>${DAYS}<Status>Enabled</Status></Rule>`,
      ),
    ),
    '400 MalformedXML',
  ],
];

const cases: Cases = {
  ...each(GOOD, ([title, inside, xml]) => [
    `${title} is kept`,
    {
      ...{ ask: 'PUT /{bucket}?lifecycle', body: lifecycle(rule(inside)), answer: '200' },
      then: [
        {
          ...{ ask: 'GET /{bucket}?lifecycle', answer: '200' },
          xml: {
            ...{ root: 'LifecycleConfiguration', 'Rule.ID': 'r', 'Rule.Status': 'Enabled' },
            ...xml,
          },
        },
      ],
    },
  ]),
  ...each(BAD, ([title, body, answer]) => [
    title,
    { ask: 'PUT /{bucket}?lifecycle', body, answer },
  ]),
  'a rule without an id is given one': {
    ask: 'PUT /{bucket}?lifecycle',
    ...{ body: lifecycle(`<Rule>${ALL}${DAYS}<Status>Enabled</Status></Rule>`), answer: '200' },
    then: [{ ask: 'GET /{bucket}?lifecycle', answer: '200', xml: { 'Rule.ID': /./ } }],
  },
  'a bucket without rules': {
    ...{ ask: 'GET /{bucket}?lifecycle', answer: '404 NoSuchLifecycleConfiguration' },
  },
  'rules are taken away': {
    given: [`PUT /{bucket}?lifecycle < ${lifecycle(rule(`${ALL}${DAYS}`))}`],
    ...{ ask: 'DELETE /{bucket}?lifecycle', answer: '204' },
    then: ['GET /{bucket}?lifecycle = 404 NoSuchLifecycleConfiguration'],
  },
  'an object is told when it expires, and by which rule': {
    given: [`PUT /{bucket}?lifecycle < ${lifecycle(rule(`${ALL}${DAYS}`))}`],
    ...{ ask: 'PUT /{bucket}/a', body: 'x', answer: '200' },
    has: {
      'x-amz-expiration': /^expiry-date="\w{3}, \d\d \w{3} \d{4} 00:00:00 GMT", rule-id="r"$/,
    },
    then: [{ ask: 'HEAD /{bucket}/a', answer: '200', has: { 'x-amz-expiration': /rule-id="r"/ } }],
  },
  'an object of no rule is told nothing': {
    given: [`PUT /{bucket}?lifecycle < ${lifecycle(rule(`<Prefix>b</Prefix>${DAYS}`))}`],
    ...{ ask: 'PUT /{bucket}/a', body: 'x', answer: '200', has: { 'x-amz-expiration': null } },
  },
  'an upload is told when it is aborted': {
    given: [`PUT /{bucket}?lifecycle < ${lifecycle(rule(`${ALL}${ABORT}`))}`],
    ...{ ask: 'POST /{bucket}/a?uploads', answer: '200' },
    has: { 'x-amz-abort-date': /00:00:00 GMT$/, 'x-amz-abort-rule-id': 'r' },
  },
  'a key of another tenant may not': {
    ask: 'PUT /{bucket}?lifecycle',
    ...{ body: lifecycle(rule(`${ALL}${DAYS}`)), as: 'stranger', answer: '403 AccessDenied' },
  },
  'the SDK puts a rule': {
    call: 'PutBucketLifecycleConfiguration',
    input: {
      Bucket: '{bucket}',
      LifecycleConfiguration: {
        Rules: [{ ID: 'r', Status: 'Enabled', Filter: { Prefix: '' }, Expiration: { Days: 1 } }],
      },
    },
    answer: '200',
  },
};

export const bucketLifecycle = table(
  'GetBucketLifecycleConfiguration, PutBucketLifecycleConfiguration, DeleteBucketLifecycle',
  'expiration by days and date, noncurrent versions, lone delete markers, incomplete uploads, filters by prefix, tag and size; one storage class',
  cases,
);
