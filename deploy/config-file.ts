/**
 * Finds and reads `garage.toml`.
 *
 * Owns:          where the file is looked for, the TOML, the sentence about a bad file.
 * Knows:         the file system and the variables it is handed.
 * Must not know: what a key means: schemas/config.ts does.
 */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse, TomlError } from 'smol-toml';
import type { ConfigProblem } from '../schemas/config-reader.ts';
import { checkConfig, type Config } from '../schemas/config.ts';
import { findSecrets, type SecretFlags, type Variables } from './secrets.ts';

export type ConfigRequest = {
  /** `-c`; undefined: look for it. */
  readonly configPath: string | undefined;
  readonly flags: SecretFlags;
  readonly variables: Variables;
  /** Directories that may hold `.garage/garage.toml`: where one stands, and the clone. */
  readonly directories: readonly string[];
};

export type LoadedConfig =
  | { readonly kind: 'loaded'; readonly path: string; readonly config: Config }
  | {
      readonly kind: 'invalid';
      readonly path: string;
      readonly problems: readonly ConfigProblem[];
    }
  | { readonly kind: 'unreadable'; readonly path: string; readonly reason: string }
  | { readonly kind: 'not-found'; readonly lookedAt: readonly string[] };

export const SYSTEM_CONFIG_PATH = '/etc/garage.toml';
export const CONFIG_FILE_NAME = 'garage.toml';
export const LOCAL_DIRECTORY = '.garage';

export function loadConfig(request: ConfigRequest): LoadedConfig {
  const candidates = candidatePaths(request);
  const path = request.configPath ?? candidates.find(candidate => existsSync(candidate));
  if (path === undefined) return { kind: 'not-found', lookedAt: candidates };
  return readConfig(path, request);
}

/** Named by the operator, of the machine, of where one stands: the first that is there counts. */
function candidatePaths({ variables, directories }: ConfigRequest): readonly string[] {
  const named = variables['GARAGE_CONFIG_FILE'];
  // A file that was named must not be passed over for another one because it is missing.
  if (named !== undefined && named !== '') return [named];
  const data = variables['GARAGE_DATA'];
  return [
    ...(data === undefined || data === '' ? [] : [join(data, CONFIG_FILE_NAME)]),
    SYSTEM_CONFIG_PATH,
    ...directories.map(directory => join(directory, LOCAL_DIRECTORY, CONFIG_FILE_NAME)),
  ];
}

function readConfig(path: string, request: ConfigRequest): LoadedConfig {
  let raw: Record<string, unknown>;
  try {
    raw = parse(readFileSync(path, 'utf8'));
  } catch (error) {
    return { kind: 'unreadable', path, reason: reasonOf(error) };
  }
  const { secrets, problems } = findSecrets({
    flags: request.flags,
    variables: request.variables,
    raw,
  });
  const checked = checkConfig(raw, secrets);
  const all = [...problems, ...(checked.kind === 'invalid' ? checked.problems : [])];
  if (checked.kind === 'valid' && all.length === 0) {
    return { kind: 'loaded', path, config: checked.config };
  }
  return { kind: 'invalid', path, problems: all };
}

function reasonOf(error: unknown): string {
  if (error instanceof TomlError) {
    const [firstLine = ''] = error.message.split('\n');
    return `${firstLine} (line ${String(error.line)}, column ${String(error.column)})`;
  }
  return error instanceof Error ? error.message : String(error);
}

/** The sentence, and one line for each problem. */
export function explainUnloaded(result: Exclude<LoadedConfig, { kind: 'loaded' }>): string {
  switch (result.kind) {
    case 'invalid':
      return [
        `${result.path} has ${countOf(result.problems.length)}:`,
        ...result.problems.map(({ path, problem }) => `  ${path}: ${problem}`),
      ].join('\n');
    case 'unreadable':
      return `${result.path} cannot be read: ${result.reason}`;
    case 'not-found':
      return `No configuration file at ${result.lookedAt.join(', ')}; name one with -c FILE.`;
  }
}

function countOf(problems: number): string {
  return problems === 1 ? 'a problem' : `${String(problems)} problems`;
}
