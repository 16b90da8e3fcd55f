// Method: real settings actors on stores that lose what was not durable, asked by real clients over
// a network that loses, doubles, delays and cuts, all from one seed. Every change appends a word of
// its own to a row, so the row itself is the history in which changes took effect: what was
// acknowledged must be in it once, in the order of real time, and what was refused must not.
import test from 'ava';
import type { ExecutionContext } from 'ava';
import type { SettingsClient } from '../../bus/settings-client.ts';
import { SettingsUnavailableError } from '../../bus/settings-client.ts';
import { fateOf, knownOf } from '../../bus/settings-rounds.ts';
import type { BucketId, NodeId } from '../../schemas/ids.ts';
import type { BucketRow } from '../../schemas/records/bucket-row.ts';
import type { Timestamp } from '../../schemas/timestamp.ts';
import { SettingsCluster, layoutOf, viewOf } from '../support/settings-cluster.ts';

const ID = 'b'.repeat(64) as BucketId;
const SEEDS = 20;

function emptyBucket(id: BucketId): Omit<BucketRow, 'timestamp'> {
  return {
    ...{ kind: 'bucket', id, createdMs: 1, state: 'active', globalAliases: [], localAliases: [] },
    ...{ grants: [], indexShards: 1 },
  };
}

function append(settings: SettingsClient, word: string): Promise<BucketRow | undefined> {
  return settings.change('bucket', ID, row => {
    const before = row ?? emptyBucket(ID);
    return { ...before, globalAliases: [...before.globalAliases, word] };
  });
}

type Event = {
  readonly what: 'append' | 'read';
  readonly word: string;
  readonly fromMs: number;
  untilMs: number;
  outcome: 'open' | 'done' | 'unknown';
  seen: readonly string[];
};

async function record(
  cluster: SettingsCluster,
  event: Event,
  work: Promise<BucketRow | undefined>,
): Promise<void> {
  const { outcome, seen } = await work.then(
    row => ({ outcome: 'done' as const, seen: row?.globalAliases ?? [] }),
    (failure: unknown) => {
      if (!(failure instanceof SettingsUnavailableError)) throw failure;
      return { outcome: 'unknown' as const, seen: [] };
    },
  );
  Object.assign(event, { outcome, seen, untilMs: cluster.network.environment.clock.monotonicMs() });
}

/** Breaks something, or mends it. */
function disturb(cluster: SettingsCluster, names: readonly string[]): void {
  const { network, nodes } = cluster;
  const node = nodes[Math.floor(network.chance() * nodes.length)] as NodeId;
  const dice = network.chance();
  if (dice < 0.35) {
    if (cluster.isUp(node)) cluster.crash(node);
    else cluster.start(node);
  } else if (dice < 0.7) {
    const name = names[Math.floor(network.chance() * names.length)] as string;
    if (network.chance() < 0.5) network.cut(name, node);
    else network.cut(node, name);
  } else network.heal();
}

async function chaos(t: ExecutionContext, seed: number): Promise<void> {
  const cluster = new SettingsCluster({ nodes: seed % 2 === 0 ? 3 : 5, seed });
  const { network } = cluster;
  const { clock } = network.environment;
  network.weather = { loss: 0.08, duplicates: 0.08, delayMsMax: 40 };
  const names = ['paris', 'lille', 'lyon', 'nice'];
  const events: Event[] = [];
  const running: Promise<void>[] = [];
  const run = async (name: string): Promise<void> => {
    let { settings, process } = cluster.client(name);
    for (let turn = 0; turn < 8; turn += 1) {
      const what = network.chance() < 0.7 ? 'append' : 'read';
      const word = `${name}-${String(turn)}`;
      const event: Event = {
        ...{ what, word, fromMs: clock.monotonicMs(), untilMs: Infinity },
        ...{ outcome: 'open', seen: [] },
      };
      events.push(event);
      const work = what === 'append' ? append(settings, word) : settings.readDecided('bucket', ID);
      const recorded = record(cluster, event, work);
      if (network.chance() < 0.15) {
        // The process dies in the middle of it, and another takes its place.
        await new Promise<void>(resolve => {
          network.environment.timers.after(network.chance() * 150, resolve);
        });
        process.kill();
        ({ settings, process } = cluster.client(name));
        continue;
      }
      await recorded;
    }
  };
  for (const name of names) running.push(run(name));
  const all = Promise.all(running);
  await network.during(all, () => {
    if (network.chance() < 0.02) disturb(cluster, names);
  });
  network.heal();
  network.weather = { loss: 0, duplicates: 0, delayMsMax: 40 };
  for (const node of cluster.nodes) if (!cluster.isUp(node)) cluster.start(node);
  const { settings } = cluster.client('judge');
  await network.during(append(settings, 'last'));
  const end = await network.during(settings.readDecided('bucket', ID));
  judge(t, seed, events, end?.globalAliases ?? []);
}

function judge(
  t: ExecutionContext,
  seed: number,
  events: readonly Event[],
  history: readonly string[],
): void {
  const at = (word: string): number => history.indexOf(word);
  const whole = `seed ${String(seed)}: ${history.join(' ')}`;
  t.is(new Set(history).size, history.length, `each change took effect once; ${whole}`);
  t.is(history.at(-1), 'last', whole);
  const known = new Set([...events.map(event => event.word), 'last']);
  t.true(
    history.every(word => known.has(word)),
    whole,
  );
  const done = events.filter(event => event.outcome === 'done');
  for (const event of done) {
    const { seen, what, word } = event;
    t.deepEqual(seen, history.slice(0, seen.length), `${word} saw what was decided; ${whole}`);
    if (what === 'append') t.is(seen.at(-1), word, `${word} is acknowledged; ${whole}`);
    for (const earlier of done) {
      if (earlier.untilMs >= event.fromMs) continue;
      const isOrdered = earlier.seen.length <= seen.length - (what === 'append' ? 1 : 0);
      t.true(isOrdered, `${word} began after ${earlier.word} was answered; ${whole}`);
    }
    if (what === 'append') t.is(at(word), seen.length - 1, whole);
  }
}

for (let seed = 1; seed <= SEEDS; seed += 10) {
  const last = seed + 9;
  test(`no acknowledged change is lost, doubled or out of order: seeds ${String(seed)} to ${String(last)}`, async t => {
    for (let one = seed; one <= last; one += 1) await chaos(t, one);
  });
}

test('of those who create one name at a time exactly one wins, and the others see the winner', async t => {
  for (let seed = 1; seed <= 30; seed += 1) {
    const cluster = new SettingsCluster({ nodes: 3, seed });
    const { network } = cluster;
    network.weather = { loss: 0.03, duplicates: 0.05, delayMsMax: 80 };
    const creators = ['paris', 'lille', 'lyon'].map((name, index) => {
      const { settings } = cluster.client(name);
      const bucket = String(index).repeat(64) as BucketId;
      return settings
        .change('alias', 'photos', row =>
          row === undefined ? { kind: 'alias', id: 'photos', bucket } : undefined,
        )
        .then(
          row => (row === undefined ? 'lost' : bucket),
          () => 'unknown' as const,
        );
    });
    const outcomes = await network.during(Promise.all(creators));
    const winners = outcomes.filter(outcome => outcome !== 'lost' && outcome !== 'unknown');
    const row = await network.during(
      cluster.client('judge').settings.readDecided('alias', 'photos'),
    );
    t.true(winners.length <= 1, `seed ${String(seed)}: ${outcomes.join(' ')}`);
    if (!outcomes.includes('unknown')) t.is(winners.length, 1, `seed ${String(seed)}`);
    const [winner] = winners;
    if (winner !== undefined) t.is(row?.bucket, winner as BucketId);
  }
});

test('a proposer whose acceptances are lost finds out that its row was decided by another', async t => {
  const cluster = new SettingsCluster({ nodes: 3, seed: 3 });
  const { network } = cluster;
  const { settings } = cluster.client('paris');
  const others = cluster.client('lille').settings;
  const work = append(settings, 'first');
  // Its acceptances arrive, their answers do not.
  for (const node of cluster.nodes)
    network.environment.timers.after(12, () => network.cut(node, 'paris'));
  network.weather = { loss: 0, duplicates: 0, delayMsMax: 10 };
  await network.pass(300);
  const row = await network.during(append(others, 'second'));
  network.heal();
  t.is((await network.during(work))?.globalAliases.at(-1), 'first');
  const end = await network.during(settings.readDecided('bucket', ID));
  t.is(new Set(end?.globalAliases).size, 2);
  t.true(row?.globalAliases.includes('second'));
});

test('with a majority away a change is given up within five seconds, and may come later', async t => {
  const cluster = new SettingsCluster({ nodes: 3, seed: 4 });
  const { network } = cluster;
  const { settings } = cluster.client('paris');
  for (const node of cluster.nodes.slice(1)) cluster.crash(node);
  const from = network.environment.clock.monotonicMs();
  await t.throwsAsync(network.during(append(settings, 'lonely')), {
    instanceOf: SettingsUnavailableError,
  });
  t.true(network.environment.clock.monotonicMs() - from < 5000);
  for (const node of cluster.nodes.slice(1)) cluster.start(node);
  await network.during(append(settings, 'later'));
  const row = await network.during(settings.readDecided('bucket', ID));
  t.is(row?.globalAliases.at(-1), 'later');
});

test('one replica away or frozen does not hold a change up', async t => {
  const cluster = new SettingsCluster({ nodes: 3, seed: 5 });
  const { network } = cluster;
  network.weather = { loss: 0, duplicates: 0, delayMsMax: 20 };
  const reader = cluster.nodes[0] as NodeId;
  const { settings } = cluster.client('paris', viewOf([cluster.layout], reader));
  network.cut('paris', cluster.nodes[2] as NodeId);
  const from = network.environment.clock.monotonicMs();
  await network.during(append(settings, 'quick'));
  t.true(network.environment.clock.monotonicMs() - from < 200);
});

test('while two layout versions are live a change needs a majority in each', async t => {
  const cluster = new SettingsCluster({ nodes: 5, seed: 6 });
  const { network } = cluster;
  const old = layoutOf(cluster.nodes.slice(0, 3), 1);
  const young = layoutOf(cluster.nodes.slice(2), 2);
  const { settings } = cluster.client('paris', viewOf([old, young]));
  await network.during(append(settings, 'both'));
  // Of the old version alone a majority is up.
  for (const node of cluster.nodes.slice(3)) cluster.crash(node);
  await t.throwsAsync(network.during(append(settings, 'old alone')), {
    instanceOf: SettingsUnavailableError,
  });
  const alone = cluster.client('lille', viewOf([old])).settings;
  t.deepEqual((await network.during(alone.readDecided('bucket', ID)))?.globalAliases, ['both']);
});

test('a decision is spread to the copies, and the nearest has it when it is acknowledged', async t => {
  const cluster = new SettingsCluster({ nodes: 3, seed: 7 });
  const { network } = cluster;
  network.weather = { loss: 0, duplicates: 0, delayMsMax: 30 };
  const reader = cluster.nodes[2] as NodeId;
  const { settings } = cluster.client('paris', viewOf([cluster.layout], reader));
  await network.during(append(settings, 'near'));
  const row = await network.during(settings.read('bucket', ID));
  t.deepEqual(row?.globalAliases, ['near']);
});

const at = (n: number): Timestamp => String(n).padStart(32, '0') as Timestamp;

test('of what was accepted behind the head the highest ballot goes first; accepted by enough it is decided', t => {
  const nodes = ['0', '1', '2', '3', '4'].map(name => name.repeat(64) as NodeId);
  const goal = {
    replicas: nodes,
    isReachedBy: (isCounted: (node: NodeId) => boolean) => nodes.filter(isCounted).length >= 3,
  };
  const row = (n: number) => ({ kind: 'alias' as const, id: 'x', timestamp: at(n) });
  const decided = { row: row(3), ancestors: [] };
  const reply = (index: number, ballot: number, base = 3) => ({
    node: nodes[index] as NodeId,
    reply: {
      kind: 'settings-state' as const,
      decided,
      accepted: { ballot: at(ballot), base: at(base), row: row(ballot) },
    },
  });
  const known = (...yes: ReturnType<typeof reply>[]) =>
    knownOf({ decided: undefined }, [goal], { yes });
  t.is(known(reply(0, 5), reply(1, 9), reply(2, 7)).open?.ballot, at(9));
  t.is(known(reply(0, 5), reply(1, 9, 2), reply(2, 7, 2)).open?.ballot, at(5));
  const { head, open } = known(reply(0, 5), reply(1, 5), reply(2, 5));
  t.is(open, undefined);
  t.deepEqual(head, { row: row(5), ancestors: [at(3)] });
});

test('what became of a proposal is told by the chain of decisions', t => {
  const head = (n: number, ...before: number[]) => ({
    row: { kind: 'alias' as const, id: 'x', timestamp: at(n) },
    ancestors: before.map(at),
  });
  const proposal = { row: { kind: 'alias' as const, id: 'x', timestamp: at(5) }, base: at(3) };
  t.is(fateOf(proposal, head(5, 3)), 'won');
  t.is(fateOf(proposal, head(9, 7, 5, 3)), 'won');
  t.is(fateOf(proposal, head(3, 0)), 'open');
  t.is(fateOf(proposal, head(4, 3)), 'lost');
  t.is(fateOf(proposal, head(9, 8, 7)), 'unknown');
  t.is(fateOf({ ...proposal, base: at(0) }, undefined), 'open');
  t.is(fateOf({ ...proposal, base: at(0) }, head(4, 0)), 'lost');
});
