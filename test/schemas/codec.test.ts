// Method: random fields through msgpackr and back, read in order; and bytes that no row is made of.
import test from 'ava';
import fc from 'fast-check';
import { CodecError, FieldReader, pack, type Packed } from '../../schemas/codec.ts';

const numbers = fc.oneof(fc.nat(), fc.maxSafeNat(), fc.constantFrom(0, 127, 128, 255, 256, 65_535));
const texts = fc.oneof(fc.string({ unit: 'grapheme' }), fc.string({ minLength: 250 }));
const bytes = fc.uint8Array({ maxLength: 300 }).map(array => Buffer.from(array));
const values: fc.Arbitrary<Packed> = fc.oneof(
  fc.constant(null),
  fc.boolean(),
  numbers,
  texts,
  bytes,
  fc.array(fc.oneof(numbers, texts, bytes), { maxLength: 20 }),
);

function readValue(fields: FieldReader, like: Packed): Packed {
  if (like === null) return fields.skipNull() ? null : 'no null';
  if (typeof like === 'boolean') return fields.flag();
  if (typeof like === 'number') return fields.integer();
  if (typeof like === 'string') return fields.text();
  if (like instanceof Uint8Array) return fields.bytes();
  const inner = fields.nested();
  return like.map(item => readValue(inner, item));
}

test('fields are read as they were written, and what is not read is passed', t => {
  fc.assert(
    fc.property(fc.array(fc.tuple(values, fc.boolean()), { maxLength: 40 }), items => {
      const packed = pack([3, ...items.map(([value]) => value)]);
      const { format, fields } = FieldReader.open(packed, [1, 3]);
      t.is(format, 3);
      for (const [value, isRead] of items) {
        if (isRead) t.deepEqual(readValue(fields, value), value);
        else fields.skip();
      }
      t.false(fields.hasMore);
      t.true(fields.skipNull(), 'a field that is missing is null');
    }),
  );
});

test('what is left of an array that was begun is passed before the next field', t => {
  const rest = ['b', [1, [2]], Buffer.from('c')];
  const packed = pack([1, ['a', ...rest], 7, [[1, ...rest], [2]], 'end']);
  const { fields } = FieldReader.open(packed, [1]);
  t.is(fields.nested().text(), 'a');
  t.is(fields.integer(), 7);
  t.deepEqual(
    fields.list(item => item.integer()),
    [1, 2],
  );
  t.is(fields.text(), 'end');
});

test('bytes that were read do not change with the buffer they came in', t => {
  const packed = pack([1, Buffer.from('abc')]);
  const read = FieldReader.open(packed, [1]).fields.bytes();
  packed.fill(0);
  t.is(read.toString(), 'abc');
});

test('a field of another kind, a missing one and any other bytes are refused', t => {
  const wrong: [Packed, (fields: FieldReader) => unknown][] = [
    ['text', fields => fields.integer()],
    [-1, fields => fields.integer()],
    [1.5, fields => fields.integer()],
    [2 ** 60, fields => fields.integer()],
    [1, fields => fields.text()],
    [1, fields => fields.flag()],
    ['text', fields => fields.bytes()],
    [Buffer.alloc(15), fields => fields.hex(16)],
    [1, fields => fields.textOrHex()],
    [1, fields => fields.nested()],
    ['text', fields => fields.list(item => item.integer())],
    [[1], fields => fields.list(item => item.integer())],
  ];
  for (const [value, read] of wrong) {
    t.throws(() => read(FieldReader.open(pack([1, value]), [1]).fields), {
      instanceOf: CodecError,
    });
    t.throws(() => read(FieldReader.open(pack([1]), [1]).fields), { instanceOf: CodecError });
  }
  t.throws(() => FieldReader.open(pack([2]), [1]), { instanceOf: CodecError });
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 64 }), foreign => {
      try {
        const { fields } = FieldReader.open(foreign, [1]);
        while (fields.hasMore) fields.skip();
      } catch (error) {
        t.true(error instanceof CodecError);
      }
    }),
  );
});
