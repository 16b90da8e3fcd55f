/**
 * A server with one handler, on each library there is, for the tests of this folder.
 *
 * Owns:          starting and ending it; handlers and sinks that record what happened.
 * Knows:         ava.
 * Must not know: what is tested.
 */
import type { ExecutionContext } from 'ava';

import type {
  BodySink,
  HttpHandler,
  HttpReply,
  HttpRequest,
  ReplySource,
} from '../../../gateway/http/exchange.ts';
import type { HttpServerEvent } from '../../../gateway/http/http-core.ts';
import { startHttpServer } from '../../../gateway/http/http-server.ts';
import type { HttpServer, HttpServerOptions } from '../../../gateway/http/http-server.ts';
import { loadUws } from '../../../gateway/http/uws-loader.ts';
import type { Timers } from '../../../schemas/environment.ts';
import { manualEnvironment } from '../../support/manual-environment.ts';
import type { ManualEnvironment } from '../../support/manual-environment.ts';
import { RawConnection } from '../../support/raw-http.ts';

export type Engine = 'uws' | 'net';

/** uWebSockets.js has no build for some versions of Node; there only one library is tested. */
export const ENGINES: readonly Engine[] = 'missing' in loadUws() ? ['net'] : ['uws', 'net'];

/** Timers that run; for what only real time can show. */
export const realTimers: Timers = {
  after: (delayMs, callback) => {
    const timer = setTimeout(callback, delayMs);
    return {
      cancel: () => {
        clearTimeout(timer);
      },
    };
  },
};

export type TestServer = {
  readonly server: HttpServer;
  readonly port: number;
  readonly events: readonly HttpServerEvent[];
  readonly environment: ManualEnvironment;
};

/** Starts a server on a free port; it is cut when the test ends. Its time stands still. */
export async function serve(
  t: ExecutionContext,
  engine: Engine,
  handler: HttpHandler,
  options: Partial<HttpServerOptions> = {},
): Promise<TestServer> {
  const events: HttpServerEvent[] = [];
  const environment = manualEnvironment();
  const server = await startHttpServer({
    host: '127.0.0.1',
    port: 0,
    engine,
    handler,
    clock: environment.clock,
    // `after(0)` is "as soon as the stack is empty", which is no matter of time.
    timers: {
      after: (delayMs, callback) =>
        delayMs === 0 ? realTimers.after(0, callback) : environment.timers.after(delayMs, callback),
    },
    log: event => events.push(event),
    ...options,
  });
  t.teardown(() => {
    server.closeAll();
  });
  return { server, port: server.port, events, environment };
}

/** A connection that is destroyed when the test ends. */
export async function connectTo(t: ExecutionContext, port: number): Promise<RawConnection> {
  const connection = await RawConnection.open({ port });
  t.teardown(() => {
    connection.destroy();
  });
  return connection;
}

export function textReply(text: string, status = 200): HttpReply {
  return { status, headers: [], body: { kind: 'bytes', bytes: text } };
}

/** What one sink was told, in order. */
export type Told = { readonly chunks: Buffer[]; readonly ends: string[] };

/** A sink that copies what it is told; `ended` resolves at its end or abort. */
export function recordingSink(): {
  readonly sink: BodySink;
  readonly told: Told;
  readonly ended: Promise<'end' | 'aborted'>;
} {
  const told: Told = { chunks: [], ends: [] };
  let settle: (how: 'end' | 'aborted') => void = () => undefined;
  const ended = new Promise<'end' | 'aborted'>(resolve => {
    settle = resolve;
  });
  const finish = (how: 'end' | 'aborted'): void => {
    told.ends.push(how);
    settle(how);
  };
  const sink: BodySink = {
    chunk: bytes => {
      told.chunks.push(Buffer.from(bytes));
    },
    end: () => {
      finish('end');
    },
    aborted: () => {
      finish('aborted');
    },
  };
  return { sink, told, ended };
}

/** Reads the whole body and answers with its length and how it ended. */
export function countBody(request: HttpRequest): Promise<HttpReply> {
  const { sink, told, ended } = recordingSink();
  request.body.start(sink);
  return ended.then(how => textReply(`${how} ${String(Buffer.concat(told.chunks).length)}`));
}

/** A source of the given pieces that counts what is asked of it. */
export class RecordingSource implements ReplySource {
  readonly asked: number[] = [];
  nextCalls = 0;
  cancelCalls = 0;
  readonly #pieces: (Uint8Array | Error)[];

  constructor(pieces: readonly (Uint8Array | Error)[]) {
    this.#pieces = [...pieces];
  }

  next(): Promise<Uint8Array | undefined> {
    this.nextCalls += 1;
    const piece = this.#pieces.shift();
    return piece instanceof Error ? Promise.reject(piece) : Promise.resolve(piece);
  }

  cancel(): void {
    this.cancelCalls += 1;
  }
}

/** Waits until `holds()`; fails the test with `what` when it does not within 15 s. */
export async function eventually(
  t: ExecutionContext,
  what: string,
  holds: () => boolean,
): Promise<void> {
  const deadline = performance.now() + 15_000;
  while (!holds()) {
    if (performance.now() > deadline) t.fail(`${what} did not happen`);
    await new Promise(resolve => setTimeout(resolve, 5));
  }
}
