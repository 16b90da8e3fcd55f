/**
 * The changes of one batch, laid over the rows that are committed, and over those of the batch that
 * is being committed before it.
 *
 * Owns:          what will be put and deleted when the batch is committed.
 * Knows:         the store, for the rows below.
 * Must not know: what the rows mean.
 *
 * Several requests share a batch. One that fails half-way must leave nothing behind, so each runs
 * between `begin` and, when it failed, `undo`.
 */
import type { Store, StoreOperation } from '../storage/store.ts';

/** Keys as text of one character per byte: what a Map can compare. */
type KeyText = string;

type Step = { readonly text: KeyText; readonly before: StoreOperation | undefined };

export class RowBatch {
  readonly #store: Store;
  readonly #changes = new Map<KeyText, StoreOperation>();
  #steps: Step[] = [];
  #bytes = 0;

  /** The batch before this one, until it is committed. */
  #below: RowBatch | undefined;

  constructor(store: Store, below?: RowBatch) {
    this.#store = store;
    this.#below = below;
  }

  /** The batch before this one is committed. */
  landed(): void {
    this.#below = undefined;
  }

  get operationCount(): number {
    return this.#changes.size;
  }

  /** Of keys and values; a row that is put twice counts twice. */
  get bytes(): number {
    return this.#bytes;
  }

  /** The row as it will be once this batch is committed. Throws what Store.get throws. */
  get(key: Buffer): Buffer | undefined {
    if (this.#changes.size === 0 && this.#below === undefined) return this.#store.get(key);
    const text = key.toString('latin1');
    const change = this.#changes.get(text) ?? this.#below?.change(text);
    if (change === undefined) return this.#store.get(key);
    return change.kind === 'put' ? asBuffer(change.value) : undefined;
  }

  /** What this batch does to a row; undefined: nothing. */
  change(text: KeyText): StoreOperation | undefined {
    return this.#changes.get(text);
  }

  put(key: Buffer, value: Uint8Array): void {
    this.#bytes += key.length + value.length;
    this.#set({ kind: 'put', key, value });
  }

  delete(key: Buffer): void {
    this.#bytes += key.length;
    this.#set({ kind: 'delete', key });
  }

  /** What follows can be undone together. */
  begin(): void {
    if (this.#steps.length > 0) this.#steps = [];
  }

  undo(): void {
    for (const { text, before } of this.#steps.reverse()) {
      if (before === undefined) this.#changes.delete(text);
      else this.#changes.set(text, before);
    }
    this.#steps = [];
  }

  operations(): StoreOperation[] {
    return [...this.#changes.values()];
  }

  #set(operation: StoreOperation): void {
    const text = asBuffer(operation.key).toString('latin1');
    this.#steps.push({ text, before: this.#changes.get(text) });
    this.#changes.set(text, operation);
  }
}

export function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
}
