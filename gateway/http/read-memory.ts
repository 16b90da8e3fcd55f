/**
 * Has all connections of a listener read into one piece of memory.
 *
 * Owns:          that memory; how an accepted socket comes to read into it.
 * Knows:         node:net.
 * Must not know: HTTP.
 *
 * Node makes 64 KiB of new memory for every read. At 300 MB/s that is a full garbage collection
 * every fifth of a second, and a third of all CPU went there. `net.Socket` has an option `onread`
 * for memory of one's own, but a server cannot pass it on to the sockets that it accepts: so the
 * handle of an accepted one is given to a second one, as Node's own cluster module does it. Where
 * handles are not what they were, sockets stay as they are, and all works as before.
 *
 * What is received is valid during the call: whoever keeps it copies it.
 */
import { Socket, type Server, type SocketConstructorOpts } from 'node:net';

const READ_BYTES_MAX = 64 * 1024;

/** Told of bytes that came; they are overwritten by the next ones. */
export type Receiver = (bytes: Buffer) => void;

/** What is used of Node beyond its types. */
type Handle = { readonly useUserBuffer?: unknown };
type WithHandle = { readonly _handle?: Handle | null; _server?: Server };
type HandleOptions = SocketConstructorOpts & {
  readonly handle: Handle;
  readonly onread: { readonly buffer: Buffer; readonly callback: (count: number) => boolean };
};

export class ReadMemory {
  readonly #memory = Buffer.alloc(READ_BYTES_MAX);

  /** The socket to use in place of `accepted`, which was not read from yet. */
  open(accepted: Socket, server: Server, receive: Receiver): Socket {
    const handle = (accepted as WithHandle)._handle;
    const socket =
      typeof handle?.useUserBuffer === 'function'
        ? this.#takeOver(handle, server, receive)
        : accepted.on('data', receive);
    return socket.resume();
  }

  #takeOver(handle: Handle, server: Server, receive: Receiver): Socket {
    const memory = this.#memory;
    const options: HandleOptions = {
      handle,
      allowHalfOpen: true,
      onread: {
        buffer: memory,
        callback: count => {
          receive(memory.subarray(0, count));
          return true;
        },
      },
    };
    const socket: Socket & WithHandle = new Socket(options);
    // By this a server counts its connections.
    socket._server = server;
    return socket;
  }
}
