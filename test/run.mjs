/**
 * `npm test`: from a fresh clone to one line that says how many tests passed.
 *
 *   node test/run.mjs                        everything: types, formatting, lint, all tests
 *   node test/run.mjs test/gateway/http …    the tests of some files or folders only
 *   node test/run.mjs clients|faults|bench   a long program of its own, with its own arguments
 *   node test/run.mjs readme                 writes the compatibility table into README
 *   node test/run.mjs cluster                three sites on this machine, until Ctrl-C
 *
 * Owns:          the order of the steps, and the processes of a run.
 * Knows:         the tools' command lines.
 * Must not know: what any test checks.
 *
 * Plain JavaScript without packages, because it runs before there are any. What reads and reports
 * results is compiled with the rest, and imported once it is there.
 */
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { build, install, isBuilt, isInstalled, nodeProblem, run } from '../deploy/prepare.mjs';

const root = dirname(dirname(fileURLToPath(import.meta.url)));

const PROGRAMS = {
  clients: 'dist/test/clients/run-clients.js',
  faults: 'dist/test/faults/run-faults.js',
  bench: 'dist/test/bench/bench.js',
  readme: 'dist/test/conformance/write-readme.js',
  simulate: 'dist/test/simulation/run-simulation.js',
};
const CLUSTER = 'dist/test/cluster/run-cluster.js';
const PRETTIER = 'node_modules/prettier/bin/prettier.cjs';
const ESLINT = 'node_modules/eslint/bin/eslint.js';
const PRETTIER_CACHE = 'node_modules/.cache/prettier/cache.json';
const ESLINT_CACHE = 'node_modules/.cache/eslint/';
const AVA = 'node_modules/ava/entrypoints/cli.mjs';

process.exitCode = await main(process.argv.slice(2));

async function main(parameters) {
  const tooOld = nodeProblem(process.version);
  if (tooOld !== undefined) return giveUp(tooOld);
  if (!isInstalled(root, 'development')) {
    console.log('installing packages (npm ci)');
    if ((await install(root)) !== 0) return giveUp('installing the packages failed: see above');
  }
  const [first = ''] = parameters;
  if (first === 'cluster') return runCluster(parameters.slice(1));
  if (Object.hasOwn(PROGRAMS, first)) return runProgram(PROGRAMS[first], parameters.slice(1));
  return runTests(parameters);
}

async function runProgram(program, parameters) {
  console.log('compiling (tsc)');
  if ((await build(root)) !== 0) return giveUp('compiling failed: see above');
  if (!existsSync(join(root, program))) return giveUp(`there is no ${program}`);
  const options = ['--enable-source-maps', program, ...parameters];
  return (await run(process.execPath, options, { root })).code;
}

/** Standard output is for what it prints; what is compiled already is not compiled again. */
async function runCluster(parameters) {
  if (!isBuilt(root)) {
    console.error('compiling (tsc)');
    if ((await build(root, line => console.error(line))) !== 0) return giveUp('compiling failed');
  }
  const options = ['--enable-source-maps', CLUSTER, ...parameters];
  return (await run(process.execPath, options, { root })).code;
}

async function runTests(selection) {
  console.log(selection.length > 0 ? 'compiling' : 'compiling, checking the formatting, linting');
  const [types, style] = await Promise.all([compile(), selection.length > 0 ? [] : checkStyle()]);
  const { TestReport, TapReader, ensureSystemPackages, TEST_RUN_PACKAGES } = await loadSupport();
  if (TestReport === undefined) return giveUp('compiling failed; `npm run build` says why');
  const report = new TestReport(line => console.log(line));
  for (const check of [types, ...style]) showCheck(report, check);

  const ensured = ensureSystemPackages(TEST_RUN_PACKAGES);
  if (ensured.kind === 'missing') report.checkFailed('system packages', [ensured.explanation]);
  else await runAva({ report, TapReader, selection });
  return report.finish() === 'passed' ? 0 : 1;
}

/** Ends with the same last line as a run that got further. */
function giveUp(problem) {
  console.log(`FAILED  ${problem}`);
  console.log('0 passed, 1 failed, 0 skipped');
  return 1;
}

async function loadSupport() {
  const folder = join(root, 'dist', 'test', 'support');
  const names = ['test-report.js', 'tap-reader.js', 'system-packages.js'];
  if (!names.every(name => existsSync(join(folder, name)))) return {};
  const modules = names.map(name => import(pathToFileURL(join(folder, name)).href));
  return Object.assign({}, ...(await Promise.all(modules)));
}

/* ---- checks: each is { title, problems }, and a problem is one failed test ---- */

function showCheck(report, { title, problems }) {
  if (problems.length === 0) report.checkPassed(title);
  for (const { name, detail } of problems) report.checkFailed(`${title}: ${name}`, detail);
}

async function compile() {
  const lines = [];
  const code = await build(root, line => lines.push(line));
  return { title: 'types', problems: problemsOf({ code, lines, pattern: /^(\S+\.ts)\(/ }) };
}

/** The formatter and the linter one after the other: the compiler has the other core. */
async function checkStyle() {
  return [await checkFormat(), await checkLint()];
}

async function checkFormat() {
  const options = ['--config', '.ci/prettier.json', '--ignore-path', '.ci/prettierignore'];
  const cache = ['--cache', '--cache-strategy', 'content', '--cache-location', PRETTIER_CACHE];
  const { code, lines } = await runTool([PRETTIER, ...options, ...cache, '--list-different', '.']);
  return { title: 'formatting', problems: problemsOf({ code, lines, pattern: /^(\S+)$/ }) };
}

/** In CI without its cache, which does not notice that the types a file uses have changed. */
async function checkLint() {
  const cache = ['--cache', '--cache-strategy', 'content', '--cache-location', ESLINT_CACHE];
  const options = ['--config', '.ci/eslint.config.mjs', ...(process.env.CI ? [] : cache)];
  const { code, lines } = await runTool([ESLINT, ...options, '.']);
  const relative = lines.map(line => line.replace(`${root}/`, ''));
  const pattern = /^(\S+\.m?[jt]s)$/;
  return { title: 'lint', problems: problemsOf({ code, lines: relative, pattern }) };
}

async function runTool(parameters) {
  const lines = [];
  const onLine = line => lines.push(line);
  const { code } = await run(process.execPath, parameters, { root, onLine });
  return { code, lines };
}

/** A tool's lines by the file they name; if it failed and named none, all are one problem. */
function problemsOf({ code, lines, pattern }) {
  if (code === 0) return [];
  const problems = [];
  for (const line of lines) {
    const name = pattern.exec(line)?.[1];
    if (name === undefined) problems.at(-1)?.detail.push(line);
    else if (problems.at(-1)?.name === name) problems.at(-1).detail.push(line);
    else problems.push({ name, detail: name === line ? [] : [line] });
  }
  return problems.length > 0 ? problems : [{ name: `ended with code ${code}`, detail: lines }];
}

/* ---- the tests ---- */

async function runAva({ report, TapReader, selection }) {
  const all = testFiles();
  const files = selection.length === 0 ? all : selectFiles({ report, all, selection });
  if (files.length === 0) return;
  console.log(`running the tests of ${files.length} files`);
  const failedBefore = report.failedCount;
  const reader = new TapReader(files, result => report.result(result));
  const chosen = selection.length === 0 ? [] : files;
  const { code, leftBehind } = await run(process.execPath, [AVA, '--tap', ...chosen], {
    root,
    onLine: (line, stream) =>
      stream === 'out' ? reader.line(line) : console.log(`        ${line}`),
  });
  reader.end();
  if (leftBehind) console.log('note: tests had left processes running, which were ended');
  if (!reader.isComplete) {
    report.checkFailed(`ava ended with code ${code} before all tests had run`, [
      'Its own error is above. It dies so when a test, or code under test, calls process.exit.',
    ]);
  } else if (code !== 0 && report.failedCount === failedBefore) {
    report.checkFailed(`ava ended with code ${code} but named no failed test`, []);
  }
}

/** The compiled tests that package.json's ava section asks for. */
function testFiles() {
  const { ava } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  const excluded = ava.files
    .filter(pattern => pattern.startsWith('!'))
    .map(pattern => pattern.slice(1).replace(/\*\*.*$/, ''));
  return filesBelow('dist/test')
    .filter(path => path.endsWith('.test.js'))
    .filter(path => !excluded.some(folder => path.startsWith(folder)))
    .sort();
}

function selectFiles({ report, all, selection }) {
  const chosen = new Set();
  for (const wanted of selection) {
    const path = compiledPath(wanted);
    const found = all.filter(
      file => file === path || file === `${path}.test.js` || file.startsWith(`${path}/`),
    );
    if (found.length === 0) report.checkFailed(`no test file at ${wanted}`, []);
    for (const file of found) chosen.add(file);
  }
  return [...chosen];
}

/** `gateway/http`, `test/gateway/http/` and `dist/test/gateway/http` mean the same. */
function compiledPath(wanted) {
  const path = wanted
    .replace(`${root}/`, '')
    .replace(/^\.\//, '')
    .replace(/\/$/, '')
    .replace(/^dist\//, '')
    .replace(/^test(\/|$)/, '')
    .replace(/\.ts$/, '.js');
  return path === '' ? 'dist/test' : `dist/test/${path}`;
}

function filesBelow(folder) {
  if (!existsSync(join(root, folder))) return [];
  return readdirSync(join(root, folder), { withFileTypes: true }).flatMap(entry => {
    const path = `${folder}/${entry.name}`;
    return entry.isDirectory() ? filesBelow(path) : [path];
  });
}
