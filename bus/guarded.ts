/**
 * Keepers of which some things may only be asked by administration.
 *
 * Owns:          asking and serving at two addresses: one for everyone, one for administration.
 * Knows:         the bus port.
 * Must not know: who may publish where: the nats-servers' permissions say that.
 *
 * A subject is all that a nats-server can judge by. So what only administration may ask has a
 * subject of its own, and the keeper does not take it from the other one.
 */
import type { NotUnderstood } from '../schemas/conversation.ts';
import type { Soon } from '../schemas/soon.ts';
import type { Kinded } from '../schemas/wire.ts';
import type { Address, Bus, NoAnswer, RequestOptions, Server, Subscription } from './bus.ts';

export type Guarded<Request extends Kinded, Reply extends Kinded> = {
  readonly everyone: Address<Request, Reply>;
  readonly administration: Address<Request, Reply>;
  readonly isAdministration: (request: Request) => boolean;
};

const NOT_UNDERSTOOD: NotUnderstood = { kind: 'not-understood' };

export function askGuarded<Request extends Kinded, Reply extends Kinded>(
  bus: Bus,
  guarded: Guarded<Request, Reply>,
  [request, options]: readonly [Request, RequestOptions],
): Soon<Reply | NoAnswer> {
  const { everyone, administration, isAdministration } = guarded;
  return bus.request(isAdministration(request) ? administration : everyone, request, options);
}

export function serveGuarded<Request extends Kinded, Reply extends Kinded>(
  bus: Bus,
  guarded: Guarded<Request, Reply>,
  server: Server<Request, Reply>,
): Subscription {
  const subscriptions = [
    bus.serve(guarded.administration, server),
    bus.serve(guarded.everyone, (request, context) =>
      // Every conversation has this reply: conversation.ts holds it to that.
      guarded.isAdministration(request)
        ? (NOT_UNDERSTOOD as Kinded as Reply)
        : server(request, context),
    ),
  ];
  return {
    close() {
      for (const subscription of subscriptions) subscription.close();
    },
  };
}
