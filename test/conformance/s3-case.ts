/**
 * What one case of the conformance suite says: a request, and the answer that S3 documents.
 *
 * Owns:          the shape of cases and tables, the short form of a step.
 * Knows:         HTTP, the SDK's names.
 * Must not know: how anything is sent or judged; which cases there are.
 *
 * A case is data, and its title is the sentence it proves. Texts may hold placeholders:
 *
 *   {bucket}, {object}, …   a fixture, made when it is first named (fixtures.ts)
 *   {1.etag}, {2.UploadId}  a header, an XML element or an SDK field of an earlier answer of this
 *                           case: 1 is the first step of `given`
 *   {now}, {past}, {future} HTTP dates: this second, a day ago, a day ahead
 *   {owner}, {stranger}     ids of access keys
 *
 * A step is an exchange whose answer matters less. Its short form is one line:
 *
 *   'PUT /{bucket}/a < text'              with a body; any 2xx will do
 *   'GET /{bucket}/a > text'              200, and exactly this body
 *   'GET /{bucket}/b = 404 NoSuchKey'     this answer
 */
import type { FormPart } from '../support/browser-form.ts';
import type { ChunkedRequest, S3Request } from '../support/signed-requests.ts';
import type { ClusterLimit } from './cluster-limits.ts';

export type Body = string | Uint8Array;
/** `stranger` has a key and no right here; `nobody` signs nothing. */
export type Caller = 'owner' | 'stranger' | 'nobody';

export type Presigned = {
  /** 60 when not given. */
  readonly expires?: number | string;
  /** How long ago it was signed; negative: it is from the future. */
  readonly ageSeconds?: number;
  /** The request line that was signed, when another one is sent. */
  readonly signedFor?: string;
  /** What is added to the URL after it was signed. */
  readonly append?: string;
};

export type Chunks = Partial<
  Pick<
    ChunkedRequest,
    'chunkBytes' | 'trailers' | 'announced' | 'decodedLength' | 'change' | 'mode' | 'contentLength'
  >
> & { readonly are: 'signed' | 'unsigned' };

/** A form as a browser sends it; `as` signs its policy. */
export type Form = {
  readonly fields: Readonly<Record<string, string>>;
  readonly file?: Body;
  readonly fileName?: string;
  /** Of the policy. */
  readonly conditions?: readonly unknown[];
  readonly expiration?: string;
  /** Instead of a policy made of the above. */
  readonly document?: unknown;
  /** Parts of the body that are none of the fields, behind the file. */
  readonly more?: readonly FormPart[];
};

export type Wire = Pick<
  S3Request,
  'unsignedHeaders' | 'unsent' | 'payload' | 'contentLength' | 'region' | 'encoding' | 'sign'
> & {
  /** How far the client's clock is behind. */
  readonly ageSeconds?: number;
  readonly secret?: 'wrong';
  readonly accessKeyId?: string;
};

/** A request as it goes over the wire. */
export type Asked = {
  /** `METHOD /path?query`, percent-encoded. */
  readonly ask: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Body;
  /** The owner when not given. */
  readonly as?: Caller;
  /** The first segment of the path is the site; nobody signs there. */
  readonly door?: 'website';
  readonly presigned?: Presigned;
  readonly chunks?: Chunks;
  readonly form?: Form;
  readonly wire?: Wire;
  /** Content-MD5 of the body is sent, as DeleteObjects wants it. */
  readonly hasMd5?: true;
};

/** A command of the AWS SDK, by name, without `Command`. */
export type Called = {
  readonly call: string;
  readonly input: Readonly<Record<string, unknown>>;
  readonly as?: Exclude<Caller, 'nobody'>;
};

/** null: it is not there. */
export type Wanted = string | RegExp | null;

export type Expected = {
  /** `200`, or `404 NoSuchKey`. */
  readonly answer: string;
  readonly has?: Readonly<Record<string, Wanted>>;
  /** By path from the root's children: `Key`, `CommonPrefixes.Prefix`; a list means all of them. */
  readonly xml?: Readonly<Record<string, Wanted | readonly string[]>>;
  readonly text?: Body | RegExp;
  /** Fields of what the SDK answers, compared as far as they are named here. */
  readonly gives?: Readonly<Record<string, unknown>>;
};

export type Exchange = (Asked | Called) & Expected;
export type Step = string | Exchange;

export type S3Case = Exchange & {
  readonly given?: readonly Step[];
  readonly then?: readonly Step[];
  /** What a cluster does not offer: one of the steps is answered 501, and the rest is not asked. */
  readonly cluster?: ClusterLimit;
};

export type Cases = Readonly<Record<string, S3Case>>;

export type OperationTable = {
  /** As the API reference names it, or what it is about. */
  readonly operation: string;
  /** A few words for README: what of it works. */
  readonly about: string;
  readonly cases: Cases;
};

/** A table of cases; a title that occurs twice is a mistake. */
export function table(
  operation: string,
  about: string,
  ...parts: readonly Cases[]
): OperationTable {
  const cases: Record<string, S3Case> = {};
  for (const [title, one] of parts.flatMap(part => Object.entries(part))) {
    if (title in cases) throw new Error(`${operation} has two cases: ${title}`);
    cases[title] = one;
  }
  return { operation, about, cases };
}

/** One case for each value. */
export function each<Value>(
  values: readonly Value[],
  make: (value: Value) => readonly [title: string, one: S3Case],
): Cases {
  return table('', '', ...values.map(value => Object.fromEntries([make(value)]))).cases;
}

/** The same cases; a cluster does not offer what they are about. */
export function limitedTo(cluster: ClusterLimit, cases: Cases): Cases {
  const limited = Object.entries(cases).map(
    ([title, one]) => [title, { ...one, cluster }] as const,
  );
  return Object.fromEntries(limited);
}

const STEP = /^(?<ask>[A-Z]+ \S+)(?: < (?<body>.*?))?(?: (?<sign>[=>]) (?<rest>.*))?$/s;

/** The long form of a step. */
export function exchangeOf(step: Step): Exchange {
  if (typeof step !== 'string') return step;
  const { ask, body, sign, rest = '' } = STEP.exec(step)?.groups ?? {};
  if (ask === undefined) throw new Error(`not a step: ${step}`);
  return {
    ask,
    ...(body === undefined ? {} : { body }),
    ...(sign === '>' ? { answer: '200', text: rest } : { answer: sign === '=' ? rest : '2xx' }),
  };
}
