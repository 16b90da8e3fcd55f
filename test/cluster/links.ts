/**
 * The links between sites: how long they take, and what is wrong with them at the moment.
 *
 * Owns:          the state of each direction between two sites.
 * Knows:         names of sites.
 * Must not know: sockets.
 */
import type { LinkState } from './delay-line.ts';

/** Round trip in milliseconds between two sites, by `a b` in the order of the alphabet. */
export type RoundTrips = (one: string, other: string) => number;

/** What may be wrong with one direction. */
export type LinkFault = {
  readonly isCut?: boolean;
  /** On top of what the link takes anyway. */
  readonly extraDelayMs?: number;
  readonly bytesPerSecond?: number;
};

export class Links {
  readonly sites: readonly string[];
  readonly #roundTrips: RoundTrips;
  readonly #states = new Map<string, LinkState>();
  readonly #listeners = new Set<() => void>();

  constructor(sites: readonly string[], roundTrips: RoundTrips) {
    this.sites = sites;
    this.#roundTrips = roundTrips;
    for (const from of sites) for (const to of sites) this.#set(from, to, {});
  }

  /** One object for each direction until that is changed. */
  state(from: string, to: string): LinkState {
    const state = this.#states.get(`${from} ${to}`);
    if (state === undefined) throw new Error(`there is no link from ${from} to ${to}`);
    return state;
  }

  /** One direction; nothing given mends it. */
  oneWay(from: string, to: string, fault: LinkFault): void {
    this.#set(from, to, fault);
    this.#tell();
  }

  /** Both directions between two sites. */
  between(one: string, other: string, fault: LinkFault): void {
    this.#set(one, other, fault);
    this.#set(other, one, fault);
    this.#tell();
  }

  /** All that joins a site to the others. */
  around(site: string, fault: LinkFault): void {
    for (const other of this.sites) if (other !== site) this.between(site, other, fault);
  }

  everywhere(fault: LinkFault): void {
    for (const site of this.sites) this.around(site, fault);
  }

  heal(): void {
    this.everywhere({});
  }

  onChange(listener: () => void): void {
    this.#listeners.add(listener);
  }

  #set(from: string, to: string, fault: LinkFault): void {
    const { isCut = false, extraDelayMs = 0, bytesPerSecond = 0 } = fault;
    const delayMs = from === to ? 0 : this.#roundTrips(from, to) / 2 + extraDelayMs;
    this.#states.set(`${from} ${to}`, { delayMs, isCut, bytesPerSecond, freeAtMs: 0 });
  }

  #tell(): void {
    for (const listener of this.#listeners) listener();
  }
}
