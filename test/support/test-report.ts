/**
 * What a person sees of a test run, and the count at its end.
 *
 * Owns:          the wording, the tally, what makes a run fail.
 * Knows:         results.
 * Must not know: ava, processes.
 *
 * ava does not say when a test file is over. A file's line is printed once two other files have
 * reported since it last did, or at the end; if more of its tests come later it gets a second line.
 */
import type { TestResult } from './tap-reader.ts';

type FileTally = { passed: number; failed: number; skipped: number; logs: string[] };

/** How many other files must have reported before a silent one is taken to be over. */
const OTHER_FILES_BEFORE_OVER = 2;

export class TestReport {
  readonly #write: (line: string) => void;
  readonly #open = new Map<string, { tally: FileTally; reportedSince: Set<string> }>();
  readonly #failures: string[] = [];
  readonly #skips: string[] = [];
  #passed = 0;

  constructor(write: (line: string) => void) {
    this.#write = write;
  }

  /** Something checked as a whole, such as the formatting: one test each. */
  checkPassed(title: string): void {
    this.#passed += 1;
    this.#write(`passed  ${title}`);
  }

  checkFailed(title: string, detail: readonly string[]): void {
    this.#fail(title, detail);
  }

  result(result: TestResult): void {
    if (result.file === undefined) return this.#resultOfNoFile(result);
    const file = shownFile(result.file);
    const tally = this.#tallyOf(file);
    tally[result.outcome] += 1;
    if (result.outcome === 'passed') this.#passed += 1;
    if (result.outcome === 'skipped') this.#skips.push(`${file}: ${result.title}`);
    if (result.outcome === 'failed') {
      this.#fail(`${file}: ${result.title}`, [...result.logs, ...result.detail]);
    } else {
      tally.logs.push(...result.logs.map(log => `${result.title}: ${log}`));
    }
    this.#showFilesOver(file);
  }

  /** Prints what is left, then the count alone on the last line; says whether the run passed. */
  finish(): 'passed' | 'failed' {
    for (const file of [...this.#open.keys()]) this.#showFile(file);
    if (this.#passed + this.#failures.length === 0) this.#fail('no test ran', []);
    for (const skip of this.#skips) this.#write(`skipped  ${skip}`);
    for (const failure of this.#failures) this.#write(`failed  ${failure}`);
    const counts = [this.#passed, this.#failures.length, this.#skips.length];
    this.#write(`${counts[0]} passed, ${counts[1]} failed, ${counts[2]} skipped`);
    return this.#failures.length === 0 ? 'passed' : 'failed';
  }

  /** How many tests have failed so far. */
  get failedCount(): number {
    return this.#failures.length;
  }

  /** A crash that ava cannot attribute. */
  #resultOfNoFile({ title, outcome, logs, detail }: TestResult): void {
    if (outcome === 'failed') this.#fail(title, [...logs, ...detail]);
    else this.checkPassed(title);
  }

  #fail(title: string, detail: readonly string[]): void {
    this.#failures.push(title);
    this.#write(`FAILED  ${title}`);
    for (const line of detail) this.#write(`          ${line}`);
  }

  #tallyOf(file: string): FileTally {
    let open = this.#open.get(file);
    if (open === undefined) {
      const tally = { passed: 0, failed: 0, skipped: 0, logs: [] };
      open = { tally, reportedSince: new Set() };
      this.#open.set(file, open);
    }
    open.reportedSince.clear();
    return open.tally;
  }

  #showFilesOver(reporting: string): void {
    for (const [file, { reportedSince }] of this.#open) {
      if (file !== reporting) reportedSince.add(reporting);
      if (reportedSince.size >= OTHER_FILES_BEFORE_OVER) this.#showFile(file);
    }
  }

  #showFile(file: string): void {
    const tally = this.#open.get(file)?.tally;
    if (tally === undefined) return;
    this.#open.delete(file);
    const counts = [`${tally.passed} passed`];
    if (tally.failed > 0) counts.push(`${tally.failed} failed`);
    if (tally.skipped > 0) counts.push(`${tally.skipped} skipped`);
    this.#write(`${tally.failed > 0 ? 'FAILED' : 'passed'}  ${file} (${counts.join(', ')})`);
    for (const log of tally.logs) this.#write(`          ${log}`);
  }
}

/** The source a compiled test came from, which is what a person opens. */
function shownFile(compiled: string): string {
  return compiled.replace(/^dist\//, '').replace(/\.js$/, '.ts');
}
