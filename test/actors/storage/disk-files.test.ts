// Method: real files in a temporary directory.
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import type { ExecutionContext } from 'ava';
import { DiskFiles } from '../../../actors/storage/disk-files.ts';

test('what is written in parts, at positions, is read back', async t => {
  const { files, directory } = makeFiles(t);
  const handle = await files.open(join(directory, 'a'), 'create');
  await handle.write([Buffer.from('ab'), Buffer.alloc(0), Buffer.from('cd')], 0);
  await handle.write([Buffer.from('XY')], 1);
  await handle.datasync();
  t.is(await handle.sizeBytes(), 4);
  await handle.close();
  await handle.close();
  const reader = await files.open(join(directory, 'a'), 'read');
  const into = Buffer.alloc(10);
  t.is(await reader.read(into, 1), 3);
  t.is(into.toString('utf8', 0, 3), 'XYd');
  t.is(await reader.read(into, 100), 0);
  await reader.close();
  t.is(statSync(join(directory, 'a')).mode & 0o777, 0o600);
});

test('creating never takes over a file that is there, and reading never makes one', async t => {
  const { files, directory } = makeFiles(t);
  const path = join(directory, 'a');
  await t.throwsAsync(() => files.open(path, 'read'), { code: 'ENOENT' });
  await (await files.open(path, 'create')).close();
  await t.throwsAsync(() => files.open(path, 'create'), { code: 'EEXIST' });
});

test('large writes and reads are whole', async t => {
  const { files, directory } = makeFiles(t);
  const parts = Array.from({ length: 1500 }, (_, index) => Buffer.alloc(1000, index));
  const handle = await files.open(join(directory, 'a'), 'create');
  await handle.write(parts, 0);
  await handle.close();
  t.true(readFileSync(join(directory, 'a')).equals(Buffer.concat(parts)));
});

test('directories are made with their parents, listed, and tell files from directories', async t => {
  const { files, directory } = makeFiles(t);
  await files.makeDirectory(join(directory, 'x/y'));
  await files.makeDirectory(join(directory, 'x/y'));
  await (await files.open(join(directory, 'x/file'), 'create')).close();
  symlinkSync('nowhere', join(directory, 'x/link'));
  const entries = await files.list(join(directory, 'x'));
  t.deepEqual(entries.map(entry => `${entry.name} ${entry.kind}`).sort(), [
    'file file',
    'link other',
    'y directory',
  ]);
  t.is(statSync(join(directory, 'x/y')).mode & 0o777, 0o700);
  await t.throwsAsync(() => files.list(join(directory, 'none')), { code: 'ENOENT' });
});

test('renaming replaces, removing removes, and a size of nothing is undefined', async t => {
  const { files, directory } = makeFiles(t);
  const [from, to] = [join(directory, 'from'), join(directory, 'to')];
  for (const [path, content] of [
    [from, 'new'],
    [to, 'old one'],
  ] as const) {
    const handle = await files.open(path, 'create');
    await handle.write([Buffer.from(content)], 0);
    await handle.close();
  }
  await files.rename(from, to);
  t.is(await files.sizeBytes(to), 3);
  t.is(await files.sizeBytes(from), undefined);
  await files.unlink(to);
  await t.throwsAsync(() => files.unlink(to), { code: 'ENOENT' });
  const space = await files.space(directory);
  t.true(space.availableBytes > 0 && space.totalBytes >= space.availableBytes);
});

test.serial(
  'any number of syncs of many directories end, and no descriptor is left open',
  async t => {
    const { files, directory } = makeFiles(t);
    const paths = Array.from({ length: 600 }, (_, index) => join(directory, String(index)));
    for (const path of paths) await files.makeDirectory(path);
    const before = descriptors();
    await Promise.all(
      paths.flatMap(path => [path, path, directory].map(one => files.syncDirectory(one))),
    );
    for (const path of paths.slice(0, 20)) await files.syncDirectory(path);
    t.true(descriptors() <= before);
    await t.throwsAsync(() => files.syncDirectory(join(directory, 'none')), { code: 'ENOENT' });
  },
);

function makeFiles(t: ExecutionContext): { files: DiskFiles; directory: string } {
  const directory = mkdtempSync(join(tmpdir(), 'garage-files-'));
  const files = new DiskFiles();
  t.teardown(() => {
    rmSync(directory, { recursive: true, force: true });
  });
  return { files, directory };
}

function descriptors(): number {
  return readdirSync('/proc/self/fd').length;
}
