// Method: a keeper that answers everything, asked over each of its two addresses.
import test from 'ava';
import { askGuarded, serveGuarded, type Guarded } from '../../bus/guarded.ts';
import { MemoryBus } from '../../bus/memory-bus.ts';
import { Subjects } from '../../bus/subjects.ts';
import type { NodeId } from '../../schemas/ids.ts';
import { echoAddress, type EchoReply, type EchoRequest } from '../support/echo-conversation.ts';
import { manualEnvironment } from '../support/manual-environment.ts';

const guarded: Guarded<EchoRequest, EchoReply> = {
  everyone: echoAddress('everyone'),
  administration: echoAddress('administration'),
  isAdministration: request => request.kind === 'count',
};
const QUESTION = { kind: 'say', text: 'x' } as const;
const CHANGE = { kind: 'count', number: 1 } as const;
const OPTIONS = { timeoutMs: 100 };

function world() {
  const environment = manualEnvironment();
  const bus = new MemoryBus({ ...environment, onServerFailure: () => undefined });
  const asked: string[] = [];
  const subscription = serveGuarded(bus, guarded, (request): EchoReply => {
    asked.push(request.kind);
    return { kind: 'said', text: 'done' };
  });
  return { bus, asked, subscription };
}

test('what only administration may ask goes to its own address', async t => {
  const { bus } = world();
  t.is((await askGuarded(bus, guarded, [QUESTION, OPTIONS])).kind, 'said');
  t.is((await askGuarded(bus, guarded, [CHANGE, OPTIONS])).kind, 'said');
});

test('a keeper does not take it from the address of everyone', async t => {
  const { bus, asked } = world();
  const reply = await bus.request(guarded.everyone, CHANGE, OPTIONS);
  t.is(reply.kind, 'not-understood');
  t.deepEqual(asked, []);
});

test('both addresses are left when the keeper stops', async t => {
  const { bus, subscription } = world();
  subscription.close();
  for (const { subject, ...address } of [guarded.everyone, guarded.administration]) {
    const reply = await bus.request({ subject, ...address }, QUESTION, OPTIONS);
    t.is(reply.kind, 'no-responders', subject);
  }
});

test('access keys and the layout are changed over the addresses of administration', t => {
  const subjects = new Subjects('c');
  const node = 'a'.repeat(64) as NodeId;
  const { administration } = subjects.cluster(node);
  t.is(String(administration.subject), `garage.c.node.${node}.admin.cluster`);
  t.true(subjects.cluster(node).isAdministration({ kind: 'layout-apply', version: 1 }));
  t.false(subjects.cluster(node).isAdministration({ kind: 'layout-current' }));
  t.false(
    subjects.settings(node).isAdministration({ kind: 'settings-read', table: 'key', id: 'k' }),
  );
});
