/**
 * Which version becomes the current one when the current one goes.
 *
 * Owns:          finding the newest versions of a key's history, and noting what comes meanwhile.
 * Knows:         the history of a key.
 * Must not know: why the current version goes.
 *
 * Finding them takes a walk, and a step does not wait; so whoever may need them walks before and
 * hands in what was found, and the step looks each up again. A version that comes into the history
 * while its key is watched, late from another replica for one, is noted with them.
 */
import type { PartitionId } from '../../schemas/ids.ts';
import type { ObjectPlace } from '../../schemas/messages/table.ts';
import type { StoredVersion } from '../../schemas/records/object-row.ts';
import type { Timestamp } from '../../schemas/timestamp.ts';
import type { Store } from '../storage/store.ts';
import { readHistory, standing, type KeyRows } from './history-rows.ts';
import { historyOf } from './history-walk.ts';

/** Stamps of what stands below the current version; `isAll`: the walk found no more. */
export type Successors = { readonly stamps: Iterable<Timestamp>; readonly isAll: boolean };

const SUCCESSORS_MAX = 64;

/** The newest that stand, past what has ended. Throws what the store throws. */
export async function walkSuccessors(
  here: { readonly store: Store; readonly partition: PartitionId },
  place: ObjectPlace,
): Promise<{ readonly stamps: readonly Timestamp[]; readonly isAll: boolean }> {
  const stamps: Timestamp[] = [];
  for await (const row of historyOf(here, place)) {
    if (stamps.length === SUCCESSORS_MAX) return { stamps, isAll: false };
    if (standing(row) !== undefined) stamps.push(row.timestamp);
  }
  return { stamps, isAll: true };
}

/** The newest of them that stands now; `walk`: these do not tell. Throws what reading throws. */
export function newestStanding(
  at: KeyRows,
  { stamps, isAll }: Successors,
): StoredVersion | undefined | 'walk' {
  let newest: StoredVersion | undefined;
  for (const stamp of stamps) {
    if (newest !== undefined && stamp <= newest.timestamp) continue;
    newest = readHistory(at, stamp) ?? newest;
  }
  return newest ?? (isAll ? undefined : 'walk');
}

type Watched = { watchers: number; readonly stamps: Set<Timestamp> };

/** What comes into the history of the keys that are looked at just now. */
export class HistoryWatch {
  readonly #watched = new Map<string, Watched>();

  /** Of every version that is put into a history. */
  note(place: ObjectPlace, stamp: Timestamp): void {
    if (this.#watched.size > 0) this.#watched.get(nameOf(place))?.stamps.add(stamp);
  }

  /** What is noted from now on; `unwatch` ends it. */
  watch(place: ObjectPlace): ReadonlySet<Timestamp> {
    const name = nameOf(place);
    const watched = this.#watched.get(name) ?? { watchers: 0, stamps: new Set<Timestamp>() };
    watched.watchers += 1;
    this.#watched.set(name, watched);
    return watched.stamps;
  }

  unwatch(place: ObjectPlace): void {
    const name = nameOf(place);
    const watched = this.#watched.get(name);
    if (watched === undefined) return;
    watched.watchers -= 1;
    if (watched.watchers === 0) this.#watched.delete(name);
  }
}

/** By which a key is known among those that are watched. */
export function nameOf({ bucket, shard, key }: ObjectPlace): string {
  return `${bucket}/${String(shard)}/${key}`;
}

/**
 * What one request learns of the keys whose current version it ends. A key is watched before it is
 * walked, and between the two the request is tried once more: by then whatever came before the
 * watch is committed, and seen by the walk.
 */
export class SuccessorSearch {
  readonly #here: { readonly store: Store; readonly partition: PartitionId };
  readonly #watch: HistoryWatch;
  readonly #noted = new Map<string, ReadonlySet<Timestamp>>();
  readonly #places: ObjectPlace[] = [];
  readonly #known = new Map<string, Successors>();

  constructor(
    here: { readonly store: Store; readonly partition: PartitionId },
    watch: HistoryWatch,
  ) {
    this.#here = here;
    this.#watch = watch;
  }

  get known(): ReadonlyMap<string, Successors> {
    return this.#known;
  }

  of(place: ObjectPlace): Successors | undefined {
    return this.#known.get(nameOf(place));
  }

  /** Watches those that are not watched yet, and walks the others. Throws what the store throws. */
  async look(places: readonly ObjectPlace[]): Promise<void> {
    for (const place of places) {
      const name = nameOf(place);
      const noted = this.#noted.get(name);
      if (noted === undefined) {
        this.#noted.set(name, this.#watch.watch(place));
        this.#places.push(place);
        continue;
      }
      const { stamps: walked, isAll } = await walkSuccessors(this.#here, place);
      const stamps = {
        *[Symbol.iterator]() {
          yield* walked;
          yield* noted;
        },
      };
      this.#known.set(name, { stamps, isAll });
    }
  }

  end(): void {
    for (const place of this.#places) this.#watch.unwatch(place);
  }
}
