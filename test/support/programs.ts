/**
 * Which programs this machine has.
 *
 * Owns:          the search of the PATH.
 * Knows:         file modes.
 * Must not know: what the programs do.
 *
 * The PATH is searched here and not by running `which`, which small containers lack.
 */
import { statSync } from 'node:fs';
import { delimiter, isAbsolute, join } from 'node:path';

const EXECUTABLE_BITS = 0o111;

/** Whether an executable file of that name is on the PATH; or at that path, if it is absolute. */
export function isOnPath(program: string): boolean {
  if (isAbsolute(program)) return isExecutable(program);
  const directories = (process.env['PATH'] ?? '').split(delimiter);
  return directories.some(directory => isExecutable(join(directory, program)));
}

function isExecutable(path: string): boolean {
  const found = statSync(path, { throwIfNoEntry: false });
  return found !== undefined && found.isFile() && (found.mode & EXECUTABLE_BITS) !== 0;
}
