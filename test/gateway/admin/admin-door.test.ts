import test from 'ava';
import { adminDoor, type AdminDoorOptions } from '../../../gateway/admin/admin-door.ts';
import type { HttpReply } from '../../../gateway/http/exchange.ts';
import {
  fakeRequest,
  replyBytes,
  replyHeader,
  type FakeRequest,
} from '../../support/fake-exchange.ts';
import { adminWorld } from './admin-world.ts';

const TOKEN = 'correct-horse';
const bearer = (token: string): NonNullable<FakeRequest['headers']> => [
  ['Authorization', `Bearer ${token}`],
];

function door(
  options: Partial<AdminDoorOptions> = {},
): (
  request: FakeRequest,
) => Promise<{ status: number; text: string; json: Record<string, unknown>; reply: HttpReply }> {
  const { ports, log } = adminWorld();
  const handler = adminDoor({
    ports,
    log,
    metrics: async () => 'up 1\n',
    adminToken: TOKEN,
    metricsToken: undefined,
    metricsRequireToken: false,
    ...options,
  });
  return async request => {
    const reply = await handler(fakeRequest(request));
    const text = (await replyBytes(reply)).toString();
    const isJson = replyHeader(reply, 'content-type') === 'application/json';
    const json = isJson ? (JSON.parse(text) as Record<string, unknown>) : {};
    return { status: reply.status, text, json, reply };
  };
}

const post = (operation: string, body: unknown, token = TOKEN): FakeRequest => ({
  method: 'POST',
  target: `/v2/${operation}`,
  headers: bearer(token),
  body: Buffer.from(typeof body === 'string' ? body : JSON.stringify(body)),
});

test('health needs no token and tells by its status whether requests are served', async t => {
  const ask = door();
  t.is((await ask({ target: '/health' })).status, 503);
  const id = 'a'.repeat(64);
  const roles = [{ id, zone: 'z', tags: [], capacity: 1e9 }];
  t.is((await ask(post('UpdateClusterLayout', { roles }))).status, 200);
  t.is((await ask(post('ApplyClusterLayout', { version: 1 }))).status, 200);
  const healthy = await ask({ target: '/health' });
  t.is((await ask({ method: 'HEAD', target: '/health' })).status, 200);
  t.is(healthy.status, 200);
  t.regex(healthy.text, /fully operational/);
});

test('operations are called with query and body', async t => {
  const ask = door();
  const made = await ask(post('CreateKey', { name: 'k' }));
  t.is(made.status, 200);
  const id = String(made.json['accessKeyId']);
  const target = `/v2/GetKeyInfo?id=${id}&showSecretKey=true&unknown=1`;
  const shown = await ask({ target, headers: bearer(TOKEN) });
  t.is(shown.json['secretAccessKey'], made.json['secretAccessKey']);
  t.is(replyHeader(shown.reply, 'access-control-allow-origin'), '*');
  const renamed = await ask(post(`UpdateKey?id=${id}`, { name: 'other' }));
  t.is(renamed.json['name'], 'other');
  const deleted = await ask({ ...post(`DeleteKey?id=${id}`, ''), body: undefined });
  t.is(deleted.text, 'null');
});

test('without the right token nothing is answered, whatever the rest is like', async t => {
  const ask = door();
  const wrong = [undefined, [['authorization', TOKEN] as const], bearer(`${TOKEN}x`), bearer('')];
  for (const headers of [...wrong, [...bearer(TOKEN), ...bearer(TOKEN)]]) {
    for (const target of ['/v2/GetClusterStatus', '/v2/Nosuch', '/anything']) {
      const reply = await ask({ target, ...(headers === undefined ? {} : { headers }) });
      t.is(reply.status, 403);
      t.like(reply.json, { code: 'AccessDenied', region: 'garage', path: target });
    }
  }
  t.is((await ask(post('CreateBucket', 'not json', 'wrong'))).status, 403);
});

test('without a configured token the API is closed to everybody', async t => {
  const ask = door({ adminToken: undefined });
  for (const token of ['', 'undefined', TOKEN]) {
    t.is((await ask({ target: '/v2/ListKeys', headers: bearer(token) })).status, 403);
  }
});

test('metrics are open unless a token is configured or asked for', async t => {
  const target = '/metrics';
  t.is((await door()({ target })).text, 'up 1\n');
  const closed = door({ metricsRequireToken: true });
  t.is((await closed({ target, headers: bearer('') })).status, 403);
  const guarded = door({ metricsToken: 'm' });
  t.is((await guarded({ target })).status, 403);
  t.is((await guarded({ target, headers: bearer(TOKEN) })).status, 403, 'not the admin token');
  t.is((await guarded({ target, headers: bearer('m') })).status, 200);
});

test('unknown endpoints, wrong methods and bad bodies are told apart from each other', async t => {
  const ask = door();
  const unknown = await ask({ target: '/v2/Nosuch', headers: bearer(TOKEN) });
  t.is(unknown.status, 400);
  t.is(unknown.json['message'], 'Bad request: Unknown API endpoint: GET /v2/Nosuch');
  t.is((await ask({ target: '/v2/CreateBucket', headers: bearer(TOKEN) })).status, 400);
  const noJson = await ask(post('CreateBucket', 'not json'));
  t.is(noJson.status, 400);
  t.regex(String(noJson.json['message']), /^Bad request: Invalid JSON/);
  const wrong = await ask(post('CreateBucket', { globalAlias: 3 }));
  t.regex(String(wrong.json['message']), /globalAlias/);
  const huge = await ask(post('CreateBucket', ' '.repeat(1024 * 1024 + 1)));
  t.is(huge.status, 413);
  t.is((await ask({ ...post('CreateBucket', '{}'), abortedAt: 1 })).status, 400);
});

test('browsers are told what they may send', async t => {
  const { status, reply } = await door()({ method: 'OPTIONS', target: '/v2/ListKeys' });
  t.is(status, 200);
  t.is(replyHeader(reply, 'access-control-allow-methods'), 'OPTIONS,GET,POST');
  t.is(replyHeader(reply, 'access-control-allow-headers'), 'authorization,content-type');
});

test('a proxy is told which domains are served', async t => {
  const served = await door()({ target: '/check?domain=served.example' });
  t.is(served.status, 200);
  for (const target of ['/check', '/check?domain=', '/check?domain=example.org']) {
    const answer = await door()({ target });
    t.is(answer.status, 400);
    t.is(answer.json['code'], 'InvalidRequest');
  }
});
