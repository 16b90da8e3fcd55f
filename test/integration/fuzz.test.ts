// Method: sound requests with some bytes flipped, cut, doubled or exchanged, over raw sockets
// against a real server, from a seed. No answer is a 500, the process neither ends nor grows, and
// whatever was acknowledged can be read with the bytes that were sent: a mutation that leaves the
// signature whole (or signs the changed request) may well store something, but never something
// else.
//
//   FUZZ=100000 npx ava dist/test/integration/fuzz.test.js    more of them
//   SEED=7 …                                                   the same ones again
import { readFile } from 'node:fs/promises';
import test from 'ava';
import type { GarageProcess } from '../support/garage-process.ts';
import { RawConnection, type RawReply } from '../support/raw-http.ts';
import { SeededChoices, seededBytes } from '../support/seeded-bytes.ts';
import { sharedGarage } from '../support/shared-garage.ts';
import { SignedRequests, type S3Request } from '../support/signed-requests.ts';

const MIB = 1024 * 1024;
const MUTATIONS = Number(process.env['FUZZ'] ?? '3000');
const SEED = Number(process.env['SEED'] ?? '1');
const CLIENTS = 16;
/** A share of the mutations goes by before memory is looked at: caches and the JIT fill first. */
const WARM_UP_SHARE = 0.5;
const GROWTH_BYTES_MAX = 32 * MIB;
/** A mutated length makes the server wait for more; the client then ends its side. */
const PATIENCE_MS = 60;
const TIMEOUT_MS = 20_000;

const shared = sharedGarage();

/** `isWhole`: its framing is sound, so an answer comes however long it takes. */
type Mutant = { readonly bytes: Buffer; readonly method: string; readonly isWhole?: boolean };
type Maker = (choices: SeededChoices, turn: number) => Mutant;

/** Text that parsers trip over. */
const SPICE = [
  ...['\0', '\r', '\n', '\r\n', '\r\n\r\n', '%', '%00', '%zz', '\xff', '\xc3\x28', '"', "'", '<'],
  ...['&', '=', ';', ':', ' ', '\t', '../', '//', '{}', '-1', '0', '99999999999999999999', '0x10'],
  ...['chunked', 'gzip', 'HTTP/1.0', 'HTTP/9.9', 'Content-Length: 5\r\n', 'Host: a\r\n', 'é'],
];

function mutated(choices: SeededChoices, bytes: Buffer, times: number): Buffer {
  let result: Buffer = Buffer.from(bytes);
  for (let turn = 0; turn < times && result.length > 0; turn += 1) {
    const at = choices.below(result.length);
    switch (choices.below(7)) {
      case 0:
      case 1:
        result[at] = (result[at] ?? 0) ^ (1 << choices.below(8));
        break;
      case 2:
        result[at] = choices.below(256);
        break;
      case 3:
        result = spliced(result, at, at + 1 + choices.below(8), '');
        break;
      case 4:
        result = spliced(result, at, at, choices.of(SPICE));
        break;
      case 5: {
        const end = Math.min(result.length, at + choices.below(40));
        result = spliced(result, end, end, result.toString('latin1', at, end));
        break;
      }
      default:
        result = result.subarray(0, at);
    }
  }
  return result;
}

function spliced(bytes: Buffer, from: number, to: number, middle: string): Buffer {
  const parts = [bytes.subarray(0, from), Buffer.from(middle, 'latin1'), bytes.subarray(to)];
  return Buffer.concat(parts);
}

/** Sends it, ends the sending side when no answer comes, and answers the first reply if any. */
async function send(
  port: number,
  { bytes, method, isWhole = false }: Mutant,
): Promise<RawReply | undefined> {
  const connection = await RawConnection.open({ port });
  let ending: NodeJS.Timeout | undefined;
  try {
    void connection.send(bytes);
    if (!isWhole) ending = setTimeout(() => connection.socket.end(), PATIENCE_MS);
    return await connection.readReply({ method, timeoutMs: TIMEOUT_MS });
  } finally {
    clearTimeout(ending);
    connection.destroy();
  }
}

async function rssAnonBytes({ child }: GarageProcess): Promise<number> {
  if (process.platform !== 'linux') return 0;
  const status = await readFile(`/proc/${String(child.pid)}/status`, 'utf8');
  return Number(/RssAnon:\s+(\d+) kB/.exec(status)?.[1]) * 1024;
}

type Outcome = {
  readonly statuses: ReadonlyMap<string, number>;
  readonly failures: readonly string[];
  readonly acknowledged: readonly number[];
  readonly grownBytes: number;
};

async function fuzz(server: GarageProcess, make: Maker): Promise<Outcome> {
  const statuses = new Map<string, number>();
  const failures: string[] = [];
  const acknowledged: number[] = [];
  const warmUp = Math.floor(MUTATIONS * WARM_UP_SHARE);
  let turn = 0;
  let warmBytes = 0;
  const drive = async (): Promise<void> => {
    while (turn < MUTATIONS) {
      const mine = turn++;
      if (mine === warmUp) warmBytes = await rssAnonBytes(server);
      const mutant = make(new SeededChoices(SEED * 1_000_003 + mine), mine);
      const reply = await send(server.ports.s3, mutant).catch((error: unknown) => String(error));
      const name = typeof reply === 'string' ? reply : String(reply?.status ?? 'closed');
      statuses.set(name, (statuses.get(name) ?? 0) + 1);
      if (name === '200' && mutant.method === 'PUT') acknowledged.push(mine);
      if (!/^(?:closed|2\d\d|3\d\d|4\d\d|501|505)$/.test(name)) {
        const sent = mutant.bytes.toString('latin1').slice(0, 600);
        failures.push(`turn ${mine}: ${name} for ${JSON.stringify(sent)}`);
      }
    }
  };
  await Promise.all(Array.from({ length: CLIENTS }, drive));
  return { statuses, failures, acknowledged, grownBytes: (await rssAnonBytes(server)) - warmBytes };
}

const HEADS: readonly S3Request[] = [
  { key: 'known' },
  { key: 'known', headers: [['range', 'bytes=1-5']] },
  { key: 'known', method: 'HEAD', headers: [['if-none-match', '"0123"']] },
  { query: 'list-type=2&prefix=a%20b&delimiter=%2F&max-keys=10' },
  { query: 'uploads=' },
  { method: 'PUT', key: 'a%20b/c', body: 'content', headers: [['x-amz-meta-a', 'b']] },
  { method: 'PUT', key: 'd', headers: [['x-amz-copy-source', '/test-bucket/known']] },
  { method: 'DELETE', key: 'nothing' },
  { method: 'POST', key: 'e', query: 'uploads=' },
  { method: 'POST', query: 'delete=', body: '<Delete><Object><Key>x</Key></Object></Delete>' },
  { path: '/' },
  { method: 'OPTIONS', key: 'known', headers: [['origin', 'http://a.example']] },
];

test.serial('request heads with flipped bytes: no 500, no crash, flat memory', async t => {
  const server = await shared();
  const s3 = new SignedRequests(server);
  const content = seededBytes(1, 5000);
  await s3.put('known', content);
  const outcome = await fuzz(server, choices => {
    const request = choices.of(HEADS);
    const built = s3.build(request);
    const head = mutated(choices, Buffer.from(built.head, 'latin1'), 1 + choices.below(4));
    return { bytes: Buffer.concat([head, built.body]), method: methodOf(head) };
  });
  t.log(Object.fromEntries(outcome.statuses));
  t.deepEqual(outcome.failures, []);
  t.is(server.child.exitCode, null);
  t.true((await s3.ask({ key: 'known' })).body.equals(content), 'a sound request is answered');
  t.true(outcome.grownBytes < GROWTH_BYTES_MAX, `${String(outcome.grownBytes)} bytes more`);
});

/** What the server takes the method for, as far as the answer's framing goes. */
function methodOf(head: Buffer): string {
  return head.subarray(0, 5).equals(Buffer.from('HEAD ')) ? 'HEAD' : 'PUT';
}

const SIGNED_PARTS = ['uploads=', 'list-type=2&max-keys=5', 'partNumber=1&uploadId=abc', 'acl='];

test.serial(
  'changed targets and headers that are signed as changed are refused or done',
  async t => {
    const server = await shared();
    const s3 = new SignedRequests(server, 'fuzz-signed');
    await s3.ask({ method: 'PUT' });
    // Else a mutation that becomes DeleteBucket succeeds, and the rest asks for what is gone.
    await s3.put('keeps-the-bucket', 'content');
    const outcome = await fuzz(server, choices => {
      const method = choices.of(['GET', 'PUT', 'POST', 'DELETE', 'HEAD']);
      const visible = (text: Buffer): string => text.toString('latin1').replace(/[\r\n\0# ?]/g, '');
      const key = visible(mutated(choices, Buffer.from('some/key%20here'), choices.below(4)));
      const query = visible(
        mutated(choices, Buffer.from(choices.of(SIGNED_PARTS)), choices.below(3)),
      );
      const value = visible(mutated(choices, Buffer.from('bytes=0-5'), 2));
      const name = choices.of([
        'range',
        'x-amz-copy-source',
        'x-amz-meta-a',
        'if-match',
        'expires',
      ]);
      const body = seededBytes(choices.below(1000), choices.below(300));
      try {
        const request = { method, key, query, body, headers: [[name, value] as const] };
        return { bytes: s3.build(request).bytes, method };
      } catch {
        // The signer decodes the query; what it cannot decode is sent with a signature of another.
        const { head } = s3.build({ method, key: 'k' });
        return { bytes: Buffer.from(head.replace('/k ', `/${key}?${query} `), 'latin1'), method };
      }
    });
    t.log(Object.fromEntries(outcome.statuses));
    t.deepEqual(outcome.failures, []);
    t.is(server.child.exitCode, null);
    t.true(outcome.grownBytes < GROWTH_BYTES_MAX, `${String(outcome.grownBytes)} bytes more`);
    for (const key of (await s3.keys()).slice(0, 200)) {
      const found = await s3.ask({ key: encodeURIComponent(key).replaceAll('%2F', '/') });
      t.is(found.status, 200, JSON.stringify(key));
    }
  },
);

test.serial('aws-chunked bodies with flipped bytes store what was sent, or nothing', async t => {
  const server = await shared();
  const s3 = new SignedRequests(server, 'fuzz-chunks');
  await s3.ask({ method: 'PUT' });
  const dataOf = (turn: number): Buffer => {
    const sizes = [0, 10, 700, 5000, 70_000];
    return seededBytes(turn, sizes[turn % sizes.length] ?? 0);
  };
  const outcome = await fuzz(server, (choices, turn) => {
    const data = dataOf(turn);
    const isSigned = choices.below(2) === 0;
    const hasTrailer = !isSigned || choices.below(2) === 0;
    const built = s3.buildChunked({
      ...{ method: 'PUT', key: `k${String(turn)}`, data, chunkBytes: 1 + choices.below(9000) },
      chunks: isSigned ? 'signed' : 'unsigned',
      trailers: hasTrailer ? [['x-amz-checksum-crc32c', crc32cOf(data)]] : [],
      change: body => mutated(choices, body, choices.below(3)),
    });
    return { bytes: built.bytes, method: 'PUT', isWhole: true };
  });
  t.log(Object.fromEntries(outcome.statuses));
  t.deepEqual(outcome.failures, []);
  t.is(server.child.exitCode, null);
  t.true(outcome.grownBytes < GROWTH_BYTES_MAX, `${String(outcome.grownBytes)} bytes more`);
  t.true(outcome.acknowledged.length > MUTATIONS / 10, 'the unchanged ones are stored');
  const keys = [...(await s3.keys())].sort();
  t.deepEqual(keys, outcome.acknowledged.map(turn => `k${String(turn)}`).sort());
  for (const turn of outcome.acknowledged) {
    const found = await s3.ask({ key: `k${String(turn)}` });
    t.true(found.body.equals(dataOf(turn)), `turn ${String(turn)}`);
  }
});

const CRC32C_TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte;
  for (let bit = 0; bit < 8; bit += 1) crc = (crc >>> 1) ^ (crc & 1 ? 0x82f63b78 : 0);
  return crc;
});

function crc32cOf(data: Uint8Array): string {
  let crc = 0xffffffff;
  for (const byte of data) crc = (crc >>> 8) ^ (CRC32C_TABLE[(crc ^ byte) & 0xff] ?? 0);
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE((crc ^ 0xffffffff) >>> 0);
  return bytes.toString('base64');
}

test.serial('after all of that the log tells of no broken request', async t => {
  const { log } = await shared();
  t.notRegex(log(), /unhandled|"level":"(?:error|fatal)"/i);
});
