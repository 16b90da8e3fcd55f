/**
 * What every store must do, whatever keeps its rows.
 *
 * Owns:          the tests of the store port's contract.
 * Knows:         the port.
 * Must not know: LevelDB, memory; a harness makes stores, damages rows and makes commits fail.
 */
import test from 'ava';
import type { ExecutionContext } from 'ava';
import fc from 'fast-check';
import type { Store, StoreEntry, StoreOperation } from '../../actors/storage/store.ts';
import { DamagedRowError, StoreUnavailableError } from '../../actors/storage/store.ts';

export type StoreHarness = {
  /** A new, empty store; closed when the test ends. */
  open(t: ExecutionContext): Promise<Store>;
  /** Makes the row unreadable; the store to go on with may be another one on the same rows. */
  damage(t: ExecutionContext, store: Store, key: Buffer): Promise<Store>;
  /** The next batch fails; what it carried may stay or be lost. */
  failNextBatch(store: Store, residue: 'lost' | 'kept'): void;
  /** Closes the store and opens one on the same rows. */
  reopen(t: ExecutionContext, store: Store): Promise<Store>;
};

const EVERYTHING = { from: Buffer.alloc(0), to: Buffer.of(0xff, 0xff) };

export function storeContract(name: string, harness: StoreHarness): void {
  const check = (title: string, run: (t: ExecutionContext) => Promise<void>): void => {
    test(`${name}: ${title}`, run);
  };

  check('what was committed is read back, as a copy of its own', async t => {
    const store = await harness.open(t);
    await store.commit([put('a', 'one'), put('b', '')]);
    store.get(key('a'))!.fill(0);
    t.is(text(store.get(key('a'))), 'one');
    t.is(text(store.get(key('b'))), '');
    t.is(store.get(key('c')), undefined);
  });

  check('the caller may change its buffers once the commit is durable', async t => {
    const store = await harness.open(t);
    const value = Buffer.from('before');
    await store.commit([{ kind: 'put', key: key('a'), value }]);
    value.fill('x');
    t.is(text(store.get(key('a'))), 'before');
  });

  check('a deleted row is absent, and deleting it again is fine', async t => {
    const store = await harness.open(t);
    await store.commit([put('a', 'one')]);
    await store.commit([remove('a')]);
    await store.commit([remove('a')]);
    t.is(store.get(key('a')), undefined);
  });

  check('within a commit and between commits the later operation wins', async t => {
    const store = await harness.open(t);
    const first = store.commit([put('a', '1'), put('a', '2'), remove('b'), put('b', '1')]);
    const second = store.commit([put('a', '3'), remove('b')]);
    const third = store.commit([put('b', '4')]);
    await Promise.all([first, second, third]);
    t.is(text(store.get(key('a'))), '3');
    t.is(text(store.get(key('b'))), '4');
  });

  check('commits that are made at once are all there when they resolve', async t => {
    const store = await harness.open(t);
    const count = 300;
    await Promise.all(
      Array.from({ length: count }, async (_, index) => {
        const row = String(index).padStart(4, '0');
        await store.commit([put(row, row)]);
        t.is(text(store.get(key(row))), row);
      }),
    );
    t.is((await all(store, EVERYTHING)).length, count);
  });

  check('an empty commit resolves when what came before it is durable', async t => {
    const store = await harness.open(t);
    await store.commit([]);
    let isDurable = false;
    const earlier = store.commit([put('a', '1')]).then(() => {
      isDurable = true;
    });
    await store.commit([]);
    t.true(isDurable);
    await earlier;
  });

  check('a cursor goes from the first key up to the last, exclusive, in byte order', async t => {
    const store = await harness.open(t);
    const keys = [[0], [0, 0], [1], [1, 0xff], [2], [0x7f], [0x80], [0xfe]].map(bytes =>
      Buffer.from(bytes),
    );
    await store.commit([...keys].reverse().map(at => ({ kind: 'put', key: at, value: at })));
    const found = await all(store, { from: Buffer.of(1), to: Buffer.of(0xfe) });
    t.deepEqual(
      found.map(entry => entry.key.toString('hex')),
      ['01', '01ff', '02', '7f', '80'],
    );
    t.true(found.every(entry => entry.key.equals(entry.value)));
    t.deepEqual(await all(store, { from: Buffer.of(3), to: Buffer.of(4) }), []);
    t.is((await all(store, EVERYTHING)).length, keys.length);
  });

  check('a cursor hands out pages no larger than asked, then nothing', async t => {
    const store = await harness.open(t);
    await store.commit(Array.from({ length: 10 }, (_, index) => put(String(index), 'x')));
    const cursor = store.cursor(EVERYTHING);
    const sizes: number[] = [];
    for (;;) {
      const page = await cursor.next(4);
      sizes.push(page.length);
      if (page.length === 0) break;
    }
    t.true(sizes.every(size => size <= 4));
    t.is(
      sizes.reduce((sum, size) => sum + size, 0),
      10,
    );
    t.deepEqual(await cursor.next(4), []);
    await cursor.close();
  });

  check('a cursor shows the state at its opening', async t => {
    const store = await harness.open(t);
    await store.commit([put('a', '1'), put('b', '1')]);
    const cursor = store.cursor(EVERYTHING);
    await store.commit([put('a', '2'), remove('b'), put('c', '2')]);
    const seen = await cursor.next(10);
    t.deepEqual(
      seen.map(entry => [text(entry.key), text(entry.value)]),
      [
        ['a', '1'],
        ['b', '1'],
      ],
    );
    await cursor.close();
  });

  check('a cursor seeks forwards, backwards, before its range and behind it', async t => {
    const store = await harness.open(t);
    await store.commit(['a', 'b', 'd', 'e', 'x'].map(row => put(row, row)));
    const cursor = store.cursor({ from: key('b'), to: key('x') });
    const after = async (target: string): Promise<string | undefined> => {
      cursor.seek(key(target));
      return text((await cursor.next(1))[0]?.key);
    };
    t.is(await after('c'), 'd');
    t.is(await after('b'), 'b');
    t.is(await after('a'), 'b');
    t.is(await after('x'), undefined);
    t.is(await after('e'), 'e');
    t.deepEqual(await cursor.next(1), []);
    t.is(await after('d'), 'd');
    await cursor.close();
  });

  check('several cursors walk at the same time', async t => {
    const store = await harness.open(t);
    await store.commit(['a', 'b', 'c'].map(row => put(row, row)));
    const cursors = [store.cursor(EVERYTHING), store.cursor(EVERYTHING)];
    for (const row of ['a', 'b', 'c']) {
      for (const cursor of cursors) t.is(text((await cursor.next(1))[0]?.key), row);
    }
    for (const cursor of cursors) await cursor.close();
  });

  check('a damaged row is never handed out, and hides no other', async t => {
    const before = await harness.open(t);
    await before.commit(['a', 'b', 'c', 'd'].map(row => put(row, row)));
    const store = await harness.damage(t, before, key('c'));
    const error = t.throws(() => store.get(key('c')), { instanceOf: DamagedRowError });
    t.is(text(error.key), 'c');
    t.is(text(store.get(key('b'))), 'b');
    const { entries, damaged } = await allAround(store);
    t.deepEqual(
      entries.map(entry => text(entry.key)),
      ['a', 'b', 'd'],
    );
    t.deepEqual(damaged.map(text), ['c']);
    await store.commit([put('c', 'new')]);
    t.is(text(store.get(key('c'))), 'new');
  });

  check('what was committed is there after closing and opening', async t => {
    const before = await harness.open(t);
    await before.commit([put('a', '1'), put('b', '1')]);
    await before.commit([put('a', '2'), remove('b')]);
    const store = await harness.reopen(t, before);
    t.deepEqual(
      (await all(store, EVERYTHING)).map(entry => [text(entry.key), text(entry.value)]),
      [['a', '2']],
    );
  });

  for (const residue of ['lost', 'kept'] as const) {
    check(
      `after a failed batch (${residue}) all that waited is rejected, and nothing lost`,
      async t => {
        const store = await harness.open(t);
        await store.commit([put('kept', 'yes')]);
        const order: string[] = [];
        const reopened = new Promise<void>(resolve => {
          store.onReopened(() => {
            order.push(text(store.get(key('kept'))) ?? 'absent');
            resolve();
          });
        });
        harness.failNextBatch(store, residue);
        const commits = ['1', '2', '3'].map(row => store.commit([put(row, row)]));
        for (const outcome of await Promise.allSettled(commits)) {
          t.is(outcome.status, 'rejected');
          if (outcome.status !== 'rejected') continue;
          t.true(outcome.reason instanceof StoreUnavailableError);
        }
        await reopened;
        t.deepEqual(order, ['yes']);
        t.is(store.reopenings, 1);
        await store.commit([put('after', 'yes')]);
        t.is(text(store.get(key('after'))), 'yes');
        t.is(text(store.get(key('kept'))), 'yes');
      },
    );
  }

  check('a closed store answers nothing and takes nothing', async t => {
    const store = await harness.open(t);
    await store.commit([put('a', '1')]);
    await store.close();
    t.throws(() => store.get(key('a')), { instanceOf: StoreUnavailableError });
    await t.throwsAsync(() => store.commit([put('a', '2')]), {
      instanceOf: StoreUnavailableError,
    });
  });

  check('random commits and reads agree with a sorted map', async t => {
    const row = fc.uint8Array({ minLength: 1, maxLength: 3, max: 3 });
    const operation = fc.oneof(
      fc.record({ kind: fc.constant('put' as const), key: row, value: fc.uint8Array() }),
      fc.record({ kind: fc.constant('delete' as const), key: row }),
    );
    const history = fc.array(fc.array(operation, { maxLength: 5 }), { maxLength: 10 });
    const store = await harness.open(t);
    await fc.assert(
      fc.asyncProperty(history, row, row, async (commits, from, to) => {
        await clear(store);
        const model = new Map<string, string>();
        await Promise.all(commits.map(operations => store.commit(operations)));
        for (const change of commits.flat()) apply(model, change);
        const expected = [...model].sort(([a], [b]) => (a < b ? -1 : 1));
        t.deepEqual((await all(store, EVERYTHING)).map(hexPair), expected);
        const range = { from: Buffer.from(from), to: Buffer.from(to) };
        t.deepEqual(
          (await all(store, range)).map(hexPair),
          expected.filter(([at]) => at >= hex(from) && at < hex(to)),
        );
        for (const [at, value] of expected) {
          t.is(store.get(Buffer.from(at, 'hex'))?.toString('hex'), value);
        }
      }),
      { numRuns: 30 },
    );
  });
}

function key(name: string): Buffer {
  return Buffer.from(name);
}

function put(name: string, value: string): StoreOperation {
  return { kind: 'put', key: key(name), value: Buffer.from(value) };
}

function remove(name: string): StoreOperation {
  return { kind: 'delete', key: key(name) };
}

function text(bytes: Buffer | undefined): string | undefined {
  return bytes?.toString();
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}

function hexPair(entry: StoreEntry): [string, string] {
  return [hex(entry.key), hex(entry.value)];
}

function apply(model: Map<string, string>, change: StoreOperation): void {
  if (change.kind === 'put') model.set(hex(change.key), hex(change.value));
  else model.delete(hex(change.key));
}

async function all(
  store: Store,
  range: { readonly from: Buffer; readonly to: Buffer },
): Promise<StoreEntry[]> {
  const cursor = store.cursor(range);
  const entries: StoreEntry[] = [];
  for (;;) {
    const page = await cursor.next(7);
    if (page.length === 0) break;
    entries.push(...page);
  }
  await cursor.close();
  return entries;
}

async function allAround(
  store: Store,
): Promise<{ readonly entries: StoreEntry[]; readonly damaged: Buffer[] }> {
  const cursor = store.cursor(EVERYTHING);
  const entries: StoreEntry[] = [];
  const damaged: Buffer[] = [];
  for (;;) {
    try {
      const page = await cursor.next(10);
      if (page.length === 0) break;
      entries.push(...page);
    } catch (error) {
      if (!(error instanceof DamagedRowError)) throw error;
      damaged.push(error.key);
    }
  }
  await cursor.close();
  return { entries, damaged };
}

async function clear(store: Store): Promise<void> {
  const entries = await all(store, EVERYTHING);
  await store.commit(entries.map(entry => ({ kind: 'delete', key: entry.key })));
}
