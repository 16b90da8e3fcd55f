/**
 * s3fs: a bucket as a file system.
 *
 * Owns:          its checks, the mount and taking it down.
 * Knows:         s3fs, FUSE.
 * Must not know: the server's code.
 */
import { randomBytes } from 'node:crypto';
import {
  copyFile,
  mkdir,
  open,
  readFile,
  readdir,
  rename,
  rm,
  stat,
  truncate,
  writeFile,
} from 'node:fs/promises';
import { accessSync, constants } from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { REGION } from '../support/garage-process.ts';
import { seededBytes } from '../support/seeded-bytes.ts';
import { SignedRequests } from '../support/signed-requests.ts';
import type { Client } from './client.ts';
import {
  SOURCES,
  assertSameFile,
  assertSameTree,
  check,
  type ClientWorld,
} from './client-world.ts';

const MOUNT_MS_MAX = 10_000;

function mountOf(world: ClientWorld): string {
  return join(world.directory, 'mount');
}

async function mount(world: ClientWorld, ...further: readonly string[]): Promise<void> {
  const target = mountOf(world);
  await mkdir(target, { recursive: true });
  const passwords = join(world.directory, 'passwd');
  const { accessKeyId, secretKey } = world.server.credentials;
  await writeFile(passwords, `${accessKeyId}:${secretKey}\n`, { mode: 0o600 });
  const options = [
    `url=${world.server.endpoint}`,
    `endpoint=${REGION}`,
    `passwd_file=${passwords}`,
    'use_path_request_style',
    'multipart_size=10',
    'max_dirty_data=-1',
    'stat_cache_expire=1',
    ...further,
  ];
  const flags = options.flatMap(option => ['-o', option]);
  await world.run('s3fs', world.bucket, target, ...flags);
  const outside = (await stat(world.directory)).dev;
  const deadline = performance.now() + MOUNT_MS_MAX;
  while ((await stat(target)).dev === outside) {
    check(performance.now() < deadline, 'the bucket was not mounted');
    await delay(50);
  }
}

async function unmount(world: ClientWorld): Promise<void> {
  await world.run('fusermount', '-u', mountOf(world));
}

/** More than the thousand of a page. */
const MANY = 1100;

/** Files of up to 2 KiB, no two alike. */
async function makeMany(directory: string): Promise<void> {
  await mkdir(directory);
  for (let index = 0; index < MANY; index += 1) {
    const body = seededBytes(index, (index * 37) % 2048);
    await writeFile(join(directory, `file ${String(index)}`), body);
  }
}

const MIB = 1024 * 1024;

async function cutToMiddle(path: string): Promise<void> {
  await truncate(path, 27 * MIB + 1);
}

/** Which s3fs does with a copy of what stands before and behind. */
async function writeInMiddle(path: string): Promise<void> {
  const file = await open(path, 'r+');
  await file.write(seededBytes(31, 3 * MIB), 0, 3 * MIB, 12 * MIB + 5);
  await file.close();
}

async function growBeyondEnd(path: string): Promise<void> {
  const file = await open(path, 'r+');
  await file.write(seededBytes(32, 100), 0, 100, 45 * MIB);
  await file.close();
}

export const s3fs: Client = {
  name: 's3fs',
  packages: [{ package: 's3fs', program: 's3fs' }],
  missing: () => {
    try {
      accessSync('/dev/fuse', constants.R_OK | constants.W_OK);
      return undefined;
    } catch {
      return 'there is no /dev/fuse that may be used';
    }
  },
  checks: [
    {
      title: 'mount',
      run: async world => {
        await new SignedRequests(world.server, world.bucket).ask({ method: 'PUT' });
        await mount(world);
      },
    },
    {
      title: 'files written through the mount are the same after mounting again',
      run: async world => {
        const target = mountOf(world);
        for (const [name] of SOURCES) {
          await mkdir(join(target, dirname(name)), { recursive: true });
          await copyFile(join(world.sources, name), join(target, name));
        }
        await unmount(world);
        await mount(world);
        await assertSameTree(target, world.sources);
      },
    },
    {
      title: 'rename, append, truncate, remove',
      run: async world => {
        const target = mountOf(world);
        await rename(join(target, 'small.txt'), join(target, 'renamed.txt'));
        await writeFile(join(target, 'log'), 'one\n');
        await writeFile(join(target, 'log'), 'two\n', { flag: 'a' });
        check((await readFile(join(target, 'log'), 'utf8')) === 'one\ntwo\n', 'appended');
        await writeFile(join(target, 'log'), 'x');
        await rename(join(target, 'folder'), join(target, 'moved folder'));
        await rm(join(target, 'empty'));
        const names = (await readdir(target)).sort().join(',');
        check(names === 'log,moved folder,renamed.txt', names);
        check((await readFile(join(target, 'log'), 'utf8')) === 'x', 'truncated');
        await unmount(world);
        await mount(world);
        await assertSameTree(join(target, 'moved folder'), join(world.sources, 'folder'));
        const small = await readFile(join(target, 'renamed.txt'));
        check(small.equals(await readFile(join(world.sources, 'small.txt'))), 'renamed.txt');
      },
    },
    {
      title: 'a large file is cut, written in its middle, and grown',
      run: async world => {
        const folder = 'moved folder/sub folder';
        const [name = ''] = await readdir(join(mountOf(world), folder));
        const twin = join(world.directory, 'twin');
        await copyFile(join(mountOf(world), folder, name), twin);
        for (const change of [cutToMiddle, writeInMiddle, growBeyondEnd]) {
          await change(twin);
          await change(join(mountOf(world), folder, name));
          await unmount(world);
          await mount(world);
          await assertSameFile(join(mountOf(world), folder, name), twin);
        }
      },
    },
    {
      title: 'more small files than a page of a listing has, after mounting again',
      run: async world => {
        const source = join(world.directory, 'many');
        await makeMany(source);
        const target = join(mountOf(world), 'many');
        await world.run('cp', '-r', source, target);
        await unmount(world);
        await mount(world);
        check((await readdir(target)).length === MANY, 'the folder has other files');
        await assertSameTree(target, source);
        const keys = await new SignedRequests(world.server, world.bucket).keys('many/');
        check(keys.length === MANY + 1, `${String(keys.length)} keys, with the folder's own`);
      },
    },
    {
      title: 'rm -r empties the bucket',
      run: async world => {
        for (const name of await readdir(mountOf(world))) {
          await rm(join(mountOf(world), name), { recursive: true });
        }
        const keys = await new SignedRequests(world.server, world.bucket).keys();
        check(keys.length === 0, keys.join(', '));
      },
    },
    {
      title: 'everything encrypted with a key of its own: write, append, rename, mount again',
      run: async world => {
        await unmount(world);
        const keys = join(world.directory, 'keys');
        const key = randomBytes(24).toString('base64');
        await writeFile(keys, `${key}\n`, { mode: 0o600 });
        // It begins mixed uploads, and those of copies, without the key that their parts have.
        const encrypted = [`use_sse=custom:${keys}`, 'nomixupload', 'nocopyapi'];
        await mount(world, ...encrypted);
        const target = mountOf(world);
        for (const [name] of SOURCES) {
          await mkdir(join(target, dirname(name)), { recursive: true });
          await copyFile(join(world.sources, name), join(target, name));
        }
        await rename(join(target, 'folder'), join(target, 'moved'));
        await rename(join(target, 'moved'), join(target, 'folder'));
        await writeFile(join(target, 'log'), 'one\n');
        await writeFile(join(target, 'log'), 'two\n', { flag: 'a' });
        await unmount(world);
        await mount(world, ...encrypted);
        check((await readFile(join(target, 'log'), 'utf8')) === 'one\ntwo\n', 'appended');
        await rm(join(target, 'log'));
        await assertSameTree(target, world.sources);
        const requests = new SignedRequests(world.server, world.bucket);
        const plain = await requests.ask({ method: 'GET', key: 'small.txt' });
        check(plain.status === 400, `without the key: ${String(plain.status)}`);
      },
    },
  ],
  cleanUp: async world => {
    await unmount(world).catch(() => undefined);
  },
};
