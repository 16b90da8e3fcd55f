/**
 * Keeps the layout state on disk, and makes changes of it one at a time.
 *
 * Owns:          the layout row.
 * Knows:         the store, the layout as the process knows it.
 * Must not know: what the changes are.
 *
 * A change that is made here is durable before anybody hears of it. What is heard from others is
 * known at once, and written when there is time: they have it.
 */
import type { KnownLayout } from '../../bus/known-layout.ts';
import { partitionId } from '../../schemas/ids.ts';
import type { LayoutState } from '../../schemas/layout-state.ts';
import { EMPTY_STATE, mergeStates } from '../../schemas/layout-state.ts';
import { settled } from '../../schemas/layout-liveness.ts';
import { decodeLayoutState, encodeLayoutState } from '../../schemas/records/layout-state-row.ts';
import { rowKey, TABLE } from '../../schemas/row-tables.ts';
import type { Store } from '../storage/store.ts';

const LAYOUT_KEY = rowKey(partitionId(0), TABLE.layout);

/** Throws what the store throws. */
function keptLayout(store: Store): LayoutState {
  const bytes = store.get(LAYOUT_KEY);
  return bytes === undefined ? EMPTY_STATE : decodeLayoutState(bytes);
}

export class LayoutKeeper {
  readonly #store: Store;
  readonly #known: KnownLayout;
  #durable: LayoutState;
  #last: Promise<unknown> = Promise.resolve();

  /** `known` takes over what the store has. */
  constructor(store: Store, known: KnownLayout) {
    const kept = keptLayout(store);
    known.learn(kept);
    this.#store = store;
    this.#known = known;
    this.#durable = mergeStates(kept, known.state) === kept ? known.state : kept;
  }

  /** Whether all that is known is on disk. */
  get isKept(): boolean {
    return this.#durable === this.#known.state;
  }

  /**
   * Works out a change of what is known now, makes it durable, then known. `make` answers undefined
   * when there is nothing to change. Rejects as the store does; nothing is changed then.
   */
  change(make: (state: LayoutState) => LayoutState | undefined): Promise<void> {
    const done = this.#last.then(async () => {
      const change = make(this.#known.state);
      if (change === undefined) return;
      await this.#write(settled(mergeStates(this.#known.state, change)));
      this.#known.learn(change);
      // What was heard meanwhile is in neither: it is written with the next.
      if (mergeStates(this.#durable, this.#known.state) === this.#durable) {
        this.#durable = this.#known.state;
      }
    });
    this.#last = done.catch(() => undefined);
    return done;
  }

  /** Writes what was heard. */
  keep(): Promise<void> {
    const done = this.#last.then(async () => {
      while (!this.isKept) await this.#write(this.#known.state);
    });
    this.#last = done.catch(() => undefined);
    return done;
  }

  async #write(state: LayoutState): Promise<void> {
    const value = encodeLayoutState(state);
    await this.#store.commit([{ kind: 'put', key: LAYOUT_KEY, value }]);
    this.#durable = state;
  }
}
