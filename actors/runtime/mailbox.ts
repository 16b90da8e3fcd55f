/**
 * The bounded queue in front of an actor.
 *
 * Owns:          the waiting items, their number and their weight.
 * Knows:         nothing about them.
 * Must not know: what a refusal is called.
 *
 * Weight is bounded beside number, because ten thousand parts of a completed upload weigh more than
 * ten thousand deletions. An empty mailbox takes an item of any weight, or it would never be taken.
 */
import { assert } from '../../schemas/assert.ts';

export type MailboxBounds = { readonly itemsMax: number; readonly weightMax: number };

/** Taken items leave holes at the front; they are closed once there are so many. */
const HOLES_MAX = 1024;

export class Mailbox<Item> {
  readonly #bounds: MailboxBounds;
  #items: ({ readonly item: Item; readonly weight: number } | undefined)[] = [];
  #first = 0;
  #weight = 0;

  constructor(bounds: MailboxBounds) {
    assert(bounds.itemsMax > 0, 'a mailbox holds something');
    this.#bounds = bounds;
  }

  get length(): number {
    return this.#items.length - this.#first;
  }

  get weight(): number {
    return this.#weight;
  }

  /** False when it is full: the item was not taken in. */
  offer(item: Item, weight: number): boolean {
    const waiting = this.length;
    if (waiting >= this.#bounds.itemsMax) return false;
    if (waiting > 0 && this.#weight + weight > this.#bounds.weightMax) return false;
    this.#items.push({ item, weight });
    this.#weight += weight;
    return true;
  }

  /** The item that waited longest, left where it is. */
  peek(): Item | undefined {
    return this.#items[this.#first]?.item;
  }

  /** The item that waited longest; undefined when there is none. */
  take(): Item | undefined {
    const slot = this.#items[this.#first];
    if (slot === undefined) return undefined;
    this.#items[this.#first] = undefined;
    this.#first += 1;
    this.#weight -= slot.weight;
    this.#closeHoles();
    return slot.item;
  }

  #closeHoles(): void {
    if (this.#first === this.#items.length) {
      this.#items.length = 0;
      this.#first = 0;
    } else if (this.#first >= HOLES_MAX) {
      this.#items = this.#items.slice(this.#first);
      this.#first = 0;
    }
  }
}
