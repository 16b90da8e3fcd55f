// Method: directories on a file system in memory, in the states that mounts, wipes and crashes
// leave.
import test from 'ava';
import type { DirectoriesToCheck } from '../../../actors/storage/directory-markers.ts';
import { checkDirectories, markDirectories } from '../../../actors/storage/directory-markers.ts';
import type { NodeId } from '../../../schemas/ids.ts';
import { FaultyFiles } from '../../support/faulty-files.ts';

const NODE = 'a'.repeat(64) as NodeId;
const OTHER = 'b'.repeat(64) as NodeId;

test('all empty is a first start, and a marked node is known', async t => {
  const files = new FaultyFiles();
  t.deepEqual(await checkDirectories(checkOf(files)), { kind: 'first-start' });
  await markDirectories(checkOf(files), NODE);
  t.deepEqual(await checkDirectories(checkOf(files)), { kind: 'known', nodeId: NODE });
  await markDirectories(checkOf(files), NODE);
  t.deepEqual(await checkDirectories(checkOf(files.restart('unsynced'))), {
    kind: 'known',
    nodeId: NODE,
  });
});

test('an empty directory beside one that is not refuses the start, and says what to do', async t => {
  for (const lost of ['/meta', '/data/one', '/data/two']) {
    const files = new FaultyFiles();
    await markDirectories(checkOf(files), NODE);
    for (const path of files.paths().filter(name => name.startsWith(`${lost}/`))) {
      await files.unlink(path);
    }
    const verdict = await checkDirectories(checkOf(files));
    t.is(verdict.kind, 'refused');
    if (verdict.kind !== 'refused') continue;
    t.true(verdict.message.includes(lost));
    t.true(verdict.hint.includes(`garage server --accept-empty ${lost}`));
    const accepted = { ...checkOf(files), acceptEmpty: [lost] };
    t.deepEqual(await checkDirectories(accepted), { kind: 'known', nodeId: NODE });
    await markDirectories(accepted, NODE);
    t.is((await checkDirectories(checkOf(files))).kind, 'known');
  }
});

test('a data directory that is new may be empty', async t => {
  const files = new FaultyFiles();
  const first = { ...checkOf(files), dataDirectories: ['/data/one'] };
  await markDirectories(first, NODE);
  t.is((await checkDirectories(checkOf(files))).kind, 'known');
});

test('directories of two nodes are not mixed', async t => {
  const files = new FaultyFiles();
  await markDirectories(checkOf(files), NODE);
  files.plant('/data/two/marker', Buffer.from(OTHER));
  const verdict = await checkDirectories(checkOf(files));
  t.is(verdict.kind, 'refused');
  t.true(verdict.kind === 'refused' && verdict.message.includes('/data/two'));
});

test('a newer format, a database of Garage and unreadable marks are refused', async t => {
  for (const [path, content] of [
    ['/meta/format', '2\n'],
    ['/meta/format', 'x'],
    ['/meta/db.lmdb/data.mdb', ''],
    ['/meta/db.sqlite', ''],
    ['/meta/data_dirs', '{'],
    ['/data/one/marker', 'not an id'],
  ] as const) {
    const files = new FaultyFiles();
    await markDirectories(checkOf(files), NODE);
    files.plant(path, Buffer.from(content));
    const verdict = await checkDirectories(checkOf(files));
    t.is(verdict.kind, 'refused', path);
    t.true(verdict.kind === 'refused' && verdict.message.includes('/'));
  }
});

test('a first start that is cut off anywhere can be done again', async t => {
  for (const loss of ['none', 'unsynced', 1, 2, 3] as const) {
    for (let step = 0, wasStopped = true; wasStopped; step += 1) {
      const files = new FaultyFiles();
      const stopped = files.stopAt(step).then(() => true);
      const marking = markDirectories(checkOf(files), NODE).then(() => false);
      wasStopped = await Promise.race([stopped, marking]);
      const after = files.restart(loss);
      const verdict = await checkDirectories(checkOf(after));
      t.not(verdict.kind, 'refused', `step ${String(step)}`);
      await markDirectories(checkOf(after), NODE);
      t.is((await checkDirectories(checkOf(after))).kind, 'known');
    }
  }
});

test('a data directory that cannot be written to does not stop the node', async t => {
  const files = new FaultyFiles();
  files.fail(step => step.path.startsWith('/data/two'), 'EROFS', 'always');
  await markDirectories(checkOf(files), NODE);
  files.heal();
  t.is((await checkDirectories(checkOf(files))).kind, 'known');
});

function checkOf(files: FaultyFiles): DirectoriesToCheck {
  return {
    files,
    metadataDirectory: '/meta',
    dataDirectories: ['/data/one', '/data/two'],
    acceptEmpty: [],
  };
}
