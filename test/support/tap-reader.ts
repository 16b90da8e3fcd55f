/**
 * Reads what ava prints with `--tap`, line by line, into results.
 *
 * Owns:          the meaning of each line.
 * Knows:         TAP 13 as ava 7 writes it.
 * Must not know: where the lines come from, how results are shown.
 *
 * ava names a test's file only as words before its title ("gateway › http › router › title"),
 * without the folder all files share, and not at all when there is one file. A test that never ran
 * because its process ended early is only a comment with a number: it must count as failed.
 */

/** One test that ran, was skipped, or should have run. */
export type TestResult = {
  /** The compiled test file, as given to the reader; undefined if the line names none of them. */
  readonly file: string | undefined;
  readonly title: string;
  readonly outcome: 'passed' | 'failed' | 'skipped';
  /** What the test printed with `t.log`. */
  readonly logs: readonly string[];
  /** What ava says about a failure, one line each. */
  readonly detail: readonly string[];
};

type Draft = { -readonly [Field in keyof TestResult]: TestResult[Field] } & {
  logs: string[];
  detail: string[];
};

const TEST_LINE = /^(ok|not ok) \d+ - (.*)$/;
const DIRECTIVE = / # (SKIP|TODO)$/;
const REMAINING = /^# (\d+) tests? remaining in (.*)$/;
/** How many tests there were: the first of the last lines. */
const PLAN = /^1\.\.\d+$/;
const SEPARATOR = / [›>] /;

export class TapReader {
  readonly #onResult: (result: TestResult) => void;
  readonly #files: ReadonlyMap<string, string>;
  readonly #onlyFile: string | undefined;
  #draft: Draft | undefined;
  #isComplete = false;
  #inDetail = false;

  /** `files`: the test files of the run, as paths relative to the project, with `/`. */
  constructor(files: readonly string[], onResult: (result: TestResult) => void) {
    this.#onResult = onResult;
    this.#files = filesByWords(files);
    this.#onlyFile = files.length === 1 ? files[0] : undefined;
  }

  line(text: string): void {
    if (this.#inDetail) return this.#detailLine(text);
    const test = TEST_LINE.exec(text);
    if (test !== null) return this.#begin(test[1] === 'ok' ? 'passed' : 'failed', test[2] ?? '');
    if (text === '  ---' && this.#draft !== undefined) this.#inDetail = true;
    else if (text.startsWith('#   ')) this.#draft?.logs.push(text.slice('#   '.length));
    else this.#comment(text);
  }

  /** Gives out the last result; to be called once after the last line. */
  end(): void {
    this.#inDetail = false;
    this.#finish();
  }

  /** Whether ava wrote its last lines: it may die in the middle and take results with it. */
  get isComplete(): boolean {
    return this.#isComplete;
  }

  #begin(outcome: 'passed' | 'failed', rest: string): void {
    this.#finish();
    const directive = DIRECTIVE.exec(rest)?.[1];
    const named = this.#split(rest.replace(DIRECTIVE, ''));
    const detail = directive === 'TODO' ? ['a test that is still to be written'] : [];
    const known = directive === 'SKIP' ? 'skipped' : outcome;
    this.#draft = { ...named, outcome: known, logs: [], detail };
  }

  #detailLine(text: string): void {
    if (text === '  ...') return this.end();
    this.#draft?.detail.push(text.replace(/^ {4}/, ''));
  }

  #comment(text: string): void {
    this.#finish();
    if (PLAN.test(text)) this.#isComplete = true;
    const remaining = REMAINING.exec(text);
    if (remaining === null) return;
    const file = this.#fileNamedIn(text);
    for (let index = 0; index < Number(remaining[1]); index += 1) {
      const title = `a test that did not run: ${remaining[2] ?? ''} ended before it`;
      this.#onResult({ file, title, outcome: 'failed', logs: [], detail: [] });
    }
  }

  #finish(): void {
    if (this.#draft !== undefined) this.#onResult(this.#draft);
    this.#draft = undefined;
  }

  /** The longest row of leading words that is a file; the title itself may contain separators. */
  #split(named: string): { file: string | undefined; title: string } {
    if (this.#onlyFile !== undefined) return { file: this.#onlyFile, title: named };
    const words = named.split(SEPARATOR);
    for (let count = words.length - 1; count > 0; count -= 1) {
      const file = this.#files.get(words.slice(0, count).join(' '));
      if (file !== undefined) return { file, title: words.slice(count).join(' › ') };
    }
    // What befell a whole file names its path instead.
    return { file: this.#fileNamedIn(named), title: named };
  }

  #fileNamedIn(text: string): string | undefined {
    return [...this.#files.values()].find(path => text.includes(path));
  }
}

/** Files by the words ava puts before a title. */
function filesByWords(files: readonly string[]): ReadonlyMap<string, string> {
  const shared = sharedFolder(files);
  return new Map(files.map(file => [avaWords(file.slice(shared.length)), file]));
}

/** ava takes the ending away, and "test-" wherever it stands in the file's own name. */
function avaWords(path: string): string {
  const words = path.replace(/(\.test)?\.js$/, '').split('/');
  const name = words.pop() ?? '';
  return [...words, name.replace('test-', '')].join(' ');
}

function sharedFolder(files: readonly string[]): string {
  const [first = '', ...others] = files;
  let folder = first.slice(0, first.lastIndexOf('/') + 1);
  while (folder !== '' && !others.every(file => file.startsWith(folder))) {
    folder = folder.slice(0, folder.lastIndexOf('/', folder.length - 2) + 1);
  }
  return folder;
}
