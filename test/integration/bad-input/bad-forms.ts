/**
 * Forms of browsers that are malformed, or ask for what their policy does not let them.
 *
 * Owns:          the cases.
 * Knows:         forms and policies; S3's answers.
 * Must not know: how a form is read.
 */
import { REGION } from '../../support/garage-process.ts';
import {
  BOUNDARY,
  FORM_TYPE,
  formBody,
  signedPolicy,
  type FormPart,
} from '../../support/browser-form.ts';
import { headText } from '../../support/signed-requests.ts';
import type { BadCase, BadWorld } from './bad-case.ts';

type Form = {
  readonly key?: string;
  readonly fields?: Readonly<Record<string, string>>;
  readonly conditions?: readonly unknown[];
  readonly change?: Parameters<typeof signedPolicy>[2];
  /** The parts at the end; one file where nothing else is said. */
  readonly files?: readonly FormPart[];
  readonly end?: string;
  readonly type?: string;
  readonly as?: 'stranger' | 'nobody';
};

const FILE: FormPart = { name: 'file', value: 'the file', fileName: 'f' };
const ANY_KEY = ['starts-with', '$key', ''];

function request({ s3 }: BadWorld, body: Uint8Array, type: string): Uint8Array {
  const head = headText(`POST ${s3.path()}`, [
    ['host', s3.host],
    ['content-type', type],
    ['content-length', String(body.length)],
  ]);
  return Buffer.concat([Buffer.from(head), body]);
}

function post(form: Form): BadCase['bytes'] {
  return world => {
    const { key = 'posted', fields = {}, conditions = [ANY_KEY], change = {}, as } = form;
    const credentials = as === 'stranger' ? world.stranger : world.server.credentials;
    const signer = { ...credentials, region: REGION, nowMs: Date.now() };
    const all = [...conditions, { bucket: world.s3.bucket }];
    const signed = as === 'nobody' ? {} : signedPolicy(signer, all, change);
    const named = Object.entries({ key, ...signed, ...fields });
    const parts = named.map(([name, value]) => ({ name, value }));
    const body = formBody([...parts, ...(form.files ?? [FILE])], form.end);
    return request(world, body, form.type ?? FORM_TYPE);
  };
}

type Row = readonly [title: string, expect: string, form: Form];

/** What the policy does not let, or is no policy. */
const POLICIES: readonly Row[] = [
  ['an expired policy', '403 AccessDenied', { change: { expiration: '2001-01-01T00:00:00Z' } }],
  ['a policy that is no base64', '403 SignatureDoesNotMatch', { fields: { policy: '%%%' } }],
  ['a policy that is no JSON', '400 InvalidPolicyDocument', { change: { document: '{"' } }],
  ['a policy of a list', '400 InvalidPolicyDocument', { change: { document: [] } }],
  ['a field that is not covered', '403 AccessDenied', { fields: { 'x-amz-meta-a': '1' } }],
  [
    'another beginning of the key',
    '403 AccessDenied',
    { conditions: [['starts-with', '$key', 'a']] },
  ],
  ['another bucket', '403 AccessDenied', { conditions: [ANY_KEY, { bucket: 'elsewhere' }] }],
  ['a bucket in the form', '403 AccessDenied', { fields: { bucket: 'elsewhere' } }],
  [
    'a file that is too large',
    '400 EntityTooLarge',
    { conditions: [ANY_KEY, ['content-length-range', 0, 2]] },
  ],
  [
    'a file that is too small',
    '400 EntityTooSmall',
    { conditions: [ANY_KEY, ['content-length-range', 10, 20]] },
  ],
  ['a key of another tenant', '403 AccessDenied', { as: 'stranger' }],
  ['nobody', '403 AccessDenied', { as: 'nobody' }],
];

/** What is no form. */
const FORMS: readonly Row[] = [
  ['no file', '400 InvalidArgument', { files: [] }],
  ['two files', '400 IncorrectNumberOfFilesInPostRequest', { files: [FILE, FILE] }],
  ['no end', '400 MalformedPOSTRequest', { end: '' }],
  ['another boundary', '400 MalformedPOSTRequest', { type: `${FORM_TYPE}x` }],
  ['no boundary', '400 MalformedPOSTRequest', { type: 'multipart/form-data' }],
  ['no form', '412 PreconditionFailed', { type: 'application/json' }],
  [
    'a field of a megabyte',
    '400 MaxPostPreDataLengthExceeded',
    { fields: { 'x-ignore-a': 'x'.repeat(1024 * 1024) } },
  ],
  ['no key', '400 UserKeyMustBeSpecified', { key: '' }],
  [
    'a line break in a header',
    '400 InvalidArgument',
    {
      fields: { 'x-amz-meta-a': 'a\r\nset-cookie: b' },
      conditions: [ANY_KEY, ['starts-with', '$x-amz-meta-a', '']],
    },
  ],
];

function cases(row: number, rows: readonly Row[]): readonly BadCase[] {
  return rows.map(([title, expect, form]) => ({
    ...{ row, title: `a form: ${title}`, expect: [expect], method: 'POST' },
    bytes: post(form),
  }));
}

export const badForms: readonly BadCase[] = [
  ...cases(61, POLICIES),
  ...cases(62, FORMS),
  {
    ...{ row: 62, title: 'a form that is cut off', expect: ['400', 'closed'], method: 'POST' },
    unfinished: 'hangs-up',
    bytes: ({ s3 }) => {
      const head = headText(`POST ${s3.path()}`, [
        ['host', s3.host],
        ['content-type', FORM_TYPE],
        ['content-length', '5000'],
      ]);
      return `${head}--${BOUNDARY}\r\nContent-Disposition: form-data; name="file"\r\n\r\nhalf`;
    },
  },
];
