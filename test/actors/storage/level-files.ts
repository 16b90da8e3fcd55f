/**
 * Files that LevelDB itself has written, of rows with their checksums.
 *
 * Owns:          the rows; the database they are put into.
 * Knows:         classic-level.
 * Must not know: what is tested.
 */
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { ExecutionContext } from 'ava';
import { sealValue } from '../../../actors/storage/row-checksum.ts';
import { openRaw, temporaryDirectory } from './level-fixture.ts';

export function keyOfRow(index: number): Buffer {
  return Buffer.from(`photos/2026/${String(index).padStart(6, '0')}`);
}

export function valueOfRow(index: number): Buffer {
  return Buffer.from(`row ${String(index)} `.repeat(4 + (index % 5)));
}

export type Source = 'table' | 'log';

/** A directory with `count` rows, in one table or in one log. */
export async function directoryOfRows(
  t: ExecutionContext,
  count: number,
  source: Source,
): Promise<string> {
  const directory = temporaryDirectory(t);
  const raw = await openRaw(directory, { compression: false });
  for (let index = 0; index < count; index += 1) {
    const key = keyOfRow(index);
    await raw.put(key, sealValue(key, valueOfRow(index)));
  }
  if (source === 'table') await raw.compactRange(Buffer.of(0), Buffer.of(0xff));
  await raw.close();
  return directory;
}

export function fileOf(directory: string, source: Source): { path: string; bytes: Buffer } {
  const ending = source === 'table' ? '.ldb' : '.log';
  const files = readdirSync(directory)
    .filter(name => name.endsWith(ending))
    .map(name => join(directory, name))
    .map(path => ({ path, bytes: readFileSync(path) }))
    .filter(({ bytes }) => bytes.length > 0);
  const [first] = files;
  if (first === undefined || files.length > 1) throw new Error(`${files.length} ${source} files`);
  return first;
}
