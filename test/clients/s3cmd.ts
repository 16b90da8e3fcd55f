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

const CORS = `<CORSConfiguration><CORSRule><AllowedMethod>GET</AllowedMethod>
<AllowedOrigin>https://example.org</AllowedOrigin></CORSRule></CORSConfiguration>`;
const LIFECYCLE = `<LifecycleConfiguration><Rule><ID>old</ID><Prefix>old/</Prefix>
<Status>Enabled</Status><Expiration><Days>30</Days></Expiration></Rule></LifecycleConfiguration>`;

/** Each is set, seen, and taken away again. */
async function settings(world: ClientWorld): Promise<void> {
  const at = `s3://${world.bucket}`;
  const file = async (name: string, text: string): Promise<string> => {
    const path = join(world.directory, name);
    await writeFile(path, text);
    return path;
  };
  const shows = async (text: string, ...command: readonly string[]): Promise<void> => {
    const said = await s3cmdIn(world, ...command, at);
    check(said.includes(text), `${command.join(' ')}: ${said}`);
  };
  const hides = async (text: string, ...command: readonly string[]): Promise<void> => {
    const said = await s3cmdIn(world, ...command, at).catch(String);
    check(!said.includes(text), `${command.join(' ')}: ${said}`);
  };
  await s3cmdIn(world, 'ws-create', '--ws-index=start.html', '--ws-error=lost.html', at);
  await shows('start.html', 'ws-info');
  await s3cmdIn(world, 'ws-delete', at);
  await hides('start.html', 'ws-info');
  await s3cmdIn(world, 'setcors', await file('cors.xml', CORS), at);
  await shows('https://example.org', 'info');
  await s3cmdIn(world, 'delcors', at);
  await hides('https://example.org', 'info');
  await s3cmdIn(world, 'setlifecycle', await file('lifecycle.xml', LIFECYCLE), at);
  await shows('<Days>30</Days>', 'getlifecycle');
  await s3cmdIn(world, 'dellifecycle', at);
  await hides('<Days>30</Days>', 'getlifecycle');
  const Resource = `arn:aws:s3:::${world.bucket}/put/*`;
  const allow = { Effect: 'Allow', Principal: '*', Action: 's3:GetObject', Resource };
  const policy = JSON.stringify({ Version: '2012-10-17', Statement: [allow] });
  await s3cmdIn(world, 'setpolicy', await file('policy.json', policy), at);
  await shows(Resource, 'info');
  const open = `${world.server.endpoint}/${world.bucket}/put/small.txt`;
  const reply = await fetch(open);
  await reply.arrayBuffer();
  check(reply.status === 200, `who has no key is answered ${String(reply.status)}`);
  await s3cmdIn(world, 'delpolicy', at);
  await hides(Resource, 'info');
  await s3cmdIn(world, 'setacl', '--acl-private', at);
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
    { title: 'settings of a bucket: website, CORS, lifecycle, policy', run: settings },
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
