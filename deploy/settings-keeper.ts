/**
 * This node's copy of the settings: who answers for it, and who keeps it like the others'.
 *
 * Owns:          their wiring.
 * Knows:         the settings actor and its comparing.
 * Must not know: what settings are good for.
 */
import { SettingsActor, type SettingsActorOptions } from '../actors/settings/settings-actor.ts';
import { SettingsSpread } from '../actors/settings/settings-spread.ts';
import type { Store } from '../actors/storage/store.ts';
import type { Bus } from '../bus/bus.ts';
import { serveGuarded } from '../bus/guarded.ts';
import type { Subjects } from '../bus/subjects.ts';
import type { Environment } from '../schemas/environment.ts';
import type { NodeId } from '../schemas/ids.ts';
import type { Log } from '../schemas/telemetry.ts';
import type { Clients } from './clients.ts';

export type SettingsKeeperOptions = {
  readonly store: Store;
  readonly nodeId: NodeId;
  readonly environment: Environment;
  readonly bus: Bus;
  readonly subjects: Subjects;
  readonly log: Log;
  /** Of the layout; absent: there is only one version, ever. */
  readonly fence?: SettingsActorOptions['fence'];
  readonly mayVote?: SettingsActorOptions['mayVote'];
};

export type SettingsKeeper = {
  /** Begins to compare with others; until then the copy is not read. */
  start(clients: Pick<Clients, 'settings' | 'view'>): SettingsSpread;
  /** As SettingsSpread's. */
  readonly bringIn: SettingsSpread['bringIn'];
  stop(): Promise<void>;
};

export function serveSettings(options: SettingsKeeperOptions): SettingsKeeper {
  const { store, nodeId, environment, bus, subjects, log, fence, mayVote } = options;
  const started: { spread?: SettingsSpread } = {};
  const actor = new SettingsActor({
    ...{ store, clock: environment.clock },
    changed: change => {
      bus.publish(subjects.settingsChanged(), change);
    },
    isInSync: () => started.spread?.isInSync() ?? false,
    ...(fence === undefined ? {} : { fence }),
    ...(mayVote === undefined ? {} : { mayVote }),
  });
  serveGuarded(bus, subjects.settings(nodeId), actor.receive.bind(actor));
  return {
    start: ({ settings, view }) => {
      const common = { nodeId, environment, bus, subjects, log, actor };
      const spread = new SettingsSpread({
        ...{ ...common, settings, view },
        ...(mayVote === undefined ? {} : { mayVote }),
      });
      started.spread = spread;
      spread.start();
      return spread;
    },
    bringIn: async (...asked) => (await started.spread?.bringIn(...asked)) ?? 'later',
    stop: async () => {
      await started.spread?.stop();
    },
  };
}
