/**
 * Has a connection read into memory of ours.
 *
 * Owns:          how a socket that is there already comes to do that.
 * Knows:         node:net, and what of it is beyond its types.
 * Must not know: what is read.
 *
 * Node makes 64 KiB of new memory for every read, and collecting them costs more than reading.
 * `net.Socket` has an option `onread` for memory of one's own, but only for whoever makes the
 * socket. So the handle of one that is there is given to a second one, as Node's own cluster module
 * does it.
 */
import { Socket, type SocketConstructorOpts } from 'node:net';

export type ReadTarget = {
  /** Where the next read goes: always there, or asked for each. */
  readonly buffer: Buffer | (() => Buffer);
  /** So many bytes were read there. */
  readonly received: (count: number) => void;
};

/** What is used of Node beyond its types. */
type Handle = { readonly useUserBuffer?: unknown };
type HandleOptions = SocketConstructorOpts & {
  readonly handle: Handle;
  readonly onread: {
    readonly buffer: ReadTarget['buffer'];
    readonly callback: (count: number) => boolean;
  };
};

/** The socket to use in place of the given one, which is left without its connection; undefined
 *  where handles are not what they were: it stays as it is then. */
export function readingInto(
  socket: Socket,
  { buffer, received }: ReadTarget,
  more: SocketConstructorOpts = {},
): Socket | undefined {
  const holder = socket as { _handle?: Handle | null };
  const handle = holder._handle;
  if (typeof handle?.useUserBuffer !== 'function') return undefined;
  holder._handle = null;
  const callback = (count: number): boolean => {
    received(count);
    return true;
  };
  const options: HandleOptions = { ...more, handle, onread: { buffer, callback } };
  return new Socket(options);
}
