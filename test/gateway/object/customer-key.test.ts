import test from 'ava';
import { inspect } from 'node:util';
import { SealBroken } from '../../../gateway/object/chunk-cipher.ts';
import {
  CustomerKey,
  nameOfVersion,
  type ContentName,
} from '../../../gateway/object/customer-key.ts';
import type { ObjectKey, UploadId } from '../../../schemas/ids.ts';
import { OBJECT_KEY_BYTES_MAX } from '../../../schemas/limits.ts';
import type { ObjectVersion } from '../../../schemas/records/object-row.ts';
import { placeNamed } from '../../support/object-world.ts';
import { SeededRandom } from '../../support/seeded-random.ts';

const place = placeNamed('key');
const uploadId = 'a'.repeat(32) as UploadId;
const name: ContentName = { kind: 'version', place };
const checksum = { algorithm: 'CRC32C', type: 'FULL_OBJECT', value: 'yZRlqg==' } as const;

function keyOf(byte: number): CustomerKey {
  return new CustomerKey(Buffer.alloc(32, byte), 'md5');
}

test('the same key finds the keys of a content again, another one does not', t => {
  const { keys, encryption } = keyOf(1).newContent(new SeededRandom(1), name);
  t.true(keyOf(1).keysOf(encryption, name)?.data.equals(keys.data));
  t.is(keyOf(2).keysOf(encryption, name), undefined);
  const salt = '0'.repeat(64);
  t.is(keyOf(1).keysOf({ ...encryption, salt }, name), undefined);
});

test('each content has keys of its own, and what is stored tells none of them', t => {
  const random = new SeededRandom(1);
  const seen = new Set<string>();
  for (let count = 0; count < 20; count += 1) {
    const { keys, encryption } = keyOf(1).newContent(random, name);
    for (const text of [keys.data.toString('hex'), encryption.salt, encryption.check]) {
      t.false(seen.has(text));
      seen.add(text);
    }
    t.false(keys.data.toString('hex').includes(encryption.check));
  }
});

test('a content that was moved under another name has other keys', t => {
  const bucket = 'c'.repeat(64) as typeof place.bucket;
  const names: readonly ContentName[] = [
    name,
    { kind: 'version', place: placeNamed('key2') },
    { kind: 'version', place: { ...place, bucket } },
    { kind: 'upload', place, uploadId },
    { kind: 'upload', place, uploadId: 'b'.repeat(32) as UploadId },
    { kind: 'part', place, uploadId, partNumber: 1 },
    { kind: 'part', place, uploadId, partNumber: 2 },
    { kind: 'part', place: { ...place, key: 'ke' as ObjectKey }, uploadId, partNumber: 1 },
  ];
  names.forEach((written, index) => {
    const { encryption } = keyOf(1).newContent(new SeededRandom(index), written);
    for (const read of names) {
      t.is(keyOf(1).keysOf(encryption, read) !== undefined, read === written);
    }
  });
});

test('the longest key of an object, and the last byte of it, are part of a name', t => {
  const long = (end: string): ContentName => {
    const place = placeNamed(`${'é'.repeat(OBJECT_KEY_BYTES_MAX / 2 - 1)}a${end}`);
    return { kind: 'part', place, uploadId, partNumber: 10_000 };
  };
  const { encryption } = keyOf(1).newContent(new SeededRandom(1), long('b'));
  t.truthy(keyOf(1).keysOf(encryption, long('b')));
  t.is(keyOf(1).keysOf(encryption, long('c')), undefined);
});

test('what is derived of a key, a salt and a name stays the same for ever', t => {
  const salt = '5a'.repeat(32);
  const check = '2481fcf7bf59633608cd22d5a3797739';
  const keys = keyOf(1).keysOf({ salt, check }, { kind: 'part', place, uploadId, partNumber: 7 });
  t.is(
    keys?.data.toString('hex'),
    '4eb3d912d482709aac1c04d3c4a65959750456dd7d6db5a9d7d2abbd7ac9270b',
  );
});

test('the shard of an index is no part of a name', t => {
  const { encryption } = keyOf(1).newContent(new SeededRandom(1), name);
  const moved: ContentName = { kind: 'version', place: { ...place, shard: 7 } };
  t.truthy(keyOf(1).keysOf(encryption, moved));
});

test('a version in parts is named by its upload', t => {
  const parts = { kind: 'parts', uploadId, partCount: 1 } as const;
  const version = { content: parts } as ObjectVersion;
  t.deepEqual(nameOfVersion(place, version), { kind: 'upload', place, uploadId });
  const inline = { content: { kind: 'inline' } } as ObjectVersion;
  t.deepEqual(nameOfVersion(place, inline), { kind: 'version', place });
});

test('a checksum is not readable where it is stored, and opens with its own keys only', t => {
  const random = new SeededRandom(1);
  const { keys } = keyOf(1).newContent(random, name);
  const sealed = keys.sealChecksum(random, checksum);
  t.false(sealed.value.includes(checksum.value));
  t.not(keys.sealChecksum(random, checksum).value, sealed.value);
  t.deepEqual(keys.openChecksum(sealed), checksum);
  const others = keyOf(1).newContent(random, name).keys;
  t.throws(() => others.openChecksum(sealed), { instanceOf: SealBroken });
  const cut = { ...sealed, value: sealed.value.slice(0, 8) };
  t.throws(() => keys.openChecksum(cut), { instanceOf: SealBroken });
});

test('neither key is shown by what prints objects', t => {
  const secret = Buffer.alloc(32, 0x5a);
  const key = new CustomerKey(secret, 'md5');
  const { keys } = key.newContent(new SeededRandom(1), name);
  for (const bytes of [secret, keys.data]) {
    const hex = bytes.toString('hex').slice(0, 8);
    const listed = bytes.subarray(0, 4).join(',');
    for (const shown of [key, keys, { key, keys }]) {
      const text = JSON.stringify(shown) + inspect(shown, { depth: 9, getters: false });
      t.false(text.includes(hex) || text.includes(listed) || text.includes('5a 5a'));
    }
  }
});
