import test from 'ava';
import type { WriteRule } from '../../bus/replica-calls.ts';
import { echoAddress, type EchoReply } from '../support/echo-conversation.ts';
import { ASK, done, layoutOf, nodeOf, PLACE, ReplicaWorld } from './replica-world.ts';

const RULE: WriteRule<EchoReply> = { counts: reply => reply.kind === 'said' };
const REFUSED: EchoReply = { kind: 'overloaded' };
const OTHERWISE: EchoReply = { kind: 'not-understood' };

function worldOf(names: string, zones = names): ReplicaWorld {
  return new ReplicaWorld({ live: [layoutOf(names, zones)] });
}

function write(world: ReplicaWorld, rule = RULE) {
  return world.calls.write(PLACE, ASK, rule);
}

/** What became of a call so far. */
function watch(call: unknown): { answer: unknown } {
  const seen = { answer: undefined as unknown };
  void Promise.resolve(call).then(answer => {
    seen.answer = answer;
  });
  return seen;
}

test('one replica: its answer is the answer, at once', t => {
  const world = worldOf('a');
  world.serve('a', REFUSED);
  t.deepEqual(write(world), REFUSED);
  t.deepEqual(world.calls.read(PLACE, ASK), REFUSED);
});

test('no replica: unavailable', async t => {
  const world = worldOf('');
  t.deepEqual(await write(world), { kind: 'unavailable' });
  t.deepEqual(await world.calls.read(PLACE, ASK), { kind: 'unavailable' });
});

test('two of three are a write quorum, one is not', async t => {
  const two = worldOf('abc');
  two.serve('a', done('a'));
  two.serve('c', done('c'));
  t.is((await write(two)).kind, 'said');
  const one = worldOf('abc');
  one.serve('b', done('b'));
  t.deepEqual(await write(one), { kind: 'unavailable' });
});

test('a refusal by so many that no quorum is left is the answer', async t => {
  const world = worldOf('abc');
  world.serve('a', done('a'));
  world.serve('b', REFUSED);
  world.serve('c', REFUSED);
  t.deepEqual(await write(world), REFUSED);
});

test('one replica that refuses does not speak for one that is away', async t => {
  const world = worldOf('abc');
  world.serve('a', done('a'));
  world.serve('b', REFUSED);
  t.deepEqual(await write(world), { kind: 'unavailable' });
});

test('a preferred refusal is heard from a single replica', async t => {
  const world = worldOf('abc');
  world.serve('a', done('a'));
  world.serve('b', REFUSED);
  world.serve('c', OTHERWISE);
  const prefers = (refusals: readonly EchoReply[]) =>
    refusals.find(({ kind }) => kind === 'not-understood');
  t.deepEqual(await write(world, { ...RULE, prefers }), OTHERWISE);
});

test('a refusal that tells something is given once a quorum has told, or cannot', async t => {
  const told = { ...RULE, tells: (reply: EchoReply) => reply.kind === REFUSED.kind };
  const world = worldOf('abc');
  // c is dead, and b refuses at once: no quorum is left before a is heard.
  world.serve('a', done('a'), 50);
  world.serve('b', REFUSED);
  const heard: string[] = [];
  const onReply = (_: EchoReply, node: string): void => void heard.push(node.slice(0, 1));
  const call = watch(write(world, { ...told, prefers: ([first]) => first, onReply }));
  await world.passes(40);
  t.is(call.answer, undefined);
  await world.passes(10);
  t.deepEqual(call.answer, REFUSED);
  t.deepEqual(heard, ['b', 'a']);
  const two = worldOf('abc');
  two.serve('b', REFUSED);
  t.is((await write(two, { ...told, prefers: ([first]) => first })).kind, 'overloaded');
});

test('every answer is told, those behind the quorum too', async t => {
  const world = worldOf('abc');
  world.serve('a', done('a'));
  world.serve('b', REFUSED, 20);
  world.serve('c', done('c'), 10);
  const told: string[] = [];
  const onReply = (reply: EchoReply, node: string): void => {
    told.push(`${node.slice(0, 1)} ${reply.kind}`);
  };
  const seen = watch(write(world, { ...RULE, onReply }));
  await world.passes(100);
  t.deepEqual(seen.answer, done('c'));
  t.deepEqual(told, ['a said', 'c said', 'b overloaded']);
});

test('a write waits for a second zone where its replicas lie in two', async t => {
  const world = worldOf('abc', 'xxy');
  world.serve('a', done('a'));
  world.serve('b', done('b'));
  world.serve('c', done('c'), 500);
  const seen = watch(write(world));
  await world.passes(400);
  t.is(seen.answer, undefined);
  await world.passes(200);
  t.deepEqual(seen.answer, done('c'));
});

test('a write needs its quorum in every live version, and asks each node once', async t => {
  const world = new ReplicaWorld({ live: [layoutOf('abc'), layoutOf('cde')] });
  world.serve('a', done('a'));
  world.serve('b', done('b'));
  world.serve('c', done('c'));
  world.serve('d', done('d'), 300);
  const seen = watch(write(world));
  await world.passes(200);
  t.is(seen.answer, undefined);
  await world.passes(200);
  t.deepEqual(seen.answer, done('d'));
  t.deepEqual(world.asked, ['a', 'b', 'c', 'd']);
});

test('with two of three sites frozen the answer comes within five seconds', async t => {
  const world = worldOf('abc');
  world.serve('a', done('a'));
  world.serve('b', 'never');
  world.serve('c', 'never');
  const seen = watch(write(world));
  await world.passes(5000);
  t.deepEqual(seen.answer, { kind: 'unavailable' });
});

test('what is given up need not be waited for', async t => {
  const world = worldOf('abc');
  world.serve('a', done('a'));
  world.serve('b', 'never');
  world.serve('c', 'never');
  const seen = watch(write(world));
  await world.passes(0);
  world.goesDown('b');
  await world.passes(0);
  t.is(seen.answer, undefined);
  world.goesDown('c');
  await world.passes(0);
  t.deepEqual(seen.answer, { kind: 'unavailable' });
});

test('nodes that seem to be away have a moment to answer', async t => {
  const back = worldOf('abc');
  for (const name of 'bc') back.isDown(name);
  back.serve('a', done('a'));
  back.serve('b', done('b'), 500);
  const isBack = watch(write(back));
  await back.passes(800);
  t.deepEqual(isBack.answer, done('b'));

  const away = worldOf('abc');
  for (const name of 'bc') away.isDown(name);
  away.serve('a', done('a'));
  for (const name of 'bc') away.serve(name, 'never');
  const isAway = watch(write(away));
  await away.passes(1500);
  t.deepEqual(isAway.answer, { kind: 'unavailable' });
});

test('dangerous writes need one replica', async t => {
  const world = new ReplicaWorld({ live: [layoutOf('abc')], mode: 'dangerous' });
  world.serve('b', done('b'));
  t.deepEqual(await write(world), done('b'));
});

test('a set of live versions that is too old is taken over, and the call made again', async t => {
  for (const names of ['a', 'abc']) {
    const world = worldOf(names);
    world.liveIds = 'v1';
    const stale = { kind: 'stale-layout', state: Buffer.from('v2') } as unknown as EchoReply;
    world.serve('a', stale);
    world.onTakeOver = () => {
      world.liveIds = 'v2';
      world.live = [layoutOf('bcd')];
    };
    for (const name of 'bcd') world.serve(name, done(name));
    t.is((await write(world)).kind, 'said', names);
    t.deepEqual(world.takenOver, ['v2'], names);
    const again = world.asked.filter(asked => asked.endsWith('v2'));
    t.deepEqual(again, ['b v2', 'c v2', 'd v2'], names);
  }
});

const STALE = { kind: 'stale-layout', state: Buffer.from('v2') } as unknown as EchoReply;

/** Node a knows that there is another version, of which b, c and d are the replicas. */
function movedWorld(names: string, later: (name: string) => EchoReply = done): ReplicaWorld {
  const world = worldOf(names);
  world.liveIds = 'v1';
  world.serve('a', STALE, 1);
  world.onTakeOver = () => {
    world.liveIds = 'v2';
    world.live = [layoutOf('bcd')];
  };
  for (const name of 'bcd') world.serve(name, later(name), 10);
  for (const name of 'xy') world.serve(name, 'never');
  return world;
}

function namesOf(heard: ReadonlyMap<string, EchoReply> | { readonly kind: string }): string {
  if (!(heard instanceof Map)) return 'none';
  return [...(heard as ReadonlyMap<string, EchoReply>).keys()].map(([name]) => name).join('');
}

const hearAll = { hearingOf: (whole: EchoReply) => ({ digest: Buffer.from('same'), whole }) };

test('a read that a replica knows to go by an old layout is made again where reads go now', async t => {
  const reads: Record<string, (world: ReplicaWorld) => Promise<string> | string> = {
    read: async ({ calls }) => (await calls.read(PLACE, ASK)).kind,
    compare: async ({ calls }) => (await calls.compare(PLACE, [ASK, ASK], hearAll)).kind,
    gather: async ({ calls }) => {
      return namesOf(await calls.gather(PLACE, ASK, () => true));
    },
    askEvery: async ({ calls }) => {
      return namesOf(await calls.askEvery(PLACE, ASK, () => true));
    },
  };
  const expected = { read: 'said', compare: 'same', gather: 'bc', askEvery: 'bcd' };
  for (const [name, wanted] of Object.entries(expected)) {
    for (const names of name === 'compare' ? ['axy'] : ['axy', 'a']) {
      const world = movedWorld(names);
      const seen = watch(Promise.resolve(reads[name]?.(world)));
      await world.passes(100);
      t.is(seen.answer, wanted, `${name} ${names}`);
      t.deepEqual(world.takenOver, ['v2']);
      t.false(world.asked.some(asked => asked.endsWith('v2') && 'axy'.includes(asked[0] ?? '')));
    }
  }
});

test('all that one read asks goes under the layout by which it chose whom', async t => {
  const world = worldOf('abc');
  world.liveIds = 'v1';
  world.serve('a', 'never');
  world.serve('b', done('b'), 10);
  const seen = watch(world.calls.read(PLACE, ASK));
  world.liveIds = 'v2';
  await world.passes(300);
  t.deepEqual(seen.answer, done('b'));
  t.deepEqual(world.asked, ['a v1', 'b v1']);
});

test('a second replica that knows another layout again has failed', async t => {
  const world = movedWorld('a', () => STALE);
  const seen = watch(world.calls.read(PLACE, ASK));
  await world.passes(100);
  t.deepEqual(seen.answer, { kind: 'unavailable' });
});

test('nodes that were heard are asked more only while reads go by them', async t => {
  const world = worldOf('abc');
  for (const name of 'abcd') world.serve(name, done(name));
  const nodes = [nodeOf('a'), nodeOf('b')];
  const heard = await world.calls.gatherFrom(nodes, [PLACE, ASK], () => true);
  t.deepEqual(heard instanceof Map && [...heard.keys()], nodes);
  world.live = [layoutOf('bcd')];
  const later = await world.calls.gatherFrom(nodes, [PLACE, ASK], () => true);
  t.deepEqual(later, { kind: 'unavailable' });
});

test('a read goes to the next replica when the first is away', async t => {
  const world = worldOf('abc');
  world.serve('b', done('b'));
  t.deepEqual(await world.calls.read(PLACE, ASK), done('b'));
});

test('a read asks the next replica beside a slow one', async t => {
  const world = worldOf('abc');
  world.serve('a', done('a'), 2000);
  world.serve('b', done('b'), 10);
  const seen = watch(world.calls.read(PLACE, ASK));
  await world.passes(150);
  t.is(seen.answer, undefined);
  await world.passes(100);
  t.deepEqual(seen.answer, done('b'));
});

test('how long a replica is waited for follows from how long it usually takes', async t => {
  const world = worldOf('abc');
  let delayMs = 0;
  world.serve('b', done('b'), 10);
  const { environment } = world;
  world.bus.serve(
    echoAddress(nodeOf('a')),
    () =>
      new Promise<EchoReply>(resolve => {
        environment.timers.after(delayMs, () => {
          resolve(done('a'));
        });
      }),
  );
  delayMs = 10;
  for (let round = 0; round < 5; round += 1) {
    const seen = watch(world.calls.read(PLACE, ASK));
    await world.passes(20);
    t.deepEqual(seen.answer, done('a'));
  }
  delayMs = 1000;
  const seen = watch(world.calls.read(PLACE, ASK));
  await world.passes(40);
  t.deepEqual(seen.answer, done('b'));
});

test('what is the same everywhere comes from whoever has it', async t => {
  const world = worldOf('abc');
  world.serve('a', OTHERWISE);
  world.serve('b', { kind: 'counted', number: 0 });
  world.serve('c', done('c'));
  const isHit = (reply: EchoReply): boolean => reply.kind === 'said';
  t.deepEqual(await world.calls.readAny(PLACE, ASK, { isHit }), done('c'));
});

test('that nobody has it is said by a read quorum, and by no less', async t => {
  const missing: EchoReply = { kind: 'counted', number: 0 };
  const isHit = (reply: EchoReply): boolean => reply.kind === 'said';
  const two = worldOf('abc');
  two.serve('a', missing);
  two.serve('c', missing);
  t.deepEqual(await two.calls.readAny(PLACE, ASK, { isHit }), missing);
  const one = worldOf('abc');
  one.serve('a', missing);
  t.deepEqual(await one.calls.readAny(PLACE, ASK, { isHit }), { kind: 'unavailable' });
});

test('a read of frozen replicas ends within five seconds', async t => {
  const world = worldOf('abc');
  for (const name of 'abc') world.serve(name, 'never');
  const seen = watch(world.calls.read(PLACE, ASK));
  await world.passes(5000);
  t.deepEqual(seen.answer, { kind: 'unavailable' });
});

/** Version a, b, c is read; d, e and f are being brought into step. */
function changingWorld(old: string, next: string): ReplicaWorld {
  return new ReplicaWorld({ live: [layoutOf(old), layoutOf(next)] });
}

test('what one replica can say is never said by one that may not have been given it yet', async t => {
  for (const [old, next] of [
    ['a', 'abc'],
    ['a', 'b'],
    ['ab', 'cd'],
  ] as const) {
    const world = changingWorld(old, next);
    for (const name of old) world.serve(name, done(name), 1500);
    const others = Array.from(next).filter(name => !old.includes(name));
    for (const name of others) world.serve(name, OTHERWISE, 10);
    const seen = watch(world.calls.read(PLACE, ASK));
    await world.passes(2000);
    const [first = ''] = old;
    t.deepEqual(seen.answer, done(first), `${old} ${next}`);
  }
});

test('that nobody has it is never said by replicas that may not have been given it yet', async t => {
  const missing: EchoReply = { kind: 'counted', number: 0 };
  const isHit = (reply: EchoReply): boolean => reply.kind === 'said';
  const slow = changingWorld('abc', 'def');
  slow.serve('a', missing);
  for (const name of 'bc') slow.serve(name, done(name), 600);
  for (const name of 'def') slow.serve(name, missing, 10);
  const seen = watch(slow.calls.readAny(PLACE, ASK, { isHit }));
  await slow.passes(2000);
  t.deepEqual(seen.answer, done('b'));
  const gone = changingWorld('abc', 'def');
  gone.serve('a', missing);
  for (const name of 'def') gone.serve(name, missing, 10);
  const alone = watch(gone.calls.readAny(PLACE, ASK, { isHit }));
  await gone.passes(5000);
  t.deepEqual(alone.answer, { kind: 'unavailable' });
});
