/**
 * Reads one table of a configuration file key by key, and remembers everything that is wrong.
 *
 * Owns:          the list of problems, each with the path of its key; which keys nobody asked for.
 * Knows:         the shapes of values: texts, sizes, addresses, networks.
 * Must not know: which keys exist and what they mean.
 *
 * A reader never stops at a fault: it notes it and hands out the default, so that an operator sees
 * all problems of a file at once. What it returned is only worth something if no problem was noted.
 */
import { parseDurationMs, parseSize } from './units.ts';

export type ConfigProblem = {
  /** As in the file: `s3_api.api_bind_addr`, `data_dir[1].capacity`. */
  readonly path: string;
  readonly problem: string;
};

/** Where a door listens. */
export type ListenAddress =
  | { readonly kind: 'tcp'; readonly host: string; readonly port: number }
  | { readonly kind: 'unix'; readonly path: string };

type Table = Readonly<Record<string, unknown>>;
/** The value, or what is wrong with it. */
type Parsed<Value> = { readonly value: Value } | { readonly problem: string };

/** What all readers of one file share. */
export type ConfigFindings = {
  readonly problems: ConfigProblem[];
  /** Paths of keys that are set and change nothing. */
  readonly withoutEffect: string[];
};

export class ConfigReader {
  readonly #table: Table;
  readonly #path: string;
  readonly #findings: ConfigFindings;
  readonly #asked = new Set<string>();
  readonly #sections = new Map<string, ConfigReader>();

  constructor(table: Table, path: string, findings: ConfigFindings) {
    this.#table = table;
    this.#path = path;
    this.#findings = findings;
  }

  has(key: string): boolean {
    return this.#table[key] !== undefined;
  }

  pathOf(key: string): string {
    return this.#path === '' ? key : `${this.#path}.${key}`;
  }

  problem(key: string, problem: string): void {
    this.#findings.problems.push({ path: this.pathOf(key), problem });
  }

  text(key: string): string | undefined {
    return this.#read(key, asText);
  }

  requiredText(key: string): string {
    const isMissing = !this.has(key);
    if (isMissing) this.problem(key, 'is required');
    return this.text(key) ?? '';
  }

  flag(key: string, otherwise: boolean): boolean {
    return this.#read(key, asFlag) ?? otherwise;
  }

  integer(key: string, bounds: { readonly min: number; readonly max: number }): number | undefined {
    return this.#read(key, value => asInteger(value, bounds));
  }

  sizeBytes(key: string): number | undefined {
    return this.#read(key, asSize);
  }

  durationMs(key: string): number | undefined {
    return this.#read(key, asDuration);
  }

  choice<Word extends string>(key: string, words: readonly Word[]): Word | undefined {
    return this.#read(key, value => asChoice(value, words));
  }

  textList(key: string): readonly string[] | undefined {
    return this.#read(key, asTextList);
  }

  address(key: string): ListenAddress | undefined {
    return this.#read(key, asAddress);
  }

  networks(key: string): readonly string[] {
    return this.#read(key, asNetworks) ?? [];
  }

  /** The value as it is; the caller checks it. */
  raw(key: string): unknown {
    this.#asked.add(key);
    return this.#table[key];
  }

  /** The section as a reader, always the same one; empty when the section is missing. */
  section(key: string): ConfigReader {
    const known = this.#sections.get(key);
    if (known !== undefined) return known;
    const value = this.raw(key) ?? {};
    if (!isTable(value)) this.problem(key, 'must be a section');
    const section = this.inner(key, isTable(value) ? value : {});
    this.#sections.set(key, section);
    return section;
  }

  /** A table inside a list, under the path it has there. */
  inner(path: string, table: Table): ConfigReader {
    return new ConfigReader(table, this.pathOf(path), this.#findings);
  }

  /** Takes keys that exist in Garage's files and change nothing here. */
  ignore(keys: readonly string[]): void {
    for (const key of keys) if (this.has(key)) this.withoutEffect(key);
  }

  ignoreMatching(pattern: RegExp): void {
    this.ignore(Object.keys(this.#table).filter(key => pattern.test(key)));
  }

  withoutEffect(key: string): void {
    this.#asked.add(key);
    this.#findings.withoutEffect.push(this.pathOf(key));
  }

  /** Call last: whatever was not asked for is unknown. */
  refuseUnknownKeys(): void {
    for (const key of Object.keys(this.#table)) {
      if (!this.#asked.has(key)) this.problem(key, 'is not a known key');
    }
  }

  #read<Value>(key: string, parse: (value: unknown) => Parsed<Value>): Value | undefined {
    const value = this.raw(key);
    if (value === undefined) return undefined;
    const parsed = parse(value);
    if ('value' in parsed) return parsed.value;
    this.problem(key, parsed.problem);
    return undefined;
  }
}

/** A TOML table, and neither a list nor one of TOML's dates. */
export function isTable(value: unknown): value is Table {
  return (
    typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Date)
  );
}

function asText(value: unknown): Parsed<string> {
  if (typeof value !== 'string') return { problem: 'must be a text' };
  return value === '' ? { problem: 'must not be empty' } : { value };
}

function asFlag(value: unknown): Parsed<boolean> {
  return typeof value === 'boolean' ? { value } : { problem: 'must be true or false' };
}

function asInteger(
  value: unknown,
  { min, max }: { readonly min: number; readonly max: number },
): Parsed<number> {
  if (typeof value === 'number' && Number.isInteger(value) && value >= min && value <= max) {
    return { value };
  }
  return max === Number.MAX_SAFE_INTEGER
    ? { problem: `must be a whole number of at least ${String(min)}` }
    : { problem: `must be a whole number from ${String(min)} to ${String(max)}` };
}

function asSize(value: unknown): Parsed<number> {
  const bytes =
    typeof value === 'string' ? parseSize(value) : Number.isSafeInteger(value) ? value : undefined;
  if (typeof bytes === 'number' && bytes >= 0) return { value: bytes };
  return { problem: 'must be a size like 1048576, "10G" or "512MiB"' };
}

function asDuration(value: unknown): Parsed<number> {
  const durationMs = typeof value === 'string' ? parseDurationMs(value) : undefined;
  if (durationMs !== undefined) return { value: durationMs };
  return { problem: 'must be a duration like "6h" or "1d 12h"' };
}

function asChoice<Word extends string>(value: unknown, words: readonly Word[]): Parsed<Word> {
  const word = words.find(candidate => candidate === value);
  if (word !== undefined) return { value: word };
  return { problem: `must be ${words.map(candidate => `"${candidate}"`).join(' or ')}` };
}

function asTextList(value: unknown): Parsed<readonly string[]> {
  const isList = Array.isArray(value) && value.every(item => typeof item === 'string');
  return isList ? { value } : { problem: 'must be a list of texts' };
}

function asAddress(value: unknown): Parsed<ListenAddress> {
  const address = typeof value === 'string' ? parseListenAddress(value) : undefined;
  if (address !== undefined) return { value: address };
  return { problem: 'must be an address with a port, like "127.0.0.1:3900" or "[::]:3900"' };
}

/** `ip:port`, `[ip6]:port` or the absolute path of a socket. */
export function parseListenAddress(text: string): ListenAddress | undefined {
  if (text.startsWith('/')) return { kind: 'unix', path: text };
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([0-9.]+)):(\d{1,5})$/.exec(text);
  if (match === null) return undefined;
  const [, ip6, ip4, portText] = match;
  const port = Number(portText);
  const host = ip6 ?? ip4 ?? '';
  const isValid = ip6 === undefined ? isIp4(host) : isIp6(host);
  return isValid && port <= 65_535 ? { kind: 'tcp', host, port } : undefined;
}

function asNetworks(value: unknown): Parsed<readonly string[]> {
  const list = asTextList(value);
  if ('problem' in list) return list;
  const wrong = list.value.find(network => !isNetwork(network));
  if (wrong === undefined) return list;
  return { problem: `must be a list of networks like "10.0.0.0/8"; "${wrong}" is none` };
}

/** A network in CIDR notation, or one address. */
export function isNetwork(text: string): boolean {
  const match = /^([0-9a-fA-F:.]+)(?:\/(\d{1,3}))?$/.exec(text);
  if (match === null) return false;
  const [, host = '', bits] = match;
  if (isIp4(host)) return Number(bits ?? 32) <= 32;
  return isIp6(host) && Number(bits ?? 128) <= 128;
}

function isIp4(text: string): boolean {
  const parts = text.split('.');
  return parts.length === 4 && parts.every(part => /^\d{1,3}$/.test(part) && Number(part) <= 255);
}

function isIp6(text: string): boolean {
  return text.includes(':') && URL.canParse(`http://[${text}]/`);
}
