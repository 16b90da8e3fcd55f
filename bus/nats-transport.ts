/**
 * Reads and writes the bytes of a connection to a nats-server without copying large messages.
 *
 * Owns:          the socket's way of reading; sending a message that lies in several places.
 * Knows:         the client library's transport, which is made to be replaced.
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
import { InboundMemory } from './inbound-memory.ts';
import { readingInto } from './reading-socket.ts';

/** A message that lies in several places. */
export type ScatteredMessage = {
  readonly subject: string;
  /** The whole block, as it stands before the data. */
  readonly headers: Uint8Array | undefined;
  readonly reply: string | undefined;
  readonly pieces: readonly Uint8Array[];
  /** Of the pieces together. */
  readonly bytes: number;
  /** Nobody reads the pieces any more: called once, whether they arrived or not. */
  readonly written: () => void;
};

const LINE_END = Buffer.from('\r\n');

class LeanTransport extends NodeTransport {
  override setupHandlers(): void {
    if (!this.isEncrypted()) this.#readIntoMemory();
    super.setupHandlers();
    this.socket.resume();
  }

  #readIntoMemory(): void {
    const memory = new InboundMemory(bytes => {
      this.yields.push(bytes);
      this.signal.resolve();
    });
    const socket = readingInto(this.socket, {
      buffer: () => memory.next(),
      received: count => {
        memory.received(count);
      },
    });
    if (socket !== undefined) this.socket = socket.setNoDelay(true);
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
  protocol.transport.sendPieces([...startOf(message), ...message.pieces], message.written);
  return 'sent';
}

/** What stands before the pieces. */
function startOf({ subject, reply, headers, bytes }: ScatteredMessage): readonly Uint8Array[] {
  const to = reply === undefined ? subject : `${subject} ${reply}`;
  if (headers === undefined) return [Buffer.from(`PUB ${to} ${bytes}\r\n`)];
  const { length } = headers;
  return [Buffer.from(`HPUB ${to} ${length} ${length + bytes}\r\n`), headers];
}
