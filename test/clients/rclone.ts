/**
 * rclone.
 *
 * Owns:          its checks.
 * Knows:         rclone's commands; its settings in the environment.
 * Must not know: the server's code.
 */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { REGION } from '../support/garage-process.ts';
import { tlsFront } from '../support/tls-front.ts';
import type { Client } from './client.ts';
import {
  SOURCES,
  assertSameFile,
  assertSameTree,
  check,
  type ClientWorld,
} from './client-world.ts';

/** Writes a configuration whose remote `g` is our server; answers its path. */
export async function rcloneConfig(world: ClientWorld): Promise<string> {
  const config = join(world.directory, 'rclone.conf');
  const { accessKeyId, secretKey } = world.server.credentials;
  const lines = [
    '[g]',
    'type = s3',
    'provider = Other',
    `access_key_id = ${accessKeyId}`,
    `secret_access_key = ${secretKey}`,
    `endpoint = ${world.server.endpoint}`,
    `region = ${REGION}`,
    'force_path_style = true',
    'upload_cutoff = 6M',
    'chunk_size = 5M',
    'copy_cutoff = 20M',
  ];
  await writeFile(config, lines.join('\n'));
  return config;
}

/** Runs rclone to its end; all it wrote. */
export async function rcloneIn(
  world: ClientWorld,
  ...parameters: readonly string[]
): Promise<string> {
  const config = await rcloneConfig(world);
  const options = ['--config', config, '--retries', '1', '--low-level-retries', '1'];
  const { stdout, stderr } = await world.run('rclone', ...options, ...parameters);
  return stdout + stderr;
}

async function versions(world: ClientWorld): Promise<void> {
  const at = `g:${world.bucket}-versions`;
  await rcloneIn(world, 'mkdir', at);
  const enabled = await rcloneIn(world, 'backend', 'versioning', at, 'Enabled').catch(String);
  if (world.copies > 1 && enabled.includes('NotImplemented')) return;
  const said = await rcloneIn(world, 'backend', 'versioning', at);
  check(said.includes('Enabled'), said);
  const [older, newer] = ['small.txt', 'folder/medium.bin'].map(name => join(world.sources, name));
  await rcloneIn(world, 'copyto', older!, `${at}/file.bin`);
  // Its names of versions have whole seconds, as S3's listings do.
  await delay(1001);
  await rcloneIn(world, 'copyto', newer!, `${at}/file.bin`);
  await rcloneIn(world, 'deletefile', `${at}/file.bin`);
  check((await rcloneIn(world, 'lsf', at)).trim() === '', 'the deleted file is listed');
  const listed = await rcloneIn(world, 'lsf', '--s3-versions', '--format', 'sp', at);
  const names = listed
    .trim()
    .split('\n')
    .map(line => line.split(';'));
  const back = join(world.directory, 'version');
  for (const [size, source] of [
    [1024, older!],
    [5 * 1024 * 1024, newer!],
  ] as const) {
    const name = names.find(([sizeText]) => sizeText === String(size))?.[1] ?? '';
    await rcloneIn(world, 'copyto', '--s3-versions', `${at}/${name}`, back);
    await assertSameFile(back, source);
  }
  await rcloneIn(world, 'backend', 'cleanup-hidden', at);
  const left = await rcloneIn(world, 'lsf', '--s3-versions', at);
  check(left.trim() === '', left);
  await rcloneIn(world, 'purge', at);
}

export const rclone: Client = {
  name: 'rclone',
  packages: [
    { package: 'rclone', program: 'rclone' },
    { package: 'openssl', program: 'openssl' },
  ],
  checks: [
    {
      title: 'mkdir, lsd',
      run: async world => {
        await rcloneIn(world, 'mkdir', `g:${world.bucket}`);
        const listed = await rcloneIn(world, 'lsd', 'g:');
        check(listed.includes(world.bucket), listed);
      },
    },
    {
      title: 'copy up and down, large files in parts',
      run: async world => {
        const back = join(world.directory, 'copy');
        await rcloneIn(world, 'copy', world.sources, `g:${world.bucket}/copy`);
        await rcloneIn(world, 'copy', `g:${world.bucket}/copy`, back);
        await assertSameTree(back, world.sources);
      },
    },
    {
      title: 'check by hash, and by download',
      run: async world => {
        await rcloneIn(world, 'check', world.sources, `g:${world.bucket}/copy`);
        await rcloneIn(world, 'check', '--download', world.sources, `g:${world.bucket}/copy`);
      },
    },
    {
      title: 'sync twice: times and sizes are kept, nothing is sent again',
      run: async world => {
        await rcloneIn(world, 'sync', world.sources, `g:${world.bucket}/copy`);
        const again = await rcloneIn(world, 'sync', '-v', world.sources, `g:${world.bucket}/copy`);
        check(!again.includes(': Copied'), `the second sync copied: ${again}`);
      },
    },
    {
      title: 'copies on the server, large ones in parts',
      run: async world => {
        await rcloneIn(world, 'copy', `g:${world.bucket}/copy`, `g:${world.bucket}/copied`);
        await rcloneIn(world, 'check', '--download', world.sources, `g:${world.bucket}/copied`);
      },
    },
    {
      title: 'cat with an offset, lsl, size, moveto, deletefile',
      run: async world => {
        const at = `g:${world.bucket}/copied`;
        const listed = await rcloneIn(world, 'lsl', at);
        for (const [name, size] of SOURCES) {
          check(listed.includes(name) && listed.includes(String(size)), `${name} in ${listed}`);
        }
        const size = await rcloneIn(world, 'size', '--json', at);
        check(size.includes(`"count":${String(SOURCES.length)}`), size);
        await rcloneIn(world, 'moveto', `${at}/small.txt`, `${at}/moved here.txt`);
        const back = join(world.directory, 'moved');
        await rcloneIn(world, 'copyto', `${at}/moved here.txt`, back);
        await assertSameFile(back, join(world.sources, 'small.txt'));
        await rcloneIn(world, 'deletefile', `${at}/moved here.txt`);
        const left = await rcloneIn(world, 'lsf', at);
        check(!left.includes('moved here.txt'), left);
      },
    },
    {
      title: 'a stream of unknown length',
      run: async world => {
        const source = join(world.sources, 'folder/medium.bin');
        const config = join(world.directory, 'rclone.conf');
        const twiceSource = `cat '${source}' '${source}'`;
        const stream = `rclone --config '${config}' rcat 'g:${world.bucket}/streamed'`;
        await world.run('sh', '-c', `${twiceSource} | ${stream}`);
        const back = join(world.directory, 'streamed');
        const twice = join(world.directory, 'twice');
        await rcloneIn(world, 'copyto', `g:${world.bucket}/streamed`, back);
        await world.run('sh', '-c', `${twiceSource} > '${twice}'`);
        await assertSameFile(back, twice);
      },
    },
    {
      title: 'copy up and down, large files in parts, with a key of its own',
      run: async world => {
        // It sends no key where anybody could read it.
        const front = await tlsFront(world.directory, world.server.ports.s3);
        const endpoint = `https://127.0.0.1:${String(front.port)}`;
        const key = [
          ...['--s3-endpoint', endpoint, '--no-check-certificate'],
          ...['--s3-sse-customer-algorithm', 'AES256', '--s3-sse-customer-key'],
        ];
        const mine = [...key, 'k'.repeat(32)];
        const remote = `g:${world.bucket}/keys`;
        const back = join(world.directory, 'keys');
        try {
          await rcloneIn(world, 'copy', ...mine, world.sources, remote);
          await rcloneIn(world, 'copy', ...mine, remote, back);
          await assertSameTree(back, world.sources);
          await rcloneIn(world, 'check', '--download', ...mine, world.sources, remote);
          const wrong = [...key, 'x'.repeat(32), remote, join(world.directory, 'wrong')];
          const refused = await rcloneIn(world, 'copy', ...wrong).then(
            () => 'no refusal',
            (error: unknown) => String(error),
          );
          check(/403|Forbidden/.test(refused), refused);
        } finally {
          front.close();
        }
      },
    },
    {
      title: 'versions: an older one is listed and read, hidden ones are cleaned up',
      run: versions,
    },
    {
      title: 'purge',
      run: async world => {
        await rcloneIn(world, 'purge', `g:${world.bucket}`);
        const listed = await rcloneIn(world, 'lsd', 'g:');
        check(!listed.includes(` ${world.bucket}\n`), listed);
      },
    },
  ],
};
