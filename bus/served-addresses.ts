/**
 * What this process serves, conversation by conversation: for the micro services.
 *
 * Owns:          the counters of each conversation, and where it is served.
 * Knows:         addresses.
 * Must not know: the protocol in which it is shown.
 */
import type { Clock } from '../schemas/environment.ts';
import type { Kinded } from '../schemas/wire.ts';
import type { Address } from './bus.ts';
import type { ServiceEndpoints } from './micro-services.ts';
import { ServiceCounters } from './service-counters.ts';

type Entry = { readonly counters: ServiceCounters; readonly subjects: Set<string> };

export class ServedAddresses {
  readonly #clock: Clock;
  readonly #entries = new Map<string, Entry>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** The counters of its conversation. */
  add<Request extends Kinded, Reply extends Kinded>({
    subject,
    conversation,
  }: Address<Request, Reply>): ServiceCounters {
    const { name, request } = conversation;
    const known = this.#entries.get(name);
    if (known !== undefined) {
      known.subjects.add(subject);
      known.counters.addKinds(request.kinds);
      return known.counters;
    }
    const counters = new ServiceCounters(request.kinds, this.#clock);
    this.#entries.set(name, { counters, subjects: new Set([subject]) });
    return counters;
  }

  remove({ subject, conversation }: Address<never, never>): void {
    this.#entries.get(conversation.name)?.subjects.delete(subject);
  }

  endpoints(name: string): readonly ServiceEndpoints[] {
    const entry = this.#entries.get(name);
    if (entry === undefined) return [];
    return [{ subject: patternOf([...entry.subjects]), counters: entry.counters.endpoints }];
  }
}

/** The subject itself, or the pattern that covers all: what they have in common, then wildcards. */
function patternOf(subjects: readonly string[]): string {
  const [first = '', ...others] = subjects;
  const tokens = first.split('.');
  const rest = others.map(subject => subject.split('.'));
  const isShared = (index: number): boolean =>
    rest.every(other => other.length === tokens.length && other[index] === tokens[index]);
  return tokens.map((token, index) => (isShared(index) ? token : '*')).join('.');
}
