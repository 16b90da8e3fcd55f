// Method: a regular expression is the naive twin; then hostile patterns against a clock.
import test from 'ava';
import fc from 'fast-check';
import { matchesWildcards } from '../../../gateway/auth/wildcards.ts';

function naively(pattern: string, text: string): boolean {
  const escaped = pattern.replace(/[.+^${}()|[\]\\]/g, '\\$&');
  return new RegExp(`^${escaped.replaceAll('*', '[^]*').replaceAll('?', '[^]')}$`).test(text);
}

test('patterns match what a regular expression of the same meaning matches', t => {
  const text = fc.string({ unit: fc.constantFrom('a', 'b', '/', '.'), maxLength: 12 });
  const pattern = fc.string({ unit: fc.constantFrom('a', 'b', '/', '*', '?'), maxLength: 8 });
  fc.assert(
    fc.property(pattern, text, (wild, plain) => {
      t.is(matchesWildcards(wild, plain), naively(wild, plain));
    }),
    { numRuns: 2000 },
  );
});

test('a hostile pattern costs no more than the product of both lengths', t => {
  const steps = { pattern: `${'*a'.repeat(5_000)}b`, text: 'a'.repeat(1_024) };
  t.false(matchesWildcards(steps.pattern, steps.text));
  t.false(matchesWildcards(`${'a*'.repeat(400)}b`, 'a'.repeat(1_024)));
  t.true(matchesWildcards('*'.repeat(10_000), 'a'));
});
