/**
 * A connection of its own for the blocks of each node.
 *
 * Owns:          which are open, and when one is closed again.
 * Knows:         how one is made, by a function that it is handed.
 * Must not know: NATS.
 *
 * A node that stands still makes its nats-server stall whoever sends to it, the whole connection:
 * so the blocks of one node share a connection with nothing else.
 */
import type { Clock, Timer, Timers } from '../schemas/environment.ts';
import type { NodeId } from '../schemas/ids.ts';
import { BULK_IDLE_MS } from '../schemas/limits.ts';

export interface BulkConnection {
  readonly isIdle: boolean;
  close(): Promise<void>;
}

export type BulkConnectionsOptions<Connection extends BulkConnection> = {
  readonly clock: Clock;
  readonly timers: Timers;
  readonly open: (node: NodeId) => Connection;
};

type Opened<Connection> = { readonly connection: Connection; usedAtMs: number };

export class BulkConnections<Connection extends BulkConnection> {
  readonly #options: BulkConnectionsOptions<Connection>;
  readonly #opened = new Map<NodeId, Opened<Connection>>();
  #sweeper: Timer | undefined;

  constructor(options: BulkConnectionsOptions<Connection>) {
    this.#options = options;
  }

  /** Opened at the first use. */
  for(node: NodeId): Connection {
    const usedAtMs = this.#options.clock.monotonicMs();
    const known = this.#opened.get(node);
    if (known !== undefined) {
      known.usedAtMs = usedAtMs;
      return known.connection;
    }
    const connection = this.#options.open(node);
    this.#opened.set(node, { connection, usedAtMs });
    this.#sweeper ??= this.#options.timers.after(BULK_IDLE_MS, this.#sweep);
    return connection;
  }

  get count(): number {
    return this.#opened.size;
  }

  readonly #sweep = (): void => {
    const { clock, timers } = this.#options;
    const idleSince = clock.monotonicMs() - BULK_IDLE_MS;
    for (const [node, { connection, usedAtMs }] of this.#opened) {
      if (usedAtMs > idleSince || !connection.isIdle) continue;
      this.#opened.delete(node);
      void connection.close();
    }
    this.#sweeper = this.#opened.size === 0 ? undefined : timers.after(BULK_IDLE_MS, this.#sweep);
  };

  async closeAll(): Promise<void> {
    this.#sweeper?.cancel();
    const connections = [...this.#opened.values()].map(({ connection }) => connection.close());
    this.#opened.clear();
    await Promise.all(connections);
  }
}
