// Method: small files on a file system in memory that stops before each step.
import test from 'ava';
import {
  makeDirectoryDurably,
  namesIn,
  readSmallFile,
  removeIfThere,
  writeFileDurably,
} from '../../../actors/storage/durable-files.ts';
import { Ballast } from '../../../actors/storage/ballast.ts';
import { FaultyFiles } from '../../support/faulty-files.ts';
import { manualEnvironment } from '../../support/manual-environment.ts';

test('a file that is replaced is the old one or the new one, whole, at any crash', async t => {
  for (const loss of ['none', 'unsynced', 1, 2, 3, 4] as const) {
    for (let step = 0, wasStopped = true; wasStopped; step += 1) {
      const files = new FaultyFiles();
      files.plant('/a/file', Buffer.from('old'));
      const stopped = files.stopAt(step).then(() => true);
      const written = writeFileDurably(files, '/a/file', Buffer.from('the new one'));
      wasStopped = await Promise.race([stopped, written.then(() => false)]);
      const after = files.restart(loss);
      const content = (await readSmallFile(after, '/a/file'))?.toString();
      t.true(content === 'the new one' || (wasStopped && content === 'old'), String(content));
      await writeFileDurably(after, '/a/file', Buffer.from('again'));
      t.is((await readSmallFile(after, '/a/file'))?.toString(), 'again');
    }
  }
});

test('a directory with all its parents is there after a power cut', async t => {
  const files = new FaultyFiles();
  files.plant('/a/marker', Buffer.alloc(0));
  await makeDirectoryDurably(files, '/a/b/c/d');
  await makeDirectoryDurably(files, '/a/b/c/d');
  t.deepEqual(await files.restart('unsynced').list('/a/b/c/d'), []);
});

test('what is not there is no error where it need not be', async t => {
  const files = new FaultyFiles();
  t.is(await readSmallFile(files, '/none'), undefined);
  t.deepEqual(await namesIn(files, '/none'), []);
  t.false(await removeIfThere(files, '/none'));
  files.plant('/a/file', Buffer.from('x'));
  t.deepEqual(await namesIn(files, '/a'), ['file']);
  t.true(await removeIfThere(files, '/a/file'));
  files.fail(() => true, 'EIO', 'always');
  await t.throwsAsync(() => readSmallFile(files, '/a/file'), { code: 'EIO' });
  await t.throwsAsync(() => namesIn(files, '/a'), { code: 'EIO' });
  await t.throwsAsync(() => removeIfThere(files, '/a/file'), { code: 'EIO' });
});

test('the ballast takes its space, gives it back, and leaves nothing in part', async t => {
  const files = new FaultyFiles();
  files.plant('/a/marker', Buffer.alloc(0));
  const sizeBytes = 2_500_000;
  const { random } = manualEnvironment();
  const ballast = new Ballast({ files, random, path: '/a/ballast', sizeBytes });
  files.setFreeBytes(1_500_000);
  t.false(await ballast.make());
  t.is(await files.sizeBytes('/a/ballast'), undefined);
  files.setFreeBytes(undefined);
  t.true(await ballast.make());
  t.true(await ballast.make());
  t.is(await files.sizeBytes('/a/ballast'), sizeBytes);
  const next = new Ballast({ files, random, path: '/a/ballast', sizeBytes });
  t.false(next.isThere);
  t.true(await next.make(), 'the one of the last process is taken over');
  await next.release();
  t.false(next.isThere);
  t.is(await files.sizeBytes('/a/ballast'), undefined);
});
