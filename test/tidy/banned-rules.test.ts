import test from 'ava';
import { bannedComplaints } from './banned-rules.ts';
import { parseSource } from './source-file.ts';

const table = [
  'Date.now',
  'new Date()',
  'Math.random',
  'randomBytes',
  'setTimeout',
  'process.env',
  'console',
].map(name => ({ name, instead: 'take a port', allowedIn: ['deploy/', 'bus/clock.ts'] }));

function messages(text: string, path = 'bus/bus.ts'): string[] {
  return bannedComplaints(parseSource(path, text), table).map(({ message }) => message);
}

for (const text of [
  'const now = Date.now();',
  'const read = Date.now;',
  'const now = new Date();',
  'const now = new Date;',
  'const now = Date();',
  'const chance = Math.random();',
  "import { randomBytes } from 'node:crypto';",
  "import { randomBytes as bytes } from 'node:crypto';",
  "import crypto from 'node:crypto'; crypto.randomBytes(8);",
  'setTimeout(() => {}, 1);',
  'globalThis.setTimeout(() => {}, 1);',
  'const later = setTimeout;',
  'const timers = { setTimeout };',
  "const home = process.env['HOME'];",
  'const { HOME } = process.env;',
  "console.log('x');",
  'const log = console;',
]) {
  test(`refused: ${text}`, t => {
    t.is(messages(text).length, 1);
  });
}

for (const text of [
  'const then = new Date(0);',
  'const then = new Date(clock.wallMs());',
  '// Date.now() and Math.random() are named here only',
  "const text = 'setTimeout';",
  'socket.setTimeout(1);',
  'class A { setTimeout(): void {} }',
  'type Port = { setTimeout: () => void };',
  'const port = { randomBytes: () => 4 };',
  'process.exitCode = 1;',
]) {
  test(`accepted: ${text}`, t => {
    t.deepEqual(messages(text), []);
  });
}

test('the places in the table may use the name', t => {
  t.deepEqual(messages('Date.now();', 'deploy/clock.ts'), []);
  t.deepEqual(messages('Date.now();', 'bus/clock.ts'), []);
  t.is(messages('Date.now();', 'bus/clock.test.ts').length, 1);
});

test('the message says what to do instead, and where it was found', t => {
  const [complaint] = bannedComplaints(parseSource('bus/bus.ts', '\n\nDate.now();'), table);
  t.deepEqual(complaint, {
    path: 'bus/bus.ts',
    line: 3,
    message: 'Date.now is not used here: take a port',
  });
});
