// Method: one real server each; the disk under it lies, or vanishes. What was acknowledged is read
// back by its bytes: an error is allowed where a disk is broken, other bytes never.
import { rename, mkdir, open, rm } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import { once, type BenchTarget } from '../bench/bench-client.ts';
import { blockFile } from '../support/fault-checks.ts';
import { BUCKET, REGION, startGarage, type GarageProcess } from '../support/garage-process.ts';
import { seededBytes } from '../support/seeded-bytes.ts';
import { scratchDirectory } from '../support/shared-garage.ts';
import { sha256Hex } from '../support/sigv4-signer.ts';

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
