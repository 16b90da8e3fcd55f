/**
 * The rows of the bench about a cluster: three sites with 100 ms between them, and without delay.
 *
 * Owns:          what is asked of it, the aims.
 * Knows:         the trial cluster, the bench client.
 * Must not know: how results are shown.
 *
 * Before anything is counted the same is asked once: what starts runs code that is not compiled.
 * Latencies are medians over one connection with warm caches; what they are compared with is the
 * round trip of the links, which is set and not measured.
 */
import { randomBytes } from 'node:crypto';
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { TrialCluster } from '../cluster/trial-cluster.ts';
import { sha256Hex } from '../support/sigv4-signer.ts';
import { BenchSigner, type BenchRequest, type BenchTarget } from './bench-client.ts';
import { startBare } from './bench-servers.ts';
import { putParts } from './large-rows.ts';
import { disturbedRows, type DisturbedSize } from './disturbed-rows.ts';
import { filesPerSecond, md5BytesPerSecond } from './limits.ts';
import { RawConnection } from './raw-connection.ts';
import { atLeast, atMost, type BenchRow } from './report.ts';
import { deleteSmall, getSmall, median, putSmall, run, warmUp } from './small-rows.ts';

export type ClusterBenchSize = {
  /** Of each latency. */
  readonly repeats: number;
  readonly loopMs: number;
  readonly partsOf8Mib: number;
  readonly largeMib: number;
  readonly disturbed: DisturbedSize;
};

export const CLUSTER_FULL: ClusterBenchSize = {
  ...{ repeats: 50, loopMs: 5000, partsOf8Mib: 8, largeMib: 64 },
  disturbed: { quietMs: 6000, disturbedMs: 8000, blocks: 1024 },
};
export const CLUSTER_TINY: ClusterBenchSize = {
  ...{ repeats: 2, loopMs: 150, partsOf8Mib: 1, largeMib: 2 },
  disturbed: { quietMs: 600, disturbedMs: 600, blocks: 4 },
};

export type ClusterBench = {
  readonly directory: string;
  readonly size: ClusterBenchSize;
  readonly done: (row: BenchRow) => void;
};

const MIB = 1024 * 1024;
const RTT_MS = 100;
const SMALL_BYTES = 1024;
const LARGE_BYTES = 10 * MIB;
const WARM_UP = 10;
const CONNECTIONS = 64;
const PART_MIB = 8;

/** Runs every row; the data lie in `directory`, which is emptied afterwards. */
export async function runClusterBench(bench: ClusterBench): Promise<BenchRow[]> {
  const rows: BenchRow[] = [];
  const done = (row: BenchRow): void => {
    rows.push(row);
    bench.done(row);
  };
  await mkdir(bench.directory, { recursive: true });
  await withTrial(bench, RTT_MS, cluster => acrossSites(cluster, bench.size, done));
  await withTrial(bench, undefined, async cluster => {
    await onLoopback(cluster, bench, done);
    await disturbedRows(cluster, bench.size.disturbed, done);
  });
  return rows;
}

async function withTrial(
  { directory }: ClusterBench,
  rttMs: number | undefined,
  measure: (cluster: TrialCluster) => Promise<void>,
): Promise<void> {
  const home = join(directory, `cluster-${rttMs ?? 0}`);
  const roundTrips = rttMs === undefined ? undefined : () => rttMs;
  const cluster = await TrialCluster.start({ directory: home, roundTrips });
  try {
    await measure(cluster);
  } finally {
    await cluster.stop();
    await rm(home, { recursive: true, force: true });
  }
}

function firstTarget(cluster: TrialCluster): BenchTarget {
  const [site] = cluster.sites;
  if (site === undefined) throw new Error('a cluster without sites');
  return site.target;
}

type Timed = { readonly status: number; readonly wholeMs: number; readonly firstByteMs: number };

async function timed(
  connection: RawConnection,
  head: string,
  [body, isHead]: readonly [body: Uint8Array | undefined, isHead: boolean],
): Promise<Timed> {
  let firstByteMs = 0;
  const startMs = performance.now();
  connection.socket.once('data', () => (firstByteMs = performance.now() - startMs));
  const { status } = await connection.send(head, body, { isHead });
  return { status, firstByteMs, wholeMs: performance.now() - startMs };
}

/** One connection, one request after the other; the first ones only warm the caches. */
async function latencies(
  target: BenchTarget,
  repeats: number,
  ask: (index: number) => { readonly request: BenchRequest; readonly body?: Uint8Array },
): Promise<{ readonly wholeMs: number; readonly firstByteMs: number }> {
  const connection = await RawConnection.open(target.port);
  const signer = new BenchSigner(target);
  const results: Timed[] = [];
  for (let index = 0; index < repeats + WARM_UP; index += 1) {
    const { request, body } = ask(index);
    const isHead = request.method === 'HEAD';
    const result = await timed(connection, signer.head(request), [body, isHead]);
    if (result.status >= 300) throw new Error(`${request.method} was answered ${result.status}`);
    if (index >= WARM_UP) results.push(result);
  }
  connection.close();
  return {
    wholeMs: median(results.map(({ wholeMs }) => wholeMs)),
    firstByteMs: median(results.map(({ firstByteMs }) => firstByteMs)),
  };
}

/** All different: nothing is deduplicated. */
function body(bytes: number): Buffer {
  return randomBytes(bytes);
}

function put(target: BenchTarget, key: string, bytes: Buffer): BenchRequest {
  return {
    ...{ method: 'PUT', path: `/${target.bucket}/${key}`, bodyBytes: bytes.length },
    payload: sha256Hex(bytes),
  };
}

async function acrossSites(
  cluster: TrialCluster,
  { repeats, partsOf8Mib }: ClusterBenchSize,
  done: (row: BenchRow) => void,
): Promise<void> {
  const target = firstTarget(cluster);
  const at = (key: string): string => `/${target.bucket}/${key}`;
  const row = (work: string, ms: number, roundTrips: number, extraMs: number): void => {
    const limitMs = roundTrips * RTT_MS + extraMs;
    const limit = `${roundTrips} RTT + ${extraMs} ms = ${limitMs} ms`;
    const name = `${RTT_MS} ms between sites: ${work}`;
    done(atMost(1, { work: name, figure: `${ms.toFixed(1)} ms`, limit, ratio: ms / limitMs }));
  };
  const large = Math.max(2, Math.ceil(repeats / 5));
  const bodies = Array.from({ length: repeats + WARM_UP }, () => body(SMALL_BYTES));
  const puts = await latencies(target, repeats, index => {
    const bytes = bodies[index] ?? body(SMALL_BYTES);
    return { request: put(target, `small/${index}`, bytes), body: bytes };
  });
  row('PUT of 1 KiB', puts.wholeMs, 1, 10);
  const reading = (method: string) => (index: number) => ({
    request: { method, path: at(`small/${index}`) },
  });
  row('GET of 1 KiB', (await latencies(target, repeats, reading('GET'))).wholeMs, 1, 10);
  row('HEAD', (await latencies(target, repeats, reading('HEAD'))).wholeMs, 1, 10);
  const list = { method: 'GET', path: `/${target.bucket}`, query: 'list-type=2&prefix=small%2F' };
  row(
    'a page of LIST',
    (await latencies(target, repeats, () => ({ request: list }))).wholeMs,
    1,
    10,
  );
  row('DELETE', (await latencies(target, repeats, reading('DELETE'))).wholeMs, 1, 10);
  const largePuts = await latencies(target, large, index => {
    const bytes = body(LARGE_BYTES);
    return { request: put(target, `large/${index}`, bytes), body: bytes };
  });
  row('PUT of 10 MiB', largePuts.wholeMs, 2, 80);
  const largeGets = await latencies(target, large, index => ({
    request: { method: 'GET', path: at(`large/${index}`) },
  }));
  row('GET of 10 MiB', largeGets.wholeMs, 1, 80);
  row('GET of 10 MiB, its first byte', largeGets.firstByteMs, 1, 15);
  const parts = { parts: partsOf8Mib, partMib: PART_MIB };
  await putParts(target, { ...parts, key: 'parts/0' });
  const speed = await putParts(target, { ...parts, key: 'parts/1' });
  done(
    atLeast(1, {
      work: `${RTT_MS} ms between sites: multipart of ${partsOf8Mib * PART_MIB} MiB, 4 at a time`,
      figure: `${(speed / 1e6).toFixed(0)} MB/s`,
      limit: '60 MB/s',
      ratio: speed / 60e6,
    }),
  );
}

async function onLoopback(
  cluster: TrialCluster,
  { directory, size }: ClusterBench,
  done: (row: BenchRow) => void,
): Promise<void> {
  const target = firstTarget(cluster);
  const bare = await startBare(cluster.settings.credentials, join(directory, 'no-file'));
  const measure = { connections: CONNECTIONS, durationMs: size.loopMs };
  const row = (work: string, aim: number, [ours, limit]: readonly [number, number]): void => {
    const shown = (value: number): string => `${Math.round(value).toLocaleString('en')}/s`;
    const name = `three nodes on loopback: ${work}, ${CONNECTIONS} connections`;
    const figures = { figure: shown(ours), limit: shown(limit), ratio: ours / limit };
    done(atLeast(aim, { work: name, ...figures }));
  };
  try {
    const bareTarget = bare.target;
    await warmUp(bareTarget, measure);
    const { stored, deleted } = await warmUp(target, measure);
    const limit = await run(bareTarget, measure, putSmall(bareTarget, 0));
    const puts = await run(target, measure, putSmall(target, stored));
    const count = stored + puts.requests;
    row('1 KiB PUT', 0.12, [puts.perSecond, limit.perSecond]);
    const getLimit = await run(bareTarget, measure, getSmall(bareTarget, 1000));
    const gets = await run(target, measure, getSmall(target, count, deleted));
    row('1 KiB GET', 0.25, [gets.perSecond, getLimit.perSecond]);
    const deleteLimit = await run(bareTarget, measure, deleteSmall(bareTarget, 0));
    const most = { ...measure, requestsMax: count - deleted };
    const deletes = await run(target, most, deleteSmall(target, deleted));
    row('DELETE', 0.1, [deletes.perSecond, deleteLimit.perSecond]);
  } finally {
    await bare.stop();
  }
  const files = await filesPerSecond(join(directory, 'files'), size.loopMs / 2, MIB);
  await largeOnLoopback(target, [size, files * MIB], done);
}

function inMb(bytesPerSecond: number): string {
  return `${(bytesPerSecond / 1e6).toFixed(0)} MB/s`;
}

async function largeOnLoopback(
  target: BenchTarget,
  [{ largeMib, loopMs }, diskBytesPerSecond]: readonly [ClusterBenchSize, number],
  done: (row: BenchRow) => void,
): Promise<void> {
  const md5 = md5BytesPerSecond(loopMs / 2);
  const bodies = [0, 1, 2, 3].map(() => body(largeMib * MIB));
  const signer = new BenchSigner(target);
  const startMs = performance.now();
  const streams = bodies.map(async (bytes, stream) => {
    const connection = await RawConnection.open(target.port);
    const path = `/${target.bucket}/streams/${stream}`;
    const request = { method: 'PUT', path, bodyBytes: bytes.length, payload: 'UNSIGNED-PAYLOAD' };
    const { status } = await connection.send(signer.head(request), bytes);
    connection.close();
    if (status !== 200) throw new Error(`a PUT of ${largeMib} MiB was answered ${status}`);
  });
  await Promise.all(streams);
  const speed = (bodies.length * largeMib * MIB) / ((performance.now() - startMs) / 1000);
  done(
    atLeast(0.2, {
      work: `three nodes on loopback: PUT of ${largeMib} MiB, 4 at a time`,
      figure: inMb(speed),
      limit: `${inMb(md5)} (MD5 on one core)`,
      ratio: speed / md5,
      note: `one disk for all three takes ${inMb(diskBytesPerSecond)} in synced files of 1 MiB`,
    }),
  );
}
