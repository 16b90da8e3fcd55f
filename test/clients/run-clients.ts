/**
 * `npm run test:clients`: drives real S3 clients against a real server.
 *
 *   node test/run.mjs clients             all of them
 *   node test/run.mjs clients rclone aws  those whose names contain one of the words
 *   node test/run.mjs clients --cluster   against three nodes, which keep three copies
 *   node test/run.mjs clients --node-down the same, after one of them was killed
 *
 * Owns:          the order, the count, the directory of the run.
 * Knows:         the list of clients.
 * Must not know: what a client does.
 *
 * A client that cannot be had is counted as skipped, with its reason: all its checks are. After a
 * check that failed the client's later ones are run all the same, for most do not need it.
 */
import { accessSync, constants } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { ensureSystemPackages } from '../support/system-packages.ts';
import { awsCli } from './aws-cli.ts';
import { binaryCache } from './binary-cache.ts';
import { boto3 } from './boto3.ts';
import { browserSite } from './browser-site.ts';
import { browserUpload } from './browser-upload.ts';
import { startServers, type ServersKind } from './client-servers.ts';
import { makeSources, makeWorld } from './client-world.ts';
import type { Client } from './client.ts';
import { dockerRegistry } from './docker-registry.ts';
import { duplicity } from './duplicity.ts';
import { nix, nixWithS3 } from './nix.ts';
import { nodeClients } from './node-clients.ts';
import { rclone } from './rclone.ts';
import { rcloneServe } from './rclone-serve.ts';
import { restic } from './restic.ts';
import { s3cmd } from './s3cmd.ts';
import { s3fs } from './s3fs.ts';

const KINDS: Readonly<Record<string, ServersKind>> = {
  '--cluster': 'cluster',
  '--node-down': 'cluster with a node down',
};

const counts = { passed: 0, failed: 0, skipped: 0 };

/** Every executable of that name on the PATH, links to one another counted once. */
function programsNamed(name: string): readonly string[] {
  const paths = new Set(
    (process.env['PATH'] ?? '').split(delimiter).map(folder => join(folder, name)),
  );
  const found = [...paths].filter(path => {
    try {
      accessSync(path, constants.X_OK);
      return !path.startsWith('/bin/');
    } catch {
      return false;
    }
  });
  return found.length > 0 ? found : [name];
}

/** In this order; what is on the PATH more than once is driven once for each. */
const DEBIAN_CLIENTS: readonly Client[] = [
  s3cmd,
  rclone,
  rcloneServe,
  restic,
  s3fs,
  duplicity,
  binaryCache,
  nix,
  nixWithS3,
  dockerRegistry,
  browserSite,
  browserUpload,
];

/** Those from npm start servers of their own. */
function clients(kind: ServersKind): readonly Client[] {
  return [
    ...programsNamed('aws').map(awsCli),
    ...DEBIAN_CLIENTS,
    ...programsNamed('python3').map(boto3),
    ...(kind === 'single node' ? [nodeClients()] : []),
  ];
}

/** A sentence when the client cannot be had. */
function missing(client: Client): string | undefined {
  const ensured = ensureSystemPackages(client.packages);
  return ensured.kind === 'missing' ? ensured.explanation : client.missing?.();
}

function message(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

async function drive(
  client: Client,
  makeWorldOf: () => ReturnType<typeof makeWorld>,
): Promise<void> {
  const reason = missing(client);
  if (reason !== undefined) {
    counts.skipped += client.checks.length;
    console.log(`SKIPPED ${client.name}, ${String(client.checks.length)} checks: ${reason}`);
    return;
  }
  const world = await makeWorldOf();
  for (const { title, run } of client.checks) {
    const startMs = performance.now();
    try {
      await run(world);
      counts.passed += 1;
      const seconds = ((performance.now() - startMs) / 1000).toFixed(1);
      console.log(`passed  ${client.name}: ${title} (${seconds} s)`);
    } catch (error) {
      counts.failed += 1;
      console.log(`FAILED  ${client.name}: ${title}`);
      for (const line of message(error).split('\n')) console.log(`        ${line}`);
    }
  }
  await client.cleanUp?.(world);
}

async function main(parameters: readonly string[]): Promise<number> {
  const words = parameters.filter(word => KINDS[word] === undefined);
  const wanted = ({ name }: Client): boolean =>
    words.length === 0 || words.some(word => name.includes(word));
  // Installed first, so that every program is on the PATH when the list is made.
  // Debian's `aws` is another release than the one that may be there already.
  for (const client of [awsCli('/usr/bin/aws'), ...DEBIAN_CLIENTS].filter(wanted)) {
    ensureSystemPackages(client.packages);
  }
  const kind = parameters.map(word => KINDS[word]).findLast(Boolean) ?? 'single node';
  const chosen = clients(kind).filter(wanted);
  const home = await mkdtemp(join(tmpdir(), 'garage-clients-'));
  const sources = join(home, 'sources');
  await makeSources(sources);
  const { server, copies, end } = await startServers(join(home, 'servers'), kind);
  try {
    for (const [index, client] of chosen.entries()) {
      const bucket = `client-${String(index)}`;
      await drive(client, () => makeWorld({ server, copies, home, sources, bucket }));
    }
  } finally {
    for (const problem of await end()) {
      counts.failed += 1;
      console.log(`FAILED  ${problem}`);
    }
    await rm(home, { recursive: true, force: true });
  }
  const { passed, failed, skipped } = counts;
  console.log(`${String(passed)} passed, ${String(failed)} failed, ${String(skipped)} skipped`);
  return failed > 0 || passed === 0 ? 1 : 0;
}

process.exitCode = await main(process.argv.slice(2));
