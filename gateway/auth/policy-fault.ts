/**
 * Why a policy document is refused.
 *
 * Owns:          the class that carries the reason out of the reader.
 * Knows:         nothing else.
 * Must not know: how a refusal is rendered.
 *
 * Thrown within the reader of policies and caught at its edge: a document is read many levels deep.
 */

export class PolicyFault extends Error {
  /** `unsupported`: AWS would take it, and here nothing would come of it. */
  readonly kind: 'malformed' | 'unsupported';

  constructor(kind: 'malformed' | 'unsupported', message: string) {
    super(message);
    this.name = 'PolicyFault';
    this.kind = kind;
  }
}

export function malformedPolicy(message: string): PolicyFault {
  return new PolicyFault('malformed', message);
}

export function unsupportedPolicy(message: string): PolicyFault {
  return new PolicyFault('unsupported', message);
}
