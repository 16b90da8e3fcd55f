/**
 * Small files and directories that are there after a power cut once the promise resolves.
 *
 * Owns:          the order of write, sync, rename and sync of the directory.
 * Knows:         the Files port.
 * Must not know: what the files say.
 */
import { basename, dirname, join } from 'node:path';
import type { Files } from '../../schemas/environment.ts';
import { isMissing } from './file-errors.ts';

const SMALL_FILE_BYTES_MAX = 1024 * 1024;

/** Makes the directory and its missing parents; every new entry is synced. */
export async function makeDirectoryDurably(files: Files, path: string): Promise<void> {
  const created: string[] = [];
  for (let at = path; (await files.sizeBytes(at)) === undefined; at = dirname(at)) {
    created.push(at);
    if (dirname(at) === at) break;
  }
  await files.makeDirectory(path);
  for (const directory of created.reverse()) await files.syncDirectory(dirname(directory));
}

/** Replaces the file, or makes it: after a crash the old or the new content is there. */
export async function writeFileDurably(
  files: Files,
  path: string,
  content: Uint8Array,
): Promise<void> {
  const directory = dirname(path);
  const temporary = join(directory, `.${basename(path)}.new`);
  await removeIfThere(files, temporary);
  const handle = await files.open(temporary, 'create');
  try {
    await handle.write([content], 0);
    await handle.datasync();
  } finally {
    await handle.close();
  }
  await files.rename(temporary, path);
  await files.syncDirectory(directory);
}

/** The bytes of a small file; undefined when it is not there. */
export async function readSmallFile(files: Files, path: string): Promise<Buffer | undefined> {
  const size = await files.sizeBytes(path);
  if (size === undefined) return undefined;
  if (size > SMALL_FILE_BYTES_MAX) throw new Error(`${path} is larger than it can be`);
  const handle = await files.open(path, 'read');
  try {
    const bytes = Buffer.alloc(size);
    return bytes.subarray(0, await handle.read(bytes, 0));
  } finally {
    await handle.close();
  }
}

/** True when there was such a file. */
export async function removeIfThere(files: Files, path: string): Promise<boolean> {
  try {
    await files.unlink(path);
    return true;
  } catch (error) {
    if (isMissing(error)) return false;
    throw error;
  }
}

/** The entries of a directory; none when it is not there. */
export async function namesIn(files: Files, path: string): Promise<string[]> {
  try {
    return (await files.list(path)).map(entry => entry.name);
  } catch (error) {
    if (isMissing(error)) return [];
    throw error;
  }
}
