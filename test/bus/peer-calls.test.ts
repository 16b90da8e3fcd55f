import test from 'ava';
import { PeerCalls } from '../../bus/peer-calls.ts';
import { echoAddress, type EchoReply } from '../support/echo-conversation.ts';
import { ASK, done, layoutOf, nodeOf, ReplicaWorld } from './replica-world.ts';

function peers(names: string) {
  const world = new ReplicaWorld({ live: [layoutOf(names)] });
  const { bus, view } = world;
  return { world, calls: new PeerCalls({ bus, view }) };
}

/** What became of a call so far. */
function watch(call: Promise<EchoReply | undefined>): { state: string } {
  const seen = { state: 'waits' };
  void call.then(answer => {
    seen.state = answer?.kind ?? 'nothing';
  });
  return seen;
}

test('who waits for a node that is given up waits no longer', async t => {
  const { world, calls } = peers('ab');
  world.serve('a', 'never');
  world.serve('b', done('b'), 3000);
  const [lost, other] = ['a', 'b'].map(name => watch(calls.ask(echoAddress(nodeOf(name)), ASK)));
  await world.passes(2000);
  t.is(lost?.state, 'waits');
  world.goesDown('a');
  await world.passes(0);
  t.is(lost?.state, 'nothing');
  t.is(other?.state, 'waits', 'nobody else is given up');
  await world.passes(1000);
  t.is(other?.state, 'said');
});

test('a node that is given up is not asked', async t => {
  const { world, calls } = peers('a');
  world.serve('a', done('a'));
  world.isDown('a');
  t.is(await calls.ask(echoAddress(nodeOf('a')), ASK), undefined);
  t.deepEqual(world.asked, []);
});

test('when the process ends nobody waits', async t => {
  const { world, calls } = peers('a');
  world.serve('a', 'never');
  const waiting = watch(calls.ask(echoAddress(nodeOf('a')), ASK));
  calls.close();
  await world.passes(0);
  t.is(waiting.state, 'nothing');
  t.is(await calls.ask(echoAddress(nodeOf('a')), ASK), undefined);
});

test('who asked under too old a layout takes the new one over, and asks once more', async t => {
  const { world, calls } = peers('a');
  const stale = { kind: 'stale-layout', state: Buffer.from('newer') };
  world.liveIds = 'old';
  world.serve('a', stale as unknown as EchoReply);
  world.onTakeOver = () => {
    world.liveIds = 'new';
  };
  t.deepEqual(await calls.ask(echoAddress(nodeOf('a')), ASK), stale as unknown as EchoReply);
  t.deepEqual(world.asked, ['a old', 'a new']);
  t.deepEqual(world.takenOver, ['newer']);
});
