/**
 * Finds each secret where its owner put it: flag, variable, file or configuration.
 *
 * Owns:          the precedence, the rule "one place per level", the check of file modes.
 * Knows:         the names of Garage's flags, variables and keys.
 * Must not know: what the secrets open.
 *
 * A secret file that others may read is refused: it is most often a mistake, and once it was read
 * by somebody nothing repairs it.
 */
import { readFileSync, statSync } from 'node:fs';
import { isTable, type ConfigProblem } from '../schemas/config-reader.ts';
import type { ConfigSecrets } from '../schemas/config.ts';

/** Flags given before or after the command, as text. */
export type SecretFlags = {
  readonly rpcSecret?: string;
  readonly rpcSecretFile?: string;
  readonly adminToken?: string;
  readonly adminTokenFile?: string;
  readonly metricsToken?: string;
  readonly metricsTokenFile?: string;
  readonly allowWorldReadableSecrets?: boolean;
};

export type Variables = Readonly<Record<string, string | undefined>>;

type Place = {
  /** How the place is called in a problem. */
  readonly name: string;
  readonly value: string | undefined;
  readonly file: string | undefined;
};

type Finder = {
  readonly mayBeWorldReadable: boolean;
  readonly problems: ConfigProblem[];
};

const OTHERS_BITS = 0o077;

/** The secrets, and what is wrong with where they are kept. `raw` is the decoded file, or empty. */
export function findSecrets(request: {
  readonly flags: SecretFlags;
  readonly variables: Variables;
  readonly raw: Readonly<Record<string, unknown>>;
}): { readonly secrets: ConfigSecrets; readonly problems: readonly ConfigProblem[] } {
  const { flags, variables, raw } = request;
  const admin = isTable(raw['admin']) ? raw['admin'] : {};
  const finder: Finder = {
    mayBeWorldReadable:
      flags.allowWorldReadableSecrets === true ||
      isTrue(variables['GARAGE_ALLOW_WORLD_READABLE_SECRETS']) ||
      raw['allow_world_readable_secrets'] === true,
    problems: [],
  };
  const { problems } = finder;
  const inFile = (
    table: Readonly<Record<string, unknown>>,
    prefix: string,
    key: string,
  ): Place => ({
    name: `${prefix}${key}`,
    value: textOf(table[key], `${prefix}${key}`, problems),
    file: textOf(table[`${key}_file`], `${prefix}${key}_file`, problems),
  });
  const given = (name: string, value: string | undefined, file: string | undefined): Place => ({
    name: name.toLowerCase(),
    value: value ?? variables[`GARAGE_${name}`],
    file: file ?? variables[`GARAGE_${name}_FILE`],
  });
  const secrets = {
    rpcSecret: pick(finder, [
      given('RPC_SECRET', flags.rpcSecret, flags.rpcSecretFile),
      inFile(raw, '', 'rpc_secret'),
    ]),
    adminToken: pick(finder, [
      given('ADMIN_TOKEN', flags.adminToken, flags.adminTokenFile),
      inFile(admin, 'admin.', 'admin_token'),
    ]),
    metricsToken: pick(finder, [
      given('METRICS_TOKEN', flags.metricsToken, flags.metricsTokenFile),
      inFile(admin, 'admin.', 'metrics_token'),
    ]),
  };
  return { secrets, problems };
}

/** The value of the first place that has one; places with two are problems wherever they are. */
function pick(finder: Finder, places: readonly Place[]): string | undefined {
  for (const { name, value, file } of places) {
    if (value !== undefined && file !== undefined) {
      finder.problems.push({
        path: name,
        problem: `only one of ${name} and ${name}_file may be set`,
      });
    }
  }
  const place = places.find(({ value, file }) => value !== undefined || file !== undefined);
  if (place === undefined) return undefined;
  const { name, value, file } = place;
  if (file !== undefined) return readSecret(finder, `${name}_file`, file);
  if (value?.trim() !== '') return value;
  finder.problems.push({ path: name, problem: 'must not be empty' });
  return undefined;
}

function readSecret(finder: Finder, path: string, file: string): string | undefined {
  try {
    const isOpen = (statSync(file).mode & OTHERS_BITS) !== 0;
    if (isOpen && !finder.mayBeWorldReadable) {
      finder.problems.push({ path, problem: `can be read by others: chmod 600 ${file}` });
      return undefined;
    }
    const secret = readFileSync(file, 'utf8').trimEnd();
    if (secret !== '') return secret;
    finder.problems.push({ path, problem: `names an empty file: ${file}` });
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    finder.problems.push({ path, problem: `cannot be read: ${reason}` });
  }
  return undefined;
}

function textOf(value: unknown, path: string, problems: ConfigProblem[]): string | undefined {
  if (value === undefined || typeof value === 'string') return value;
  problems.push({ path, problem: 'must be a text' });
  return undefined;
}

function isTrue(text: string | undefined): boolean {
  return text === 'true' || text === '1';
}
