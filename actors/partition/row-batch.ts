/**
 * The changes of one batch, laid over the rows that are committed.
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

  constructor(store: Store) {
    this.#store = store;
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
    if (this.#changes.size > 0) {
      const change = this.#changes.get(key.toString('latin1'));
      if (change !== undefined) return change.kind === 'put' ? asBuffer(change.value) : undefined;
    }
    return this.#store.get(key);
  }

  put(key: Buffer, value: Uint8Array): void {
    this.#bytes += key.length + value.length;
    this.#change({ kind: 'put', key, value });
  }

  delete(key: Buffer): void {
    this.#bytes += key.length;
    this.#change({ kind: 'delete', key });
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

  #change(operation: StoreOperation): void {
    const text = asBuffer(operation.key).toString('latin1');
    this.#steps.push({ text, before: this.#changes.get(text) });
    this.#changes.set(text, operation);
  }
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
}
