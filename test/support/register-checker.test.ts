import test from 'ava';
import { RegisterChecker } from './register-checker.ts';

test('a read of what was overwritten before it began is stale', t => {
  const checker = new RegisterChecker();
  checker.begin('a', 1, 10)(20);
  checker.begin('a', 2, 30)(40);
  checker.saw('a', 2, 50);
  checker.saw('a', 1, 35);
  t.deepEqual(checker.stale, []);
  checker.saw('a', 1, 50);
  checker.saw('a', 'deleted', 50);
  t.deepEqual(
    checker.stale.map(({ saw, hides }) => [saw, hides]),
    [
      [1, 2],
      ['deleted', 1],
    ],
  );
});

test('writes at one time may be seen in any order, and one without an answer at any time', t => {
  const checker = new RegisterChecker();
  checker.begin('a', 1, 10)(30);
  checker.begin('a', 2, 20)(40);
  checker.begin('a', 3, 15);
  for (const value of [1, 2, 3]) checker.saw('a', value, 100);
  t.deepEqual(checker.stale, []);
  checker.saw('a', 4, 100);
  t.is(checker.stale.length, 1);
});
