/**
 * A listening HTTP/1.1 server: one address, one handler.
 *
 * Owns:          the choice of the library; starting, draining and ending a server.
 * Knows:         HTTP.
 * Must not know: S3; which doors there are.
 *
 * Stopping has three steps, in this order: `close` (no new connections), `drain` (what is in
 * flight gets its time), `closeAll` (the rest is cut).
 */
import { HttpCore } from './http-core.ts';
import type { HttpCoreOptions, HttpCounters } from './http-core.ts';
import { listenAddress } from './listener.ts';
import { listenWithNet } from './net-server.ts';
import { loadUws } from './uws-loader.ts';
import type { LoadedUws } from './uws-loader.ts';
import { freeSocketPath, openSocketTo, type SocketUsers } from './unix-socket.ts';
import { listenWithUws } from './uws-server.ts';

export type HttpServerOptions = HttpCoreOptions & {
  /** `127.0.0.1`, `0.0.0.0`, `::1`, `[::]`, or the path of a Unix socket. */
  readonly host: string;
  /** 0 takes a free port. */
  readonly port: number;
  /** Lets several processes listen on the same port; otherwise an occupied port is an error. */
  readonly reusePort?: boolean;
  /** Who may connect to a Unix socket: everybody unless said otherwise. */
  readonly socketUsers?: SocketUsers;
  /** Which library carries the bytes; see `chooseEngine`. */
  readonly engine?: EngineChoice;
};

export type EngineChoice = 'auto' | 'uws' | 'net';

/** What carries the bytes, for the log line at the start. */
export type HttpEngine = {
  readonly name: string;
  /** Heads up to here pass however they are cut into packets; longer ones may be closed. */
  readonly headBytes: number;
};

export interface HttpServer {
  readonly port: number;
  readonly engine: HttpEngine;
  readonly counters: Readonly<HttpCounters>;
  /** Stops accepting connections; replies from now on end theirs. */
  close(): Promise<void>;
  /** Waits until nothing is in flight; false when `deadlineMs` passed first. */
  drain(deadlineMs: number): Promise<boolean>;
  /** Cuts every connection. */
  closeAll(): void;
}

/** Starts listening. Rejects with an error that has a `code` (EADDRINUSE, EACCES, …). */
export async function startHttpServer(options: HttpServerOptions): Promise<HttpServer> {
  const core = new HttpCore(options);
  const { reusePort = false, socketUsers: users = 'everybody' } = options;
  const address = listenAddress({ ...options, reusePort, users });
  const engine = chooseEngine(options.engine ?? 'auto', reusePort);
  if (address.kind === 'unix') await freeSocketPath(address.path);
  const listener = await (engine.uws === undefined
    ? listenWithNet(core, address)
    : listenWithUws(engine.uws, core, address));
  if (address.kind === 'unix') openSocketTo(address.users, address.path);
  return {
    port: listener.port,
    engine: describe(engine, core),
    counters: core.counters,
    close: () => {
      core.isClosing = true;
      listener.stopListening();
      return Promise.resolve();
    },
    drain: deadlineMs => core.idle(deadlineMs),
    closeAll: () => {
      core.isClosing = true;
      core.watch.stop();
      listener.closeAll();
    },
  };
}

type ChosenEngine = { readonly uws: LoadedUws | undefined };

/**
 * The official uWebSockets.js where it is installed, else node:net.
 *
 * The build on npm is not chosen by itself: it closes a body of 1,000,000,000 bytes or more, never
 * answers a request whose header names have an underscore (user metadata does) or that has more
 * than 48 headers, and closes heads over 4096 bytes that come in packets. It is taken where it is
 * asked for, and where a port must be shared and this Node cannot share one.
 */
function chooseEngine(choice: EngineChoice, reusePort: boolean): ChosenEngine {
  if (choice === 'net') return { uws: undefined };
  const loaded = loadUws();
  const uws = 'missing' in loaded ? undefined : loaded;
  if (choice === 'uws' && 'missing' in loaded) throw new Error(loaded.missing);
  const isWanted = choice === 'uws' || uws?.isOfficial === true;
  const mustShare = reusePort && !canSharePorts();
  if (mustShare && uws === undefined) {
    throw new Error('reuse_port needs Node 22.12 or uWebSockets.js');
  }
  return { uws: isWanted || mustShare ? uws : undefined };
}

/** node:net knows `reusePort` since 22.12 and 23.1; older ones ignore it without a word. */
function canSharePorts(): boolean {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  return major > 23 || (major === 23 && minor >= 1) || (major === 22 && minor >= 12);
}

function describe(engine: ChosenEngine, core: HttpCore): HttpEngine {
  if (engine.uws === undefined) return { name: 'node:net', headBytes: core.limits.headBytesMax };
  return { name: engine.uws.packageName, headBytes: engine.uws.headBytes };
}
