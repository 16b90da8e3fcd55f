/**
 * Reads and writes the bytes of a connection to a nats-server without copying large messages.
 *
 * Owns:          the socket's way of reading; sending a message that lies in several places.
 * Knows:         node:net; the client library's transport, which is made to be replaced.
 * Must not know: subjects, calls, frames.
 *
 * The library copies a message that is sent once more, into memory that is new and filled with
 * zeros, and a received one several times (inbound-memory.ts). For rows that is nothing; of blocks
 * it was half of what a gateway did for them. Over TLS sockets read in Node's way: their
 * bytes are copied by the decryption anyhow.
 *
 * Sources: the NATS client protocol (PUB, HPUB).
 */
import { NatsConnectionImpl, setTransportFactory } from '@nats-io/nats-core/internal';
import type { NatsConnection, NodeConnectionOptions } from '@nats-io/transport-node';
import { NodeTransport, nodeResolveHost } from '@nats-io/transport-node/lib/node_transport.js';
import { Socket, type SocketConstructorOpts } from 'node:net';
import { InboundMemory } from './inbound-memory.ts';

/** A message that lies in several places. */
export type ScatteredMessage = {
  readonly subject: string;
  /** The whole block, as it stands before the data. */
  readonly headers: Uint8Array | undefined;
  readonly reply: string | undefined;
  readonly pieces: readonly Uint8Array[];
  /** Nobody reads the pieces any more: called once, whether they arrived or not. */
  readonly written: () => void;
};

const LINE_END = Buffer.from('\r\n');

/** What is used of Node beyond its types. */
type Handle = { readonly useUserBuffer?: unknown };
type WithHandle = { _handle?: Handle | null };
type HandleOptions = SocketConstructorOpts & {
  readonly handle: Handle;
  readonly onread: {
    readonly buffer: () => Buffer;
    readonly callback: (count: number) => boolean;
  };
};

class LeanTransport extends NodeTransport {
  override setupHandlers(): void {
    const socket = this.socket as Socket & WithHandle;
    const handle = this.isEncrypted() ? undefined : socket._handle;
    if (handle && typeof handle.useUserBuffer === 'function') {
      socket._handle = null;
      this.socket = this.#takeOver(handle);
    }
    super.setupHandlers();
    this.socket.resume();
  }

  /** As gateway/http/read-memory.ts does it for connections that were accepted. */
  #takeOver(handle: Handle): Socket {
    const memory = new InboundMemory(bytes => {
      this.yields.push(bytes);
      this.signal.resolve();
    });
    const options: HandleOptions = {
      handle,
      onread: {
        buffer: () => memory.next(),
        callback: count => {
          memory.received(count);
          return true;
        },
      },
    };
    return new Socket(options).setNoDelay(true);
  }

  /** The library would first wait until all is written, which one that stands still never takes. */
  override disconnect(): void {
    void this.close();
  }

  override send(frame: Uint8Array): void {
    if (this.isClosed) return;
    this.#gather();
    this.socket.write(frame);
  }

  sendPieces(pieces: readonly Uint8Array[], written: () => void): void {
    this.#gather();
    for (const piece of pieces) this.socket.write(piece);
    this.socket.write(LINE_END, written);
  }

  /** What is sent in one turn of the event loop goes in one write: the nats-server wakes once. */
  #gather(): void {
    const { socket } = this;
    if (socket.writableCorked > 0) return;
    socket.cork();
    setImmediate(() => {
      socket.uncork();
    });
  }
}

/** As the library's own `connect`. */
export function connect(options: NodeConnectionOptions): Promise<NatsConnection> {
  setTransportFactory({ factory: () => new LeanTransport(), dnsResolveFn: nodeResolveHost });
  return NatsConnectionImpl.connect(options);
}

/** What is used of the library beyond its types. */
type Connected = {
  readonly protocol: {
    readonly connected: boolean;
    readonly transport: LeanTransport;
    flushPending(): void;
  };
};

/** Behind all that was published before. `away`: not sent, and `written` is not called. */
export function sendScattered(
  connection: NatsConnection,
  message: ScatteredMessage,
): 'sent' | 'away' {
  const { protocol } = connection as unknown as Connected;
  if (!protocol.connected || protocol.transport.isClosed) return 'away';
  protocol.flushPending();
  const { subject, reply, headers, pieces, written } = message;
  let bytes = headers?.length ?? 0;
  for (const piece of pieces) bytes += piece.length;
  const to = reply === undefined ? subject : `${subject} ${reply}`;
  const line =
    headers === undefined ? `PUB ${to} ${bytes}\r\n` : `HPUB ${to} ${headers.length} ${bytes}\r\n`;
  const start = headers === undefined ? [Buffer.from(line)] : [Buffer.from(line), headers];
  protocol.transport.sendPieces([...start, ...pieces], written);
  return 'sent';
}
