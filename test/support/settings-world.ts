/**
 * Buckets, names and keys on a real settings actor, with a table actor's answers stood in for.
 *
 * Owns:          the wiring that tests of the directory share.
 * Knows:         the memory bus and the memory store.
 * Must not know: what is tested.
 */
import { SettingsActor } from '../../actors/settings/settings-actor.ts';
import { MemoryBus } from '../../bus/memory-bus.ts';
import { fixedView } from '../../bus/cluster-view.ts';
import { ReplicaCalls } from '../../bus/replica-calls.ts';
import { SettingsClient } from '../../bus/settings-client.ts';
import { serveGuarded } from '../../bus/guarded.ts';
import { Subjects } from '../../bus/subjects.ts';
import { TableClient } from '../../bus/table-client.ts';
import { AdminDirectory } from '../../gateway/directory/admin-directory.ts';
import { BucketLife } from '../../gateway/directory/bucket-life.ts';
import { BucketNames } from '../../gateway/directory/bucket-names.ts';
import { DirectoryCache } from '../../gateway/directory/directory-cache.ts';
import { Lookup } from '../../gateway/directory/directory-lookup.ts';
import type { LayoutVersion } from '../../schemas/cluster-layout.ts';
import type { NodeId } from '../../schemas/ids.ts';
import { PARTITION_COUNT, partitionId } from '../../schemas/ids.ts';
import type { SettingsChanged } from '../../schemas/messages/settings.ts';
import type { TableReply, TableRequest } from '../../schemas/messages/table.ts';
import { Stamper } from '../../schemas/stamper.ts';
import { manualEnvironment, type ManualEnvironment } from './manual-environment.ts';
import { MemoryStore } from './memory-store.ts';

const NODE = 'a'.repeat(64) as NodeId;

export type SettingsWorld = {
  readonly environment: ManualEnvironment;
  readonly store: MemoryStore;
  readonly bus: MemoryBus;
  readonly settings: SettingsClient;
  readonly names: BucketNames;
  readonly life: BucketLife;
  readonly lookup: Lookup;
  readonly directory: AdminDirectory;
  /** Buckets that are not empty, by id; and every fence request that was made, in order. */
  readonly filled: Set<string>;
  readonly fences: string[];
};

export function settingsWorld(
  options: { readonly namespace?: 'global' | 'per_key'; readonly store?: MemoryStore } = {},
): SettingsWorld {
  const environment = manualEnvironment();
  const store = options.store ?? new MemoryStore();
  const subjects = new Subjects('test');
  const bus = new MemoryBus({
    ...environment,
    codecs: 'exercised',
    onServerFailure: (_, failure) => {
      throw failure;
    },
  });
  const { clock, random } = environment;
  const changed = (change: SettingsChanged): void => {
    bus.publish(subjects.settingsChanged(), change);
  };
  const actor = new SettingsActor({ store, clock, changed });
  serveGuarded(bus, subjects.settings(NODE), actor.receive.bind(actor));
  const filled = new Set<string>();
  const fences: string[] = [];
  serveTables(bus, subjects, { filled, fences });
  const stamper = new Stamper(clock, random);
  const settings = new SettingsClient({ bus, subjects, node: NODE, stamper });
  const view = fixedView({ current: everythingOn(NODE) });
  const address = subjects.table.bind(subjects);
  const calls = new ReplicaCalls({ ...environment, bus, view, address });
  const tables = new TableClient(calls, stamper);
  const names = new BucketNames(settings);
  const ownership = 'BucketOwnerEnforced';
  const parts = { settings, tables, names, clock, random, ownership } as const;
  const life = new BucketLife({ ...parts, indexShards: 1 });
  const cache = new DirectoryCache(settings, clock, bus, subjects);
  const namespace = options.namespace ?? 'global';
  const lookup = new Lookup({ settings, cache, names, life, namespace });
  const directory = new AdminDirectory({ settings, names, life, clock, random });
  return { environment, store, bus, settings, names, life, lookup, directory, filled, fences };
}

function everythingOn(node: NodeId): LayoutVersion {
  return {
    version: 1,
    replicationFactor: 1,
    zoneRedundancy: 'maximum',
    roles: new Map(),
    replicas: Array.from({ length: PARTITION_COUNT }, () => [node]),
    partitionBytes: 1,
  };
}

function serveTables(
  bus: MemoryBus,
  subjects: Subjects,
  { filled, fences }: { readonly filled: Set<string>; readonly fences: string[] },
): void {
  for (let index = 0; index < PARTITION_COUNT; index += 1) {
    bus.serve(subjects.table(NODE, partitionId(index)), (request: TableRequest): TableReply => {
      if (request.kind === 'bucket-probe') {
        return { kind: 'probed', empty: !filled.has(request.bucket) };
      }
      fences.push(request.kind);
      if (request.kind === 'bucket-fence') return { kind: 'fenced', token: request.token };
      return { kind: 'written' };
    });
  }
}
