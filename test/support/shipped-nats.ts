/**
 * Nats-servers with the configuration files of deploy/nats/, as an operator would edit them.
 *
 * Owns:          what is replaced in them: addresses, names, keys, passwords.
 * Knows:         those files.
 * Must not know: what is tested.
 *
 * Everything that is replaced must be there: a file that was changed and not this one is noticed.
 */
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { nkeys } from '@nats-io/transport-node';
import type { NatsLogin } from '../../bus/nats-client.ts';
import { NATS_USER, natsPassword } from '../../bus/nats-password.ts';
import { freePort } from './free-port.ts';
import { NatsServer } from './nats-servers.ts';

type Teardown = { teardown(undo: () => void | Promise<void>): void };

const SHIPPED = fileURLToPath(new URL('../../../deploy/nats/', import.meta.url));
export const RPC_SECRET = '7'.repeat(64);
export const SYSTEM_PASSWORD = 'system-password';

/** The roles of accounts-nkeys.conf by the names that stand there. */
export const ROLES = [
  'U_STORAGE_1',
  'U_STORAGE_2',
  'U_GATEWAY_1',
  'U_ADMIN_GATEWAY_1',
  'U_OPERATOR',
  'U_SYSTEM',
] as const;
export type RoleName = (typeof ROLES)[number];

export const NODE_1 = '1'.repeat(64);
export const NODE_2 = '2'.repeat(64);

export type RoleKey = { readonly publicKey: string; readonly seed: string };
export type RoleKeys = Readonly<Record<RoleName, RoleKey>>;

export function newRoleKeys(): RoleKeys {
  const entries = ROLES.map(role => {
    const pair = nkeys.createUser();
    const seed = new TextDecoder().decode(pair.getSeed());
    return [role, { publicKey: pair.getPublicKey(), seed }] as const;
  });
  return Object.fromEntries(entries) as Record<RoleName, RoleKey>;
}

export function loginOf(keys: RoleKeys, role: RoleName): NatsLogin {
  return { kind: 'credentials', text: keys[role].seed };
}

export const PASSWORD_LOGIN: NatsLogin = {
  kind: 'password',
  user: NATS_USER,
  password: natsPassword(RPC_SECRET),
};

/** Each in turn; throws when one is not in the text. */
function replaceAll(text: string, replacements: readonly (readonly [string, string])[]): string {
  return replacements.reduce((edited, [from, to]) => {
    if (!edited.includes(from)) throw new Error(`${from} is not in the shipped file`);
    return edited.replaceAll(from, to);
  }, text);
}

type Edits = Readonly<Record<string, readonly (readonly [string, string])[]>>;

/** Copies the folder, edited, and answers the path of one of its files. */
async function edited(t: Teardown, main: string, edits: Edits): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'garage-shipped-'));
  t.teardown(() => rm(directory, { recursive: true, force: true }));
  for (const name of await readdir(SHIPPED)) {
    if (!name.endsWith('.conf')) continue;
    const text = await readFile(join(SHIPPED, name), 'utf8');
    await writeFile(join(directory, name), replaceAll(text, edits[name] ?? []), { mode: 0o600 });
  }
  return join(directory, main);
}

function accountEdits(keys: RoleKeys): Edits {
  return {
    'accounts-nkeys.conf': [
      ...ROLES.map(role => [role, keys[role].publicKey] as const),
      ['NODE_1', NODE_1],
      ['NODE_2', NODE_2],
    ],
    'accounts-password.conf': [
      ['GARAGE_PASSWORD', natsPassword(RPC_SECRET)],
      ['SYSTEM_PASSWORD', SYSTEM_PASSWORD],
    ],
  };
}

type Accounts = 'nkeys' | 'password';

/** What an operator changes for the other accounts, and for TLS. */
function includeEdits(accounts: Accounts, tls: boolean): readonly (readonly [string, string])[] {
  return [
    ...(accounts === 'nkeys'
      ? []
      : ([['include ./accounts-nkeys.conf\n# include ./', 'include ./']] as const)),
    ...(tls ? ([['# include ./tls.conf', 'include ./tls.conf']] as const) : []),
  ];
}

export type TlsFiles = { readonly ca: string; readonly cert: string; readonly key: string };

export type SiteOptions = {
  readonly accounts: Accounts;
  readonly keys: RoleKeys;
  /** Paths of files. */
  readonly tls?: TlsFiles;
};

function tlsEdits(tls: TlsFiles | undefined): Edits {
  if (tls === undefined) return {};
  return {
    'tls.conf': [
      ['/etc/nats/server.pem', tls.cert],
      ['/etc/nats/server-key.pem', tls.key],
      ['/etc/nats/ca.pem', tls.ca],
    ],
  };
}

async function started(t: Teardown, servers: readonly NatsServer[]): Promise<void> {
  for (const server of servers) t.teardown(() => server.kill());
  await Promise.all(servers.map(server => server.start()));
}

/** The two of one-site.conf. */
export async function startOneSite(t: Teardown, options: SiteOptions): Promise<NatsServer[]> {
  const { accounts, keys, tls } = options;
  const routes = [await freePort(), await freePort()];
  const servers = [];
  for (const [index, route] of routes.entries()) {
    const port = await freePort();
    const path = await edited(t, 'one-site.conf', {
      ...accountEdits(keys),
      ...tlsEdits(tls),
      'one-site.conf': [
        ['server_name: nats-1', `server_name: nats-${String(index + 1)}`],
        ['0.0.0.0:4222', `127.0.0.1:${String(port)}`],
        ['127.0.0.1:8222', `127.0.0.1:${String(await freePort())}`],
        ['0.0.0.0:6222', `127.0.0.1:${String(route)}`],
        ...routes.map(
          (other, which) =>
            [`nats-${which + 1}.example.org:6222`, `127.0.0.1:${String(other)}`] as const,
        ),
        ...includeEdits(accounts, tls !== undefined),
      ],
    });
    servers.push(new NatsServer(port, path));
  }
  await started(t, servers);
  return servers;
}

const SITES = ['paris', 'lille', 'lyon'] as const;
export type Site = (typeof SITES)[number];

/** The six of three-sites.conf. */
export async function startThreeSites(
  t: Teardown,
  { accounts, keys }: SiteOptions,
): Promise<Readonly<Record<Site, readonly NatsServer[]>>> {
  const places = [];
  for (const site of SITES) {
    for (const which of [1, 2]) {
      const ports = { route: await freePort(), gateway: await freePort() };
      places.push({ site, which, ...ports, port: await freePort(), http: await freePort() });
    }
  }
  const servers: Record<Site, NatsServer[]> = { paris: [], lille: [], lyon: [] };
  for (const place of places) {
    const own = places.filter(({ site }) => site === place.site);
    const path = await edited(t, 'three-sites.conf', {
      ...accountEdits(keys),
      'three-sites.conf': [
        ['server_name: paris-1', `server_name: ${place.site}-${place.which}`],
        ['0.0.0.0:4222', `127.0.0.1:${String(place.port)}`],
        ['127.0.0.1:8222', `127.0.0.1:${String(place.http)}`],
        ['0.0.0.0:6222', `127.0.0.1:${String(place.route)}`],
        ['0.0.0.0:7222', `127.0.0.1:${String(place.gateway)}`],
        [
          'advertise: "nats-1.paris.example.org:7222"',
          `advertise: "127.0.0.1:${String(place.gateway)}"`,
        ],
        ...own.map(
          ({ which, route }) =>
            [`nats-${which}.paris.example.org:6222`, `127.0.0.1:${String(route)}`] as const,
        ),
        ...places.map(
          ({ site, which, gateway }) =>
            [`nats-${which}.${site}.example.org:7222`, `127.0.0.1:${String(gateway)}`] as const,
        ),
        ['cluster {\n  name: paris', `cluster {\n  name: ${place.site}`],
        ['gateway {\n  name: paris', `gateway {\n  name: ${place.site}`],
        ...includeEdits(accounts, false),
      ],
    });
    servers[place.site].push(new NatsServer(place.port, path));
  }
  await started(t, Object.values(servers).flat());
  return servers;
}
