import test from 'ava';
import type { HttpHandler } from '../../../gateway/http/exchange.ts';
import { numberedDoor, type NumberedDoor } from '../../../gateway/http/numbered-door.ts';
import { RequestIds } from '../../../gateway/http/request-ids.ts';
import { fakeRequest } from '../../support/fake-exchange.ts';
import { manualEnvironment } from '../../support/manual-environment.ts';
import { QuietLog } from '../../support/quiet-log.ts';

const pong: HttpHandler = () => ({
  status: 404,
  headers: [['content-type', 'text/plain']],
  body: { kind: 'bytes', bytes: 'pong' },
});

function numbered(handler: HttpHandler): {
  door: NumberedDoor;
  log: QuietLog;
  counted: string[];
} {
  const { clock, random } = manualEnvironment();
  const log = new QuietLog();
  const counted: string[] = [];
  const door = numberedDoor({
    ...{ door: 'test', handler, clock, log, ids: new RequestIds(random) },
    endpointOf: ({ rawPath }) => (rawPath === '/ping' ? 'Ping' : '-'),
    answered: ({ endpoint, status }) => counted.push(`${endpoint} ${String(status)}`),
  });
  return { door, log, counted };
}

test('an answer has an id, and one line of the log and one count are under it', async t => {
  const { door, log, counted } = numbered(pong);
  const first = await door.handler(fakeRequest({ target: '/ping?token=secret' }));
  const second = await door.handler(fakeRequest({ target: '/ping' }));
  const [name, id] = first.headers[0] ?? [];
  t.is(name, 'x-amz-request-id');
  t.regex(id ?? '', /^[0-9A-F]{16}$/);
  t.not(second.headers[0]?.[1], id);
  t.deepEqual(first.headers[1], ['content-type', 'text/plain']);
  t.is(log.lines.length, 2);
  t.like(log.lines[0]?.fields, { requestId: id, operation: 'Ping', status: 404, bytes: 4 });
  t.false(JSON.stringify(log.lines).includes('secret'));
  t.deepEqual(counted, ['Ping 404', 'Ping 404']);
});

test('a handler that throws is answered 500 under an id, and the log says why', async t => {
  const { door, log } = numbered(() => {
    throw new Error('the reason');
  });
  const reply = await door.handler(fakeRequest({ target: '/other' }));
  t.is(reply.status, 500);
  t.is(reply.headers[0]?.[0], 'x-amz-request-id');
  t.is(log.count('error'), 1);
});

test('a head that is refused has an id too', t => {
  const { door } = numbered(pong);
  const refusal = { reason: 'bad-request', detail: 'Why.' } as const;
  const reply = door.refuse(refusal, fakeRequest({ target: '/' }));
  t.is(reply.status, 400);
  t.is(reply.headers[0]?.[0], 'x-amz-request-id');
});
