// Method: one real server each; the disk under it lies, vanishes, or fills up. What was
// acknowledged is read back by its bytes: an error is allowed where a disk is broken, other bytes
// never.
import { rename, mkdir, open, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import test from 'ava';
import { once, type BenchTarget } from '../bench/bench-client.ts';
import { blockFile } from '../support/fault-checks.ts';
import { BUCKET, REGION, startGarage, type GarageProcess } from '../support/garage-process.ts';
import { testWithNeeds } from '../support/needs.ts';
import { seededBytes } from '../support/seeded-bytes.ts';
import { scratchDirectory } from '../support/shared-garage.ts';
import { sha256Hex } from '../support/sigv4-signer.ts';
import { SmallDisk } from '../support/small-disk.ts';

const MIB = 1024 * 1024;

function targetOf({ ports, credentials }: GarageProcess): BenchTarget {
  return { port: ports.s3, ...credentials, region: REGION, bucket: BUCKET };
}

async function put(target: BenchTarget, key: string, body: Buffer): Promise<number> {
  const path = `/${target.bucket}/${key}`;
  const request = { method: 'PUT', path, payload: sha256Hex(body), bodyBytes: body.length };
  return (await once(target, request, body)).status;
}

/** The bytes; the status of an error; or `short` where the server cut a broken body. */
async function get(target: BenchTarget, key: string): Promise<Buffer | number | 'short'> {
  const path = `/${target.bucket}/${key}`;
  const answer = await once(target, { method: 'GET', path }).catch(() => 'short' as const);
  if (answer === 'short') return answer;
  return answer.status === 200 ? (answer.body ?? Buffer.alloc(0)) : answer.status;
}

async function flip(path: string, at: number): Promise<void> {
  const file = await open(path, 'r+');
  const byte = Buffer.alloc(1);
  await file.read(byte, 0, 1, at);
  byte.writeUInt8(byte.readUInt8(0) ^ 1, 0);
  await file.write(byte, 0, 1, at);
  await file.close();
}

test('a flipped bit in a block is an error, never other bytes, until the block comes again', async t => {
  const directory = await scratchDirectory(t);
  const garage = await startGarage({ directory });
  t.teardown(() => garage.end());
  const target = targetOf(garage);
  const body = seededBytes(1, MIB);
  t.is(await put(target, 'rotten', body), 200);
  await flip(blockFile(join(directory, 'data'), sha256Hex(body)), 700_000);
  const damaged = await get(target, 'rotten');
  t.false(Buffer.isBuffer(damaged), 'damaged bytes were served');
  t.is(await put(target, 'again', body), 200);
  for (const key of ['rotten', 'again']) t.deepEqual(await get(target, key), body);
});

test('an empty directory where blocks were refuses the start until the operator says so', async t => {
  const directory = await scratchDirectory(t);
  const first = await startGarage({ directory });
  const { credentials, ports } = first;
  const body = seededBytes(2, 100_000);
  t.is(await put(targetOf(first), 'kept', body), 200);
  t.is(await first.end(), 0);
  const [data, away] = [join(directory, 'data'), join(directory, 'away')];
  await rename(data, away);
  await mkdir(data);
  const again = { directory, credentials, ports };
  const refused = await t.throwsAsync(startGarage(again));
  t.regex(refused.message, /--accept-empty/);
  const flags = ['--single-node', '--default-bucket', '--accept-empty', data];
  const wiped = await startGarage({ ...again, flags });
  t.false(Buffer.isBuffer(await get(targetOf(wiped), 'kept')));
  t.is(await wiped.end(), 0);
  await rm(data, { recursive: true });
  await rename(away, data);
  const back = await startGarage(again);
  t.teardown(() => back.end());
  t.deepEqual(await get(targetOf(back), 'kept'), body);
});

testWithNeeds(
  ['root', 'tmpfs'],
  'a full data disk takes nothing it cannot keep, goes on reading, and heals by itself',
  async t => {
    t.timeout(60_000);
    const directory = await scratchDirectory(t);
    const disk = SmallDisk.mount(t, join(directory, 'disk'), 128);
    const dataDir = `"${join(disk.path, 'data')}"`;
    const garage = await startGarage({ directory, dataDir, top: ['min_free = "8MiB"'] });
    t.teardown(() => garage.end());
    const target = targetOf(garage);
    const bodyOf = (n: number): Buffer => seededBytes(100 + n, MIB);
    await disk.fill(40 * MIB);
    let kept = 0;
    let status = 200;
    while (status === 200 && kept < 128) {
      status = await put(target, `full/${String(kept)}`, bodyOf(kept));
      if (status === 200) kept += 1;
    }
    t.is(status, 507);
    for (let n = 0; n < kept; n += 1) {
      t.deepEqual(await get(target, `full/${String(n)}`), bodyOf(n));
    }
    t.is((await once(target, { method: 'DELETE', path: `/${BUCKET}/full/0` })).status, 204);
    await disk.free();
    let tries = 0;
    while ((await put(target, 'healed', bodyOf(999))) !== 200 && tries < 100) {
      tries += 1;
      await pause(100);
    }
    t.deepEqual(await get(target, 'healed'), bodyOf(999));
    t.log(`acknowledged ${String(kept)}, lost 0; writes came back after ${String(tries)} tries`);
  },
);
