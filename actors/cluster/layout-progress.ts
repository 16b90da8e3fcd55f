/**
 * Takes this node through the versions of the layout: acknowledge, sync, stop for those before.
 *
 * Owns:          the order of the steps; one runs at a time.
 * Knows:         the layout as the process knows it, the keeper, the fence.
 * Must not know: how a partition's rows and blocks are brought in.
 *
 *   heard ──▶ kept ──▶ fence raised, drained ──▶ acknowledged ──▶ brought in ──▶ synced
 *                                       all have synced ──▶ stopped for versions before
 *
 * Each step looks at what is known and does what is next; so it does not matter where a process
 * died or in which order it heard. Each is taken again later where the store failed.
 */
import type { KnownLayout } from '../../bus/known-layout.ts';
import type { Timer, Timers } from '../../schemas/environment.ts';
import type { NodeId, PartitionId } from '../../schemas/ids.ts';
import { PARTITIONS } from '../../schemas/ids.ts';
import {
  holdersOf,
  isBefore,
  isComplete,
  liveVersions,
  readQuorumOf,
  readVersionOf,
  sourcesOf,
  trackerOf,
} from '../../schemas/layout-liveness.ts';
import type { LayoutState, NamedVersion, VersionName } from '../../schemas/layout-state.ts';
import { trackerChange, versionChange } from '../../schemas/layout-state.ts';
import type { Log } from '../../schemas/telemetry.ts';
import type { LayoutFence } from './layout-fence.ts';
import type { LayoutKeeper } from './layout-keeper.ts';
import { mergedSuccessor } from './merge-branches.ts';

/** Brings in what a node gains by a version. */
export interface PartitionSync {
  /** What is to be known before a version is acknowledged. */
  prepare(names: readonly VersionName[]): Promise<void>;
  /** `later`: it is asked again, when something has changed or after a while. */
  bringIn(version: NamedVersion, gained: readonly PartitionId[]): Promise<'done' | 'later'>;
}

export type LayoutProgressOptions = {
  readonly nodeId: NodeId;
  readonly known: KnownLayout;
  readonly keeper: LayoutKeeper;
  readonly fence: LayoutFence;
  readonly sync: PartitionSync;
  readonly timers: Timers;
  readonly log: Log;
};

/** A step that could not be taken, and one that waits for others, is tried again after this. */
const AGAIN_MS = 1000;
/** Branches that were known so long are joined: by then everyone nearby knows the same ones. */
const BRANCHES_MS = 1000;

export class LayoutProgress {
  readonly #options: LayoutProgressOptions;
  #running: Promise<void> | undefined;
  #isWanted = false;
  #isStopped = false;
  #again: Timer | undefined;
  readonly #syncing = new Set<VersionName>();
  #branches: { readonly names: string; readonly ripe: Timer; isRipe: boolean } | undefined;

  constructor(options: LayoutProgressOptions) {
    this.#options = options;
    options.known.onChange(() => {
      this.kick();
    });
  }

  /** Something may have changed. */
  kick(): void {
    if (this.#isStopped) return;
    this.#isWanted = true;
    this.#running ??= this.#run();
  }

  /** Ends after the step that is under way. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#again?.cancel();
    this.#branches?.ripe.cancel();
    await this.#running;
  }

  /** When no step is being taken. */
  async whenIdle(): Promise<void> {
    while (this.#running !== undefined) await this.#running;
  }

  async #run(): Promise<void> {
    // Not in the turn of whoever made the change.
    await Promise.resolve();
    while (this.#isWanted && !this.#isStopped) {
      this.#isWanted = false;
      try {
        while ((await this.#step()) && !this.#isStopped);
      } catch (error) {
        this.#options.log.warn({ error }, 'the layout could not be kept; it is tried again');
        this.#kickLater();
      }
    }
    this.#running = undefined;
    if (this.#isWanted) this.kick();
  }

  #kickLater(): void {
    if (this.#isStopped) return;
    this.#again?.cancel();
    this.#again = this.#options.timers.after(AGAIN_MS, () => {
      this.kick();
    });
  }

  /** Takes the next step; false: there is none for now. */
  async #step(): Promise<boolean> {
    const { known, keeper } = this.#options;
    if (!keeper.isKept) {
      await keeper.keep();
      return true;
    }
    const state = known.state;
    if (await this.#joinBranches(state)) return true;
    if (await this.#acknowledge(state)) return true;
    if (await this.#stopForThoseBefore(state)) return true;
    return this.#sync(state);
  }

  // ---- branches -----------------------------------------------------------------------------

  async #joinBranches(state: LayoutState): Promise<boolean> {
    const { keeper, timers } = this.#options;
    const successor = mergedSuccessor(state);
    const names = successor?.parents.join();
    if (names !== this.#branches?.names) {
      this.#branches?.ripe.cancel();
      this.#branches = undefined;
    }
    if (successor === undefined || names === undefined) return false;
    if (this.#branches?.isRipe === true) {
      await keeper.change(() => versionChange(successor));
      return true;
    }
    this.#branches ??= {
      ...{ names, isRipe: false },
      ripe: timers.after(BRANCHES_MS, () => {
        if (this.#branches?.names === names) this.#branches.isRipe = true;
        this.kick();
      }),
    };
    return false;
  }

  // ---- acknowledging ------------------------------------------------------------------------

  #isHolder(state: LayoutState): boolean {
    return liveVersions(state).some(({ layout }) => holdersOf(layout).has(this.#options.nodeId));
  }

  async #acknowledge(state: LayoutState): Promise<boolean> {
    const { nodeId, keeper, fence, sync } = this.#options;
    if (!this.#isHolder(state)) return false;
    const { acked } = trackerOf(state, nodeId);
    const names = [...state.versions.keys()].filter(name => !acked.has(name));
    if (names.length === 0) return false;
    try {
      await fence.raise(names);
      await sync.prepare(names);
      await keeper.change(() => trackerChange(nodeId, { acked: new Set(names) }));
    } finally {
      fence.lower(names);
    }
    return true;
  }

  // ---- syncing ------------------------------------------------------------------------------

  /**
   * Partitions that the node holds by this version and not by all that it is synced from. What it
   * holds by both it may lack some of: whoever reads by this version hears another that has it, as
   * long as a read quorum of this version is one of each source. Where fewer are read from now on,
   * each replica is to have everything, and brings in what it holds as well.
   */
  #gained(state: LayoutState, version: NamedVersion): PartitionId[] {
    const { nodeId } = this.#options;
    const { skipped, synced } = trackerOf(state, nodeId);
    const sources = sourcesOf(state, version);
    const isReplica = ({ layout }: NamedVersion, partition: number): boolean =>
      layout.replicas[partition]?.includes(nodeId) ?? false;
    // A version may be complete without us, who were skipped.
    const holds = (source: NamedVersion, partition: number): boolean =>
      isReplica(source, partition) && (source.parents.length === 0 || synced.has(source.name));
    const isReadByFewer = sources.some(
      ({ layout }) => readQuorumOf(version.layout) < readQuorumOf(layout),
    );
    const isWhole = !isReadByFewer && !skipped.has(version.name);
    const isHeld = (partition: number): boolean =>
      isWhole && sources.every(source => holds(source, partition));
    return PARTITIONS.filter(partition => isReplica(version, partition) && !isHeld(partition));
  }

  async #sync(state: LayoutState): Promise<boolean> {
    const { nodeId, keeper } = this.#options;
    const { synced, acked } = trackerOf(state, nodeId);
    for (const version of liveVersions(state)) {
      const { name, layout } = version;
      if (synced.has(name) || !acked.has(name) || this.#syncing.has(name)) continue;
      if (!holdersOf(layout).has(nodeId)) continue;
      const gained = version.parents.length === 0 ? [] : this.#gained(state, version);
      if (gained.length === 0) {
        await keeper.change(() => trackerChange(nodeId, { synced: new Set([name]) }));
        return true;
      }
      void this.#bringIn(version, gained);
    }
    return false;
  }

  /** Beside the other steps: it may take hours. */
  async #bringIn(version: NamedVersion, gained: readonly PartitionId[]): Promise<void> {
    const { nodeId, keeper, sync, known, log } = this.#options;
    this.#syncing.add(version.name);
    try {
      const outcome = await sync.bringIn(version, gained);
      if (this.#isStopped) return;
      if (outcome === 'done') {
        await keeper.change(() =>
          known.state.versions.has(version.name)
            ? trackerChange(nodeId, { synced: new Set([version.name]) })
            : undefined,
        );
      } else this.#kickLater();
    } catch (error) {
      log.warn({ error }, 'partitions could not be brought in; it is tried again');
      this.#kickLater();
    } finally {
      this.#syncing.delete(version.name);
    }
  }

  // ---- stopping for versions before ---------------------------------------------------------

  async #stopForThoseBefore(state: LayoutState): Promise<boolean> {
    const { nodeId, keeper } = this.#options;
    const read = readVersionOf(state);
    if (read === undefined || !isComplete(state, read)) return false;
    if (trackerOf(state, nodeId).stopped.has(read.name)) return false;
    const isOver = liveVersions(state).some(
      ({ name, layout }) => isBefore(state, name, read.name) && holdersOf(layout).has(nodeId),
    );
    if (!isOver) return false;
    await keeper.change(() => trackerChange(nodeId, { stopped: new Set([read.name]) }));
    return true;
  }
}

/** For a node without peers: what it is to hold it holds. */
export const NOTHING_TO_BRING: PartitionSync = {
  prepare: () => Promise.resolve(),
  bringIn: () => Promise.resolve('done'),
};
