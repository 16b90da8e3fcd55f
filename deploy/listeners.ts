/**
 * The listening sockets of a process: opened together, drained together.
 *
 * Owns:          the order of an end: no new connections, what is in flight, the rest.
 * Knows:         the HTTP server.
 * Must not know: which doors there are.
 */
import type { HttpHandler } from '../gateway/http/exchange.ts';
import type { RefusalRenderer } from '../gateway/http/http-core.ts';
import { startHttpServer, type HttpServer } from '../gateway/http/http-server.ts';
import type { SocketUsers } from '../gateway/http/unix-socket.ts';
import type { ListenAddress } from '../schemas/config-reader.ts';
import type { Environment } from '../schemas/environment.ts';
import type { Log } from '../schemas/telemetry.ts';
import { StartRefusedError } from './start-refused.ts';

export type Door = {
  /** For the log and for errors: `S3`, `website`, … */
  readonly name: string;
  readonly bind: ListenAddress;
  readonly handler: HttpHandler;
  readonly refuse?: RefusalRenderer;
  readonly reusePort?: boolean;
  /** Who may connect, where it is a Unix socket. */
  readonly socketUsers?: SocketUsers;
  readonly trustedProxies?: readonly string[];
};

/** What is in flight when the process is told to end has this long. */
const DRAIN_MS = 10_000;

export class Listeners {
  readonly #environment: Environment;
  readonly #log: Log;
  readonly #servers: HttpServer[] = [];

  constructor(environment: Environment, log: Log) {
    this.#environment = environment;
    this.#log = log;
  }

  /** Throws StartRefusedError with one sentence when the address cannot be had. */
  async open(door: Door): Promise<void> {
    const { name, bind, handler, refuse, reusePort, socketUsers, trustedProxies } = door;
    const host = bind.kind === 'tcp' ? bind.host : bind.path;
    const port = bind.kind === 'tcp' ? bind.port : 0;
    const where = bind.kind === 'tcp' ? `${host}:${String(port)}` : host;
    const { clock, timers } = this.#environment;
    try {
      const server = await startHttpServer({
        ...{ host, port, handler, clock, timers },
        ...(refuse === undefined ? {} : { refuse }),
        ...(reusePort === undefined ? {} : { reusePort }),
        ...(socketUsers === undefined ? {} : { socketUsers }),
        ...(trustedProxies === undefined ? {} : { trustedProxies }),
        log: event => {
          this.#log.error({ door: name, ...event }, 'a request failed in the HTTP server');
        },
      });
      this.#servers.push(server);
      this.#log.info({ door: name, address: where, engine: server.engine.name }, 'listening');
    } catch (error) {
      throw new StartRefusedError(refusal(name, where, error), { cause: error });
    }
  }

  /** Stops accepting, gives what is in flight its time, cuts the rest. */
  async end(): Promise<void> {
    await Promise.all(this.#servers.map(server => server.close()));
    const drained = await Promise.all(this.#servers.map(server => server.drain(DRAIN_MS)));
    if (drained.includes(false)) this.#log.warn({}, 'requests were cut: they took too long to end');
    for (const server of this.#servers) server.closeAll();
  }
}

function refusal(name: string, where: string, error: unknown): string {
  const code = error instanceof Error && 'code' in error ? String(error.code) : undefined;
  if (code === 'EADDRINUSE') {
    return `The ${name} door cannot listen on ${where}: another process does; choose another port.`;
  }
  if (code === 'EACCES') {
    return `The ${name} door may not listen on ${where}: ports below 1024 need privileges.`;
  }
  const why = error instanceof Error ? error.message : String(error);
  return `The ${name} door cannot listen on ${where}: ${why}.`;
}
