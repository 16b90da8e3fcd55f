/**
 * What stands before a message on its way through NATS.
 *
 * Owns:          the layout of the two heads.
 * Knows:         encoded messages.
 * Must not know: NATS, what messages mean.
 *
 * A head says its own length, so that a later release may append to it; what follows the fields
 * that are known here is passed.
 *
 *   request  0 format · 1 kind · 2 length of the head (16 bits) · 4 call (32) · 8 remaining
 *            milliseconds (32) · 12 sent at, in the sender's monotonic milliseconds (float 64) ·
 *            20 the sending process (48) · 26 nothing (16) · 28 names of layouts, ASCII
 *   reply    0 format · 1 kind · 2 length of the head (16) · 4 call (32)
 */
import { assert } from '../schemas/assert.ts';
import { CodecError } from '../schemas/codec.ts';
import type { EncodedMessage } from '../schemas/wire.ts';

export type RequestHead = {
  /** By which the caller knows the answer. */
  readonly call: number;
  readonly remainingMs: number;
  /** On the clock of the sender. */
  readonly sentAtMs: number;
  /** A number drawn at each start of a process. */
  readonly sender: number;
  readonly layouts?: string | undefined;
};

/** `answered` is followed by a message. `busy`: the request was not taken on. */
export type ReplyHead = { readonly call: number; readonly kind: 'answered' | 'busy' };

export type RequestFrame = { readonly head: RequestHead; readonly message: Buffer };
export type ReplyFrame = { readonly head: ReplyHead; readonly message: Buffer };

const FORMAT = 1;
const REQUEST = 1;
const ANSWERED = 2;
const BUSY = 3;
/** A piece of a frame; parts of its head are read in frame-parts.ts. */
export const PART = 4;

const REQUEST_HEAD_BYTES = 28;
const REPLY_HEAD_BYTES = 8;
const REMAINING_MS_MAX = 2 ** 32 - 1;
const LAYOUTS_BYTES_MAX = 1024;

/** In pieces: a large payload lies where it lay before. */
export type Frame = readonly [start: Buffer, ...payloads: Uint8Array[]];

export const CALL_MAX = 2 ** 32 - 1;
export const SENDER_BYTES = 6;

export function requestFrame(head: RequestHead, message: EncodedMessage): Frame {
  const { layouts = '' } = head;
  assert(layouts.length <= LAYOUTS_BYTES_MAX, 'names of layouts are short');
  const length = REQUEST_HEAD_BYTES + layouts.length;
  const frame = message.behind(length);
  const [start] = frame;
  writeStart(start, REQUEST, length);
  start.writeUInt32BE(head.call, 4);
  start.writeUInt32BE(Math.min(REMAINING_MS_MAX, Math.ceil(head.remainingMs)), 8);
  start.writeDoubleBE(head.sentAtMs, 12);
  start.writeUIntBE(head.sender, 20, SENDER_BYTES);
  start.writeUInt16BE(0, 26);
  start.write(layouts, REQUEST_HEAD_BYTES, 'latin1');
  return frame;
}

export function answerFrame(call: number, message: EncodedMessage): Frame {
  const frame = message.behind(REPLY_HEAD_BYTES);
  const [start] = frame;
  writeStart(start, ANSWERED, REPLY_HEAD_BYTES);
  start.writeUInt32BE(call, 4);
  return frame;
}

export function busyFrame(call: number): Buffer {
  const frame = Buffer.allocUnsafe(REPLY_HEAD_BYTES);
  writeStart(frame, BUSY, REPLY_HEAD_BYTES);
  frame.writeUInt32BE(call, 4);
  return frame;
}

export function writeStart(frame: Buffer, kind: number, headBytes: number): void {
  frame[0] = FORMAT;
  frame[1] = kind;
  frame.writeUInt16BE(headBytes, 2);
}

/** The kind, and the length of the head, which is at least `least`. Throws CodecError. */
export function readStart(frame: Buffer, least: number): { kind: number; headBytes: number } {
  if (frame.length < REPLY_HEAD_BYTES || frame[0] !== FORMAT) throw new CodecError('not a frame');
  const headBytes = frame.readUInt16BE(2);
  if (headBytes < least || headBytes > frame.length) throw new CodecError('a head of odd length');
  return { kind: frame[1]!, headBytes };
}

/** Whether it is a piece of a frame; false for what is no frame at all. */
export function isPart(bytes: Buffer): boolean {
  return bytes.length >= REPLY_HEAD_BYTES && bytes[0] === FORMAT && bytes[1] === PART;
}

/** Throws CodecError. */
export function readRequestFrame(frame: Buffer): RequestFrame {
  const { kind, headBytes } = readStart(frame, REPLY_HEAD_BYTES);
  if (kind !== REQUEST || headBytes < REQUEST_HEAD_BYTES) throw new CodecError('not a request');
  const head = {
    call: frame.readUInt32BE(4),
    remainingMs: frame.readUInt32BE(8),
    sentAtMs: frame.readDoubleBE(12),
    sender: frame.readUIntBE(20, SENDER_BYTES),
  };
  const message = frame.subarray(headBytes);
  if (headBytes === REQUEST_HEAD_BYTES) return { head, message };
  const layouts = frame.toString('latin1', REQUEST_HEAD_BYTES, headBytes);
  return { head: { ...head, layouts }, message };
}

/** Throws CodecError. */
export function readReplyFrame(frame: Buffer): ReplyFrame {
  const { kind, headBytes } = readStart(frame, REPLY_HEAD_BYTES);
  if (kind !== ANSWERED && kind !== BUSY) throw new CodecError('not a reply');
  const head: ReplyHead = {
    call: frame.readUInt32BE(4),
    kind: kind === ANSWERED ? 'answered' : 'busy',
  };
  return { head, message: frame.subarray(headBytes) };
}
