/**
 * Conditions of a policy's statement: what must be true of a request.
 *
 * Owns:          the operators, their modifiers, and when a condition holds.
 * Knows:         "IAM JSON policy elements: Condition operators".
 * Must not know: effects, principals, resources.
 *
 * All conditions of a statement must hold; of the values of one, any. A request without the key
 * fails an operator, unless the operator is a negated one, or ends with IfExists.
 */
import { Networks, parseNetwork } from '../http/networks.ts';
import { malformedPolicy, unsupportedPolicy } from './policy-fault.ts';
import {
  isEqual,
  isEqualIgnoringCase,
  isLike,
  policyText,
  type PolicyText,
  type PolicyVersion,
} from './policy-patterns.ts';
import { asksTags, factReader, type FactReader, type RequestFacts } from './request-facts.ts';
import { hasWildcard } from './wildcards.ts';

type Test = (value: string, facts: RequestFacts) => boolean;

export type PolicyCondition = {
  readonly read: FactReader;
  /** Any of the policy's values fits this one of the request. */
  readonly test: Test;
  readonly isNegated: boolean;
  readonly ifAbsent: boolean;
  readonly quantifier: 'single' | 'all' | 'any';
  /** The statement is about fixed values of the request's origin: it is not for everybody. */
  readonly isFixing: boolean;
  /** It is about a tag of the object that is there. */
  readonly asksTags: boolean;
};

type Compile = (values: readonly string[], version: PolicyVersion) => Test;
type Operator = { readonly compile: Compile; readonly isNegated: boolean };

const MODIFIER = /^(?:(ForAllValues|ForAnyValue):)?([A-Za-z]+?)(IfExists)?$/;
const ISO_TIME = /^\d{4}-\d\d-\d\d(?:T\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:?\d\d)?)?$/;
const NUMBER = /^[+-]?\d+(?:\.\d+)?$/;
const EPOCH = /^\d{1,15}$/;
/** Networks wider than these are as good as everybody ("The meaning of public"). */
const FIXED_BITS_MIN = { 4: 8, 6: 32 } as const;

function anyOf(
  match: (pattern: PolicyText, value: string, facts: RequestFacts) => boolean,
): Compile {
  return (values, version) => {
    const patterns = values.map(value => policyText(value, version));
    return (value, facts) => patterns.some(pattern => match(pattern, value, facts));
  };
}

type Compare = (value: number, wanted: number) => boolean;

function compared(parse: (text: string) => number, kind: string, compare: Compare): Compile {
  return values => {
    const wanted = values.map(text => {
      const number = parse(text);
      if (Number.isNaN(number)) throw malformedPolicy(`"${text}" is not a valid ${kind}.`);
      return number;
    });
    return text => {
      const value = parse(text);
      return !Number.isNaN(value) && wanted.some(number => compare(value, number));
    };
  };
}

function parseNumber(text: string): number {
  return NUMBER.test(text) ? Number(text) : Number.NaN;
}

/** Milliseconds since 1970, of an ISO 8601 time or of seconds since then. */
function parseDate(text: string): number {
  if (EPOCH.test(text)) return Number(text) * 1000;
  if (!ISO_TIME.test(text)) return Number.NaN;
  const isLocal = text.includes('T') && !/(?:Z|[+-]\d\d:?\d\d)$/.test(text);
  return Date.parse(isLocal ? `${text}Z` : text);
}

const ORDER: Readonly<Record<string, Compare>> = {
  Equals: (value, wanted) => value === wanted,
  LessThan: (value, wanted) => value < wanted,
  LessThanEquals: (value, wanted) => value <= wanted,
  GreaterThan: (value, wanted) => value > wanted,
  GreaterThanEquals: (value, wanted) => value >= wanted,
};

function ordered(
  prefix: string,
  parse: (text: string) => number,
  kind: string,
): readonly (readonly [string, Operator])[] {
  const operators = Object.entries(ORDER).map(
    ([name, compare]) =>
      [prefix + name, { compile: compared(parse, kind, compare), isNegated: false }] as const,
  );
  const compile = compared(parse, kind, (value, wanted) => value === wanted);
  return [...operators, [`${prefix}NotEquals`, { compile, isNegated: true }]];
}

const bool: Compile = values => {
  const wanted: readonly string[] = values.map(text => text.toLowerCase());
  if (wanted.some(text => text !== 'true' && text !== 'false')) {
    throw malformedPolicy('The values of Bool are true and false.');
  }
  return value => wanted.includes(value.toLowerCase());
};

const network: Compile = values => {
  const networks = new Networks();
  for (const text of values) {
    const parsed = parseNetwork(text);
    if (parsed === undefined) {
      throw malformedPolicy(`"${text}" is not an address or a network in CIDR notation.`);
    }
    networks.add(parsed);
  }
  return value => networks.has(value);
};

function pair(name: string, negated: string, compile: Compile): [string, Operator][] {
  return [
    [name, { compile, isNegated: false }],
    [negated, { compile, isNegated: true }],
  ];
}

const OPERATORS: ReadonlyMap<string, Operator> = new Map([
  ...pair('StringEquals', 'StringNotEquals', anyOf(isEqual)),
  ...pair('StringEqualsIgnoreCase', 'StringNotEqualsIgnoreCase', anyOf(isEqualIgnoringCase)),
  ...pair('StringLike', 'StringNotLike', anyOf(isLike)),
  ...pair('ArnEquals', 'ArnNotEquals', anyOf(isLike)),
  ...pair('ArnLike', 'ArnNotLike', anyOf(isLike)),
  ...pair('IpAddress', 'NotIpAddress', network),
  ['Bool', { compile: bool, isNegated: false }] as const,
  ...ordered('Numeric', parseNumber, 'number'),
  ...ordered('Date', parseDate, 'date'),
]);

const QUANTIFIERS: ReadonlyMap<string | undefined, PolicyCondition['quantifier']> = new Map([
  ['ForAllValues', 'all'],
  ['ForAnyValue', 'any'],
]);

/** The `Condition` element. Throws PolicyFault. */
export function readConditions(element: unknown, version: PolicyVersion): PolicyCondition[] {
  return entriesOf(element).flatMap(([operator, keys]) =>
    entriesOf(keys).map(([key, values]) => readCondition(operator, key, textsOf(values), version)),
  );
}

function readCondition(
  operatorName: string,
  key: string,
  values: readonly string[],
  version: PolicyVersion,
): PolicyCondition {
  const read = readerOf(key);
  const asked = { read, asksTags: asksTags(key) };
  if (operatorName === 'Null') return presence(asked, values);
  const [, prefix, name = '', suffix] = MODIFIER.exec(operatorName) ?? [];
  const operator = OPERATORS.get(name);
  if (operator === undefined) {
    throw malformedPolicy(`The condition operator ${operatorName} is not valid.`);
  }
  const { compile, isNegated } = operator;
  const quantifier = QUANTIFIERS.get(prefix) ?? 'single';
  const ifAbsent =
    suffix !== undefined || quantifier === 'all' || (isNegated && quantifier === 'single');
  const isFixing = !isNegated && !ifAbsent && isFixed(key, values);
  return { ...asked, test: compile(values, version), isNegated, ifAbsent, quantifier, isFixing };
}

function readerOf(key: string): FactReader {
  const read = factReader(key);
  if (read !== undefined) return read;
  if (/^(?:aws|s3):./i.test(key)) {
    throw unsupportedPolicy(`The condition key ${key} is not implemented.`);
  }
  throw malformedPolicy(`The condition key ${key} is not valid.`);
}

/** Does it tie the statement to somebody, or to a place of the network? */
function isFixed(key: string, values: readonly string[]): boolean {
  const name = key.toLowerCase();
  if (name === 'aws:sourceip') {
    return values.every(text => {
      const parsed = parseNetwork(text);
      return parsed !== undefined && parsed.prefixBits >= FIXED_BITS_MIN[parsed.family];
    });
  }
  const isIdentity = name === 'aws:userid' || name === 'aws:username';
  return isIdentity && values.every(value => !hasWildcard(value) && !value.includes('${'));
}

function presence(
  asked: Pick<PolicyCondition, 'read' | 'asksTags'>,
  values: readonly string[],
): PolicyCondition {
  const [value, ...rest] = values.map(text => text.toLowerCase());
  if (rest.length > 0 || (value !== 'true' && value !== 'false')) {
    throw malformedPolicy('The value of Null is true or false.');
  }
  const wantsAbsent = value === 'true';
  return {
    ...asked,
    test: () => !wantsAbsent,
    isNegated: false,
    ifAbsent: wantsAbsent,
    quantifier: 'single',
    isFixing: false,
  };
}

export function holds(condition: PolicyCondition, facts: RequestFacts): boolean {
  const values = condition.read(facts);
  if (values === undefined || values.length === 0) return condition.ifAbsent;
  const { test, isNegated, quantifier } = condition;
  const fits = (value: string): boolean => test(value, facts) !== isNegated;
  return quantifier === 'all' ? values.every(fits) : values.some(fits);
}

/** The members of a JSON object. */
export function entriesOf(value: unknown): readonly (readonly [string, unknown])[] {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw malformedPolicy('An element of the policy must be a JSON object.');
  }
  return Object.entries(value);
}

/** A text, or a list of texts that is not empty; numbers and truth values are texts, too. */
export function textsOf(value: unknown): readonly string[] {
  const values: readonly unknown[] = Array.isArray(value) ? value : [value];
  if (values.length === 0) throw malformedPolicy('A list in the policy is empty.');
  return values.map(item => {
    if (typeof item === 'string') return item;
    if (typeof item === 'number' || typeof item === 'boolean') return String(item);
    throw malformedPolicy('A value in the policy must be a string or a list of strings.');
  });
}
