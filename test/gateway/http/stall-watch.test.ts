import test from 'ava';

import { StallWatch, WATCH_PERIOD_MS } from '../../../gateway/http/stall-watch.ts';
import { manualEnvironment } from '../../support/manual-environment.ts';

test('what is watched is looked at once a period, until it is not', t => {
  const environment = manualEnvironment();
  const watch = new StallWatch(environment.timers);
  let ticks = 0;
  const watched = {
    tick: () => {
      ticks += 1;
    },
  };
  watch.add(watched);
  watch.add(watched);
  environment.advance(WATCH_PERIOD_MS - 1);
  t.is(ticks, 0);
  environment.advance(1 + 2 * WATCH_PERIOD_MS);
  t.is(ticks, 3);
  watch.remove(watched);
  environment.advance(10 * WATCH_PERIOD_MS);
  t.is(ticks, 3);
  watch.add(watched);
  watch.stop();
  environment.advance(10 * WATCH_PERIOD_MS);
  t.is(ticks, 3);
  t.is(watch.size, 0);
});

test('a tick may end the watching of others', t => {
  const environment = manualEnvironment();
  const watch = new StallWatch(environment.timers);
  const seen: string[] = [];
  const second = { tick: () => seen.push('second') };
  const first = {
    tick: () => {
      seen.push('first');
      watch.remove(second);
      watch.remove(first);
    },
  };
  watch.add(first);
  watch.add(second);
  environment.advance(5 * WATCH_PERIOD_MS);
  t.deepEqual(seen, ['first']);
});
