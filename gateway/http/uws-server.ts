/**
 * Listens with uWebSockets.js and turns its callbacks into exchanges.
 *
 * Owns:          the app, its listening socket, its one route.
 * Knows:         uWebSockets.js.
 * Must not know: S3; what handlers do.
 *
 * The library shares an occupied port without a word, so the exclusive port is asked for, and a
 * failed listen is repeated with node:net only to learn its error code.
 */
import { createServer } from 'node:net';

import { addressFromBytes } from './client-address.ts';
import { codedError } from './coded-error.ts';
import { checkHead, hasBody } from './head-rules.ts';
import { HttpExchange } from './http-exchange.ts';
import type { HttpCore } from './http-core.ts';
import type { Listener, ListenAddress } from './listener.ts';
import { HeaderList } from './request-headers.ts';
import type { LoadedUws, UwsApp, UwsListenSocket, UwsRequest, UwsResponse } from './uws-loader.ts';
import { UwsWire } from './uws-wire.ts';

const SHARED_PORT = 0;

/** Rejects with an error that has a `code` when the address cannot be had. */
export async function listenWithUws(
  loaded: LoadedUws,
  core: HttpCore,
  address: ListenAddress,
): Promise<Listener> {
  const { uws } = loaded;
  const app = uws.App();
  app.any('/*', (res, req) => {
    accept(core, res, req);
  });
  const socket = await listen(loaded, app, address);
  let isListening = true;
  const stopListening = (): void => {
    if (isListening) uws.us_listen_socket_close(socket);
    isListening = false;
  };
  return {
    port: address.kind === 'unix' ? 0 : uws.us_socket_local_port(socket),
    stopListening,
    closeAll: () => {
      isListening = false;
      app.close();
    },
  };
}

async function listen(
  { uws }: LoadedUws,
  app: UwsApp,
  address: ListenAddress,
): Promise<UwsListenSocket> {
  const socket = await new Promise<UwsListenSocket | false>(resolve => {
    if (address.kind === 'unix') app.listen_unix(resolve, address.path);
    else {
      const options = address.sharing === 'shared' ? SHARED_PORT : uws.LIBUS_LISTEN_EXCLUSIVE_PORT;
      app.listen(address.host, address.port, options, resolve);
    }
  });
  if (socket !== false) return socket;
  throw await listenError(address);
}

/** The library says only "no"; listening once more with Node says why. */
function listenError(address: ListenAddress): Promise<Error> {
  const where =
    address.kind === 'unix' ? { path: address.path } : { host: address.host, port: address.port };
  return new Promise(resolve => {
    const probe = createServer();
    probe.once('error', resolve);
    probe.listen({ ...where, exclusive: true }, () => {
      probe.close(() => {
        resolve(codedError('EADDRINUSE', 'the address was in use and is free again'));
      });
    });
  });
}

/** The one route. It must not throw: the library would end the process. */
function accept(core: HttpCore, res: UwsResponse, req: UwsRequest): void {
  const wire = new UwsWire(res, core);
  const headers = new HeaderList();
  req.forEach((name, value) => {
    headers.add(name, value);
  });
  const line = {
    method: req.getCaseSensitiveMethod(),
    rawPath: req.getUrl(),
    rawQuery: req.getQuery() ?? '',
  };
  const peer = addressFromBytes(new Uint8Array(res.getRemoteAddress()));
  const peerAddress = core.trust.clientAddress(peer, headers);
  const isSecure = core.trust.isSecure(peer, headers);
  const exchange = new HttpExchange({ core, wire, line, headers, peerAddress, isSecure });
  wire.attach(exchange);
  const verdict = checkHead(line, headers, core.limits);
  if (verdict.kind === 'refused') {
    // Not from here: a reply that closes lets the library go on with what else is in the packet,
    // which may be a smuggled request. While a reply is owed it closes the connection instead.
    wire.isCorked = false;
    core.timers.after(0, () => {
      exchange.refuse(verdict);
    });
    return;
  }
  if (hasBody(verdict)) wire.receiveBody(exchange);
  exchange.handle(verdict);
  wire.isCorked = false;
}
