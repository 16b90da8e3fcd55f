import test from 'ava';
import { FailureDetector, SILENCE_MS } from '../../bus/failure-detector.ts';
import type { NodeId } from '../../schemas/ids.ts';

const A = 'a'.repeat(64) as NodeId;
const B = 'b'.repeat(64) as NodeId;
const TICK_MS = 250;

/** Ticks from a moment on, every TICK_MS, up to another; answers who went down, and when. */
function ticked(detector: FailureDetector, fromMs: number, untilMs: number): [NodeId, number][] {
  const down: [NodeId, number][] = [];
  for (let at = fromMs + TICK_MS; at <= untilMs; at += TICK_MS) {
    for (const node of detector.tick(at)) down.push([node, at]);
  }
  return down;
}

test('who is silent is down once, within three seconds, and up again when it is heard', t => {
  const detector = new FailureDetector(TICK_MS, 0);
  t.true(detector.heard(A, 100));
  t.false(detector.heard(A, 600));
  t.true(detector.heard(B, 600));
  const down = ticked(detector, 0, 3000);
  t.deepEqual(new Set(down.map(([node]) => node)), new Set([A, B]));
  t.true(down.every(([, at]) => at >= 600 + SILENCE_MS && at < 600 + 3000));
  t.false(detector.isUp(A));
  t.deepEqual(ticked(detector, 3000, 6000), []);
  t.true(detector.heard(A, 6000));
  t.true(detector.isUp(A));
  t.false(detector.isUp(B));
});

test('who is expected and never heard is down after the same time', t => {
  const detector = new FailureDetector(TICK_MS, 0);
  detector.expect([A], 1000);
  t.true(detector.isUp(A));
  detector.expect([A], 2500);
  t.deepEqual(ticked(detector, 0, 5000), [[A, 3000]]);
});

test('after a pause of our own nobody is down until they had their time', t => {
  const detector = new FailureDetector(TICK_MS, 0);
  detector.heard(A, 0);
  detector.heard(B, 0);
  t.deepEqual(ticked(detector, 0, 500), []);
  // This process stands still for a minute; then the beats that waited come in, after the tick.
  t.deepEqual(detector.tick(60_000), []);
  t.true(detector.isUp(A));
  detector.heard(A, 60_010);
  const down = ticked(detector, 60_000, 63_000);
  t.deepEqual(
    down.map(([node]) => node),
    [B, A],
    'B did not come back; A fell silent ten milliseconds later',
  );
  t.is(down[0]?.[1], 62_000);
});

test('who says goodbye is down at once, and once', t => {
  const detector = new FailureDetector(TICK_MS, 0);
  detector.heard(A, 0);
  t.true(detector.left(A));
  t.false(detector.left(A));
  t.false(detector.isUp(A));
  t.deepEqual(ticked(detector, 0, 4000), []);
});
