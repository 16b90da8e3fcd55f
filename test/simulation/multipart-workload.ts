/**
 * Multipart uploads: registers whose values come in parts; completes that are repeated, aborts that
 * come in between.
 *
 * Owns:          the requests; what an ended upload must not do any more.
 * Knows:         the judge of registers.
 * Must not know: faults.
 */
import type { ObjectKey, UploadId } from '../../schemas/ids.ts';
import type { ObjectPlace } from '../../schemas/messages/table.ts';
import type { Content } from './contents.ts';
import { abortUpload, completeUpload, createUpload, putPart } from './multipart-client.ts';
import { bucketInUse } from './objects-workload.ts';
import { RegisterJudge } from './register-judge.ts';
import { Clients, violate, type Run, type Told, type Workload } from './workload.ts';

const KEYS = 3;
const CLIENTS = 4;
const HUNDRED = 100;
const READS = 35;
const DELETES = 10;
/** Of a hundred uploads. */
const ABORTS = 15;
const RACES = 15;
/** Of a hundred parts. */
const OTHER_ATTEMPTS = 20;
const TRIES_MAX = 3;
/** Told to who completes or goes on with an upload that has ended. */
const ENDED = new Set(['NoSuchUpload']);

type Upload = { readonly key: string; readonly place: ObjectPlace; readonly uploadId: UploadId };

export class MultipartWorkload implements Workload {
  readonly #run: Run;
  readonly #clients: Clients;
  readonly #judge: RegisterJudge;
  readonly #bucket = bucketInUse('multipart');

  constructor(run: Run) {
    this.#run = run;
    this.#clients = new Clients(run);
    this.#judge = new RegisterJudge(run, this.#clients);
  }

  start(): void {
    this.#clients.start(CLIENTS, () => this.#turn());
  }

  stop(): Promise<void> {
    return this.#clients.stop();
  }

  verify(): Promise<void> {
    return this.#judge.verify(key => this.#place(key));
  }

  get places(): readonly ObjectPlace[] {
    return Array.from({ length: KEYS }, (_, index) => this.#place(`key-${String(index)}`));
  }

  #place(key: string): ObjectPlace {
    return { bucket: this.#bucket, shard: 0, key: key as ObjectKey };
  }

  #dice(): number {
    return this.#run.random.below(HUNDRED);
  }

  async #turn(): Promise<void> {
    const key = `key-${String(this.#run.random.below(KEYS))}`;
    const place = this.#place(key);
    const dice = this.#dice();
    if (dice < READS) await this.#judge.read(key, place);
    else if (dice < READS + DELETES) await this.#judge.delete(place);
    else await this.#upload(key, place);
  }

  async #upload(key: string, place: ObjectPlace): Promise<void> {
    const content = this.#run.contents.make('blocks');
    const created = await this.#clients.ask({
      what: `create an upload of ${key} = ${String(content.value)}`,
      work: gateway => createUpload(gateway, place),
    });
    if (created.kind !== 'done') return;
    const upload = { key, place, uploadId: created.done };
    for (const index of content.blocks.keys()) {
      if (!(await this.#part(upload, content, index))) return;
    }
    const dice = this.#dice();
    if (dice < ABORTS) await this.#abortFirst(upload, content);
    else if (dice < ABORTS + RACES) await this.#race(upload, content);
    else await this.#complete(upload, content);
  }

  async #part(upload: Upload, content: Content, index: number): Promise<boolean> {
    const { contents } = this.#run;
    const bytes = content.blocks[index]!.bytes;
    // An attempt that is not meant: a later one takes its place.
    if (this.#dice() < OTHER_ATTEMPTS)
      await this.#attempt(upload, index, contents.make('block').bytes);
    for (let tries = 0; tries < TRIES_MAX; tries += 1) {
      if ((await this.#attempt(upload, index, bytes)).kind === 'done') return true;
    }
    return false;
  }

  #attempt({ key, place, uploadId }: Upload, index: number, bytes: Buffer): Promise<Told<void>> {
    const partNumber = index + 1;
    return this.#clients.ask({
      what: `part ${String(partNumber)} of ${key}`,
      work: gateway => putPart(gateway, { place, uploadId, partNumber, bytes }),
    });
  }

  /** Repeated while nobody knows, as clients do. */
  async #complete({ key, place, uploadId }: Upload, content: Content): Promise<void> {
    const acknowledge = this.#judge.begin(key, content.value);
    let mayHaveEnded = false;
    for (let tries = 0; tries < TRIES_MAX; tries += 1) {
      const told = await this.#clients.ask({
        what: `complete ${key} = ${String(content.value)}`,
        work: gateway => completeUpload(gateway, place, uploadId),
        refusals: ENDED,
      });
      if (told.kind === 'done') {
        acknowledge();
        return;
      }
      if (told.kind === 'refused') {
        if (!mayHaveEnded) violate(this.#run, `an upload of ${key} is gone that nobody ended`);
        return;
      }
      mayHaveEnded = true;
    }
  }

  /** What was aborted cannot be completed any more. */
  async #abortFirst(upload: Upload, content: Content): Promise<void> {
    const aborted = await this.#abort(upload);
    this.#judge.begin(upload.key, content.value);
    const told = await this.#completeOnce(upload);
    if (aborted.kind === 'done' && told.kind === 'done') {
      violate(this.#run, `an upload of ${upload.key} was completed after it was aborted`);
    }
  }

  async #race(upload: Upload, content: Content): Promise<void> {
    const acknowledge = this.#judge.begin(upload.key, content.value);
    const [told] = await Promise.all([this.#completeOnce(upload), this.#abort(upload)]);
    if (told.kind === 'done') acknowledge();
  }

  #completeOnce({ key, place, uploadId }: Upload): Promise<Told<void>> {
    return this.#clients.ask({
      what: `complete ${key}, which is being aborted`,
      work: gateway => completeUpload(gateway, place, uploadId),
      refusals: ENDED,
    });
  }

  #abort({ key, place, uploadId }: Upload): Promise<Told<void>> {
    return this.#clients.ask({
      what: `abort an upload of ${key}`,
      work: gateway => abortUpload(gateway, place, uploadId),
      refusals: ENDED,
    });
  }
}
