/**
 * What every command is handed: the flags before it, a way to print, a way to the node.
 *
 * Owns:          which node is asked and with which secret.
 * Knows:         the configuration file, the node's directory, the control client.
 * Must not know: commands.
 */
import type { Randomness } from '../../schemas/environment.ts';
import type { ListenAddress } from '../../schemas/config-reader.ts';
import type { Config } from '../../schemas/config.ts';
import { explainUnloaded, loadConfig, type LoadedConfig } from '../config-file.ts';
import { readNodeId, readRpcSecret } from '../node-identity.ts';
import { findSecrets, type SecretFlags, type Variables } from '../secrets.ts';
import { CliError } from './cli-error.ts';
import { callControl, type ControlTarget } from './control-client.ts';

export type GlobalFlags = SecretFlags & {
  readonly config?: string;
  readonly rpcHost?: string;
};

/** What the command has of the world around it. */
export type CliWorld = {
  readonly variables: Variables;
  /** Where `.garage/garage.toml` is looked for. */
  readonly directories: readonly string[];
  readonly random: Randomness;
  readonly nowMs: () => number;
  /** One line to standard output. */
  readonly print: (line: string) => void;
  /** One line to standard error. */
  readonly tell: (line: string) => void;
  readonly readInput: () => string;
};

export class CliContext {
  readonly world: CliWorld;
  readonly flags: GlobalFlags;
  #target: ControlTarget | undefined;

  constructor(world: CliWorld, flags: GlobalFlags) {
    this.world = world;
    this.flags = flags;
  }

  print(lines: readonly string[]): void {
    for (const line of lines) this.world.print(line);
  }

  tell(lines: readonly string[]): void {
    for (const line of lines) this.world.tell(line);
  }

  loadConfig(): LoadedConfig {
    return loadConfig({
      configPath: this.flags.config,
      flags: this.flags,
      variables: this.world.variables,
      directories: this.world.directories,
    });
  }

  config(): Config {
    const loaded = this.loadConfig();
    if (loaded.kind === 'loaded') return loaded.config;
    throw new CliError(explainUnloaded(loaded));
  }

  /** Asks the node; the answer is of the type that the operation promises. Throws CliError. */
  async call<Answer>(operation: string, params: unknown = null): Promise<Answer> {
    this.#target ??= this.#findTarget();
    return (await callControl(this.#target, { operation, params }, this.world.random)) as Answer;
  }

  #findTarget(): ControlTarget {
    const rpcHost = this.flags.rpcHost ?? this.world.variables['GARAGE_RPC_HOST'];
    const named = rpcHost === undefined ? undefined : parseRpcHost(rpcHost);
    const given = this.#givenSecret();
    // With both given the command needs no file, as from another machine.
    if (named !== undefined && given !== undefined) return { ...named, rpcSecret: given };
    const config = this.config();
    const rpcSecret = secretOf(config);
    if (named !== undefined) return { ...named, rpcSecret };
    return { address: config.controlBind, nodeId: readNodeId(config.metadataDir), rpcSecret };
  }

  /** The secret that was given with the command, or else that of the configuration. */
  rpcSecret(): string {
    return this.#givenSecret() ?? secretOf(this.config());
  }

  #givenSecret(): string | undefined {
    const { secrets, problems } = findSecrets({
      flags: this.flags,
      variables: this.world.variables,
      raw: {},
    });
    const [problem] = problems;
    if (problem !== undefined) throw new CliError(`${problem.path}: ${problem.problem}`);
    const secret = secrets.rpcSecret?.toLowerCase();
    if (secret === undefined || /^[0-9a-f]{64}$/.test(secret)) return secret;
    throw new CliError('The rpc_secret must be 64 hex digits.');
  }
}

function secretOf({ rpcSecret, metadataDir }: Config): string {
  const secret = rpcSecret ?? readRpcSecret(metadataDir);
  if (secret !== undefined) return secret;
  throw new CliError(
    `There is no rpc_secret yet in ${metadataDir}: start \`garage server\` first.`,
  );
}

/** `<node id>@host:port`; the id, or its beginning, may be missing. */
export function parseRpcHost(text: string): {
  readonly address: ListenAddress;
  readonly nodeId: string | undefined;
} {
  const match = /^(?:([0-9a-fA-F]{1,64})@)?(?:\[([^\]]+)\]|([^:@]+)):(\d{1,5})$/.exec(text);
  const port = Number(match?.[4]);
  const host = match?.[2] ?? match?.[3];
  if (host === undefined || port < 1 || port > 65_535) {
    throw new CliError(`${text} is no address of a node: it looks like <node id>@host:3901.`);
  }
  return { address: { kind: 'tcp', host, port }, nodeId: match?.[1]?.toLowerCase() };
}
