/**
 * Frames in pieces: nats-servers refuse messages over their `max_payload`.
 *
 * Owns:          cutting a frame, and putting pieces together within bounds.
 * Knows:         that the pieces of one frame come in order, or not at all.
 * Must not know: NATS, what a frame holds.
 *
 *   piece    0 format · 1 kind · 2 length of the head (16 bits) · 4 nothing (32) · 8 index (32) ·
 *            12 how many (32) · 16 bytes of the whole frame (32)
 *
 * A frame is put together under the name of who waits for its answer, so that no two are mixed up.
 * What is not whole in time is dropped, like a message that was lost.
 */
import { assert } from '../schemas/assert.ts';
import { CodecError } from '../schemas/codec.ts';
import type { Clock } from '../schemas/environment.ts';
import {
  FRAME_BYTES_MAX,
  FRAMES_UNFINISHED_BYTES_MAX,
  FRAMES_UNFINISHED_MAX,
  REQUEST_DEADLINE_MS,
} from '../schemas/limits.ts';
import { PART, readStart, writeStart } from './frame.ts';

const PART_HEAD_BYTES = 20;

/** The frame itself when it is small enough; else its pieces, each at most `partBytesMax`. */
export function cutFrame(frame: Buffer, partBytesMax: number): readonly Buffer[] {
  assert(frame.length <= FRAME_BYTES_MAX, 'a message is within its bound');
  if (frame.length <= partBytesMax) return [frame];
  const step = partBytesMax - PART_HEAD_BYTES;
  const count = Math.ceil(frame.length / step);
  return Array.from({ length: count }, (_, index) => {
    const bytes = frame.subarray(index * step, (index + 1) * step);
    const part = Buffer.allocUnsafe(PART_HEAD_BYTES + bytes.length);
    writeStart(part, PART, PART_HEAD_BYTES);
    part.writeUInt32BE(0, 4);
    part.writeUInt32BE(index, 8);
    part.writeUInt32BE(count, 12);
    part.writeUInt32BE(frame.length, 16);
    part.set(bytes, PART_HEAD_BYTES);
    return part;
  });
}

type Unfinished = {
  readonly frame: Buffer;
  readonly count: number;
  readonly startedAtMs: number;
  nextIndex: number;
  filled: number;
};

export type WholeFrame = { readonly frame: Buffer; readonly startedAtMs: number };

export class FrameParts {
  readonly #clock: Clock;
  /** The oldest first. */
  readonly #unfinished = new Map<string, Unfinished>();
  #bytes = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** The whole frame once its last piece is here. Throws CodecError. */
  add(name: string, part: Buffer): WholeFrame | undefined {
    const { headBytes } = readStart(part, PART_HEAD_BYTES);
    const index = part.readUInt32BE(8);
    const count = part.readUInt32BE(12);
    const bytes = part.subarray(headBytes);
    if (index === 0) this.#begin(name, { count, frameBytes: part.readUInt32BE(16) });
    const unfinished = this.#unfinished.get(name);
    if (unfinished === undefined) return undefined;
    const isNext = index === unfinished.nextIndex && count === unfinished.count;
    if (!isNext || unfinished.filled + bytes.length > unfinished.frame.length) {
      this.#drop(name);
      return undefined;
    }
    unfinished.frame.set(bytes, unfinished.filled);
    unfinished.filled += bytes.length;
    unfinished.nextIndex += 1;
    if (unfinished.nextIndex < count) return undefined;
    this.#drop(name);
    const { frame, filled, startedAtMs } = unfinished;
    return filled === frame.length ? { frame, startedAtMs } : undefined;
  }

  #begin(name: string, { count, frameBytes }: { count: number; frameBytes: number }): void {
    if (frameBytes > FRAME_BYTES_MAX) throw new CodecError('a frame that is too large');
    this.#drop(name);
    this.#makeRoom(frameBytes);
    const startedAtMs = this.#clock.monotonicMs();
    const frame = Buffer.allocUnsafe(frameBytes);
    this.#unfinished.set(name, { frame, count, startedAtMs, nextIndex: 0, filled: 0 });
    this.#bytes += frameBytes;
  }

  /** Drops what is too old, and the oldest where there is too much. */
  #makeRoom(frameBytes: number): void {
    const tooOld = this.#clock.monotonicMs() - REQUEST_DEADLINE_MS;
    for (const [name, { startedAtMs }] of this.#unfinished) {
      const isTooMuch =
        this.#unfinished.size >= FRAMES_UNFINISHED_MAX ||
        this.#bytes + frameBytes > FRAMES_UNFINISHED_BYTES_MAX;
      if (startedAtMs > tooOld && !isTooMuch) return;
      this.#drop(name);
    }
  }

  #drop(name: string): void {
    const unfinished = this.#unfinished.get(name);
    if (unfinished === undefined) return;
    this.#unfinished.delete(name);
    this.#bytes -= unfinished.frame.length;
  }

  get bytesHeld(): number {
    return this.#bytes;
  }
}
