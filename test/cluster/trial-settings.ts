/**
 * What a trial cluster keeps from one start to the next: its ports, secrets and key.
 *
 * Owns:          the file `settings.json` in its directory.
 * Knows:         which ports a cluster needs.
 * Must not know: what listens there.
 */
import { randomBytes } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { freePort, isFree } from '../support/free-port.ts';
import { newCredentials, type Credentials } from '../support/garage-process.ts';

export type NatsPorts = {
  readonly client: number;
  /** To the other nats-server of the site. */
  readonly route: number;
  /** For other sites, behind its proxy. */
  readonly gateway: number;
  readonly proxy: number;
};

export type SitePorts = {
  readonly s3: number;
  readonly web: number;
  readonly gatewayAdmin: number;
  readonly gatewayControl: number;
  readonly storageAdmin: number;
  readonly storageControl: number;
  /** Of a second storage process, for trials of the layout. */
  readonly spareAdmin: number;
  readonly spareControl: number;
  readonly nats: readonly NatsPorts[];
};

export type TrialSettings = {
  readonly ports: readonly SitePorts[];
  readonly credentials: Credentials;
  readonly rpcSecret: string;
  readonly adminToken: string;
  readonly systemPassword: string;
};

const FILE = 'settings.json';
export const NATS_SERVERS_PER_SITE = 2;

/** Those of the last start; ports that others took meanwhile are replaced. */
export async function trialSettings(directory: string, siteCount: number): Promise<TrialSettings> {
  const path = join(directory, FILE);
  const before = await readSettings(path);
  const ports: SitePorts[] = [];
  for (let site = 0; site < siteCount; site += 1) ports.push(await sitePorts(before.ports?.[site]));
  const settings: TrialSettings = {
    ports,
    credentials: before.credentials ?? newCredentials(),
    rpcSecret: before.rpcSecret ?? randomBytes(32).toString('hex'),
    adminToken: before.adminToken ?? randomBytes(16).toString('hex'),
    systemPassword: before.systemPassword ?? randomBytes(16).toString('hex'),
  };
  await writeFile(path, `${JSON.stringify(settings, null, 2)}\n`, { mode: 0o600 });
  return settings;
}

async function readSettings(path: string): Promise<Partial<TrialSettings>> {
  try {
    return JSON.parse(await readFile(path, 'utf8')) as TrialSettings;
  } catch {
    return {};
  }
}

async function sitePorts(before: Partial<SitePorts> | undefined): Promise<SitePorts> {
  const nats: NatsPorts[] = [];
  for (let which = 0; which < NATS_SERVERS_PER_SITE; which += 1) {
    const known = before?.nats?.[which];
    nats.push({
      client: await sameOrFree(known?.client),
      route: await sameOrFree(known?.route),
      gateway: await sameOrFree(known?.gateway),
      proxy: await sameOrFree(known?.proxy),
    });
  }
  return {
    s3: await sameOrFree(before?.s3),
    web: await sameOrFree(before?.web),
    gatewayAdmin: await sameOrFree(before?.gatewayAdmin),
    gatewayControl: await sameOrFree(before?.gatewayControl),
    storageAdmin: await sameOrFree(before?.storageAdmin),
    storageControl: await sameOrFree(before?.storageControl),
    spareAdmin: await sameOrFree(before?.spareAdmin),
    spareControl: await sameOrFree(before?.spareControl),
    nats,
  };
}

async function sameOrFree(before: number | undefined): Promise<number> {
  return before !== undefined && (await isFree(before)) ? before : freePort();
}
