/**
 * Messages as bytes: one declaration gives the encoder and the checked decoder of a type.
 *
 * Owns:          the codecs of plain values, and how they are put together.
 * Knows:         the fields of codec.ts, in which rows are written too.
 * Must not know: what any message means, how it travels.
 *
 * A shape is written as the array of its fields in the order of its declaration; fields are added
 * at the end and are optional, so that two releases understand each other: what is missing is
 * absent, what follows the known fields is passed. A union is written with a number for each kind;
 * numbers that were given out once are never used for something else.
 *
 * A `payload` (the bytes of a block) stands behind the fields as it is: it is copied once into the
 * frame that is sent, and what is received is a view of the frame. Everything else is copied.
 */
import { assert } from './assert.ts';
import type { Packed } from './codec.ts';
import { CodecError, FieldReader, hexBytes, packToSend } from './codec.ts';

/** What stands behind the fields of a message that is written. */
export type PayloadSink = Uint8Array[];

/** Hands out, in order, what stands behind the fields of a message that is read. */
export class PayloadSource {
  readonly #bytes: Buffer;
  #at: number;

  constructor(bytes: Buffer, at: number) {
    this.#bytes = bytes;
    this.#at = at;
  }

  take(length: number): Buffer {
    const from = this.#at;
    this.#at += length;
    if (this.#at > this.#bytes.length) throw new CodecError('a payload is cut off');
    return ownIfSmall(this.#bytes.subarray(from, this.#at));
  }
}

/** A view keeps all of its buffer alive: one that is the lesser part of it is copied. */
function ownIfSmall(view: Buffer): Buffer {
  return view.length * 2 < view.buffer.byteLength ? Buffer.from(view) : view;
}

/** One value is one field. */
export interface Codec<Value> {
  pack(value: Value, payloads: PayloadSink): Packed;
  /** Reads the next field; throws CodecError. */
  read(fields: FieldReader, payloads: PayloadSource): Value;
}

/** A field that may be absent; only in a shape. */
export type OptionalCodec<Value> = { readonly optional: Codec<Value> };

// ---- plain values -------------------------------------------------------------------------------

function plain<Value extends Packed>(read: (fields: FieldReader) => Value): Codec<Value> {
  return { pack: value => value, read };
}

export const text: Codec<string> = plain(fields => fields.text());
/** Whole, and not negative. */
export const integer: Codec<number> = plain(fields => fields.integer());
export const flag: Codec<boolean> = plain(fields => fields.flag());
/** A few bytes: copied. */
export const bytes: Codec<Buffer> = plain(fields => fields.bytes());

/** Many bytes: they travel behind the fields, and arrive as a view. */
export const payload: Codec<Uint8Array> = {
  pack(value, payloads) {
    payloads.push(value);
    return value.length;
  },
  read: (fields, payloads) => payloads.take(fields.integer()),
};

/** An id or a timestamp: lower-case hex in memory, bytes on the wire. */
export function hex<Id extends string>(byteCount: number): Codec<Id> {
  return {
    pack: value => hexBytes(value),
    read: fields => fields.hex(byteCount) as Id,
  };
}

/** A text of a brand that has no rule of its own, or whose rule its reader checks. */
export function branded<Text extends string>(): Codec<Text> {
  return text as Codec<Text>;
}

/** One of a few words. */
export function choice<Word extends string>(...words: readonly Word[]): Codec<Word> {
  const known: ReadonlySet<string> = new Set(words);
  return {
    pack: value => value,
    read(fields) {
      const word = fields.text();
      if (known.has(word)) return word as Word;
      throw new CodecError('not one of the known words');
    },
  };
}

/** What has an encoding of its own, with its own format number: rows. */
export function row<Row>(
  encode: (value: Row) => Uint8Array,
  decode: (bytes: Buffer) => Row,
): Codec<Row> {
  return { pack: encode, read: fields => decode(fields.bytes()) };
}

/** What is one field of a row already. */
export function field<Value>(
  packValue: (value: Value) => Packed,
  read: (fields: FieldReader) => Value,
): Codec<Value> {
  return { pack: packValue, read };
}

// ---- put together -------------------------------------------------------------------------------

export function optional<Value>(codec: Codec<Value>): OptionalCodec<Value> {
  return { optional: codec };
}

const UNSENT: Codec<never> = {
  pack: () => null,
  read: () => {
    throw new CodecError('a field that does not travel');
  },
};

/** A field that is of use within a process only: the other side finds it absent. */
export function unsent<Value>(): OptionalCodec<Value> {
  return { optional: UNSENT };
}

export function nullable<Value>(codec: Codec<Value>): Codec<Value | null> {
  return {
    pack: (value, payloads) => (value === null ? null : codec.pack(value, payloads)),
    read: (fields, payloads) => (fields.skipNull() ? null : codec.read(fields, payloads)),
  };
}

export function list<Value>(codec: Codec<Value>): Codec<readonly Value[]> {
  return {
    pack: (values, payloads) => values.map(value => codec.pack(value, payloads)),
    read(fields, payloads) {
      const items = fields.nested();
      const values: Value[] = [];
      while (items.hasMore) values.push(codec.read(items, payloads));
      return values;
    },
  };
}

/** An object used as a table, by name. */
export function record<Value>(codec: Codec<Value>): Codec<Readonly<Record<string, Value>>> {
  const pairs = list(pair(text, codec));
  return {
    pack: (value, payloads) => pairs.pack(Object.entries(value), payloads),
    read: (fields, payloads) => Object.fromEntries(pairs.read(fields, payloads)),
  };
}

export function pair<First, Second>(
  first: Codec<First>,
  second: Codec<Second>,
): Codec<readonly [First, Second]> {
  return {
    pack: ([one, other], payloads) => [first.pack(one, payloads), second.pack(other, payloads)],
    read(fields, payloads) {
      const items = fields.nested();
      return [first.read(items, payloads), second.read(items, payloads)];
    },
  };
}

/** A word that stands for a value (`any`), or the value. */
export function wordOr<Word extends string, Value extends object>(
  word: Word,
  codec: Codec<Value>,
): Codec<Word | Value> {
  return {
    pack: (value, payloads) => (typeof value === 'string' ? [] : [codec.pack(value, payloads)]),
    read(fields, payloads) {
      const items = fields.nested();
      return items.hasMore ? codec.read(items, payloads) : word;
    },
  };
}

type OptionalKey<Value, Key extends keyof Value> = object extends Pick<Value, Key> ? Key : never;

/** For each field of the type its codec; for each optional field an optional codec. */
export type Fields<Value> = {
  readonly [Key in keyof Value]-?: Key extends OptionalKey<Value, Key>
    ? OptionalCodec<Exclude<Value[Key], undefined>>
    : Codec<Value[Key]>;
};

type NamedCodec = {
  readonly name: string;
  readonly codec: Codec<unknown>;
  readonly isOptional: boolean;
};

function namedCodecs(fields: object): readonly NamedCodec[] {
  const entries = Object.entries(fields) as [string, Codec<unknown> | OptionalCodec<unknown>][];
  return entries
    .map(([name, codec]) =>
      'optional' in codec
        ? { name, codec: codec.optional, isOptional: true }
        : { name, codec, isOptional: false },
    )
    .filter(({ codec }) => codec !== UNSENT);
}

type Plain = Record<string, unknown>;

function packFields(
  packed: Packed[],
  named: readonly NamedCodec[],
  [value, payloads]: readonly [Plain, PayloadSink],
): Packed[] {
  for (const { name, codec, isOptional } of named) {
    const inner = value[name];
    packed.push(isOptional && inner === undefined ? null : codec.pack(inner, payloads));
  }
  return packed;
}

function readFields(
  value: Plain,
  named: readonly NamedCodec[],
  [fields, payloads]: readonly [FieldReader, PayloadSource],
): Plain {
  for (const { name, codec, isOptional } of named) {
    if (isOptional && fields.skipNull()) continue;
    value[name] = codec.read(fields, payloads);
  }
  return value;
}

/** The fields in the order of the declaration: that order is the format. */
export function shape<Value extends object>(fields: Fields<Value>): Codec<Value> {
  const named = namedCodecs(fields);
  return {
    pack: (value, payloads) => packFields([], named, [value as Plain, payloads]),
    read: (outer, payloads) => readFields({}, named, [outer.nested(), payloads]) as Value,
  };
}

export type Kinded = { readonly kind: string };

/** For each kind its number and its fields. */
export type Members<Value extends Kinded> = {
  readonly [Kind in Value['kind']]: readonly [
    number: number,
    fields: Fields<Omit<Extract<Value, { kind: Kind }>, 'kind'>>,
  ];
};

export interface UnionCodec<Value> extends Codec<Value> {
  readonly kinds: readonly string[];
}

export function union<Value extends Kinded>(members: Members<Value>): UnionCodec<Value> {
  const byNumber = new Map<number, { kind: string; named: readonly NamedCodec[] }>();
  const byKind = new Map<string, { number: number; named: readonly NamedCodec[] }>();
  const entries = Object.entries<readonly [number, object]>(members);
  for (const [kind, [number, fields]] of entries) {
    assert(!byNumber.has(number), 'each kind has a number of its own');
    const named = namedCodecs(fields);
    byNumber.set(number, { kind, named });
    byKind.set(kind, { number, named });
  }
  return {
    kinds: [...byKind.keys()],
    pack(value, payloads) {
      const member = byKind.get(value.kind);
      assert(member !== undefined, 'the kind is one of the declared');
      return packFields([member.number], member.named, [value, payloads]);
    },
    read(outer, payloads) {
      const fields = outer.nested();
      const number = fields.integer();
      const member = byNumber.get(number);
      if (member === undefined) throw new CodecError(`unknown kind ${String(number)}`);
      return readFields({ kind: member.kind }, member.named, [fields, payloads]) as Value;
    },
  };
}

// ---- whole messages -----------------------------------------------------------------------------

const MESSAGE_FORMAT = 1;
const MESSAGE_FORMATS = [MESSAGE_FORMAT] as const;
const LENGTH_BYTES = 4;

/** Of all pieces together. */
export function bytesOf(pieces: readonly Uint8Array[]): number {
  let bytes = 0;
  for (const piece of pieces) bytes += piece.length;
  return bytes;
}

/** From so many bytes on payloads are sent from where they lie. */
const IN_PLACE_BYTES = 32 * 1024;

/** A message that is ready to be copied into a frame, or to be sent in pieces. */
export class EncodedMessage {
  readonly #fields: Buffer;
  readonly #payloads: readonly Uint8Array[];
  readonly length: number;

  constructor(fields: Buffer, payloads: readonly Uint8Array[]) {
    this.#fields = fields;
    this.#payloads = payloads;
    this.length = LENGTH_BYTES + fields.length + bytesOf(payloads);
  }

  /** `room` bytes for the caller to fill, then the message; the payloads of a large one are pieces
   *  of their own, not copied. */
  behind(room: number): readonly [start: Buffer, ...payloads: Uint8Array[]] {
    const startBytes = room + LENGTH_BYTES + this.#fields.length;
    const isInPlace = room + this.length - startBytes >= IN_PLACE_BYTES;
    const start = Buffer.allocUnsafe(isInPlace ? startBytes : room + this.length);
    const next = this.#copyFields(start, room);
    if (isInPlace) return [start, ...this.#payloads];
    this.#copyPayloads(start, next);
    return [start];
  }

  /** Writes all of it from `at` on. */
  copyInto(target: Buffer, at: number): void {
    this.#copyPayloads(target, this.#copyFields(target, at));
  }

  #copyFields(target: Buffer, at: number): number {
    target.writeUInt32BE(this.#fields.length, at);
    target.set(this.#fields, at + LENGTH_BYTES);
    return at + LENGTH_BYTES + this.#fields.length;
  }

  #copyPayloads(target: Buffer, at: number): void {
    let next = at;
    for (const bytes of this.#payloads) {
      target.set(bytes, next);
      next += bytes.length;
    }
  }
}

export function encodeMessage<Value>(codec: Codec<Value>, value: Value): EncodedMessage {
  const payloads: PayloadSink = [];
  return new EncodedMessage(packToSend([MESSAGE_FORMAT, codec.pack(value, payloads)]), payloads);
}

/** Throws CodecError, and nothing else. */
export function decodeMessage<Value>(codec: Codec<Value>, message: Buffer): Value {
  if (message.length < LENGTH_BYTES) throw new CodecError('a message without a length');
  const end = LENGTH_BYTES + message.readUInt32BE();
  if (end > message.length) throw new CodecError('a message that is cut off');
  const { fields } = FieldReader.open(message, MESSAGE_FORMATS, LENGTH_BYTES);
  return codec.read(fields, new PayloadSource(message, end));
}
