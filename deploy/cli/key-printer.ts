/**
 * Prints access keys.
 *
 * Owns:          labels, columns and their order, which are Garage's.
 * Knows:         the answers of the admin operations.
 * Must not know: where they come from.
 */
import { textTable } from '../../gateway/admin/text-table.ts';
import type { KeyAnswer, KeyLine } from './api-answers.ts';
import { abbreviated, permissionLetters, SHORT_ID } from './bucket-printer.ts';
import { localDate, localTime } from './local-time.ts';

export function keyList(keys: readonly KeyLine[]): string[] {
  return textTable([
    ['ID', 'Created', 'Name', 'Expiration'],
    ...keys.map(({ id, created, name, expiration, expired }) => [
      id,
      created === null ? '' : localDate(created),
      name,
      expiration === null ? 'never' : expired ? 'expired' : localTime(expiration),
    ]),
  ]);
}

export function keyInfo(key: KeyAnswer): string[] {
  return [
    '==== ACCESS KEY INFORMATION ====',
    ...textTable([
      ['Key ID:', key.accessKeyId],
      ['Key name:', key.name],
      ['Secret key:', key.secretAccessKey ?? '(redacted)'],
      ...(key.created === null ? [] : [['Created:', localTime(key.created)]]),
      ['Validity:', key.expired ? 'EXPIRED' : 'valid'],
      ['Expiration:', key.expiration === null ? 'never' : localTime(key.expiration)],
      ['Can create buckets:', String(key.permissions.createBucket)],
    ]),
    '==== BUCKETS FOR THIS KEY ====',
    ...textTable([
      ['Permissions', 'ID', 'Global aliases', 'Local aliases'],
      ...key.buckets.map(({ permissions, id, globalAliases, localAliases }) => [
        permissionLetters(permissions),
        id.slice(0, SHORT_ID),
        abbreviated(globalAliases),
        localAliases.join(', '),
      ]),
    ]),
  ];
}
