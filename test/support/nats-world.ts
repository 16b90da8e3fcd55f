/**
 * Buses on real nats-servers, as processes of a cluster would have them.
 *
 * Owns:          their making, waiting for each other, and their end.
 * Knows:         the NATS bus.
 * Must not know: what is tested.
 */
import { setTimeout as delay } from 'node:timers/promises';
import type { Bus, Topic } from '../../bus/bus.ts';
import { NatsBus, type NatsBusOptions } from '../../bus/nats-bus.ts';
import type { NatsLogin } from '../../bus/nats-client.ts';
import { realEnvironment } from '../../deploy/real-environment.ts';
import { wordTopic } from './echo-conversation.ts';
import { QuietLog } from './quiet-log.ts';

type Teardown = { teardown(undo: () => void | Promise<void>): void };

export type OpenedBus = {
  readonly bus: NatsBus;
  readonly log: QuietLog;
  /** What servers and listeners threw, by message. */
  readonly failures: string[];
};

const ANYONE: NatsLogin = { kind: 'password', user: '', password: '' };
const PATIENCE_MS = 20_000;

/** Closed at the end of the test. */
export function openBus(
  t: Teardown,
  urls: readonly string[],
  options: Partial<NatsBusOptions> & { readonly login?: NatsLogin } = {},
): OpenedBus {
  const log = new QuietLog();
  const failures: string[] = [];
  const { login = ANYONE, ...rest } = options;
  const bus = new NatsBus({
    environment: realEnvironment,
    log,
    access: { urls, login },
    name: 'test',
    version: '0.0.1',
    metadata: () => ({}),
    onServerFailure: (_, failure) => failures.push((failure as Error).message),
    ...rest,
  });
  t.teardown(() => bus.close());
  return { bus, log, failures };
}

/** Asks again and again until it is so; says what was not when it never becomes so. */
export async function eventually(
  claim: string,
  isSo: () => boolean | Promise<boolean>,
): Promise<void> {
  const startedMs = performance.now();
  while (!(await isSo())) {
    if (performance.now() - startedMs > PATIENCE_MS) throw new Error(`never: ${claim}`);
    await delay(5);
  }
}

export async function connected(...buses: readonly NatsBus[]): Promise<void> {
  await eventually('connected', () => buses.every(bus => bus.isConnected));
}

let topics = 0;

/**
 * Until each of the two sees what the other subscribed before: a subscription made after those is
 * seen after those, on the same connections.
 */
export async function settled(one: Bus, other: Bus): Promise<void> {
  await Promise.all([heardFrom(one, other), heardFrom(other, one)]);
}

async function heardFrom(publisher: Bus, listener: Bus): Promise<void> {
  topics += 1;
  const topic: Topic<string> = wordTopic(`settle-${String(process.pid)}-${String(topics)}`);
  let isHeard = false;
  const subscription = listener.listen(topic, () => (isHeard = true));
  await eventually('heard', () => {
    publisher.publish(topic, 'x');
    return isHeard;
  });
  subscription.close();
}
