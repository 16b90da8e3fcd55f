/**
 * `garage worker …` and `garage repair …`.
 *
 * Owns:          arguments, and which operations each command is.
 * Knows:         commander, the admin operations by name.
 * Must not know: how anything is printed, what workers do.
 */
import type { Command } from 'commander';
import type { WorkerVariables, WorkerView } from '../../schemas/node-work.ts';
import type { NodesAnswer } from './api-answers.ts';
import type { CliContext } from './cli-context.ts';
import { CliError } from './cli-error.ts';
import { requireYes, wholeNumber } from './parse-values.ts';
import { nodeResults, variableTable, workerInfo, workerList } from './worker-printer.ts';

type Context = () => CliContext;

export function addWorkerCommands(program: Command, context: Context): void {
  const worker = program.command('worker').description('what a node does in the background');
  addListing(worker, context);
  addVariables(worker, context);
  addRepair(program, context);
}

function addListing(worker: Command, context: Context): void {
  worker
    .command('list')
    .description('list the workers of this node')
    .option('-b, --busy', 'those that work')
    .option('-e, --errors', 'those that have errors')
    .action(async ({ busy, errors }: { busy?: true; errors?: true }) => {
      const cli = context();
      const body = { busyOnly: busy ?? false, errorOnly: errors ?? false };
      const nodes = await cli.call<NodesAnswer<readonly WorkerView[]>>('ListWorkers', {
        ...{ node: 'self', body },
      });
      cli.print(workerList(only(nodes)));
    });
  worker
    .command('info')
    .description('show one worker of this node')
    .argument('<tid>', 'its number, as `garage worker list` shows it')
    .action(async (tid: string) => {
      const cli = context();
      const body = { id: wholeNumber(tid) };
      const nodes = await cli.call<NodesAnswer<WorkerView>>('GetWorkerInfo', {
        node: 'self',
        body,
      });
      cli.print(workerInfo(only(nodes)));
    });
}

/** The answer of the one node that was asked. */
function only<Value>({ success, error }: NodesAnswer<Value>): Value {
  const [value] = Object.values(success);
  if (value !== undefined) return value;
  throw new CliError(Object.values(error)[0] ?? 'The node did not answer.');
}

function addVariables(worker: Command, context: Context): void {
  worker
    .command('get')
    .description('show the variables of workers')
    .option('-a, --all-nodes', 'of all nodes')
    .argument('[variable]', 'its name; all of them without it')
    .action(async (variable: string | undefined, { allNodes }: { allNodes?: true }) => {
      const cli = context();
      const params = { node: allNodes ? '*' : 'self', body: { variable: variable ?? null } };
      printVariables(cli, await cli.call('GetWorkerVariable', params));
    });
  worker
    .command('set')
    .description('set a variable of workers')
    .option('-a, --all-nodes', 'on all nodes')
    .argument('<variable>', 'its name')
    .argument('<value>', 'its new value')
    .action(async (variable: string, value: string, { allNodes }: { allNodes?: true }) => {
      const cli = context();
      const params = { node: allNodes ? '*' : 'self', body: { variable, value } };
      type Set = { readonly variable: string; readonly value: string };
      const { success, error } = await cli.call<NodesAnswer<Set>>('SetWorkerVariable', params);
      const set = Object.entries(success).map(([id, answer]): [string, WorkerVariables] => [
        id,
        { [answer.variable]: answer.value },
      ]);
      printVariables(cli, { success: Object.fromEntries(set), error });
    });
}

function printVariables(cli: CliContext, nodes: NodesAnswer<WorkerVariables>): void {
  cli.print(variableTable(nodes));
  const errors = Object.entries(nodes.error);
  if (errors.length === 0) return;
  const lines = errors.map(([id, message]) => `${id.slice(0, 16)}: ${message}`);
  throw new CliError(lines.join('\n'));
}

/** The word of the command, and the name of the repair in the API. */
const REPAIRS: ReadonlyMap<string, string> = new Map([
  ['tables', 'tables'],
  ['blocks', 'blocks'],
  ['versions', 'versions'],
  ['mpu', 'multipartUploads'],
  ['block-refs', 'blockRefs'],
  ['block-rc', 'blockRc'],
  ['rebalance', 'rebalance'],
  ['aliases', 'aliases'],
  ['clear-resync-queue', 'clearResyncQueue'],
]);

type RepairFlags = { readonly yes?: true; readonly allNodes?: true };

function addRepair(program: Command, context: Context): void {
  const repair = program
    .command('repair')
    .description('have nodes put right what they keep')
    .option('-a, --all-nodes', 'on all nodes')
    .option('--yes', 'really do it');
  const flags = (): RepairFlags => repair.opts<RepairFlags>();
  for (const [word, repairType] of REPAIRS) {
    repair.command(word).action(async () => {
      const { yes, allNodes } = flags();
      requireYes(yes, 'launch a repair');
      await launch(context(), allNodes, repairType);
    });
  }
  const scrub = repair.command('scrub').description('reading all block files again');
  for (const command of ['start', 'pause', 'resume', 'cancel']) {
    scrub.command(command).action(async () => {
      await launch(context(), flags().allNodes, { scrub: command });
    });
  }
  scrub
    .command('status')
    .description('how far it is, and what it found')
    .action(() => printScrub(context(), flags().allNodes));
}

async function launch(
  cli: CliContext,
  allNodes: true | undefined,
  repairType: unknown,
): Promise<void> {
  const params = { node: allNodes ? '*' : 'self', body: { repairType } };
  const nodes = await cli.call<NodesAnswer<null>>('LaunchRepairOperation', params);
  cli.print(nodeResults(nodes, 'Repair launched'));
}

async function printScrub(cli: CliContext, allNodes: true | undefined): Promise<void> {
  const node = allNodes ? '*' : 'self';
  const [variables, workers] = await Promise.all([
    cli.call<NodesAnswer<WorkerVariables>>('GetWorkerVariable', { node, body: {} }),
    cli.call<NodesAnswer<readonly WorkerView[]>>('ListWorkers', { node, body: {} }),
  ]);
  for (const [id, list] of Object.entries(workers.success)) {
    const scrub = list.find(worker => worker.name === 'Block scrub worker');
    if (scrub === undefined) continue;
    cli.print([`==== NODE [${id.slice(0, 16)}] ====`, ...workerInfo(scrub)]);
    const own = Object.entries(variables.success[id] ?? {});
    const about = Object.fromEntries(own.filter(([name]) => name.startsWith('scrub-')));
    cli.print(variableTable({ success: { [id]: about }, error: {} }));
  }
  const failed = { ...variables.error, ...workers.error };
  if (Object.keys(failed).length > 0) cli.print(nodeResults({ success: {}, error: failed }, ''));
}
