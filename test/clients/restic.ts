/**
 * restic: backups, whose own check reads everything again.
 *
 * Owns:          its checks.
 * Knows:         restic's commands.
 * Must not know: the server's code.
 */
import { cp, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { seededBytes } from '../support/seeded-bytes.ts';
import { SignedRequests, elements } from '../support/signed-requests.ts';
import type { Client } from './client.ts';
import { assertSameTree, check, runProgram, type ClientWorld } from './client-world.ts';

async function resticIn(world: ClientWorld, ...parameters: readonly string[]): Promise<string> {
  const env = {
    ...world.env,
    RESTIC_REPOSITORY: `s3:${world.server.endpoint}/${world.bucket}/repository`,
    RESTIC_PASSWORD: 'a password',
    RESTIC_CACHE_DIR: join(world.directory, 'cache'),
  };
  const where = { env, directory: world.directory };
  return (await runProgram('restic', parameters, where)).stdout;
}

function changing(world: ClientWorld): string {
  return join(world.directory, 'changing');
}

const LARGE_BYTES = 20 * 1024 * 1024;

type RawStats = { readonly total_size: number };

/** Ids of the snapshots with a tag. */
async function snapshotsWith(world: ClientWorld, tag: string): Promise<readonly string[]> {
  const listed = await resticIn(world, 'snapshots', '--tag', tag, '--json');
  const snapshots = JSON.parse(listed) as readonly { readonly id: string }[] | null;
  return (snapshots ?? []).map(({ id }) => id);
}

/** What the repository takes in its bucket, as listed. */
async function bytesStored(world: ClientWorld): Promise<number> {
  const reply = await new SignedRequests(world.server, world.bucket).ask({ query: 'list-type=2' });
  const sizes = elements(reply.body.toString(), 'Size').map(Number);
  return sizes.reduce((sum, size) => sum + size, 0);
}

export const restic: Client = {
  name: 'restic',
  packages: [{ package: 'restic', program: 'restic' }],
  checks: [
    {
      title: 'init makes bucket and repository',
      run: async world => {
        await resticIn(world, 'init');
      },
    },
    {
      title: 'backup and restore',
      run: async world => {
        await cp(world.sources, changing(world), { recursive: true });
        await resticIn(world, 'backup', '.', '--tag', 'one', '--host', 'test', changing(world));
        const target = join(world.directory, 'first');
        await resticIn(world, 'restore', 'latest', '--target', target);
        await assertSameTree(join(target, changing(world)), world.sources);
      },
    },
    {
      title: 'check --read-data',
      run: async world => {
        const said = await resticIn(world, 'check', '--read-data');
        check(said.includes('no errors were found'), said);
      },
    },
    {
      title: 'a second backup, then forget --prune, and what is left is whole',
      run: async world => {
        await rm(join(changing(world), 'folder/medium.bin'));
        await writeFile(join(changing(world), 'new file'), 'new');
        await resticIn(world, 'backup', '--host', 'test', changing(world));
        const listed = await resticIn(world, 'snapshots');
        check(listed.includes('2 snapshots'), listed);
        await resticIn(world, 'forget', '--keep-last', '1', '--group-by', 'host', '--prune');
        const said = await resticIn(world, 'check', '--read-data');
        check(said.includes('no errors were found'), said);
        const target = join(world.directory, 'second');
        await resticIn(world, 'restore', 'latest', '--target', target);
        await assertSameTree(join(target, changing(world)), changing(world));
      },
    },
    {
      title: 'forget and prune on their own give the space back',
      run: async world => {
        const size = async (): Promise<number> => {
          const options = ['--mode', 'raw-data', '--json', '--no-lock'];
          const stats = JSON.parse(await resticIn(world, 'stats', ...options)) as RawStats;
          return stats.total_size;
        };
        const before = await bytesStored(world);
        const needed = await size();
        const large = join(changing(world), 'large');
        await writeFile(large, seededBytes(41, LARGE_BYTES));
        await resticIn(world, 'backup', '--host', 'test', '--tag', 'large', changing(world));
        await rm(large);
        check((await bytesStored(world)) > before + LARGE_BYTES, 'the backup stored less');
        const [id = ''] = await snapshotsWith(world, 'large');
        await resticIn(world, 'forget', id);
        check((await snapshotsWith(world, 'large')).length === 0, 'it is not forgotten');
        check((await bytesStored(world)) > before + LARGE_BYTES, 'forget removed data by itself');
        await resticIn(world, 'prune', '--max-unused', '0');
        check((await bytesStored(world)) < before + LARGE_BYTES, 'prune removed nothing');
        check((await size()) === needed, 'what the other snapshot needs has changed');
        const said = await resticIn(world, 'check', '--read-data');
        check(said.includes('no errors were found'), said);
      },
    },
    {
      title: 'unlock, stats, and no lock is left behind',
      run: async world => {
        await resticIn(world, 'unlock');
        const stats = await resticIn(world, 'stats');
        check(stats.includes('Total File Count'), stats);
        check(
          (await resticIn(world, 'list', 'locks', '--no-lock')).trim() === '',
          'a lock is left',
        );
      },
    },
  ],
};
