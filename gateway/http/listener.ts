/**
 * Where a server listens, and what can be done with it once it does.
 *
 * Owns:          the shapes; reading an address as configuration writes it.
 * Knows:         hosts, ports and paths of Unix sockets.
 * Must not know: which library listens.
 */
import type { SocketUsers } from './unix-socket.ts';

export type ListenAddress =
  | {
      readonly kind: 'tcp';
      readonly host: string;
      /** 0 takes a free one. */
      readonly port: number;
      readonly sharing: 'exclusive' | 'shared';
    }
  | { readonly kind: 'unix'; readonly path: string; readonly users: SocketUsers };

export interface Listener {
  /** The port in use; 0 for a Unix socket. */
  readonly port: number;
  /** Takes no further connection; those that are open go on. Idempotent. */
  stopListening(): void;
  /** Closes every connection; requests in flight are aborted. */
  closeAll(): void;
}

/** A host of `/…` or `unix:/…` is the path of a Unix socket; IPv6 may stand in brackets. */
export function listenAddress(options: {
  readonly host: string;
  readonly port: number;
  readonly reusePort: boolean;
  /** Who may connect to a Unix socket. */
  readonly users: SocketUsers;
}): ListenAddress {
  const { host, users } = options;
  if (host.startsWith('unix:')) return { kind: 'unix', path: host.slice('unix:'.length), users };
  if (host.startsWith('/')) return { kind: 'unix', path: host, users };
  const isBracketed = host.startsWith('[') && host.endsWith(']');
  return {
    kind: 'tcp',
    host: isBracketed ? host.slice(1, -1) : host,
    port: options.port,
    sharing: options.reusePort ? 'shared' : 'exclusive',
  };
}
