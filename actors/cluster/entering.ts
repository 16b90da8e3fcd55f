/**
 * Has a node enter the partitions that it joins by a layout version with empty hands.
 *
 * Owns:          what is dropped before a version is acknowledged, and when it may be pulled again.
 * Knows:         layout states; through a port, a partition's rows and its round of forgetting.
 * Must not know: rows.
 *
 * Replicas forget tombstones together, without whoever is no replica then. So what such a node
 * still holds could bring back what all others have forgotten: it enters with what they hold, and
 * in their round. What it holds by another live version, of which it is a replica, stays: nothing
 * is forgotten without it.
 *
 * Writes by the new version reach it before it acknowledges, even before it knows of the version,
 * and may be dropped with the rest although it was one of the quorum that took them. The same
 * writes are stored by a quorum of the version before, from which is pulled; but perhaps only
 * later, until their deadline. So it waits that long between dropping and pulling.
 *
 *   drop ──▶ wait for a deadline ──▶ enter the round of the others ──▶ acknowledge ──▶ pull
 *
 * Rows of which it is known that they came just now are not dropped: nobody forgets so soon. So a
 * node that held nothing waits for nothing, although it is written to before it acknowledges.
 *
 * A process that dies in between has acknowledged nothing, and begins again.
 *
 * What it holds of blocks and references stays as well: they only ever keep too much.
 */
import type { KnownLayout } from '../../bus/known-layout.ts';
import { replicasOf } from '../../schemas/cluster-layout.ts';
import type { Clock, Timer, Timers } from '../../schemas/environment.ts';
import type { NodeId, PartitionId } from '../../schemas/ids.ts';
import { PARTITIONS } from '../../schemas/ids.ts';
import { liveVersions, readQuorumOf, sourcesOf, trackerOf } from '../../schemas/layout-liveness.ts';
import type { LayoutState, NamedVersion, VersionName } from '../../schemas/layout-state.ts';
import { MEET_ROUND_MS, REQUEST_DEADLINE_MS } from '../../schemas/limits.ts';
import { someAtATime } from '../runtime/some-at-a-time.ts';
import type { PartitionTransfer } from './layout-sync.ts';

export type EnteringOptions = {
  readonly nodeId: NodeId;
  readonly known: KnownLayout;
  readonly transfer: Pick<PartitionTransfer, 'noteEmpty' | 'setAside' | 'meetRound'>;
  readonly isUp: (node: NodeId) => boolean;
  readonly clock: Clock;
  readonly timers: Timers;
};

class EnteringError extends Error {
  override readonly name = 'EnteringError';
}

const PARTITIONS_AT_ONCE = 16;

type Joined = { readonly partition: PartitionId; readonly version: NamedVersion };

/** Which partitions a node joins by one of these versions, none of which it has acknowledged. */
export function joinedBy(
  state: LayoutState,
  node: NodeId,
  names: readonly VersionName[],
): readonly Joined[] {
  const { acked } = trackerOf(state, node);
  const isReplica = ({ layout }: NamedVersion, partition: PartitionId): boolean =>
    replicasOf(layout, partition).includes(node);
  const live = liveVersions(state);
  const held = live.filter(({ name, parents }) => acked.has(name) || parents.length === 0);
  const joined = live.filter(({ name, parents }) => names.includes(name) && parents.length > 0);
  return PARTITIONS.flatMap(partition => {
    if (held.some(version => isReplica(version, partition))) return [];
    const version = joined.find(candidate => isReplica(candidate, partition));
    return version === undefined ? [] : [{ partition, version }];
  });
}

function nameOf({ partition, version }: Joined): string {
  return `${version.name} ${String(partition)}`;
}

/** Some at a time: the others may be far away. One that fails keeps the rest from nothing. */
async function eachOf<Item>(
  items: readonly Item[],
  work: (each: Item) => Promise<void>,
): Promise<void> {
  const failures: unknown[] = [];
  await someAtATime(PARTITIONS_AT_ONCE, items, each =>
    work(each).catch((error: unknown) => void failures.push(error)),
  );
  if (failures.length > 0) throw failures[0];
}

export class Entering {
  readonly #options: EnteringOptions;
  #isStopped = false;
  /** What this process has entered, and not acknowledged yet. */
  readonly #entered = new Set<string>();
  /** Those that wait, and may be ended. */
  readonly #waiting = new Set<{ readonly timer: Timer; readonly end: () => void }>();

  constructor(options: EnteringOptions) {
    this.#options = options;
  }

  /** Ends a wait; what was to come after it is not done. */
  stop(): void {
    this.#isStopped = true;
    for (const { timer, end } of this.#waiting) {
      timer.cancel();
      end();
    }
  }

  /** At the start: what it holds nothing of, it will know to be young. */
  async begin(): Promise<void> {
    const { known, nodeId, transfer } = this.#options;
    const strange = PARTITIONS.filter(
      partition => !known.live.some(layout => replicasOf(layout, partition).includes(nodeId)),
    );
    await eachOf(strange, async partition => {
      if (!this.#isStopped) await transfer.noteEmpty(partition);
    });
  }

  /** Before these versions are acknowledged. Rejects when it must be tried again; what is done by
   *  then is not done again. */
  async prepare(names: readonly VersionName[]): Promise<void> {
    const { known, nodeId } = this.#options;
    const joined = joinedBy(known.state, nodeId, names);
    this.#forgetEntered(joined);
    const open = joined.filter(each => !this.#entered.has(nameOf(each)));
    const dropped: Joined[] = [];
    await eachOf(open, async each => {
      if ((await this.#drop(each.partition)) > 0) dropped.push(each);
      else await this.#enter(each);
    });
    if (dropped.length === 0) return;
    await this.#waitForDeadlines();
    await eachOf(dropped, each => this.#enter(each));
  }

  async #enter(joined: Joined): Promise<void> {
    const { clock } = this.#options;
    const { partition, version } = joined;
    const startedMs = clock.monotonicMs();
    await this.#meetRounds(partition, this.#sources(version, partition));
    if (clock.monotonicMs() - startedMs > MEET_ROUND_MS) {
      throw new EnteringError('replicas took too long to tell their round of forgetting');
    }
    // Should the others forget something from now on without this node, it is told by their round.
    this.#entered.add(nameOf(joined));
  }

  #forgetEntered(joined: readonly Joined[]): void {
    const names = new Set(joined.map(nameOf));
    for (const name of this.#entered) if (!names.has(name)) this.#entered.delete(name);
  }

  /** A partition whose replicas forgot something without this node, which took it for its own. */
  async anew(partition: PartitionId, sources: readonly NodeId[]): Promise<void> {
    if ((await this.#drop(partition)) > 0) await this.#waitForDeadlines();
    await this.#meetRounds(partition, sources);
  }

  async #drop(partition: PartitionId): Promise<number> {
    this.#goesOn();
    const outcome = await this.#options.transfer.setAside(partition);
    if (outcome === 'failed') throw new EnteringError('rows from before could not be dropped');
    return outcome === 'dropped' ? 1 : 0;
  }

  #goesOn(): void {
    if (this.#isStopped) throw new EnteringError('the process ends');
  }

  async #waitForDeadlines(): Promise<void> {
    this.#goesOn();
    await new Promise<void>(resolve => {
      const timer = this.#options.timers.after(REQUEST_DEADLINE_MS, () => {
        waiting.end();
      });
      const waiting = {
        timer,
        end: () => {
          this.#waiting.delete(waiting);
          resolve();
        },
      };
      this.#waiting.add(waiting);
    });
    this.#goesOn();
  }

  /** Those that will be pulled from: a read quorum of each version that is synced from. */
  #sources(version: NamedVersion, partition: PartitionId): readonly NodeId[] {
    const { known, nodeId, isUp } = this.#options;
    const { state } = known;
    return sourcesOf(state, version).flatMap(source => {
      const replicas = replicasOf(source.layout, partition).filter(
        node => node !== nodeId && !trackerOf(state, node).skipped.has(version.name),
      );
      return replicas.filter(isUp).slice(0, readQuorumOf(source.layout));
    });
  }

  /** Who does not answer holds nothing up: whoever is pulled from later is met then. */
  async #meetRounds(partition: PartitionId, sources: readonly NodeId[]): Promise<void> {
    this.#goesOn();
    const { transfer } = this.#options;
    const told = await Promise.all(sources.map(source => transfer.meetRound(partition, source)));
    if (told.includes('met') || sources.length === 0) return;
    throw new EnteringError('no replica told its round of forgetting');
  }
}
