// Method: a store of one row that is absent, readable, damaged, of another format, or away.
import test from 'ava';
import { orDamage, readRow, readRowOr } from '../../../actors/storage/row-damage.ts';
import { DamagedRowError, StoreUnavailableError } from '../../../actors/storage/store.ts';
import { FieldReader, pack } from '../../../schemas/codec.ts';

const KEY = Buffer.from('a key');

function decode(bytes: Buffer): number {
  return FieldReader.open(bytes, [1]).fields.integer();
}

function failing(error: Error): { get(): never } {
  return {
    get() {
      throw error;
    },
  };
}

test('a row that is absent, damaged or of a later format is made up again', t => {
  t.is(readRowOr({ get: () => pack([1, 42]) }, KEY, decode, 7), 42);
  t.is(readRowOr({ get: () => undefined }, KEY, decode, 7), 7);
  t.is(readRowOr(failing(new DamagedRowError(KEY)), KEY, decode, 7), 7);
  t.is(readRowOr({ get: () => pack([2, 42]) }, KEY, decode, 7), 7);
});

test('damage is told apart from absence', t => {
  t.is(
    orDamage(() => readRow({ get: () => undefined }, KEY, decode)),
    undefined,
  );
  t.is(
    orDamage(() => readRow(failing(new DamagedRowError(KEY)), KEY, decode)),
    'damaged',
  );
  t.is(
    orDamage(() => readRow({ get: () => pack([2, 42]) }, KEY, decode)),
    'damaged',
  );
});

test('a store that is away, or a mistake of ours, is not taken for damage', t => {
  const away = failing(new StoreUnavailableError('it is being reopened'));
  t.throws(() => readRowOr(away, KEY, decode, 7), { instanceOf: StoreUnavailableError });
  const mistake = failing(new TypeError('undefined is not a function'));
  t.throws(() => orDamage(() => readRow(mistake, KEY, decode)), { instanceOf: TypeError });
});
