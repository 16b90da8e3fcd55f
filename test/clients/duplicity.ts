/**
 * duplicity: full and incremental backups through boto3.
 *
 * Owns:          its checks.
 * Knows:         duplicity's commands.
 * Must not know: the server's code.
 */
import { appendFile, cp } from 'node:fs/promises';
import { join } from 'node:path';
import { REGION } from '../support/garage-process.ts';
import { SignedRequests } from '../support/signed-requests.ts';
import type { Client } from './client.ts';
import { assertSameTree, check, type ClientWorld } from './client-world.ts';

async function duplicityIn(world: ClientWorld, ...parameters: readonly string[]): Promise<string> {
  const options = [
    ...['--no-encryption', '--s3-region-name', REGION, '--volsize', '10'],
    ...['--s3-endpoint-url', world.server.endpoint, '--num-retries', '1'],
    ...['--archive-dir', join(world.directory, 'archive')],
  ];
  return (await world.run('duplicity', ...parameters, ...options)).stdout;
}

function remote({ bucket }: ClientWorld): string {
  return `boto3+s3://${bucket}/backup`;
}

function changing({ directory }: ClientWorld): string {
  return join(directory, 'changing');
}

export const duplicity: Client = {
  name: 'duplicity',
  packages: [
    { package: 'duplicity', program: 'duplicity' },
    { package: 'python3-boto3', program: 'duplicity' },
  ],
  checks: [
    {
      title: 'a full backup and its restoring',
      run: async world => {
        await new SignedRequests(world.server, world.bucket).ask({ method: 'PUT' });
        await cp(world.sources, changing(world), { recursive: true });
        await duplicityIn(world, 'full', changing(world), remote(world));
        const target = join(world.directory, 'first');
        await duplicityIn(world, 'restore', remote(world), target);
        await assertSameTree(target, world.sources);
      },
    },
    {
      title: 'an incremental backup, verified and restored',
      run: async world => {
        await appendFile(join(changing(world), 'small.txt'), 'more');
        await duplicityIn(world, 'incremental', changing(world), remote(world));
        await duplicityIn(world, 'verify', '--compare-data', remote(world), changing(world));
        const target = join(world.directory, 'second');
        await duplicityIn(world, 'restore', remote(world), target);
        await assertSameTree(target, changing(world));
      },
    },
    {
      title: 'another full one, and the old one is removed',
      run: async world => {
        await duplicityIn(world, 'full', changing(world), remote(world));
        await duplicityIn(world, 'remove-all-but-n-full', '1', '--force', remote(world));
        const status = await duplicityIn(world, 'collection-status', remote(world));
        check((status.match(/^ +Full /gm) ?? []).length === 1, status);
        const target = join(world.directory, 'third');
        await duplicityIn(world, 'restore', remote(world), target);
        await assertSameTree(target, changing(world));
      },
    },
  ],
};
