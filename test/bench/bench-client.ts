/**
 * The S3 requests of the bench, signed, over raw connections.
 *
 * Owns:          building a signed head; closed loops of many connections.
 * Knows:         the signer of the tests.
 * Must not know: what is measured.
 */
import { SigV4Signer, sha256Hex } from '../support/sigv4-signer.ts';
import { RawConnection, type RawAnswer } from './raw-connection.ts';

export type BenchTarget = {
  readonly port: number;
  readonly accessKeyId: string;
  readonly secretKey: string;
  readonly region: string;
  readonly bucket: string;
};

const EMPTY = sha256Hex('');

export type BenchRequest = {
  readonly method: string;
  /** Encoded, with the bucket. */
  readonly path: string;
  readonly query?: string;
  readonly bodyBytes?: number;
  /** SHA-256 of the body, or UNSIGNED-PAYLOAD. */
  readonly payload?: string;
  readonly headers?: readonly (readonly [string, string])[];
};

/** Makes the head of a signed request. */
export class BenchSigner {
  readonly #signer: SigV4Signer;
  readonly #host: string;

  constructor(target: BenchTarget) {
    this.#signer = new SigV4Signer(target);
    this.#host = `127.0.0.1:${String(target.port)}`;
  }

  head(request: BenchRequest): string {
    const sent: (readonly [string, string])[] = [['host', this.#host], ...(request.headers ?? [])];
    const { headers } = this.#signer.sign({
      method: request.method,
      path: request.path,
      query: request.query ?? '',
      headers: sent,
      payload: request.payload ?? EMPTY,
      timeMs: Date.now(),
    });
    const target = request.query ? `${request.path}?${request.query}` : request.path;
    let head = `${request.method} ${target} HTTP/1.1\r\n`;
    for (const [name, value] of headers) head += `${name}: ${value}\r\n`;
    if (request.bodyBytes !== undefined) head += `content-length: ${String(request.bodyBytes)}\r\n`;
    return `${head}\r\n`;
  }
}

export type LoopResult = {
  readonly requests: number;
  readonly seconds: number;
  readonly perSecond: number;
  readonly failures: number;
  /** Milliseconds. */
  readonly p50: number;
  readonly p99: number;
};

export type LoopOptions = {
  readonly port: number;
  readonly connections: number;
  readonly durationMs: number;
  /** Ends the loop early. */
  readonly requestsMax?: number;
  /** One request; true when the answer was as expected. */
  readonly step: (connection: RawConnection, index: number) => Promise<boolean>;
};

/** Each connection asks again as soon as it was answered. */
export async function closedLoop(options: LoopOptions): Promise<LoopResult> {
  const connections = await Promise.all(
    Array.from({ length: options.connections }, () => RawConnection.open(options.port)),
  );
  const requestsMax = options.requestsMax ?? Number.MAX_SAFE_INTEGER;
  const latencies: number[] = [];
  let index = 0;
  let failures = 0;
  const startMs = performance.now();
  const endMs = startMs + options.durationMs;
  const drive = async (connection: RawConnection): Promise<void> => {
    let now = performance.now();
    while (now < endMs && index < requestsMax) {
      const mine = index;
      index += 1;
      const isGood = await options.step(connection, mine);
      if (!isGood) failures += 1;
      const after = performance.now();
      latencies.push(after - now);
      now = after;
    }
  };
  await Promise.all(connections.map(drive));
  const seconds = (performance.now() - startMs) / 1000;
  for (const connection of connections) connection.close();
  return summary(latencies, seconds, failures);
}

function summary(latencies: number[], seconds: number, failures: number): LoopResult {
  latencies.sort((a, b) => a - b);
  const at = (share: number): number => latencies[Math.floor((latencies.length - 1) * share)] ?? 0;
  return {
    requests: latencies.length,
    seconds,
    perSecond: latencies.length / seconds,
    failures,
    p50: at(0.5),
    p99: at(0.99),
  };
}

/** One request on a connection of its own. */
export async function once(
  target: BenchTarget,
  request: BenchRequest,
  body?: Uint8Array,
): Promise<RawAnswer> {
  const connection = await RawConnection.open(target.port);
  try {
    const head = new BenchSigner(target).head(request);
    return await connection.send(head, body, {
      keepBody: true,
      isHead: request.method === 'HEAD',
    });
  } finally {
    connection.close();
  }
}
