/**
 * One log line for each request, written when its answer is complete.
 *
 * Owns:          the fields of the line and its level; telling the metrics.
 * Knows:         replies and their sources.
 * Must not know: what the operation did.
 *
 * Keys of objects, queries and headers are not logged: they are the client's business, and a
 * presigned query is a credential.
 */
import type { Clock } from '../../schemas/environment.ts';
import type { BucketRow } from '../../schemas/records/bucket-row.ts';
import type { Log } from '../../schemas/telemetry.ts';
import type { HttpReply, HttpRequest, ReplySource } from '../http/exchange.ts';
import { bodySizeBytes } from '../http/reply-head.ts';
import type { S3Error } from './s3-error.ts';

/** What is known of a request so far. One shape for all, filled in as it goes. */
export type RequestRecord = {
  readonly requestId: string;
  readonly http: HttpRequest;
  readonly startedMs: number;
  operation: string;
  bucketName: string | undefined;
  /** The bucket that the name means to the caller, once that is known. */
  bucket: BucketRow | undefined;
  accessKeyId: string | undefined;
};

export type Outcome = {
  readonly status: number;
  readonly sentBytes: number;
  readonly error: S3Error | undefined;
};

/** Told of every answered request: for the metrics. */
export type AnswerListener = (answered: {
  readonly endpoint: string;
  readonly status: number;
  readonly milliseconds: number;
}) => void;

export class RequestLog {
  readonly #log: Log;
  readonly #clock: Clock;
  readonly #answered: AnswerListener;

  constructor(log: Log, clock: Clock, answered: AnswerListener) {
    this.#log = log;
    this.#clock = clock;
    this.#answered = answered;
  }

  /** The reply to send; a stream is logged at its end. */
  finish(record: RequestRecord, reply: HttpReply, error?: S3Error): HttpReply {
    const { body, status } = reply;
    if (body?.kind !== 'stream') {
      const sentBytes = body?.kind === 'head' ? 0 : bodySizeBytes(body);
      this.#write(record, { status, sentBytes, error });
      return reply;
    }
    const ended = (sentBytes: number, how: 'sent' | 'cut'): void => {
      this.#write(record, { status, sentBytes, error }, how);
    };
    return { ...reply, body: { ...body, source: new LoggedSource(body.source, ended) } };
  }

  #write(record: RequestRecord, outcome: Outcome, how: 'sent' | 'cut' = 'sent'): void {
    const { status, sentBytes, error } = outcome;
    const milliseconds = this.#clock.monotonicMs() - record.startedMs;
    this.#answered({ endpoint: record.operation, status, milliseconds });
    const fields: Record<string, unknown> = {
      requestId: record.requestId,
      operation: record.operation,
      bucket: record.bucketName,
      accessKeyId: record.accessKeyId,
      peer: record.http.peerAddress,
      status,
      bytes: sentBytes,
      received: record.http.body.declaredBytes ?? 0,
      ms: Math.round(milliseconds * 1000) / 1000,
    };
    if (how === 'cut') fields['cut'] = true;
    if (error === undefined) {
      this.#log.info(fields, 'request');
      return;
    }
    fields['code'] = error.code;
    if (error.cause !== undefined && status >= 500) fields['error'] = error.cause;
    if (error.code === 'InternalError') this.#log.error(fields, 'request failed');
    else if (status >= 500 && status !== 501) this.#log.warn(fields, 'request refused');
    else this.#log.info(fields, 'request');
  }
}

class LoggedSource implements ReplySource {
  readonly #source: ReplySource;
  readonly #ended: (sentBytes: number, how: 'sent' | 'cut') => void;
  #sentBytes = 0;
  #isOver = false;

  constructor(source: ReplySource, ended: (sentBytes: number, how: 'sent' | 'cut') => void) {
    this.#source = source;
    this.#ended = ended;
  }

  async next(): Promise<Uint8Array | undefined> {
    try {
      const piece = await this.#source.next();
      if (piece === undefined) this.#end('sent');
      else this.#sentBytes += piece.length;
      return piece;
    } catch (error) {
      this.#end('cut');
      throw error;
    }
  }

  cancel(): void {
    this.#end('cut');
    this.#source.cancel();
  }

  #end(how: 'sent' | 'cut'): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#ended(this.#sentBytes, how);
  }
}
