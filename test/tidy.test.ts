// Method: every rule of test/tidy/ is run over the project's own files, with the tables of
// test/tidy/tables.ts. That each rule can fail is shown in test/tidy/*.test.ts.
import { fileURLToPath } from 'node:url';
import test from 'ava';
import type { ExecutionContext } from 'ava';
import { bannedComplaints } from './tidy/banned-rules.ts';
import {
  arrowComplaints,
  importerComplaints,
  staleImporterComplaints,
  unusedFileComplaints,
  unusedPackageComplaints,
} from './tidy/import-rules.ts';
import { readProjectFiles, topLevelEntries } from './tidy/project-files.ts';
import { shapeComplaints } from './tidy/shape-rules.ts';
import { parseSource } from './tidy/source-file.ts';
import type { Complaint } from './tidy/source-file.ts';
import {
  arrows,
  bannedNames,
  entryPoints,
  importers,
  toolPackages,
  topLevel,
} from './tidy/tables.ts';
import {
  lockFileComplaints,
  registryHostComplaints,
  topLevelComplaints,
} from './tidy/tree-rules.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));
const files = readProjectFiles(root);
const sources = files
  .filter(({ path }) => /\.(ts|mjs)$/.test(path))
  .map(({ path, text }) => parseSource(path, text));

test('there are sources to check', t => {
  t.true(sources.length > 20, 'a check of nothing finds nothing');
});

test('every file has a header, a fair size, a telling name, and only syntax we use', t => {
  holds(t, sources.flatMap(shapeComplaints));
});

test('folders import each other only along the arrows', t => {
  holds(
    t,
    sources.flatMap(file => arrowComplaints(file, arrows)),
  );
});

test('an outside package is imported only by the files in its row of the table', t => {
  holds(
    t,
    sources.flatMap(file => importerComplaints(file, importers)),
  );
});

test('time, chance, timers, the environment and the console are used only at the edge', t => {
  holds(
    t,
    sources.flatMap(file => bannedComplaints(file, bannedNames)),
  );
});

test('every file is used by another one, or is a place where something starts', t => {
  holds(t, unusedFileComplaints(sources, entryPoints));
});

test('the top of the project holds what it is meant to hold', t => {
  holds(t, topLevelComplaints(topLevelEntries(root), topLevel));
});

test('no file names the host of a package registry', t => {
  holds(t, files.flatMap(registryHostComplaints));
  holds(t, files.filter(({ path }) => path === 'package-lock.json').flatMap(lockFileComplaints));
});

test('every package is there because somebody imports it', t => {
  holds(t, unusedPackageComplaints({ files: sources, packages: packages(), tools: toolPackages }));
});

test('the tables say nothing that is no longer so', t => {
  holds(t, staleImporterComplaints(sources, importers));
  const places = [...bannedNames.flatMap(({ allowedIn }) => allowedIn), ...entryPoints];
  const gone = [...new Set(places)].filter(place =>
    place.endsWith('/')
      ? !files.some(({ path }) => path.startsWith(place))
      : !files.some(({ path }) => path === place),
  );
  t.deepEqual(gone, []);
});

/** The packages of package.json, those for development among them. */
function packages(): readonly string[] {
  const text = files.find(({ path }) => path === 'package.json')?.text ?? '';
  const { dependencies, devDependencies } = JSON.parse(text) as Record<string, object>;
  return Object.keys({ ...dependencies, ...devDependencies });
}

/** Complaints are logged, not compared with an empty list, because a comparison wraps its lines. */
function holds(t: ExecutionContext, complaints: readonly Complaint[]): void {
  for (const { path, line, message } of complaints) t.log(`${path}:${line}: ${message}`);
  t.is(complaints.length, 0, 'the complaints are listed above');
}
