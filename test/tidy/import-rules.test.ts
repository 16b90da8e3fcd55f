import test from 'ava';
import {
  arrowComplaints,
  importerComplaints,
  staleImporterComplaints,
  unusedFileComplaints,
  unusedPackageComplaints,
} from './import-rules.ts';
import { parseSource } from './source-file.ts';

const arrows = {
  schemas: [],
  bus: ['schemas'],
  gateway: ['schemas', 'bus'],
  'gateway/s3': ['schemas', 'gateway'],
  'gateway/web': ['schemas', 'gateway'],
};

function arrowCount(path: string, text: string): number {
  return arrowComplaints(parseSource(path, text), arrows).length;
}

test('an import along an arrow, and within a folder, is accepted', t => {
  t.is(arrowCount('bus/a.ts', "import { b } from '../schemas/records/b.ts';"), 0);
  t.is(arrowCount('bus/deep/a.ts', "import { b } from '../b.ts';"), 0);
  t.is(arrowCount('bus/a.ts', "import { b } from 'schemas';"), 0, 'that is a package');
});

test('an import against an arrow is refused, whatever its form', t => {
  for (const text of [
    "import { b } from '../bus/b.ts';",
    "import type { b } from '../bus/b.ts';",
    "import '../bus/b.ts';",
    "export { b } from '../bus/b.ts';",
    "export * from '../bus/b.ts';",
    "const b = await import('../bus/b.ts');",
    "const b = require('../bus/b.ts');",
    "export type B = import('../bus/b.ts').B;",
  ]) {
    t.is(arrowCount('schemas/a.ts', text), 1, text);
  }
});

test('an import out of the known folders is refused', t => {
  t.is(arrowCount('bus/a.ts', "import { b } from '../../elsewhere/b.ts';"), 1);
});

test('a folder inside a folder has arrows of its own', t => {
  t.is(arrowCount('gateway/s3/a.ts', "import { b } from '../http/b.ts';"), 0);
  t.is(arrowCount('gateway/s3/a.ts', "import { b } from '../web/b.ts';"), 1);
  t.is(arrowCount('gateway/http/a.ts', "import { b } from '../s3/b.ts';"), 1);
});

const importers = {
  pino: ['deploy/log.ts'],
  '@aws-sdk/client-s3': ['test/'],
  'node:fs': ['deploy/'],
};

function importerMessages(path: string, text: string): string[] {
  return importerComplaints(parseSource(path, text), importers).map(({ message }) => message);
}

test('a package is accepted in its importer only', t => {
  t.deepEqual(importerMessages('deploy/log.ts', "import { pino } from 'pino';"), []);
  t.deepEqual(importerMessages('deploy/node.ts', "import { pino } from 'pino';"), [
    'pino is imported only by deploy/log.ts',
  ]);
});

test('a path into a package counts as the package, a type import as an import', t => {
  t.is(importerMessages('bus/a.ts', "import type { A } from '@aws-sdk/client-s3/a.js';").length, 1);
  t.is(importerMessages('bus/a.ts', "import { open } from 'node:fs/promises';").length, 1);
  t.deepEqual(importerMessages('deploy/a.ts', "import { open } from 'node:fs/promises';"), []);
});

test('a package that no table names is refused', t => {
  t.regex(importerMessages('test/a.ts', "import a from 'lodash';")[0] ?? '', /in no table/);
  t.regex(importerMessages('deploy/a.ts', "import a from 'fs';")[0] ?? '', /in no table/);
});

function staleMessages(texts: Record<string, string>): string[] {
  const files = Object.entries(texts).map(([path, text]) => parseSource(path, text));
  return staleImporterComplaints(files, { pino: ['deploy/log.ts', 'test/'] }).map(
    ({ message }) => message,
  );
}

test('a row of the table that is true is accepted', t => {
  t.deepEqual(staleMessages({ 'deploy/log.ts': "import { pino } from 'pino';" }), []);
});

test('a row that names a file which does not import the package is refused', t => {
  const test = "import { pino } from 'pino';";
  t.deepEqual(staleMessages({ 'deploy/log.ts': '', 'test/a.test.ts': test }), [
    'says that deploy/log.ts imports pino, which is not so',
  ]);
});

test('a row for a package that nobody imports is refused', t => {
  t.deepEqual(staleMessages({}), [
    'says that deploy/log.ts imports pino, which is not so',
    'says that anybody imports pino, which is not so',
  ]);
});

test('a package of package.json that nobody imports is refused, unless it is a tool', t => {
  const files = [parseSource('deploy/log.ts', "import { pino } from 'pino';")];
  const packages = ['pino', 'lodash', 'eslint'];
  t.like(unusedPackageComplaints({ files, packages, tools: ['eslint'] }), [
    { message: 'nobody imports lodash' },
  ]);
});

function unused(texts: Record<string, string>, entryPoints: readonly string[]): string[] {
  const files = Object.entries(texts).map(([path, text]) => parseSource(path, text));
  return unusedFileComplaints(files, entryPoints).map(({ path }) => path);
}

test('a file that nobody imports is refused, unless something starts there', t => {
  const texts = { 'deploy/main.ts': "import './used.ts';", 'deploy/used.ts': '', 'bus/a.ts': '' };
  t.deepEqual(unused(texts, ['deploy/main.ts']), ['bus/a.ts']);
});

test('a production file that only tests import is refused', t => {
  const texts = { 'bus/a.ts': '', 'test/bus/a.test.ts': "import '../../bus/a.ts';" };
  t.deepEqual(unused(texts, []), ['bus/a.ts']);
});

test('a file that imports only itself is refused', t => {
  t.deepEqual(unused({ 'bus/a.ts': "import type { A } from './a.ts';" }, []), ['bus/a.ts']);
});

test('a file loaded by its name, compiled or not, is used', t => {
  const texts = {
    'deploy/main.ts': "new URL('./a-worker.js', import.meta.url); load('../bus/b-worker.ts');",
    'deploy/a-worker.ts': '',
    'bus/b-worker.ts': '',
  };
  t.deepEqual(unused(texts, ['deploy/main.ts']), []);
});

test("a test's own support file must be used by a test", t => {
  const texts = {
    'test/a.test.ts': "import './support/used.ts';",
    'test/support/used.ts': '',
    'test/support/left.ts': '',
  };
  t.deepEqual(unused(texts, []), ['test/support/left.ts']);
});
