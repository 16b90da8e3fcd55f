// Method: a stream of lines and messages is read in pieces of any size. What is handed on must be
// the stream itself, and every large message must lie in one piece.
import test from 'ava';
import fc from 'fast-check';
import { InboundMemory } from '../../bus/inbound-memory.ts';
import { seededBytes } from '../support/seeded-bytes.ts';

const LARGE_BYTES = 32 * 1024;

type Told = { readonly line: string; readonly payloadBytes: number };

const told: fc.Arbitrary<Told> = fc.oneof(
  fc.constantFrom('PING', '+OK', 'INFO {"max_payload":8388608}').map(line => ({
    ...{ line, payloadBytes: -1 },
  })),
  fc
    .oneof(fc.nat(200), fc.integer({ min: LARGE_BYTES - 3, max: 200_000 }))
    .map(bytes => ({ line: `MSG a.b 1 ${bytes}`, payloadBytes: bytes })),
  fc
    .integer({ min: 30, max: 150_000 })
    .map(bytes => ({ line: `HMSG a.b 7 inbox.3 12 ${bytes}`, payloadBytes: bytes })),
);

/** The bytes of all that is told, and where each payload lies among them. */
function streamOf(all: readonly Told[]): { bytes: Buffer; payloads: [from: number, to: number][] } {
  const pieces: Buffer[] = [];
  const payloads: [number, number][] = [];
  let length = 0;
  const add = (piece: Buffer): void => {
    pieces.push(piece);
    length += piece.length;
  };
  for (const [index, { line, payloadBytes }] of all.entries()) {
    add(Buffer.from(`${line}\r\n`));
    if (payloadBytes < 0) continue;
    payloads.push([length, length + payloadBytes]);
    add(Buffer.from(seededBytes(index + 1, payloadBytes)));
    add(Buffer.from('\r\n'));
  }
  return { bytes: Buffer.concat(pieces), payloads };
}

/** What is handed on when reads bring no more than `sizes` say, in turn. */
function handedOn(bytes: Buffer, sizes: readonly number[]): Buffer[] {
  const handed: Buffer[] = [];
  const memory = new InboundMemory(piece => handed.push(piece));
  let at = 0;
  for (let turn = 0; at < bytes.length; turn += 1) {
    const room = memory.next();
    const most = Math.min(sizes[turn % sizes.length] ?? 1, room.length);
    const count = bytes.copy(room, 0, at, at + most);
    memory.received(count);
    at += count;
  }
  return handed;
}

function isInOnePiece(handed: readonly Buffer[], [from, to]: readonly [number, number]): boolean {
  let start = 0;
  for (const { length } of handed) {
    if (from >= start && from < start + length) return to <= start + length;
    start += length;
  }
  return false;
}

const sizes = fc.array(
  fc.oneof(fc.integer({ min: 1, max: 40 }), fc.integer({ min: 1, max: 70_000 })),
  {
    ...{ minLength: 1, maxLength: 20 },
  },
);

test('what is handed on is the stream, and large messages lie in one piece', t => {
  fc.assert(
    fc.property(fc.array(told, { minLength: 1, maxLength: 8 }), sizes, (all, most) => {
      const { bytes, payloads } = streamOf(all);
      const handed = handedOn(bytes, most.some(size => size > 1000) ? most : [...most, 5000]);
      t.true(Buffer.concat(handed).equals(bytes));
      for (const payload of payloads) {
        if (payload[1] - payload[0] >= LARGE_BYTES) t.true(isInOnePiece(handed, payload));
      }
    }),
    { numRuns: 60 },
  );
});

test('what was handed on stays as it is while more is read', t => {
  const { bytes } = streamOf(
    Array.from({ length: 300 }, () => ({ line: 'MSG a 1 900', payloadBytes: 900 })),
  );
  const kept: { piece: Buffer; then: Buffer }[] = [];
  const memory = new InboundMemory(piece => kept.push({ piece, then: Buffer.from(piece) }));
  for (let at = 0; at < bytes.length;) {
    const count = bytes.copy(memory.next(), 0, at, at + 10_000);
    memory.received(count);
    at += count;
  }
  t.true(kept.every(({ piece, then }) => piece.equals(then)));
});

test('a length that no nats-server sends makes no memory', t => {
  const handed = handedOn(Buffer.from('MSG a 1 99999999999\r\nxyz'), [1000]);
  t.is(Buffer.concat(handed).toString(), 'MSG a 1 99999999999\r\nxyz');
});
