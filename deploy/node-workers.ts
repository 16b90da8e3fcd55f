/**
 * What operators can read, set and launch of a node's workers, under Garage's names.
 *
 * Owns:          the names of variables; which worker carries out which repair.
 * Knows:         the workers.
 * Must not know: who asks.
 */
import type { BlockScrub, ScrubCommand } from '../actors/block/block-scrub.ts';
import type { MissingWalker } from '../actors/block/missing-walker.ts';
import { RESYNC_WORKERS_MAX, type ResyncPace } from '../actors/block/resync-pace.ts';
import type { ResyncWorker } from '../actors/block/resync-worker.ts';
import type { FileWalker } from '../actors/block/file-walker.ts';
import type { LifecycleWorker } from '../actors/partition/lifecycle-worker.ts';
import type { ReferenceWalker } from '../actors/partition/reference-walker.ts';
import { numberVariable, type WorkerRegistry } from '../actors/runtime/worker-registry.ts';

const TRANQUILITY_MAX = 1000;
const SCRUB_COMMANDS: readonly ScrubCommand[] = ['start', 'pause', 'resume', 'cancel'];

function timeOf(wallMs: number): string {
  return wallMs === 0 ? 'never' : new Date(wallMs).toISOString();
}

export function registerScrub(registry: WorkerRegistry, scrub: BlockScrub): void {
  registry.addVariable({
    name: 'scrub-last-completed',
    read: () => timeOf(scrub.orders.lastCompletedMs),
  });
  registry.addVariable({ name: 'scrub-next-run', read: () => timeOf(scrub.nextRoundMs) });
  registry.addVariable({
    name: 'scrub-corruptions_detected',
    read: () => String(scrub.damagedEver),
  });
  registry.addVariable(
    numberVariable({
      ...{ name: 'scrub-tranquility', least: 0, most: TRANQUILITY_MAX },
      read: () => scrub.orders.tranquility,
      write: value => scrub.setTranquility(value),
    }),
  );
  for (const command of SCRUB_COMMANDS) {
    registry.addRepair(`scrub-${command}`, () => scrub.command(command));
  }
}

export function registerResync(
  registry: WorkerRegistry,
  workers: {
    readonly resync: ResyncWorker;
    readonly pace: ResyncPace;
    readonly missing: MissingWalker;
  },
): void {
  const { resync, pace, missing } = workers;
  registry.addVariable(
    numberVariable({
      ...{ name: 'resync-tranquility', least: 0, most: TRANQUILITY_MAX },
      read: () => pace.tranquility,
      write: tranquility => pace.set({ tranquility }),
    }),
  );
  registry.addVariable(
    numberVariable({
      ...{ name: 'resync-worker-count', least: 1, most: RESYNC_WORKERS_MAX },
      read: () => pace.workers,
      write: workers => pace.set({ workers }),
    }),
  );
  registry.addRepair('blocks', async () => {
    missing.walkNow();
    resync.kick();
    return undefined;
  });
}

export function registerChecks(
  registry: WorkerRegistry,
  workers: {
    readonly references: ReferenceWalker;
    readonly files: FileWalker;
    readonly lifecycle: LifecycleWorker;
  },
): void {
  const { references, files, lifecycle } = workers;
  registry.addVariable({
    name: 'lifecycle-last-completed',
    read: () => lifecycle.lastCompleted,
  });
  registry.addRepair('blocks', async () => {
    files.walkNow();
    return undefined;
  });
  // One walk checks what Garage has three of: references of versions, of uploads, and of blocks.
  for (const repair of ['versions', 'multipartUploads', 'blockRefs'] as const) {
    registry.addRepair(repair, async () => {
      references.walkNow();
      return undefined;
    });
  }
  // Rows of several replicas are compared all the time: there is nothing to launch.
  registry.addRepair('tables', async () => undefined);
}
