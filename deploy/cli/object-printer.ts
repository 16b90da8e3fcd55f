/**
 * Prints what is stored under an object key.
 *
 * Owns:          labels, columns and their order, which are Garage's.
 * Knows:         the answers of the admin operations.
 * Must not know: where they come from.
 */
import { textTable, type TableLine } from '../../gateway/admin/text-table.ts';
import type { ObjectAnswer, ObjectVersionAnswer } from './api-answers.ts';
import { bothSizes } from './bucket-printer.ts';
import { utcTime } from './local-time.ts';

const PART_COLUMN = 4;
const NUMBER_COLUMN = 9;

export function objectInfo(object: ObjectAnswer): string[] {
  return object.versions.flatMap((version, index) => [
    ...(index === 0 ? [] : ['']),
    ...versionInfo(object, version),
  ]);
}

function versionInfo({ bucketId, key }: ObjectAnswer, version: ObjectVersionAnswer): string[] {
  const { size, etag, blocks = [], headers = [] } = version;
  return [
    '==== OBJECT VERSION ====',
    ...textTable([
      ['Bucket ID:', bucketId],
      ['Key:', key],
      ['Version ID:', version.uuid],
      ['Timestamp:', utcTime(version.timestamp)],
      ...(size === undefined
        ? []
        : [
            ['Size:', bothSizes(size)],
            ['Size (exact):', String(size)],
          ]),
      ...(blocks.length === 0 ? [] : [['Number of blocks:', String(blocks.length)]]),
      ...(etag === undefined ? [] : [['Etag:', etag]]),
      ['Encrypted:', String(version.encrypted)],
      ['Uploading:', String(version.uploading)],
      ['Aborted:', String(version.aborted)],
      ['Delete marker:', String(version.deleteMarker)],
      ['Inline data:', String(version.inline)],
      ...headers.map(([name, value]): TableLine => [`Header ${name}:`, value]),
    ]),
    ...(blocks.length === 0 ? [] : blockTable(blocks)),
  ];
}

function blockTable(blocks: NonNullable<ObjectVersionAnswer['blocks']>): string[] {
  return textTable([
    ['Part#', 'Offset', 'Block hash', 'Size'],
    ...blocks.map(({ partNumber, offset, hash, size }) => [
      String(partNumber).padStart(PART_COLUMN),
      String(offset).padStart(NUMBER_COLUMN),
      hash,
      String(size).padStart(NUMBER_COLUMN),
    ]),
  ]);
}
