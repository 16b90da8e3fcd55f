/**
 * What a condition of a policy may ask about a request.
 *
 * Owns:          the condition keys, and where each value comes from.
 * Knows:         "Actions, resources, and condition keys for Amazon S3"; AWS's global keys.
 * Must not know: operators, statements.
 *
 * A key that is not here is refused when the policy is put: a Deny whose condition never holds
 * would look like a lock and be none.
 */
import type { Tag } from '../../schemas/records/bucket-settings/bucket-tags.ts';
import type { HttpRequest, RequestHeaders } from '../http/exchange.ts';
import { parseIsoTime } from '../s3/iso-time.ts';
import { parseBasicTime } from './request-time.ts';
import type { S3Action } from './s3-actions.ts';
import type { Authenticated } from './signature-v4.ts';

export type RequestFacts = {
  readonly http: Pick<HttpRequest, 'headers' | 'peerAddress' | 'isSecure'>;
  /** The effective headers: also those that a presigned URL carries. */
  readonly headers: RequestHeaders;
  readonly query: ReadonlyMap<string, string>;
  readonly auth: Authenticated;
  readonly nowMs: number;
  /** It came in a form. */
  readonly isForm?: boolean;
  /** What it asks of a lock, where that stands in its body. */
  readonly lock?: AskedLock;
  /** The tags that it brings, where they stand in its body. */
  readonly requestTags?: readonly Tag[];
  /** Those of the object that it is about; undefined: not looked up. */
  readonly existingTags?: readonly Tag[];
};

/** As headers have it. */
export type AskedLock = {
  readonly mode?: string;
  readonly until?: string;
  readonly legalHold?: string;
};

const DAY_MS = 86_400_000;

type Source = (facts: RequestFacts) => string | undefined;

function header(name: string): Source {
  return ({ headers }) => headers.get(name);
}

function parameter(name: string): Source {
  return ({ query }) => query.get(name);
}

const accessKeyId: Source = ({ auth }) => (auth.kind === 'signed' ? auth.accessKeyId : undefined);

/** In milliseconds. */
const signatureAge: Source = ({ auth, nowMs }) => {
  if (auth.kind !== 'signed') return undefined;
  const signed = parseBasicTime(auth.signing.timestamp);
  return signed === undefined ? undefined : String(Math.max(0, nowMs - signed.ms));
};

const authType: Source = ({ auth, isForm }) => {
  if (isForm === true) return 'POST';
  if (auth.kind !== 'signed') return undefined;
  return auth.presigned ? 'REST-QUERY-STRING' : 'REST-HEADER';
};

function ofLock(what: keyof AskedLock, header: string): Source {
  return ({ lock, headers }) => (lock === undefined ? headers.get(header) : lock[what]);
}

const retainUntil = ofLock('until', 'x-amz-object-lock-retain-until-date');

/** A day that has begun counts: who asks for ten days asks a moment before it is decided. */
const remainingDays: Source = facts => {
  const untilMs = parseIsoTime(retainUntil(facts) ?? '');
  return untilMs === undefined ? undefined : String(Math.ceil((untilMs - facts.nowMs) / DAY_MS));
};

/** Headers that S3 has a key of the same name for. */
const HEADERS = [
  'x-amz-acl',
  'x-amz-content-sha256',
  'x-amz-copy-source',
  'x-amz-grant-full-control',
  'x-amz-grant-read',
  'x-amz-grant-read-acp',
  'x-amz-grant-write',
  'x-amz-grant-write-acp',
  'x-amz-metadata-directive',
  'x-amz-object-ownership',
  'x-amz-server-side-encryption',
  'x-amz-server-side-encryption-aws-kms-key-id',
  'x-amz-server-side-encryption-customer-algorithm',
  'x-amz-storage-class',
  'x-amz-website-redirect-location',
] as const;

/** By lower-case name: names of keys have no case. */
const SOURCES: ReadonlyMap<string, Source> = new Map<string, Source>([
  ['aws:currenttime', ({ nowMs }) => new Date(nowMs).toISOString()],
  ['aws:epochtime', ({ nowMs }) => String(Math.floor(nowMs / 1000))],
  ['aws:principaltype', ({ auth }) => (auth.kind === 'signed' ? 'User' : 'Anonymous')],
  ['aws:referer', ({ http }) => http.headers.get('referer')],
  ['aws:securetransport', ({ http }) => String(http.isSecure)],
  ['aws:sourceip', ({ http }) => (http.peerAddress === '' ? undefined : http.peerAddress)],
  ['aws:useragent', ({ http }) => http.headers.get('user-agent')],
  ['aws:userid', accessKeyId],
  ['aws:username', accessKeyId],
  ['s3:authtype', authType],
  ['s3:delimiter', parameter('delimiter')],
  ['s3:if-match', header('if-match')],
  ['s3:if-none-match', header('if-none-match')],
  ['s3:max-keys', parameter('max-keys')],
  ['s3:object-lock-legal-hold', ofLock('legalHold', 'x-amz-object-lock-legal-hold')],
  ['s3:object-lock-mode', ofLock('mode', 'x-amz-object-lock-mode')],
  ['s3:object-lock-remaining-retention-days', remainingDays],
  ['s3:object-lock-retain-until-date', retainUntil],
  ['s3:prefix', parameter('prefix')],
  ['s3:signatureage', signatureAge],
  ['s3:signatureversion', ({ auth }) => (auth.kind === 'signed' ? 'AWS4-HMAC-SHA256' : undefined)],
  ['s3:versionid', parameter('versionId')],
  ...HEADERS.map(name => [`s3:${name}`, header(name)] as const),
]);

const EXISTING_TAG = 's3:existingobjecttag/';
const REQUEST_TAG = 's3:requestobjecttag/';
const REQUEST_TAG_KEYS = 's3:requestobjecttagkeys';
const TAGGING_HEADER = 'x-amz-tagging';

/** Values of one key in one request; undefined: the request has none. */
export type FactReader = (facts: RequestFacts) => readonly string[] | undefined;

/** Undefined: there is no such key, or not here. */
export function factReader(key: string): FactReader | undefined {
  const name = key.toLowerCase();
  const source = SOURCES.get(name);
  if (source !== undefined) return single(source);
  if (name === REQUEST_TAG_KEYS) return facts => requestTags(facts)?.map(tag => tag.key);
  const tags = asksTags(key)
    ? existingTags
    : name.startsWith(REQUEST_TAG)
      ? requestTags
      : undefined;
  const tagKey = key.slice(key.indexOf('/') + 1);
  if (tags === undefined || tagKey === '') return undefined;
  return single(facts => tags(facts)?.find(tag => tag.key === tagKey)?.value);
}

/** Does the key ask for a tag of the object that is there? */
export function asksTags(key: string): boolean {
  return key.toLowerCase().startsWith(EXISTING_TAG);
}

/** What may be decided by the tags of an object; for all else it has none. */
const TAGGED: ReadonlySet<S3Action> = new Set<S3Action>([
  's3:DeleteObjectTagging',
  's3:DeleteObjectVersionTagging',
  's3:GetObject',
  's3:GetObjectAcl',
  's3:GetObjectAttributes',
  's3:GetObjectTagging',
  's3:GetObjectVersion',
  's3:GetObjectVersionAcl',
  's3:GetObjectVersionAttributes',
  's3:GetObjectVersionTagging',
  's3:PutObjectAcl',
  's3:PutObjectTagging',
  's3:PutObjectVersionAcl',
  's3:PutObjectVersionTagging',
]);

/** Is the object to be looked up before it is decided? */
export function lacksTags(action: S3Action, { existingTags }: RequestFacts): boolean {
  return existingTags === undefined && TAGGED.has(action);
}

function single(source: Source): FactReader {
  return facts => {
    const value = source(facts);
    return value === undefined ? undefined : [value];
  };
}

function existingTags(facts: RequestFacts): readonly Tag[] | undefined {
  return facts.existingTags;
}

function requestTags({ headers, requestTags: tags }: RequestFacts): readonly Tag[] | undefined {
  if (tags !== undefined) return tags;
  const text = headers.get(TAGGING_HEADER);
  if (text === undefined) return undefined;
  return Array.from(new URLSearchParams(text), ([key, value]) => ({ key, value }));
}

/** What `${aws:username}` and its kin stand for; undefined for a request without a key. */
export function policyVariable(name: string, facts: RequestFacts): string | undefined {
  const isKnown = isPolicyVariable(name);
  return isKnown ? accessKeyId(facts) : undefined;
}

export function isPolicyVariable(name: string): boolean {
  const lower = name.toLowerCase();
  return lower === 'aws:username' || lower === 'aws:userid';
}
