import test from 'ava';
import {
  headerComplaints,
  leftoverComplaints,
  nameComplaints,
  sizeComplaints,
  syntaxComplaints,
} from './shape-rules.ts';
import { parseSource } from './source-file.ts';

const header =
  '/**\n * One.\n *\n * Owns:          x.\n * Knows:         y.\n * Must not know: z.\n */\n';

function source(text: string, path = 'bus/bus.ts'): ReturnType<typeof parseSource> {
  return parseSource(path, text);
}

test('a header block with all its lines is accepted, after a shebang too', t => {
  t.deepEqual(headerComplaints(source(header)), []);
  t.deepEqual(headerComplaints(source(`#!/usr/bin/env node\n${header}`, 'deploy/a.mjs')), []);
});

test('a production file without a header block is refused', t => {
  t.is(headerComplaints(source('// One.\nexport const a = 1;\n')).length, 1);
  t.is(headerComplaints(source(`import 'x';\n${header}`)).length, 1, 'it must come first');
});

test('a header block that lacks a line is refused, and the line named', t => {
  const [complaint] = headerComplaints(source(header.replace(' * Knows:         y.\n', '')));
  t.regex(complaint?.message ?? '', /"Knows:"/);
});

test('a test file needs no header block', t => {
  t.deepEqual(headerComplaints(source("import test from 'ava';\n", 'test/bus/bus.test.ts')), []);
});

test('a file of 500 lines is accepted, one of 501 refused', t => {
  t.deepEqual(sizeComplaints(source('a;\n'.repeat(500))), []);
  t.is(sizeComplaints(source('a;\n'.repeat(501))).length, 1);
});

test('a line of 100 characters is accepted, one of 101 refused with its number', t => {
  t.deepEqual(sizeComplaints(source(`a;\n//${'é'.repeat(98)}\n`)), []);
  t.like(sizeComplaints(source(`a;\n//${'é'.repeat(99)}\n`)), [{ line: 2 }]);
});

test('file names are kebab-case and say something', t => {
  for (const path of ['bus/bus.ts', 'bus/table-client.test.ts', 'gateway/s3/s3-xml.ts']) {
    t.deepEqual(nameComplaints(source('', path)), [], path);
  }
  for (const path of ['bus/index.ts', 'bus/utils.ts', 'bus/types.ts', 'bus/TableClient.ts']) {
    t.is(nameComplaints(source('', path)).length, 1, path);
  }
});

test('a mark left over is refused', t => {
  const mark = ['FIX', 'ME'].join('');
  t.like(leftoverComplaints(source(`a;\n// ${mark}: later\n`)), [{ line: 2 }]);
  t.deepEqual(leftoverComplaints(source('// fixed\n')), []);
});

const refused = {
  'a default export': 'export default 1;',
  'a default function': 'export default function a() {}',
  'a default class': 'export default class {}',
  'a default by name': 'const a = 1; export { a as default };',
  'export *': "export * from './a.ts';",
  'the type any': 'export const a: any = 1;',
  'any inside a type': 'export type A = Map<string, any[]>;',
  'an enum': 'export enum A { one }',
  'a const enum': 'export const enum A { one }',
  'a namespace': 'namespace A {}',
  'a test alone': "test.only('a', t => t.pass());",
  'a serial test alone': "test.serial.only('a', t => t.pass());",
};
for (const [what, text] of Object.entries(refused)) {
  test(`${what} is refused`, t => {
    t.is(syntaxComplaints(source(text)).length, 1);
  });
}

const accepted = {
  'a named export': 'export const a = 1; export { a as b };',
  'the word any in a comment, a string or a name': "// any enum\nexport const anyOf = 'any';",
  'a default case': 'switch (1) { default: break; }',
  'another object’s only': 'list.only(1);',
  'export of a namespace by name': "export { a } from './a.ts';",
};
for (const [what, text] of Object.entries(accepted)) {
  test(`${what} is accepted`, t => {
    t.deepEqual(syntaxComplaints(source(text)), []);
  });
}

test("a tool's configuration may have the default export it needs", t => {
  t.deepEqual(syntaxComplaints(source('export default [];', '.ci/eslint.config.mjs')), []);
  t.is(syntaxComplaints(source('export enum A {}', '.ci/a.ts')).length, 1);
});
