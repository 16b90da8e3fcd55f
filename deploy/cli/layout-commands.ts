/**
 * `garage layout …`.
 *
 * Owns:          arguments; what `assign` keeps of the role a node has.
 * Knows:         commander, the admin operations by name.
 * Must not know: how anything is printed, how the node is reached.
 */
import type { Command } from 'commander';
import type {
  ClusterStatus,
  LayoutHistory,
  LayoutParameters,
  LayoutView,
  NodeRole,
  RoleChange,
} from '../../schemas/admin-types.ts';
import type { AppliedAnswer, PreviewAnswer, SkippedAnswer } from './api-answers.ts';
import type { CliContext } from './cli-context.ts';
import { CliError } from './cli-error.ts';
import { hasStagedChanges, layoutHistory, layoutShow, skippedNodes } from './layout-printer.ts';
import { collect, requireYes, sizeBytes, wholeNumber } from './parse-values.ts';

type Context = () => CliContext;

const STAGED = [
  'The changes are staged and change nothing yet.',
  'See what they would do with `garage layout show`; enact them with `garage layout apply`.',
];

export function addLayoutCommands(program: Command, context: Context): void {
  const layout = program.command('layout').description('which nodes there are and what they hold');
  addStagingCommands(layout, context);
  addShowCommands(layout, context);
  addEnactingCommands(layout, context);
}

export type AssignFlags = {
  readonly zone?: string;
  readonly capacity?: string;
  readonly gateway?: true;
  readonly tag?: readonly string[];
  readonly replace?: readonly string[];
};

function addStagingCommands(layout: Command, context: Context): void {
  layout
    .command('assign')
    .description('stage the role of nodes')
    .option('-z, --zone <zone>', 'where the node is')
    .option('-c, --capacity <size>', 'how much it may hold')
    .option('-g, --gateway', 'it holds nothing')
    .option('-t, --tag <tag>', 'a word to know it by; may be given several times', collect)
    .option('--replace <node>', 'it takes the place of this one; may be repeated', collect)
    .argument('<nodes...>', 'ids, or beginnings of ids')
    .action(async (nodes: readonly string[], flags: AssignFlags) => {
      const cli = context();
      const [status, current] = await Promise.all([
        cli.call<ClusterStatus>('GetClusterStatus'),
        cli.call<LayoutView>('GetClusterLayout'),
      ]);
      await stage(cli, { roles: assignedRoles({ nodes, flags, status, layout: current }) });
    });
  layout
    .command('remove')
    .description('stage the leaving of a node')
    .argument('<node>', 'id, or beginning of an id')
    .action(async (node: string) => {
      const cli = context();
      const current = await cli.call<LayoutView>('GetClusterLayout');
      const staged = current.stagedRoleChanges.map(change => change.id);
      const known = [...current.roles.map(role => role.id), ...staged];
      await stage(cli, { roles: [{ id: matchingNode(node, known), remove: true }] });
    });
  layout
    .command('config')
    .description('stage parameters of the layout')
    .option('-r, --redundancy <zones>', 'zones that hold a partition: a number, or max')
    .option('--replication-factor <copies>', 'copies of everything: 1, 2, 3, 5 or 7')
    .action(async (flags: ConfigFlags) => {
      const cli = context();
      const current = await cli.call<LayoutView>('GetClusterLayout');
      await stage(cli, { roles: [], parameters: wantedParameters(flags, current) });
    });
}

type ConfigFlags = { readonly redundancy?: string; readonly replicationFactor?: string };

/** What is not said stays as it is staged, or else as it is. */
function wantedParameters(
  { redundancy, replicationFactor }: ConfigFlags,
  { parameters, stagedParameters }: LayoutView,
): LayoutParameters {
  if (redundancy === undefined && replicationFactor === undefined) {
    throw new CliError('Say what is meant: --redundancy or --replication-factor.');
  }
  const zoneRedundancy =
    redundancy === undefined
      ? (stagedParameters ?? parameters).zoneRedundancy
      : ['max', 'maximum', 'none'].includes(redundancy)
        ? 'maximum'
        : { atLeast: wholeNumber(redundancy) };
  if (replicationFactor === undefined) return { zoneRedundancy };
  return { zoneRedundancy, replicationFactor: wholeNumber(replicationFactor) };
}

async function stage(cli: CliContext, change: unknown): Promise<void> {
  await cli.call('UpdateClusterLayout', change);
  cli.print(STAGED);
}

/** What `layout assign` stages: what is not said stays as it is staged, or else as it is. */
export function assignedRoles(request: {
  readonly nodes: readonly string[];
  readonly flags: AssignFlags;
  readonly status: ClusterStatus;
  readonly layout: LayoutView;
}): readonly RoleChange[] {
  const { nodes, flags, status, layout } = request;
  if (flags.capacity !== undefined && flags.gateway) {
    throw new CliError('A gateway has no capacity: give either --capacity or --gateway.');
  }
  const inLayout = layout.roles.map(role => role.id);
  const staged = layout.stagedRoleChanges.map(change => change.id);
  const known = [...status.nodes.map(node => node.id), ...inLayout, ...staged];
  const replaced = (flags.replace ?? []).map(node => matchingNode(node, inLayout));
  const assigned = nodes.map(node => {
    const id = matchingNode(node, known);
    return { id, ...changedRole(id, flags, roleOf(layout, id)) };
  });
  return [...replaced.map(id => ({ id, remove: true }) as const), ...assigned];
}

function roleOf(layout: LayoutView, id: string): NodeRole | undefined {
  const staged = layout.stagedRoleChanges.find(change => change.id === id);
  if (staged !== undefined) return 'remove' in staged ? undefined : staged;
  return layout.roles.find(role => role.id === id);
}

function changedRole(id: string, flags: AssignFlags, role: NodeRole | undefined): NodeRole {
  const short = id.slice(0, 16);
  const zone = flags.zone ?? role?.zone;
  if (zone === undefined) throw new CliError(`Node ${short} is new: give its zone with --zone.`);
  const capacity = flags.gateway
    ? null
    : flags.capacity === undefined
      ? role?.capacity
      : sizeBytes(flags.capacity);
  if (capacity === undefined) {
    throw new CliError(`Node ${short} is new: give its --capacity, or make it a --gateway.`);
  }
  return { zone, capacity, tags: flags.tag ?? role?.tags ?? [] };
}

/** The only id that begins so; `@address`, as `garage node id` prints it, may follow. */
export function matchingNode(text: string, known: readonly string[]): string {
  const beginning = text.replace(/@.*$/, '').toLowerCase();
  const matches = [...new Set(known)].filter(id => id.startsWith(beginning));
  const [only] = matches;
  if (only !== undefined && matches.length === 1 && beginning !== '') return only;
  throw new CliError(
    matches.length === 0
      ? `No node's id begins with ${text}: \`garage status\` lists the nodes.`
      : `${String(matches.length)} nodes match ${text}: give more of the id.`,
  );
}

function addShowCommands(layout: Command, context: Context): void {
  layout
    .command('show')
    .description('show the layout, and what is staged')
    .action(async () => {
      const cli = context();
      const current = await cli.call<LayoutView>('GetClusterLayout');
      const preview = hasStagedChanges(current)
        ? await cli.call<PreviewAnswer>('PreviewClusterLayoutChanges')
        : undefined;
      cli.print(layoutShow(current, preview));
    });
  layout
    .command('history')
    .description('show the versions that are in use')
    .action(async () => {
      const cli = context();
      cli.print(layoutHistory(await cli.call<LayoutHistory>('GetClusterLayoutHistory')));
    });
}

function addEnactingCommands(layout: Command, context: Context): void {
  layout
    .command('apply')
    .description('enact what is staged')
    .option('--version <number>', 'the version that comes of it')
    .action(async ({ version }: { version?: string }) => {
      const cli = context();
      if (version === undefined) throw new CliError(await explainVersion(cli));
      const params = { version: wholeNumber(version) };
      const { message } = await cli.call<AppliedAnswer>('ApplyClusterLayout', params);
      cli.print([...message, '', 'The new layout is in force; nodes move their data accordingly.']);
    });
  layout
    .command('revert')
    .description('drop what is staged')
    .option('--yes', 'really do it')
    .action(async ({ yes }: { yes?: true }) => {
      requireYes(yes, 'drop all staged changes');
      const cli = context();
      await cli.call('RevertClusterLayout');
      cli.print(['The staged changes were dropped.']);
    });
  addSkipping(layout, context);
}

function addSkipping(layout: Command, context: Context): void {
  layout
    .command('skip-dead-nodes')
    .description('have a change of layout go on without nodes that are dead')
    .option('--version <number>', 'the version that is to go on')
    .option('--allow-missing-data', 'even where data may be lost, or read that are out of date')
    .action(async (flags: { version?: string; allowMissingData?: true }) => {
      const cli = context();
      if (flags.version === undefined) throw new CliError(await explainSkipping(cli));
      const answer = await cli.call<SkippedAnswer>('ClusterLayoutSkipDeadNodes', {
        version: wholeNumber(flags.version),
        allowMissingData: flags.allowMissingData ?? false,
      });
      cli.print(skippedNodes(answer));
      if (answer.ackUpdated.length + answer.syncUpdated.length === 0) {
        throw new CliError('No node was skipped: none that is waited for is dead.');
      }
    });
}

async function explainSkipping(cli: CliContext): Promise<string> {
  const { currentVersion } = await cli.call<LayoutHistory>('GetClusterLayoutHistory');
  return (
    'Nodes that are only away for a while need not be skipped. Look at `garage status` and ' +
    `\`garage layout history\`, then add --version ${String(currentVersion)}.`
  );
}

async function explainVersion(cli: CliContext): Promise<string> {
  const { version } = await cli.call<LayoutView>('GetClusterLayout');
  return (
    'The version is asked for so that what you saw is what you get: look at ' +
    `\`garage layout show\`, then add --version ${String(version + 1)}.`
  );
}
