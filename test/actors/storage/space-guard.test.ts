// Method: a disk whose free space the test sets, and a clock that the test moves.
import test from 'ava';
import { minFreeOf, SpaceGuard } from '../../../actors/storage/space-guard.ts';
import { FaultyFiles } from '../../support/faulty-files.ts';
import { manualEnvironment } from '../../support/manual-environment.ts';

const MIB = 1024 ** 2;
const GIB = 1024 * MIB;

test('min_free is the smaller of 1 GiB and a hundredth of the disk, unless it is set', t => {
  t.is(minFreeOf(undefined, 1000 * GIB), GIB);
  t.is(minFreeOf(undefined, 50 * GIB), Math.floor(0.5 * GIB));
  t.is(minFreeOf(5, 1000 * GIB), 5);
  t.is(minFreeOf(0, 1000 * GIB), 0);
});

test('what was admitted since the last look counts as written', async t => {
  const { guard } = makeGuard(100 * MIB);
  t.is(guard.admit(1, 'grows'), 'ask');
  t.true(await guard.admitSlowly(50 * MIB, 'grows'));
  t.is(guard.admit(12 * MIB, 'grows'), 'yes');
  t.is(guard.admit(31 * MIB, 'grows'), 'no');
  t.is(guard.admit(MIB, 'frees-space'), 'yes');
  t.is(guard.admit(37 * MIB, 'frees-space'), 'no');
});

test('a guard that said no looks again after a while, and only then', async t => {
  const { guard, files, environment } = makeGuard(5 * MIB);
  t.false(await guard.admitSlowly(MIB, 'grows'));
  files.setFreeBytes(500 * MIB);
  t.is(guard.admit(MIB, 'grows'), 'no');
  environment.advance(250);
  t.is(guard.admit(MIB, 'grows'), 'ask');
  t.true(await guard.admitSlowly(MIB, 'grows'));
});

test('a guard that says yes looks in the background and notices who else writes', async t => {
  const { guard, files, environment } = makeGuard(500 * MIB);
  t.true(await guard.admitSlowly(MIB, 'grows'));
  files.setFreeBytes(0);
  environment.advance(250);
  t.is(guard.admit(MIB, 'grows'), 'yes');
  await guard.measure();
  t.is(guard.admit(MIB, 'grows'), 'no');
});

test('after a write that met a full disk nothing is admitted before the next look', async t => {
  const { guard, environment } = makeGuard(500 * MIB);
  t.true(await guard.admitSlowly(MIB, 'grows'));
  guard.foundFull();
  t.is(guard.admit(MIB, 'frees-space'), 'no');
  environment.advance(250);
  t.true(await guard.admitSlowly(MIB, 'grows'));
});

test('space that is held back is not given to writes that grow', async t => {
  const { guard } = makeGuard(100 * MIB);
  guard.holdBack(95 * MIB);
  t.false(await guard.admitSlowly(MIB, 'grows'));
  t.is(guard.admit(MIB, 'frees-space'), 'yes');
  guard.holdBack(0);
  t.is(guard.admit(MIB, 'grows'), 'yes');
});

test('a disk that cannot be measured is left to fail by itself', async t => {
  const { guard, files } = makeGuard(0);
  files.fail(step => step.operation === 'space', 'EIO', 'always');
  t.true(await guard.admitSlowly(GIB, 'grows'));
});

/** `min_free` is 8 MiB, the floor for what frees space a MiB. */
function makeGuard(availableBytes: number): {
  guard: SpaceGuard;
  files: FaultyFiles;
  environment: ReturnType<typeof manualEnvironment>;
} {
  const files = new FaultyFiles();
  const environment = manualEnvironment();
  files.setFreeBytes(availableBytes);
  const guard = new SpaceGuard({
    files,
    clock: environment.clock,
    path: '/',
    minFreeBytes: 8 * MIB,
  });
  return { guard, files, environment };
}
