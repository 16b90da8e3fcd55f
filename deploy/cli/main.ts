/**
 * The `garage` command.
 *
 * Owns:          the flags before a command, exit codes, how errors are printed.
 * Knows:         commander, and where each command is declared.
 * Must not know: what any command does.
 *
 * `-h` is the address of a node and not help, as with Garage. Flags before the command belong to
 * all commands, flags after it to that one: `-c` means the file in the one place, and a capacity in
 * the other.
 */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { Command, CommanderError } from 'commander';
import { realEnvironment } from '../real-environment.ts';
import { GARAGE_VERSION } from '../version.ts';
import { addBucketCommands } from './bucket-commands.ts';
import { CliContext, type CliWorld, type GlobalFlags } from './cli-context.ts';
import { addClusterCommands } from './cluster-commands.ts';
import { addKeyCommands } from './key-commands.ts';
import { addLayoutCommands } from './layout-commands.ts';
import { addServerCommand } from './server-command.ts';
import { addWorkerCommands } from './worker-commands.ts';

/** Runs one command; `argv` is what follows the command's name. Answers the exit code. */
export async function main(argv: readonly string[]): Promise<number> {
  process.stdout.on('error', ignoreClosedPipe);
  process.stderr.on('error', ignoreClosedPipe);
  return runCommand(argv, realWorld());
}

/** `garage … | head` has read enough: that is no failure of the command. */
function ignoreClosedPipe(error: Error): void {
  if (!('code' in error) || error.code !== 'EPIPE') throw error;
}

const STANDARD_INPUT = 0;
/** deploy/cli/main.js lies in dist/, which lies in the clone. */
const CLONE_URL = new URL('../../..', import.meta.url);

function realWorld(): CliWorld {
  return {
    variables: process.env,
    directories: [process.cwd(), fileURLToPath(CLONE_URL)],
    random: realEnvironment.random,
    nowMs: () => realEnvironment.clock.wallMs(),
    print: line => {
      process.stdout.write(`${line}\n`);
    },
    tell: line => {
      process.stderr.write(`${line}\n`);
    },
    readInput: () => readFileSync(STANDARD_INPUT, 'utf8'),
  };
}

export async function runCommand(argv: readonly string[], world: CliWorld): Promise<number> {
  let exitCode = 0;
  const program = commandTree(world, code => {
    exitCode = code;
  });
  try {
    await program.parseAsync(argv, { from: 'user' });
    return exitCode;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 1;
    world.tell(`Error: ${error instanceof Error ? error.message : String(error)}`);
    return 1;
  }
}

function commandTree(world: CliWorld, exit: (code: number) => void): Command {
  const program = new Command('garage');
  program
    .description('S3-compatible object store for several sites')
    .version(`garage ${GARAGE_VERSION} [features: s3, web, admin]`, '--version')
    .helpOption('--help', 'show this help')
    .helpCommand('help [command]', 'show the help of a command')
    .enablePositionalOptions()
    .exitOverride()
    .configureOutput({
      writeOut: text => {
        world.print(text.trimEnd());
      },
      writeErr: text => {
        world.tell(text.trimEnd());
      },
      outputError: (text, write) => {
        write(text.replace(/^error: /, 'Error: '));
      },
    });
  addGlobalOptions(program);
  const context = (): CliContext => new CliContext(world, program.opts<GlobalFlags>());
  addServerCommand(program, context, exit);
  addClusterCommands(program, context, exit);
  addLayoutCommands(program, context);
  addBucketCommands(program, context);
  addKeyCommands(program, context);
  addWorkerCommands(program, context);
  return program;
}

function addGlobalOptions(program: Command): void {
  program
    .option('-c, --config <path>', 'configuration file (GARAGE_CONFIG_FILE)')
    .option('-h, --rpc-host <node>', 'node to ask, as <id>@host:port (GARAGE_RPC_HOST)')
    .option('-s, --rpc-secret <secret>', 'secret of the cluster (GARAGE_RPC_SECRET)')
    .option('--rpc-secret-file <path>', 'file that holds it (GARAGE_RPC_SECRET_FILE)')
    .option('--admin-token <token>', 'token of the admin API (GARAGE_ADMIN_TOKEN)')
    .option('--admin-token-file <path>', 'file that holds it (GARAGE_ADMIN_TOKEN_FILE)')
    .option('--metrics-token <token>', 'token of the metrics (GARAGE_METRICS_TOKEN)')
    .option('--metrics-token-file <path>', 'file that holds it (GARAGE_METRICS_TOKEN_FILE)')
    .option('--allow-world-readable-secrets', 'take secret files that others can read');
}
