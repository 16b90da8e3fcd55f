/**
 * The bench table of README, made from the newest recorded result: never typed.
 *
 * Owns:          the place in README, and what stands there.
 * Knows:         the recorded results.
 * Must not know: how they were measured.
 */
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { formatRows, type BenchRecord } from './report.ts';

const BEGIN = '<!-- bench:begin -->';
const END = '<!-- bench:end -->';

/** The newest record of a directory; undefined when there is none. */
export async function newestRecord(directory: string): Promise<BenchRecord | undefined> {
  const names = await readdir(directory).catch(() => []);
  const newest = names
    .filter(name => name.endsWith('.json'))
    .sort()
    .at(-1);
  if (newest === undefined) return undefined;
  return JSON.parse(await readFile(join(directory, newest), 'utf8')) as BenchRecord;
}

/** README with the table of this record in its place. Throws when README has no such place. */
export function withTable(readme: string, { at, commit, rows }: BenchRecord): string {
  const begin = readme.indexOf(BEGIN);
  const end = readme.indexOf(END);
  if (begin < 0 || end < begin) throw new Error('README has no place for the bench');
  const intro = `Recorded on ${at.slice(0, 10)} at ${commit}:`;
  const table = `${BEGIN}\n${intro}\n\n${formatRows(rows)}\n${END}`;
  return readme.slice(0, begin) + table + readme.slice(end + END.length);
}
