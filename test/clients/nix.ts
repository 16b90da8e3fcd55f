/**
 * Nix: a real binary cache, written over the S3 door and read over the website door.
 *
 * Owns:          its checks; stores and settings of its own, so that no /nix is needed or made.
 * Knows:         nix copy, nix path-info, nix store.
 * Must not know: the server's code.
 *
 * Debian builds Nix without its S3 store. That one is driven where a Nix has it; the other ways
 * into a bucket are plain PUTs where everybody may write, and a cache of files that an S3 client
 * uploads.
 */
import { spawnSync } from 'node:child_process';
import { mkdir, readFile, readdir, writeFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import {
  CreateBucketCommand,
  PutBucketPolicyCommand,
  PutObjectCommand,
  type S3Client,
} from '@aws-sdk/client-s3';
import { REGION } from '../support/garage-process.ts';
import { sdkClient } from '../support/sdk-client.ts';
import type { Client } from './client.ts';
import { assertSameTree, check, runProgram, type ClientWorld } from './client-world.ts';

const CACHE_TYPES: readonly (readonly [suffix: string, type: string])[] = [
  ['.narinfo', 'text/x-nix-narinfo'],
  ['nix-cache-info', 'text/x-nix-cache-info'],
];
/** No users for building, and nowhere else that packages are looked for. */
const SETTINGS = ['build-users-group =', 'experimental-features = nix-command', 'substituters ='];

/** A package that refers to another one and to a folder of files, without being built. */
function expressionOf(folder: string): string {
  return `
let
  sources = builtins.path { path = ${JSON.stringify(folder)}; name = "sources"; };
  derive = name: more: derivation ({
    inherit name sources; system = "none"; builder = "\${sources}/small.txt";
  } // more);
in (derive "tool" { library = derive "library" { }; }).drvPath
`;
}

/** Runs one of Nix's programs, whose default store is a folder of this client. */
async function run(
  world: ClientWorld,
  program: string,
  ...parameters: readonly string[]
): Promise<string> {
  const settings = join(world.directory, 'settings');
  await mkdir(settings, { recursive: true });
  await writeFile(join(settings, 'nix.conf'), `${SETTINGS.join('\n')}\n`);
  const env = {
    ...world.env,
    NIX_CONF_DIR: settings,
    NIX_REMOTE: join(world.directory, 'store'),
    NIX_STATE_DIR: join(world.directory, 'state'),
    NIX_LOG_DIR: join(world.directory, 'log'),
  };
  return (await runProgram(program, parameters, { env, directory: world.directory })).stdout.trim();
}

type Packages = {
  /** Store path of what refers to everything else. */
  readonly tool: string;
  /** Store path of the folder of files. */
  readonly sources: string;
  readonly secretKey: string;
  readonly publicKey: string;
};

/** What is copied, and the key it is signed with; made once. */
async function packages(world: ClientWorld): Promise<Packages> {
  const secretKey = join(world.directory, 'secret-key');
  const publicKey = `${secretKey}.public`;
  const expression = join(world.directory, 'packages.nix');
  await writeFile(expression, expressionOf(world.sources));
  const tool = await run(world, 'nix', 'eval', '--impure', '--raw', '-f', expression);
  const known = await readdir(world.directory);
  if (!known.includes('secret-key')) {
    await run(world, 'nix-store', '--generate-binary-cache-key', 'test-1', secretKey, publicKey);
  }
  const closure = await run(world, 'nix', 'path-info', '-r', '--derivation', tool);
  const sources = closure.split('\n').find(path => path.endsWith('-sources')) ?? '';
  check(closure.split('\n').length === 3 && sources !== '', closure);
  return { tool, sources, secretKey, publicKey: await readFile(publicKey, 'utf8') };
}

function websiteOf({ server }: ClientWorld, bucket: string): string {
  return `http://${bucket}.web.localhost:${String(server.ports.web)}`;
}

/** A bucket that is a website; `use` fills it. */
async function makeCache(
  world: ClientWorld,
  bucket: string,
  use: (client: S3Client) => Promise<void>,
): Promise<void> {
  const client = sdkClient(world.server);
  try {
    await client.send(new CreateBucketCommand({ Bucket: bucket }));
    const made = await world.server.command('bucket', 'website', '--allow', bucket);
    check(made.exitCode === 0, made.stderr);
    await use(client);
  } finally {
    client.destroy();
  }
}

/** Copies everything from the website into an empty store, signatures checked. */
async function assertReadable(world: ClientWorld, bucket: string): Promise<void> {
  const { tool, sources, publicKey } = await packages(world);
  const store = join(world.directory, `store-of-${bucket}`);
  const cache = websiteOf(world, bucket);
  const trust = ['--option', 'trusted-public-keys', publicKey];
  const parameters = ['--from', cache, '--to', store, ...trust, '--derivation', tool];
  await run(world, 'nix', 'copy', ...parameters);
  await assertSameTree(join(store, sources), world.sources);
  await run(
    world,
    'nix',
    'store',
    'verify',
    '--store',
    store,
    ...trust,
    '-r',
    '--derivation',
    tool,
  );
  const listed = await run(
    world,
    'nix',
    'path-info',
    '--json',
    '-r',
    '--store',
    cache,
    '--derivation',
    tool,
  );
  const known = JSON.parse(listed) as readonly { signatures?: readonly string[] }[];
  check(known.length === 3, listed);
  for (const { signatures = [] } of known) {
    check(signatures[0]?.startsWith('test-1:') === true, 'a signature is lost');
  }
  const path = `${sources}/small.txt`;
  const file = await run(world, 'nix', 'store', 'cat', '--store', cache, path);
  check(file !== '', `${path} is empty in the cache`);
  const missing = `/nix/store/${'0'.repeat(32)}-missing`;
  const said = await run(world, 'nix', 'path-info', '--store', cache, missing).catch(String);
  check(said.includes('is not valid'), said);
}

async function putByHttp(world: ClientWorld): Promise<void> {
  const bucket = `${world.bucket}-open`;
  await makeCache(world, bucket, async client => {
    const arn = `arn:aws:s3:::${bucket}`;
    const Action = ['s3:GetObject', 's3:PutObject', 's3:ListBucket'];
    const all = { Effect: 'Allow', Principal: '*', Action, Resource: [arn, `${arn}/*`] };
    const Policy = JSON.stringify({ Version: '2012-10-17', Statement: [all] });
    await client.send(new PutBucketPolicyCommand({ Bucket: bucket, Policy }));
    const { tool, secretKey } = await packages(world);
    const options = `compression=gzip&secret-key=${secretKey}`;
    const cache = `${world.server.endpoint}/${bucket}?${options}`;
    await run(world, 'nix', 'copy', '--to', cache, '--derivation', tool);
    // All is there already: nothing is sent again.
    await run(world, 'nix', 'copy', '--to', cache, '--derivation', tool);
  });
  await assertReadable(world, bucket);
}

async function uploadFiles(world: ClientWorld): Promise<void> {
  const bucket = `${world.bucket}-files`;
  const directory = join(world.directory, 'cache');
  const { tool, secretKey } = await packages(world);
  const cache = `file://${directory}?compression=none&secret-key=${secretKey}`;
  await run(world, 'nix', 'copy', '--to', cache, '--derivation', tool);
  await makeCache(world, bucket, async client => {
    const entries = await readdir(directory, { recursive: true, withFileTypes: true });
    for (const entry of entries.filter(file => file.isFile())) {
      const path = join(entry.parentPath, entry.name);
      const type = CACHE_TYPES.find(([suffix]) => path.endsWith(suffix))?.[1];
      await client.send(
        new PutObjectCommand({
          ...{ Bucket: bucket, Key: relative(directory, path), Body: await readFile(path) },
          ContentType: type ?? 'application/x-nix-nar',
        }),
      );
    }
  });
  await assertReadable(world, bucket);
}

async function copyToS3(world: ClientWorld): Promise<void> {
  const bucket = `${world.bucket}-s3`;
  await makeCache(world, bucket, async () => {
    const { tool, secretKey } = await packages(world);
    const where = `endpoint=${world.host}&scheme=http&region=${REGION}`;
    const cache = `s3://${bucket}?${where}&compression=gzip&secret-key=${secretKey}`;
    await run(world, 'nix', 'copy', '--to', cache, '--derivation', tool);
    const listed = await run(
      world,
      'nix',
      'path-info',
      '-r',
      '--store',
      cache,
      '--derivation',
      tool,
    );
    check(listed.split('\n').length === 3, listed);
  });
  await assertReadable(world, bucket);
}

const PACKAGES = [{ package: 'nix-bin', program: 'nix' }];

export const nix: Client = {
  name: 'nix',
  packages: PACKAGES,
  checks: [
    { title: 'copied to a bucket that is open, by plain PUTs, and back', run: putByHttp },
    { title: 'a cache of files, uploaded with an S3 client, and back', run: uploadFiles },
  ],
};

export const nixWithS3: Client = {
  name: 'nix with S3',
  packages: PACKAGES,
  missing: () => {
    const parameters = ['--extra-experimental-features', 'nix-command', 'store', 'ping'];
    const probe = spawnSync('nix', [...parameters, '--store', 's3://probe?endpoint=127.0.0.1:1'], {
      env: { PATH: process.env['PATH'], HOME: '/nonexistent', NIX_CONF_DIR: '/nonexistent' },
      ...{ encoding: 'utf8', timeout: 10_000 },
    });
    return probe.stderr.includes("don't know how to open")
      ? 'this nix was built without its S3 store, as all of Debian are'
      : undefined;
  },
  checks: [{ title: 'copied to a bucket with its own S3 client, and back', run: copyToS3 }],
};
