/**
 * `garage status`, `health`, `stats`, `node …` and `json-api`.
 *
 * Owns:          arguments, and which operations each command is.
 * Knows:         commander, the admin operations by name.
 * Must not know: how anything is printed, how the node is reached.
 */
import type { Command } from 'commander';
import { NATS_USER, natsPassword } from '../../bus/nats-password.ts';
import type {
  ClusterHealth,
  ClusterStatus,
  LayoutHistory,
  LayoutView,
} from '../../schemas/admin-types.ts';
import { readNodeId } from '../node-identity.ts';
import type { AppliedAnswer, NodesAnswer } from './api-answers.ts';
import { SHORT_ID } from './bucket-printer.ts';
import type { CliContext } from './cli-context.ts';
import { CliError } from './cli-error.ts';
import { matchingNode } from './layout-commands.ts';
import { statusAdvice } from './status-advice.ts';
import { clusterHealth, clusterStatus } from './status-printer.ts';

type Context = () => CliContext;
/** How a command tells another exit code than success. */
type Exit = (code: number) => void;

export function addClusterCommands(program: Command, context: Context, exit: Exit): void {
  addStatusCommands(program, context, exit);
  addNodeCommands(program, context);
  addApiCommand(program, context);
}

function addStatusCommands(program: Command, context: Context, exit: Exit): void {
  program
    .command('status')
    .description('show the nodes')
    .action(async () => {
      const cli = context();
      const [status, layout, health, history] = await Promise.all([
        cli.call<ClusterStatus>('GetClusterStatus'),
        cli.call<LayoutView>('GetClusterLayout'),
        cli.call<ClusterHealth>('GetClusterHealth'),
        cli.call<LayoutHistory>('GetClusterLayoutHistory'),
      ]);
      cli.print(clusterStatus(status, layout));
      cli.print(statusAdvice({ status, layout, health, history }));
    });
  program
    .command('health')
    .description('show whether the cluster can serve; exits with 1 when it cannot')
    .option('-q, --quiet', 'print nothing')
    .action(async ({ quiet }: { quiet?: true }) => {
      const cli = context();
      const health = await cli.call<ClusterHealth>('GetClusterHealth');
      if (!quiet) cli.print(clusterHealth(health));
      if (health.status === 'unavailable') exit(1);
    });
  program
    .command('stats')
    .description('show what nodes and cluster hold')
    .option('-a, --all-nodes', 'of all nodes')
    .action(async ({ allNodes }: { allNodes?: true }) => {
      await printStatistics(context(), allNodes ? '*' : 'self');
    });
}

type Freeform = { readonly freeform: string };

async function printStatistics(cli: CliContext, node: string): Promise<void> {
  const nodes = await cli.call<NodesAnswer<Freeform>>('GetNodeStatistics', { node });
  for (const [id, { freeform }] of Object.entries(nodes.success)) {
    cli.print([`==== NODE [${id.slice(0, SHORT_ID)}] ====`, freeform]);
  }
  for (const [id, message] of Object.entries(nodes.error)) {
    cli.print([`==== NODE [${id.slice(0, SHORT_ID)}] ====`, `Error: ${message}`]);
  }
  const { freeform } = await cli.call<Freeform>('GetClusterStatistics');
  cli.print(['==== CLUSTER STATISTICS ====', freeform]);
}

function addNodeCommands(program: Command, context: Context): void {
  const node = program.command('node').description('the identity of nodes');
  node
    .command('id')
    .description('print the id of this node; works while it does not run')
    .option('-q, --quiet', 'print nothing else')
    .action(({ quiet }: { quiet?: true }) => {
      printNodeId(context(), quiet ? 'quiet' : 'explained');
    });
  addNatsPassword(node, context);
  addNodeReplace(node, context);
  node
    .command('connect')
    .description('explains how nodes meet')
    .argument('<node>', 'id@address')
    .action(async (address: string) => {
      const [answer] = await context().call<readonly { success: boolean; error?: string }[]>(
        'ConnectClusterNodes',
        [address],
      );
      throw new CliError(`${answer?.error ?? 'The node did not say why'}.`);
    });
}

function addNodeReplace(node: Command, context: Context): void {
  node
    .command('replace')
    .description('have a new node take the place of one that is dead; in force at once')
    .argument('<old>', 'the node that is gone: id, or beginning of an id')
    .argument('<new>', 'the node that is to hold what it held')
    .option('--allow-missing-data', 'even where data may be lost, or read that are out of date')
    .action(async (old: string, by: string, flags: { allowMissingData?: true }) => {
      const cli = context();
      const [status, layout] = await Promise.all([
        cli.call<ClusterStatus>('GetClusterStatus'),
        cli.call<LayoutView>('GetClusterLayout'),
      ]);
      const roles = layout.roles.map(role => role.id);
      const { message } = await cli.call<AppliedAnswer>('ReplaceClusterNode', {
        old: matchingNode(old, roles),
        new: matchingNode(
          by,
          status.nodes.map(known => known.id),
        ),
        allowMissingData: flags.allowMissingData ?? false,
      });
      cli.print([
        ...message,
        '',
        'The new node is in the layout and gets its data now; `garage status` shows what is left.',
      ]);
    });
}

/** For the nats-servers' own file; with nkeys it is not needed. */
function addNatsPassword(node: Command, context: Context): void {
  node
    .command('nats-password')
    .description(`print the password of the NATS user "${NATS_USER}", made of rpc_secret`)
    .action(() => {
      const cli = context();
      cli.print([natsPassword(cli.rpcSecret())]);
    });
}

function printNodeId(cli: CliContext, manner: 'quiet' | 'explained'): void {
  const { metadataDir, rpcPublicAddress } = cli.config();
  const id = readNodeId(metadataDir);
  if (id === undefined) {
    throw new CliError(`There is no node yet in ${metadataDir}: start it with \`garage server\`.`);
  }
  cli.print([rpcPublicAddress === undefined ? id : `${id}@${rpcPublicAddress}`]);
  if (manner === 'quiet') return;
  cli.tell(
    rpcPublicAddress === undefined
      ? ['', 'This is the id alone: set rpc_public_addr to have an address printed with it.']
      : ['', `From another machine, reach this node with \`garage -h ${id}@${rpcPublicAddress}\`.`],
  );
}

function addApiCommand(program: Command, context: Context): void {
  program
    .command('json-api')
    .description('call an operation of the admin API')
    .argument('<endpoint>', 'its name, as GetClusterStatus')
    .argument('[payload]', 'its parameters in JSON; - reads them from standard input', 'null')
    .action(async (endpoint: string, payload: string) => {
      const cli = context();
      const params = parseJson(payload === '-' ? cli.world.readInput() : payload);
      const answer = await cli.call<unknown>(endpoint, params);
      cli.print([JSON.stringify(sorted(answer), undefined, 2)]);
    });
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new CliError(`The payload is not JSON: ${reason}`);
  }
}

/** Fields in alphabetical order, as Garage prints them. */
function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== 'object' || value === null) return value;
  const fields = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(fields.map(([name, inner]) => [name, sorted(inner)]));
}
