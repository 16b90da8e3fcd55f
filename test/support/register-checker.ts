/**
 * What clients of some registers did and saw, and whether that keeps the promise of a read.
 *
 * Owns:          the history, and the rule that finds a stale read in it.
 * Knows:         beginnings and ends, in one time for all.
 * Must not know: how registers are kept.
 *
 * A read that began after a write was acknowledged returns that write or a newer one. So it may not
 * return what was overwritten before it began: the older write acknowledged before the newer one
 * began, and the newer one acknowledged before the read did. What was never acknowledged may appear
 * at any time after it began, or never.
 */

/** `deleted`: any of the deletions, or nothing was there yet. */
export type Value = number | 'deleted';

type Write = { readonly value: Value; readonly beganMs: number; acknowledgedMs: number };

export type StaleRead = {
  readonly key: string;
  readonly saw: Value;
  readonly beganMs: number;
  readonly hides: Value;
};

export class RegisterChecker {
  readonly #writes = new Map<string, Write[]>();
  readonly stale: StaleRead[] = [];
  reads = 0;
  acknowledged = 0;

  #of(key: string): Write[] {
    const known = this.#writes.get(key);
    if (known !== undefined) return known;
    const nothingYet: Write = { value: 'deleted', beganMs: -2, acknowledgedMs: -1 };
    const writes = [nothingYet];
    this.#writes.set(key, writes);
    return writes;
  }

  get keys(): readonly string[] {
    return [...this.#writes.keys()];
  }

  /** Call the result when the write is acknowledged. */
  begin(key: string, value: Value, nowMs: number): (nowMs: number) => void {
    const write: Write = { value, beganMs: nowMs, acknowledgedMs: Number.POSITIVE_INFINITY };
    this.#of(key).push(write);
    return acknowledgedMs => {
      write.acknowledgedMs = acknowledgedMs;
      this.acknowledged += 1;
    };
  }

  /** A read that began then has returned this. */
  saw(key: string, value: Value, beganMs: number): void {
    this.reads += 1;
    const writes = this.#of(key);
    const before = writes.filter(write => write.acknowledgedMs < beganMs);
    const hiderOf = (seen: Write): Write | undefined =>
      before.find(newer => seen.acknowledgedMs < newer.beganMs);
    const candidates = writes.filter(write => write.value === value);
    if (candidates.some(seen => hiderOf(seen) === undefined)) return;
    const hider = candidates.map(hiderOf)[0];
    this.stale.push({ key, saw: value, beganMs, hides: hider?.value ?? 'deleted' });
  }
}
