// Method: a window of 100 on a clock under the test's control; a request says when it may go.
import test from 'ava';
import fc from 'fast-check';
import { SendWindow, type Waiting } from '../../bus/send-window.ts';
import { WINDOW_STALL_MS, WINDOW_WAITING_MAX } from '../../schemas/limits.ts';
import { manualEnvironment } from '../support/manual-environment.ts';

function world() {
  const environment = manualEnvironment();
  const window = new SendWindow(100, environment);
  const events: string[] = [];
  const request = (name: string, weight: number): Waiting => ({
    weight,
    go: () => events.push(`${name} goes`),
    refuse: () => events.push(`${name} is refused`),
  });
  const take = (name: string, weight: number): Waiting => {
    const taken = request(name, weight);
    window.take(taken);
    return taken;
  };
  const told = (): string[] => events.splice(0);
  return { environment, window, take, told };
}

test('requests go while there is room, and then wait for answers, in their order', t => {
  const { window, take, told } = world();
  take('a', 60);
  take('b', 40);
  take('c', 10);
  take('d', 1);
  t.deepEqual(told(), ['a goes', 'b goes']);
  window.release(40, 'answered');
  t.deepEqual(told(), ['c goes', 'd goes']);
  t.is(window.bytesUnderWay, 71);
});

test('a small request does not pass a large one that waits', t => {
  const { window, take, told } = world();
  take('a', 90);
  take('large', 50);
  take('small', 1);
  t.deepEqual(told(), ['a goes']);
  window.release(90, 'answered');
  t.deepEqual(told(), ['large goes', 'small goes']);
});

test('a request that is larger than the window goes alone', t => {
  const { window, take, told } = world();
  take('huge', 500);
  take('next', 1);
  t.deepEqual(told(), ['huge goes']);
  window.release(500, 'answered');
  t.deepEqual(told(), ['next goes']);
});

test('while answers come, however slowly, nobody who waits is refused', t => {
  const { environment, window, take, told } = world();
  take('a', 100);
  for (let index = 0; index < 10; index += 1) take(`w${index}`, 100);
  told();
  for (let index = 0; index < 10; index += 1) {
    environment.advance(WINDOW_STALL_MS - 1);
    window.release(100, 'answered');
    t.deepEqual(told(), [`w${index} goes`]);
  }
});

test('a node that answers nothing for a while is stalled: who waits and who comes is refused', t => {
  const { environment, take, told } = world();
  take('a', 100);
  take('b', 1);
  environment.advance(WINDOW_STALL_MS);
  t.deepEqual(told(), ['a goes', 'b is refused']);
  take('c', 1);
  t.deepEqual(told(), ['c is refused']);
});

test('an answer ends the stall, and so does room that was given up', t => {
  const { environment, window, take, told } = world();
  take('a', 50);
  take('b', 50);
  environment.advance(2 * WINDOW_STALL_MS);
  told();
  window.release(50, 'given-up');
  take('probe', 50);
  t.deepEqual(told(), ['probe goes'], 'someone has to try');
  take('c', 50);
  t.deepEqual(told(), ['c is refused']);
  window.release(50, 'answered');
  take('d', 50);
  take('e', 50);
  t.deepEqual(told(), ['d goes'], 'e waits');
});

test('a node that was idle for long is not stalled by its first request', t => {
  const { environment, window, take, told } = world();
  environment.advance(10 * WINDOW_STALL_MS);
  take('a', 100);
  take('b', 100);
  t.deepEqual(told(), ['a goes'], 'b waits');
  window.release(100, 'answered');
  t.deepEqual(told(), ['b goes']);
});

test('no more wait than the bound allows', t => {
  const { take, told } = world();
  take('a', 100);
  for (let index = 0; index < WINDOW_WAITING_MAX; index += 1) take('w', 1);
  take('one too many', 1);
  t.deepEqual(told(), ['a goes', 'one too many is refused']);
});

test('who leaves while it waits is not told anything more', t => {
  const { window, take, told } = world();
  const first = take('a', 100);
  const second = take('b', 100);
  t.true(window.leave(second));
  t.false(window.leave(first), 'it does not wait');
  window.release(100, 'answered');
  t.deepEqual(told(), ['a goes']);
  t.true(window.isIdle);
});

test('whatever happens, the window is never overdrawn, and everyone is told once', t => {
  const steps = fc.array(
    fc.oneof(
      fc.record({ kind: fc.constant('take' as const), weight: fc.integer({ min: 1, max: 150 }) }),
      fc.record({ kind: fc.constant('answer' as const), pick: fc.nat() }),
      fc.record({ kind: fc.constant('give-up' as const), pick: fc.nat() }),
      fc.record({ kind: fc.constant('wait' as const), ms: fc.nat(3000) }),
    ),
    { maxLength: 200 },
  );
  fc.assert(
    fc.property(steps, all => {
      const environment = manualEnvironment();
      const window = new SendWindow(100, environment);
      const underWay: number[] = [];
      let told = 0;
      let taken = 0;
      for (const step of all) {
        if (step.kind === 'take') {
          const { weight } = step;
          taken += 1;
          const once = (): void => void (told += 1);
          window.take({ weight, go: () => (once(), underWay.push(weight)), refuse: once });
        } else if (step.kind === 'wait') {
          environment.advance(step.ms);
        } else if (underWay.length > 0) {
          const [weight = 0] = underWay.splice(step.pick % underWay.length, 1);
          window.release(weight, step.kind === 'answer' ? 'answered' : 'given-up');
        }
        const sum = underWay.reduce((total, weight) => total + weight, 0);
        if (window.bytesUnderWay !== sum || (sum > 100 && underWay.length > 1)) return false;
      }
      while (underWay.length > 0) window.release(underWay.shift() ?? 0, 'answered');
      return told === taken && window.isIdle;
    }),
  );
  t.pass();
});
