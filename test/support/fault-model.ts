/**
 * What a client may expect of each key after what it was told.
 *
 * Owns:          for each key the last acknowledged value and those whose fate is open.
 * Knows:         that each key has one writer, who waits for an answer before the next request.
 * Must not know: servers, faults.
 *
 * A write that was answered 5xx, or not at all, is open: it may be there or not, until a later
 * write of the same key is acknowledged, which is stamped above it. `lost` means an acknowledged
 * write is not there (the key shows an older state); `wrong` means bytes that were never stored
 * there.
 *
 * A machine without power answers nobody; one whose file system is merely stopped goes on talking.
 * What it says of a write that was under way in that moment is worth nothing: the kernel answers
 * an fdatasync that meets the end of its journal with success now and then (seen with a program of
 * ten lines that only appends). So such writes stay open whatever is said of them. What begins
 * after the cut counts as ever: if it is acknowledged, it must be there.
 */
import type { Content } from './fault-content.ts';

export type Value = Content | 'absent';

/** What a read showed: the SHA-256 of the bytes, or that nothing is there. */
export type Seen = { readonly sha256: string } | 'absent';

export type Verdict = 'right' | 'lost' | 'wrong';

/** A read that was begun: whatever was there then, or is written before it ends, may be seen. */
export type Reading = { readonly key: string; readonly values: Value[] };

type KeyState = {
  settled: Value;
  open: Value[];
  /** The names of all contents that were ever sent for this key. */
  readonly everSent: Set<string>;
  /** Reads under way by others than the writer. */
  readonly readings: Set<Reading>;
  /** The write under way was overtaken by a power cut. */
  isCut: boolean;
};

export class FaultModel {
  readonly #keys = new Map<string, KeyState>();
  #isCutting = false;
  acknowledgedWrites = 0;
  openWrites = 0;

  /** All keys that were ever written. */
  get keys(): readonly string[] {
    return [...this.#keys.keys()];
  }

  /** The value that is certainly there, or undefined when that is open. */
  certain(key: string): Value | undefined {
    const state = this.#keys.get(key);
    if (state === undefined) return 'absent';
    return state.open.length === 0 ? state.settled : undefined;
  }

  /** A write is sent: from now on it may be seen. */
  begin(key: string, value: Value): void {
    const state = this.#state(key);
    state.isCut = this.#isCutting;
    state.open.push(value);
    for (const reading of state.readings) reading.values.push(value);
    if (value !== 'absent') state.everSent.add(value.sha256);
    this.openWrites += 1;
  }

  acknowledge(key: string, value: Value): void {
    const state = this.#state(key);
    if (state.isCut) return;
    this.openWrites -= 1;
    this.acknowledgedWrites += 1;
    state.settled = value;
    state.open = [];
  }

  /** The server said for certain that nothing was changed. */
  refuse(key: string, value: Value): void {
    const state = this.#state(key);
    this.openWrites -= 1;
    state.open = state.open.filter(other => other !== value);
  }

  /** The power is cut while `cut` runs. */
  async duringCut(cut: () => Promise<void>): Promise<void> {
    this.#isCutting = true;
    for (const state of this.#keys.values()) state.isCut = true;
    await cut();
    this.#isCutting = false;
  }

  judge(key: string, seen: Seen): Verdict {
    const state = this.#state(key);
    if ([state.settled, ...state.open].some(value => isSame(value, seen))) return 'right';
    if (seen === 'absent' || state.everSent.has(seen.sha256)) return 'lost';
    return 'wrong';
  }

  /** Somebody else than the key's writer asks for it. */
  beginRead(key: string): Reading {
    const state = this.#state(key);
    const reading = { key, values: [state.settled, ...state.open] };
    state.readings.add(reading);
    return reading;
  }

  /** `undefined`: the read showed nothing. */
  endRead(reading: Reading, seen: Seen | undefined): Verdict {
    const state = this.#state(reading.key);
    state.readings.delete(reading);
    if (seen === undefined || reading.values.some(value => isSame(value, seen))) return 'right';
    return seen === 'absent' || state.everSent.has(seen.sha256) ? 'lost' : 'wrong';
  }

  /** What was read while nothing else went on is what is stored from now on. */
  settle(key: string, seen: Seen): void {
    const state = this.#state(key);
    const value = [state.settled, ...state.open].find(candidate => isSame(candidate, seen));
    if (value === undefined) throw new Error(`${key} shows what it must not: judge it first`);
    state.settled = value;
    state.open = [];
  }

  /** The blocks of all that is certainly stored. Throws while the state of a key is open. */
  blocks(): Set<string> {
    const blocks = new Set<string>();
    for (const [key, { settled, open }] of this.#keys) {
      if (open.length > 0) throw new Error(`whether ${key} was written is open`);
      if (settled !== 'absent') for (const block of settled.blocks) blocks.add(block);
    }
    return blocks;
  }

  #state(key: string): KeyState {
    let state = this.#keys.get(key);
    if (state === undefined) {
      state = {
        settled: 'absent',
        open: [],
        everSent: new Set(),
        readings: new Set(),
        isCut: false,
      };
      this.#keys.set(key, state);
    }
    return state;
  }
}

function isSame(value: Value, seen: Seen): boolean {
  if (value === 'absent' || seen === 'absent') return value === seen;
  return value.sha256 === seen.sha256;
}
