/**
 * Counts a bucket again after something that was counted was found damaged.
 *
 * Owns:          the one recount that runs, and the buckets that wait for one.
 * Knows:         object rows, old versions, open uploads; what committed batches added meanwhile.
 * Must not know: how the damage came about.
 *
 * Writes go on while it counts. It walks a snapshot that is taken between two batches, and adds
 * what every later batch changed: the sum is what the rows say at the moment it is written. The
 * wish for a recount is in the counters row, so a crash does not lose it.
 */
import type { BucketId, PartitionId } from '../../schemas/ids.ts';
import type { BucketCounters } from '../../schemas/records/bucket-counters.ts';
import { addCounters, NO_COUNTERS } from '../../schemas/records/bucket-counters.ts';
import { readObjectSummary } from '../../schemas/records/object-summary.ts';
import { decodeOpenUploadRow } from '../../schemas/records/open-upload-row.ts';
import { rowRange, TABLE } from '../../schemas/row-tables.ts';
import type { Store, StoreCursor } from '../storage/store.ts';
import { DamagedRowError } from '../storage/store.ts';
import { orDamage } from '../storage/row-damage.ts';
import type { BucketLedger } from './bucket-ledger.ts';
import type { WriteStep } from './write-step.ts';

export type CounterRecountOptions = {
  readonly partition: PartitionId;
  readonly store: Store;
  readonly change: (apply: (step: WriteStep) => void) => Promise<'done' | 'failed'>;
};

type Run = { readonly bucket: BucketId; later: BucketCounters; isCancelled: boolean };
type Snapshot = Readonly<Record<'objects' | 'history' | 'uploads', StoreCursor>>;

const PAGE_ROWS = 1000;

export class CounterRecount {
  readonly #options: CounterRecountOptions;
  #run: Run | undefined;

  constructor(options: CounterRecountOptions) {
    this.#options = options;
  }

  /** Of every batch: it may ask for a recount, and it may belong to one that runs. */
  committed(ledger: BucketLedger): void {
    const run = this.#run;
    const delta = run && ledger.deltas.get(run.bucket);
    if (run !== undefined && delta !== undefined) run.later = addCounters(run.later, delta);
    if (run !== undefined) return;
    const bucket = ledger.distrusted();
    if (bucket !== undefined) void this.#start({ bucket, later: NO_COUNTERS, isCancelled: false });
  }

  /** A batch failed: what was added is not known. The next batch of the bucket starts it anew. */
  cancel(): void {
    if (this.#run !== undefined) this.#run.isCancelled = true;
  }

  /** Never rejects: what fails is tried again with the bucket's next batch. */
  async #start(run: Run): Promise<void> {
    this.#run = run;
    try {
      const snapshot = await this.#open(run);
      if (snapshot !== undefined) await this.#count(run, snapshot);
    } catch {
      run.isCancelled = true;
    } finally {
      this.#run = undefined;
    }
  }

  /** In a step of the queue: no batch is under way, and this one's changes come on top. */
  async #open(run: Run): Promise<Snapshot | undefined> {
    const { partition, store } = this.#options;
    const bucket = Buffer.from(run.bucket, 'hex');
    let snapshot: Snapshot | undefined;
    const outcome = await this.#options.change(() => {
      run.later = NO_COUNTERS;
      snapshot = {
        objects: store.cursor(rowRange(partition, TABLE.object, bucket)),
        history: store.cursor(rowRange(partition, TABLE.history, bucket)),
        uploads: store.cursor(rowRange(partition, TABLE.openUpload, bucket)),
      };
    });
    if (outcome === 'done') return snapshot;
    await closeAll(snapshot);
    return undefined;
  }

  async #count(run: Run, snapshot: Snapshot): Promise<void> {
    let counted: BucketCounters;
    try {
      const objects = await sumOf(snapshot.objects, countObject);
      const history = await sumOf(snapshot.history, countOldVersion);
      const uploads = await sumOf(snapshot.uploads, countUpload);
      counted = addCounters(objects, addCounters(history, uploads));
    } finally {
      await closeAll(snapshot);
    }
    await this.#options.change(step => {
      if (run.isCancelled) return;
      step.ledger.replace(run.bucket, addCounters(counted, run.later));
    });
  }
}

async function closeAll(snapshot: Snapshot | undefined): Promise<void> {
  await snapshot?.objects.close();
  await snapshot?.history.close();
  await snapshot?.uploads.close();
}

/** What cannot be read counts as nothing: overwriting it asks for the next recount. */
async function sumOf(
  cursor: StoreCursor,
  count: (value: Buffer) => BucketCounters,
): Promise<BucketCounters> {
  let sum = NO_COUNTERS;
  for (;;) {
    try {
      const page = await cursor.next(PAGE_ROWS);
      if (page.length === 0) return sum;
      for (const { value } of page) {
        const counted = orDamage(() => count(value));
        if (counted !== 'damaged') sum = addCounters(sum, counted);
      }
    } catch (error) {
      if (!(error instanceof DamagedRowError)) throw error;
    }
  }
}

function countObject(value: Buffer): BucketCounters {
  const summary = readObjectSummary(value);
  if (summary === undefined) return NO_COUNTERS;
  return { ...NO_COUNTERS, objects: 1, bytes: summary.sizeBytes };
}

/** Its bytes are still held, but it is no object any more. */
function countOldVersion(value: Buffer): BucketCounters {
  return { ...countObject(value), objects: 0 };
}

function countUpload(value: Buffer): BucketCounters {
  const { attempts, bytes } = decodeOpenUploadRow(value);
  return { ...NO_COUNTERS, uploads: 1, uploadParts: attempts, uploadBytes: bytes };
}
