// Method: waves of clients that send the head of an upload and a part of its body, and hang up:
// some politely, some with a reset, some at once, some after a while. Each body begins with bytes
// of its own, so that what was stored of it is an orphan. Meanwhile others write and read on, and a
// probe measures how long a small GET takes. What the server holds of its own is RssAnon.
import { connect, type Socket } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import test from 'ava';
import { BenchSigner, type BenchRequest, type BenchTarget } from '../bench/bench-client.ts';
import { FaultClient } from '../support/fault-client.ts';
import { FaultModel } from '../support/fault-model.ts';
import { FaultServer } from '../support/fault-server.ts';
import { faultSeed, Tally } from '../support/fault-verdict.ts';
import { FaultWorkload, type WorkMix } from '../support/fault-workload.ts';
import { SeededChoices, seededBytes } from '../support/seeded-bytes.ts';
import { scratchDirectory } from '../support/shared-garage.ts';

const KIB = 1024;
const MIB = 1024 * KIB;
const CLIENTS = 400;
const WAVE_CLIENTS_MAX = 1000;
const WAVES_MIN = 4;
const BODY_BYTES = 2 * MIB + 100;
/** From a client's last byte to its hanging up. */
const HOLD_MS_MAX = 400;
const PROBE_PAUSE_MS = 20;
/** On two cores that the clients share. */
const PROBE_MS_MAX = 5000;
const GROWTH_MIB_MAX = 400;
const FLAT_MIB_MAX = 120;
const TIMEOUT_MS = 120_000;
const CLIENT_MS = 60;

/** Others, meanwhile: bodies that need the same buffers among them. */
const MIX: WorkMix = { 'put-inline': 10, 'put-block': 6, 'put-blocks': 1, delete: 3, get: 10 };
const OTHERS = 6;

const DECODED_LENGTH = ['x-amz-decoded-content-length', String(BODY_BYTES)] as const;
const CHUNKED = {
  payload: 'STREAMING-UNSIGNED-PAYLOAD-TRAILER',
  bodyBytes: BODY_BYTES + 100,
  headers: [
    ['content-encoding', 'aws-chunked'],
    ['x-amz-trailer', 'x-amz-checksum-crc32'],
    DECODED_LENGTH,
  ] as const,
};
/** The size of the one chunk that never comes in full. */
const CHUNK_HEAD = Buffer.from(`${BODY_BYTES.toString(16)}\r\n`);
const PLAIN = { payload: 'UNSIGNED-PAYLOAD', bodyBytes: BODY_BYTES };

type Upload = { readonly request: BenchRequest; readonly before: Buffer };

function uploadOf(target: BenchTarget, index: number, uploadId: string): Upload {
  const path = `/${target.bucket}/hung-up/${String(index)}`;
  const none = Buffer.alloc(0);
  switch (index % 3) {
    case 0:
      return { request: { method: 'PUT', path, ...PLAIN }, before: none };
    case 1:
      return { request: { method: 'PUT', path, ...CHUNKED }, before: CHUNK_HEAD };
    default: {
      const query = `partNumber=${String(1 + (index % 10_000))}&uploadId=${uploadId}`;
      const parts = `/${target.bucket}/hung-up/parts`;
      return { request: { method: 'PUT', path: parts, query, ...PLAIN }, before: none };
    }
  }
}

type HangUp = {
  readonly target: BenchTarget;
  readonly uploadId: string;
  readonly content: Buffer;
  readonly choices: SeededChoices;
};

/** Answers how many bytes of the body were sent. */
async function hangUp(
  { target, uploadId, content, choices }: HangUp,
  index: number,
): Promise<number> {
  const { request, before } = uploadOf(target, index, uploadId);
  const head = new BenchSigner(target).head(request);
  const sentBytes = choices.below(BODY_BYTES);
  const holdMs = choices.below(2) === 0 ? 0 : choices.below(HOLD_MS_MAX);
  const how = choices.of(['reset', 'end', 'destroy'] as const);
  const own = Buffer.from(`body ${String(index)} `.padEnd(32));
  const socket = await connected(target.port);
  // What the server says, or that it hangs up itself, does not matter here.
  socket.on('error', () => undefined).resume();
  socket.write(head, 'latin1');
  const pieces = [before, own, content.subarray(own.length, Math.max(own.length, sentBytes))];
  const sent = new Promise<void>(resolve => {
    socket.once('close', resolve);
    socket.write(Buffer.concat(pieces), () => {
      resolve();
    });
  });
  // A server that holds its clients back takes no more for a while: that is a hang-up too.
  await Promise.race([sent, pause(HOLD_MS_MAX)]);
  await pause(holdMs);
  if (how === 'reset') socket.resetAndDestroy();
  else if (how === 'end') socket.end();
  if (how !== 'end') socket.destroy();
  else await Promise.race([new Promise(resolve => socket.once('close', resolve)), pause(1000)]);
  socket.destroy();
  return sentBytes;
}

function connected(port: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1', () => {
      resolve(socket);
    });
    socket.once('error', reject);
  });
}

/** Small GETs, one after the other, and how long they took. */
class Probe {
  readonly #client: FaultClient;
  #isOver = false;
  readonly #ending: Promise<void>;
  readonly latenciesMs: number[] = [];
  failed = 0;

  constructor(target: BenchTarget) {
    this.#client = new FaultClient(target);
    this.#ending = this.#run();
  }

  async stop(): Promise<void> {
    this.#isOver = true;
    await this.#ending;
    this.#client.close();
  }

  async #run(): Promise<void> {
    while (!this.#isOver) {
      const startMs = performance.now();
      const answer = await this.#client.get('probe').catch(() => undefined);
      if (answer?.status !== 200) this.failed += 1;
      this.latenciesMs.push(performance.now() - startMs);
      await pause(PROBE_PAUSE_MS);
    }
  }
}

test('clients that hang up in the middle of a body leave nothing and cost others little', async t => {
  const clients = Number(process.env['FAULT_CLIENTS'] ?? CLIENTS);
  const waveClients = Math.min(WAVE_CLIENTS_MAX, Math.ceil(clients / WAVES_MIN));
  t.timeout(TIMEOUT_MS + clients * CLIENT_MS);
  const seed = faultSeed(t);
  const server = await FaultServer.start(t, { directory: await scratchDirectory(t) });
  const model = new FaultModel();
  const tally = new Tally(t, server, model);
  const { target } = server;
  const client = new FaultClient(target);
  await client.put('probe', seededBytes(seed, KIB));
  const { uploadId } = await client.createUpload('hung-up/parts');
  const workload = new FaultWorkload({ target, model, seed, mix: MIX, connections: OTHERS });
  const wave = { target, uploadId, content: seededBytes(seed, BODY_BYTES) };
  const choices = new SeededChoices(seed);
  await workload.runFor(1000);
  const beforeMib = await server.anonymousMib();
  const probe = new Probe(target);
  workload.start();
  const wavesMib: number[] = [];
  let sentBytes = 0;
  for (let from = 0; from < clients; from += waveClients) {
    const count = Math.min(waveClients, clients - from);
    const sent = Array.from({ length: count }, (_, n) => hangUp({ ...wave, choices }, from + n));
    for (const bytes of await Promise.all(sent)) sentBytes += bytes;
    wavesMib.push(await server.anonymousMib());
  }
  await workload.stop();
  await probe.stop();
  tally.addWorkload(workload);
  await client.delete('probe');
  client.close();
  const listed = (await listHungUp(target)).length;
  await tally.finish();
  const afterMib = await server.anonymousMib();
  const latencies = probe.latenciesMs.sort((a, b) => a - b);
  const p99 = latencies[Math.floor(latencies.length * 0.99)] ?? 0;
  t.log(
    `hung up ${clients}, ${waveClients} at a time, after ${Math.round(sentBytes / MIB)} MiB; ` +
      `objects of them ${listed}; RssAnon ${beforeMib.toFixed(0)} MiB before, ` +
      `after each wave ${wavesMib.map(mib => mib.toFixed(0)).join(', ')}, ` +
      `at the end ${afterMib.toFixed(0)}; ` +
      `GETs meanwhile ${latencies.length}, failed ${probe.failed}, p99 ${p99.toFixed(0)} ms`,
  );
  t.is(listed, 0, 'nothing of them is visible');
  t.is(probe.failed, 0, 'the server answers meanwhile');
  t.true(p99 < PROBE_MS_MAX);
  t.true(Math.max(...wavesMib) - beforeMib < GROWTH_MIB_MAX, 'memory is bounded');
  const half = Math.ceil(wavesMib.length / 2);
  const grownMib = Math.max(...wavesMib.slice(half)) - Math.max(...wavesMib.slice(0, half));
  t.true(grownMib < FLAT_MIB_MAX, 'memory is flat: later waves need no more than earlier ones');
});

async function listHungUp(target: BenchTarget): Promise<string[]> {
  const client = new FaultClient(target);
  const { body } = await client.askBucket('list-type=2&prefix=hung-up/');
  client.close();
  return body.toString().match(/<Key>/g) ?? [];
}
