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
import { delimiter, join } from 'node:path';

const EXECUTABLE_BITS = 0o111;

/** Whether an executable file of that name is on the PATH. */
export function isOnPath(program: string): boolean {
  const directories = (process.env['PATH'] ?? '').split(delimiter);
  return directories.some(directory => {
    const found = statSync(join(directory, program), { throwIfNoEntry: false });
    return found !== undefined && found.isFile() && (found.mode & EXECUTABLE_BITS) !== 0;
  });
}
