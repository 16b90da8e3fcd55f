/**
 * `garage server`.
 *
 * Owns:          its flags, and what it does without a configuration file.
 * Knows:         commander, the configuration.
 * Must not know: what a node is made of: it is loaded only when one is started.
 */
import { join } from 'node:path';
import type { Command } from 'commander';
import type { Config } from '../../schemas/config.ts';
import { explainUnloaded, LOCAL_DIRECTORY, loadConfig } from '../config-file.ts';
import { ensureLocalConfig } from '../local-config.ts';
import type { CliContext } from './cli-context.ts';
import { CliError } from './cli-error.ts';

type ServerFlags = {
  readonly singleNode?: true;
  readonly defaultAccessKey?: true;
  readonly defaultBucket?: true;
  readonly acceptEmpty: readonly string[];
};

export function addServerCommand(
  program: Command,
  context: () => CliContext,
  exit: (code: number) => void,
): void {
  program
    .command('server')
    .description('run a node, in the foreground')
    .option('--single-node', 'give the node its first layout, if it has none')
    .option('--default-access-key', 'make the key of GARAGE_DEFAULT_ACCESS_KEY and …_SECRET_KEY')
    .option('--default-bucket', 'make the bucket of GARAGE_DEFAULT_BUCKET, and that key')
    .option(
      '--accept-empty <path>',
      'start although this directory is empty: its disk was really wiped; may be repeated',
      (path: string, before: readonly string[]) => [...before, path],
      [],
    )
    .action(async (flags: ServerFlags) => {
      const cli = context();
      const singleNode = flags.singleNode === true;
      const wantsBucket = flags.defaultBucket === true;
      const wantsKey = wantsBucket || flags.defaultAccessKey === true;
      if (wantsKey && !singleNode) {
        throw new CliError('--default-access-key and --default-bucket need --single-node.');
      }
      const config = configOfServer(cli, singleNode);
      const { serve, defaultBucketOf, defaultKeyOf } = await import('../serve.ts');
      const { variables } = cli.world;
      const options = {
        singleNode,
        acceptEmpty: flags.acceptEmpty,
        defaultKey: wantsKey
          ? given('GARAGE_DEFAULT_ACCESS_KEY', defaultKeyOf(variables))
          : undefined,
        defaultBucket: wantsBucket
          ? given('GARAGE_DEFAULT_BUCKET', defaultBucketOf(variables))
          : undefined,
      };
      exit(await serve(config, options));
    });
}

function given<Value>(name: string, value: Value | undefined): Value {
  if (value !== undefined) return value;
  throw new CliError(`The variable ${name} is not set: it says what the flag is to make.`);
}

/** A single node needs no file: where none is found, one is made in the working directory. */
function configOfServer(cli: CliContext, singleNode: boolean): Config {
  const loaded = cli.loadConfig();
  if (loaded.kind === 'loaded') return loaded.config;
  const { variables, directories, random } = cli.world;
  const [here] = directories;
  if (loaded.kind !== 'not-found' || !singleNode || here === undefined) {
    throw new CliError(explainUnloaded(loaded));
  }
  const data = variables['GARAGE_DATA'];
  const home = data === undefined || data === '' ? join(here, LOCAL_DIRECTORY) : data;
  const configPath = ensureLocalConfig(home, random);
  cli.tell([`Settings and data of this node: ${configPath}`]);
  const made = loadConfig({ configPath, flags: cli.flags, variables, directories });
  if (made.kind === 'loaded') return made.config;
  throw new CliError(explainUnloaded(made));
}
