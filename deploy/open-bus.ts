/**
 * The bus of a process: embedded, or on the nats-servers of its configuration.
 *
 * Owns:          which of the two.
 * Knows:         the configuration.
 * Must not know: who talks on it.
 */
import type { Bus } from '../bus/bus.ts';
import { MemoryBus } from '../bus/memory-bus.ts';
import type { MicroService } from '../bus/micro-services.ts';
import type { PeerClocks } from '../bus/nats-serving.ts';
import { Subjects } from '../bus/subjects.ts';
import type { LayoutVersion } from '../schemas/cluster-layout.ts';
import type { Config } from '../schemas/config.ts';
import type { Environment } from '../schemas/environment.ts';
import type { NodeId } from '../schemas/ids.ts';
import type { Log } from '../schemas/telemetry.ts';

export type OpenBusOptions = {
  readonly config: Config;
  readonly nodeId: NodeId;
  readonly rpcSecret: string;
  readonly environment: Environment;
  readonly log: Log;
  /** As it is known now; undefined: not yet. */
  readonly layout: () => LayoutVersion | undefined;
  readonly peerClocks: PeerClocks;
};

export type OpenedBus = {
  readonly bus: Bus;
  readonly subjects: Subjects;
  /** By which requests of this process are known to others; 0 where there are none. */
  readonly process: number;
  /** The nats-server of the control connection. */
  readonly server: () => string | undefined;
  /** Among NATS's micro services; what is served on the bus is there by itself. */
  show(service: MicroService): void;
  /** Answers what was taken on, and leaves. */
  close(): Promise<void>;
};

const EMBEDDED_NAME = 'local';

/** Rejects with StartRefusedError. Nats-servers that are away are no reason not to start. */
export async function openBus(options: OpenBusOptions): Promise<OpenedBus> {
  const { config, environment, log } = options;
  const onServerFailure = (subject: string, error: unknown): void => {
    log.error({ subject, error }, 'an actor failed to answer');
  };
  if (config.nats !== undefined) {
    const { openNatsBus } = await import('./open-nats-bus.ts');
    return openNatsBus(config.nats, { ...options, onServerFailure });
  }
  const bus = new MemoryBus({ ...environment, onServerFailure });
  const alone = { process: 0, server: () => undefined, show: () => undefined };
  const subjects = new Subjects(EMBEDDED_NAME);
  return { bus, subjects, ...alone, close: () => Promise.resolve() };
}
