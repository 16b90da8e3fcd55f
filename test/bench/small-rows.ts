/**
 * The rows of the bench about small objects: PUT, GET, DELETE, one connection, 64 KiB.
 *
 * Owns:          what is asked, of both servers in turn.
 * Knows:         the bench client.
 * Must not know: how results are shown.
 *
 * Server and limit are asked in turn, several times, and the ratio is of their medians: the machine
 * is shared, and its speed drifts.
 */
import { randomBytes } from 'node:crypto';
import { sha256Hex } from '../support/sigv4-signer.ts';
import { BenchSigner, closedLoop, type BenchTarget, type LoopResult } from './bench-client.ts';
import type { RawConnection } from './raw-connection.ts';

export type Step = (connection: RawConnection, index: number) => Promise<boolean>;

const SMALL = randomBytes(1024);
const SMALL_HASH = sha256Hex(SMALL);

/** Keys are spread like those of users: not in the order of their creation. */
export function smallKey(index: number): string {
  const mixed = Math.imul(index, 0x9e3779b1) >>> 0;
  return `k/${mixed.toString(16).padStart(8, '0')}${String(index)}`;
}

export function putSmall(target: BenchTarget, from: number): Step {
  const signer = new BenchSigner(target);
  return async (connection, index) => {
    const head = signer.head({
      method: 'PUT',
      path: `/${target.bucket}/${smallKey(from + index)}`,
      bodyBytes: SMALL.length,
      payload: SMALL_HASH,
    });
    return (await connection.send(head, SMALL)).status === 200;
  };
}

/** Random keys of the first `count`, but for the `deleted` ones before. */
export function getSmall(target: BenchTarget, count: number, deleted = 0): Step {
  const signer = new BenchSigner(target);
  return async connection => {
    const index = deleted + Math.floor(Math.random() * (count - deleted));
    const path = `/${target.bucket}/${smallKey(index)}`;
    const answer = await connection.send(signer.head({ method: 'GET', path }));
    return answer.status === 200 && answer.bodyBytes === SMALL.length;
  };
}

export function deleteSmall(target: BenchTarget, from: number): Step {
  const signer = new BenchSigner(target);
  return async (connection, index) => {
    const path = `/${target.bucket}/${smallKey(from + index)}`;
    return (await connection.send(signer.head({ method: 'DELETE', path }))).status === 204;
  };
}

const MEDIUM_BYTES = 64 * 1024;

/** 64 KiB, all different: nothing is deduplicated. */
export function putMedium(target: BenchTarget, from: number): Step {
  const signer = new BenchSigner(target);
  const base = randomBytes(MEDIUM_BYTES);
  return async (connection, index) => {
    const body = Buffer.from(base);
    body.writeDoubleBE(from + index, 0);
    const head = signer.head({
      method: 'PUT',
      path: `/${target.bucket}/medium/${String(from + index)}`,
      bodyBytes: body.length,
      payload: sha256Hex(body),
    });
    return (await connection.send(head, body)).status === 200;
  };
}

const WARM_UP_DELETIONS = 5000;

export type Measure = {
  readonly connections: number;
  readonly durationMs: number;
  readonly requestsMax?: number;
};

export async function run(target: BenchTarget, measure: Measure, step: Step): Promise<LoopResult> {
  const result = await closedLoop({ port: target.port, ...measure, step });
  if (result.failures > 0) throw new Error(`${String(result.failures)} requests failed`);
  return result;
}

/** What a server does in its first seconds it does with code that is not compiled yet. Returns how
 *  many keys there are then, from 0 on, and how many of them were deleted again. */
export async function warmUp(
  target: BenchTarget,
  measure: Measure,
): Promise<{ readonly stored: number; readonly deleted: number }> {
  const { requests: stored } = await run(target, measure, putSmall(target, 0));
  await run(target, measure, getSmall(target, stored));
  const requestsMax = Math.min(stored >> 1, WARM_UP_DELETIONS);
  const removing = { ...measure, requestsMax };
  const { requests: deleted } = await run(target, removing, deleteSmall(target, 0));
  return { stored, deleted };
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? 0;
}
