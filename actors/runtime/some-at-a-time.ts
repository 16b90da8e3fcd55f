/**
 * Work on many things, a few of them at a time.
 *
 * Owns:          how many are under way.
 * Knows:         nothing of the work.
 * Must not know: why it is done.
 */

/** Begins with them in their order. Rejects with the first failure; those under way go on. */
export async function someAtATime<Item>(
  count: number,
  items: readonly Item[],
  work: (item: Item) => Promise<void>,
): Promise<void> {
  const left = items.values();
  const worker = async (): Promise<void> => {
    for (const item of left) await work(item);
  };
  await Promise.all(Array.from({ length: count }, worker));
}
