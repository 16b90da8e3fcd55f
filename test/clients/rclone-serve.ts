/**
 * rclone as a server: WebDAV and SFTP on top of a bucket, used by curl and by OpenSSH's sftp.
 *
 * Owns:          their checks.
 * Knows:         rclone's servers, curl's and sftp's commands.
 * Must not know: the server's code.
 *
 * WebDAV writes straight through, as bodies of unknown length; SFTP goes through rclone's cache of
 * files, which sends a file once it is closed.
 */
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { freePort } from '../support/free-port.ts';
import type { Client } from './client.ts';
import {
  SOURCES,
  assertSameFile,
  assertSameTree,
  check,
  type ClientWorld,
} from './client-world.ts';
import { rcloneConfig, rcloneIn } from './rclone.ts';
import { withService } from './service.ts';

const USER = 'somebody';
const PASSWORD = 'a-password';
const STORED_MS_MAX = 60_000;

type Serve = {
  readonly kind: 'webdav' | 'sftp';
  /** A folder of the bucket. */
  readonly folder: string;
  readonly options: readonly string[];
};

async function serving<T>(
  world: ClientWorld,
  { kind, folder, options }: Serve,
  use: (port: number) => Promise<T>,
): Promise<T> {
  const [port, config] = [await freePort(), await rcloneConfig(world)];
  const parameters = [
    ...['--config', config, '--cache-dir', join(world.directory, 'rclone-cache')],
    ...['serve', kind, `g:${world.bucket}/${folder}`, '--addr', `127.0.0.1:${String(port)}`],
    ...['--user', USER, ...options],
  ];
  return withService(world, { program: 'rclone', parameters, port }, () => use(port));
}

/** `curl` in a WebDAV folder: its parameters but the path, which is encoded here. */
type Curl = (path: string, ...parameters: readonly string[]) => Promise<string>;

async function webdav<T>(world: ClientWorld, use: (curl: Curl) => Promise<T>): Promise<T> {
  const options = ['--pass', PASSWORD, '--vfs-cache-mode', 'off', '--dir-cache-time', '0s'];
  return serving(world, { kind: 'webdav', folder: 'dav', options }, port => {
    const curl: Curl = async (path, ...parameters) => {
      const url = davUrl(port, path);
      const flags = ['-sS', '--fail-with-body', '--user', `${USER}:${PASSWORD}`];
      return (await world.run('curl', ...flags, ...parameters, url)).stdout;
    };
    return use(curl);
  });
}

function davUrl(port: number, path: string): string {
  const encoded = path.split('/').map(encodeURIComponent).join('/');
  return `http://127.0.0.1:${String(port)}/${encoded}`;
}

/** Runs lines of sftp's own commands. */
type Sftp = (...lines: readonly string[]) => Promise<string>;

async function sftp<T>(world: ClientWorld, use: (run: Sftp) => Promise<T>): Promise<T> {
  const key = join(world.directory, 'ssh-key');
  await world.run('sh', '-c', `test -e '${key}' || ssh-keygen -q -t ed25519 -N '' -f '${key}'`);
  const options = [
    ...['--authorized-keys', `${key}.pub`, '--dir-cache-time', '0s'],
    ...['--vfs-cache-mode', 'writes', '--vfs-write-back', '0s'],
  ];
  return serving(world, { kind: 'sftp', folder: 'sftp', options }, port => {
    const settings = [
      ...['BatchMode=yes', 'IdentitiesOnly=yes', 'StrictHostKeyChecking=no', 'LogLevel=ERROR'],
      ...['UserKnownHostsFile=/dev/null', `IdentityFile=${key}`],
    ].flatMap(setting => ['-o', setting]);
    const run: Sftp = async (...lines) => {
      const batch = join(world.directory, 'batch');
      await writeFile(batch, `${lines.join('\n')}\n`);
      const parameters = ['-F', 'none', ...settings, '-P', String(port), '-b', batch];
      return (await world.run('sftp', ...parameters, `${USER}@127.0.0.1`)).stdout;
    };
    return use(run);
  });
}

/** Name and size of each file of the folder, in the bucket itself. */
async function stored(world: ClientWorld, folder: string): Promise<string> {
  const options = ['-R', '--files-only', '--format', 'ps', '--separator', ' = '];
  const listed = await rcloneIn(world, 'lsf', ...options, `g:${world.bucket}/${folder}`);
  return listed.trim().split('\n').sort().join('\n');
}

/** The server over SFTP sends what was written after the client has its answer. */
async function untilStored(
  world: ClientWorld,
  sizes: readonly (readonly [name: string, sizeBytes: number])[],
): Promise<void> {
  const wanted = sizes
    .map(([name, size]) => `${name} = ${String(size)}`)
    .sort()
    .join('\n');
  const deadline = performance.now() + STORED_MS_MAX;
  for (;;) {
    const found = await stored(world, 'sftp');
    if (found === wanted) return;
    check(performance.now() < deadline, `stored is\n${found}\nand should be\n${wanted}`);
    await delay(100);
  }
}

const NAMES = SOURCES.map(([name]) => name);

async function filesThroughWebdav(world: ClientWorld): Promise<void> {
  await rcloneIn(world, 'mkdir', `g:${world.bucket}`);
  await webdav(world, async curl => {
    for (const folder of ['folder', 'folder/sub folder']) await curl(folder, '-X', 'MKCOL');
    for (const name of NAMES) await curl(name, '-T', join(world.sources, name));
    const back = join(world.directory, 'dav');
    for (const name of NAMES) {
      await mkdir(dirname(join(back, name)), { recursive: true });
      await curl(name, '-o', join(back, name));
    }
    await assertSameTree(back, world.sources);
  });
  // What WebDAV wrote is in the bucket, and not in some cache.
  await rcloneIn(world, 'check', '--download', world.sources, `g:${world.bucket}/dav`);
}

async function rangesThroughWebdav(world: ClientWorld): Promise<void> {
  await webdav(world, async curl => {
    const name = 'folder/medium.bin';
    const source = await readFile(join(world.sources, name));
    const part = join(world.directory, 'part');
    for (const [range, expected] of [
      ['1048570-1048589', source.subarray(1_048_570, 1_048_590)],
      ['-1000', source.subarray(-1000)],
    ] as const) {
      await curl(name, '-r', range, '-o', part);
      check((await readFile(part)).equals(expected), `the range ${range} differs`);
    }
    // As after a broken download.
    await writeFile(part, source.subarray(0, 3_000_000));
    await curl(name, '-C', '-', '-o', part);
    check((await readFile(part)).equals(source), 'the continued download differs');
  });
}

async function changesThroughWebdav(world: ClientWorld): Promise<void> {
  await webdav(world, async curl => {
    const listed = await curl('folder', '-X', 'PROPFIND', '-H', 'Depth: 1');
    const size = `<D:getcontentlength>${String(5 * 1024 * 1024)}</D:getcontentlength>`;
    check(listed.includes('medium.bin') && listed.includes(size), listed);
    const to = (path: string): string[] => ['-H', `Destination: /${encodeURI(path)}`];
    await curl('small.txt', '-X', 'COPY', ...to('folder/copied ü.txt'));
    await curl('small.txt', '-X', 'MOVE', ...to('moved.txt'));
    await curl('folder', '-X', 'MOVE', ...to('moved folder'));
    await curl('empty', '-X', 'DELETE');
    const gone = await curl('small.txt', '-I').then(
      () => 'found',
      (error: unknown) => String(error),
    );
    check(gone.includes('404'), gone);
  });
  const found = await stored(world, 'dav');
  const expected = [
    'moved folder/copied ü.txt = 1024',
    `moved folder/medium.bin = ${String(5 * 1024 * 1024)}`,
    `moved folder/sub folder/large ü+&.bin = ${String(40 * 1024 * 1024)}`,
    'moved.txt = 1024',
  ].join('\n');
  check(found === expected, found);
  const back = join(world.directory, 'moved');
  await rcloneIn(world, 'copy', `g:${world.bucket}/dav`, back);
  await assertSameFile(join(back, 'moved.txt'), join(world.sources, 'small.txt'));
  const copied = join(back, 'moved folder/copied ü.txt');
  await assertSameFile(copied, join(world.sources, 'small.txt'));
  const large = 'sub folder/large ü+&.bin';
  await assertSameFile(join(back, 'moved folder', large), join(world.sources, 'folder', large));
}

async function filesThroughSftp(world: ClientWorld): Promise<void> {
  await sftp(world, async run => {
    const back = join(world.directory, 'sftp');
    await mkdir(join(back, 'folder/sub folder'), { recursive: true });
    await run('mkdir folder', 'mkdir "folder/sub folder"');
    await run(...NAMES.map(name => `put "${join(world.sources, name)}" "${name}"`));
    await untilStored(world, SOURCES);
    await run(...NAMES.map(name => `get "${name}" "${join(back, name)}"`));
    await assertSameTree(back, world.sources);
  });
  await rcloneIn(world, 'check', '--download', world.sources, `g:${world.bucket}/sftp`);
}

async function changesThroughSftp(world: ClientWorld): Promise<void> {
  const changed = [
    ['renamed ü.txt', 1024],
    ['moved folder/medium.bin', 1024],
    ['moved folder/sub folder/large ü+&.bin', 40 * 1024 * 1024],
  ] as const;
  await sftp(world, async run => {
    const listed = await run('ls -l folder');
    check(listed.includes(` ${String(5 * 1024 * 1024)} `), listed);
    await run('rename small.txt "renamed ü.txt"', 'rename folder "moved folder"', 'rm empty');
    // A smaller file in the place of a larger one.
    await run(`put "${join(world.sources, 'small.txt')}" "moved folder/medium.bin"`);
    await untilStored(world, changed);
    // As after a broken download. (Continued uploads are wrong on rclone's local files as well.)
    const large = 'sub folder/large ü+&.bin';
    const source = join(world.sources, 'folder', large);
    const part = join(world.directory, 'part');
    await writeFile(part, (await readFile(source)).subarray(0, 1_000_001));
    await run(`reget "moved folder/${large}" "${part}"`);
    await assertSameFile(part, source);
  });
  await rcloneIn(world, 'purge', `g:${world.bucket}`);
}

export const rcloneServe: Client = {
  name: 'rclone serve',
  packages: [
    { package: 'rclone', program: 'rclone' },
    { package: 'curl', program: 'curl' },
    { package: 'openssh-client', program: 'sftp' },
  ],
  checks: [
    { title: 'WebDAV: files of every size, up and down', run: filesThroughWebdav },
    { title: 'WebDAV: ranges, and a download that is continued', run: rangesThroughWebdav },
    { title: 'WebDAV: list, copy, move, delete', run: changesThroughWebdav },
    { title: 'SFTP: files of every size, up and down', run: filesThroughSftp },
    { title: 'SFTP: list, rename, replace, continue a download, remove', run: changesThroughSftp },
  ],
};
