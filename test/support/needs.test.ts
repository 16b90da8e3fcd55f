import test from 'ava';
import { missingNeeds, skippedTitle } from './needs.ts';

test('a program that is there is not missing, another one is', t => {
  t.deepEqual(missingNeeds(['command:node', 'command:no-such-program']), [
    'command:no-such-program',
  ]);
});

test('the title of a skipped test ends with what it needs', t => {
  t.is(
    skippedTitle('survives a power cut', ['root', 'loop-devices', 'command:aws']),
    'survives a power cut (skipped: needs root, loop devices, the program aws)',
  );
});

test('root is a need of exactly those who are not root', t => {
  t.deepEqual(missingNeeds(['root']), process.getuid?.() === 0 ? [] : ['root']);
});
