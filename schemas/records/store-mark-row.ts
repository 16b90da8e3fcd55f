/**
 * How far a store is, as it says itself and as others remember it.
 *
 * Owns:          the bytes of a mark and of a doubt, and which of two marks is the newer one.
 * Knows:         their fields.
 * Must not know: what follows from a mark that is older than remembered.
 */
import { FieldReader, hexBytes, pack } from '../codec.ts';
import type { StoreMark } from '../messages/heartbeat.ts';

const FORMAT = 1;
const INCARNATION_BYTES = 8;

export function encodeMark({ incarnation, durable }: StoreMark): Buffer {
  return pack([FORMAT, hexBytes(incarnation), durable]);
}

export function decodeMark(bytes: Uint8Array): StoreMark {
  const { fields } = FieldReader.open(bytes, [FORMAT]);
  return { incarnation: fields.hex(INCARNATION_BYTES), durable: fields.integer() };
}

/** Whether a store with mark `mine` has forgotten what one with `remembered` knew. */
export function hasForgotten(mine: StoreMark, remembered: StoreMark): boolean {
  return mine.incarnation !== remembered.incarnation || mine.durable < remembered.durable;
}

/** Of a store that was opened and is not known yet to have all that it acknowledged. */
export type StoreDoubt = {
  /** Its batches, the least of all times that it was opened since it was last known to be whole. */
  readonly found: number;
  /** It lacks something for certain. */
  readonly isBehind: boolean;
};

export function encodeDoubt({ found, isBehind }: StoreDoubt): Buffer {
  return pack([FORMAT, found, isBehind]);
}

export function decodeDoubt(bytes: Uint8Array): StoreDoubt {
  const { fields } = FieldReader.open(bytes, [FORMAT]);
  return { found: fields.integer(), isBehind: fields.flag() };
}
