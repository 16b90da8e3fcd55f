/**
 * Hybrid logical timestamps: 16 bytes that order all writes of the cluster.
 *
 * Owns:          the layout (48 bits of milliseconds, 16 bits of counter, 64 bits of stamper) and
 *                the arithmetic on it.
 * Knows:         nothing of clocks; the stamper that reads one is in `stamper.ts`.
 * Must not know: what is stamped.
 *
 * In memory a timestamp is 32 lower-case hex digits, so that `<` and `===` order and compare it;
 * at rest it is 16 bytes. Source: Kulkarni et al., "Logical Physical Clocks" (2014).
 */
import { assert } from './assert.ts';

export type Timestamp = string & { readonly __brand: 'Timestamp' };

const HEX_32 = /^[0-9a-f]{32}$/;
export const COUNTER_MAX = 0xffff;
export const MILLISECONDS_MAX = 2 ** 48 - 1;

/** Before everything. */
export const TIMESTAMP_ZERO = '0'.repeat(32) as Timestamp;

/** `stamper` is 16 hex digits, drawn at each start of a process. */
export function makeTimestamp(ms: number, counter: number, stamper: string): Timestamp {
  const time = ms.toString(16).padStart(12, '0');
  const count = counter.toString(16).padStart(4, '0');
  return (time + count + stamper) as Timestamp;
}

/** undefined when the text is not a timestamp. */
export function parseTimestamp(text: string): Timestamp | undefined {
  return HEX_32.test(text) ? (text as Timestamp) : undefined;
}

export function timestampFromBytes(bytes: Uint8Array): Timestamp {
  assert(bytes.length === 16, 'a timestamp has 16 bytes');
  return Buffer.from(bytes.buffer, bytes.byteOffset, 16).toString('hex') as Timestamp;
}

export function timestampToBytes(timestamp: Timestamp): Buffer {
  return Buffer.from(timestamp, 'hex');
}

/** The physical part, milliseconds since 1970. */
export function timestampMs(timestamp: Timestamp): number {
  return Number.parseInt(timestamp.slice(0, 12), 16);
}

/** Which of the stamps of one millisecond it is. */
export function timestampCounter(timestamp: Timestamp): number {
  return Number.parseInt(timestamp.slice(12, 16), 16);
}

/** The process that made it: 16 hex digits. */
export function timestampStamper(timestamp: Timestamp): string {
  return timestamp.slice(16);
}

/** The smallest timestamp of `stamper` above `floor`. */
export function timestampAbove(floor: Timestamp, stamper: string): Timestamp {
  const ms = timestampMs(floor);
  const counter = timestampCounter(floor);
  if (timestampStamper(floor) < stamper) return makeTimestamp(ms, counter, stamper);
  if (counter < COUNTER_MAX) return makeTimestamp(ms, counter + 1, stamper);
  assert(ms < MILLISECONDS_MAX, 'time goes on');
  return makeTimestamp(ms + 1, 0, stamper);
}
