import test from 'ava';
import fc from 'fast-check';
import { quorumsOf, WriteGoal } from '../../bus/quorums.ts';
import { layoutOf, nodeOf, PLACE } from './replica-world.ts';

const FACTORS = [1, 2, 3, 5, 7];

test('the quorums of each factor and mode are those that Garage documents', t => {
  const of = (mode: Parameters<typeof quorumsOf>[1]): string =>
    FACTORS.map(factor => {
      const { read, write } = quorumsOf(factor, mode);
      return `${String(read)}/${String(write)}`;
    }).join(' ');
  t.is(of('consistent'), '1/1 1/2 2/2 3/3 4/4');
  t.is(of('degraded'), '1/1 1/2 1/2 1/3 1/4');
  t.is(of('dangerous'), '1/1 1/1 1/1 1/1 1/1');
});

test('any read quorum meets any write quorum', t => {
  for (const factor of FACTORS) {
    const { read, write } = quorumsOf(factor, 'consistent');
    t.true(read + write > factor);
    t.true(read <= factor && write <= factor);
  }
});

test('a goal is reached by a quorum that lies in two zones, where there are two', t => {
  const NAMES = 'abcdefg';
  fc.assert(
    fc.property(
      fc.constantFrom(...FACTORS),
      fc.array(fc.constantFrom('x', 'y', 'z'), { minLength: 7, maxLength: 7 }),
      fc.subarray(Array.from(NAMES)),
      (factor, zones, having) => {
        const names = NAMES.slice(0, factor);
        const goal = new WriteGoal(layoutOf(names, zones.join('')), PLACE, 'consistent');
        const have = Array.from(names).filter(name => having.includes(name));
        const zoneOf = (name: string): string | undefined => zones[NAMES.indexOf(name)];
        const zonesOf = (list: readonly string[]): number => new Set(list.map(zoneOf)).size;
        const isExpected =
          have.length >= quorumsOf(factor, 'consistent').write &&
          (factor === 1 || zonesOf(have) >= Math.min(2, zonesOf(Array.from(names))));
        t.is(
          goal.isReachedBy(node => have.some(name => nodeOf(name) === node)),
          isExpected,
        );
      },
    ),
  );
});
