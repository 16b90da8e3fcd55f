/**
 * Undoes writes that failed: marks the owner aborted, then releases what it referenced.
 *
 * Owns:          the undoing that is under way, its retries and their bounds.
 * Knows:         owners, references, manifests.
 * Must not know: bodies, clients: nobody waits for this.
 *
 * Nothing is released before the owner's partition has said that the owner is dead: a row whose
 * write was answered "unknown" may be there after all. What cannot be undone within the retries is
 * left to the storage nodes, which look for owners that were never finished.
 */
import type { BlockClient } from '../../bus/block-client.ts';
import type { TableClient } from '../../bus/table-client.ts';
import { partitionOfManifest } from '../../bus/table-client.ts';
import type { Timers } from '../../schemas/environment.ts';
import type { BlockHash } from '../../schemas/ids.ts';
import { pause } from '../../schemas/pause.ts';
import type { BlockOwner } from '../../schemas/records/block-owner.ts';
import { ownerId } from '../../schemas/records/block-owner.ts';
import type { Log } from '../../schemas/telemetry.ts';

export type FailedWrite = {
  readonly owner: BlockOwner;
  readonly hashes: readonly BlockHash[];
  readonly hasManifestRows: boolean;
};

export type WriteCleanupOptions = {
  readonly tables: TableClient;
  readonly blocks: BlockClient;
  readonly timers: Timers;
  readonly log: Log;
};

/** More failed writes at once are left to the storage nodes: their lists of blocks take memory. */
const UNDER_WAY_MAX = 1024;
const ATTEMPTS_MAX = 5;
const FIRST_DELAY_MS = 1000;

export class WriteCleanup {
  readonly #options: WriteCleanupOptions;
  readonly #underWay = new Set<Promise<void>>();

  constructor(options: WriteCleanupOptions) {
    this.#options = options;
  }

  /** Begins to undo a write. Nothing of it may be under way any more. Returns at once. */
  undo(failed: FailedWrite): void {
    if (this.#underWay.size >= UNDER_WAY_MAX) {
      this.#leave(failed, 'too many failed writes at once');
      return;
    }
    const work = this.#attempts(failed).finally(() => this.#underWay.delete(work));
    this.#underWay.add(work);
  }

  /** Resolves when nothing is being undone any more. */
  async idle(): Promise<void> {
    while (this.#underWay.size > 0) await Promise.all(this.#underWay);
  }

  async #attempts(failed: FailedWrite): Promise<void> {
    let delayMs = FIRST_DELAY_MS;
    for (let attempt = 1; ; attempt += 1) {
      if (await this.#attempt(failed)) return;
      if (attempt === ATTEMPTS_MAX) break;
      await pause(this.#options.timers, delayMs);
      delayMs *= 2;
    }
    this.#leave(failed, 'the owner could not be marked, or its references not be released');
  }

  /** True when nothing is left to do. */
  async #attempt({ owner, hashes, hasManifestRows }: FailedWrite): Promise<boolean> {
    const { tables, blocks } = this.#options;
    const partition = tables.partitionOf(owner);
    const mark = await tables.ask(partition, { kind: 'owner-abort', owner });
    // It lives: the row was stored although its writer was not told so.
    if (mark.kind === 'owners') return true;
    if (mark.kind !== 'aborted') return false;
    const released = await blocks.releaseReferences(owner, hashes);
    if (released !== 'released') return false;
    if (!hasManifestRows) return true;
    const id = ownerId(owner);
    const drop = await tables.ask(partitionOfManifest(id), { kind: 'manifest-drop', id });
    return drop.kind === 'written';
  }

  #leave({ owner, hashes }: FailedWrite, why: string): void {
    this.#options.log.warn(
      { bucket: owner.bucket, owner: ownerId(owner), blocks: hashes.length },
      `a failed write is left to the storage nodes: ${why}`,
    );
  }
}
