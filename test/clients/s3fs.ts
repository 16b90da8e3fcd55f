/**
 * s3fs: a bucket as a file system.
 *
 * Owns:          its checks, the mount and taking it down.
 * Knows:         s3fs, FUSE.
 * Must not know: the server's code.
 */
import { randomBytes } from 'node:crypto';
import { copyFile, mkdir, readFile, readdir, rename, rm, stat, writeFile } from 'node:fs/promises';
import { accessSync, constants } from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { REGION } from '../support/garage-process.ts';
import { SignedRequests } from '../support/signed-requests.ts';
import type { Client } from './client.ts';
import { SOURCES, assertSameTree, check, type ClientWorld } from './client-world.ts';

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
