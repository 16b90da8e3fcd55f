import test from 'ava';
import { ClusterUnavailableError } from '../../bus/cluster-client.ts';
import { onceAvailable } from '../../deploy/single-node.ts';
import { StartRefusedError } from '../../deploy/start-refused.ts';
import { AdminUnavailableError } from '../../schemas/admin-types.ts';
import { manualEnvironment } from '../support/manual-environment.ts';

const STEP_MS = 50;

/** Lets time pass until the work has ended. */
async function withTime<Value>(
  environment: ReturnType<typeof manualEnvironment>,
  work: Promise<Value>,
): Promise<Value | Error> {
  const ended: (Value | Error)[] = [];
  void work.then(
    value => ended.push(value),
    (error: unknown) => ended.push(error as Error),
  );
  for (;;) {
    await new Promise(resolve => setImmediate(resolve));
    const [outcome] = ended;
    if (outcome !== undefined) return outcome;
    environment.advance(STEP_MS);
  }
}

test('a start waits for a store that is opening itself again', async t => {
  const environment = manualEnvironment();
  const failures = [new AdminUnavailableError('closed'), new ClusterUnavailableError('closed')];
  let calls = 0;
  const work = onceAvailable(environment, () => {
    const failure = failures[calls];
    calls += 1;
    return failure === undefined ? Promise.resolve('made') : Promise.reject(failure);
  });
  t.is(await withTime(environment, work), 'made');
  t.is(calls, 3);
});

test('it does not wait for ever, and not for what does not pass', async t => {
  const environment = manualEnvironment();
  const startMs = environment.clock.monotonicMs();
  const closed = new AdminUnavailableError('closed');
  const ended = await withTime(
    environment,
    onceAvailable(environment, () => Promise.reject(closed)),
  );
  t.is(ended, closed);
  const waitedMs = environment.clock.monotonicMs() - startMs;
  t.true(waitedMs > 30_000 && waitedMs < 120_000, String(waitedMs));
  const refused = new StartRefusedError('another secret');
  let calls = 0;
  const atOnce = onceAvailable(environment, () => {
    calls += 1;
    return Promise.reject(refused);
  });
  t.is(await withTime(environment, atOnce), refused);
  t.is(calls, 1);
});
