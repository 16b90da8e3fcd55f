/**
 * The way into one nats-server for the gateways of other sites: through a link that takes its time.
 *
 * Owns:          the connections through it, and finding out from which site each comes.
 * Knows:         the first line that a NATS gateway sends: CONNECT, with the name of its site.
 * Must not know: what else is said.
 *
 * A nats-server tells all others one address of its own, so the address cannot say who connects.
 * The greeting of the nats-server is let through at once; what the other end answers says who it
 * is, and everything from there on takes the link between the two.
 */
import { createConnection, createServer, type Server, type Socket } from 'node:net';
import { once } from 'node:events';
import { DelayLine } from './delay-line.ts';
import type { Links } from './links.ts';

export type SiteProxyOptions = {
  readonly links: Links;
  /** Where the nats-server behind it stands. */
  readonly site: string;
  readonly targetPort: number;
};

const CONNECT_BYTES_MAX = 64 * 1024;

export class SiteProxy {
  readonly #options: SiteProxyOptions;
  readonly #server: Server;
  readonly #lines = new Set<DelayLine>();
  readonly #sockets = new Set<Socket>();

  private constructor(options: SiteProxyOptions) {
    this.#options = options;
    this.#server = createServer({ noDelay: true }, socket => {
      this.#accept(socket);
    });
    options.links.onChange(() => {
      for (const line of this.#lines) line.wake();
    });
  }

  static async listen(options: SiteProxyOptions, port: number): Promise<SiteProxy> {
    const proxy = new SiteProxy(options);
    proxy.#server.listen(port, '127.0.0.1');
    await once(proxy.#server, 'listening');
    return proxy;
  }

  close(): void {
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
  }

  #accept(near: Socket): void {
    const { targetPort } = this.#options;
    const far = createConnection({ port: targetPort, host: '127.0.0.1', noDelay: true });
    for (const socket of [near, far]) {
      this.#sockets.add(socket);
      // Its close follows, and is passed on in its turn.
      socket.on('error', () => undefined);
      socket.on('close', () => this.#sockets.delete(socket));
      socket.on('end', () => socket.destroy());
    }
    this.#identify(near, far);
  }

  #identify(near: Socket, far: Socket): void {
    let heard = Buffer.alloc(0);
    const greet = (bytes: Buffer): void => {
      near.write(bytes);
    };
    const hear = (bytes: Buffer): void => {
      heard = Buffer.concat([heard, bytes]);
      const from = siteIn(heard);
      if (from === undefined && heard.length < CONNECT_BYTES_MAX) return;
      stop();
      if (from === undefined || !this.#options.links.sites.includes(from)) {
        near.destroy();
        far.destroy();
        return;
      }
      this.#join({ near, far, from, heard });
    };
    const giveUp = (): void => {
      near.destroy();
      far.destroy();
    };
    const stop = (): void => {
      near.off('data', hear).off('close', giveUp);
      far.off('data', greet).off('close', giveUp);
    };
    near.on('data', hear).on('close', giveUp);
    far.on('data', greet).on('close', giveUp);
  }

  #join(joined: {
    readonly near: Socket;
    readonly far: Socket;
    readonly from: string;
    readonly heard: Buffer;
  }): void {
    const { near, far, from, heard } = joined;
    const { links, site } = this.#options;
    const inward = new DelayLine(near, far, () => links.state(from, site));
    const outward = new DelayLine(far, near, () => links.state(site, from));
    inward.take(heard);
    for (const line of [inward, outward]) this.#lines.add(line);
    const forget = (): void => {
      if (!near.destroyed || !far.destroyed) return;
      this.#lines.delete(inward);
      this.#lines.delete(outward);
    };
    near.on('close', forget);
    far.on('close', forget);
  }
}

/** The site that a CONNECT names, once the whole line is there. */
export function siteIn(heard: Buffer): string | undefined {
  const text = heard.toString('latin1');
  const line = /(?:^|\r\n)CONNECT (\{.*\})\r\n/.exec(text)?.[1];
  if (line === undefined) return undefined;
  const { gateway } = JSON.parse(line) as { readonly gateway?: unknown };
  return typeof gateway === 'string' ? gateway : undefined;
}
