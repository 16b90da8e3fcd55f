/**
 * Starts a server with a configuration that was read, or says why it may not start.
 *
 * Owns:          the rules that only a server has to keep; where the default key and bucket come
 *                from.
 * Knows:         the configuration, Garage's variables for the defaults, the node.
 * Must not know: the command line.
 */
import { problemsOfServer, type Config } from '../schemas/config.ts';
import { runServer } from './node.ts';
import type { Variables } from './secrets.ts';
import type { DefaultKey } from './single-node.ts';
import { StartRefusedError } from './start-refused.ts';

export type ServeOptions = {
  readonly singleNode: boolean;
  readonly defaultKey: DefaultKey | undefined;
  readonly defaultBucket: string | undefined;
  readonly acceptEmpty: readonly string[];
  readonly ready?: () => void;
};

/** Serves until it is told to stop; answers the exit code. Throws StartRefusedError. */
export async function serve(config: Config, options: ServeOptions): Promise<number> {
  const [problem] = problemsOfServer(config);
  if (problem !== undefined) throw new StartRefusedError(`${problem.path} ${problem.problem}.`);
  if (options.singleNode && !config.roles.includes('storage')) {
    throw new StartRefusedError('--single-node is for a node that stores: roles has no "storage".');
  }
  return runServer(config, options);
}

/** The key that the variables name; undefined when they name none. Throws StartRefusedError when
 *  there is only half of one. */
export function defaultKeyOf(variables: Variables): DefaultKey | undefined {
  const id = variables['GARAGE_DEFAULT_ACCESS_KEY'];
  const secret = variables['GARAGE_DEFAULT_SECRET_KEY'];
  if (id === undefined && secret === undefined) return undefined;
  if (id !== undefined && secret !== undefined) return { id, secret };
  throw new StartRefusedError(
    'GARAGE_DEFAULT_ACCESS_KEY and GARAGE_DEFAULT_SECRET_KEY belong together: set both.',
  );
}

export function defaultBucketOf(variables: Variables): string | undefined {
  return variables['GARAGE_DEFAULT_BUCKET'];
}
