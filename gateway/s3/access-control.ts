/**
 * Access control lists as requests ask for them and answers tell them.
 *
 * Owns:          the header, the document; which lists are accepted where.
 * Knows:         "Access control list (ACL) overview"; "Controlling ownership of objects and
 *                disabling ACLs for your bucket".
 * Must not know: where a list is stored, what it allows.
 *
 * A list is one of S3's canned ones: a document is taken where it says what one of them says, and
 * is 501 otherwise. Whoever has the grant `owner` on a bucket stands for its owner.
 */
import type { BucketRow } from '../../schemas/records/bucket-row.ts';
import type { CannedAcl } from '../../schemas/records/bucket-settings/access-settings.ts';
import { cannedAcl } from '../../schemas/records/bucket-settings/access-settings.ts';
import { isPublicAcl } from '../auth/canned-acl.ts';
import { hasAcls } from '../auth/permissions.ts';
import type { RequestHeaders } from '../http/exchange.ts';
import { readDocument } from './bucket-document.ts';
import { ownerXml } from './bucket.ts';
import { grantsOfHeaders, hasGrants, type Grant } from './grant-headers.ts';
import { invalidArgument } from './list-parameters.ts';
import { ACL_HEADER } from './object-access.ts';
import type { BucketCall, Caller } from './s3-call.ts';
import { S3Error } from './s3-error.ts';
import type { XmlElement } from './s3-xml.ts';
import { malformed, parseXml } from './s3-xml.ts';
import { XmlFields } from './xml-fields.ts';
import { element, s3Document, wrap } from './xml-writer.ts';

const DOCUMENT_BYTES_MAX = 64 * 1024;
const GRANTS_MAX = 100;
const XSI = 'http://www.w3.org/2001/XMLSchema-instance';
const GROUPS = 'http://acs.amazonaws.com/groups/global/';
const ALL_USERS = `${GROUPS}AllUsers`;
const AUTHENTICATED_USERS = `${GROUPS}AuthenticatedUsers`;
const POLICY = new Set(['Owner', 'AccessControlList']);
const OWNER = new Set(['ID', 'DisplayName']);
const LIST = new Set(['Grant']);
const GRANT = new Set(['Grantee', 'Permission']);
const GRANTEE = new Set(['ID', 'DisplayName', 'URI', 'EmailAddress', 'Type']);
const PERMISSIONS: ReadonlySet<string> = new Set([
  'FULL_CONTROL',
  'READ',
  'READ_ACP',
  'WRITE',
  'WRITE_ACP',
]);
/** Lists of AWS that are about AWS's own services. */
const FOREIGN_ACLS: ReadonlySet<string> = new Set(['aws-exec-read', 'log-delivery-write']);

/**
 * The list that the header of a write asks for; undefined: none, or `private`.
 *
 * @throws S3Error AccessControlListNotSupported where lists are disabled, AccessDenied where public
 *   ones are blocked, InvalidArgument, NotImplemented.
 */
export function askedAcl(headers: RequestHeaders, bucket: BucketRow): CannedAcl | undefined {
  const acl = aclFor(bucket, headers);
  return acl === undefined ? undefined : acceptedAcl(acl, bucket);
}

function aclFor(bucket: BucketRow, headers: RequestHeaders): CannedAcl | undefined {
  if (!hasAcls(bucket) && hasGrants(headers)) throw listsDisabled();
  return aclOfHeaders(headers, ownersOf(bucket));
}

/**
 * The list that headers name, or express by grants to these owners and to groups; undefined: none.
 *
 * @throws S3Error InvalidArgument, InvalidRequest, NotImplemented.
 */
export function aclOfHeaders(
  headers: RequestHeaders,
  owners: readonly string[],
): CannedAcl | undefined {
  const text = headers.get(ACL_HEADER);
  const isGranting = hasGrants(headers);
  if (text !== undefined && isGranting) {
    throw new S3Error('InvalidRequest', {
      message: 'Specifying both Canned ACLs and Header Grants is not allowed',
    });
  }
  if (isGranting) return aclOfGrants(grantsOfHeaders(headers), owners);
  return text === undefined || text === '' ? undefined : readAcl(text);
}

function readAcl(text: string): CannedAcl {
  const acl = cannedAcl(text);
  if (acl !== undefined) return acl;
  if (!FOREIGN_ACLS.has(text)) throw invalidArgument(ACL_HEADER, text, 'There is no such list.');
  throw new S3Error('NotImplemented', { message: `The list ${text} is not implemented.` });
}

/**
 * The list of the body or the header of a request that puts one.
 *
 * Rejects with S3Error MissingSecurityHeader, UnexpectedContent, InvalidRequest, MalformedACLError
 * and what `askedAcl` throws.
 */
export async function putAcl(call: BucketCall): Promise<CannedAcl | undefined> {
  const { headers, bucket } = call;
  const isAsked = headers.get(ACL_HEADER) !== undefined || hasGrants(headers);
  const hasBody = call.http.body.isChunked || (call.http.body.declaredBytes ?? 0) > 0;
  if (isAsked && hasBody) throw new S3Error('UnexpectedContent');
  const acl = aclFor(bucket, headers);
  if (acl !== undefined) return acceptedAcl(acl, bucket);
  if (!hasBody) {
    throw new S3Error('MissingSecurityHeader', {
      message: `A list is needed: the header ${ACL_HEADER}, or a document.`,
    });
  }
  const grants = readGrants(await readDocument(call, DOCUMENT_BYTES_MAX));
  return acceptedAcl(aclOfGrants(grants, ownersOf(bucket)), bucket);
}

function acceptedAcl(acl: CannedAcl, bucket: BucketRow): CannedAcl | undefined {
  const isHarmless = acl === 'private' || acl === 'bucket-owner-full-control';
  if (!hasAcls(bucket)) {
    if (isHarmless) return undefined;
    throw listsDisabled();
  }
  if (isPublicAcl(acl) && bucket.publicAccessBlock?.blockPublicAcls === true) {
    throw new S3Error('AccessDenied', {
      message:
        'Public access control lists are blocked by the setting BlockPublicAcls of the ' +
        'public access block of this bucket.',
    });
  }
  return acl === 'private' ? undefined : acl;
}

function listsDisabled(): S3Error {
  return new S3Error('AccessControlListNotSupported', {
    message:
      'The bucket does not allow ACLs: its ownership setting is BucketOwnerEnforced ' +
      '(PutBucketOwnershipControls changes it).',
  });
}

/** What grants say, as a canned list. @throws S3Error NotImplemented. */
function aclOfGrants(grants: readonly Grant[], owners: readonly string[]): CannedAcl {
  const given = new Set<string>();
  for (const { grantee, permission } of grants) {
    if (owners.includes(grantee) && permission === 'FULL_CONTROL') continue;
    const isGroup = grantee === ALL_USERS || grantee === AUTHENTICATED_USERS;
    if (!isGroup) throw inexpressible();
    given.add(`${grantee === ALL_USERS ? 'all' : 'authenticated'} ${permission}`);
  }
  const acl = BY_GRANTS.get([...given].sort().join(', '));
  if (acl === undefined) throw inexpressible();
  return acl;
}

const BY_GRANTS: ReadonlyMap<string, CannedAcl> = new Map([
  ['', 'private'],
  ['all READ', 'public-read'],
  ['all READ, all WRITE', 'public-read-write'],
  ['authenticated READ', 'authenticated-read'],
]);

function inexpressible(): S3Error {
  return new S3Error('NotImplemented', {
    message: 'Only grants that one of the canned lists expresses are implemented.',
  });
}

/** @throws S3Error MalformedACLError. */
function readGrants(body: Buffer): readonly Grant[] {
  try {
    const policy = new XmlFields(parseXml(body, 'AccessControlPolicy'), POLICY);
    const owner = policy.one('Owner');
    if (owner !== undefined) new XmlFields(owner, OWNER).text('ID');
    const list = policy.one('AccessControlList');
    const grants = list === undefined ? [] : new XmlFields(list, LIST).all('Grant');
    if (list === undefined || grants.length > GRANTS_MAX) throw malformed();
    return grants.map(readGrant);
  } catch (error) {
    if (!(error instanceof S3Error) || error.code !== 'MalformedXML') throw error;
    throw new S3Error('MalformedACLError', { cause: error });
  }
}

function readGrant(grant: XmlElement): Grant {
  const fields = new XmlFields(grant, GRANT);
  const permission = fields.requiredText('Permission').trim();
  const element = fields.one('Grantee');
  if (element === undefined || !PERMISSIONS.has(permission)) throw malformed();
  const grantee = new XmlFields(element, GRANTEE);
  const names = ['ID', 'URI', 'EmailAddress'].flatMap(name => grantee.text(name) ?? []);
  const [name, ...rest] = names;
  if (name === undefined || rest.length > 0) throw malformed();
  return { grantee: name.trim(), permission };
}

function ownersOf({ grants }: BucketRow): readonly string[] {
  return grants.filter(({ owner }) => owner).map(({ accessKeyId }) => accessKeyId);
}

/**
 * A list as S3 tells it: what the asking key may do by its grants, and what the list gives to all.
 * An access key stands where S3 has an account.
 */
export function aclDocument({ bucket, caller }: BucketCall, acl: CannedAcl | undefined): string {
  const owner = ownerOf(bucket, caller);
  const grants = permissionsOf(bucket, caller).map(name => grantXml('CanonicalUser', owner, name));
  for (const [group, permission] of GROUP_GRANTS[acl ?? 'private']) {
    grants.push(grantXml('Group', element('URI', group), permission));
  }
  const content = wrap('Owner', owner) + wrap('AccessControlList', grants.join(''));
  return s3Document('AccessControlPolicy', content);
}

const GROUP_GRANTS: Readonly<Record<CannedAcl, readonly (readonly [string, string])[]>> = {
  private: [],
  'public-read': [[ALL_USERS, 'READ']],
  'public-read-write': [
    [ALL_USERS, 'READ'],
    [ALL_USERS, 'WRITE'],
  ],
  'authenticated-read': [[AUTHENTICATED_USERS, 'READ']],
  'bucket-owner-read': [],
  'bucket-owner-full-control': [],
};

function grantXml(type: 'CanonicalUser' | 'Group', grantee: string, permission: string): string {
  const typed = `<Grantee xmlns:xsi="${XSI}" xsi:type="${type}">${grantee}</Grantee>`;
  return wrap('Grant', typed + element('Permission', permission));
}

/** Nobody who signed nothing is told who owns what. */
function ownerOf({ id }: BucketRow, caller: Caller | undefined): string {
  return caller === undefined ? element('ID', id) : ownerXml(caller);
}

function permissionsOf({ grants }: BucketRow, caller: Caller | undefined): readonly string[] {
  const grant = grants.find(({ accessKeyId }) => accessKeyId === caller?.accessKeyId);
  if (grant?.owner === true) return ['FULL_CONTROL'];
  const permissions: string[] = [];
  if (grant?.read === true) permissions.push('READ', 'READ_ACP');
  if (grant?.write === true) permissions.push('WRITE');
  return permissions;
}
