// Method: real files on the disk of the project and on a memory file system, from aligned memory
// and from other memory. Which way a file was written must not be seen in it.
import { execFileSync } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import test from 'ava';
import type { ExecutionContext } from 'ava';
import { DirectWriter } from '../../../actors/storage/direct-writer.ts';
import { DiskFiles } from '../../../actors/storage/disk-files.ts';
import { sharedAlignedMemory } from '../../../schemas/aligned-memory.ts';
import { testWithNeeds } from '../../support/needs.ts';
import { seededBytes } from '../../support/seeded-bytes.ts';

const HERE = dirname(fileURLToPath(import.meta.url));
const MIB = 1024 * 1024;
const TAIL = [Buffer.from('table'), Buffer.from('footer')];

async function scratch(t: ExecutionContext, parent: string): Promise<string> {
  const directory = await mkdtemp(join(parent, 'direct-'));
  t.teardown(() => rm(directory, { recursive: true }));
  return directory;
}

function alignedBytes(sizeBytes: number, offset = 0): Buffer {
  const bytes = Buffer.from(sharedAlignedMemory(offset + sizeBytes), offset, sizeBytes);
  bytes.set(seededBytes(1, sizeBytes));
  return bytes;
}

const bodies = {
  'a whole block': alignedBytes(MIB),
  'a block behind another one': alignedBytes(MIB, MIB),
  'a block that ends within a page': alignedBytes(MIB - 1),
  'a block that begins within a page': alignedBytes(MIB, 8),
  'a block of unaligned memory': seededBytes(1, MIB),
  'a small block': alignedBytes(4096),
};

for (const [what, body] of Object.entries(bodies)) {
  for (const parent of [HERE, '/dev/shm']) {
    test(`${what} is written as it is in ${parent === HERE ? 'a file' : 'memory'}`, async t => {
      const path = join(await scratch(t, parent), 'file');
      const files = new DiskFiles();
      await files.writeNew(path, [body, ...TAIL], 'datasync');
      t.true((await readFile(path)).equals(Buffer.concat([body, ...TAIL])));
      const again = files.writeNew(path, [body, ...TAIL], 'datasync');
      await t.throwsAsync(again, { code: 'EEXIST' });
      const nowhere = files.writeNew(join(path, 'x'), [body], 'unsynced');
      await t.throwsAsync(nowhere, { code: 'ENOTDIR' });
    });
  }
}

for (const [memory, body] of [
  ['aligned', alignedBytes(MIB)],
  ['other', seededBytes(1, MIB)],
] as const) {
  test(`more files at a time than there is room for are all written: ${memory} memory`, async t => {
    const directory = await scratch(t, HERE);
    const files = new DiskFiles();
    const paths = Array.from({ length: 40 }, (_, n) => join(directory, String(n)));
    await Promise.all(
      paths.map((path, n) => files.writeNew(path, [body, Buffer.from([n])], 'unsynced')),
    );
    for (const [n, path] of paths.entries()) {
      t.true((await readFile(path)).equals(Buffer.concat([body, Buffer.from([n])])));
    }
  });
}

test('a block of other memory goes past the page cache where aligned memory does', async t => {
  const directory = await scratch(t, HERE);
  const tries = [alignedBytes(MIB), seededBytes(1, MIB), seededBytes(1, MIB - 1)].map((body, n) =>
    new DirectWriter().tryWrite(join(directory, String(n)), [body, ...TAIL], 'datasync'),
  );
  const [aligned, ...others] = await Promise.all(tries);
  t.deepEqual(others, [aligned, aligned]);
});

test('memory that only looks aligned is refused a few times, and copied from then on', async t => {
  const directory = await scratch(t, HERE);
  const writer = new DirectWriter();
  const shared = Buffer.from(new SharedArrayBuffer(MIB + 4096 + 512), 0, MIB);
  const tries: boolean[] = [];
  for (let n = 0; n < 12; n += 1) {
    tries.push(await writer.tryWrite(join(directory, String(n)), [shared, ...TAIL], 'unsynced'));
  }
  const refusals = tries.filter(isWritten => !isWritten).length;
  // Where a kernel asks for less, or the memory lies well, nothing is refused.
  t.true([0, 8].includes(refusals), String(refusals));
  t.deepEqual(
    tries.slice(refusals),
    Array.from({ length: 12 - refusals }, () => true),
  );
  if (refusals > 0) await t.throwsAsync(readFile(join(directory, '0')), { code: 'ENOENT' });
});

testWithNeeds(['tmpfs'], 'a file system without O_DIRECT takes blocks the usual way', async t => {
  const [without, other] = [await scratch(t, HERE), await scratch(t, HERE)];
  // It makes the file before it refuses.
  execFileSync('mount', ['-t', 'ramfs', 'ramfs', without]);
  t.teardown(() => execFileSync('umount', [without]));
  const files = new DiskFiles();
  for (const [kind, body] of [alignedBytes(MIB), seededBytes(1, MIB)].entries()) {
    for (let n = 0; n < 10; n += 1) {
      const paths = [without, other].map(directory => join(directory, `${kind}-${n}`));
      for (const path of paths) await files.writeNew(path, [body, ...TAIL], 'datasync');
      for (const path of paths) t.is((await readFile(path)).length, MIB + 11);
    }
  }
});
