// Method: a clock that stands still until the test moves it.
import test from 'ava';
import { DEADLINE_TICK_MS, DeadlineWheel } from '../../bus/deadline-wheel.ts';
import { manualEnvironment } from '../support/manual-environment.ts';

function world() {
  const environment = manualEnvironment();
  const wheel = new DeadlineWheel(environment);
  const expired: string[] = [];
  const call = (name: string, timeoutMs: number) => ({
    deadlineAtMs: environment.clock.monotonicMs() + timeoutMs,
    expire: () => {
      expired.push(name);
    },
  });
  return { environment, wheel, expired, call };
}

test('a call is told that its time is over: never early, at most two ticks late', t => {
  const { environment, wheel, expired, call } = world();
  for (const timeoutMs of [1, 30, 49, 50, 51, 333, 1000])
    wheel.add(call(String(timeoutMs), timeoutMs));
  const late: string[] = [];
  for (let now = 1; now <= 1200; now += 1) {
    environment.advance(1);
    for (const name of expired.splice(0)) {
      t.true(
        now >= Number(name) && now <= Number(name) + 2 * DEADLINE_TICK_MS,
        `${name} at ${now}`,
      );
      late.push(name);
    }
  }
  t.deepEqual(late, ['1', '30', '49', '50', '51', '333', '1000']);
});

test('a call that was answered is told nothing', t => {
  const { environment, wheel, expired, call } = world();
  const answered = call('answered', 100);
  wheel.add(answered);
  wheel.add(call('forgotten', 100));
  wheel.remove(answered);
  environment.advance(500);
  t.deepEqual(expired, ['forgotten']);
});

test('a call that is added while others expire has its own time', t => {
  const { environment, wheel, expired, call } = world();
  const now = environment.clock.monotonicMs();
  wheel.add({ deadlineAtMs: now + 100, expire: () => wheel.add(call('second', 100)) });
  environment.advance(190);
  t.deepEqual(expired, []);
  environment.advance(200);
  t.deepEqual(expired, ['second']);
});
