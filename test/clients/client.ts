/**
 * A real client: what it needs, and the checks it is driven through.
 *
 * Owns:          the shape.
 * Knows:         Debian's names of packages.
 * Must not know: how checks are run and counted.
 */
import type { SystemPackage } from '../support/system-packages.ts';
import type { ClientWorld } from './client-world.ts';

export type ClientCheck = {
  readonly title: string;
  /** Rejects when something is wrong. */
  readonly run: (world: ClientWorld) => Promise<void>;
};

export type Client = {
  readonly name: string;
  readonly packages: readonly SystemPackage[];
  /** A sentence when it cannot be driven here; the checks are then skipped. */
  readonly missing?: () => string | undefined;
  /** In order: later ones build on earlier ones. */
  readonly checks: readonly ClientCheck[];
  /** Runs in any case. */
  readonly cleanUp?: (world: ClientWorld) => Promise<void>;
};
