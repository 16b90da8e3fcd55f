/**
 * The admin operations on real actors for settings and layout; the content of buckets is stood in.
 *
 * Owns:          the wiring; what buckets are said to hold.
 * Knows:         the settings world, the cluster actor.
 * Must not know: what is tested.
 */
import { ClusterActor } from '../../../actors/cluster/cluster-actor.ts';
import { NO_MEMBERS } from '../../../actors/cluster/cluster-status.ts';
import { LayoutKeeper } from '../../../actors/cluster/layout-keeper.ts';
import { NodeUpkeep } from '../../../actors/cluster/node-upkeep.ts';
import { WorkerRegistry } from '../../../actors/runtime/worker-registry.ts';
import { ClusterClient } from '../../../bus/cluster-client.ts';
import { fixedView } from '../../../bus/cluster-view.ts';
import { serveGuarded } from '../../../bus/guarded.ts';
import { KnownLayout } from '../../../bus/known-layout.ts';
import { PeerOffsets } from '../../../bus/peer-offsets.ts';
import { Subjects } from '../../../bus/subjects.ts';
import { AdminError } from '../../../gateway/admin/admin-error.ts';
import { adminOperation, runOperation } from '../../../gateway/admin/admin-operations.ts';
import type { AdminPorts, ObjectInspector } from '../../../gateway/admin/admin-ports.ts';
import { BusClusterControl } from '../../../gateway/directory/cluster-control.ts';
import type { BucketUsage, InspectedVersion } from '../../../schemas/admin-types.ts';
import type { NodeId } from '../../../schemas/ids.ts';
import { Stamper } from '../../../schemas/stamper.ts';
import type { ManualEnvironment } from '../../support/manual-environment.ts';
import { QuietLog } from '../../support/quiet-log.ts';
import { settingsWorld, type SettingsWorld } from '../../support/settings-world.ts';

export const NODE = 'a'.repeat(64) as NodeId;

export class FakeInspector implements ObjectInspector {
  usage: BucketUsage = {
    objects: 0,
    bytes: 0,
    unfinishedUploads: 0,
    unfinishedMultipartUploads: 0,
    unfinishedMultipartUploadParts: 0,
    unfinishedMultipartUploadBytes: 0,
  };
  readonly versions = new Map<string, readonly InspectedVersion[]>();
  readonly cleanups: { readonly bucketId: string; readonly olderThanMs: number }[] = [];
  failure: Error | undefined;

  async bucketUsage(): Promise<BucketUsage> {
    if (this.failure !== undefined) throw this.failure;
    return this.usage;
  }

  async inspectObject(_bucketId: string, key: string): Promise<readonly InspectedVersion[]> {
    return this.versions.get(key) ?? [];
  }

  async abortUploads(request: { bucketId: string; olderThanMs: number }): Promise<number> {
    this.cleanups.push(request);
    return 1;
  }
}

export type AdminWorld = {
  readonly ports: AdminPorts;
  readonly settings: SettingsWorld;
  readonly environment: ManualEnvironment;
  readonly inspector: FakeInspector;
  readonly registry: WorkerRegistry;
  readonly log: QuietLog;
  /** The answer as a client gets it: through JSON. Throws AdminError. */
  readonly call: <Answer = Record<string, unknown>>(
    operation: string,
    params?: unknown,
  ) => Promise<Answer>;
};

export function adminWorld(): AdminWorld {
  const settings = settingsWorld();
  const { environment, bus, store } = settings;
  const subjects = new Subjects('test');
  const known = new KnownLayout(1);
  const { clock, random } = environment;
  const actor = new ClusterActor({
    ...{ nodeId: NODE, known, keeper: new LayoutKeeper(store, known) },
    stamper: new Stamper(clock, random),
    ...{ clock, process: 1, offsets: new PeerOffsets(clock), members: NO_MEMBERS },
    facts: {
      hostname: 'vm',
      address: '127.0.0.1:3901',
      info: () => ({
        nodeId: NODE,
        hostname: 'vm',
        garageVersion: '1.2.3',
        garageFeatures: ['s3'],
        rustVersion: 'node v20',
        dbEngine: 'memory',
      }),
      statistics: async () => ({
        tables: [{ tableName: 'object', items: 3 }],
        rcEntries: 2,
        resyncQueueLength: 1,
        resyncErrors: 0,
      }),
      space: async () => ({
        data: { available: 72_367_050_752, total: 270_553_174_016 },
        metadata: { available: 72_367_050_752, total: 270_553_174_016 },
      }),
    },
  });
  const registry = new WorkerRegistry(environment.clock);
  const upkeep = new NodeUpkeep(registry, actor.receive.bind(actor));
  const view = fixedView({
    get current() {
      return actor.layout;
    },
  });
  serveGuarded(bus, subjects.cluster(NODE), upkeep.receive.bind(upkeep));
  const inspector = new FakeInspector();
  const ports: AdminPorts = {
    directory: settings.directory,
    cluster: new BusClusterControl({
      ...{ localNodeId: NODE, keepsLayout: true, mode: 'consistent' },
      ...{ client: new ClusterClient(bus, subjects), view, heard: () => [] },
    }),
    objects: inspector,
    domains: { isServed: async domain => domain === 'served.example' },
    nowMs: () => environment.clock.wallMs(),
    region: 'garage',
    punycode: 'refused',
  };
  const log = new QuietLog();
  const call = async (operation: string, params: unknown = null): Promise<unknown> => {
    const found = adminOperation(operation);
    if (found === undefined) throw new Error(`there is no ${operation}`);
    return JSON.parse(JSON.stringify(await runOperation(found, params, { ports, log })));
  };
  return {
    ports,
    settings,
    environment,
    inspector,
    registry,
    log,
    call: call as AdminWorld['call'],
  };
}

/** The code of the refusal, `none` when there was no refusal. */
export async function refusal(work: Promise<unknown>): Promise<string> {
  try {
    await work;
    return 'none';
  } catch (error) {
    if (error instanceof AdminError) return error.code;
    throw error;
  }
}
