/**
 * Policies of buckets: the document, and what it says about a request.
 *
 * Owns:          the grammar of the document and its statements; the evaluation.
 * Knows:         "IAM JSON policy element reference", "Policy evaluation logic".
 * Must not know: grants, access control lists, where a policy is stored.
 *
 * A policy alone decides nothing: it says `deny`, which nothing outweighs, `allow`, or nothing.
 */
import { entriesOf, holds, readConditions, textsOf } from './policy-conditions.ts';
import type { PolicyCondition } from './policy-conditions.ts';
import { malformedPolicy, PolicyFault } from './policy-fault.ts';
import type { PolicyVersion } from './policy-patterns.ts';
import { isPrincipal, readPrincipals, type PolicyPrincipals } from './policy-principals.ts';
import {
  isMeant,
  isMeantByName,
  isOfBucket,
  readResource,
  scopesOf,
  type PolicyResource,
  type PolicyTarget,
} from './policy-resources.ts';
import type { RequestFacts } from './request-facts.ts';
import { policyActions, type S3Action } from './s3-actions.ts';
import { matchesWildcards } from './wildcards.ts';

/** "Bucket policies are limited to 20 KB in size." */
export const POLICY_BYTES_MAX = 20 * 1024;

type Statement = {
  readonly effect: 'Allow' | 'Deny';
  readonly principals: PolicyPrincipals;
  /** Lower-case, with wildcards. */
  readonly actions: readonly string[];
  readonly actionsNegated: boolean;
  readonly resources: readonly PolicyResource[];
  readonly resourcesNegated: boolean;
  readonly conditions: readonly PolicyCondition[];
};

export type Policy = {
  readonly statements: readonly Statement[];
  /** It allows something to everybody, by no fixed condition. */
  readonly isPublic: boolean;
  /** Something is decided by the tags of objects. */
  readonly asksTags: boolean;
};

export type PolicyQuestion = {
  readonly action: S3Action;
  readonly target: PolicyTarget;
  /** Undefined: nobody signed. */
  readonly accessKeyId: string | undefined;
  readonly facts: RequestFacts;
};

export type PolicyReading =
  | { readonly kind: 'policy'; readonly policy: Policy }
  | { readonly kind: 'malformed' | 'unsupported'; readonly message: string };

/** What a stored policy that cannot be read any more means: nothing is allowed. */
export const DENY_EVERYTHING: Policy = {
  statements: [
    {
      effect: 'Deny',
      principals: { accessKeyIds: undefined, isNegated: false },
      actions: ['*'],
      actionsNegated: false,
      resources: [readResource('*', '2008-10-17')],
      resourcesNegated: false,
      conditions: [],
    },
  ],
  isPublic: false,
  asksTags: false,
};

export function parsePolicy(text: string): PolicyReading {
  try {
    return { kind: 'policy', policy: readDocument(parseJson(text)) };
  } catch (fault) {
    if (!(fault instanceof PolicyFault)) throw fault;
    return { kind: fault.kind, message: fault.message };
  }
}

/** Undefined: each of its statements is about this bucket. */
export function faultOfTargets(
  { statements }: Policy,
  bucketNames: readonly string[],
): string | undefined {
  const foreign = statements
    .filter(({ resourcesNegated }) => !resourcesNegated)
    .flatMap(({ resources }) => resources)
    .find(resource => !isOfBucket(resource, bucketNames));
  return foreign && `The resource "${foreign.whole.text}" is not of this bucket.`;
}

export function evaluate(
  { statements }: Policy,
  question: PolicyQuestion,
): 'allow' | 'deny' | 'none' {
  let verdict: 'allow' | 'none' = 'none';
  for (const statement of statements) {
    if (!applies(statement, question)) continue;
    if (statement.effect === 'Deny') return 'deny';
    verdict = 'allow';
  }
  return verdict;
}

function applies(statement: Statement, question: PolicyQuestion): boolean {
  const { action, target, accessKeyId, facts } = question;
  const name = action.toLowerCase();
  if (!isPrincipal(statement.principals, accessKeyId)) return false;
  const isNamed = statement.actions.some(pattern => matchesWildcards(pattern, name));
  if (isNamed === statement.actionsNegated) return false;
  const matches = statement.resourcesNegated ? isMeantByName : isMeant;
  const isTarget = statement.resources.some(resource => matches(resource, target, facts));
  if (isTarget === statement.resourcesNegated) return false;
  return statement.conditions.every(condition => holds(condition, facts));
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    throw malformedPolicy('Policies must be valid JSON, and the first byte must be "{".');
  }
}

function readDocument(document: unknown): Policy {
  const fields = fieldsOf(document, ['Version', 'Id', 'Statement']);
  const version = fields.get('Version') ?? '2008-10-17';
  if (version !== '2008-10-17' && version !== '2012-10-17') {
    throw malformedPolicy('The policy must have a valid version: 2012-10-17 or 2008-10-17.');
  }
  optionalText(fields, 'Id');
  const list = fields.get('Statement');
  const elements: readonly unknown[] = Array.isArray(list) ? list : [list];
  if (list === undefined || elements.length === 0) {
    throw malformedPolicy('The required field Statement is missing.');
  }
  const statements = elements.map(element => readStatement(element, version));
  checkSids(elements);
  const conditions = statements.flatMap(statement => statement.conditions);
  return {
    statements,
    isPublic: statements.some(isPublicStatement),
    asksTags: conditions.some(({ asksTags }) => asksTags),
  };
}

const STATEMENT_FIELDS = [
  'Sid',
  'Effect',
  'Principal',
  'NotPrincipal',
  'Action',
  'NotAction',
  'Resource',
  'NotResource',
  'Condition',
] as const;

function readStatement(element: unknown, version: PolicyVersion): Statement {
  const fields = fieldsOf(element, STATEMENT_FIELDS);
  optionalText(fields, 'Sid');
  const effect = fields.get('Effect');
  if (effect !== 'Allow' && effect !== 'Deny') {
    throw malformedPolicy('The Effect of a statement must be Allow or Deny.');
  }
  const principal = oneOf(fields, 'Principal');
  const action = oneOf(fields, 'Action');
  const resource = oneOf(fields, 'Resource');
  const condition = fields.get('Condition');
  const statement: Statement = {
    effect,
    principals: readPrincipals(principal.value, principal.isNegated),
    actions: textsOf(action.value).map(readAction),
    actionsNegated: action.isNegated,
    resources: textsOf(resource.value).map(text => readResource(text, version)),
    resourcesNegated: resource.isNegated,
    conditions: condition === undefined ? [] : readConditions(condition, version),
  };
  checkScopes(statement);
  return statement;
}

function readAction(text: string): string {
  const pattern = text.toLowerCase();
  if (policyActions.some(([name]) => matchesWildcards(pattern, name))) return pattern;
  throw malformedPolicy(`The action "${text}" is not valid.`);
}

/** Every action must find something to act on among the resources. */
function checkScopes({ actions, actionsNegated, resources, resourcesNegated }: Statement): void {
  if (actionsNegated || resourcesNegated) return;
  const scopes = new Set(resources.flatMap(resource => scopesOf(resource)));
  for (const pattern of actions) {
    const isApplicable = policyActions.some(
      ([name, scope]) => scopes.has(scope) && matchesWildcards(pattern, name),
    );
    if (isApplicable) continue;
    throw malformedPolicy(`The action "${pattern}" does not apply to any resource in statement.`);
  }
}

function isPublicStatement({ effect, principals, conditions }: Statement): boolean {
  const isForAll = principals.accessKeyIds === undefined || principals.isNegated;
  return effect === 'Allow' && isForAll && !conditions.some(({ isFixing }) => isFixing);
}

function checkSids(statements: readonly unknown[]): void {
  const seen = new Set<unknown>();
  for (const statement of statements) {
    const sid = new Map(entriesOf(statement)).get('Sid');
    if (sid === undefined || sid === '') continue;
    if (seen.has(sid)) throw malformedPolicy('The statement ids (Sid) must be unique.');
    seen.add(sid);
  }
}

function fieldsOf(value: unknown, known: readonly string[]): ReadonlyMap<string, unknown> {
  const fields = new Map(entriesOf(value));
  for (const name of fields.keys()) {
    if (!known.includes(name)) throw malformedPolicy(`The field ${name} is unknown.`);
  }
  return fields;
}

function optionalText(fields: ReadonlyMap<string, unknown>, name: string): void {
  const value = fields.get(name);
  if (value !== undefined && typeof value !== 'string') {
    throw malformedPolicy(`The field ${name} must be a string.`);
  }
}

/** An element or its opposite (`Action`, `NotAction`), exactly one of both. */
function oneOf(
  fields: ReadonlyMap<string, unknown>,
  name: string,
): { readonly value: unknown; readonly isNegated: boolean } {
  const plain = fields.get(name);
  const negated = fields.get(`Not${name}`);
  if ((plain === undefined) === (negated === undefined)) {
    throw malformedPolicy(`A statement needs one of the fields ${name} and Not${name}.`);
  }
  return plain === undefined
    ? { value: negated, isNegated: true }
    : { value: plain, isNegated: false };
}
