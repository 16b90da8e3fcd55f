/**
 * restic: backups, whose own check reads everything again.
 *
 * Owns:          its checks.
 * Knows:         restic's commands.
 * Must not know: the server's code.
 */
import { cp, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
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
