/**
 * The events that wait for one listener.
 *
 * Owns:          their order and their bound.
 * Knows:         nothing else.
 * Must not know: what the events are.
 *
 * A listener is called later than the publisher's step, and never after it stopped listening. When
 * too many wait, the oldest go: events are hints, and the newest say most.
 */
import { EVENTS_WAITING_MAX } from '../schemas/limits.ts';

export class EventQueue<Event> {
  readonly #listener: (event: Event) => void;
  readonly #failed: (failure: unknown) => void;
  #waiting: Event[] = [];
  #isClosed = false;

  constructor(listener: (event: Event) => void, failed: (failure: unknown) => void) {
    this.#listener = listener;
    this.#failed = failed;
  }

  push(event: Event): void {
    if (this.#waiting.length === 0) queueMicrotask(this.#deliver);
    else if (this.#waiting.length === EVENTS_WAITING_MAX) this.#waiting.shift();
    this.#waiting.push(event);
  }

  close(): void {
    this.#isClosed = true;
  }

  readonly #deliver = (): void => {
    const events = this.#waiting;
    this.#waiting = [];
    for (const event of events) {
      if (this.#isClosed) return;
      try {
        this.#listener(event);
      } catch (failure) {
        this.#failed(failure);
      }
    }
  };
}
