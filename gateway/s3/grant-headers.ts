/**
 * Grants that a request asks for in headers.
 *
 * Owns:          their names and their syntax.
 * Knows:         "Access control list (ACL) overview": `x-amz-grant-read: uri="…", id="…"`.
 * Must not know: which grants are accepted.
 */
import type { RequestHeaders } from '../http/exchange.ts';
import { invalidArgument } from './list-parameters.ts';

/** An id, a group's URI, or an e-mail address may do what the permission says. */
export type Grant = { readonly grantee: string; readonly permission: string };

const PERMISSIONS: ReadonlyMap<string, string> = new Map([
  ['x-amz-grant-full-control', 'FULL_CONTROL'],
  ['x-amz-grant-read', 'READ'],
  ['x-amz-grant-read-acp', 'READ_ACP'],
  ['x-amz-grant-write', 'WRITE'],
  ['x-amz-grant-write-acp', 'WRITE_ACP'],
]);
const GRANTEE = /^\s*(?:id|uri|emailAddress)\s*=\s*(?:"([^"]*)"|([^",\s]+))\s*$/i;

export function hasGrants(headers: RequestHeaders): boolean {
  for (const name of PERMISSIONS.keys()) if (headers.get(name) !== undefined) return true;
  return false;
}

/** @throws S3Error InvalidArgument. */
export function grantsOfHeaders(headers: RequestHeaders): readonly Grant[] {
  return Array.from(PERMISSIONS).flatMap(([name, permission]) => {
    const grantees = headers.get(name)?.split(',') ?? [];
    return grantees.map(text => ({ grantee: granteeOf(name, text), permission }));
  });
}

function granteeOf(name: string, text: string): string {
  const [, quoted, bare] = GRANTEE.exec(text) ?? [];
  const grantee = quoted ?? bare;
  if (grantee === undefined) throw invalidArgument(name, text, `${name} is not valid.`);
  return grantee;
}
