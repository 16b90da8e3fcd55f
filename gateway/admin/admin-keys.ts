/**
 * The admin operations on access keys.
 *
 * Owns:          their parameters, their answers, the search for a key by what an operator types.
 * Knows:         the Directory.
 * Must not know: doors, rows.
 *
 * The secret is in an answer only where it was asked for or has just been made: answers are logged,
 * piped and pasted.
 */
import { Type, type Static } from 'typebox';
import type { KeyChange, KeyInfo } from '../../schemas/admin-types.ts';
import { parseAccessKeyId } from '../../schemas/ids.ts';
import { AdminError, badRequest, keyNotFound } from './admin-error.ts';
import { operation, type AdminOperation } from './admin-operation.ts';
import { mayAnything, noParams, optional } from './admin-params.ts';
import type { AdminPorts } from './admin-ports.ts';
import { parseRfc3339, rfc3339 } from './rfc3339.ts';

const SECRET = /^[\x21-\x7e]{16,256}$/;
const NAMELESS = 'Unnamed key';
const IMPORTED = 'Imported key';

const keyPermission = optional(Type.Object({ createBucket: optional(Type.Boolean()) }));
const keyFields = Type.Object({
  name: optional(Type.String()),
  expiration: optional(Type.String()),
  neverExpires: optional(Type.Boolean()),
  allow: keyPermission,
  deny: keyPermission,
});
/** From a query it is a text, from `json-api` it is a boolean. */
const flag = Type.Union([Type.Boolean(), Type.Literal('true'), Type.Literal('false')]);

export const keyOperations: Readonly<Record<string, AdminOperation>> = {
  ListKeys: operation('GET', { params: noParams }, async ports => {
    const keys = await ports.directory.listKeys();
    return keys.map(key => ({
      id: key.id,
      name: key.name,
      created: rfc3339(key.createdMs),
      ...expirationOf(ports, key),
    }));
  }),

  GetKeyInfo: operation(
    'GET',
    {
      query: ['id', 'search', 'showSecretKey'],
      params: Type.Object({
        id: optional(Type.String()),
        search: optional(Type.String()),
        showSecretKey: optional(flag),
      }),
    },
    async (ports, { id, search, showSecretKey }) => {
      const key = await findKey(ports, id ?? undefined, search ?? undefined);
      const isShown = showSecretKey === true || showSecretKey === 'true';
      return keyJson(ports, key, isShown ? 'shown' : 'hidden');
    },
  ),

  CreateKey: operation('POST', { body: 'json', params: keyFields }, async (ports, fields) => {
    const change = keyChange(fields);
    const key = await ports.directory.createKey({
      name: change.name ?? NAMELESS,
      expiresMs: change.expiresMs ?? undefined,
      canCreateBucket: change.canCreateBucket ?? false,
    });
    return keyJson(ports, key, 'shown');
  }),

  ImportKey: operation(
    'POST',
    {
      body: 'json',
      params: Type.Object({
        accessKeyId: Type.String(),
        secretAccessKey: Type.String(),
        name: optional(Type.String()),
      }),
    },
    async (ports, { accessKeyId, secretAccessKey, name }) => {
      if (parseAccessKeyId(accessKeyId) === undefined) {
        throw badRequest('a key id has 8 to 128 characters of A-Z, a-z, 0-9, dot, - and _');
      }
      if (!SECRET.test(secretAccessKey)) {
        throw badRequest('a secret key has 16 to 256 printable ASCII characters and no blanks');
      }
      const result = await ports.directory.importKey({
        id: accessKeyId,
        secret: secretAccessKey,
        name: name ?? IMPORTED,
      });
      if (result.kind === 'imported') return keyJson(ports, result.key, 'hidden');
      const message = `The key id ${accessKeyId} is in use, or was before it was deleted`;
      throw new AdminError('KeyAlreadyExists', message);
    },
  ),

  UpdateKey: operation(
    'POST',
    {
      query: ['id'],
      body: 'json',
      params: Type.Object({ id: Type.String(), body: keyFields }),
    },
    async (ports, { id, body }) => {
      const result = await ports.directory.updateKey(id, keyChange(body));
      if (result.kind === 'key-not-found') throw keyNotFound(id);
      return keyJson(ports, result.key, 'hidden');
    },
  ),

  DeleteKey: operation(
    'POST',
    { query: ['id'], params: Type.Object({ id: Type.String() }) },
    async (ports, { id }) => {
      const result = await ports.directory.deleteKey(id);
      if (result.kind === 'key-not-found') throw keyNotFound(id);
      return null;
    },
  ),
};

/** By complete id, or by what an operator typed: the beginning of an id, or a name. */
async function findKey(
  ports: AdminPorts,
  id: string | undefined,
  search: string | undefined,
): Promise<KeyInfo> {
  if ((id === undefined) === (search === undefined)) {
    throw badRequest('give either id or search, and not both');
  }
  if (search === undefined) {
    const key = await ports.directory.key(id ?? '');
    if (key === undefined) throw keyNotFound(id ?? '');
    return key;
  }
  const exact = await ports.directory.key(search);
  if (exact !== undefined) return exact;
  const lower = search.toLowerCase();
  const matches = (await ports.directory.listKeys()).filter(
    key => key.id.toLowerCase().startsWith(lower) || key.name.toLowerCase() === lower,
  );
  const [only] = matches;
  if (only === undefined || search === '') throw keyNotFound(search);
  if (matches.length === 1) return only;
  throw badRequest(`${String(matches.length)} keys match ${search}: give more of the id`);
}

function keyChange(fields: Static<typeof keyFields>): KeyChange {
  const { name, expiration, neverExpires, allow, deny } = fields;
  const canCreateBucket =
    deny?.createBucket === true ? false : allow?.createBucket === true ? true : undefined;
  if (neverExpires === true && typeof expiration === 'string') {
    throw badRequest('give either expiration or neverExpires, and not both');
  }
  const expiresMs = typeof expiration === 'string' ? expirationMs(expiration) : undefined;
  return {
    ...(typeof name === 'string' ? { name } : {}),
    ...(neverExpires === true ? { expiresMs: null } : {}),
    ...(expiresMs === undefined ? {} : { expiresMs }),
    ...(canCreateBucket === undefined ? {} : { canCreateBucket }),
  };
}

function expirationMs(text: string): number {
  const timeMs = parseRfc3339(text);
  if (timeMs !== undefined) return timeMs;
  throw badRequest('expiration must be a time like 2030-01-31T00:00:00Z');
}

function expirationOf(
  ports: AdminPorts,
  { expiresMs }: KeyInfo,
): { readonly expiration: string | null; readonly expired: boolean } {
  return {
    expiration: expiresMs === undefined ? null : rfc3339(expiresMs),
    expired: expiresMs !== undefined && expiresMs <= ports.nowMs(),
  };
}

function keyJson(ports: AdminPorts, key: KeyInfo, secret: 'shown' | 'hidden'): unknown {
  return {
    accessKeyId: key.id,
    created: rfc3339(key.createdMs),
    name: key.name,
    ...expirationOf(ports, key),
    ...(secret === 'shown' ? { secretAccessKey: key.secret } : {}),
    permissions: { createBucket: key.canCreateBucket },
    buckets: key.buckets
      .filter(({ permissions }) => mayAnything(permissions))
      .map(({ bucketId, globalAliases, localAliases, permissions }) => ({
        id: bucketId,
        globalAliases,
        localAliases,
        permissions,
      })),
  };
}
