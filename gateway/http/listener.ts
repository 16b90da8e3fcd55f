/**
 * Where a server listens, and what can be done with it once it does.
 *
 * Owns:          the shapes; reading an address as configuration writes it.
 * Knows:         hosts, ports and paths of Unix sockets.
 * Must not know: which library listens.
 */

export type ListenAddress =
  | {
      readonly kind: 'tcp';
      readonly host: string;
      /** 0 takes a free one. */
      readonly port: number;
      readonly sharing: 'exclusive' | 'shared';
    }
  | { readonly kind: 'unix'; readonly path: string };

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
}): ListenAddress {
  const { host } = options;
  if (host.startsWith('unix:')) return { kind: 'unix', path: host.slice('unix:'.length) };
  if (host.startsWith('/')) return { kind: 'unix', path: host };
  const isBracketed = host.startsWith('[') && host.endsWith(']');
  return {
    kind: 'tcp',
    host: isBracketed ? host.slice(1, -1) : host,
    port: options.port,
    sharing: options.reusePort ? 'shared' : 'exclusive',
  };
}
