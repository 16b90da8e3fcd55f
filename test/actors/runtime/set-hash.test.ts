// Method: sums of the same members in another order, and of sets that differ in one member.
import { createHash } from 'node:crypto';
import test from 'ava';
import { differingSums, SUM_BYTES, toggle } from '../../../actors/runtime/set-hash.ts';

const SUMS = 8;

function item(member: number): Buffer {
  return createHash('sha256').update(String(member)).digest();
}

function sumsOf(members: readonly number[]): Buffer {
  const sums = Buffer.alloc(SUMS * SUM_BYTES);
  for (const member of members) toggle(sums, member % SUMS, item(member));
  return sums;
}

const MEMBERS = Array.from({ length: 100 }, (_, member) => member);

test('the order of members does not matter', t => {
  t.deepEqual(differingSums(sumsOf(MEMBERS), sumsOf(MEMBERS.toReversed())), []);
});

test('a member that is added and taken away was never there', t => {
  const sums = sumsOf(MEMBERS);
  toggle(sums, 3, item(1003));
  t.deepEqual(differingSums(sums, sumsOf(MEMBERS)), [3]);
  toggle(sums, 3, item(1003));
  t.deepEqual(sums, sumsOf(MEMBERS));
});

test('each sum in which a member is missing is told, and no other one', t => {
  const some = MEMBERS.filter(member => member !== 0 && member !== 13 && member !== 21);
  t.deepEqual(differingSums(sumsOf(MEMBERS), sumsOf(some)), [0, 5]);
});

test('what the other side cut off differs', t => {
  const sums = sumsOf(MEMBERS);
  t.deepEqual(differingSums(sums, sums.subarray(0, 6 * SUM_BYTES + 1)), [6, 7]);
});
