import test from 'ava';
import { ClusterClock } from '../../bus/cluster-clock.ts';
import { PeerOffsets } from '../../bus/peer-offsets.ts';
import type { NodeId } from '../../schemas/ids.ts';
import { manualEnvironment } from '../support/manual-environment.ts';

const node = (digit: string): NodeId => digit.repeat(64) as NodeId;
const HOUR_MS = 3_600_000;

test('a moment on another monotonic clock is found on ours, and never in the future', t => {
  const { clock, advance } = manualEnvironment();
  const offsets = new PeerOffsets(clock);
  t.is(offsets.sentAtHere(7, 500_000), undefined);
  offsets.learnProcess(7, 500_000, clock.monotonicMs());
  const measured = clock.monotonicMs();
  advance(100);
  t.is(offsets.sentAtHere(7, 500_040), measured + 40);
  t.is(offsets.sentAtHere(7, 900_000), clock.monotonicMs());
  t.is(offsets.sentAtHere(8, 500_000), undefined, 'another start of that process');
});

test('what was measured long ago is not used: machines sleep', t => {
  const { clock, advance } = manualEnvironment();
  const offsets = new PeerOffsets(clock);
  offsets.learnProcess(7, 0, clock.monotonicMs());
  offsets.learnWall(node('a'), 5_000_000, clock.monotonicMs());
  advance(59_000);
  t.not(offsets.sentAtHere(7, 10), undefined);
  t.deepEqual(offsets.wallsNow([node('a'), node('b')]), [5_059_000]);
  advance(2000);
  t.is(offsets.sentAtHere(7, 10), undefined);
  t.deepEqual(offsets.wallsNow([node('a')]), []);
});

test('so many processes are remembered and no more', t => {
  const { clock } = manualEnvironment();
  const offsets = new PeerOffsets(clock);
  for (let process = 0; process < 5000; process += 1) offsets.learnProcess(process, 0, 0);
  t.is(offsets.sentAtHere(0, 0), undefined);
  t.not(offsets.sentAtHere(4999, 0), undefined);
});

test('the clock is corrected to the median of a majority', t => {
  const { clock } = manualEnvironment();
  const cluster = new ClusterClock(clock);
  const own = clock.wallMs();
  cluster.hear({ others: [own + 100, own + 200], isCounted: true, count: 3 });
  t.is(cluster.wallMs(), own + 100);
  t.true(cluster.agreesWithMajority);
  t.is(cluster.monotonicMs(), clock.monotonicMs());
  cluster.hear({ others: [own + HOUR_MS, own + HOUR_MS + 5], isCounted: true, count: 3 });
  t.is(cluster.correctionMs, HOUR_MS);
  t.false(cluster.agreesWithMajority, 'ours is an hour off');
  cluster.hear({ others: [own + HOUR_MS, own + 3], isCounted: true, count: 3 });
  t.is(cluster.correctionMs, 3, 'one clock that is off moves nobody far');
  t.true(cluster.agreesWithMajority);
});

test('without a majority the correction stays, and nobody agrees', t => {
  const { clock } = manualEnvironment();
  const cluster = new ClusterClock(clock);
  const own = clock.wallMs();
  cluster.hear({ others: [own + 50, own + 60], isCounted: false, count: 3 });
  t.is(cluster.correctionMs, 50, 'a gateway counts for nothing itself');
  cluster.hear({ others: [], isCounted: true, count: 3 });
  t.is(cluster.correctionMs, 50);
  t.false(cluster.agreesWithMajority);
});

test('a jump of the own clock is not seen, and corrected before anybody asks', t => {
  const { clock, advance, jumpTo } = manualEnvironment();
  const cluster = new ClusterClock(clock);
  const before = clock.wallMs();
  cluster.hear({ others: [before, before], isCounted: true, count: 3 });
  advance(100);
  jumpTo(before + HOUR_MS);
  t.is(cluster.wallMs(), before + 100);
  cluster.hear({ others: [before + 100, before + 100], isCounted: true, count: 3 });
  t.is(cluster.wallMs(), before + 100);
  t.false(cluster.agreesWithMajority);
  advance(50);
  t.is(cluster.wallMs(), before + 150);
});

test('a node on its own is right, once it is known that it is', t => {
  const { clock } = manualEnvironment();
  const cluster = new ClusterClock(clock);
  t.false(cluster.agreesWithMajority);
  cluster.hear({ others: [], isCounted: true, count: 1 });
  t.is(cluster.wallMs(), clock.wallMs());
  t.true(cluster.agreesWithMajority);
  cluster.hear({ others: [], isCounted: false, count: 0 });
  t.true(cluster.agreesWithMajority);
});
