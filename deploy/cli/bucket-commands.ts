/**
 * `garage bucket …`.
 *
 * Owns:          arguments, and which operations each command is.
 * Knows:         commander, the admin operations by name.
 * Must not know: how anything is printed, how the node is reached.
 */
import type { Command } from 'commander';
import type { BucketAnswer, BucketLine, KeyAnswer, ObjectAnswer } from './api-answers.ts';
import { bucketInfo, bucketList, SHORT_ID } from './bucket-printer.ts';
import type { CliContext } from './cli-context.ts';
import { CliError } from './cli-error.ts';
import { objectInfo } from './object-printer.ts';
import { durationMs, requireYes, sizeBytes, wholeNumber } from './parse-values.ts';

type Context = () => CliContext;
const SECOND_MS = 1000;

export function addBucketCommands(program: Command, context: Context): void {
  const bucket = program.command('bucket').description('buckets, their names and permissions');
  addLifeCommands(bucket, context);
  addAliasCommands(bucket, context);
  addPermissionCommands(bucket, context);
  addSettingCommands(bucket, context);
  addContentCommands(bucket, context);
}

/** By global alias, id, or the beginning of an id. */
function findBucket(cli: CliContext, name: string): Promise<BucketAnswer> {
  return cli.call<BucketAnswer>('GetBucketInfo', { search: name });
}

export function findKey(cli: CliContext, name: string): Promise<KeyAnswer> {
  return cli.call<KeyAnswer>('GetKeyInfo', { search: name });
}

async function printBucket(cli: CliContext, operation: string, params: unknown): Promise<void> {
  cli.print(bucketInfo(await cli.call<BucketAnswer>(operation, params)));
}

function addLifeCommands(bucket: Command, context: Context): void {
  bucket
    .command('list')
    .description('list all buckets')
    .action(async () => {
      const cli = context();
      cli.print(bucketList(await cli.call<readonly BucketLine[]>('ListBuckets')));
    });
  bucket
    .command('info')
    .description('show one bucket')
    .argument('<bucket>')
    .action(async (name: string) => {
      await printBucket(context(), 'GetBucketInfo', { search: name });
    });
  bucket
    .command('create')
    .description('make a bucket with a name for everyone')
    .argument('<name>')
    .option('--index-shards <count>', 'streams that its index is cut into, for good (1 to 256)')
    .action(async (name: string, { indexShards }: { indexShards?: string }) => {
      const shards = indexShards === undefined ? {} : { indexShards: wholeNumber(indexShards) };
      await printBucket(context(), 'CreateBucket', { globalAlias: name, ...shards });
    });
  bucket
    .command('delete')
    .description('delete an empty bucket')
    .argument('<bucket>')
    .option('--yes', 'really do it')
    .action(async (name: string, { yes }: { yes?: true }) => {
      requireYes(yes, 'delete the bucket');
      await deleteBucket(context(), name);
    });
}

async function deleteBucket(cli: CliContext, name: string): Promise<void> {
  const { id, globalAliases } = await findBucket(cli, name);
  const others = globalAliases.filter(alias => alias !== name);
  if (others.length > 0) {
    throw new CliError(
      `Bucket ${name} has other names too (${others.join(', ')}): take them away first, with ` +
        '`garage bucket unalias`.',
    );
  }
  const local = await localAliasesOf(cli, id);
  if (local.length > 0) {
    throw new CliError(
      `Bucket ${name} still has local aliases (${local.join(', ')}): take them away first, with ` +
        '`garage bucket unalias --local KEY NAME`.',
    );
  }
  await cli.call('DeleteBucket', { id });
  cli.print([`Bucket ${name} was deleted.`]);
}

/** Of all keys, also of those that have no permission left and are not shown with the bucket. */
async function localAliasesOf(cli: CliContext, id: string): Promise<readonly string[]> {
  const buckets = await cli.call<readonly BucketLine[]>('ListBuckets');
  const found = buckets.find(bucket => bucket.id === id);
  return (found?.localAliases ?? []).map(({ alias }) => alias);
}

function addAliasCommands(bucket: Command, context: Context): void {
  bucket
    .command('alias')
    .description('give a bucket one more name')
    .option('--local <key>', 'a name for the requests of this key alone')
    .argument('<existing>', 'name or id of the bucket')
    .argument('<new>', 'the name it gets')
    .action(async (existing: string, name: string, { local }: { local?: string }) => {
      const cli = context();
      const { id } = await findBucket(cli, existing);
      const alias =
        local === undefined
          ? { globalAlias: name }
          : { localAlias: name, accessKeyId: (await findKey(cli, local)).accessKeyId };
      await printBucket(cli, 'AddBucketAlias', { bucketId: id, ...alias });
    });
  bucket
    .command('unalias')
    .description('take a name away from its bucket')
    .option('--local <key>', 'a name for the requests of this key alone')
    .argument('<name>')
    .action(async (name: string, { local }: { local?: string }) => {
      const cli = context();
      const params =
        local === undefined ? await globalName(cli, name) : await localName(cli, local, name);
      await printBucket(cli, 'RemoveBucketAlias', params);
    });
}

async function globalName(cli: CliContext, name: string): Promise<unknown> {
  const { id } = await cli.call<BucketAnswer>('GetBucketInfo', { globalAlias: name });
  return { bucketId: id, globalAlias: name };
}

async function localName(cli: CliContext, keyName: string, name: string): Promise<unknown> {
  const { accessKeyId } = await findKey(cli, keyName);
  const buckets = await cli.call<readonly BucketLine[]>('ListBuckets');
  const named = buckets.find(({ localAliases }) =>
    localAliases.some(local => local.accessKeyId === accessKeyId && local.alias === name),
  );
  if (named === undefined) throw new CliError(`Key ${keyName} has no bucket named ${name}.`);
  return { bucketId: named.id, localAlias: name, accessKeyId };
}

type PermissionFlags = { key: string; read?: true; write?: true; owner?: true };

function addPermissionCommands(bucket: Command, context: Context): void {
  const permissionCommands = [
    ['allow', 'AllowBucketKey', 'let a key use a bucket'],
    ['deny', 'DenyBucketKey', 'take permissions on a bucket from a key'],
  ] as const;
  for (const [name, operation, description] of permissionCommands) {
    bucket
      .command(name)
      .description(description)
      .option('--read', 'reading objects')
      .option('--write', 'writing and deleting objects')
      .option('--owner', 'changing and deleting the bucket')
      .argument('<bucket>')
      .requiredOption('--key <key>', 'id or name of the access key')
      .action(async (bucketName: string, { key, read, write, owner }: PermissionFlags) => {
        if (!read && !write && !owner) {
          throw new CliError('Say which permissions are meant: --read, --write, --owner.');
        }
        const cli = context();
        const { id } = await findBucket(cli, bucketName);
        const { accessKeyId } = await findKey(cli, key);
        await printBucket(cli, operation, {
          bucketId: id,
          accessKeyId,
          permissions: { read: read === true, write: write === true, owner: owner === true },
        });
      });
  }
}

type WebsiteFlags = {
  allow?: true;
  deny?: true;
  indexDocument: string;
  errorDocument?: string;
};

function addSettingCommands(bucket: Command, context: Context): void {
  bucket
    .command('website')
    .description('serve a bucket as a website, or no longer')
    .option('--allow', 'serve it')
    .option('--deny', 'no longer serve it')
    .option('-i, --index-document <name>', 'what a folder shows', 'index.html')
    .option('-e, --error-document <name>', 'what is shown for missing pages')
    .argument('<bucket>')
    .action(async (name: string, flags: WebsiteFlags) => {
      if (flags.allow === flags.deny) throw new CliError('Give either --allow or --deny.');
      const cli = context();
      const { id } = await findBucket(cli, name);
      const websiteAccess = flags.allow
        ? {
            enabled: true,
            indexDocument: flags.indexDocument,
            errorDocument: flags.errorDocument ?? null,
          }
        : { enabled: false };
      await printBucket(cli, 'UpdateBucket', { id, body: { websiteAccess } });
    });
  bucket
    .command('set-quotas')
    .description('limit what a bucket may hold')
    .option('--max-size <size>', 'bytes, or none')
    .option('--max-objects <count>', 'objects, or none')
    .argument('<bucket>')
    .action(async (name: string, flags: { maxSize?: string; maxObjects?: string }) => {
      if (flags.maxSize === undefined && flags.maxObjects === undefined) {
        throw new CliError('Say which quota is meant: --max-size, --max-objects.');
      }
      const cli = context();
      const { id, quotas } = await findBucket(cli, name);
      const changed = {
        maxSize: quota(flags.maxSize, sizeBytes, quotas.maxSize),
        maxObjects: quota(flags.maxObjects, wholeNumber, quotas.maxObjects),
      };
      await printBucket(cli, 'UpdateBucket', { id, body: { quotas: changed } });
    });
}

function quota(
  text: string | undefined,
  parse: (text: string) => number,
  current: number | null,
): number | null {
  if (text === undefined) return current;
  return text === 'none' ? null : parse(text);
}

function addContentCommands(bucket: Command, context: Context): void {
  bucket
    .command('cleanup-incomplete-uploads')
    .description('abort uploads that were begun and never finished')
    .option('--older-than <duration>', 'those begun at least so long ago', '1d')
    .argument('<buckets...>')
    .action(async (names: readonly string[], { olderThan }: { olderThan: string }) => {
      const cli = context();
      const olderThanSecs = Math.floor(durationMs(olderThan) / SECOND_MS);
      const ids: string[] = [];
      for (const name of names) ids.push((await findBucket(cli, name)).id);
      for (const bucketId of ids) {
        const { uploadsDeleted } = await cli.call<{ uploadsDeleted: number }>(
          'CleanupIncompleteUploads',
          { bucketId, olderThanSecs },
        );
        cli.print([`${bucketId.slice(0, SHORT_ID)}: ${String(uploadsDeleted)} uploads deleted`]);
      }
    });
  bucket
    .command('inspect-object')
    .description('show what is stored under an object key')
    .argument('<bucket>')
    .argument('<key>')
    .action(async (name: string, key: string) => {
      const cli = context();
      const { id } = await findBucket(cli, name);
      cli.print(objectInfo(await cli.call<ObjectAnswer>('InspectObject', { bucketId: id, key })));
    });
}
