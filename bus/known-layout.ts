/**
 * The layout as this process knows it: a state that grows by what is heard.
 *
 * Owns:          the state in memory, and what follows from it, worked out once for each state.
 * Knows:         layout states.
 * Must not know: where changes come from, whether they are durable.
 */
import type { LayoutVersion, StagedChanges } from '../schemas/cluster-layout.ts';
import {
  currentOf,
  layoutIdsOf,
  liveVersions,
  readVersionOf,
  settled,
  stagedOver,
  versionZero,
} from '../schemas/layout-liveness.ts';
import type { LayoutState, NamedVersion } from '../schemas/layout-state.ts';
import { EMPTY_STATE, mergeStates } from '../schemas/layout-state.ts';
import type { Subscription } from './bus.ts';

type Derived = {
  readonly head: NamedVersion | undefined;
  readonly current: LayoutVersion;
  readonly live: readonly LayoutVersion[];
  readonly read: LayoutVersion;
  readonly liveIds: string;
  readonly staged: StagedChanges;
};

export class KnownLayout {
  readonly #replicationFactor: number;
  readonly #listeners = new Set<() => void>();
  #state: LayoutState;
  #derived: Derived;

  /** `replicationFactor`: of the version before the first one. */
  constructor(replicationFactor: number, first: LayoutState = EMPTY_STATE) {
    this.#replicationFactor = replicationFactor;
    this.#state = settled(first);
    this.#derived = this.#derive();
  }

  get state(): LayoutState {
    return this.#state;
  }

  /** The newest version without a successor; undefined before the first one. */
  get head(): NamedVersion | undefined {
    return this.#derived.head;
  }

  get current(): LayoutVersion {
    return this.#derived.current;
  }

  /** Oldest first; version 0 alone before the first one. */
  get live(): readonly LayoutVersion[] {
    return this.#derived.live;
  }

  get read(): LayoutVersion {
    return this.#derived.read;
  }

  get liveIds(): string {
    return this.#derived.liveIds;
  }

  /** What is staged and would change something. */
  get staged(): StagedChanges {
    return this.#derived.staged;
  }

  /** Takes over what is new in it; false: nothing is. */
  learn(change: LayoutState): boolean {
    const state = settled(mergeStates(this.#state, change));
    if (state === this.#state) return false;
    this.#state = state;
    this.#derived = this.#derive();
    for (const listener of [...this.#listeners]) listener();
    return true;
  }

  /** Called after each change. */
  onChange(listener: () => void): Subscription {
    this.#listeners.add(listener);
    return { close: () => this.#listeners.delete(listener) };
  }

  #derive(): Derived {
    const state = this.#state;
    const head = currentOf(state);
    const current = head?.layout ?? versionZero(this.#replicationFactor);
    const live = head === undefined ? [current] : liveVersions(state).map(({ layout }) => layout);
    const read = readVersionOf(state)?.layout ?? current;
    const staged = stagedOver(state, head, current);
    return { head, current, live, read, liveIds: layoutIdsOf(state), staged };
  }
}
