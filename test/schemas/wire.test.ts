// Method: two releases of one message talk to each other; and what a payload costs in memory.
import test from 'ava';
import { CodecError } from '../../schemas/codec.ts';
import {
  choice,
  decodeMessage,
  encodeMessage,
  flag,
  integer,
  list,
  nullable,
  optional,
  pair,
  payload,
  record,
  shape,
  text,
  union,
  unsent,
  wordOr,
  type Codec,
} from '../../schemas/wire.ts';

function encode<Value>(codec: Codec<Value>, value: Value): Buffer {
  const message = encodeMessage(codec, value);
  const bytes = Buffer.alloc(message.length);
  message.copyInto(bytes, 0);
  return bytes;
}

type Older =
  | { readonly kind: 'move'; readonly to: string }
  | { readonly kind: 'stay'; readonly long: boolean };
type Newer =
  | { readonly kind: 'move'; readonly to: string; readonly speed?: number; readonly via?: string }
  | { readonly kind: 'stay'; readonly long: boolean }
  | { readonly kind: 'turn' };

const older = union<Older>({ move: [1, { to: text }], stay: [2, { long: flag }] });
const newer = union<Newer>({
  move: [1, { to: text, speed: optional(integer), via: optional(text) }],
  stay: [2, { long: flag }],
  turn: [3, {}],
});

test('an older node passes the fields it does not know', t => {
  const message = encode(newer, { kind: 'move', to: 'here', speed: 3, via: 'there' });
  t.deepEqual(decodeMessage(older, message), { kind: 'move', to: 'here' });
});

test('a newer node finds the fields absent that an older one does not send', t => {
  const message = encode(older, { kind: 'move', to: 'here' });
  t.deepEqual(decodeMessage(newer, message), { kind: 'move', to: 'here' });
});

test('an optional field is absent alone, too', t => {
  const message = { kind: 'move', to: 'here', via: 'there' } as const;
  t.deepEqual(decodeMessage(newer, encode(newer, message)), message);
});

test('a field that does not travel is absent at the other side', t => {
  const codec = shape<{ readonly name: string; readonly near?: object; readonly last: number }>({
    name: text,
    near: unsent(),
    last: integer,
  });
  const arrived = decodeMessage(codec, encode(codec, { name: 'n', near: {}, last: 1 }));
  t.deepEqual(arrived, { name: 'n', last: 1 });
});

test('a kind that is not known is an error of the codec', t => {
  const error = t.throws(() => decodeMessage(older, encode(newer, { kind: 'turn' })), {
    instanceOf: CodecError,
  });
  t.regex(error.message, /unknown kind 3/);
});

test('two kinds with one number are a bug that shows at once', t => {
  t.throws(() => union<Older>({ move: [1, { to: text }], stay: [1, { long: flag }] }));
});

test('a codec that does not agree with its type is refused by the compiler', t => {
  type Fields = { readonly name: string; readonly size?: number };
  const codecs = [
    shape<Fields>({ name: text, size: optional(integer) }),
    // @ts-expect-error: a field is missing
    shape<Fields>({ name: text }),
    // @ts-expect-error: the type says that it is optional
    shape<Fields>({ name: text, size: integer }),
    // @ts-expect-error: the type says that it is always there
    shape<Fields>({ name: optional(text), size: optional(integer) }),
    // @ts-expect-error: of another type
    shape<Fields>({ name: integer, size: optional(integer) }),
    // @ts-expect-error: not a field of the type
    shape<Fields>({ name: text, size: optional(integer), more: flag }),
    // @ts-expect-error: a kind is missing
    union<Older>({ move: [1, { to: text }] }),
  ];
  t.is(codecs.length, 7);
});

test('lists, pairs, tables, words and nulls', t => {
  const everything = shape<{
    readonly names: readonly string[];
    readonly at: readonly [number, string];
    readonly table: Readonly<Record<string, number>>;
    readonly tags: 'any' | readonly string[];
    readonly mood: 'good' | 'bad';
    readonly note: string | null;
  }>({
    names: list(text),
    at: pair(integer, text),
    table: record(integer),
    tags: wordOr('any', list(text)),
    mood: choice('good', 'bad'),
    note: nullable(text),
  });
  for (const value of [
    { names: [], at: [1, 'x'], table: {}, tags: 'any', mood: 'good', note: null } as const,
    {
      names: ['a', ''],
      at: [0, ''],
      table: { ['__proto__']: 1, b: 2 },
      tags: [],
      mood: 'bad',
      note: 'n',
    } as const,
  ]) {
    t.deepEqual(decodeMessage(everything, encode(everything, value)), value);
  }
  const other = shape<{ readonly mood: string }>({ mood: text });
  const mood = shape<{ readonly mood: 'good' | 'bad' }>({ mood: choice('good', 'bad') });
  t.throws(() => decodeMessage(mood, encode(other, { mood: 'so-so' })), { instanceOf: CodecError });
});

const carrier = shape<{
  readonly first: Uint8Array;
  readonly name: string;
  readonly then: Uint8Array;
}>({ first: payload, name: text, then: payload });

test('a large payload is a view of its frame, a small one a copy', t => {
  const first = Buffer.alloc(100_000, 1);
  const message = encode(carrier, { first, name: 'n', then: Buffer.from('small') });
  const decoded = decodeMessage(carrier, message);
  t.deepEqual(decoded, { first, name: 'n', then: Buffer.from('small') });
  t.is(decoded.first.buffer, message.buffer, 'nothing was copied');
  t.not(decoded.then.buffer, message.buffer, 'five bytes do not hold a hundred thousand');
});

test('a message that waits is not written over by those that are encoded after it', t => {
  const words = Array.from({ length: 2000 }, (_, index) => `${index}`.repeat((index % 40) + 1));
  const messages = words.map(word => encodeMessage(text, word));
  for (const [index, message] of messages.entries()) {
    const bytes = Buffer.alloc(message.length);
    message.copyInto(bytes, 0);
    t.is(decodeMessage(text, bytes), words[index] ?? '');
  }
});

test('a payload that is cut off, or said to be longer than the message, is refused', t => {
  const message = encode(carrier, { first: Buffer.alloc(10), name: 'n', then: Buffer.alloc(10) });
  t.throws(() => decodeMessage(carrier, message.subarray(0, message.length - 1)), {
    instanceOf: CodecError,
  });
  t.throws(() => decodeMessage(carrier, Buffer.alloc(3)), { instanceOf: CodecError });
});
