import test from 'ava';
import { controlDoor } from '../../../gateway/admin/control-door.ts';
import {
  codeOf,
  CONTROL_HEADER,
  CONTROL_PATH,
  controlKey,
  isCode,
  type ControlAnswer,
  type ControlNonce,
} from '../../../gateway/admin/control-messages.ts';
import { NonceTable } from '../../../gateway/admin/nonce-table.ts';
import type { HttpHandler, HttpReply } from '../../../gateway/http/exchange.ts';
import { fakeRequest, replyBytes, replyHeader } from '../../support/fake-exchange.ts';
import { manualEnvironment } from '../../support/manual-environment.ts';
import { adminWorld, NODE } from './admin-world.ts';

const SECRET = '5e'.repeat(32);
const key = controlKey(SECRET);
const challenge = 'c0'.repeat(32);

function world(): { readonly handler: HttpHandler; readonly advance: (ms: number) => void } {
  const { ports, log, environment } = adminWorld();
  const { clock, random } = environment;
  const handler = controlDoor({ ports, rpcSecret: SECRET, clock, random, log });
  return { handler, advance: environment.advance };
}

async function post(
  handler: HttpHandler,
  target: string,
  headers: Readonly<Record<string, string>>,
  body?: Buffer,
): Promise<HttpReply> {
  const entries = Object.entries(headers);
  return handler(fakeRequest({ method: 'POST', target, headers: entries, body }));
}

async function nonceOf(handler: HttpHandler): Promise<ControlNonce> {
  const reply = await post(handler, CONTROL_PATH.nonce, {
    [CONTROL_HEADER.challenge]: challenge,
    [CONTROL_HEADER.code]: codeOf(key, { kind: 'challenge', challenge }),
  });
  return JSON.parse((await replyBytes(reply)).toString()) as ControlNonce;
}

const call = (operation: string, params: unknown = null): Buffer =>
  Buffer.from(JSON.stringify({ operation, params }));

function send(
  handler: HttpHandler,
  nonce: string,
  body: Buffer,
  code = codeOf(key, { kind: 'call', nonce, body }),
): Promise<HttpReply> {
  const headers = { [CONTROL_HEADER.nonce]: nonce, [CONTROL_HEADER.code]: code };
  return post(handler, CONTROL_PATH.call, headers, body);
}

async function answerOf(reply: HttpReply): Promise<ControlAnswer> {
  return JSON.parse((await replyBytes(reply)).toString()) as ControlAnswer;
}

test('a call with a fresh nonce and the right code gets a proven answer', async t => {
  const { handler } = world();
  const { nonce, nodeId } = await nonceOf(handler);
  t.is(nodeId, NODE);
  const body = call('GetClusterLayout');
  const callCode = codeOf(key, { kind: 'call', nonce, body });
  const reply = await send(handler, nonce, body);
  t.like(await answerOf(reply), { kind: 'value', value: { version: 0 } });
  const code = replyHeader(reply, CONTROL_HEADER.code);
  const bytes = await replyBytes(reply);
  t.true(isCode(code, key, { kind: 'answer', callCode, body: bytes }));
  t.false(isCode(code, key, { kind: 'answer', callCode: nonce, body: bytes }), 'of this call only');
});

test('the nonce is vouched for together with the challenge and the node', async t => {
  const { handler } = world();
  const reply = await post(handler, CONTROL_PATH.nonce, {
    [CONTROL_HEADER.challenge]: challenge,
    [CONTROL_HEADER.code]: codeOf(key, { kind: 'challenge', challenge }),
  });
  const issued = JSON.parse((await replyBytes(reply)).toString()) as ControlNonce;
  const code = replyHeader(reply, CONTROL_HEADER.code);
  t.true(isCode(code, key, { kind: 'nonce', challenge, ...issued }));
  t.false(isCode(code, key, { kind: 'nonce', challenge: 'd0'.repeat(32), ...issued }));
});

test('a call that was overheard cannot be repeated', async t => {
  const { handler } = world();
  const { nonce } = await nonceOf(handler);
  const body = call('CreateBucket', { globalAlias: 'once' });
  t.is((await send(handler, nonce, body)).status, 200);
  t.is((await send(handler, nonce, body)).status, 403);
  const { nonce: fresh } = await nonceOf(handler);
  const oldCode = codeOf(key, { kind: 'call', nonce, body });
  t.is((await send(handler, fresh, body, oldCode)).status, 403);
});

test('a nonce ends with its time and with its process', async t => {
  const { handler, advance } = world();
  const { nonce } = await nonceOf(handler);
  advance(30_000);
  t.is((await send(handler, nonce, call('GetClusterLayout'))).status, 403);
  const { nonce: other } = await nonceOf(world().handler);
  // The two worlds draw the same numbers, so the second one needs another number to be refused.
  const foreign = other.replace(/^./, digit => (digit === '0' ? '1' : '0'));
  t.is((await send(handler, foreign, call('GetClusterLayout'))).status, 403);
});

test('a changed body, another secret, and no code at all are refused alike', async t => {
  const { handler } = world();
  const body = call('GetClusterLayout');
  const refusals: HttpReply[] = [];
  const { nonce: changed } = await nonceOf(handler);
  const codeOfChanged = codeOf(key, { kind: 'call', nonce: changed, body });
  refusals.push(await send(handler, changed, call('RevertClusterLayout'), codeOfChanged));
  const { nonce: foreign } = await nonceOf(handler);
  const otherKey = controlKey('00'.repeat(32));
  const foreignCode = codeOf(otherKey, { kind: 'call', nonce: foreign, body });
  refusals.push(await send(handler, foreign, body, foreignCode));
  const { nonce: bare } = await nonceOf(handler);
  refusals.push(await post(handler, CONTROL_PATH.call, { [CONTROL_HEADER.nonce]: bare }, body));
  refusals.push(await send(handler, 'f'.repeat(64), body));
  refusals.push(await post(handler, CONTROL_PATH.nonce, {}));
  refusals.push(await post(handler, CONTROL_PATH.nonce, { [CONTROL_HEADER.challenge]: challenge }));
  refusals.push(await post(handler, '/v2/ListKeys', {}));
  refusals.push(await handler(fakeRequest({ target: CONTROL_PATH.nonce })));
  const large = Buffer.alloc(1024 * 1024 + 1, ' ');
  refusals.push(await send(handler, (await nonceOf(handler)).nonce, large));
  const texts = await Promise.all(
    refusals.map(async reply => (await replyBytes(reply)).toString()),
  );
  t.true(refusals.every(({ status }) => status === 403));
  t.is(new Set(texts).size, 1, 'a stranger learns nothing from the refusal');
});

test('errors of operations come back as answers', async t => {
  const { handler } = world();
  const ask = async (body: Buffer): Promise<ControlAnswer> =>
    answerOf(await send(handler, (await nonceOf(handler)).nonce, body));
  const missing = { kind: 'error', status: 404, error: { code: 'NoSuchBucket', region: 'garage' } };
  t.like(await ask(call('GetBucketInfo', { search: 'x' })), missing);
  t.like(await ask(call('Nosuch')), { kind: 'error', status: 400 });
  t.like(await ask(Buffer.from('{')), { kind: 'error', status: 400 });
  t.like(await ask(Buffer.from('{"params":1}')), { kind: 'error', status: 400 });
});

test('the secret does not travel', async t => {
  const { handler } = world();
  const { nonce, nodeId } = await nonceOf(handler);
  const reply = await send(handler, nonce, call('GetClusterStatus'));
  const sent = JSON.stringify([nonce, nodeId, reply.headers, (await replyBytes(reply)).toString()]);
  t.false(sent.includes(SECRET));
  t.false(sent.includes(key.toString('hex')));
});

test('who asks for many nonces pushes out old ones, not those of others who are quick', t => {
  const { clock, random } = manualEnvironment();
  const table = new NonceTable(clock, random);
  const first = table.issue();
  const later = Array.from({ length: 1024 }, () => table.issue());
  t.false(table.take(first));
  t.true(later.every(nonce => table.take(nonce)));
  t.false(table.take(later[0] ?? ''), 'once');
});
