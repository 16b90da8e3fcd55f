/**
 * One malformed or hostile request and what it must get.
 *
 * Owns:          the shape of a case; sending it and judging what came back.
 * Knows:         S3's error documents.
 * Must not know: which cases there are.
 *
 * Besides the answer itself three things are judged for every case alike: the answer is a proper
 * error document with a request id, the connection either goes on working or ends as announced, and
 * nothing that was stored before has changed.
 */
import type { ExecutionContext } from 'ava';
import type { Credentials, GarageProcess } from '../../support/garage-process.ts';
import { RawConnection, headerValue, type RawReply } from '../../support/raw-http.ts';
import { elements, errorCode, type SignedRequests } from '../../support/signed-requests.ts';

/** What every case may refer to. */
export type BadWorld = {
  readonly server: GarageProcess;
  readonly s3: SignedRequests;
  /** Of an object of 1000 bytes. */
  readonly known: { readonly key: string; readonly bytes: Buffer; readonly etag: string };
  /** An object without content. */
  readonly emptyKey: string;
  /** An upload under way with a part of 5 MiB (1) and two small ones (2, 3). */
  readonly upload: {
    readonly key: string;
    readonly id: string;
    readonly etags: readonly [string, string, string];
  };
  readonly abortedUpload: { readonly key: string; readonly id: string };
  /** A key of another tenant, without any right on the bucket; and a bucket of that tenant. */
  readonly stranger: Credentials;
  readonly strangersBucket: string;
};

export type BadCase = {
  /** Where the rule stands in the table of bad input. */
  readonly row: number;
  readonly title: string;
  readonly bytes: (world: BadWorld) => string | Uint8Array;
  /** Any of these: `403 AccessDenied`, `400` with any code, or `closed` without an answer. */
  readonly expect: readonly string[];
  /** Of the request; HEAD has no body to read. */
  readonly method?: string;
  /** The request is never completed: the client ends its side, or just leaves the rest unsent. */
  readonly unfinished?: 'hangs-up' | 'waits';
  /** Must be found in the answer's body. */
  readonly body?: RegExp;
};

const CLOSE_TIMEOUT_MS = 15_000;

/** Sends it and answers every complaint; none is good. */
export async function judge(world: BadWorld, bad: BadCase): Promise<readonly string[]> {
  const method = bad.method ?? 'GET';
  const connection = await RawConnection.open({ port: world.s3.port });
  try {
    void connection.send(bad.bytes(world));
    if (bad.unfinished === 'hangs-up') connection.socket.end();
    const reply = await connection.readReply({ method });
    const found = reply === undefined ? 'closed' : answerText(reply);
    const isExpected = bad.expect.some(want => found === want || found.startsWith(`${want} `));
    const problems = isExpected ? [] : [`answered ${found}, not ${bad.expect.join(' or ')}`];
    if (reply === undefined) return problems;
    problems.push(...problemsOf(reply, method));
    if (bad.body !== undefined && !bad.body.test(reply.body.toString())) {
      problems.push(`the body lacks ${String(bad.body)}: ${reply.body.toString().slice(0, 500)}`);
    }
    if (bad.unfinished === undefined)
      problems.push(...(await afterwards(world, connection, reply)));
    return problems;
  } catch (error) {
    return [error instanceof Error ? error.message : String(error)];
  } finally {
    connection.destroy();
  }
}

/** `403 AccessDenied`; the code is missing where there is no document. */
export function answerText(reply: RawReply): string {
  return `${String(reply.status)} ${errorCode(reply) ?? ''}`.trimEnd();
}

function problemsOf(reply: RawReply, method: string): string[] {
  const problems: string[] = [];
  if (reply.status >= 500 && reply.status !== 501 && reply.status !== 505) {
    problems.push(`status ${String(reply.status)}: ${reply.body.toString()}`);
  }
  const requestId = headerValue(reply, 'x-amz-request-id');
  if (requestId === undefined) problems.push('there is no x-amz-request-id');
  if (!reply.isComplete) problems.push('the answer is cut off');
  if (reply.status < 400 || method === 'HEAD') return problems;
  const text = reply.body.toString();
  if (headerValue(reply, 'content-type') !== 'application/xml') problems.push('it is not XML');
  if (elements(text, 'Message').length !== 1) problems.push(`it has no message: ${text}`);
  if (elements(text, 'RequestId')[0] !== requestId) problems.push('the request ids differ');
  return problems;
}

/** The connection ends as announced, or the next request on it is answered as it must be. */
async function afterwards(
  { s3, known }: BadWorld,
  connection: RawConnection,
  reply: RawReply,
): Promise<readonly string[]> {
  if (headerValue(reply, 'connection')?.toLowerCase() === 'close') {
    await connection.closed(CLOSE_TIMEOUT_MS);
    return connection.pendingBytes > 0 ? ['it sent more after its last answer'] : [];
  }
  void connection.send(s3.build({ key: known.key }).bytes);
  const next = await connection.readReply();
  if (next === undefined) return ['the connection ended without having announced it'];
  if (next.status === 200 && next.body.equals(known.bytes)) return [];
  return [`the next request on the connection was answered ${answerText(next)}`];
}

/** Everything that is stored, as text: what a refused request must not change. */
export async function storedState({ s3, upload }: BadWorld): Promise<string> {
  const objects = await s3.ask({ query: 'list-type=2' });
  const uploads = await s3.ask({ query: 'uploads=' });
  const parts = await s3.ask({ key: upload.key, query: `uploadId=${upload.id}` });
  const buckets = await s3.ask({ path: '/' });
  const keys = elements(objects.body.toString(), 'Key');
  const etags = elements(objects.body.toString(), 'ETag');
  const ids = elements(uploads.body.toString(), 'UploadId');
  const partEtags = elements(parts.body.toString(), 'ETag');
  return JSON.stringify([keys, etags, ids, partEtags, elements(buckets.body.toString(), 'Name')]);
}

/** Runs all cases one after the other; the failures name row and case. */
export async function runCases(
  t: ExecutionContext,
  world: BadWorld,
  cases: readonly BadCase[],
): Promise<void> {
  let before = await storedState(world);
  const failed: string[] = [];
  for (const bad of cases) {
    const problems = [...(await judge(world, bad))];
    const after = await storedState(world);
    if (after !== before) problems.push(`what is stored has changed: ${after}`);
    before = after;
    if (problems.length === 0) continue;
    failed.push(`row ${String(bad.row)}, ${bad.title}: ${problems.join('; ')}`);
  }
  t.deepEqual(failed, [], `of ${String(cases.length)} cases`);
}
