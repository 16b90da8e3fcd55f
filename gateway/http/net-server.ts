/**
 * Listens with node:net and keeps the list of connections.
 *
 * Owns:          the listening socket; the set of connections; the one timer over them.
 * Knows:         node:net.
 * Must not know: HTTP messages.
 */
import { createServer } from 'node:net';
import type { ListenOptions, Socket } from 'node:net';

import type { HttpCore } from './http-core.ts';
import type { ListenAddress, Listener } from './listener.ts';
import { NetConnection } from './net-connection.ts';
import { ReadMemory, type Receiver } from './read-memory.ts';
import { StallWatch } from './stall-watch.ts';

const BACKLOG = 1024;

/** Rejects with an error that has a `code` when the address cannot be had. */
export function listenWithNet(core: HttpCore, address: ListenAddress): Promise<Listener> {
  const connections = new Set<NetConnection>();
  const watch = new StallWatch(core.timers);
  const closed = (connection: NetConnection): void => {
    connections.delete(connection);
    watch.remove(connection);
  };
  const memory = new ReadMemory();
  const options = { allowHalfOpen: true, noDelay: true, pauseOnConnect: true };
  const server = createServer(options, accepted => {
    const open = (receive: Receiver): Socket => memory.open(accepted, server, receive);
    const connection = new NetConnection(open, core, closed);
    connections.add(connection);
    watch.add(connection);
  });
  server.maxConnections = core.limits.connectionsMax;
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(listenOptions(address), () => {
      server.off('error', reject);
      const bound = server.address();
      resolve({
        port: typeof bound === 'object' && bound !== null ? bound.port : 0,
        stopListening: () => {
          server.close();
          for (const connection of [...connections]) if (connection.isIdle) connection.cut();
        },
        closeAll: () => {
          server.close();
          for (const connection of [...connections]) connection.cut();
          watch.stop();
        },
      });
    });
  });
}

function listenOptions(address: ListenAddress): ListenOptions {
  if (address.kind === 'unix') return { path: address.path, backlog: BACKLOG };
  const isShared = address.sharing === 'shared';
  const shared = isShared ? { reusePort: true } : {};
  const { host, port } = address;
  return { host, port, backlog: BACKLOG, exclusive: true, ...shared };
}
