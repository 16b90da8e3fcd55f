/**
 * The admin operations on the names of buckets.
 *
 * Owns:          their parameters and answers.
 * Knows:         the Directory.
 * Must not know: doors, rows.
 */
import { Type } from 'typebox';
import type { BucketAlias } from '../../schemas/admin-types.ts';
import { bucketJson } from './admin-bucket-view.ts';
import { checkName } from './admin-buckets.ts';
import { badRequest, bucketNotFound, keyNotFound } from './admin-error.ts';
import { operation, type AdminOperation } from './admin-operation.ts';
import { optional } from './admin-params.ts';

const aliasParams = Type.Object({
  bucketId: Type.String(),
  globalAlias: optional(Type.String()),
  localAlias: optional(Type.String()),
  accessKeyId: optional(Type.String()),
});

export const aliasOperations: Readonly<Record<string, AdminOperation>> = {
  AddBucketAlias: operation(
    'POST',
    { body: 'json', params: aliasParams },
    async (ports, params) => {
      const alias = aliasOf(params);
      checkName(ports, alias.name);
      const result = await ports.directory.addAlias(params.bucketId, alias);
      switch (result.kind) {
        case 'updated':
          return bucketJson(ports, result.bucket);
        case 'bucket-not-found':
          throw bucketNotFound(params.bucketId);
        case 'key-not-found':
          throw keyNotFound(params.accessKeyId ?? '');
        case 'alias-taken':
          throw badRequest(`the name ${alias.name} belongs to another bucket`);
      }
    },
  ),

  RemoveBucketAlias: operation(
    'POST',
    { body: 'json', params: aliasParams },
    async (ports, params) => {
      const alias = aliasOf(params);
      const result = await ports.directory.removeAlias(params.bucketId, alias);
      switch (result.kind) {
        case 'updated':
          return bucketJson(ports, result.bucket);
        case 'bucket-not-found':
          throw bucketNotFound(params.bucketId);
        case 'key-not-found':
          throw keyNotFound(params.accessKeyId ?? '');
        case 'alias-not-found':
          throw badRequest(`the bucket is not named ${alias.name}`);
        case 'last-alias':
          throw badRequest(`${alias.name} is the only name of the bucket: give it another first`);
      }
    },
  ),
};

function aliasOf(params: Type.Static<typeof aliasParams>): BucketAlias {
  const { globalAlias, localAlias, accessKeyId } = params;
  const isGlobal = typeof globalAlias === 'string';
  const isLocal = typeof localAlias === 'string' && typeof accessKeyId === 'string';
  if (isGlobal && typeof localAlias !== 'string' && typeof accessKeyId !== 'string') {
    return { kind: 'global', name: globalAlias };
  }
  if (isLocal && !isGlobal) return { kind: 'local', name: localAlias, accessKeyId };
  throw badRequest('give either globalAlias, or localAlias with accessKeyId');
}
