/**
 * Many clients who write all at once, and remember what they were told.
 *
 * Owns:          what is asked, by whom, and what an answer means to the model.
 * Knows:         the client and the model of the fault tests.
 * Must not know: which fault befalls the server meanwhile.
 *
 * Every key belongs to one connection, which waits for each answer: so what a key may show is known
 * at every moment. Contents are all different, but for a few that many keys share: those are stored
 * once, and must stay until the last of them goes.
 */
import { setTimeout as pause } from 'node:timers/promises';
import type { BenchTarget } from '../bench/bench-client.ts';
import {
  FaultClient,
  NoAnswerError,
  NOTHING_SLOW,
  slower,
  type FaultAnswer,
  type Part,
  type Slowest,
} from './fault-client.ts';
import { bytesOfPiece, multipartContent, plainContent, type Piece } from './fault-content.ts';
import type { FaultModel, Seen, Value } from './fault-model.ts';
import { SeededChoices } from './seeded-bytes.ts';
import { sha256Hex } from './sigv4-signer.ts';

const KIB = 1024;
const MIB = 1024 * KIB;

export type Work =
  | 'put-inline'
  | 'put-block'
  | 'put-shared'
  | 'put-blocks'
  | 'copy'
  | 'multipart'
  | 'upload-left-open'
  | 'delete'
  | 'get';

/** How often each is done, relative to the others. */
export type WorkMix = Readonly<Partial<Record<Work, number>>>;

const MIX_DEFAULT: WorkMix = {
  'put-inline': 30,
  'put-block': 20,
  'put-shared': 8,
  'put-blocks': 4,
  copy: 6,
  multipart: 1,
  'upload-left-open': 1,
  delete: 12,
  get: 12,
};

/** Bodies over the bound of inline data, and of several blocks, the last one short. */
const INLINE_BYTES = KIB;
const BLOCK_BYTES = 64 * KIB;
const BLOCKS_BYTES = 3 * MIB + 5000;
const FIRST_PART_BYTES = 5 * MIB;
const LAST_PART_BYTES = 300 * KIB;
const SHARED_CONTENTS = 8;
const PAUSE_AFTER_REFUSAL_MS = 10;

export type WorkloadOptions = {
  readonly target: BenchTarget;
  readonly model: FaultModel;
  /** Another seed gives other contents and another order. */
  readonly seed: number;
  readonly connections?: number;
  readonly keysPerConnection?: number;
  readonly mix?: WorkMix;
  /** Stands before every key. */
  readonly prefix?: string;
};

/** What happened, beside what the model knows. */
export type WorkloadCounts = {
  /** By operation and status. */
  readonly answers: ReadonlyMap<string, number>;
  /** Requests whose connection broke, and those that were never answered. */
  readonly broken: number;
  readonly silent: number;
  /** Reads that showed bytes never stored there, or an older state than acknowledged. */
  readonly wrong: number;
  readonly lost: number;
  /** Until a request was answered; of the clients that have ended. */
  readonly slowest: Slowest;
};

export class FaultWorkload {
  readonly #options: WorkloadOptions;
  readonly #works: readonly Work[];
  readonly #answers = new Map<string, number>();
  #running: Promise<void>[] = [];
  #isStopping = false;
  #nextSeed: number;
  #broken = 0;
  #silent = 0;
  #wrong = 0;
  #lost = 0;
  #slowest = NOTHING_SLOW;

  constructor(options: WorkloadOptions) {
    this.#options = options;
    this.#nextSeed = options.seed * MIB;
    const mix = Object.entries(options.mix ?? MIX_DEFAULT) as [Work, number][];
    this.#works = mix.flatMap(([work, weight]) => Array.from({ length: weight }, () => work));
  }

  get counts(): WorkloadCounts {
    return {
      ...{ answers: this.#answers, broken: this.#broken, silent: this.#silent },
      ...{ wrong: this.#wrong, lost: this.#lost, slowest: this.#slowest },
    };
  }

  /** How often requests were answered with this status. */
  answered(status: number): number {
    let count = 0;
    for (const [name, times] of this.#answers) if (name.endsWith(` ${status}`)) count += times;
    return count;
  }

  start(): void {
    this.#isStopping = false;
    const { connections = 24 } = this.#options;
    this.#running = Array.from({ length: connections }, (_, index) => this.#drive(index));
  }

  /** No new requests; resolves when those under way were answered or broke. */
  async stop(): Promise<void> {
    this.#isStopping = true;
    await Promise.all(this.#running);
    this.#running = [];
  }

  async runFor(ms: number): Promise<void> {
    this.start();
    await pause(ms);
    await this.stop();
  }

  async #drive(index: number): Promise<void> {
    const { target, seed, keysPerConnection = 6, prefix = 'load' } = this.#options;
    const client = new FaultClient(target);
    const choices = new SeededChoices(seed * 1009 + index);
    const keys = Array.from({ length: keysPerConnection }, (_, n) => `${prefix}/${index}/${n}`);
    while (!this.#isStopping) {
      try {
        const answer = await this.#do(choices.of(this.#works), { client, choices, keys });
        if (answer.status >= 500) await pause(PAUSE_AFTER_REFUSAL_MS);
      } catch (error) {
        if (!(error instanceof NoAnswerError)) throw error;
        if (error.isSilent) this.#silent += 1;
        else this.#broken += 1;
        await pause(PAUSE_AFTER_REFUSAL_MS);
      }
    }
    this.#slowest = slower(this.#slowest, client.slowest);
    client.close();
  }

  #do(work: Work, writer: Writer): Promise<FaultAnswer> {
    const key = writer.choices.of(writer.keys);
    switch (work) {
      case 'put-inline':
        return this.#put(writer.client, key, this.#newPiece(INLINE_BYTES));
      case 'put-block':
        return this.#put(writer.client, key, this.#newPiece(BLOCK_BYTES));
      case 'put-blocks':
        return this.#put(writer.client, key, this.#newPiece(BLOCKS_BYTES));
      case 'put-shared': {
        const seed = writer.choices.below(SHARED_CONTENTS);
        return this.#put(writer.client, key, { seed, sizeBytes: BLOCK_BYTES });
      }
      case 'copy':
        return this.#copy(writer, key);
      case 'multipart':
        return this.#multipart(writer.client, key, 'complete');
      case 'upload-left-open':
        return this.#multipart(writer.client, key, 'leave-open');
      case 'delete':
        return this.#write('DELETE', { key, value: 'absent' }, () => writer.client.delete(key));
      default:
        return this.#get(writer.client, key);
    }
  }

  #put(client: FaultClient, key: string, piece: Piece): Promise<FaultAnswer> {
    const value = plainContent(piece);
    return this.#write('PUT', { key, value }, () => client.put(key, bytesOfPiece(piece)));
  }

  /** Only what is certainly there can be copied to a certain end. */
  #copy({ client, choices, keys }: Writer, key: string): Promise<FaultAnswer> {
    const source = choices.of(keys);
    const value = this.#options.model.certain(source);
    if (source === key || value === undefined || value === 'absent') return this.#get(client, key);
    return this.#write('COPY', { key, value }, () => client.copy(source, key));
  }

  async #multipart(
    client: FaultClient,
    key: string,
    end: 'complete' | 'leave-open',
  ): Promise<FaultAnswer> {
    const pieces = [this.#newPiece(FIRST_PART_BYTES), this.#newPiece(LAST_PART_BYTES)];
    const created = this.#count('CREATE', await client.createUpload(key));
    if (created.status !== 200) return created;
    const { uploadId } = created;
    const parts: Part[] = [];
    for (const [index, piece] of pieces.entries()) {
      const place = { key, uploadId, partNumber: index + 1 };
      const stored = this.#count('PART', await client.uploadPart(place, bytesOfPiece(piece)));
      if (stored.status !== 200) return stored;
      parts.push({ partNumber: index + 1, etag: stored.etag });
      if (end === 'leave-open') return stored;
    }
    const value = multipartContent(pieces);
    const complete = (): Promise<FaultAnswer> => client.completeUpload(key, uploadId, parts);
    return this.#write('COMPLETE', { key, value }, complete);
  }

  async #get(client: FaultClient, key: string): Promise<FaultAnswer> {
    const answer = this.#count('GET', await client.get(key));
    const seen = seenIn(answer);
    if (seen === undefined) return answer;
    const verdict = this.#options.model.judge(key, seen);
    if (verdict === 'wrong') this.#wrong += 1;
    if (verdict === 'lost') this.#lost += 1;
    return answer;
  }

  async #write(
    name: string,
    { key, value }: { readonly key: string; readonly value: Value },
    send: () => Promise<FaultAnswer>,
  ): Promise<FaultAnswer> {
    const { model } = this.#options;
    model.begin(key, value);
    const answer = this.#count(name, await send());
    // A copy or a completion may begin its answer before it fails.
    const isError = answer.body.includes('<Error>');
    if (answer.status < 300 && !isError) model.acknowledge(key, value);
    else if (answer.status >= 400 && answer.status < 500) model.refuse(key, value);
    return answer;
  }

  #count<Answer extends FaultAnswer>(name: string, answer: Answer): Answer {
    const entry = `${name} ${answer.status}`;
    this.#answers.set(entry, (this.#answers.get(entry) ?? 0) + 1);
    return answer;
  }

  #newPiece(sizeBytes: number): Piece {
    this.#nextSeed += 1;
    return { seed: this.#nextSeed, sizeBytes };
  }
}

type Writer = {
  readonly client: FaultClient;
  readonly choices: SeededChoices;
  readonly keys: readonly string[];
};

/** What a GET showed; undefined when it was refused. */
export function seenIn({ status, body }: FaultAnswer): Seen | undefined {
  if (status === 200) return { sha256: sha256Hex(body) };
  return status === 404 ? 'absent' : undefined;
}
