/**
 * Keeps the layout state on disk, and makes changes of it one at a time.
 *
 * Owns:          the layout row and its copy.
 * Knows:         the store, the layout as the process knows it.
 * Must not know: what the changes are.
 *
 * A node that does not know what it acknowledged must not vote, so the row is written twice, in one
 * batch: at the two ends of the store, which never share a part of a disk in a store of any size.
 * Either is enough; both gone, the node does not start, unless it is known to be alone.
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
import { orDamage, readRow } from '../storage/row-damage.ts';
import type { Store } from '../storage/store.ts';

const LAYOUT_KEYS = [0, 255].map(index => rowKey(partitionId(index), TABLE.layout));

/** What the node had acknowledged cannot be read any more. */
export class LayoutLostError extends Error {
  override readonly name = 'LayoutLostError';
}

/** What is done where no copy of the row can be read. */
export type LostLayout = 'refuse' | 'begin-anew';

type KeptLayout = {
  readonly state: LayoutState;
  readonly isWhole: boolean;
  readonly isLost: boolean;
};

/** Throws LayoutLostError and what the store throws. */
function keptLayout(store: Store, lost: LostLayout): KeptLayout {
  const copies = LAYOUT_KEYS.map(key => orDamage(() => readRow(store, key, decodeLayoutState)));
  const states = copies.filter(copy => copy !== 'damaged' && copy !== undefined);
  const isLost = states.length === 0 && copies.includes('damaged');
  if (isLost && lost === 'refuse') {
    throw new LayoutLostError('the row of the layout and its copy are damaged');
  }
  const isWhole = states.length === LAYOUT_KEYS.length || copies.every(copy => copy === undefined);
  return { state: states.reduce(mergeStates, EMPTY_STATE), isWhole, isLost };
}

export class LayoutKeeper {
  readonly #store: Store;
  readonly #known: KnownLayout;
  /** What was here cannot be read: the node begins as at its first start. */
  readonly beginsAnew: boolean;
  /** Undefined: a copy of the row is missing. */
  #durable: LayoutState | undefined;
  #last: Promise<unknown> = Promise.resolve();

  /** `known` takes over what the store has. Throws LayoutLostError and what the store throws. */
  constructor(store: Store, known: KnownLayout, lost: LostLayout = 'refuse') {
    const { state, isWhole, isLost } = keptLayout(store, lost);
    this.beginsAnew = isLost;
    known.learn(state);
    this.#store = store;
    this.#known = known;
    if (isWhole) this.#durable = mergeStates(state, known.state) === state ? known.state : state;
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
      const durable = this.#durable;
      if (durable !== undefined && mergeStates(durable, this.#known.state) === durable) {
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
    await this.#store.commit(LAYOUT_KEYS.map(key => ({ kind: 'put', key, value }) as const));
    this.#durable = state;
  }
}
