// Method: three replicas of one partition get random parts of random writes, deletions and ends of
// versions, each in an order of its own, as if messages were late, doubled and lost. Then they pull
// from each other in a random order until nothing changes. All must hold the same rows, and these
// must be what a naive twin makes of the set of all that any replica has taken, in no order at all.
import test from 'ava';
import fc from 'fast-check';
import { RowPull } from '../../../actors/entropy/row-pull.ts';
import type { NodeId } from '../../../schemas/ids.ts';
import type { ObjectWrite, TableReply, TableRequest } from '../../../schemas/messages/table.ts';
import { decodeCounters } from '../../../schemas/records/bucket-counters.ts';
import { decodeObjectRow } from '../../../schemas/records/object-row.ts';
import { TABLE } from '../../../schemas/row-tables.ts';
import type { Timestamp } from '../../../schemas/timestamp.ts';
import type { Fixture } from './partition-fixture.ts';
import { at, put, putBlocks, stamp, tablePartition } from './partition-fixture.ts';
import { deleteOf, listAll, writeOf, type Status } from './version-fixture.ts';

const digestKey = Buffer.alloc(32, 7);
const NODES = ['aa', 'bb', 'cc'].map(byte => byte.repeat(32) as NodeId);

type Step = {
  readonly kind: 'put' | 'delete' | 'end' | 'again' | 'tag';
  readonly key: number;
  readonly status: Status;
  readonly isLarge: boolean;
  readonly isAbove: boolean;
  /** Which of the steps before it is meant, where one is. */
  readonly of: number;
  /** When it comes to each replica; undefined: never. */
  readonly arrivals: readonly (number | undefined)[];
};

const arrivalTimes = fc.option(fc.nat(60), { nil: undefined, freq: 4 });
const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.record({
    kind: fc.constantFrom(
      ...(['put', 'put', 'put', 'delete', 'end', 'end', 'again', 'tag'] as const),
    ),
    key: fc.nat(1),
    status: fc.constantFrom(...(['enabled', 'enabled', 'suspended', 'never'] as const)),
    isLarge: fc.boolean(),
    isAbove: fc.boolean(),
    of: fc.nat(30),
    arrivals: fc.tuple(arrivalTimes, arrivalTimes, arrivalTimes),
  }),
  { minLength: 2, maxLength: 24, size: 'max' },
);
const pulls = fc.array(fc.tuple(fc.nat(2), fc.nat(2)), { maxLength: 6 });

const KEYS = ['one', 'two'];

/** What one step says of a key. */
type Fact = {
  readonly key: string;
  readonly timestamp: Timestamp;
  readonly what: 'version' | 'marker' | 'deletion' | 'end';
  readonly isNull: boolean;
};
type Sent = {
  readonly request: TableRequest;
  readonly fact: Fact | undefined;
  readonly voids: readonly Timestamp[];
  readonly arrivals: Step['arrivals'];
};

function writeFor(step: Step, tick: number): ObjectWrite {
  const key = KEYS[step.key]!;
  const { status, isLarge, isAbove } = step;
  const write =
    step.kind === 'delete' ? deleteOf(key, tick, status) : plainWrite(key, tick, isLarge);
  return { ...writeOf(write, status), isAbove };
}

function plainWrite(key: string, tick: number, isLarge: boolean): ObjectWrite {
  return isLarge ? putBlocks(key, tick) : put(key, tick, tick % 3);
}

function factOf({ place, row }: ObjectWrite): Fact {
  const what = row.kind === 'tombstone' ? 'deletion' : row.kind;
  const isNull = row.kind === 'tombstone' || row.versioned !== true;
  return { key: place.key, timestamp: row.timestamp, what, isNull };
}

/** Each step as a request, with what it says. */
function sendAll(all: readonly Step[]): Sent[] {
  const sent: Sent[] = [];
  for (const [index, step] of all.entries()) {
    const tick = index + 1;
    const { arrivals } = step;
    const resent = new Set(sent.flatMap(({ voids }) => voids));
    const known = sent.filter(
      ({ fact }) => fact !== undefined && fact.what !== 'end' && !resent.has(fact.timestamp),
    );
    const meant = known[step.of % Math.max(1, known.length)];
    if (step.kind === 'put' || step.kind === 'delete') {
      const request = writeFor(step, tick);
      sent.push({ request, fact: factOf(request), voids: [], arrivals });
    } else if (meant?.fact === undefined || meant.fact.what === 'deletion') continue;
    else if (step.kind === 'end') sent.push(endOf(meant.fact, tick, arrivals));
    else if (step.kind === 'tag') sent.push(tagOf(meant.fact, tick, arrivals));
    else {
      const { timestamp } = meant.fact;
      const isEnded = sent.some(({ fact }) => fact?.what === 'end' && fact.timestamp === timestamp);
      if (!isEnded) sent.push(...againOf(meant, tick, arrivals));
    }
  }
  return sent;
}

function endOf({ key, timestamp, isNull }: Fact, tick: number, arrivals: Step['arrivals']): Sent {
  const version = isNull ? 'null' : timestamp;
  const ended = { at: { timestamp, isNull }, version } as const;
  const asked = { kind: 'version-delete', place: at(key), timestamp: stamp(tick) } as const;
  const fact = { key, timestamp, what: 'end', isNull } as const;
  return { request: { ...asked, ...ended }, fact, voids: [], arrivals };
}

function tagOf({ key, timestamp, isNull }: Fact, tick: number, arrivals: Step['arrivals']): Sent {
  const tagging = { stamp: stamp(tick), tags: [{ key: 'tick', value: String(tick) }] };
  const version = isNull ? 'null' : timestamp;
  const request = { kind: 'object-change', place: at(key), version, tagging } as const;
  return { request, fact: undefined, voids: [], arrivals };
}

/** A write that was refused somewhere is sent once more, under another stamp; who heard of no
 *  version yet ends none. */
function againOf(meant: Sent, tick: number, arrivals: Step['arrivals']): Sent[] {
  const { request } = meant;
  if (request.kind !== 'object-write' || meant.fact?.isNull !== false) return [];
  const voids = [...(request.voids ?? []), request.row.timestamp];
  const row = { ...request.row, timestamp: stamp(tick) };
  const again = { ...request, row, voids, isAbove: true };
  return [{ request: again, fact: factOf(again), voids, arrivals }];
}

/** The versions of a key, the newest first, of all facts that any replica has taken. */
function naive(key: string, facts: readonly Fact[], voids: ReadonlySet<Timestamp>): string[] {
  const own = facts.filter(fact => fact.key === key);
  const ended = new Set(own.filter(({ what }) => what === 'end').map(fact => fact.timestamp));
  const stands = ({ timestamp }: Fact): boolean => !ended.has(timestamp) && !voids.has(timestamp);
  const versions = own.filter(fact => !fact.isNull && fact.what !== 'end' && stands(fact));
  const nulls = own.filter(({ isNull }) => isNull).toSorted((a, b) => order(a, b));
  const last = nulls[0];
  const isThere = last !== undefined && last.what !== 'deletion' && stands(last);
  const all = isThere ? [...versions, last] : versions;
  return all.toSorted(order).map(({ timestamp, what }) => `${timestamp} ${what}`);
}

function order(a: Fact, b: Fact): number {
  if (a.timestamp === b.timestamp) return 0;
  return a.timestamp > b.timestamp ? -1 : 1;
}

function isTaken(reply: TableReply): boolean {
  if (reply.kind === 'written') return true;
  if (['older', 'no-such-version', 'unknown'].includes(reply.kind)) return false;
  throw new Error(reply.kind);
}

class Replicas {
  readonly all = NODES.map(() => tablePartition({ digestKey, soleReplica: false }));
  readonly #pulls = NODES.map(
    self =>
      new RowPull({
        ...{ clusterKey: digestKey, self, nowMs: () => 0, rest: () => Promise.resolve() },
        ask: (node, _, request) => this.all[NODES.indexOf(node)]!.ask(request),
      }),
  );

  async build(): Promise<void> {
    for (const { table } of this.all) {
      const change = table.change.bind(table);
      await table.digest!.build(change, () => Promise.resolve());
    }
  }

  async pull(to: number, from: number): Promise<number> {
    const outcome = await this.#pulls[to]!.run(this.all[to]!.table, NODES[from]!, 'overdue');
    if (outcome.kind === 'same') return 0;
    if (outcome.kind !== 'pulled') throw new Error(outcome.kind);
    return outcome.rows;
  }

  async settle(): Promise<number> {
    for (let round = 1; ; round += 1) {
      let changed = 0;
      for (const [to, from] of PAIRS) changed += await this.pull(to, from);
      if (changed === 0 || round === 12) return round;
    }
  }
}

const PAIRS = [0, 1, 2].flatMap(to =>
  [0, 1, 2].filter(from => from !== to).map(from => [to, from] as const),
);

/** All that must be the same everywhere. */
function heldBy({ rows }: Fixture): Record<string, unknown> {
  const tables = ['object', 'history', 'inline', 'historyBytes', 'versionName'] as const;
  const held = Object.fromEntries(
    tables.map(name => [
      name,
      rows(TABLE[name]).map(({ key, value }) => `${key.toString('hex')} ${value.toString('hex')}`),
    ]),
  );
  return { ...held, counters: rows(TABLE.counters).map(({ value }) => decodeCounters(value)) };
}

/** As it is listed; a marker that a deletion without versions became is not counted. */
async function shown(replica: Fixture, key: string, facts: readonly Fact[]): Promise<string[]> {
  const deletions = new Set(
    facts.filter(({ what }) => what === 'deletion').map(({ timestamp }) => timestamp),
  );
  const rows = [...replica.rows(TABLE.object), ...replica.rows(TABLE.history)];
  const stamps = new Map<string, Timestamp>();
  for (const { value } of rows) {
    const row = decodeObjectRow(value);
    if (row.kind === 'version') stamps.set(`${row.etag} ${String(row.versioned)}`, row.timestamp);
    else if (row.kind === 'marker' && row.versioned !== true) {
      stamps.set(`null marker ${row.timestamp}`, row.timestamp);
    }
  }
  const listed = await listAll(replica, { limit: 3 });
  return listed
    .filter(entry => entry.key === key)
    .flatMap(({ version, isMarker, etag, lastModifiedMs }) => {
      const ms = lastModifiedMs.toString(16).padStart(12, '0');
      const own = version === 'null' ? stamps.get(`${etag} undefined`) : version;
      const nullMarker = [...stamps.values()].find(known => known.startsWith(ms));
      const timestamp = isMarker && version === 'null' ? nullMarker : own;
      if (timestamp === undefined) throw new Error('a version without a row');
      return deletions.has(timestamp) ? [] : [`${timestamp} ${isMarker ? 'marker' : 'version'}`];
    });
}

async function deliver(replicas: Replicas, sent: readonly Sent[]) {
  const due = sent.flatMap((message, index) =>
    message.arrivals.flatMap((time, to) =>
      time === undefined ? [] : [{ message, index, to, time }],
    ),
  );
  const facts: Fact[] = [];
  const voids = new Set<Timestamp>();
  for (const { message, to } of due.toSorted((a, b) => a.time - b.time)) {
    if (!isTaken(await replicas.all[to]!.ask(message.request))) continue;
    for (const stamped of message.voids) voids.add(stamped);
    if (message.fact !== undefined) facts.push(message.fact);
  }
  return { facts: [...new Set(facts)], voids };
}

test('replicas agree on all versions of a key, whatever came to them in whatever order', async t => {
  await fc.assert(
    fc.asyncProperty(steps, pulls, async (all, early) => {
      const replicas = new Replicas();
      await replicas.build();
      const sent = sendAll(all);
      const half = Math.floor(sent.length / 2);
      const one = await deliver(replicas, sent.slice(0, half));
      for (const [to, from] of early) if (to !== from) await replicas.pull(to, from);
      const two = await deliver(replicas, sent.slice(half));
      t.true((await replicas.settle()) < 12, 'it comes to an end');
      const [first, second, third] = replicas.all.map(heldBy);
      t.deepEqual(first, second);
      t.deepEqual(second, third);
      const facts = [...one.facts, ...two.facts];
      const voids = new Set([...one.voids, ...two.voids]);
      for (const key of KEYS) {
        t.deepEqual(await shown(replicas.all[0]!, key, facts), naive(key, facts, voids));
      }
    }),
    { numRuns: 300 },
  );
});
