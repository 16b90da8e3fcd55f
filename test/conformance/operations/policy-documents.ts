/**
 * Policies as the cases write them.
 *
 * Owns:          statements, and documents made of them.
 * Knows:         the grammar of policies.
 * Must not know: which cases there are.
 */
import type { Caller } from '../s3-case.ts';

export type Statement = Readonly<Record<string, unknown>>;

export const ALLOW_READ: Statement = {
  Effect: 'Allow',
  Principal: '*',
  Action: 's3:GetObject',
  Resource: 'arn:aws:s3:::{bucket}/*',
};

export function policy(...statements: readonly Statement[]): string {
  return JSON.stringify({ Version: '2012-10-17', Statement: statements });
}

export function changed(change: Statement): Statement {
  return { ...ALLOW_READ, ...change };
}

export function conditioned(operator: string, key: string, value: unknown): Statement {
  return changed({ Condition: { [operator]: { [key]: value } } });
}

/** What `as` is answered to `ask` where these statements hold. */
export type Right = readonly [
  title: string,
  statements: readonly Statement[],
  as: Caller,
  ask: string,
  answer: string,
];

export const READ = 'GET /{bucket}/a/b';
export const DENIED = '403 AccessDenied';
export const LIST: Statement = {
  ...ALLOW_READ,
  Action: 's3:ListBucket',
  Resource: 'arn:aws:s3:::{bucket}',
};
