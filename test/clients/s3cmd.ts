/**
 * s3cmd.
 *
 * Owns:          its checks and its configuration file.
 * Knows:         s3cmd's commands.
 * Must not know: the server's code.
 */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { REGION } from '../support/garage-process.ts';
import type { Client } from './client.ts';
import {
  SOURCES,
  assertSameFile,
  assertSameTree,
  check,
  type ClientWorld,
} from './client-world.ts';

async function s3cmdIn(world: ClientWorld, ...parameters: readonly string[]): Promise<string> {
  const config = join(world.directory, 's3cfg');
  const { accessKeyId, secretKey } = world.server.credentials;
  const lines = [
    '[default]',
    `access_key = ${accessKeyId}`,
    `secret_key = ${secretKey}`,
    `host_base = ${world.host}`,
    `host_bucket = ${world.host}`,
    `bucket_location = ${REGION}`,
    'use_https = False',
    'signature_v2 = False',
    'multipart_chunk_size_mb = 5',
  ];
  await writeFile(config, lines.join('\n'));
  return (await world.run('s3cmd', '-c', config, '--no-progress', ...parameters)).stdout;
}

export const s3cmd: Client = {
  name: 's3cmd',
  packages: [{ package: 's3cmd', program: 's3cmd' }],
  checks: [
    {
      title: 'mb, ls',
      run: async world => {
        await s3cmdIn(world, 'mb', `s3://${world.bucket}`);
        const listed = await s3cmdIn(world, 'ls');
        check(listed.includes(`s3://${world.bucket}`), listed);
      },
    },
    {
      title: 'put and get of every size, in parts where it is large',
      run: async world => {
        await mkdir(join(world.directory, 'get'));
        for (const [index, [name]] of SOURCES.entries()) {
          const source = join(world.sources, name);
          const back = join(world.directory, 'get', String(index));
          await s3cmdIn(world, 'put', source, `s3://${world.bucket}/put/${name}`);
          await s3cmdIn(world, 'get', `s3://${world.bucket}/put/${name}`, back);
          await assertSameFile(back, source);
        }
      },
    },
    {
      title: 'sync up, sync down, sync again',
      run: async world => {
        const back = join(world.directory, 'sync');
        await mkdir(back);
        await s3cmdIn(world, 'sync', `${world.sources}/`, `s3://${world.bucket}/sync/`);
        await s3cmdIn(world, 'sync', `s3://${world.bucket}/sync/`, `${back}/`);
        await assertSameTree(back, world.sources);
        const again = await s3cmdIn(
          world,
          'sync',
          `${world.sources}/`,
          `s3://${world.bucket}/sync/`,
        );
        check(!again.includes('upload:'), `the second sync uploaded: ${again}`);
      },
    },
    {
      title: 'info, du, cp, mv, del',
      run: async world => {
        const at = `s3://${world.bucket}/put`;
        const info = await s3cmdIn(world, 'info', `${at}/small.txt`);
        check(/File size: +1024/.test(info), info);
        const used = await s3cmdIn(world, 'du', `s3://${world.bucket}/put/`);
        const total = SOURCES.reduce((sum, [, size]) => sum + size, 0);
        check(used.trim().startsWith(String(total)), used);
        await s3cmdIn(world, 'cp', `${at}/small.txt`, `${at}/copied.txt`);
        await s3cmdIn(world, 'mv', `${at}/copied.txt`, `${at}/moved.txt`);
        const back = join(world.directory, 'moved.txt');
        await s3cmdIn(world, 'get', `${at}/moved.txt`, back);
        await assertSameFile(back, join(world.sources, 'small.txt'));
        await s3cmdIn(world, 'del', `${at}/moved.txt`);
        const listed = await s3cmdIn(world, 'ls', `${at}/`);
        check(!listed.includes('moved.txt') && !listed.includes('copied.txt'), listed);
      },
    },
    {
      title: 'signurl',
      run: async world => {
        const at = `s3://${world.bucket}/put/small.txt`;
        const url = (await s3cmdIn(world, 'signurl', at, '+600')).trim();
        check(url.includes('small.txt'), url);
        // Version 2 of the signature, which is refused and must be refused well.
        const reply = await fetch(url.replace(/^https?:\/\/[^/]+/, world.server.endpoint));
        const text = await reply.text();
        check(reply.status === 200 || text.includes('<Code>InvalidRequest</Code>'), text);
      },
    },
    {
      title: 'multipart uploads are listed and aborted',
      run: async world => {
        const listed = await s3cmdIn(world, 'multipart', `s3://${world.bucket}`);
        check(!listed.includes('Initiated\t2'), listed);
      },
    },
    {
      title: 'del --recursive, rb',
      run: async world => {
        await s3cmdIn(world, 'del', '--recursive', '--force', `s3://${world.bucket}`);
        await s3cmdIn(world, 'rb', `s3://${world.bucket}`);
        const listed = await s3cmdIn(world, 'ls');
        check(!listed.includes(world.bucket), listed);
      },
    },
  ],
};
