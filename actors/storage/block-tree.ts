/**
 * Names and places of block files: `<data directory>/ab/c0/<hash>`.
 *
 * Owns:          the two levels of directories, the names of temporary files.
 * Knows:         the Files port.
 * Must not know: what is in the files.
 *
 * There are 256 times 16 leaf directories: few enough to be made at the first start, so that a
 * write does not pay for a directory, and enough for a hundred million blocks.
 *
 * The name of a temporary file carries a tag of the process that writes it: any other one is a
 * leftover of a process that is no more, because a data directory has one process at a time.
 */
import { join } from 'node:path';
import type { Files } from '../../schemas/environment.ts';
import type { BlockHash } from '../../schemas/ids.ts';
import { parseBlockHash } from '../../schemas/ids.ts';
import { isMissing } from './file-errors.ts';

const TEMPORARY = /^tmp-([0-9a-f]+)-\d+$/;
const TWO_HEX_DIGITS = /^[0-9a-f]{2}$/;

/** What a leaf directory holds. */
export type LeafContent = {
  readonly blocks: readonly BlockHash[];
  /** Paths of temporary files of earlier processes. */
  readonly leftovers: readonly string[];
};

/** All leaf directories of a branch `ab`. */
export const LEAF_NAMES: readonly string[] = Array.from(
  { length: 16 },
  (_, digit) => `${digit.toString(16)}0`,
);

export function leafPath(root: string, hash: BlockHash): string {
  return join(root, hash.slice(0, 2), `${hash.slice(2, 3)}0`);
}

export function blockPath(root: string, hash: BlockHash): string {
  return join(leafPath(root, hash), hash);
}

export function temporaryName(tag: string, count: number): string {
  return `tmp-${tag}-${String(count)}`;
}

/** What becomes of a directory that cannot be listed: the walk goes on behind it, or ends where
 *  this throws. */
export type Unlistable = (path: string, error: unknown) => void;

/** The leaf directories that exist, in order; from `after` on (`ab/c0`), exclusive. */
export async function* leavesOf(
  files: Files,
  root: string,
  onUnlistable: Unlistable,
  after = '',
): AsyncGenerator<string, void> {
  for (const branch of await directoriesIn(files, root, onUnlistable)) {
    if (branch < after.slice(0, 2)) continue;
    for (const leaf of await directoriesIn(files, join(root, branch), onUnlistable)) {
      const name = `${branch}/${leaf}`;
      if (name > after) yield name;
    }
  }
}

/** Rejects when the directory is there and cannot be listed. */
export async function contentOfLeaf(files: Files, path: string, tag: string): Promise<LeafContent> {
  const blocks: BlockHash[] = [];
  const leftovers: string[] = [];
  for (const entry of await listIfThere(files, path)) {
    if (entry.kind !== 'file') continue;
    const hash = parseBlockHash(entry.name);
    const madeBy = TEMPORARY.exec(entry.name)?.[1];
    if (hash !== undefined) blocks.push(hash);
    else if (madeBy !== undefined && madeBy !== tag) leftovers.push(join(path, entry.name));
  }
  return { blocks: blocks.sort(), leftovers };
}

async function directoriesIn(
  files: Files,
  path: string,
  onUnlistable: Unlistable,
): Promise<string[]> {
  try {
    const entries = await listIfThere(files, path);
    return entries
      .filter(entry => entry.kind === 'directory' && TWO_HEX_DIGITS.test(entry.name))
      .map(entry => entry.name)
      .sort();
  } catch (error) {
    onUnlistable(path, error);
    return [];
  }
}

async function listIfThere(
  files: Files,
  path: string,
): Promise<Awaited<ReturnType<Files['list']>>> {
  try {
    return await files.list(path);
  } catch (error) {
    if (isMissing(error)) return [];
    throw error;
  }
}
