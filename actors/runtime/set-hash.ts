/**
 * Sums over sets, by which two replicas find where their sets differ.
 *
 * Owns:          adding to a sum, and comparing sums that lie one behind the other.
 * Knows:         items: a hash for each member.
 * Must not know: what the members are, who compares.
 *
 * A sum is the XOR of its items (a set hash in the sense of Bellare and Micciancio, "A New Paradigm
 * for Collision-Free Hashing", 1997): to add a member and to take it away are the same operation,
 * in any order.
 */

export const SUM_BYTES = 16;

/** Adds an item, of which the first SUM_BYTES count, to sum number `index`; or takes it away. */
export function toggle(sums: Uint8Array, index: number, item: Uint8Array): void {
  const at = index * SUM_BYTES;
  for (let byte = 0; byte < SUM_BYTES; byte += 1) sums[at + byte]! ^= item[byte]!;
}

/** The numbers of the sums of `one` that are not the same in `other`. */
export function differingSums(one: Uint8Array, other: Uint8Array): number[] {
  const differing: number[] = [];
  for (let index = 0; index * SUM_BYTES < one.length; index += 1) {
    const [from, to] = [index * SUM_BYTES, (index + 1) * SUM_BYTES];
    const isSame = Buffer.compare(one.subarray(from, to), other.subarray(from, to)) === 0;
    if (!isSame) differing.push(index);
  }
  return differing;
}
