// Method: clients that stall, dribble or do nothing, all at once, while others go on being served.
// What the server holds of its own is read from RssAnon: LevelDB maps its tables, which is no
// memory of the process.
import { readFile } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import test from 'ava';
import { RawConnection } from '../support/raw-http.ts';
import { sharedGarage } from '../support/shared-garage.ts';
import { SignedRequests } from '../support/signed-requests.ts';

const MIB = 1024 * 1024;
/** Ten thousand in `npm run test:faults`. */
const IDLE_CONNECTIONS = Number(process.env['FAULT_CLIENTS'] ?? 1000);
const STALLED_HEADS = 100;
const SERVE_PAUSE_MS = 100;
/** What an idle connection may cost, and what the rest of a test may. */
const CONNECTION_BYTES_MAX = 8 * 1024;
const GROWTH_BYTES_MAX = 56 * MIB + IDLE_CONNECTIONS * CONNECTION_BYTES_MAX;
/** A head must be complete in some fifteen seconds; the watch looks every few. */
const HEAD_CUT_MS_MAX = 25_000;

const shared = sharedGarage();

async function rssAnonBytes(pid: number | undefined): Promise<number> {
  const status = await readFile(`/proc/${String(pid)}/status`, 'utf8');
  return Number(/RssAnon:\s+(\d+) kB/.exec(status)?.[1]) * 1024;
}

test('heads that never end are cut; idle connections and they cost others nothing', async t => {
  const server = await shared();
  const s3 = new SignedRequests(server);
  await s3.put('k', 'content');
  const before = process.platform === 'linux' ? await rssAnonBytes(server.child.pid) : 0;
  const open = () => RawConnection.open({ port: s3.port });
  const idle = await Promise.all(Array.from({ length: IDLE_CONNECTIONS }, open));
  const stalled = await Promise.all(Array.from({ length: STALLED_HEADS }, open));
  t.teardown(() => {
    for (const connection of [...idle, ...stalled]) connection.destroy();
  });
  const { head } = s3.build({ method: 'PUT', key: 'stalled', body: 'x' });
  const pending = new Set(stalled);
  const cuts = stalled.map(async (connection, index) => {
    await connection.send(head.slice(0, 10 + index));
    await connection.closed(HEAD_CUT_MS_MAX);
    pending.delete(connection);
  });
  let served = 0;
  while (pending.size > 0 && served * SERVE_PAUSE_MS < HEAD_CUT_MS_MAX) {
    t.is((await s3.ask({ key: 'k' })).body.toString(), 'content');
    served += 1;
    await delay(SERVE_PAUSE_MS);
  }
  await Promise.all(cuts);
  t.true(served * SERVE_PAUSE_MS > 5_000, 'not sooner than a slow client needs');
  t.deepEqual(await s3.keys(), ['k']);
  if (before === 0) return;
  const grownBytes = (await rssAnonBytes(server.child.pid)) - before;
  t.log(`${String(IDLE_CONNECTIONS)} idle, RssAnon grown by ${String(grownBytes)} bytes`);
  t.true(grownBytes < GROWTH_BYTES_MAX, `${String(grownBytes)} bytes more`);
});

test('a body that dribbles is stored whole or cut, and never half', async t => {
  const server = await shared();
  const s3 = new SignedRequests(server, 'dribbles');
  await s3.ask({ method: 'PUT' });
  const body = Buffer.from('dribble');
  const { head } = s3.build({ method: 'PUT', key: 'dribble', body });
  const connection = await RawConnection.open({ port: s3.port });
  t.teardown(() => {
    connection.destroy();
  });
  await connection.send(head);
  for (let at = 0; at < body.length; at += 1) {
    await connection.send(body.subarray(at, at + 1));
    await delay(1000);
  }
  const reply = await connection.readReply().catch(() => undefined);
  const stored = (await s3.keys()).includes('dribble');
  t.is(stored, reply?.status === 200);
  if (stored) t.true((await s3.ask({ key: 'dribble' })).body.equals(body));
});
