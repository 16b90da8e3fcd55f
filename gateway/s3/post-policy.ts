/**
 * The policy of a browser's form: what the key that signed it lets others upload.
 *
 * Owns:          the document, and whether the fields of a form meet it.
 * Knows:         "Creating a POST policy" of the S3 API reference.
 * Must not know: signatures, how a form arrives.
 *
 * Every field must be covered by a condition, or nobody who signed the policy agreed to it.
 */
import { isUtf8 } from 'node:buffer';
import type { SizeRange } from './form-reader.ts';
import { S3Error } from './s3-error.ts';

type Condition = {
  readonly kind: 'eq' | 'starts-with';
  /** Lower-case. */
  readonly field: string;
  readonly value: string;
};

export type PostPolicy = {
  readonly expiresMs: number;
  readonly conditions: readonly Condition[];
  readonly sizeRange: SizeRange;
};

const BASE64 = /^[A-Za-z0-9+/\s]*={0,2}\s*$/;
const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z$/;
const UNBOUNDED: SizeRange = { min: 0, max: Number.MAX_SAFE_INTEGER };
/** Fields that carry the policy, or that S3 does not look at. */
const FREE: ReadonlySet<string> = new Set(['policy', 'x-amz-signature', 'file']);
const IGNORED_PREFIX = 'x-ignore-';
/** Each of the types in a list must begin as the condition says. */
const LISTED_FIELD = 'content-type';
/** How S3's documents write a dollar that begins no name; JSON knows no such escape. */
const ESCAPED_DOLLAR = /(^|[^\\])\\\$/g;

/** @throws S3Error InvalidPolicyDocument. */
export function parsePostPolicy(text: string): PostPolicy {
  const bytes = BASE64.test(text) ? Buffer.from(text, 'base64') : undefined;
  if (bytes === undefined || bytes.length === 0 || !isUtf8(bytes)) {
    throw invalidPolicy('it is not base64 of a JSON document');
  }
  const document = new Map(entriesOf(parseJson(bytes.toString())));
  const expiration = document.get('expiration');
  const conditions = document.get('conditions');
  if (typeof expiration !== 'string' || !TIME.test(expiration)) {
    throw invalidPolicy('expiration must be a time, YYYY-MM-DDTHH:MM:SSZ');
  }
  const expiresMs = Date.parse(expiration);
  if (Number.isNaN(expiresMs)) throw invalidPolicy('expiration is no time');
  if (!Array.isArray(conditions)) throw invalidPolicy('conditions must be a list');
  return { expiresMs, ...readConditions(conditions as readonly unknown[]) };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text.replace(ESCAPED_DOLLAR, '$1$$')) as unknown;
  } catch {
    throw invalidPolicy('it is not valid JSON');
  }
}

function readConditions(list: readonly unknown[]): Omit<PostPolicy, 'expiresMs'> {
  const conditions: Condition[] = [];
  let sizeRange = UNBOUNDED;
  for (const item of list) {
    if (!Array.isArray(item)) conditions.push(...exactConditions(item));
    else if (lowered(item[0]) === 'content-length-range') sizeRange = readRange(item);
    else conditions.push(readCondition(item));
  }
  return { conditions, sizeRange };
}

/** `{"acl": "public-read"}` */
function exactConditions(item: unknown): readonly Condition[] {
  const entries = entriesOf(item);
  if (entries.length === 0) throw invalidPolicy('a condition is empty');
  return entries.map(([name, value]) => {
    if (typeof value !== 'string') throw invalidPolicy('a value of a condition must be a string');
    return { kind: 'eq', field: name.toLowerCase(), value };
  });
}

/** `["starts-with", "$key", "uploads/"]` */
function readCondition(item: readonly unknown[]): Condition {
  const [operator, name, value] = item;
  const kind = lowered(operator);
  if (kind !== 'eq' && kind !== 'starts-with') throw invalidPolicy('an operator is unknown');
  const isNamed = typeof name === 'string' && name.startsWith('$') && name.length > 1;
  if (!isNamed || typeof value !== 'string' || item.length !== 3) {
    throw invalidPolicy('a condition must be a list of operator, $name and value');
  }
  return { kind, field: name.slice(1).toLowerCase(), value };
}

function readRange(item: readonly unknown[]): SizeRange {
  const [min, max] = item.slice(1).map(readSize);
  if (min === undefined || max === undefined || item.length !== 3) {
    throw invalidPolicy('content-length-range must have two whole numbers');
  }
  return { min, max };
}

function readSize(value: unknown): number | undefined {
  const number = typeof value === 'string' && /^\d{1,15}$/.test(value) ? Number(value) : value;
  return typeof number === 'number' && Number.isSafeInteger(number) && number >= 0
    ? number
    : undefined;
}

function lowered(value: unknown): string {
  return typeof value === 'string' ? value.toLowerCase() : '';
}

function entriesOf(value: unknown): readonly (readonly [string, unknown])[] {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw invalidPolicy('it must be a JSON object');
  }
  return Object.entries(value);
}

/**
 * `values` by lower-case name, `bucket` included.
 *
 * @throws S3Error AccessDenied when the policy has expired, or a field does not meet it.
 */
export function checkPostPolicy(
  { expiresMs, conditions }: PostPolicy,
  values: ReadonlyMap<string, string>,
  nowMs: number,
): void {
  if (nowMs >= expiresMs) throw denied('Policy expired.');
  for (const condition of conditions) {
    if (meets(condition, values.get(condition.field))) continue;
    const { kind, field, value } = condition;
    throw denied(`Policy Condition failed: ["${kind}", "$${field}", "${value}"]`);
  }
  const covered = new Set(conditions.map(({ field }) => field));
  for (const field of values.keys()) {
    const isFree = FREE.has(field) || field.startsWith(IGNORED_PREFIX);
    if (!isFree && !covered.has(field)) throw denied(`Extra input fields: ${field}`);
  }
}

function meets({ kind, field, value }: Condition, given: string | undefined): boolean {
  if (given === undefined) return false;
  if (kind === 'eq') return given === value;
  if (field !== LISTED_FIELD) return given.startsWith(value);
  return given.split(',').every(type => type.trimStart().startsWith(value));
}

function denied(reason: string): S3Error {
  return new S3Error('AccessDenied', { message: `Invalid according to Policy: ${reason}` });
}

function invalidPolicy(reason: string): S3Error {
  return new S3Error('InvalidPolicyDocument', {
    message: `The policy of the form is not valid: ${reason}.`,
  });
}
