/**
 * `garage key …`.
 *
 * Owns:          arguments, and which operations each command is.
 * Knows:         commander, the admin operations by name.
 * Must not know: how anything is printed, how the node is reached.
 */
import type { Command } from 'commander';
import { rfc3339 } from '../../gateway/admin/rfc3339.ts';
import type { KeyAnswer, KeyLine } from './api-answers.ts';
import { findKey } from './bucket-commands.ts';
import type { CliContext } from './cli-context.ts';
import { CliError } from './cli-error.ts';
import { keyInfo, keyList } from './key-printer.ts';
import { durationMs, requireYes } from './parse-values.ts';

type Context = () => CliContext;

export function addKeyCommands(program: Command, context: Context): void {
  const key = program.command('key').description('access keys');
  addShowCommands(key, context);
  addLifeCommands(key, context);
  addChangeCommands(key, context);
}

async function printKey(cli: CliContext, operation: string, params: unknown): Promise<void> {
  cli.print(keyInfo(await cli.call<KeyAnswer>(operation, params)));
}

async function updateKey(cli: CliContext, name: string, body: unknown): Promise<void> {
  const { accessKeyId } = await findKey(cli, name);
  await printKey(cli, 'UpdateKey', { id: accessKeyId, body });
}

function addShowCommands(key: Command, context: Context): void {
  key
    .command('list')
    .description('list all access keys')
    .action(async () => {
      const cli = context();
      cli.print(keyList(await cli.call<readonly KeyLine[]>('ListKeys')));
    });
  key
    .command('info')
    .description('show one access key')
    .option('--show-secret', 'with its secret')
    .argument('<key>', 'id, beginning of an id, or name')
    .action(async (name: string, { showSecret }: { showSecret?: true }) => {
      await printKey(context(), 'GetKeyInfo', { search: name, showSecretKey: showSecret === true });
    });
}

function addLifeCommands(key: Command, context: Context): void {
  key
    .command('create')
    .description('make an access key')
    .option('--expires-in <duration>', 'it ends after this time')
    .argument('[name]', 'what it is called', 'Unnamed key')
    .action(async (name: string, { expiresIn }: { expiresIn?: string }) => {
      const cli = context();
      await printKey(cli, 'CreateKey', { name, ...expirationIn(cli, expiresIn) });
    });
  key
    .command('import')
    .description('bring in a key that was made elsewhere')
    .option('-n <name>', 'what it is called', 'Imported key')
    .option('--yes', 'really do it')
    .argument('<key-id>')
    .argument('<secret-key>')
    .action(async (id: string, secret: string, { n, yes }: { n: string; yes?: true }) => {
      requireYes(yes, 'import a key: keys made with `garage key create` are always good ones');
      const params = { accessKeyId: id, secretAccessKey: secret, name: n };
      await printKey(context(), 'ImportKey', params);
    });
  key
    .command('delete')
    .description('delete an access key for good')
    .option('--yes', 'really do it')
    .argument('<key>')
    .action(async (name: string, { yes }: { yes?: true }) => {
      requireYes(yes, 'delete the key: its id never comes back');
      const cli = context();
      const { accessKeyId } = await findKey(cli, name);
      await cli.call('DeleteKey', { id: accessKeyId });
      cli.print([`Access key ${accessKeyId} was deleted.`]);
    });
  key
    .command('delete-expired')
    .description('delete all keys whose time is over')
    .option('--yes', 'really do it')
    .action(async ({ yes }: { yes?: true }) => {
      requireYes(yes, 'delete the keys');
      const cli = context();
      const keys = await cli.call<readonly KeyLine[]>('ListKeys');
      for (const { id } of keys.filter(({ expired }) => expired)) {
        await cli.call('DeleteKey', { id });
        cli.print([`Access key ${id} was deleted.`]);
      }
    });
}

function addChangeCommands(key: Command, context: Context): void {
  key
    .command('rename')
    .description('give a key another name')
    .argument('<key>')
    .argument('<name>')
    .action(async (name: string, newName: string) => {
      await updateKey(context(), name, { name: newName });
    });
  key
    .command('set')
    .description('change when a key ends')
    .option('--expires-in <duration>', 'it ends after this time')
    .option('--never-expires', 'it does not end')
    .argument('<key>')
    .action(async (name: string, flags: { expiresIn?: string; neverExpires?: true }) => {
      if ((flags.expiresIn === undefined) === (flags.neverExpires === undefined)) {
        throw new CliError('Give either --expires-in or --never-expires.');
      }
      const cli = context();
      const never = flags.neverExpires === true ? { neverExpires: true } : {};
      await updateKey(cli, name, { ...never, ...expirationIn(cli, flags.expiresIn) });
    });
  const permissionCommands = [
    ['allow', 'let a key do something'],
    ['deny', 'no longer let a key do something'],
  ] as const;
  for (const [verb, description] of permissionCommands) {
    key
      .command(verb)
      .description(description)
      .option('--create-bucket', 'making buckets over S3')
      .argument('<key>')
      .action(async (name: string, { createBucket }: { createBucket?: true }) => {
        if (!createBucket) throw new CliError('Say what is meant: --create-bucket.');
        await updateKey(context(), name, { [verb]: { createBucket: true } });
      });
  }
}

function expirationIn(
  { world }: CliContext,
  duration: string | undefined,
): { readonly expiration?: string } {
  if (duration === undefined) return {};
  return { expiration: rfc3339(world.nowMs() + durationMs(duration)) };
}
