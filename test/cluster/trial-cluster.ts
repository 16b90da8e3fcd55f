/**
 * A cluster of several sites on this machine, as real processes: for trials, tests and benches.
 *
 * Owns:          its processes, and what is said of them.
 * Knows:         the files, the links, the admin doors.
 * Must not know: what is tried on it.
 *
 * In each site two nats-servers, one storage process and one gateway process; nats-servers of
 * different sites meet through links that take their time and may be broken.
 */
import { mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { NATS_USER, natsPassword } from '../../bus/nats-password.ts';
import { readNodeId } from '../../deploy/node-identity.ts';
import type { NodeId } from '../../schemas/ids.ts';
import type { BenchTarget } from '../bench/bench-client.ts';
import { FaultClient, NoAnswerError } from '../support/fault-client.ts';
import { BUCKET, GARAGE, REGION } from '../support/garage-process.ts';
import { Child, type ChildOptions } from './child.ts';
import { Links, type RoundTrips } from './links.ts';
import { ReplicaWatch } from './replica-watch.ts';
import { SiteProxy } from './site-proxy.ts';
import {
  applyRoles,
  isLayoutSettled,
  askAdmin,
  layoutVersion,
  nodesUp,
  startScrub,
  stepToBucket,
  stepToLayout,
  workerVariables,
  type AdminDoor,
  type AdminReply,
  type NewRole,
  type RoleStep,
} from './trial-admin.ts';
import { natsUrl, SYSTEM_USER, writeSite, type SiteFiles } from './trial-files.ts';
import { trialSettings, type TrialSettings } from './trial-settings.ts';

export const SITE_NAMES = ['paris', 'lille', 'lyon'] as const;
const PROBE_KEY = '.trial-probe';
const PROBE = Buffer.from('probe');
const CAPACITY_BYTES = 100 * 1000 ** 3;
const PATIENCE_MS = 120_000;
const STEP_MS = 100;

export type TrialOptions = {
  /** Made if missing; a second start goes on with what is there. */
  readonly directory: string;
  /** undefined: sites reach each other directly. */
  readonly roundTrips: RoundTrips | undefined;
  /** What died is started again after this; undefined: it is not. */
  readonly restartMs?: number;
  readonly top?: readonly string[];
  readonly end?: readonly string[];
  /** Where the storage process of a site keeps its data; undefined: with everything else. */
  readonly storageHome?: (site: string) => string | undefined;
  /** Variables of the processes of a site. */
  readonly env?: (site: string) => Readonly<Record<string, string>>;
  /** Called with a line about what goes on. */
  readonly tell?: (line: string) => void;
};

export class TrialSite {
  readonly files: SiteFiles;
  readonly gateway: Child;
  readonly storage: Child;
  /** A second storage process, which trials of the layout start. */
  readonly spare: Child;
  readonly nats: readonly Child[];
  readonly #settings: TrialSettings;

  constructor(
    files: SiteFiles,
    settings: TrialSettings,
    { ended, env }: Pick<ChildOptions, 'ended' | 'env'>,
  ) {
    this.files = files;
    this.#settings = settings;
    const child = (what: string, command: string, parameters: readonly string[]): Child => {
      const logPath = join(files.home, `${what}.log`);
      return new Child({
        ...{ name: `${files.name} ${what}`, command, parameters, logPath },
        env: { RUST_LOG: process.env['RUST_LOG'] ?? 'warn', ...env },
        ...(ended === undefined ? {} : { ended }),
      });
    };
    const garage = (what: string, config: string): Child =>
      child(what, GARAGE, ['-c', config, 'server']);
    this.gateway = garage('gateway', files.gatewayConfig);
    this.storage = garage('storage', files.storageConfig);
    this.spare = garage('spare', files.spareConfig);
    const natsServer = process.env['NATS_SERVER'] ?? 'nats-server';
    this.nats = files.natsConfigs.map((config, which) =>
      child(`nats-${which + 1}`, natsServer, ['-c', config]),
    );
  }

  get name(): string {
    return this.files.name;
  }

  get children(): readonly Child[] {
    return [...this.nats, this.storage, this.gateway];
  }

  /** Where S3 requests of this site go. */
  get target(): BenchTarget {
    const { credentials } = this.#settings;
    return { port: this.files.ports.s3, ...credentials, region: REGION, bucket: BUCKET };
  }

  get gatewayAdmin(): AdminDoor {
    return { port: this.files.ports.gatewayAdmin, token: this.#settings.adminToken };
  }

  get storageAdmin(): AdminDoor {
    return { port: this.files.ports.storageAdmin, token: this.#settings.adminToken };
  }

  get spareAdmin(): AdminDoor {
    return { port: this.files.ports.spareAdmin, token: this.#settings.adminToken };
  }

  /** Of its storage process; undefined before that was started for the first time. */
  get nodeId(): string | undefined {
    return readNodeId(this.files.storageDirs[0]);
  }

  get spareId(): string | undefined {
    return readNodeId(this.files.spareDirs[0]);
  }

  /** As `npm run cluster -- --json` shows it. */
  describe(): unknown {
    const { ports, storageDirs } = this.files;
    const servers = ports.nats.map(({ client }) => natsUrl(client)).join(',');
    const cli = (user: string, password: string): readonly string[] => [
      ...['--server', servers, '--user', user, '--password', password],
    ];
    return {
      name: this.name,
      s3: `http://127.0.0.1:${ports.s3}`,
      web: `http://127.0.0.1:${ports.web}`,
      admin: `http://127.0.0.1:${ports.gatewayAdmin}`,
      pids: {
        gateway: pidsOf([this.gateway]),
        storage: pidsOf([this.storage]),
        nats: pidsOf(this.nats),
      },
      dirs: storageDirs,
      nats_cli: cli(NATS_USER, natsPassword(this.#settings.rpcSecret)),
      nats_sys_cli: cli(SYSTEM_USER, this.#settings.systemPassword),
    };
  }
}

/** undefined: a node that was not started yet, and that nobody knows. */
export function roleOf(id: string | undefined, zone: string): NewRole {
  return { id: id ?? '', zone, capacity: CAPACITY_BYTES };
}

/** As a load balancer asks. */
async function isWell({ port }: AdminDoor): Promise<boolean> {
  const answer = await fetch(`http://127.0.0.1:${port}/health`).catch(() => undefined);
  await answer?.arrayBuffer();
  return answer?.status === 200;
}

/** It writes, and reads what it wrote. */
async function serves(target: BenchTarget): Promise<boolean> {
  const client = new FaultClient(target);
  try {
    if ((await client.put(PROBE_KEY, PROBE)).status !== 200) return false;
    return (await client.get(PROBE_KEY)).status === 200;
  } catch (error) {
    if (error instanceof NoAnswerError) return false;
    throw error;
  } finally {
    client.close();
  }
}

function pidsOf(children: readonly Child[]): readonly number[] {
  return children.flatMap(({ pid }) => (pid === undefined ? [] : [pid]));
}

export class TrialCluster {
  readonly links: Links;
  readonly sites: readonly TrialSite[];
  readonly settings: TrialSettings;
  readonly #options: TrialOptions;
  readonly #proxies: SiteProxy[] = [];
  readonly #restarts = new Set<NodeJS.Timeout>();
  #watch: ReplicaWatch | undefined;
  #isStopping = false;

  private constructor(options: TrialOptions, settings: TrialSettings) {
    this.#options = options;
    this.settings = settings;
    const { directory, roundTrips, top = [], end = [], storageHome, env } = options;
    this.links = new Links(SITE_NAMES, roundTrips ?? (() => 0));
    const hasProxies = roundTrips !== undefined;
    const place = { directory, names: SITE_NAMES, settings, hasProxies, top, end, storageHome };
    this.sites = SITE_NAMES.map((name, index) => {
      const files = writeSite(place, index);
      const ended = (child: Child): void => {
        this.#ended(child);
      };
      return new TrialSite(files, settings, { ended, env: env?.(name) ?? {} });
    });
  }

  /** Its files and its links; no process runs yet. */
  static async make(options: TrialOptions): Promise<TrialCluster> {
    mkdirSync(options.directory, { recursive: true, mode: 0o700 });
    const settings = await trialSettings(options.directory, SITE_NAMES.length);
    const cluster = new TrialCluster(options, settings);
    if (options.roundTrips !== undefined) await cluster.#openProxies();
    return cluster;
  }

  /** Starts every process; says nothing of whether they serve. */
  static async launch(options: TrialOptions): Promise<TrialCluster> {
    const cluster = await TrialCluster.make(options);
    for (const site of cluster.sites) for (const child of site.children) child.start();
    cluster.#writeState();
    return cluster;
  }

  /** Until all is healthy, with a layout, a key and a bucket. Stopped again if it never is. */
  static async start(options: TrialOptions): Promise<TrialCluster> {
    const cluster = await TrialCluster.launch(options);
    try {
      await cluster.prepare();
      await cluster.untilHealthy();
      return cluster;
    } catch (error) {
      await cluster.stop('SIGKILL');
      throw error;
    }
  }

  async #openProxies(): Promise<void> {
    for (const { name, files } of this.sites) {
      for (const { gateway, proxy } of files.ports.nats) {
        const options = { links: this.links, site: name, targetPort: gateway };
        this.#proxies.push(await SiteProxy.listen(options, proxy));
      }
    }
  }

  /** Assigns and applies the layout, makes key and bucket; what is there already stays. */
  async prepare(): Promise<void> {
    const [first] = this.sites;
    if (first === undefined) return;
    await this.#eventually('a layout', () => {
      const roles = this.sites.flatMap(({ nodeId, name }) =>
        nodeId === undefined ? [] : [roleOf(nodeId, name)],
      );
      return roles.length === this.sites.length && stepToLayout(first.storageAdmin, roles);
    });
    const { credentials } = this.settings;
    await this.#eventually('a key and a bucket', () =>
      stepToBucket(first.storageAdmin, credentials, BUCKET),
    );
  }

  /** Until a storage node sees the one that `idOf` names. */
  async untilKnown(idOf: () => string | undefined): Promise<void> {
    await this.#eventually('known', async () => {
      const up = await Promise.all(this.#storageDoors().map(nodesUp));
      const id = idOf();
      return id !== undefined && up.some(ids => ids.has(id));
    });
  }

  /** Storage processes that run. */
  #storageDoors(): readonly AdminDoor[] {
    return this.sites.flatMap(site => (site.storage.isRunning ? [site.storageAdmin] : []));
  }

  /** Stages and applies on any node that runs, once all that are to get a role are known. */
  async changeLayout(steps: () => readonly RoleStep[]): Promise<void> {
    const ids = (): readonly string[] =>
      steps().flatMap(step => ('remove' in step ? [] : [step.id]));
    await this.#eventually('a changed layout', async () => {
      const [door] = this.#storageDoors();
      if (door === undefined) return false;
      const [version, up] = await Promise.all([layoutVersion(door), nodesUp(door)]);
      if (version === undefined || !ids().every(id => up.has(id))) return false;
      return applyRoles(door, steps(), version + 1);
    });
  }

  /** Everyone has what the layout says, as every storage process knows. */
  async untilSettled(patienceMs = PATIENCE_MS): Promise<void> {
    await this.#eventually(
      'settled',
      async () => {
        const answers = await Promise.all(this.#storageDoors().map(isLayoutSettled));
        return !answers.includes(false);
      },
      patienceMs,
    );
  }

  /** Every storage process sees all others, and every gateway serves. */
  async untilHealthy(patienceMs = PATIENCE_MS): Promise<void> {
    const ids = this.sites.map(({ nodeId }) => nodeId ?? '');
    const seesAll = async (door: AdminDoor): Promise<boolean> => {
      const up = await nodesUp(door);
      return ids.every(id => up.has(id));
    };
    await this.#eventually(
      'healthy',
      async () => {
        const answers = await Promise.all([
          ...this.sites.map(({ storageAdmin }) => seesAll(storageAdmin)),
          ...this.sites.map(({ target }) => serves(target)),
          ...this.sites.flatMap(site => [site.gatewayAdmin, site.storageAdmin].map(isWell)),
        ]);
        return !answers.includes(false);
      },
      patienceMs,
    );
  }

  /** Until the replicas of all rows are the same. Answers in how many partitions they still differ
   *  when that takes longer. */
  async untilEqual(patienceMs: number): Promise<number> {
    this.#watch ??= new ReplicaWatch(
      this.sites.flatMap(({ files }) => files.ports.nats.map(({ client }) => natsUrl(client))),
      this.settings.rpcSecret,
    );
    const nodes = this.sites.flatMap(({ nodeId }) =>
      nodeId === undefined ? [] : [nodeId as NodeId],
    );
    return this.#watch.untilEqual(nodes, patienceMs);
  }

  /** Has every node reread its blocks; answers how many were damaged. */
  async scrub(): Promise<number> {
    const [door] = this.#storageDoors();
    if (door === undefined) throw new Error('no storage process runs');
    const ended = (): Promise<ReadonlyMap<string, string>> =>
      workerVariables(door, 'scrub-last-completed');
    const damaged = async (): Promise<number> => {
      const counts = await workerVariables(door, 'scrub-corruptions_detected');
      return [...counts.values()].reduce((sum, count) => sum + Number(count), 0);
    };
    const ids = this.sites.map(({ nodeId }) => nodeId ?? '');
    const [damagedBefore, before] = [await damaged(), await ended()];
    await this.#eventually('scrubbing', () => startScrub(door, ids));
    await this.#eventually('scrubbed', async () => {
      const now = await ended();
      return ids.every(id => (now.get(id) ?? before.get(id)) !== before.get(id));
    });
    return (await damaged()) - damagedBefore;
  }

  async #eventually(
    claim: string,
    isSo: () => boolean | Promise<boolean>,
    patienceMs = PATIENCE_MS,
  ): Promise<void> {
    const startedMs = performance.now();
    while (!(await isSo())) {
      if (this.#isStopping) throw new Error('the cluster was stopped');
      if (performance.now() - startedMs > patienceMs) {
        throw new Error(`the cluster never was: ${claim}\n${await this.#condition()}`);
      }
      await pause(STEP_MS);
    }
  }

  /** What each process says of the cluster, for whoever wonders why it is not healthy. */
  async #condition(): Promise<string> {
    const asked = this.sites.flatMap(site => [
      { child: site.gateway, door: site.gatewayAdmin },
      { child: site.storage, door: site.storageAdmin },
    ]);
    const lines = asked.map(async ({ child, door }) => {
      const health: AdminReply = await askAdmin(door, 'GetClusterHealth');
      return `${child.name}: ${JSON.stringify(health)}\n${child.logTail}`;
    });
    return (await Promise.all(lines)).join('\n');
  }

  /** The state of the moment, for scripts. */
  describe(): unknown {
    const { accessKeyId, secretKey } = this.settings.credentials;
    return {
      ...{ access_key: accessKeyId, secret_key: secretKey, region: REGION, bucket: BUCKET },
      sites: this.sites.map(site => site.describe()),
    };
  }

  #writeState(): void {
    const path = join(this.#options.directory, 'cluster.json');
    writeFileSync(`${path}.tmp`, `${JSON.stringify(this.describe())}\n`, { mode: 0o600 });
    renameSync(`${path}.tmp`, path);
  }

  #ended(child: Child): void {
    if (this.#isStopping) return;
    this.#writeState();
    const { restartMs, tell } = this.#options;
    if (restartMs === undefined) {
      tell?.(`${child.name} has ended`);
      return;
    }
    tell?.(`${child.name} has ended; it is started again in ${restartMs / 1000} s`);
    const timer = setTimeout(() => {
      this.#restarts.delete(timer);
      this.startAgain(child);
    }, restartMs);
    this.#restarts.add(timer);
  }

  /** `more`: further parameters, this once. */
  startAgain(child: Child, more: readonly string[] = []): void {
    if (this.#isStopping) return;
    child.start(more);
    this.#writeState();
  }

  /** Processes of Garage first: they say good-bye over the nats-servers. */
  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
    this.#isStopping = true;
    for (const timer of this.#restarts) clearTimeout(timer);
    await this.#watch?.close();
    await Promise.all(this.sites.map(site => site.gateway.end(signal)));
    await Promise.all(
      this.sites.flatMap(site => [site.storage.end(signal), site.spare.end(signal)]),
    );
    await Promise.all(this.sites.flatMap(({ nats }) => nats.map(child => child.end(signal))));
    for (const proxy of this.#proxies) proxy.close();
    this.#writeState();
  }
}
