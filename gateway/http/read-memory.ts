/**
 * Has all connections of a listener read into one piece of memory.
 *
 * Owns:          that memory.
 * Knows:         node:net.
 * Must not know: HTTP.
 *
 * In new memory for every read, 300 MB/s is a full garbage collection every fifth of a second, and
 * a third of all CPU went there. Where that cannot be done sockets stay as they are, and all works
 * as before.
 *
 * What is received is valid during the call: whoever keeps it copies it.
 */
import type { Server, Socket } from 'node:net';
import { readingInto } from '../../bus/reading-socket.ts';

const READ_BYTES_MAX = 64 * 1024;

/** Told of bytes that came; they are overwritten by the next ones. */
export type Receiver = (bytes: Buffer) => void;

/** By this a server counts its connections: beyond Node's types. */
type Counted = { _server?: Server };

export class ReadMemory {
  readonly #memory = Buffer.alloc(READ_BYTES_MAX);

  /** The socket to use in place of `accepted`, which was not read from yet. */
  open(accepted: Socket, server: Server, receive: Receiver): Socket {
    const memory = this.#memory;
    const received = (count: number): void => {
      receive(memory.subarray(0, count));
    };
    const socket: (Socket & Counted) | undefined = readingInto(
      accepted,
      { buffer: memory, received },
      { allowHalfOpen: true },
    );
    if (socket === undefined) return accepted.on('data', receive).resume();
    socket._server = server;
    return socket.resume();
  }
}
