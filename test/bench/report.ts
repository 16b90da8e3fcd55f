/**
 * The results of a bench as a table and as a dated file.
 *
 * Owns:          their shape.
 * Knows:         nothing of what was measured.
 * Must not know: where README shows them.
 */
import { mkdir, writeFile } from 'node:fs/promises';
import { cpus } from 'node:os';
import { join } from 'node:path';

export type BenchRow = {
  readonly work: string;
  /** What was measured, with its unit. */
  readonly figure: string;
  /** The limit from the same run, with its unit. */
  readonly limit: string;
  /** Figure over limit, or limit over figure where less is better. */
  readonly ratio: number;
  readonly target: string;
  readonly isMet: boolean;
  /** Anything a reader needs to believe the figure. */
  readonly note?: string;
};

/** A row whose ratio is to be at least `target`. */
export function atLeast(
  target: number,
  row: Pick<BenchRow, 'work' | 'figure' | 'limit' | 'ratio' | 'note'>,
): BenchRow {
  return { ...row, target: `≥ ${String(target)}`, isMet: row.ratio >= target };
}

/** A row whose ratio is to be at most `target`. */
export function atMost(
  target: number,
  row: Pick<BenchRow, 'work' | 'figure' | 'limit' | 'ratio' | 'note'>,
): BenchRow {
  return { ...row, target: `≤ ${String(target)}`, isMet: row.ratio <= target };
}

export function formatRows(rows: readonly BenchRow[]): string {
  const lines = rows.map(row =>
    [
      row.work,
      row.figure,
      row.limit,
      row.ratio.toFixed(2),
      row.target,
      row.isMet ? 'met' : 'missed',
      row.note ?? '',
    ].join(' | '),
  );
  const head = '| work | figure | limit in the same run | ratio | aim | | note |';
  return [head, '|---|---|---|---|---|---|---|', ...lines.map(line => `| ${line} |`)].join('\n');
}

export type BenchRecord = {
  readonly at: string;
  readonly commit: string;
  readonly parameters: Readonly<Record<string, unknown>>;
  readonly rows: readonly BenchRow[];
};

/** Writes `YYYY-MM-DD.json` into `directory`; a second one of a day replaces the first. */
export async function record(directory: string, result: BenchRecord): Promise<string> {
  await mkdir(directory, { recursive: true });
  const machine = { cores: cpus().length, model: cpus()[0]?.model, node: process.version };
  const path = join(directory, `${result.at.slice(0, 10)}.json`);
  await writeFile(path, `${JSON.stringify({ ...result, machine }, null, 2)}\n`);
  return path;
}
