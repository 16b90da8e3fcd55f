// Method: a clock that stands, goes on and jumps back, and floors from other stampers; each stamp
// must be above every earlier one and above its floor.
import test from 'ava';
import fc from 'fast-check';
import { Stamper } from '../../schemas/stamper.ts';
import { makeTimestamp, parseTimestamp, TIMESTAMP_ZERO } from '../../schemas/timestamp.ts';
import type { Timestamp } from '../../schemas/timestamp.ts';

function stamperAt(clock: { ms: number }): Stamper {
  const random = { bytes: (count: number) => Buffer.alloc(count, 0x77), fraction: () => 0 };
  return new Stamper({ wallMs: () => clock.ms, monotonicMs: () => 0 }, random);
}

const floors = fc
  .tuple(fc.nat(2000), fc.constantFrom(0, 5, 0xfffe, 0xffff), fc.constantFrom('00', '77', 'ff'))
  .map(([ms, counter, digit]) => makeTimestamp(ms, counter, digit.repeat(8)));

test('stamps only ever rise, whatever the clock and the floors do', t => {
  const steps = fc.array(
    fc.oneof(
      fc.nat(2000).map(ms => ({ kind: 'clock', ms }) as const),
      fc.constant({ kind: 'now' } as const),
      floors.map(floor => ({ kind: 'above', floor }) as const),
    ),
  );
  fc.assert(
    fc.property(steps, list => {
      const clock = { ms: 1000 };
      const stamper = stamperAt(clock);
      let last: Timestamp = TIMESTAMP_ZERO;
      for (const step of list) {
        if (step.kind === 'clock') {
          clock.ms = step.ms;
          continue;
        }
        const stamp = step.kind === 'now' ? stamper.now() : stamper.above(step.floor);
        t.is(parseTimestamp(stamp), stamp);
        t.true(stamp > last);
        if (step.kind === 'above') t.true(stamp > step.floor);
        last = stamp;
      }
    }),
  );
});

test('more stamps than one millisecond has borrow the next one', t => {
  const stamper = stamperAt({ ms: 1 });
  let last: Timestamp = TIMESTAMP_ZERO;
  for (let n = 0; n < 70_000; n += 1) {
    const stamp = stamper.now();
    if (stamp <= last) t.fail(`${stamp} after ${last}`);
    last = stamp;
  }
  t.is(last.slice(0, 12), '000000000002');
});
