/**
 * The texts of a policy that stand for many: with wildcards, and with variables of the request.
 *
 * Owns:          reading and matching them.
 * Knows:         "IAM policy elements: variables and tags".
 * Must not know: what is matched: resources, or values of conditions.
 *
 * Variables exist since the version 2012-10-17 of the language; in an older one `${` is text.
 */
import { unsupportedPolicy } from './policy-fault.ts';
import { isPolicyVariable, policyVariable, type RequestFacts } from './request-facts.ts';
import { matchesWildcards } from './wildcards.ts';

export type PolicyVersion = '2008-10-17' | '2012-10-17';

export type PolicyText = {
  readonly text: string;
  readonly hasVariables: boolean;
};

const VARIABLE = /\$\{([^{}]{0,256})\}/g;

/** Throws PolicyFault for a variable that there is not. */
export function policyText(text: string, version: PolicyVersion): PolicyText {
  if (version === '2008-10-17' || !text.includes('${')) return { text, hasVariables: false };
  let hasVariables = false;
  for (const [whole, name = ''] of text.matchAll(VARIABLE)) {
    hasVariables = true;
    if (!isPolicyVariable(name)) {
      throw unsupportedPolicy(`The policy variable ${whole} is not implemented.`);
    }
  }
  return { text, hasVariables };
}

/** With its variables replaced; undefined when the request has no value for one. */
function resolve({ text, hasVariables }: PolicyText, facts: RequestFacts): string | undefined {
  if (!hasVariables) return text;
  let isComplete = true;
  const resolved = text.replace(VARIABLE, (_whole, name: string) => {
    const value = policyVariable(name, facts);
    if (value === undefined) isComplete = false;
    return value ?? '';
  });
  return isComplete ? resolved : undefined;
}

export function isLike(pattern: PolicyText, value: string, facts: RequestFacts): boolean {
  const resolved = resolve(pattern, facts);
  return resolved !== undefined && matchesWildcards(resolved, value);
}

export function isEqual(pattern: PolicyText, value: string, facts: RequestFacts): boolean {
  return resolve(pattern, facts) === value;
}

export function isEqualIgnoringCase(
  pattern: PolicyText,
  value: string,
  facts: RequestFacts,
): boolean {
  return resolve(pattern, facts)?.toLowerCase() === value.toLowerCase();
}
