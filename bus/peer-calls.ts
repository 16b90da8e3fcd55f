/**
 * Asks one node, for those who come again when there is no answer: anti-entropy, resync, transfer.
 *
 * Owns:          who waits for whom, and the end of waiting.
 * Knows:         the bus; who is given up, through a view.
 * Must not know: what is asked, and why.
 *
 * A request whose process has died is answered by nobody. Its sender would wait out the whole
 * deadline, and hold a turn meanwhile that others want: so it waits no longer than the node is held
 * to be alive, and less than a deadline where a message was lost.
 */
import type { NodeId } from '../schemas/ids.ts';
import { PEER_PATIENCE_MS } from '../schemas/limits.ts';
import type { Kinded } from '../schemas/wire.ts';
import { isNoAnswer, type Address, type Bus } from './bus.ts';
import type { ClusterView } from './cluster-view.ts';
import { isStale } from './stale-layout.ts';

export type PeerCallsOptions = {
  readonly bus: Bus;
  readonly view: Pick<ClusterView, 'isUp' | 'onDown' | 'liveIds' | 'takeOver'>;
};

type GiveUp = () => void;

export class PeerCalls {
  readonly #options: PeerCallsOptions;
  readonly #waiting = new Map<NodeId, Set<GiveUp>>();
  #isClosed = false;

  constructor(options: PeerCallsOptions) {
    this.#options = options;
    options.view.onDown(node => {
      this.#giveUp(node);
    });
  }

  /** undefined: there is no answer. What was asked under too old a set of live layout versions is
   *  asked once more under the new one. */
  async ask<Request extends Kinded, Reply extends Kinded>(
    address: Address<Request, Reply>,
    request: NoInfer<Request>,
  ): Promise<Reply | undefined> {
    const reply = await this.#askOnce(address, request);
    if (reply === undefined || !isStale(reply)) return reply;
    this.#options.view.takeOver(reply.state);
    return this.#askOnce(address, request);
  }

  /** Nobody waits for an answer any more: the process ends. */
  close(): void {
    this.#isClosed = true;
    for (const node of [...this.#waiting.keys()]) this.#giveUp(node);
  }

  #giveUp(node: NodeId): void {
    const waiting = this.#waiting.get(node) ?? [];
    this.#waiting.delete(node);
    for (const giveUp of waiting) giveUp();
  }

  #askOnce<Request extends Kinded, Reply extends Kinded>(
    address: Address<Request, Reply>,
    request: NoInfer<Request>,
  ): Promise<Reply | undefined> {
    const { bus, view } = this.#options;
    const { node } = address;
    if (this.#isClosed || !view.isUp(node)) return Promise.resolve(undefined);
    const options = { timeoutMs: PEER_PATIENCE_MS, layouts: view.liveIds };
    return new Promise(resolve => {
      const giveUp: GiveUp = () => {
        resolve(undefined);
      };
      const waiting = this.#waiting.get(node) ?? new Set();
      this.#waiting.set(node, waiting.add(giveUp));
      void Promise.resolve(bus.request(address, request, options)).then(reply => {
        waiting.delete(giveUp);
        resolve(isNoAnswer(reply) ? undefined : reply);
      });
    });
  }
}
