/**
 * The principals of a policy's statement: everybody, or some access keys.
 *
 * Owns:          their grammar.
 * Knows:         access keys stand where AWS has accounts and users.
 * Must not know: effects, actions, resources.
 *
 * A key is named by its id alone, or by the ARN of a user of that name
 * (`arn:aws:iam::123456789012:user/GK…`, with any account number or none).
 */
import { parseAccessKeyId } from '../../schemas/ids.ts';
import { malformedPolicy } from './policy-fault.ts';
import { entriesOf, textsOf } from './policy-conditions.ts';

export type PolicyPrincipals = {
  /** Undefined: everybody, those who did not sign included. */
  readonly accessKeyIds: ReadonlySet<string> | undefined;
  /** `NotPrincipal`: everybody but these. */
  readonly isNegated: boolean;
};

const USER_ARN = /^arn:aws:iam::(?:\d{12})?:user\/(?:[\w+=,.@-]+\/)*([\w+=,.@-]+)$/;

/** Throws PolicyFault. */
export function readPrincipals(element: unknown, isNegated: boolean): PolicyPrincipals {
  if (element === '*') return { accessKeyIds: undefined, isNegated };
  const names = entriesOf(element).flatMap(([kind, values]) => {
    if (kind !== 'AWS' && kind !== 'CanonicalUser') {
      throw malformedPolicy(`The kind of principal ${kind} is not valid here.`);
    }
    return textsOf(values);
  });
  if (names.length === 0) throw malformedPolicy('A principal is missing.');
  if (names.includes('*')) return { accessKeyIds: undefined, isNegated };
  return { accessKeyIds: new Set(names.map(keyIdOf)), isNegated };
}

function keyIdOf(name: string): string {
  const text = USER_ARN.exec(name)?.[1] ?? name;
  // A number of twelve digits is an account of AWS, and no key.
  const id = /^\d{12}$/.test(text) ? undefined : parseAccessKeyId(text);
  if (id !== undefined) return id;
  throw malformedPolicy(
    `The principal "${name}" is not valid: it must be the id of an access key, or *.`,
  );
}

export function isPrincipal(
  { accessKeyIds, isNegated }: PolicyPrincipals,
  accessKeyId: string | undefined,
): boolean {
  const isNamed =
    accessKeyIds === undefined || (accessKeyId !== undefined && accessKeyIds.has(accessKeyId));
  return isNamed !== isNegated;
}
